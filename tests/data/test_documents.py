"""Reading documents: every kind of file, and an error with its place for each that cannot be read."""

import json
from pathlib import Path

import pytest

from mlxgpt.data.documents import Document, read_documents
from mlxgpt.errors import DataError

CHAT = {"messages": [{"role": "user", "content": "Oi?"}, {"role": "assistant", "content": "Olá!"}]}


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(path: Path) -> list[str]:
    return [document.text for document in read_documents(path)]


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        list(read_documents(path))
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("um\n\ndois\n", ["um\n\ndois"]),
        ("um\n\n\ndois", ["um", "dois"]),
        ("um\n \n\t\n\n\n  dois \n\n\n", ["um", "  dois"]),
        ("\n\n\num\n<|endoftext|>\ndois\n<|endoftext|>", ["um", "dois"]),
        ("um <|endoftext|> dois", ["um <|endoftext|> dois"]),
        ("um\r\n\r\n\r\ndois\r\ntrês", ["um", "dois\ntrês"]),
        ("\ufeffum", ["um"]),
    ],
)
def test_a_text_file_holds_documents_between_blank_lines(tmp_path: Path, content: str, expected: list[str]) -> None:
    assert texts(write(tmp_path / "a.txt", content)) == expected


def test_a_markdown_file_is_one_document(tmp_path: Path) -> None:
    assert texts(write(tmp_path / "a.md", "# Um\n\n\n\nDois\n")) == ["# Um\n\n\n\nDois"]


def test_json_lines_hold_texts_and_chats(tmp_path: Path) -> None:
    lines = [{"text": "um\r\ndois", "id": 7}, CHAT, {"text": "três\u2028quatro"}]
    content = "\ufeff" + "\r\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n"
    path = write(tmp_path / "a.jsonl", content)
    first, chat, last = read_documents(path)
    assert first == Document(text="um\ndois", source=str(path), place="line 1", index=0, metadata={"id": 7})
    assert chat.texts == ("Oi?", "Olá!")
    assert last == Document(text="três\u2028quatro", source=str(path), place="line 3", index=2)


def test_a_folder_is_read_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/10.md", "a.TXT", "b.txt", ".hidden.txt", ".git/x.txt", "image.png", "c/empty.txt"):
        write(tmp_path / name, "" if "empty" in name else name)
    assert texts(tmp_path) == ["a.TXT", "b/10.md", "b/2.txt", "b.txt"]


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/a.txt", "a")
    write(tmp_path / "corpus/b.txt", "b")
    (tmp_path / "corpus/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/loop").symlink_to(tmp_path / "corpus")
    assert texts(tmp_path / "corpus") == ["b", "a"]


def test_documents_remember_where_they_were(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "um\n\n\ndois")
    assert [(document.source, document.index) for document in read_documents(tmp_path)] == [
        (str(path), 0),
        (str(path), 1),
    ]


def test_a_missing_path_names_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "corpus.txt", "x")
    error = refused(tmp_path / "corpsu.txt")
    assert "corpsu.txt does not exist" in error.message
    assert error.hint == "Did you mean 'corpus.txt'?"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "nothing" in refused(tmp_path).message


def test_a_folder_without_text_says_what_it_has(tmp_path: Path) -> None:
    write(tmp_path / "book.pdf", b"%PDF")
    assert "only .pdf" in refused(tmp_path).message


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.jsonl"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str, name: str) -> None:
    path = write(tmp_path / name, content)
    assert f"{path} is empty" in refused(path).message
    write(tmp_path / f"b{name}", content)
    assert "The 2 files" in refused(tmp_path).message


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_text_that_is_not_utf8_says_where_and_what_to_do(tmp_path: Path, name: str, mark: bytes) -> None:
    before = mark + b'{"text": "ok"}\n'
    path = write(tmp_path / name, before + "ação".encode("latin-1"))
    error = refused(tmp_path)
    assert f"{path} is not UTF-8: byte {len(before) + 1} is 0xe7" in error.message
    assert "iconv -f WINDOWS-1252 -t UTF-8" in error.hint


def test_utf16_is_recognised_with_and_without_its_mark(tmp_path: Path) -> None:
    assert "is UTF-16" in refused(write(tmp_path / "a.txt", "abc".encode("utf-16"))).message
    error = refused(write(tmp_path / "b.txt", "abc".encode("utf-16-le")))
    assert "NUL byte at byte 1" in error.message


def test_one_unreadable_file_among_many_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "good")
    (tmp_path / "b.txt").symlink_to(tmp_path / "gone")
    assert f"{tmp_path / 'b.txt'} cannot be read" in refused(tmp_path).message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a"', "is not valid JSON"),
        ('"text"', "is not a JSON object"),
        ('{"content": "a"}', "its keys are content"),
        ('{"text": 3}', "`text` is int, not a string"),
        ('{"text": "\\ud83d"}', "half a surrogate pair"),
        ('{"messages": "oi"}', "is not a list"),
        ('{"messages": [{"role": "asistant", "content": "a"}]}', "message 1 has the role 'asistant'"),
        ('{"messages": [{"role": "user"}]}', "the content of message 1 is NoneType"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "no message by the assistant"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_bad_json_line_is_named_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "good"}\n\n' + line)
    error = refused(path)
    assert error.message.startswith(f"{path}:3")
    assert message in error.message
