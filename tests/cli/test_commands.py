"""stdout is data, stderr is narration: what each command prints, and where."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.events import Event, RunFinished, RunStarted, StepFinished, from_json

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("mlx", "mlx_lm", "transformers", "tokenizers", "textual", "rich", "numpy")


@pytest.fixture
def trained(workplace):
    """A workplace with one run, called "run", of four steps."""
    workplace.train(
        steps=4, chunk_strategy="fixed", chunk_size=12, eval_every=2, checkpoint_every=2, out=workplace.runs / "run"
    )
    return workplace


def values(answer):
    """The JSON values on stdout, one a line."""
    return [json.loads(line) for line in answer.out.splitlines()]


@pytest.mark.parametrize("arguments", [[], ["train"], ["tokenizer", "train"], ["chat"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments):
    program = (
        "import sys; sys.argv = ['mlxgpt', *sys.argv[1:], '--help']\n"
        "from mlxgpt.cli.main import run\n"
        "try: run()\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "Usage: mlxgpt" in done.stdout


def test_the_version_is_printed(mlxgpt):
    answer = mlxgpt("--version")
    assert answer.code == 0
    assert answer.out.startswith("mlxgpt ")


def test_training_with_json_prints_events_and_nothing_else(workplace, mlxgpt):
    answer = mlxgpt("train", "--data", workplace.corpus, "--preset", workplace.preset, "--steps", 3, "--json")
    events = [from_json(value) for value in values(answer)]
    assert all(isinstance(event, Event) for event in events)
    assert [type(event) for event in events if isinstance(event, (RunStarted, StepFinished, RunFinished))] == [
        *(RunStarted, StepFinished, StepFinished, StepFinished, RunFinished)
    ]
    assert (answer.code, answer.err) == (0, "")


def test_training_tells_its_story_on_stderr(workplace, mlxgpt):
    answer = mlxgpt(
        *("train", "--data", workplace.corpus, "--preset", workplace.preset, "--steps", 3, "--batch-size", 2),
        *("--set", "train.eval_every=3", "--set", "model.n_layer=1", "--set", "train.optimizer=muon"),
    )
    assert (answer.code, answer.out) == (0, "")
    for words in (
        "Tokenizer: 265 entries",
        "step 1/3",
        "step 3: validation loss",
        "The checkpoint of step 3 is",
        "Completed after 3 steps",
    ):
        assert words in answer.err


def test_list_names_every_checkpoint_as_load_takes_it(trained, mlxgpt):
    entries = values(mlxgpt("list", "--json"))
    mine = [entry for entry in entries if entry["name"].startswith("run/")]
    assert [entry["step"] for entry in mine] == [2, 4]
    assert mine[1]["labels"] == ["best", "last"]
    assert all(entry["problem"] == "" and entry["chunking"] == "fixed 12" for entry in mine)
    for word in [entry["name"] for entry in mine] + ["best", "latest", "run", "run/last"]:
        assert mlxgpt("load", "--filter", word).code == 0


def test_list_shows_chunking_when_asked(trained, mlxgpt):
    assert "fixed 12" in mlxgpt("list", "--show-chunking").out
    assert "fixed 12" not in mlxgpt("list").out


def test_list_of_nothing_says_how_to_begin(tmp_path, mlxgpt):
    answer = mlxgpt("list", tmp_path)
    assert answer.out == ""
    assert "mlxgpt quickstart" in answer.err


def test_a_damaged_checkpoint_is_listed_with_its_problem(trained, mlxgpt):
    weights = trained.runs / "run/checkpoints/step-00000002/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    entry = next(entry for entry in values(mlxgpt("list", "--json")) if entry["problem"])
    assert "is damaged" in entry["problem"]
    answer = mlxgpt("list")
    assert "damaged" in answer.out
    assert "is damaged" in answer.err


def test_load_says_what_it_is_and_continues_the_prompt(trained, mlxgpt):
    answer = mlxgpt("load", "--filter", "best", "--prompt", "a casa", "--max-tokens", 5)
    assert answer.code == 0
    assert "12,512 parameters, step 4, validation loss" in answer.err
    assert answer.out.startswith("a casa")


def test_generate_writes_text_to_stdout_and_figures_to_stderr(trained, mlxgpt):
    answer = mlxgpt("generate", "--model", "run", "--prompt", "a casa", "--max-tokens", 5, "--seed", 1)
    assert answer.out.startswith("a casa")
    assert "tok/s" in answer.err
    again = mlxgpt("generate", "--model", "run", "--prompt", "a casa", "--max-tokens", 5, "--seed", 1, "--json")
    finished = values(again)[-1]
    assert finished["event"] == "GenerationFinished"
    assert again.err == ""


def test_generate_cuts_a_long_prompt_into_chunks_when_asked(trained, mlxgpt):
    prompt = "uma menina abriu a porta " * 5
    answer = mlxgpt(
        *("generate", "--model", "run", "--prompt", prompt, "--max-tokens", 3, "--chunk-strategy", "overlapping"),
        *("--chunk-size", 10, "--json"),
    )
    assert answer.code == 0
    assert "the model continues the last" in values(answer)[0]["text"]


def test_info_knows_presets_and_checkpoints(trained, mlxgpt):
    assert values(mlxgpt("info", "run", "--json"))[0]["parameters"] == 12_512
    for model in ("run", "small-transformer", trained.preset):
        answer = mlxgpt("info", model)
        assert (answer.code, answer.err) == (0, "")
        assert "parameters" in answer.out


@pytest.mark.parametrize("word, near", [("3b", "'1b'"), ("1b5", "'rwkv7-1b5'"), ("rwkv7-micro", "'rwkv-micro'")])
def test_info_names_the_nearest_preset_or_size(mlxgpt, word, near):
    answer = mlxgpt("info", word)
    assert answer.code == 1 and "no run, preset or size has that name" in " ".join(answer.err.replace("│", "").split())
    assert "Did you mean" in answer.err and near in answer.err


def test_a_size_that_there_is_not_lists_those_that_there_are(mlxgpt):
    answer = mlxgpt("train", "--model-size", "3b", "--data", "x")
    assert answer.code == 2 and "140m, 400m, 800m, 1b, 1.5b" in answer.err


def test_logits_are_the_models(trained, mlxgpt):
    from mlxgpt import checkpoint

    ids = np.array([[5, 70, 120, 9], [1, 2, 3, 4]])
    np.save(trained.path / "ids.npy", ids)
    out = trained.path / "deep" / "out.safetensors"
    assert mlxgpt("logits", "run", trained.path / "ids.npy", out, "--loss", "--device", "cpu").code == 0
    found = mx.load(str(out))
    model, _ = checkpoint.load(trained.runs / "run/checkpoints/best")
    logits = model(mx.array(ids))
    np.testing.assert_allclose(found["logits"], logits, atol=1e-6)
    sure = mx.softmax(logits[:, :-1], axis=-1)
    likely = mx.take_along_axis(sure, mx.array(ids)[:, 1:, None], axis=-1)
    assert found["loss"].item() == pytest.approx(-mx.log(likely).mean().item(), rel=1e-5)


def test_doctor_prints_rows_or_json(mlxgpt, workplace):
    report = values(mlxgpt("doctor", "--json"))[0]
    assert report["device"] in ("metal", "cuda", "cpu")
    answer = mlxgpt("doctor")
    assert answer.code == 0
    assert "mx.compile" in answer.out


def test_a_tokenizer_is_trained_inspected_and_shown(workplace, mlxgpt):
    folder = workplace.path / "tokens"
    answer = mlxgpt(
        "tokenizer", "train", "--corpus", workplace.corpus, "--output", folder, "--vocab-size", 300, "--json"
    )
    assert values(answer)[0]["vocab_size"] == 300
    pieces = values(mlxgpt("tokenizer", "encode", "a casa é", "--tokenizer", folder, "--json"))[0]
    assert "".join(piece["text"] for piece in pieces).startswith("a casa")
    figures = values(mlxgpt("tokenizer", "inspect", workplace.corpus, "--tokenizer", folder, "--json"))[0]
    assert figures["unknown"] == 0
    assert sorted(path.name for path in folder.iterdir()) == ["tokenizer.json", "tokenizer_config.json"]


def test_a_tokenizer_never_replaces_a_folder_of_other_things(workplace, mlxgpt):
    answer = mlxgpt("tokenizer", "train", "--corpus", workplace.corpus, "--output", workplace.path)
    assert answer.code == 2
    assert "holds other files" in answer.err
    assert workplace.corpus.exists()


def test_quickstart_trains_and_says_what_comes_next(workplace, mlxgpt, monkeypatch):
    from mlxgpt.backend import places

    monkeypatch.setattr(places, "corpus", lambda: workplace.corpus)
    answer = mlxgpt("quickstart", "--seconds", 1, "--preset", workplace.preset, "--device", "cpu")
    assert answer.code == 0
    assert "the same beginning, three moments" in answer.err
    assert "mlxgpt chat --model last" in answer.err
    assert answer.out == ""


def test_the_chat_continues_and_ends(trained, mlxgpt, monkeypatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("a casa\n/temp 0\n/nonsense\n/exit\n"))
    answer = mlxgpt("chat", "--model", "run", "--max-tokens", 5, "--device", "cpu")
    assert answer.code == 0
    assert answer.out.startswith("a casa")
    assert "There is no command /nonsense." in answer.err


def test_a_reader_that_leaves_early_is_no_error_to_speak_of(trained):
    command = f"{shlex.quote(sys.executable)} -m mlxgpt list {shlex.quote(str(trained.runs))} --json | true"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
