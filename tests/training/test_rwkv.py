"""RWKV from a corpus to a text: training, resuming, writing, talking, keeping a conversation, tuning a state."""

import io
import json
import shutil

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten

from mlxgpt import checkpoint, jobs
from mlxgpt.errors import ConfigError
from mlxgpt.events import EvaluationFinished, RunStarted

PRESET = """
[model]
block = "{block}"
n_layer = 2
n_head = 2
n_embd = 32
context_length = 32
position = "none"
{ranks}

[tokenizer]
algorithm = "byte"

[train]
batch_size = 4
learning_rate = 1e-2
beta2 = 0.99
adam_eps = 1e-18
warmup = 0.1
sample_every = -1
"""
RANKS = {
    "rwkv6": "mix_rank = 8\ndecay_rank = 8",
    "rwkv7": "decay_rank = 8\nrate_rank = 8\nvalue_rank = 8\ngate_rank = 8",
}
BLOCKS = sorted(RANKS)


@pytest.fixture(params=BLOCKS)
def place(request, workplace):
    workplace.preset.write_text(PRESET.format(block=request.param, ranks=RANKS[request.param]))
    return workplace


def losses(events) -> list[float]:
    return [event.loss for event in events if isinstance(event, EvaluationFinished)]


def weights(directory) -> dict[str, mx.array]:
    return dict(tree_flatten(checkpoint.load(directory)[0].parameters()))


def test_the_loss_falls_and_a_resumed_run_is_the_uninterrupted_one(place, tmp_path):
    whole = place.train(steps=16, eval_every=8, checkpoint_every=8, keep=9, reset_documents=True)
    assert losses(whole)[-1] < losses(whole)[0] - 0.2
    part = tmp_path / "part"
    place.train(steps=16, eval_every=8, checkpoint_every=8, keep=9, reset_documents=True, out=part)
    shutil.rmtree(part / "checkpoints" / "step-00000016")
    place.train(resume=part)
    one, other = (
        weights(tmp_path / "run" / "checkpoints" / "step-00000016"),
        weights(part / "checkpoints" / "step-00000016"),
    )
    assert all(mx.array_equal(one[name], other[name]) for name in one)


def test_writing_talking_and_a_conversation_in_a_file(place, mlxgpt, tmp_path, monkeypatch):
    place.train(steps=4)
    run, state = tmp_path / "run", tmp_path / "text.state"
    common = ("--model", run, "--device", "cpu", "--seed", 1)
    greedy = (*common, "--temperature", 0, "--json")

    def written(*arguments):
        answer = mlxgpt("generate", *greedy, *arguments)
        assert answer.code == 0, answer.err
        events = [json.loads(line) for line in answer.out.splitlines()]
        return events[0], events[-1]["text"]

    _, whole = written("-p", "A casa", "--max-tokens", 12)
    read, first = written("-p", "A casa", "--max-tokens", 5, "--state", state)
    size = state.stat().st_size
    read, second = written("--max-tokens", 7, "--state", state)
    assert first + second == whole
    assert read["reused_tokens"] == read["tokens"] - 1  # nothing was read again
    assert state.stat().st_size - size < 1000  # seven ids
    answer = mlxgpt(
        "generate", "-p", "x", "--model", run, "--device", "cpu", "--state", tmp_path / "run" / "config.toml"
    )
    assert answer.code != 0
    assert mlxgpt("info", run).out.count("however long the text") == 1
    nowhere = mlxgpt("generate", "-p", "x", "--model", run, "--device", "cpu", "--state", tmp_path / "no" / "c.state")
    assert (nowhere.code, nowhere.out) == (2, "")
    assert "no does not exist" in nowhere.err
    arrays, about = mx.load(str(state), format="safetensors", return_metadata=True)
    arrays["0.wkv"] = arrays["0.wkv"] * float("nan")
    del about["checksum"]
    about["format"] = "mlxgpt-state/1"
    mx.save_safetensors(str(tmp_path / "bad.safetensors"), arrays, metadata=about)
    bad = mlxgpt("generate", "-p", "x", "--model", run, "--device", "cpu", "--state", tmp_path / "bad.safetensors")
    assert "block 0 holds what is no number" in bad.err
    monkeypatch.setattr("sys.stdin", io.StringIO("Oi\n/reset\n"))
    reset = mlxgpt("chat", "--model", run, "--device", "cpu", "--state", state)
    assert reset.code == 0 and "was reset" in reset.err and not state.exists()


@pytest.mark.parametrize("place", ["rwkv6"], indirect=True)
def test_a_model_that_goes_on_may_begin_to_forget_at_the_ends_of_documents(place, tmp_path):
    place.train(steps=2)
    base = (tmp_path / "run" / "checkpoints" / "last").resolve()
    place.train(steps=2, base=base, preset=None, reset_documents=True, out=tmp_path / "more")
    model, tokenizer = checkpoint.load(tmp_path / "more" / "checkpoints" / "last")
    assert model.config.document_end == tokenizer.eos_id


@pytest.mark.parametrize("place", ["rwkv7"], indirect=True)
def test_only_the_state_is_tuned(place, tmp_path):
    place.train(steps=8)
    base, tuned = tmp_path / "run" / "checkpoints" / "last", tmp_path / "tuned"
    config = {
        "data": place.corpus,
        "base": base.resolve(),
        "tune": "state",
        "out": tuned,
        "steps": 12,
        "learning_rate": 0.1,
    }
    events = list(
        jobs.train(
            *jobs.load_train_config(config | {"batch_size": 4, "sample_every": -1, "eval_every": 4}), device="cpu"
        )
    )
    started = next(event for event in events if isinstance(event, RunStarted))
    assert started.parameters == 2 * 2 * 16 * 16  # layers, heads, keys, values
    before, after = weights(base), weights(tuned / "checkpoints" / "last")
    assert all(mx.array_equal(after[name], value) for name, value in before.items())
    learned = [value for name, value in after.items() if name not in before]
    assert len(learned) == 2 and all(value.any().item() for value in learned)
    assert losses(events)[-1] < losses(events)[0]
    more = list(jobs.train(*jobs.load_train_config({"resume": tuned, "steps": 14}), device="cpu"))
    assert losses(more)
    assert all(mx.array_equal(weights(tuned / "checkpoints" / "last")[name], value) for name, value in before.items())


def test_what_cannot_be_tuned_is_refused(workplace, tmp_path):
    with pytest.raises(ConfigError, match="needs a model to tune"):
        jobs.load_train_config({"tune": "state"})
    workplace.train(steps=1)
    config = {
        "data": workplace.corpus,
        "base": tmp_path / "run" / "checkpoints" / "last",
        "tune": "state",
        "out": tmp_path / "x",
    }
    with pytest.raises(ConfigError, match="no state to tune"):
        list(jobs.train(*jobs.load_train_config(config), device="cpu"))
    with pytest.raises(ConfigError, match="no state"):
        workplace.train(reset_documents=True, out=tmp_path / "y")


def test_the_names_of_the_predecessor(mlxgpt, workplace, tmp_path):
    answer = mlxgpt(
        "train", "--data", workplace.corpus, "--preset", workplace.preset, "--max-steps", 1, "--seq-len", 16,
        "--output", tmp_path / "old", "--device", "cpu", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert (tmp_path / "old" / "checkpoints" / "last").exists()
    answer = mlxgpt("train", "--model-size", "400", "--device", "cpu")
    assert answer.code != 0 and "Did you mean '400m'" in answer.err


@pytest.mark.parametrize(
    ("size", "preset"),
    [
        ("140m", "rwkv6-140m"),
        ("400m-v7", "rwkv7-400m"),
        ("1.5b", "rwkv6-1b5"),
        ("1B", "rwkv6-1b"),
        ("800m-v6", "rwkv6-800m"),
    ],
)
def test_a_model_size_is_a_preset(size, preset):
    from mlxgpt.model.config import preset_of_size, presets

    assert preset_of_size(size) == preset
    assert preset in presets()


def test_info_knows_the_sizes(mlxgpt):
    short, full = (mlxgpt("info", name, "--json") for name in ("1.5b", "rwkv6-1b5"))
    assert short.code == 0, short.err
    assert short.out == full.out
    wrong = mlxgpt("info", "400m-v5")
    assert wrong.code != 0 and "'400m-v7'" in wrong.err


@pytest.mark.parametrize("also", [("--preset", "rwkv-nano"), ("--model-size", "400m")])
def test_a_model_to_go_on_from_needs_no_preset(mlxgpt, also):
    answer = mlxgpt("train", "--base", "nano-pt", *also, "--device", "cpu")
    assert answer.code != 0 and "has its own shape" in answer.err
