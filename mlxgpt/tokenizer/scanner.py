"""Do not tokenize a text: count it.

Byte-level BPE works inside pre-tokens, roughly words, and a text has few different ones.  So the text is cut into
pre-tokens by array operations, each gets a 64-bit name, and a table says how many tokens that name has and which; only a
pre-token that was never seen goes to the tokenizer.  Sums of counts answer everything that chunking asks:

    text      The cat sat on the mat
    starts    0   3   7   11 14  18  22        The| cat| sat| on| the| mat
    totals    0   1   2   3  4   5   6         tokens before each start (here one each)
    cost(1, 3) = totals[3] - totals[1] = 2     " cat sat", encoded alone

That is exact, and not the sum of pieces that libraries break their limits with: pieces begin where pre-tokens do, where the
tokenizer would begin anew anyway, and the one thing that looks ahead, white space at the end of a text, is corrected.

Byte and character tokenizers are counted directly.  Any other tokenizer encodes the text once to find places, and
each piece to be sure: slower, and as exact.

N code points · P pre-tokens
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mlxgpt.backend import places
from mlxgpt.tokenizer.base import Ids, Tokenizer, lone_surrogate
from mlxgpt.tokenizer.counts import PADDING, Counts, Units, names
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.pretokens import Characters, Codes, Places, parts_of, starts_of
from mlxgpt.tokenizer.symbols import SYMBOLS

Ints = npt.NDArray[np.int64]

_MOST_SCANNERS, _MOST_RUNS = 4, 10_000
_SYMBOL_TABLE = dict(enumerate(SYMBOLS))
_PROBE = (
    "Não é 1.234,56 — it's don't I'LL we've 's 'tis  two   spaces\n\n\nlines \n\t tab\r\n\r\n\u00a0nbsp\u2003em 漢字かな 한국 "
    "emoji 👩\u200d👩\u200d👧 🇧🇷 e\u0301 ١٢٣ ½ x² ''quoted''s \"'re\" don''t 'lla   <EOS> "
    "<|endoftext|> [UNK] \x00\x1c\u0085 \n end  "
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """A text, the places where its pre-tokens begin, and the tokens before each."""

    text: str
    codes: Codes  # (N,)
    starts: Places  # (P + 1,) from 0 to N
    totals: Ints  # (P + 1,)
    tails: Ints  # (P + 1,) what to add when the text ends at a start: white space merges there
    encoder: Tokenizer | None = None  # set where sums are not exact
    rough: bool = False  # and not even near

    def cost(self, i: int, j: int) -> int:
        """Exactly the tokens of text[starts[i]:starts[j]] encoded alone."""
        if self.encoder is not None and i < j:
            return len(self.encoder.encode(self.text[self.starts[i] : self.starts[j]]))
        total = int(self.totals[j] - self.totals[i])
        return total + int(self.tails[j]) if j - i >= 2 else total

    def index(self, positions: npt.ArrayLike) -> Places:
        """The pre-token that each character belongs to; P for the end of the text."""
        return np.searchsorted(self.starts, positions, side="right") - 1


class Scanner:
    """Counts and encodes texts for one tokenizer; what it learns of pre-tokens makes it faster.

    Threads may share one: they take turns, since a table that grows is no longer what was looked up in it.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.kind = _kind_of(tokenizer)
        self._counts = Counts()
        self._saved = 0  # entries on the disk
        self._lock = threading.Lock()
        if self.kind == "words":
            self._begin()
            if not self._agrees():
                self.kind = "any"

    @property
    def exact(self) -> bool:
        """True when sums of counts are exact; else every piece is encoded."""
        return self.kind != "any"

    def scan(self, text: str) -> Scan:
        """The pre-tokens of a text and what they cost."""
        codes = _codes(text)
        match self.kind:
            case "words":
                with self._lock:
                    return self._scan_words(text, codes)
            case "bytes":
                totals = _sums(utf8_sizes(codes))
            case "characters":
                totals = np.arange(len(codes) + 1)
            case _:
                return self._scan_any(text, codes)
        return Scan(
            text=text, codes=codes, starts=np.arange(len(codes) + 1), totals=totals, tails=np.zeros_like(totals)
        )

    def encode(self, text: str) -> Ids:
        """The ids of a text: exactly `tokenizer.encode(text)`."""
        if self.kind != "words":
            return np.array(self.tokenizer.encode(text), dtype=np.uint32)
        with self._lock:
            ids = [self._counts.ids(slots) for _, _, _, slots in self._parts(text, _codes(text))]
        return np.concatenate([np.zeros(0, dtype=np.uint32), *ids])

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each of many texts: exactly `tokenizer.encode(text)`, and for short ones several times as fast as that.

        They are scanned as one, with a newline between two.  A newline alone is a pre-token, and what stands around it is
        tokenized as at the ends of a text, if it is no white space itself.
        """
        if self.kind != "words":
            return self.tokenizer.encode_batch(texts)
        joined = [at for at, text in enumerate(texts) if text and not (text[0].isspace() or text[-1].isspace())]
        found = dict(zip(joined, self._encode_joined([texts[at] for at in joined]), strict=True))
        return [found[at] if at in found else self.encode(text) for at, text in enumerate(texts)]

    def _encode_joined(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of texts that neither begin nor end with white space."""
        text = "\n".join(texts)
        with self._lock:
            parts = [
                (places[:-1] + begin, self._counts.lengths(slots), self._counts.ids(slots))
                for begin, places, _, slots in self._parts(text, _codes(text))
            ]
        starts = _joined([*(places for places, _, _ in parts), np.array([len(text)])])
        totals = _sums(_joined([lengths for _, lengths, _ in parts]))
        ids = np.concatenate([np.zeros(0, dtype=np.uint32), *(ids for _, _, ids in parts)])
        ends = np.cumsum([len(text) + 1 for text in texts]) - 1
        begins = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
        first, last = (totals[np.searchsorted(starts, places)] for places in (begins, ends))
        return [ids[begin:end] for begin, end in zip(first.tolist(), last.tolist(), strict=True)]

    def learn(self, texts: Iterable[str]) -> None:
        """Fill the table with the pre-tokens of texts; `save` keeps it."""
        if self.kind == "words":
            for text in texts:
                with self._lock:
                    for _ in self._parts(text, _codes(text)):
                        pass

    def save(self) -> None:
        """Keep what was learnt for the next time, when it is worth it; a cache that cannot be written is no error."""
        with self._lock:
            if self.kind == "words" and self._counts.entries > 1.1 * self._saved:
                try:
                    self._counts.save(self._path)
                    self._saved = self._counts.entries
                except OSError:
                    return

    # ---- words

    def _begin(self) -> None:
        backend = self.tokenizer._backend  # type: ignore[attr-defined]  # `_kind_of` looked
        self._model, pre_tokenizer = backend.model, backend.pre_tokenizer
        self._characters = Characters(lambda text: [piece for piece, _ in pre_tokenizer.pre_tokenize_str(text)])
        self._runs: dict[str, int] = {}  # white space -> its tokens
        self._path = places.caches() / "counts" / f"{self.tokenizer.fingerprint}.npz"
        if self._counts.load(self._path, self.tokenizer.vocab_size):
            self._saved = self._counts.entries

    def _agrees(self) -> bool:
        """True when it gives the tokenizer's own ids on a text full of traps."""
        wanted = self.tokenizer.encode(_PROBE)
        return self.encode(_PROBE).tolist() == wanted and int(self.scan(_PROBE).totals[-1]) == len(wanted)

    def _scan_words(self, text: str, codes: Codes) -> Scan:
        starts, lengths, merging, merged = [], [], [], []
        n = 0  # pre-tokens before the part
        for begin, part, merging_part, slots in self._parts(text, codes):
            starts.append(part[:-1] + begin)
            lengths.append(self._counts.lengths(slots))
            if len(merging_part):
                merging.append(merging_part + n)
                merged.append(self._merged(text, part + begin, merging_part, slots))
            n += len(slots)
        totals = _sums(_joined(lengths))
        tails = np.zeros(n + 1, dtype=np.int64)
        if merging:
            at = _joined(merging)
            tails[at] = _joined(merged) - (totals[at] - totals[at - 2])
        return Scan(
            text=text, codes=codes, starts=_joined([*starts, np.array([len(codes)])]), totals=totals, tails=tails
        )

    def _parts(self, text: str, codes: Codes) -> Iterator[tuple[int, Places, Places, Ints]]:
        """Of each part of a text: where it begins, the starts in it, those where white space merges, and the slots."""
        kinds = self._characters.kinds(codes)
        for begin, end in parts_of(kinds):
            part = codes[begin:end]
            starts, merging = starts_of(part, kinds[begin:end])
            yield begin, starts, merging, self._slots(text, begin, part, starts)

    def _slots(self, text: str, begin: int, codes: Codes, starts: Places) -> Ints:
        """The slot of each pre-token of the part that begins there; what is new is tokenized and remembered.  (P,)"""
        units, at = _units(codes, starts)
        called = names(units, at[:-1], at[1:], self._counts.seed)
        slots = self._counts.find(called)
        missing = np.flatnonzero(self._counts.lengths(slots) == 0)
        if len(missing) == 0:
            return slots
        new, first = np.unique(called[missing], return_index=True)
        words = [text[begin + starts[place] : begin + starts[place + 1]] for place in missing[first].tolist()]
        if self._counts.add(new, [self._tokens(word) for word in words]):
            return self._counts.find(called)
        self._runs.clear()
        return self._slots(text, begin, codes, starts)  # anew: what was found is forgotten

    def _merged(self, text: str, starts: Places, merging: Places, slots: Ints) -> Ints:
        """The tokens of the two pre-tokens of white space before each of `merging`, when they are one.  (M,)"""
        pairs = slots[merging - 2] << 32 | slots[merging - 1]
        kinds, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
        costs = np.zeros(len(kinds), dtype=np.int64)
        for kind, at in enumerate(merging[first].tolist()):
            run = text[starts[at - 2] : starts[at]]
            if run not in self._runs:
                if len(self._runs) >= _MOST_RUNS:
                    self._runs.clear()
                self._runs[run] = len(self._tokens(run))
            costs[kind] = self._runs[run]
        return costs[inverse]

    def _tokens(self, word: str) -> list[int]:
        """The ids of one pre-token."""
        spelled = word.encode().decode("latin-1").translate(_SYMBOL_TABLE)
        return [token.id for token in self._model.tokenize(spelled)]

    # ---- any tokenizer

    def _scan_any(self, text: str, codes: Codes) -> Scan:
        """Places where tokens begin, by one encoding of the text; costs are counted by encoding each piece."""
        ids = np.array(self.tokenizer.encode(text), dtype=np.int64)
        known, inverse = np.unique(ids, return_inverse=True)
        sizes = np.array([len(self.tokenizer.token_bytes(token)) for token in known.tolist()], dtype=np.int64)
        begins = _sums(sizes[inverse])  # bytes before each token, and all of them
        bytes_before = _sums(utf8_sizes(codes))  # (N + 1,)
        rough = bool(begins[-1] != bytes_before[-1])
        if rough:  # <UNK>, or a tokenizer that changes the text: spread evenly
            begins = np.linspace(0, int(bytes_before[-1]), num=len(ids) + 1).astype(np.int64)
        starts = np.unique(np.searchsorted(bytes_before, begins, side="right") - 1)
        starts = np.union1d(starts, [0, len(codes)])
        totals = np.searchsorted(begins, bytes_before[starts])
        return Scan(
            text=text, codes=codes, starts=starts, totals=totals, tails=np.zeros_like(totals), encoder=self.tokenizer,
            rough=rough,
        )  # fmt: skip


def _codes(text: str) -> Codes:
    """The code points of a text.  (N,)"""
    try:
        return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    except UnicodeEncodeError as error:
        raise lone_surrogate(error) from None


def _units(codes: Codes, starts: Places) -> tuple[Units, Places]:
    """The UTF-16 units of a text, padded, and where the starts are among them.  (U,), (P + 1,)"""
    padding = np.zeros(PADDING, dtype=np.uint16)
    if codes.max() <= 0xFFFF:
        return np.concatenate([codes.astype(np.uint16), padding]), starts
    data = np.frombuffer(codes.tobytes().decode("utf-32-le").encode("utf-16-le"), dtype=np.uint16)
    return np.concatenate([data, padding]), starts + _sums(codes > 0xFFFF)[starts]  # characters of two units


def utf8_sizes(codes: Codes) -> Ints:
    """The bytes of each code point in UTF-8.  (N,)"""
    sizes = np.ones(len(codes), dtype=np.int64)
    for first in (0x80, 0x800, 0x10000):
        sizes += codes >= first
    return sizes


def _joined(arrays: list[Any]) -> Ints:  # Any: arrays of any kind of integer
    return np.concatenate([np.zeros(0, dtype=np.int64), *arrays])


def _sums(values: npt.NDArray[Any]) -> Ints:  # Any: integers or truth values
    """0, then the sum up to each value.  (n + 1,)"""
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


def _kind_of(tokenizer: Tokenizer) -> str:
    """How a tokenizer's tokens can be counted: by words, bytes, characters, or only by encoding ("any")."""
    if type(tokenizer) is not FastTokenizer:  # a subclass may encode otherwise
        return "any"
    content: dict[str, Any] = json.loads(tokenizer._backend.to_str())  # Any: JSON
    model, before = content["model"], content["pre_tokenizer"] or {}
    if content["normalizer"] or any(not token["special"] for token in content["added_tokens"]):
        return "any"
    if model["type"] == "WordLevel" and before.get("type") == "Split" and before["pattern"] == {"Regex": r"[\s\S]"}:
        return "characters"
    plain = before.get("type") == "ByteLevel" and before["use_regex"] and not before["add_prefix_space"]
    if model["type"] != "BPE" or not plain or model["dropout"] or not set(SYMBOLS) <= set(model["vocab"]):
        return "any"
    return "words" if model["merges"] else "bytes"


_SCANNERS: OrderedDict[tuple[type, str], Scanner] = OrderedDict()  # the last used last


def scanner_for(tokenizer: Tokenizer) -> Scanner:
    """The scanner of a tokenizer: the same one for the same tokenizer, so that it stays warm."""
    key = (type(tokenizer), tokenizer.fingerprint)
    scanner = _SCANNERS.get(key) or Scanner(tokenizer)
    _SCANNERS[key] = scanner
    _SCANNERS.move_to_end(key)
    while len(_SCANNERS) > _MOST_SCANNERS:
        _SCANNERS.popitem(last=False)
    return scanner
