"""`mlxgpt data clean` on the command line: what is written, what is said, and with which exit code."""

import gzip
import io
import json
import sys
from types import SimpleNamespace

import pytest

from mlxgpt.data.sources import read

TEXTS = [
    f"O texto de número {number} conta que, depois da chuva, a estrada para {town} ficou fechada por três dias."
    for number, town in enumerate(["Itu", "Assis", "Lins", "Jaú", "Bauru", "Piraju"])
]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_bytes("\n\n\n".join(TEXTS[:2]).encode("cp1252"))
    rows = [
        {"text": TEXTS[2].encode().decode("latin-1"), "id": 7},
        {"text": "OK"},
        {"text": f"<html><body><nav>Menu</nav><p>{TEXTS[3]}</p></body></html>"},
        {"text": TEXTS[2].upper()},
    ]
    (folder / "b.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    (folder / "c.txt").write_text("\n\n\n".join(TEXTS[4:]), encoding="utf-8")
    return folder


def documents(text):
    return [json.loads(line) for line in text.splitlines()]


def test_clean_documents_go_to_stdout_and_what_happened_to_stderr(corpus, mlxgpt):
    answer = mlxgpt("data", "clean", corpus)
    assert answer.code == 0
    found = documents(answer.out)
    assert [row["text"] for row in found] == [*TEXTS[:4], TEXTS[2].upper(), *TEXTS[4:]]
    assert found[2]["id"] == 7
    assert "8 documents: 7 kept, 1 dropped" in answer.err
    assert "b.jsonl.gz, line 2: too short (1 words): OK" in answer.err
    assert "mojibake" in answer.err


def test_duplicates_are_dropped_when_asked(corpus, tmp_path, mlxgpt):
    events = documents(
        mlxgpt("data", "clean", corpus, "--dedup", "exact,near", "--json", "-o", tmp_path / "x.jsonl").out
    )
    dropped = [event for event in events if event["event"] == "DocumentDropped"]
    assert [event["rule"] for event in dropped] == ["too short", "exact duplicate"]
    assert dropped[1]["reason"] == "as document 3 of those that were kept"
    assert events[-1]["changed"] == {"encoding": 2, "mojibake": 1, "html": 1}
    assert events[-1]["dropped"] == {"too short": 1, "exact duplicate": 1}
    assert events[-1]["memory_bytes"] > 0


@pytest.mark.parametrize("name", ["clean.txt", "clean.jsonl"])
def test_a_file_is_read_as_the_same_documents_again(corpus, tmp_path, mlxgpt, name):
    output = tmp_path / name
    assert mlxgpt("data", "clean", corpus, "-o", output).out == ""
    assert [document.text for document in read([output])] == [*TEXTS[:4], TEXTS[2].upper(), *TEXTS[4:]]


def test_what_was_dropped_can_be_kept_with_its_reason(corpus, tmp_path, mlxgpt):
    mlxgpt("data", "clean", corpus, "--rejects", tmp_path / "rejects.jsonl")
    (row,) = documents((tmp_path / "rejects.jsonl").read_text(encoding="utf-8"))
    assert (row["rule"], row["reason"], row["place"], row["text"]) == ("too short", "1 words", "line 2", "OK")


def test_workers_change_nothing(corpus, mlxgpt):
    one, two = (mlxgpt("data", "clean", corpus, "--dedup", "near", "--workers", count) for count in (1, 2))
    assert one.out == two.out
    assert one.out


def test_without_the_survey_documents_come_out_in_one_pass(corpus, mlxgpt):
    assert mlxgpt("data", "clean", corpus, "--skip", "boilerplate").out == mlxgpt("data", "clean", corpus).out


def test_standard_input_is_cleaned(monkeypatch, mlxgpt):
    data = "\n\n\n".join(TEXTS).encode("utf-16")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(data))))
    assert [row["text"] for row in documents(mlxgpt("data", "clean", "-").out)] == TEXTS


def test_chats_stay_chats(tmp_path, mlxgpt):
    chat = {"messages": [{"role": "user", "content": "Oi?"}, {"role": "assistant", "content": "OlÃ¡!"}]}
    path = tmp_path / "chats.jsonl"
    path.write_text(json.dumps(chat), encoding="utf-8")
    (row,) = documents(mlxgpt("data", "clean", path).out)
    assert row["messages"][1]["content"] == "Olá!"
    answer = mlxgpt("data", "clean", path, "-o", tmp_path / "out.txt")
    assert answer.code == 1
    assert "is a chat, which a .txt cannot hold" in answer.err
    assert not (tmp_path / "out.txt").exists()


def test_an_unreadable_file_is_told_and_the_others_go_on(corpus, mlxgpt):
    (corpus / "bb.jsonl.gz").write_bytes(gzip.compress(b'{"text": "x"}\n' * 100)[:-9])
    answer = mlxgpt("data", "clean", corpus)
    assert answer.code == 1
    assert [row["text"] for row in documents(answer.out)][-2:] == TEXTS[4:]
    assert "1 could not be read" in answer.err
    assert "Left out:" in answer.err
    assert "bb.jsonl.gz is damaged or cut off" in answer.err


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["{folder}/nothing.txt"], "nothing.txt does not exist", 1),
        (["{folder}/*.pdf"], "matches nothing", 1),
        (["{folder}/empty.txt"], "There is no text in", 1),
        (["{folder}/a.txt", "--skip", "mojibak"], "Did you mean 'mojibake'?", 2),
        (["{folder}/a.txt", "--dedup", "neer"], "Did you mean 'near'?", 2),
        (["{folder}/a.txt", "--dedup", "near", "--similarity", "0.1"], "similarity = 0.1 is not possible", 2),
        (["{folder}/a.txt", "--languages", "pt,br"], "no language 'br'", 2),
        (["{folder}/a.txt", "-o", "{folder}/out.pdf"], "cannot be written as .pdf", 2),
        (["{folder}/b.jsonl.gz", "--column", "texto"], "no column `texto`; its columns are text, id", 1),
    ],
)
def test_bad_input_says_what_and_where_and_leaves_nothing(corpus, mlxgpt, arguments, says, code):
    (corpus / "empty.txt").write_text("\n\n")
    before = sorted(corpus.iterdir())
    answer = mlxgpt("data", "clean", *(argument.format(folder=corpus) for argument in arguments))
    assert answer.code == code
    assert says in " ".join(answer.err.split())
    assert sorted(corpus.iterdir()) == before


def test_hostile_text_reaches_the_terminal_without_its_controls(tmp_path, mlxgpt):
    path = tmp_path / "a.jsonl"
    path.write_text(
        json.dumps({"text": "\x1b]0;title\x07 OK"}) + "\n" + json.dumps({"text": TEXTS[0]}), encoding="utf-8"
    )
    answer = mlxgpt("data", "clean", path)
    assert "\x1b" not in answer.err + answer.out


def test_what_is_read_is_never_written_over(corpus, tmp_path, mlxgpt):
    source = corpus / "c.txt"
    before = source.read_bytes()
    for arguments in (("-o", source), ("-o", tmp_path / "x.jsonl", "--rejects", source)):
        answer = mlxgpt("data", "clean", source, *arguments)
        assert answer.code == 2
        assert "it would be lost" in answer.err
    answer = mlxgpt("data", "clean", source, "-o", tmp_path / "x.jsonl", "--rejects", tmp_path / "x.jsonl")
    assert "cannot hold both" in answer.err
    answer = mlxgpt("tokenizer", "train", "--corpus", source, "--output", source, "--vocab-size", 300)
    assert "is a file; a tokenizer is a folder" in answer.err
    assert source.read_bytes() == before


NAMES = ("Ana", "Bia", "Caio", "Davi", "Eva", "Fábio", "Gil", "Hugo", "Ivo", "Joana", "Lia", "Mauro")
MANY = [
    f"Na rua {at} morava {name}, que vendia frutas na feira.\n\nUm dia choveu {at} horas em {name} e nas redondezas."
    for at, name in enumerate(NAMES, start=3)
]


def test_lines_that_masking_makes_alike_are_no_boilerplate(tmp_path, mlxgpt):
    path = tmp_path / "people.jsonl"
    line = "Quem quiser saber mais escreve para pessoa{}@exemplo.com e espera."
    rows = [f"{text}\n\n{line.format(at)}" for at, text in enumerate(MANY)]
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows), encoding="utf-8")
    found = documents(mlxgpt("data", "clean", path, "--mask-personal").out)
    assert [row["text"] for row in found] == [
        f"{text}\n\nQuem quiser saber mais escreve para [EMAIL] e espera." for text in MANY
    ]


def test_what_a_site_says_leaves_no_gap(tmp_path, mlxgpt):
    path = tmp_path / "pages.jsonl"
    menu, cookies = (
        "Início | Notícias | Esportes | Cultura | Assine",
        "Este site usa cookies para melhorar a experiência.",
    )
    rights = "© 2019 Portal Exemplo. Todos os direitos reservados."
    rows = [f"{menu}\n\n{cookies}\n\n{MANY[0]}\n\n{cookies}\n\n{MANY[1]}\n\nLeia também: 10 receitas\n\n{rights}"]
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows), encoding="utf-8")
    assert [row["text"] for row in documents(mlxgpt("data", "clean", path).out)] == [f"{MANY[0]}\n\n{MANY[1]}"]
