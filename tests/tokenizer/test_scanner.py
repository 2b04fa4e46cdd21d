"""Counting is tokenizing: the scanner gives the tokenizer's own counts and ids, for any text and any piece of it."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers

from mlxgpt.errors import TokenizerError
from mlxgpt.tokenizer import counts, pretokens
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.counts import Counts, names
from mlxgpt.tokenizer.fast import FastTokenizer, train_bpe
from mlxgpt.tokenizer.scanner import Scan, Scanner, scanner_for
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters

SAMPLE = (
    "A lua nasceu.\n\n\nIt's — não é? — don't  we\t'll 12.345,00\r\n  fim…\u00a0\u2003 漢字 👩\u200d👧 e\u0301 \n \n"
    * 5
)
PIECES = st.sampled_from(
    [
        *(
            "lua",
            " mar",
            "\n",
            "\n\n",
            " \n",
            "\t",
            "\r\n",
            "  ",
            "\u00a0",
            "\u2003",
            "\x1c",
            "\x85",
            "\0",
            "'",
            "''",
            "\"'",
        ),
        *(
            "'s",
            "'t",
            "'re",
            "'ve",
            "'ll",
            "'m",
            "'d",
            "'S",
            "'lla",
            "'r",
            "s",
            "e",
            "1",
            "12",
            "½",
            "²",
            "١٢",
            "Ⅳ",
            "!",
            "—",
        ),
        *(
            "…",
            "R$",
            "<EOS>",
            "漢字",
            "한국",
            "👩\u200d👧",
            "🇧🇷",
            "e\u0301",
            "\u0301",
            "ª",
            "ǅ",
            "İ",
            "𝐀𝐁",
            "a" * 70,
            " " * 70,
        ),
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.characters(exclude_categories=["Cs"])), max_size=40).map("".join)


def metaspace() -> FastTokenizer:
    """A tokenizer that the scanner can only use by encoding."""
    vocab = {"<UNK>": 0, "▁": 1, "a": 2, "▁lua": 3, "l": 4, "u": 5, ".": 6}
    backend = Backend(models.WordLevel(vocab, unk_token="<UNK>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace()
    return FastTokenizer(backend, {})


KINDS = {
    "words": lambda: train_bpe([SAMPLE], 320),
    "bytes": byte_tokenizer,
    "characters": lambda: train_characters([SAMPLE]),
    "any": metaspace,
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tokenizer(kind: str) -> Tokenizer:
    return KINDS[kind]()


def test_each_tokenizer_is_counted_in_its_way(kind: str, tokenizer: Tokenizer) -> None:
    assert Scanner(tokenizer).kind == kind
    assert Scanner(tokenizer).exact == (kind != "any")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, max_size=8))
@example(texts=["it's", "s", "", "  a", "b ", "'", "'s"])
def test_texts_scanned_together_have_the_ids_of_each_alone(texts: list[str], tokenizer: Tokenizer) -> None:
    found = scanner_for(tokenizer).encode_batch(texts)
    assert [ids.tolist() for ids in found] == [tokenizer.encode(text) for text in texts]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, data=st.data())
@example(text="", data=None)
@example(text="it's 'sun \n\n's", data=None)
@example(text=" \n" * 3, data=None)
def test_counts_ids_and_the_cost_of_any_piece_are_the_tokenizers_own(
    text: str, data: st.DataObject | None, tokenizer: Tokenizer
) -> None:
    scan = scanner_for(tokenizer).scan(text)
    starts = scan.starts.tolist()
    assert starts[0] == 0
    assert starts[-1] == len(text)
    assert starts == sorted(set(starts)) or text == ""
    assert scanner_for(tokenizer).encode(text).tolist() == tokenizer.encode(text)
    if scanner_for(tokenizer).exact:
        assert int(scan.totals[-1]) == len(tokenizer.encode(text))
    last = len(starts) - 1
    places = st.integers(0, last)
    pairs = [(0, last)] if data is None else [sorted((data.draw(places), data.draw(places))) for _ in range(8)]
    for i, j in pairs:
        assert scan.cost(i, j) == len(tokenizer.encode(text[starts[i] : starts[j]]))


@given(text=TEXTS)
@settings(max_examples=200, deadline=None)
def test_pre_tokens_are_the_librarys(text: str) -> None:
    tokenizer = BPE
    wanted = [start for _, (start, _) in tokenizer._backend.pre_tokenizer.pre_tokenize_str(text)]
    assert scanner_for(tokenizer).scan(text).starts.tolist()[:-1] == wanted


BPE = train_bpe([SAMPLE], 320)


def test_every_kind_of_character_is_known() -> None:
    """Each code point beside a letter, a number, a mark and a space, as the library cuts them."""
    text = "".join(
        f"a{chr(code)}1{chr(code)}! {chr(code)} " for code in range(1, 0x110000, 7) if not 0xD800 <= code < 0xE000
    )
    wanted = [start for _, (start, _) in BPE._backend.pre_tokenizer.pre_tokenize_str(text)]
    assert scanner_for(BPE).scan(text).starts.tolist()[:-1] == wanted


def test_a_subclass_that_encodes_otherwise_is_not_trusted() -> None:
    class Other(FastTokenizer):
        def encode(self, text: str, *, specials: bool = False) -> list[int]:
            return [0, *super().encode(text, specials=specials)]

    tokenizer = Other(BPE._backend, BPE.settings)
    scan = scanner_for(tokenizer).scan("a lua")
    assert not scanner_for(tokenizer).exact
    assert scan.cost(0, len(scan.starts) - 1) == len(tokenizer.encode("a lua"))


def test_a_lone_surrogate_is_refused_as_by_the_tokenizer() -> None:
    with pytest.raises(TokenizerError, match=r"U\+D800"):
        scanner_for(BPE).scan("a\ud800")


@given(text=TEXTS, size=st.integers(1, 20), data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_text_in_parts_has_the_costs_and_ids_of_the_whole(text: str, size: int, data: st.DataObject) -> None:
    scanner = scanner_for(BPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretokens, "PART", size)
        patch.setattr(pretokens, "_WINDOW", 1)
        parts, ids = scanner.scan(text), scanner.encode(text)
    whole = scanner.scan(text)
    assert ids.tolist() == BPE.encode(text)
    for of_parts, of_whole in zip(fields(parts), fields(whole), strict=True):
        assert of_parts.tolist() == of_whole.tolist()
    i, j = sorted(data.draw(st.integers(0, len(whole.starts) - 1)) for _ in range(2))
    assert parts.cost(i, j) == len(BPE.encode(text[whole.starts[i] : whole.starts[j]]))


def fields(scan: Scan) -> list[npt.NDArray[np.int64]]:
    return [scan.starts, scan.totals, scan.tails]


def test_a_text_without_white_space_is_one_part() -> None:
    text = "漢字かな" * 100_000
    assert Scanner(BPE).encode(text).tolist() == BPE.encode(text)


def test_threads_may_share_a_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table forgets all the time, so slots that one thread found would be another's next moment."""
    monkeypatch.setattr(counts, "MOST_ENTRIES", 300)
    texts = [" ".join(f"{word * 7919 % 10007}x{number}" for word in range(3000)) for number in range(4)]
    wanted = [BPE.encode(text) for text in texts]
    scanner = Scanner(BPE)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(scanner.encode, texts * 3))
    finally:
        sys.setswitchinterval(interval)
    assert [ids.tolist() for ids in found] == wanted * 3


def test_a_table_that_is_full_begins_anew_and_stays_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_ENTRIES", 40)
    small = Scanner(BPE)
    texts = [f"palavra{number} e mais {number * 7} outras\n\ncoisas{number % 9} " * 2 for number in range(60)]
    for text in texts:
        assert small.encode(text).tolist() == BPE.encode(text)
        assert int(small.scan(text).totals[-1]) == len(BPE.encode(text))
    assert small._counts.entries <= 40


def test_what_was_learnt_is_kept(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path))
    first = Scanner(BPE)
    first.encode(SAMPLE)
    first.save()
    second = Scanner(BPE)
    assert second._counts.entries == first._counts.entries > 20
    monkeypatch.setattr(second, "_tokens", lambda word: pytest.fail(f"{word!r} is known"))
    assert second.encode(SAMPLE).tolist() == BPE.encode(SAMPLE)


@pytest.mark.parametrize(
    "damage", ["truncated", "foreign", "pickle", "other tokenizer", "negative", "twice", "array", "huge"]
)
def test_a_damaged_table_is_ignored(tmp_path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Counts()
    table.add(np.array([5, 9], dtype=np.uint64), [[1], [2, 3]])
    path = tmp_path / "table.npz"
    table.save(path)
    good = dict(np.load(path))
    match damage:
        case "truncated":
            path.write_bytes(path.read_bytes()[:100])
        case "foreign":
            path.write_bytes(b"no archive")
        case "pickle":
            np.savez(path, **good | {"ids": np.array([object()])})
        case "negative":
            np.savez(path, **good | {"lengths": np.array([-1, 4], dtype=np.int32)})
        case "twice":
            np.savez(path, **good | {"names": np.array([5, 5], dtype=np.uint64)})
        case "array":
            with path.open("wb") as file:
                np.save(file, good["names"])
        case "huge":
            monkeypatch.setattr(counts, "_MOST_BYTES", 100)
    vocabulary = 3 if damage == "other tokenizer" else 4
    fresh = Counts()
    assert not fresh.load(path, vocabulary)
    assert fresh.entries == 0
    if damage == "other tokenizer":
        assert fresh.load(path, 4)
        assert fresh.ids(fresh.find(np.array([9, 5], dtype=np.uint64))).tolist() == [2, 3, 1]


def test_nobody_can_write_two_words_that_are_taken_for_one() -> None:
    """These differ in the highest bits only, where multiplying by an odd number changes nothing else."""
    words = ["xxx\uac00x\uac00x\uac00", "xxx\u2c00x\u2c00x\u2c00"]
    tokenizer = train_bpe([SAMPLE + words[0] * 9], 320)
    scanner = Scanner(tokenizer)
    for word in words:
        assert scanner.encode(word).tolist() == tokenizer.encode(word)


@given(words=st.lists(st.text("ab\0\u8000\ua500\uac00", min_size=1, max_size=70), unique=True), seed=st.integers(0, 99))
def test_words_have_names_of_their_own(words: list[str], seed: int) -> None:
    ends = np.cumsum([len(word) for word in words], dtype=np.int64)
    data = "".join(words) + "x" * counts.PADDING
    units = np.frombuffer(data.encode("utf-16-le"), dtype=np.uint16)
    found = names(units, ends - np.diff(ends, prepend=0), ends, seed)
    assert len(set(found.tolist())) == len(words)


def test_names_differ_where_words_do() -> None:
    words = [
        "a",
        "a\0",
        "\0",
        "ab",
        "ba",
        "abcd",
        "abcde",
        "abcdf",
        "abcdabcd",
        "x" * 64,
        "x" * 65,
        "x" * 66,
        "y" + "x" * 65,
    ]
    text = "".join(words)
    ends = np.cumsum([len(word) for word in words])
    units = np.zeros(len(text) + counts.PADDING, dtype=np.uint16)
    units[: len(text)] = np.frombuffer(text.encode("utf-16-le"), dtype=np.uint16)
    first = names(units, ends - [len(word) for word in words], ends, seed=7)
    assert len(set(first.tolist())) == len(words)
    assert names(units, ends - [len(word) for word in words], ends, seed=8).tolist() != first.tolist()


def test_a_character_belongs_to_one_pre_token() -> None:
    scan = scanner_for(BPE).scan("A lua, e")
    assert scan.starts.tolist() == [0, 1, 5, 6, 8]
    assert scan.index([0, 1, 4, 5, 6, 7, 8]).tolist() == [0, 1, 1, 2, 3, 3, 4]


def test_a_scanner_that_learnt_a_text_asks_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = Scanner(BPE)
    scanner.learn([SAMPLE, "outra coisa"])
    monkeypatch.setattr(scanner, "_tokens", lambda word: pytest.fail(f"{word!r} is known"))
    assert scanner.encode("outra lua").tolist() == BPE.encode("outra lua")
