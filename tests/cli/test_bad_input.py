"""Whatever is wrong ends in a sentence: what, where, what next; the right exit code; nothing half written, nothing lost."""

import errno
import json
import os
import struct
import sys
from pathlib import Path

import mlx.core as mx
import pytest

from mlxgpt import checkpoint, runs
from mlxgpt.training import train
from mlxgpt.training.step import Stepper

ESC = "\x1b"


@pytest.fixture
def refused(workplace, mlxgpt):
    """Runs a command that must be refused, and holds its words against what is expected; returns the answer."""

    def call(*arguments, code, says):
        before = sorted(workplace.path.rglob("*"))
        answer = mlxgpt(*arguments)
        for words in [says] if isinstance(says, str) else says:
            assert words in answer.err, answer.err
        assert answer.code == code
        assert "Traceback" not in answer.err
        assert "defect in mlxgpt" not in answer.err
        assert ESC not in answer.err + answer.out
        assert sorted(workplace.path.rglob("*")) == before, "something was written"
        return answer

    return call


@pytest.fixture
def training(workplace, refused):
    """A training command that must be refused."""

    def call(*arguments, code, says, data=None):
        data = workplace.corpus if data is None else data
        usual = ("train", "--data", data, "--preset", workplace.preset, "--steps", 5, "--device", "cpu")
        return refused(*usual, *arguments, code=code, says=says)

    return call


@pytest.fixture
def run(workplace):
    """A finished run of four steps."""
    workplace.train(steps=4, checkpoint_every=2, eval_every=2)
    return runs.Run(path=workplace.path / "run")


# ---- text ------------------------------------------------------------------------------------------------------------


def test_missing_data(training, workplace):
    training(
        data=workplace.path / "corpsu.txt", code=1, says=["corpsu.txt does not exist", "Did you mean 'corpus.txt'?"]
    )


def test_empty_data(training, workplace):
    (workplace.path / "empty.txt").write_text(" \n\n")
    training(data=workplace.path / "empty.txt", code=1, says=["empty.txt is empty", "Give a file with text"])
    (workplace.path / "folder").mkdir()
    training(data=workplace.path / "folder", code=1, says="holds no .txt, .md, .jsonl")


def test_text_that_is_not_utf_8(training, workplace):
    (workplace.path / "latin.txt").write_bytes("maçã".encode("latin-1"))
    training(data=workplace.path / "latin.txt", code=1, says=["latin.txt is not UTF-8: byte 2 is 0xe7", "iconv"])


def test_a_corpus_shorter_than_one_context(training, workplace):
    (workplace.path / "short.txt").write_text("Era uma vez.\n\n\nE foi.")
    training(
        *("--context-length", 64), data=workplace.path / "short.txt", code=1,
        says=["The training text has 13 tokens; one context needs 65", "Lower --context-length to 12 or less"],
    )  # fmt: skip


def test_a_vocabulary_that_the_corpus_does_not_support(training):
    training(
        *("--set", "train.algorithm=bpe", "--vocab-size", 20_000), code=1,
        says=["The corpus supports a vocabulary of", "fewer than the 20,000 asked for", "Pass a vocabulary size of"],
    )  # fmt: skip


def test_a_broken_line_of_json(training, workplace):
    (workplace.path / "chats.jsonl").write_text('{"text": "um"}\n{"text": ')
    training(data=workplace.path / "chats.jsonl", code=1, says=["chats.jsonl:2 is not valid JSON"])


# ---- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--set", "model.n_head=3"), ["n_embd = 16 cannot be divided into n_head = 3 heads", "Take n_head = 2"]),
        (("--set", "model.norm=rmsnrm"), ["norm = 'rmsnrm' is not known", "Did you mean 'rmsnorm'?"]),
        (("--set", "train.schedule=cosin"), ["schedule = 'cosin' is not known", "Did you mean 'cosine'?"]),
        (("--set", "train.algorithm=bpp"), ["no tokenizer algorithm named 'bpp'", "Did you mean 'bpe'?"]),
        (("--optimizer", "muom"), ["optimizer = 'muom' is not known", "Did you mean 'muon'?"]),
        (("--chunk-strategy", "fixd"), ["no chunk strategy named 'fixd'", "Did you mean 'fixed'?"]),
        (("--device", "mettal"), ["There is no device 'mettal'", "Did you mean 'metal'?"]),
        (("--set", "train.batchsize=3"), ["no setting named 'batchsize'", "Did you mean 'batch_size'?"]),
        (("--set", "model.n_layers=3"), ["no setting named 'n_layers'", "Did you mean 'n_layer'?"]),
        (("--set", "steps=3"), ["--set steps=3 is no setting", "Write train.NAME=VALUE"]),
        (("--set", "train.steps"), ["--set train.steps is no setting", "Write train.NAME=VALUE"]),
        (("--set", "train.eval_every=often"), ["eval_every must be a whole number, not 'often'"]),
        (("--set", "train.warmup=nan"), ["warmup must be a finite number, not nan"]),
        (("--set", "train.sample_tokens=0"), ["sample_tokens must be at least 1"]),
        (("--set", "train.eval_tokens=-5"), ["eval_tokens must not be negative"]),
        (("--epochs", "2"), ["give one budget, not steps and epochs", "Keep the one you mean"]),
        (("--learning-rate", "-1"), ["learning_rate must not be negative, but is -1.0"]),
        (("--context-length", "-4"), ["context_length must not be negative"]),
        (("--seed", "-1"), ["seed must not be negative"]),
        (("--grad-accum", "0"), ["grad_accum must be at least 1"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_setting(training, arguments, says):
    training(*arguments, code=2, says=says)


def test_a_wrong_preset(refused, workplace):
    refused(
        "train", "--preset", "modern-nan", code=2, says=["no preset named 'modern-nan'", "Did you mean 'modern-nano'?"]
    )
    workplace.preset.write_text("[model]\nn_layer = \n")
    refused("train", "--preset", workplace.preset, code=2, says=["tiny.toml is not valid TOML", "line 2"])
    workplace.preset.write_text("[modell]\nn_layer = 3\n")
    refused("train", "--preset", workplace.preset, code=2, says=["no table [modell]", "Did you mean 'model'?"])
    workplace.preset.write_text("model = 3\n")
    refused("train", "--preset", workplace.preset, code=2, says=["model must be a table, not 3"])


def test_a_missing_config_file(refused, workplace):
    refused("train", "--config", workplace.path / "no.toml", code=2, says="no.toml does not exist")


def test_an_option_that_is_not_there(mlxgpt):
    answer = mlxgpt("train", "--stepz", 3)
    assert answer.code == 2
    assert "--steps" in answer.err


# ---- while it trains -------------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number(workplace, mlxgpt):
    run = runs.Run(path=workplace.path / "run")
    answer = mlxgpt(
        *("train", "--data", workplace.corpus, "--preset", workplace.preset, "--out", run.path, "--steps", 50),
        *("--learning-rate", 1e30, "--set", "train.checkpoint_every=1", "--set", "train.warmup=0.5", "--grad-accum", 2),
    )
    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert "became" in answer.err
    assert "Lower --learning-rate" in answer.err
    for step in run.steps():
        model, _ = checkpoint.load(run.checkpoint(step))
        assert all(mx.isfinite(p).all() for p in dict(model.parameters())["embedding"].values())


def test_a_loss_that_becomes_nan_keeps_the_last_good_checkpoint(workplace, mlxgpt, monkeypatch):
    real = Stepper.step

    def step(self, batches, *others):
        loss, norm = real(self, batches, *others)
        return (loss * float("nan") if self.steps == 4 else loss), norm

    monkeypatch.setattr(Stepper, "step", step)
    run = runs.Run(path=workplace.path / "run")
    command = ("train", "--data", workplace.corpus, "--preset", workplace.preset, "--out", run.path, "--steps", 9)
    answer = mlxgpt(*command, "--grad-accum", 2, "--set", "train.checkpoint_every=2", "--set", "train.eval_every=9")
    assert answer.code == 1
    assert "The loss became nan at step 4, on batch 6 of the data." in answer.err
    assert "The checkpoint of step 2 is intact." in answer.err
    assert run.steps() == [2]
    monkeypatch.undo()
    assert workplace.train(resume=run.path, steps=3)[-1].step == 3


def full(monkeypatch, when):
    """Make writing fail as on a full disk, the next time that `when` says so."""
    from mlxgpt.tokenizer.fast import FastTokenizer

    real = FastTokenizer.save

    def save(self, directory, **options):
        if when(directory):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory / "tokenizer.json"))
        return real(self, directory, **options)

    monkeypatch.setattr(FastTokenizer, "save", save)


def test_a_full_disk_leaves_the_earlier_checkpoints_whole(workplace, mlxgpt, monkeypatch):
    run = runs.Run(path=workplace.path / "run")
    full(monkeypatch, lambda directory: "step-00000004" in directory.name)
    answer = mlxgpt(
        *("train", "--data", workplace.corpus, "--preset", workplace.preset, "--out", run.path, "--steps", 9),
        *("--set", "train.checkpoint_every=2", "--set", "train.eval_every=9"),
    )
    assert answer.code == 1
    assert "Disk full" in answer.err
    assert "tokenizer.json" in answer.err
    assert "Free some space" in answer.err
    assert "Traceback" not in answer.err
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["best", "last", "step-00000002"]
    checkpoint.load(run.last)
    monkeypatch.undo()
    assert workplace.train(resume=run.path, steps=5)[-1].step == 5


def test_a_full_disk_from_the_start_leaves_no_run(workplace, mlxgpt, monkeypatch):
    full(monkeypatch, lambda directory: True)
    command = ("train", "--data", workplace.corpus, "--preset", workplace.preset, "--out", workplace.path / "run")
    assert "Disk full" in mlxgpt(*command, "--steps", 3).err
    assert list((workplace.path / "run").iterdir()) == []
    monkeypatch.undo()
    assert mlxgpt(*command, "--steps", 1).code == 0


def test_a_full_disk_as_mlx_reports_it(workplace, mlxgpt, monkeypatch):
    def save(*_, **__):
        raise RuntimeError("[write] Unable to write 3900094 bytes to file.")

    monkeypatch.setattr(mx, "save_safetensors", save)
    run = runs.Run(path=workplace.path / "run")
    command = ("train", "--data", workplace.corpus, "--preset", workplace.preset, "--out", run.path, "--steps", 3)
    answer = mlxgpt(*command)
    assert answer.code == 1
    assert "Disk full" in answer.err
    assert run.steps() == []
    assert not list(run.path.rglob(".*"))


@pytest.mark.parametrize(
    "message",
    [
        "[metal::malloc] Attempting to allocate 68719476736 bytes which is greater than the maximum allowed buffer size",
        "[METAL] Command buffer execution failed: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
        "[malloc] Unable to allocate 1099511627776 bytes.",
        "cudaMallocAsync(&data, size, stream) failed: out of memory",
    ],
)
def test_memory_that_runs_out_says_what_to_lower(workplace, mlxgpt, monkeypatch, message):
    def step(*_):
        raise RuntimeError(message)

    monkeypatch.setattr(Stepper, "step", step)
    answer = mlxgpt("train", "--data", workplace.corpus, "--preset", workplace.preset, "--steps", 3)
    assert answer.code == 1
    assert "Out of memory" in answer.err
    for advice in ("--batch-size", "--grad-accum", "--context-length", "--preset"):
        assert advice in answer.err
    assert "Traceback" not in answer.err


def test_ctrl_c_keeps_what_was_learned(workplace, mlxgpt, monkeypatch):
    real = train._stepped

    def stepped(plan, *others):
        if plan.progress.step == 3:
            raise KeyboardInterrupt
        return real(plan, *others)

    monkeypatch.setattr(train, "_stepped", stepped)
    run = runs.Run(path=workplace.path / "run")
    answer = mlxgpt("train", "--data", workplace.corpus, "--preset", workplace.preset, "--out", run.path, "--steps", 9)
    assert answer.code == 130
    assert "Traceback" not in answer.err
    assert run.steps()[-1] == 3
    checkpoint.load(run.last)


# ---- runs ------------------------------------------------------------------------------------------------------------


def test_a_folder_that_holds_a_run_is_not_overwritten(run, training):
    training("--out", run.path, code=1, says=["run already holds a run", f"--resume {run.path}", "another --out"])


def test_a_folder_of_other_things_is_not_written_into(training, workplace):
    training("--out", workplace.path, code=1, says=["holds other files, such as corpus.txt", "Choose another --out"])


def test_resuming_what_is_no_run(refused, workplace, run):
    refused("train", "--resume", workplace.path / "nothing", code=1, says=["is not a run: it has no config.toml"])
    refused("train", "--resume", run.last, code=1, says=["is not a run: it has no config.toml"])
    refused("train", "--resume", run.path, "--out", "other", code=2, says="Leave --out or --resume out")


def test_resuming_without_the_text(refused, workplace, run):
    workplace.corpus.unlink()
    refused("train", "--resume", run.path, code=1, says="corpus.txt does not exist")


def spoil(path: Path, how: str) -> None:
    """Damage a file."""
    raw = path.read_bytes()
    match how:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(raw[: len(raw) // 2])
        case "lying":
            path.write_bytes(struct.pack("<Q", 2**60) + raw[8:])
        case "no object":
            path.write_text("[1, 2]")
        case "other keys":
            path.write_text('{"progress": {"step": "four"}, "data_fingerprint": 3}')
        case "deep":
            path.write_text("[" * 100_000)


DAMAGE = [
    *[("model.safetensors", how) for how in ("missing", "empty", "cut", "lying")],
    *[("training/optimizer.safetensors", how) for how in ("missing", "empty", "cut", "lying")],
    *[("config.json", how) for how in ("missing", "empty", "no object", "deep")],
    *[("training/state.json", how) for how in ("missing", "empty", "cut", "no object", "other keys", "deep")],
    *[("tokenizer.json", how) for how in ("missing", "cut", "no object")],
    *[("mlxgpt.toml", how) for how in ("cut",)],
]


def test_a_damaged_checkpoint_is_neither_continued_nor_used(refused, run):
    newest = run.last.resolve()
    for name, how in DAMAGE:
        before = (newest / name).read_bytes()
        spoil(newest / name, how)
        refused("train", "--resume", run.path, "--steps", 6, "--device", "cpu", code=1, says=str(newest))
        if not name.startswith("training/"):
            refused("generate", "--model", newest, "--prompt", "a", code=1, says=str(newest))
        (newest / name).write_bytes(before)


def test_a_state_that_speaks_of_other_text_or_another_step(refused, run):
    state = run.last.resolve() / "training" / "state.json"
    values = json.loads(state.read_text())
    state.write_text(json.dumps(values | {"progress": values["progress"] | {"step": 3}}))
    refused("train", "--resume", run.path, "--steps", 6, code=1, says=["state.json speaks of step 3", "Move", "away"])
    state.write_text(json.dumps({"progress": values["progress"]}))
    refused("train", "--resume", run.path, "--steps", 6, code=1, says="is not the text")


def test_a_damaged_checkpoint_moved_away_lets_the_run_go_on(workplace, run):
    spoil(run.last.resolve() / "model.safetensors", "cut")
    run.checkpoint(4).rename(workplace.path / "away")
    assert workplace.train(resume=run.path)[-1].step == 4


def test_a_damaged_run_config(refused, run):
    run.config.write_text("[train]\nstepz = 3\n")
    refused("train", "--resume", run.path, code=2, says=["config.toml", "no setting named 'stepz'"])


# ---- tokenizers and prompts --------------------------------------------------------------------------------------------


def test_a_tokenizer_of_another_model(refused, workplace, run):
    from mlxgpt.tokenizer.simple import train_characters

    train_characters(["abc casa"]).save(run.last.resolve())
    refused(
        "generate", "--model", run.last, "--prompt", "a", code=1, says=["is not the one this checkpoint was saved with"]
    )
    refused("train", "--resume", run.path, "--steps", 6, code=1, says=["is not the one this checkpoint was saved with"])
    train_characters(map(chr, range(32, 900))).save(run.last.resolve())
    refused(
        "generate", "--model", run.last, "--prompt", "a", code=1, says=["the model knows only 265", "another model"]
    )


def test_a_tokenizer_folder_that_is_none(training, workplace):
    training("--tokenizer", workplace.path / "nothing", code=1, says="There is no tokenizer directory")


def test_a_prompt_of_no_tokens_begins_a_document(run, mlxgpt):
    for command in (("generate", "--model", run.path, "--max-tokens", 3), ("generate", "--prompt", "", "-m", run.path)):
        answer = mlxgpt(*command, "--json")
        assert answer.code == 0
        assert json.loads(answer.out.splitlines()[0])["tokens"] == 1


def test_a_model_that_is_not_there(refused):
    refused("generate", "--model", "runn", code=1, says="runn is not a model directory")
    refused("generate", "--model", "last", code=1, says=["Nothing has been trained yet", "mlxgpt quickstart"])
    refused("load", "--filter", "worst", code=1, says="worst is not a model directory")


def test_ids_that_the_model_does_not_have(refused, workplace, run):
    import numpy as np

    out = workplace.path / "out.safetensors"
    for ids, says in (([[1, 265]], "ids from 1 to 265; the model knows 0 to 264"), ([[0.5]], "must hold integers")):
        np.save(workplace.path / "ids.npy", np.array(ids))
        refused("logits", run.path, workplace.path / "ids.npy", out, code=1, says=says)
    (workplace.path / "ids.npy").write_bytes(b"junk")
    refused("logits", run.path, workplace.path / "ids.npy", out, code=1, says="is not a .npy file")


# ---- what reaches the terminal -----------------------------------------------------------------------------------------


def test_control_characters_in_names_never_reach_the_terminal(workplace, mlxgpt):
    name = f"{ESC}[31m\u009b[bold]\u202e[x"
    (workplace.path / f"{name}.txt").write_bytes(b"\xff")
    outputs = [
        mlxgpt("train", "--data", workplace.path / f"{name}.txt", "--preset", workplace.preset),
        mlxgpt(
            "train",
            "--data",
            workplace.corpus,
            "--preset",
            workplace.preset,
            "--steps",
            1,
            "--out",
            workplace.runs / name,
        ),
        mlxgpt("list"),
        mlxgpt("list", "--json"),
        mlxgpt("load", "--filter", workplace.runs / name, "--prompt", f"a{name}", "--max-tokens", 2),
        mlxgpt("generate", "--model", workplace.runs / name, "--prompt", name, "--max-tokens", 2, "--json"),
        mlxgpt("info", workplace.runs / name),
        mlxgpt("tokenizer", "encode", name, "--tokenizer", workplace.runs / name / "tokenizer"),
    ]
    assert [answer.code for answer in outputs] == [1, *[0] * 7]
    for answer in outputs:
        assert not {ESC, "\u009b", "\u202e"} & {*answer.out, *answer.err}
    assert json.loads(outputs[3].out.splitlines()[-1])["name"].startswith(name)


def test_what_a_model_writes_never_reaches_the_terminal_raw(run, mlxgpt, monkeypatch):
    from mlxgpt.events import GenerationFinished, TokenGenerated
    from mlxgpt.generation import generate

    text = f"{ESC}]0;title\x07\u202e"

    def hostile(*_, **__):
        yield TokenGenerated(id=1, text=text, token=text)
        yield GenerationFinished(
            reason="length", text=text, tokens=1, tokens_per_second=0.0, seconds_to_first_token=0.0
        )

    monkeypatch.setattr(generate, "generate", hostile)
    for more in ((), ("--show-tokens",), ("--json",)):
        answer = mlxgpt("generate", "--model", run.path, *more)
        assert answer.code == 0
        assert answer.out
        assert not {ESC, "\x07", "\u202e"} & {*answer.out, *answer.err}


def test_a_traceback_is_shown_only_on_request(mlxgpt, monkeypatch):
    from mlxgpt.errors import CheckpointError

    monkeypatch.setenv("MLXGPT_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["mlxgpt", "load", "--filter", "no-such-model"])
    from mlxgpt.cli.main import run

    with pytest.raises(CheckpointError):
        run()
