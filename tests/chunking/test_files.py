"""Chunks files: what is written is read back, and a file that is not what it says is refused with its place."""

import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.files import (
    FORMAT,
    ChunkedDocument,
    Provenance,
    StoredChunk,
    StoredNode,
    write,
    writer,
)
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.reading import chunks_of, read, text_of
from mlxgpt.errors import ConfigError, DataError

TEXT = "Olá, mundo.\r\n\r\nO barco voltou 🚣🏽 cedo.\nFim.\u2028"
SHA = "ab" * 32


def place(chunks):
    """The chunks of a document with their ids and byte offsets."""
    end_byte = 0
    for number, chunk in enumerate(chunks):
        byte_start = end_byte - len(chunk.text[: chunk.overlap].encode())
        end_byte = byte_start + len(chunk.text.encode())
        yield StoredChunk(
            id=number, parent=chunk.parent, start=chunk.start, end=chunk.end, byte_start=byte_start,
            byte_end=end_byte, n_tokens=chunk.n_tokens, boundary=chunk.level, overlap=chunk.overlap, text=chunk.text,
        )  # fmt: skip


def chunked(text, ends, overlaps, *, levels=None, nodes=()):
    """A document cut at `ends`, each chunk repeating so many characters."""
    starts = [0, *ends[:-1]]
    chunks = [
        Chunk(
            text=text[start - overlap : end], start=start - overlap, end=end, n_tokens=end - start + 7,
            level=Level.WORD if levels is None else levels[number], overlap=overlap,
            parent=0 if nodes else None,
        )
        for number, (start, end, overlap) in enumerate(zip(starts, ends, overlaps, strict=True))
    ]  # fmt: skip
    provenance = Provenance(
        source="a/ç \u2028.txt", tokenizer="nano-pt", fingerprint="f" * 64, strategy="fixed",
        options={"max_size": 8, "overlap_ratio": 0.5, "balanced": True, "word": "x"},
    )  # fmt: skip
    return ChunkedDocument(
        provenance=provenance, sha256=SHA, characters=len(text), bytes=len(text.encode()),
        chunks=tuple(place(chunks)), nodes=tuple(nodes),
    )  # fmt: skip


def plain():
    """Three chunks of `TEXT`, one with an overlap."""
    return chunked(TEXT, [15, 30, len(TEXT)], [0, 4, 0])


def written(kind, *documents, with_text=True):
    out = io.StringIO(newline="")
    write(out, kind, documents, with_text=with_text)
    return out.getvalue()


@pytest.fixture
def stored(tmp_path):
    """A file with some content."""

    def call(content, name="chunks.json"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return call


@st.composite
def documents(draw):
    text = draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
    cuts = draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=6))
    ends = [*sorted(cut for cut in cuts if cut < len(text)), len(text)]
    overlaps, before = [], [0, 0]  # a chunk begins no earlier than the one before
    for start in [0, *ends[:-1]]:
        overlaps.append(draw(st.integers(0, max(0, start - before[1] - 1))) if start else 0)
        before = [start, start - overlaps[-1]]
    levels = draw(st.lists(st.sampled_from(Level), min_size=len(ends), max_size=len(ends)))
    nodes = [StoredNode(id=0, kind="document", start=0, end=len(text), n_tokens=9)] if draw(st.booleans()) else []
    return chunked(text, ends, overlaps, levels=levels, nodes=nodes)


@pytest.mark.parametrize("kind", ["json", "jsonl"])
@pytest.mark.parametrize("with_text", [True, False])
@given(found=st.lists(documents(), min_size=1, max_size=3))
def test_what_is_written_is_read_back(tmp_path_factory, kind, with_text, found):
    path = tmp_path_factory.mktemp("chunks") / f"chunks.{kind}"
    path.write_bytes(written(kind, *found, with_text=with_text).encode())
    if not with_text:
        found = [
            replace(entry, chunks=tuple(replace(chunk, text=None) for chunk in entry.chunks)) for entry in found
        ]  # fmt: skip
    assert list(read(path)) == found


@given(documents())
def test_the_text_of_a_document_comes_back_from_its_chunks(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("chunks") / "none.json"
    text = text_of(document, path)
    assert len(text) == document.characters
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in document.chunks)
    assert all(text.encode()[chunk.byte_start : chunk.byte_end].decode() == chunk.text for chunk in document.chunks)


def test_a_json_file_is_one_json_value_with_the_documented_keys():
    content = json.loads(written("json", plain(), plain()))
    assert (content["format"], content["version"], len(content["documents"])) == (FORMAT, 1, 2)
    assert content["documents"][0]["chunks"][1] == {
        "id": 1, "parent": None, "start": 11, "end": 30, "byte_start": 12, "byte_end": 31, "n_tokens": 22,
        "boundary": "word", "overlap": 4, "text": TEXT[11:30],
    }  # fmt: skip


def test_a_file_without_documents_is_json_still():
    assert json.loads(written("json")) == {"format": FORMAT, "version": 1, "documents": []}


def test_a_text_file_has_a_line_between_chunks_and_one_behind_the_document():
    assert written("txt", plain()) == f"{TEXT[:15]}\n<CHUNK>\n{TEXT[11:30]}\n<CHUNK>\n{TEXT[30:]}\n<|endoftext|>\n"


def test_a_text_file_without_text_and_an_unknown_kind_are_refused():
    with pytest.raises(ConfigError, match="nothing but the texts"):
        written("txt", plain(), with_text=False)
    with pytest.raises(ConfigError, match="'yaml'"):
        writer("yaml", io.StringIO())


def changed(change, kind="json"):
    """The text of a file whose first document was changed by hand."""
    rows = json.loads(written("json", plain()))
    change(rows["documents"][0])
    return json.dumps(rows)


def set_chunk(number, **values):
    return lambda document: document["chunks"][number].update(values)


def put(key, value):
    return lambda document: document.update({key: value})


@pytest.mark.parametrize(
    "change, says",
    [
        (set_chunk(1, start=-1), "chunk 1: `start` is -1"),
        (set_chunk(1, start="7"), "chunk 1: `start` is '7', not a whole number"),
        (set_chunk(1, start=True), "`start` is True"),
        (set_chunk(1, end=11), "chunk 1: `end` is 11"),
        (set_chunk(2, end=9999), "characters, its offsets say 9969"),
        (set_chunk(1, n_tokens=1.5), "`n_tokens` is 1.5"),
        (set_chunk(1, n_tokens=1 << 70), "`n_tokens` is 1180591620717411303424"),
        (set_chunk(1, id=7), "chunk 1 has the id 7"),
        (set_chunk(1, overlap=0), "chunk 1 says it shares 0 characters"),
        (set_chunk(1, text="é" * 19), "`text` has 38 bytes"),
        (set_chunk(1, text=TEXT[11:29] + "\ud83d"), "half a surrogate pair"),
        (set_chunk(1, text="....\n" + TEXT[16:30].replace("\n", "\r")), "not the same text"),
        (set_chunk(1, boundary="sentance"), "there is no boundary 'sentance'"),
        (set_chunk(1, parent=3), "parent 3, which is no node"),
        (put("chunks", {}), "`chunks` is not a list"),
        (put("chunks", [1]), "chunk 0 is not an object"),
        (put("characters", 3), "but the document has 3"),
        (put("sha256", "abc"), "not 64 hexadecimal digits"),
        (put("options", {"a": []}), "`options` is not an object of plain values"),
        (put("source", None), "`source` is missing"),
        (put("tokenizer", "nano-pt"), "`tokenizer` is not an object"),
        (put("nodes", [{"id": 0, "parent": 0, "kind": "a", "start": 0, "end": 1, "n_tokens": 1}]), "`parent` is 0"),
        (put("nodes", [{"id": 0, "kind": "a", "start": 0, "end": 999, "n_tokens": 1}]), "node 0 ends at 999"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_contradicts_itself_is_refused_with_its_place(stored, change, says):
    path = stored(changed(change))
    with pytest.raises(DataError) as found:
        list(read(path))
    assert says in found.value.message
    assert str(path) in found.value.message
    assert "document 0" in found.value.message
    assert found.value.hint


@pytest.mark.parametrize(
    "content, says",
    [
        (b"", "it is empty"),
        (b"[1, 2]", "not a JSON object"),
        (b'{"text": "a"}', "not a chunks file"),
        (b"plain text", "not valid JSON"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b'{"format": "mlxgpt-chunks", "version": 2, "documents": []}', "version 2"),
        (b'{"format": "mlxgpt-chunks", "version": true, "documents": []}', "version True"),
        (b'{"format": "mlxgpt-chunks", "version": 1, "documents": []}', "it holds no document"),
        (b'{"format": "mlxgpt-chunks", "version": 1, "documents": 3}', "`documents` is not a list"),
        (b'{"format": "mlxgpt-chunks", "version": 1, "documents": [NaN]}', "not what a chunks file holds"),
        (b"[" * 100_000, "not what a chunks file holds"),
        (b'{"format": "mlxgpt-chunks", "version": ' + b"1" * 10_000 + b"}", "not what a chunks file holds"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_chunks_file_is_refused(stored, content, says):
    with pytest.raises(DataError) as found:
        list(read(stored(content)))
    assert says in found.value.message


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path, says in ((tmp_path / "none.json", "No such file"), (tmp_path, "not a regular file")):
        with pytest.raises(DataError) as found:
            list(read(path))
        assert says in found.value.message


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_a_file_cut_off_anywhere_is_refused(stored, kind):
    whole = written(kind, plain()).encode()
    for size in range(0, len(whole) - 1, 7):
        with pytest.raises(DataError):
            list(read(stored(whole[:size], f"chunks.{kind}")))


def test_lines_that_are_missing_or_doubled_are_refused(stored):
    lines = [line + "\n" for line in written("jsonl", plain(), plain()).split("\n")[:-1]]
    assert len(lines) == 10
    for broken in (lines[:4] + lines[5:], lines[:2] + lines[3:], lines[:3] + lines[2:], lines[:4], lines[1:]):
        with pytest.raises(DataError):
            list(read(stored("".join(broken), "chunks.jsonl")))


def test_a_line_of_a_hostile_length_is_refused(stored, monkeypatch):
    monkeypatch.setattr("mlxgpt.chunking.reading.MOST_LINE_BYTES", 400)
    content = written("jsonl", chunked("a" * 500, [500], [0]))
    with pytest.raises(DataError, match="longer than"):
        list(read(stored(content, "chunks.jsonl")))


def test_a_json_of_a_hostile_size_is_refused(stored, monkeypatch):
    monkeypatch.setattr("mlxgpt.chunking.reading.MOST_JSON_BYTES", 100)
    with pytest.raises(DataError, match="would not fit the memory"):
        list(read(stored(written("json", plain()))))


# ---- chunks without their texts --------------------------------------------------------------------------------------


def without_text(tmp_path, data, *, encoding="utf-8", text=TEXT):
    """A document of a source on the disk, its texts left out."""
    import hashlib

    source = tmp_path / "source.txt"
    source.write_bytes(data)
    document = chunked(text, [15, 30, len(text)], [0, 4, 0])
    return source, replace(
        document, sha256=hashlib.sha256(data).hexdigest(),
        provenance=replace(document.provenance, source=str(source), encoding=encoding),
        chunks=tuple(replace(chunk, text=None) for chunk in document.chunks),
    )  # fmt: skip


@pytest.mark.parametrize(
    "data, encoding, text",
    [
        (TEXT.encode(), "utf-8", TEXT),
        (b"\xef\xbb\xbf" + TEXT.encode(), "utf-8", TEXT),
        (("é" * 40).encode("cp1252"), "cp1252", "é" * 40),
        (b"a" * 40 + b"\xff", "utf-8", "a" * 40 + "\ufffd"),
        (b"a" * 40 + b"\xff", "utf-8", "a" * 40),
    ],
    ids=["plain", "mark", "cp1252", "replaced", "ignored"],
)
def test_a_text_that_was_left_out_is_read_from_its_source(tmp_path, data, encoding, text):
    _, document = without_text(tmp_path, data, encoding=encoding, text=text)
    assert text_of(document, tmp_path / "chunks.json") == text
    assert [chunk.text for chunk in chunks_of(document, text)] == [text[:15], text[11:30], text[30:]]


def test_a_source_beside_the_chunks_is_found(tmp_path):
    _, document = without_text(tmp_path, TEXT.encode())
    moved = replace(document, provenance=replace(document.provenance, source="/elsewhere/source.txt"))
    assert text_of(moved, tmp_path / "chunks.json") == TEXT


def test_a_source_that_changed_or_is_gone_is_refused(tmp_path):
    source, document = without_text(tmp_path, TEXT.encode())
    source.write_bytes(TEXT.encode() + b"!")
    with pytest.raises(DataError, match="is not the file that was chunked"):
        text_of(document, tmp_path / "chunks.json")
    source.unlink()
    with pytest.raises(DataError, match="is not there"):
        text_of(document, tmp_path / "chunks.json")
