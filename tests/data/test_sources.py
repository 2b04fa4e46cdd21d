"""Sources: every format and compression gives the same documents, bad ones are named, and encodings are recognised."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.data import decoding, documents, sources
from mlxgpt.data.decoding import detect
from mlxgpt.data.sources import Reading, find, read, read_file
from mlxgpt.errors import DataError, MissingExtra

pyarrow = pytest.importorskip("pyarrow")
zstandard = pytest.importorskip("zstandard")

TEXTS = ["A ação começou às três.", "Não há pão.\nNem água.", "“Aspas”, vírgulas, e — travessões."]
ROWS = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]
JSON_LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()


def as_csv(delimiter: str) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "text"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return out.getvalue().encode()


def as_parquet() -> bytes:
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), out)
    return out.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "a.txt": lambda: "\n\n\n".join(TEXTS).encode(),
    "a.jsonl": lambda: JSON_LINES,
    "a.ndjson": lambda: JSON_LINES,
    "a.jsonl.gz": lambda: gzip.compress(JSON_LINES),
    "a.jsonl.zst": lambda: zstandard.compress(JSON_LINES),
    "two frames.jsonl.zst": lambda: zstandard.compress(JSON_LINES[:40]) + zstandard.compress(JSON_LINES[40:]),
    "misnamed.jsonl": lambda: gzip.compress(JSON_LINES),
    "a.txt.gz": lambda: gzip.compress("\n\n\n".join(TEXTS).encode()),
    "a.csv": lambda: as_csv(","),
    "a.tsv": lambda: as_csv("\t"),
    "a.parquet": as_parquet,
}


def write(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("repair", [False, True])
def test_every_format_gives_the_same_documents(tmp_path, name, repair):
    path = write(tmp_path / name, FILES[name]())
    found = list(read([path], repair=repair))
    assert [document.text for document in found] == TEXTS
    assert [document.index for document in found] == [0, 1, 2]
    assert {document.source for document in found} == {str(path)}
    assert all(document.place for document in found)


def test_rows_keep_what_else_they_say(tmp_path):
    path = write(tmp_path / "a.jsonl", JSON_LINES)
    assert [document.metadata for document in read([path])] == [{"id": 0}, {"id": 1}, {"id": 2}]


def test_a_column_may_be_named(tmp_path):
    path = write(tmp_path / "a.csv", "corpo,text\num,dois\n")
    assert [document.text for document in read([path], column="corpo")] == ["um"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.parquet"])
def test_a_wrong_column_names_those_there_are(tmp_path, name):
    path = write(tmp_path / name, FILES[name]())
    with pytest.raises(DataError, match="no column `txet`; its columns are") as caught:
        list(read([path], column="txet"))
    assert caught.value.hint == "Did you mean 'text'?"


def test_folders_patterns_and_files_are_read_in_order_and_once(tmp_path):
    for name in ("b/1.txt", "b/2.md", "a.txt", "c.html"):
        write(tmp_path / name, name)
    assert find([tmp_path]) == [tmp_path / "a.txt", tmp_path / "b/1.txt", tmp_path / "b/2.md"]
    assert find([tmp_path / "**/*.txt", tmp_path / "a.txt", tmp_path / "c.html"]) == [
        *(tmp_path / "a.txt", tmp_path / "b/1.txt", tmp_path / "c.html"),
    ]
    with pytest.raises(DataError, match="matches nothing"):
        find([tmp_path / "*.pdf"])


@pytest.mark.parametrize(
    ("data", "texts"), [(JSON_LINES, TEXTS), (b"um\n\n\ndois", ["um", "dois"]), (gzip.compress(b"um"), ["um"])]
)
def test_standard_input_is_text_or_json_lines(monkeypatch, data, texts):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(data))))
    found = list(read(["-"]))
    assert [document.text for document in found] == texts
    assert found[0].source == "<stdin>"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.jsonl.gz", gzip.compress(JSON_LINES)[:-8]),
        ("damaged.jsonl.gz", gzip.compress(JSON_LINES)[:20] + b"\0" * 40),
        ("cut.jsonl.zst", zstandard.compress(JSON_LINES)[:-3]),
        ("damaged.jsonl.zst", zstandard.compress(JSON_LINES)[:12] + b"\xff" * 50),
        ("cut.parquet", as_parquet()[:-20]),
        ("damaged.parquet", b"PAR1" + b"\0" * 120 + as_parquet()[124:]),
        ("wrong.jsonl", b'{"text": "ok"}\n{"text": 3}\n'),
    ],
)
def test_one_damaged_file_among_many_stops_nothing_that_is_told(tmp_path, name, content):
    write(tmp_path / "a.txt", "antes")
    damaged = write(tmp_path / name, content)
    write(tmp_path / "z.txt", "depois")
    refused: list[DataError] = []
    texts = [document.text for document in read([tmp_path], refuse=refused.append)]
    assert (texts[0], texts[-1]) == ("antes", "depois")
    assert len(refused) == 1
    assert str(damaged) in refused[0].message
    assert refused[0].hint
    with pytest.raises(DataError):
        list(read([tmp_path]))


def test_one_bad_row_among_many_is_told_with_its_line(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "um"}\n{broken\n{"text": "três"}\n')
    refused: list[DataError] = []
    assert [document.text for document in read_file(path, Reading(refuse=refused.append))] == ["um", "três"]
    assert f"{path}:2 is not valid JSON" in refused[0].message


def test_formats_that_need_a_package_name_it(tmp_path, monkeypatch):
    table = write(tmp_path / "a.parquet", as_parquet())
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra, match="needs the package zstandard"):
        list(read([write(tmp_path / "a.jsonl.zst", zstandard.compress(JSON_LINES))]))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match="needs the package pyarrow"):
        list(read([table]))


def test_a_text_longer_than_memory_should_hold_is_cut_at_blank_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "LONGEST", 1000)
    paragraphs = [f"Parágrafo {number}: " + "palavra " * 20 + "fim." for number in range(50)]
    path = write(tmp_path / "a.txt", "\n\n".join(paragraphs))
    texts = [document.text for document in read([path])]
    assert "\n\n".join(texts) == "\n\n".join(paragraphs)
    assert max(map(len, texts)) < 1500


@pytest.mark.parametrize("repair", [False, True])
def test_a_line_without_end_is_read_in_parts_that_split_no_character(tmp_path, monkeypatch, repair):
    monkeypatch.setattr(sources, "_LONGEST_LINE", 64)
    line = "ação é não " * 100 + "á" * 3000
    (document,) = read([write(tmp_path / "a.txt", line)], repair=repair)
    assert document.text == line


# ---- encodings -------------------------------------------------------------------------------------------------------

PORTUGUESE = "— Não há razão, disse D. Úrsula; à noite é que a emoção põe três ou quatro histórias em questão.\n" * 3


@pytest.mark.parametrize(
    "encoding",
    [
        *("utf-8", "utf-8-sig", "cp1252", "mac_roman", "utf-16", "utf-16-le", "utf-16-be", "utf-32"),
        *("latin-1", "iso8859-15", "cp850", "cp437"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_are_recognised(tmp_path, encoding, newline):
    text = PORTUGUESE.strip()
    if encoding in ("latin-1", "iso8859-15", "cp850", "cp437"):
        text = text.replace("—", "-").translate(str.maketrans("ãõÃÕ", "áóÁÓ") if encoding == "cp437" else {})
        if encoding == "cp437":
            text = text.replace("Ú", "U").replace("À", "A").replace("Í", "I")
    (document,) = read([write(tmp_path / "a.txt", text.replace("\n", newline).encode(encoding))], repair=True)
    assert document.text == text


@pytest.mark.parametrize("first", ["utf-8", "cp1252"])
def test_a_file_in_two_encodings_is_read_line_by_line(tmp_path, first):
    second = "cp1252" if first == "utf-8" else "utf-8"
    path = write(tmp_path / "a.txt", PORTUGUESE.encode(first) + "Não, é só à mão.".encode(second))
    (document,) = read([path], repair=True)
    assert document.text == PORTUGUESE + "Não, é só à mão."


def test_what_is_valid_utf8_is_nothing_else():
    assert detect("日本語のテキスト".encode()) == "utf-8"
    assert detect(b"plain ascii") == "utf-8"
    assert detect(b"") == "utf-8"
    assert detect(("á" * (1 << 20)).encode()[: (1 << 20) + 1]) == "utf-8"  # cut within a character


@given(st.binary(max_size=300))
def test_any_bytes_are_some_text(data: bytes) -> None:
    _, lines = decoding.repair(io.BytesIO(data))
    "".join(lines).encode("utf-8")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=200))
def test_utf8_is_read_as_it_is(text: str) -> None:
    for read_lines in (decoding.repair(io.BytesIO(text.encode()))[1], decoding.strict(io.BytesIO(text.encode()), "a")):
        assert "".join(read_lines) == text.removeprefix("\ufeff")


def test_halves_of_surrogate_pairs_are_joined_or_replaced(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a \\ud83d\\ude00 b \\ud83d c"}')
    assert next(read([path], repair=True)).text == "a 😀 b \ufffd c"
