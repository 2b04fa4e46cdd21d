"""The tokenizer for working: Hugging Face `tokenizers` behind our small interface.

Everything is one tokenizer.json, so this one class serves byte-level BPE trained here, the byte and character
tokenizers of `simple`, and the foreign tokenizers that `registry.load` reads.  `bpe` is the same algorithm, written to
be read.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from mlxgpt.errors import TokenizerError
from mlxgpt.tokenizer import chat, symbols
from mlxgpt.tokenizer.base import SPECIALS, Ids, begin_id, lone_surrogate, require_unicode

# The rest of tokenizer_config.json as transformers and mlx_lm read it.  PreTrainedTokenizerFast is the one class that
# transformers 4 and 5 both load without adding a BOS or changing ids: what begins a text, tokenizer.json says.
OWN_SETTINGS: Mapping[str, Any] = {  # Any: JSON
    "tokenizer_class": "PreTrainedTokenizerFast",
    "pad_token": "<PAD>",
    "unk_token": "<UNK>",
    "bos_token": "<BOS>",
    "eos_token": "<EOS>",
    "additional_special_tokens": list(SPECIALS[4:]),
    "clean_up_tokenization_spaces": False,
    "chat_template": chat.TEMPLATE,
}
SMALLEST_BPE = len(SPECIALS) + 256
UNKNOWN = "Missing [UNK] token"  # what a word list without a token for unknown ones says of a word it lacks


def train_bpe(texts: Iterable[str], vocab_size: int, min_frequency: int = 2) -> "FastTokenizer":
    """A byte-level BPE tokenizer with exactly `vocab_size` entries: specials, 256 bytes, then merges.

    A pair is merged only if it occurs `min_frequency` times.  Raises `TokenizerError` when `vocab_size` has no room for
    the bytes, or when the corpus does not support that many entries (it says how many it does).
    """
    if vocab_size < SMALLEST_BPE:
        raise TokenizerError(
            f"A vocabulary of {vocab_size} has no room for the {len(SPECIALS)} special tokens and 256 bytes.",
            hint=f"Pass a vocabulary size of at least {SMALLEST_BPE}.",
        )
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    try:
        backend.train_from_iterator(texts, trainer)
    except UnicodeEncodeError as error:
        raise lone_surrogate(error) from None
    supported = backend.get_vocab_size()
    if supported < vocab_size:
        raise TokenizerError(
            f"The corpus supports a vocabulary of {supported:,} entries, fewer than the {vocab_size:,} asked for: "
            f"no other pair occurs {min_frequency} times.",
            hint=f"Pass a vocabulary size of {supported} or less, or give more text.",
        )
    return own(backend)


def own(backend: Backend) -> "FastTokenizer":
    """`backend`, whose vocabulary begins with `SPECIALS`, as a tokenizer of ours with our chat template."""
    backend.add_special_tokens(list(SPECIALS))
    return FastTokenizer(backend, OWN_SETTINGS)


def with_specials(tokenizer: "FastTokenizer", specials: Sequence[str]) -> "FastTokenizer":
    """One of our tokenizers with special tokens of one's own, which get the ids behind all others."""
    if not specials:
        return tokenizer
    backend = tokenizer._backend
    for token in specials:
        if backend.token_to_id(token) is not None:
            raise TokenizerError(f"{token!r} is an ordinary entry already.", hint="Choose a mark such as <CODE>.")
    backend.add_special_tokens(list(specials))
    return FastTokenizer(backend, {**OWN_SETTINGS, "additional_special_tokens": [*SPECIALS[4:], *specials]})


class FastTokenizer:
    """A `base.Tokenizer` over a `tokenizers.Tokenizer`.

    `settings` is the content of tokenizer_config.json, kept and saved again; its token strings decide the special ids.
    """

    def __init__(self, backend: Backend, settings: Mapping[str, Any], stop_ids: Iterable[int] = ()) -> None:
        backend.no_truncation()  # a foreign tokenizer.json may ask to cut texts short
        backend.no_padding()
        backend.encode_special_tokens = True  # "<EOS>" in user text is text
        self._backend = backend
        self.settings = dict(settings)
        self._added = backend.get_added_tokens_decoder()
        self._special_ids = {token_id for token_id, token in self._added.items() if token.special}
        self._spelling = _spelling(backend)
        self.vocab_size = 1 + max(backend.get_vocab(with_added_tokens=True).values(), default=-1)
        self.pad_id = self._configured("pad_token")
        self.unk_id = self._configured("unk_token")
        self.bos_id = self._configured("bos_token")
        self.eos_id = self._configured("eos_token")
        self.chunk_id = self.id_of("<CHUNK>")
        ends = {self.eos_id, self.id_of("<END>"), *stop_ids}
        self.stop_ids = frozenset(token_id for token_id in ends if token_id is not None)

    def __reduce__(self) -> tuple[type["FastTokenizer"], tuple[Backend, Mapping[str, Any], frozenset[int]]]:
        """Copies and other processes begin with the constructor: a pickled backend forgets `encode_special_tokens`."""
        return FastTokenizer, (self._backend, self.settings, self.stop_ids)

    def encode(self, text: str, *, specials: bool = False) -> list[int]:
        backend = self._parsing if specials else self._backend
        try:
            return backend.encode(text, add_special_tokens=False).ids
        except Exception as error:  # tokenizers raises bare Exception
            raise _not_encoded([text], error) from error

    def encode_spans(self, text: str, *, specials: bool = False) -> tuple[list[int], list[tuple[int, int]]]:
        """The ids of `text`, and the characters that each came from; the parts of one character all have it whole."""
        backend = self._parsing if specials else self._backend
        try:
            encoding = backend.encode(text, add_special_tokens=False)
        except Exception as error:  # tokenizers raises bare Exception
            raise _not_encoded([text], error) from error
        return encoding.ids, encoding.offsets

    def words(self, text: str) -> list[tuple[int, int]]:
        """Where the pre-tokens of `text` start and end, which no token crosses; all of it when there are none."""
        require_unicode(text)
        splitter = self._backend.pre_tokenizer
        return [(0, len(text))] if splitter is None else [place for _, place in splitter.pre_tokenize_str(text)]

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        try:
            encodings = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        except Exception as error:  # tokenizers raises bare Exception
            raise _not_encoded(texts, error) from error
        return [np.array(encoding.ids, dtype=np.uint32) for encoding in encodings]

    def decode(self, ids: Iterable[int], *, skip_specials: bool = True) -> str:
        return self._backend.decode([int(token_id) for token_id in ids], skip_special_tokens=skip_specials)

    def token_bytes(self, token_id: int) -> bytes:
        entry = self._backend.id_to_token(int(token_id))
        if entry is None or token_id in self._special_ids:
            return b""
        return entry.encode("utf-8") if token_id in self._added else self._spelling(entry)

    def token_text(self, token_id: int) -> str:
        if token_id in self._special_ids:
            return str(self._added[int(token_id)].content)
        return self.token_bytes(token_id).decode("utf-8", errors="backslashreplace")

    def id_of(self, token: str) -> int | None:
        return self._backend.token_to_id(token)

    @property
    def chat_template(self) -> str | None:
        return self.settings.get("chat_template")

    def without_chats(self) -> "FastTokenizer":
        """The same tokenizer with no chat template."""
        settings = {name: value for name, value in self.settings.items() if name != "chat_template"}
        return FastTokenizer(self._backend, settings, self.stop_ids)

    @cached_property
    def fingerprint(self) -> str:
        """Only what decides ids goes in, so renaming a file or changing the chat template leaves it alone."""
        content = self.content
        model = content["model"]
        # The whole vocabulary is in `get_vocab`, where Unigram's and BPE's look the same; merges are pairs or "a b"
        # strings.
        canonical = {
            "vocab": self._backend.get_vocab(with_added_tokens=True),
            "merges": [pair if isinstance(pair, str) else " ".join(pair) for pair in model.get("merges", ())],
            "scores": [score for _, score in model["vocab"]] if model["type"] == "Unigram" else [],
            "specials": sorted(self._special_ids),
            "normalizer": content["normalizer"],
            "pre_tokenizer": content["pre_tokenizer"],
        }
        return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()

    @cached_property
    def merges(self) -> dict[tuple[int, int], int]:
        """(left id, right id) -> new id, in the order they were learned; empty when the model is not BPE."""
        pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in self.content["model"].get("merges", ())]
        vocab = self._backend.get_vocab(with_added_tokens=False)
        return {(vocab[left], vocab[right]): vocab[left + right] for left, right in pairs}

    def save(self, directory: Path, *, context_length: int | None = None) -> None:
        """Write tokenizer.json and tokenizer_config.json; `context_length` becomes `model_max_length`.

        Other programs let the tokenizer begin a text, so the file says how: with the token that we begin it with.
        """
        settings = {"model_max_length": int(1e30), **self.settings}  # 1e30 is how transformers writes "not known"
        if context_length is not None:
            settings["model_max_length"] = context_length
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(settings, indent=2, ensure_ascii=False)
        (directory / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")
        (directory / "tokenizer.json").write_text(self._beginning().to_str(pretty=True) + "\n", encoding="utf-8")

    def _beginning(self) -> Backend:
        """The backend as others use it: it puts `begin_id` before a text, and nothing else anywhere."""
        begin = begin_id(self)
        if begin is None or self._backend.encode("").ids == [begin]:
            return self._backend
        backend, token = Backend.from_str(self._backend.to_str()), str(self._backend.id_to_token(begin))
        backend.post_processor = processors.TemplateProcessing(
            single=[token, "$A"], pair=[token, "$A", "$B"], special_tokens=[(token, begin)]
        )
        return backend

    @cached_property
    def _parsing(self) -> Backend:
        """A second backend that makes special tokens from text; a switch on one would be shared between threads."""
        backend = Backend.from_str(self._backend.to_str())
        backend.encode_special_tokens = False
        return backend

    @cached_property
    def content(self) -> dict[str, Any]:  # Any: JSON
        """What tokenizer.json holds."""
        content: dict[str, Any] = json.loads(self._backend.to_str())
        return content

    def _configured(self, name: str) -> int | None:
        token = self.settings.get(name)
        return self.id_of(token) if isinstance(token, str) else None


def _spelling(backend: Backend) -> Callable[[str], bytes]:
    """How this tokenizer's entries spell bytes, which its decoder tells."""
    decoder = repr(backend.decoder)
    if "ByteLevel" in decoder:
        return symbols.from_symbols
    return symbols.from_piece if "▁" in decoder else symbols.from_text


def _not_encoded(texts: Sequence[str], error: Exception) -> Exception:
    """Why `tokenizers` refused: a lone surrogate, a programmer's misuse (kept as it is), or a broken tokenizer."""
    for text in texts:
        if isinstance(text, str):
            require_unicode(text)
    if isinstance(error, TypeError):
        return error
    if UNKNOWN in str(error):
        return TokenizerError(
            "The tokenizer has no token for a character of this text, and none that stands for unknown ones.",
            hint="Write with the characters of the text that the model was trained on.",
        )
    return TokenizerError(f"The tokenizer cannot encode this text: {error}", hint="Check its tokenizer.json.")
