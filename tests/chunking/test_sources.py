"""Files as blocks with true offsets; what is no text says which byte."""

import codecs
from pathlib import Path

import pytest

from mlxgpt.chunking import blocks, sources
from mlxgpt.chunking.sources import Decoding, check_text, first_byte, hash_file, read_blocks
from mlxgpt.errors import ConfigError, DataError

TEXT = "Ação, coração — 漢字 👩\u200d👧.\r\n\r\nSegundo parágrafo: não há.\n" * 60
STRICT = Decoding()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_CHARACTERS", 300)
    monkeypatch.setattr(blocks, "_CONTEXT", 20)
    monkeypatch.setattr(sources, "_READ_BYTES", 7)  # cuts most characters in two


def read(path: Path, decoding: Decoding = STRICT) -> list[sources.TextBlock]:
    return list(read_blocks(path, decoding, "it"))


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["plain", "with a mark"])
def test_offsets_are_those_of_the_file(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "a.txt"
    data = mark + TEXT.encode()
    path.write_bytes(data)
    read_ = read(path)
    assert len(read_) > 5
    assert [block.last for block in read_] == [False] * (len(read_) - 1) + [True]
    assert "".join(block.text for block in read_) == TEXT
    assert data[first_byte(path, STRICT, "it") :] == TEXT.encode()
    for block in read_:
        assert TEXT[block.start :].startswith(block.text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.encode(encoding))
    assert "".join(block.text for block in read(path, Decoding(encoding=encoding))) == TEXT


def test_windows_1252_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("ação “entre aspas” – 5 €".encode("cp1252"))
    assert read(path, Decoding(encoding="cp1252"))[0].text == "ação “entre aspas” – 5 €"


@pytest.mark.parametrize("at", [0, 5, 6, 7, 8, 20])
def test_a_bad_byte_is_named(tmp_path: Path, at: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * at + b"\xe9 latin-1")
    with pytest.raises(DataError, match=f"it is not utf-8: byte {at} is 0xe9") as caught:
        check_text(path, STRICT, "it")
    assert "--encoding cp1252" in caught.value.hint
    assert read(path, Decoding(errors="replace"))[0].text == "a" * at + "\ufffd latin-1"
    assert read(path, Decoding(errors="ignore"))[0].text == "a" * at + " latin-1"


def test_a_character_cut_off_at_the_end_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * 10 + "é".encode()[:1])
    with pytest.raises(DataError, match="byte 10 is 0xc3"):
        check_text(path, STRICT, "it")


def test_a_binary_file_says_where_it_stops_being_text(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"MZ" + b"x" * 20 + b"\0\0")
    with pytest.raises(DataError, match="it is not text: it has a NUL near byte 22"):
        check_text(path, STRICT, "it")


def test_utf_16_is_recognized(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("olá".encode("utf-16"))
    with pytest.raises(DataError, match="it is UTF-16") as caught:
        check_text(path, STRICT, "it")
    assert caught.value.hint == "Add --encoding utf-16."


@pytest.mark.parametrize(
    ("make", "says"), [("nothing", "does not exist"), ("folder", "not a regular file"), ("empty", "is empty")]
)
def test_what_cannot_be_read(tmp_path: Path, make: str, says: str) -> None:
    path = tmp_path / "a.txt"
    if make == "folder":
        path.mkdir()
    elif make == "empty":
        path.write_bytes(codecs.BOM_UTF8)
    with pytest.raises(DataError, match=says):
        hash_file(path, "it")
        check_text(path, STRICT, "it")


def test_an_unknown_encoding_and_an_unknown_way_are_refused() -> None:
    with pytest.raises(ConfigError, match="no encoding 'utf8x'"):
        Decoding(encoding="utf8x")
    with pytest.raises(ConfigError, match="errors = 'strickt'"):
        Decoding(errors="strickt")
