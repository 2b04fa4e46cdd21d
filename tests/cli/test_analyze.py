"""`mlxgpt analyze`: a report of 80 columns, JSON, suggestions that can be typed, and what is wrong in a sentence."""

import json
import shlex

import pytest

from mlxgpt.tokenizer.simple import byte_tokenizer

PARAGRAPH = "O barco {} saiu do porto. Ele voltou cedo; o mar, calmo. No entanto, choveu {} dias."
TEXT = "\n\n".join(f"# Dia {n}\n\n" + "\n\n".join(PARAGRAPH.format(n, i) for i in range(4)) for n in range(8)) + "\n"


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path))
    path = tmp_path / "texto.txt"
    path.write_text(TEXT, encoding="utf-8", newline="")
    return path


@pytest.fixture
def chunks(text, tmp_path, mlxgpt):
    """A file of chunks of `text`."""
    output = tmp_path / "chunks.json"
    assert mlxgpt("chunk", text, "-o", output, "--max-size", 64, "--strategy", "sentence").code == 0
    return output


@pytest.fixture
def changed(chunks):
    """Changes the first document of the file."""

    def call(**values):
        content = json.loads(chunks.read_text(encoding="utf-8"))
        content["documents"][0].update(values)
        chunks.write_text(json.dumps(content), encoding="utf-8")
        return chunks

    return call


@pytest.mark.parametrize("more", [[], ["--show-stats"], ["--suggest-optimizations"]], ids=lambda more: "".join(more))
def test_a_report_fits_80_columns(chunks, mlxgpt, more):
    answer = mlxgpt("analyze", "--chunks", chunks, *more)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert [line for line in lines if len(line) > 80 and "mlxgpt chunk" not in line] == []
    assert lines[0] == "sentence: max_size 64, min_size 0, overlap_ratio 0"
    for name in ("Sizes", "Coverage", "Cuts", "Context", "Cohesion", "Structure"):
        assert name in lines
    assert ("Density" in lines) == (more == ["--show-stats"])


def test_the_figures_are_the_same_from_any_file(text, chunks, tmp_path, mlxgpt):
    whole = mlxgpt("analyze", "--chunks", chunks, "--json").out
    for number, more in enumerate((["--format", "jsonl"], ["--no-text"], ["--no-text", "--format", "jsonl"])):
        output = tmp_path / f"again-{number}"
        mlxgpt("chunk", text, "-o", output, "--max-size", 64, "--strategy", "sentence", *more)
        assert mlxgpt("analyze", "--chunks", output, "--json").out == whole
    now = mlxgpt("analyze", "--file", text, "--strategy", "sentence", "--max-size", 64, "--json").out
    assert json.loads(now)["report"] == json.loads(whole)["report"]
    folder = mlxgpt("analyze", "--file", text.parent, "--strategy", "sentence", "--max-size", 64, "--json").out
    assert json.loads(folder)["report"] == json.loads(whole)["report"]


def test_json_says_what_the_report_says(chunks, mlxgpt):
    answer = json.loads(mlxgpt("analyze", "--chunks", chunks, "--json", "--lang", "pt").out)
    assert (answer["strategy"], answer["options"]["max_size"], answer["notes"], answer["model"]) == (
        *("sentence", 64, [], None),
    )
    report = answer["report"]
    assert set(report) == {
        *("sizes", "coverage", "boundaries", "structure", "density", "cohesion", "context", "dangling"),
    }
    assert (report["coverage"]["over_limit"], report["coverage"]["lost"]) == (0, 0)
    assert report["structure"]["headings"] == 7
    assert sum(report["boundaries"]["counts"].values()) == report["sizes"]["chunks"] - 1


def test_a_suggestion_can_be_typed_and_gives_what_it_says(text, chunks, tmp_path, mlxgpt):
    arguments = ("--chunks", chunks, "--suggest-optimizations", "--budget-seconds", 60)
    search = json.loads(mlxgpt("analyze", *arguments, "--json").out)["search"]
    suggested = [*search["better"], *search["trades"]]
    lines = [line.strip() for line in mlxgpt("analyze", *arguments).out.splitlines() if "mlxgpt chunk" in line]
    assert len(lines) == len(suggested) > 0
    words = shlex.split(lines[0])
    words[words.index("--output") + 1] = str(tmp_path / "better.json")
    assert mlxgpt(*words[1:]).code == 0
    report = json.loads(mlxgpt("analyze", "--chunks", tmp_path / "better.json", "--json").out)["report"]
    figures = suggested[0]["figures"]
    assert report["sizes"]["chunks"] == figures["chunks"]
    assert report["context"]["sentences_whole"] == figures["sentences_whole"]
    assert (report["cohesion"]["drop_z"] or 0.0) == figures["drop_z"]


def test_a_model_is_asked_and_its_gate_shown(workplace, mlxgpt, text):
    workplace.train(steps=2, out=workplace.runs / "run")
    short = text.with_name("curto.txt")
    short.write_text("# A\n\nUm. Dois.\n\nSeis.\n\n# B\n\nTrês.\n\n# C\n\nQuatro. Cinco.\n", encoding="utf-8")
    call = ("analyze", "--file", short, "--strategy", "sentence", "--max-size", 12, "--model", "run", "--device", "cpu")
    answer = mlxgpt(*call)
    assert answer.code == 0
    assert "loss per token" in answer.out
    assert "2 headings; it takes 5" in answer.out
    assert "held back" in answer.out
    shown = json.loads(mlxgpt(*call, "--ungated", "--stickiness-threshold", -9, "--json").out)["model"]
    assert shown["clarity"]["value"] > 0
    assert shown["stickiness"]["edges"] == shown["stickiness"]["pairs"] > 0


# ---- what is odd, and what is wrong ----------------------------------------------------------------------------------


def test_a_tokenizer_that_is_not_there_is_said_and_counts_are_the_files(changed, mlxgpt):
    chunks = changed(tokenizer={"name": "gone", "fingerprint": "0" * 64})
    answer = mlxgpt("analyze", "--chunks", chunks, "--show-stats")
    assert answer.code == 0
    assert "The tokenizer gone is not here: token counts are those of the file" in answer.err
    assert "bits / character" not in answer.out
    refused = mlxgpt("analyze", "--chunks", chunks, "--suggest-optimizations")
    assert (refused.code, refused.out) == (1, "")
    assert "cannot be compared without the tokenizer gone" in refused.err
    assert mlxgpt("analyze", "--chunks", chunks, "--tokenizer", "nowhere").code == 1


def test_another_tokenizer_than_the_files_is_said_and_counts_again(chunks, tmp_path, mlxgpt):
    byte_tokenizer().save(tmp_path / "bytes")
    answer = mlxgpt("analyze", "--chunks", chunks, "--tokenizer", tmp_path / "bytes", "--json")
    assert "is not the tokenizer that the chunks were made with: they were counted again" in answer.err
    report = json.loads(answer.out)["report"]
    assert report["sizes"]["tokens"] == len(TEXT.encode())
    assert report["coverage"]["over_limit"] > 0
    assert report["coverage"]["miscounted"] > 0


def test_documents_chunked_in_two_ways_are_said(chunks, mlxgpt):
    content = json.loads(chunks.read_text(encoding="utf-8"))
    content["documents"].append(content["documents"][0] | {"strategy": "fixed"})
    chunks.write_text(json.dumps(content), encoding="utf-8")
    assert "were chunked in 2 ways" in mlxgpt("analyze", "--chunks", chunks).err


@pytest.mark.parametrize(
    "content, says",
    [
        ("", "it is empty"),
        ('{"a": 1}', "it is not a chunks file"),
        ('{"format": "mlxgpt-chunks", "version": 9}', "of version 9"),
        (TEXT, "not valid JSON"),
    ],
)
def test_what_is_no_chunks_file_is_refused(text, tmp_path, mlxgpt, content, says):
    path = tmp_path / "chunks.json"
    path.write_text(content, encoding="utf-8")
    answer = mlxgpt("analyze", "--chunks", path)
    assert (answer.code, answer.out) == (1, "")
    assert says in answer.err
    assert "Traceback" not in answer.err


def test_a_file_that_is_missing_cut_off_or_without_chunks_is_refused(chunks, tmp_path, changed, mlxgpt):
    assert "cannot be read" in mlxgpt("analyze", "--chunks", tmp_path / "none.json").err
    whole = chunks.read_bytes()
    chunks.write_bytes(whole[: len(whole) // 2])
    assert "cut off" in mlxgpt("analyze", "--chunks", chunks).err
    chunks.write_bytes(whole)
    assert "has no chunks" in mlxgpt("analyze", "--chunks", changed(chunks=[])).err


def test_a_source_that_changed_is_refused_when_it_is_needed(text, tmp_path, mlxgpt):
    bare, whole = tmp_path / "bare.json", tmp_path / "whole.json"
    mlxgpt("chunk", text, "-o", bare, "--no-text")
    mlxgpt("chunk", text, "-o", whole)
    text.write_text(TEXT + "Mais.", encoding="utf-8")
    answer = mlxgpt("analyze", "--chunks", bare)
    assert answer.code == 1
    assert "is not the file that was chunked" in answer.err
    assert mlxgpt("analyze", "--chunks", whole).code == 0


@pytest.mark.parametrize(
    "arguments, code, says",
    [
        ([], 2, "--chunks FILE or --file TEXT"),
        (["--chunks", "CHUNKS", "--file", "TEXT"], 2, "one of them"),
        (["--chunks", "CHUNKS", "--max-size", 9], 2, "--max-size says how to chunk --file"),
        (["--chunks", "CHUNKS", "--overlap", 0.1], 2, "--overlap says how to chunk --file"),
        (["--chunks", "CHUNKS", "--lang", "es"], 2, "no lists of words for the language 'es'"),
        (["--chunks", "CHUNKS", "--model", "nothing"], 1, "nothing is not a model directory"),
        (["--file", "TEXT", "--strategy", "sentense"], 2, "Did you mean 'sentence'?"),
        (["--file", "TEXT", "--min-size", 9, "--max-size", 5, "--strategy", "recursive"], 2, "min_size = 9"),
        (["--file", "NONE"], 1, "does not exist"),
    ],
)
def test_what_cannot_be_is_refused(text, chunks, mlxgpt, arguments, code, says):
    places = {"CHUNKS": chunks, "TEXT": text, "NONE": text.with_name("none.txt")}
    answer = mlxgpt("analyze", *(places.get(word, word) for word in arguments))
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err


def test_the_largest_figures_fit_too():
    from rich.console import Console

    from mlxgpt.chunking.analysis.chance import Compared
    from mlxgpt.chunking.analysis.model_scores import Gate, ModelScores, Stickiness
    from mlxgpt.chunking.analysis.report import Analysis
    from mlxgpt.chunking.analysis.subject import Findings
    from mlxgpt.chunking.chunk import Chunk
    from mlxgpt.display.chunks import findings_view

    words = "Ela disse que o barco, afinal, não voltaria nunca mais àquele porto tão distante. "
    pieces = [piece for number in range(120) for piece in (f"# Parte {number}\n\n", *[words] * 8, f"{words}\n\n")]
    text, start, chunks = "".join(pieces), 0, []
    for piece in pieces:
        chunks.append(Chunk(text=piece, start=start, end=start + len(piece), n_tokens=70_000_000))
        start += len(piece)
    analysis = Analysis(max_size=99_000_000, min_size=80_000_000)
    analysis.add(text, chunks)
    compared = Compared(cuts=10**6, value=1234.5, chance=1234.5678, chance_sd=1234.5678, z=-1234.5)
    sticky = Stickiness(bits=10.123, chunks=10**5, edges=4 * 10**5, pairs=4 * 10**5, window=4, threshold=0.123)
    model = ModelScores(
        gate=Gate(headings=10**4, clarity_auc=0.9, lexical_auc=0.8), clarity=compared, stickiness=sticky,
        nats_per_token=10.0, chunk_nats=(10.0, 10.0, 10.0), bits_per_character=10.0, chunks_read=10**6,
    )  # fmt: skip
    findings = Findings(strategy="fixed", options={}, report=analysis.report(), model=model)
    console = Console(width=1000)
    with console.capture() as shown:
        console.print(findings_view(findings, detailed=True))
    lines = shown.get().splitlines()
    assert len(lines) > 50
    assert [line.rstrip() for line in lines if len(line.rstrip()) > 80] == []
    assert any("“" in line and "…" in line for line in lines)
