"""`mlxgpt import`: what comes out computes what went in, has a name, and brings its tokenizer."""

import json
import shutil
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt import checkpoint, runs
from mlxgpt.convert import huggingface, nanogpt
from mlxgpt.convert.importing import import_model
from mlxgpt.errors import CheckpointError, ConfigError, ConversionError, MlxgptError, TokenizerError
from mlxgpt.tokenizer import registry

GOLDEN = Path(__file__).parents[1] / "golden"
ARCHITECTURES = sorted(path.parent for path in (GOLDEN / "architectures").glob("*/config.json"))
NANOGPT, BIN = GOLDEN / "nanogpt", GOLDEN / "pytorch_bin"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def foreign(tmp_path):
    """A directory of Hugging Face: sharded weights in bfloat16, and settings."""
    source = tmp_path / "org" / "Tiny-Qwen"
    source.mkdir(parents=True)
    shutil.copy(GOLDEN / "qwen3" / "config.json", source)
    tensors = mx.load(str(GOLDEN / "qwen3" / "model.safetensors"))
    placed = {}
    for i, part in enumerate((sorted(tensors)[::2], sorted(tensors)[1::2])):
        file = f"model-{i}.safetensors"
        mx.save_safetensors(str(source / file), {name: tensors[name].astype(mx.bfloat16) for name in part})
        placed |= dict.fromkeys(part, file)
    (source / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))
    (source / "generation_config.json").write_text(
        json.dumps({"temperature": 0.6, "eos_token_id": [3, 1], "bos_token_id": 2, "transformers_version": "5"})
    )
    return source


@pytest.mark.parametrize("source", ARCHITECTURES, ids=lambda path: path.name)
def test_every_architecture_computes_the_same_after_import(source, home):
    expected = mx.load(str(source / "expected.safetensors"))
    made = import_model(source)
    assert made.path == home / "imported" / source.name
    logits = huggingface.load(runs.find_model(source.name))(expected["ids"])
    assert mx.abs(logits - expected["logits"]).max().item() <= 5e-5


def test_a_sharded_directory_with_its_tokenizer_from_the_command_line(foreign, home, mlxgpt):
    nanogpt.read_meta(NANOGPT / "meta.pkl").save(foreign)
    answer = mlxgpt("import", foreign)
    assert answer.code == 0 and "mlxgpt chat --model Tiny-Qwen" in answer.err
    model, tokenizer = checkpoint.load(home / "imported" / "Tiny-Qwen")
    assert model.embedding.weight.dtype == mx.bfloat16
    assert model.config.name == "Tiny-Qwen"
    assert tokenizer.encode("ab") == nanogpt.read_meta(NANOGPT / "meta.pkl").encode("ab")
    settings = json.loads((home / "imported" / "Tiny-Qwen" / "generation_config.json").read_text())
    assert settings["temperature"] == 0.6 and settings["eos_token_id"] == [3, 1]
    assert "Tiny-Qwen" in mlxgpt("list").out
    written = mlxgpt("generate", "--model", "Tiny-Qwen", "--prompt", "abc", "--max-tokens", 3)
    assert written.code == 0
    direct = mlxgpt("generate", "--model", foreign, "--prompt", "abc", "--max-tokens", 3, "--temperature", 0)
    assert (
        direct.out
        == mlxgpt("generate", "-m", "Tiny-Qwen", "--prompt", "abc", "--max-tokens", 3, "--temperature", 0).out
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_weights_are_cast_when_asked(dtype, foreign, home):
    path = import_model(foreign, dtype=dtype).path
    assert {str(array.dtype) for array in mx.load(str(path / "model.safetensors")).values()} == {f"mlx.core.{dtype}"}


def test_what_cannot_be_is_refused_and_leaves_nothing(foreign, home, tmp_path):
    with pytest.raises(ConfigError, match="float8"):
        import_model(foreign, dtype="float8")
    with pytest.raises(CheckpointError, match="does not exist"):
        import_model(tmp_path / "nothing")
    with pytest.raises(ConversionError, match="makes ids up to"):
        import_model(foreign, tokenizer=registry.load(GOLDEN / "tokenizer"))
    (foreign / "vocab.json").write_text("{}")
    with pytest.raises(TokenizerError, match=r"only the older vocab\.json"):
        import_model(foreign)
    assert not (home / "imported").exists()
    (foreign / "vocab.json").unlink()
    import_model(foreign)
    with pytest.raises(CheckpointError, match="exists already"):
        import_model(foreign)


# ---- pickles of PyTorch ----------------------------------------------------------------------------------------------


@pytest.fixture
def pickled(tmp_path):
    shutil.copytree(BIN, tmp_path / "old")
    shutil.copy(GOLDEN / "architectures" / "qwen2-llama3" / "config.json", tmp_path / "old")
    return tmp_path / "old"


def test_shards_of_pytorch_are_those_of_safetensors(pickled, home):
    expected = mx.load(str(GOLDEN / "architectures" / "qwen2-llama3" / "model.safetensors"))
    found = huggingface._unpickled(sorted(pickled.glob("pytorch_model-*.bin")))
    assert found.keys() == expected.keys()
    assert all(mx.array_equal(found[name], expected[name]) for name in expected)
    import_model(pickled)
    logits = mx.load(str(GOLDEN / "architectures" / "qwen2-llama3" / "expected.safetensors"))
    ours = huggingface.load(runs.find_model("old"))(logits["ids"])
    assert mx.abs(ours - logits["logits"]).max().item() <= 5e-5


def test_safetensors_are_preferred(pickled):
    shutil.copy(GOLDEN / "architectures" / "qwen2-llama3" / "model.safetensors", pickled)
    for file in pickled.glob("*.bin"):
        file.write_bytes(b"never read")
    huggingface.load(pickled)


@pytest.mark.parametrize("name", ["../old/pytorch_model-00001-of-00002.bin", "/etc/passwd", "a.bin", "config.json", 3])
def test_an_index_of_pickles_that_lies_is_refused(name, pickled):
    index = json.loads((pickled / "pytorch_model.bin.index.json").read_text())
    index["weight_map"]["model.norm.weight"] = name
    (pickled / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError):
        huggingface.load(pickled)


# ---- nanoGPT ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ckpt", "compiled"])
def test_nanogpt_computes_what_pytorch_computes(name, home):
    expected = np.load(NANOGPT / "expected.npz")
    made = import_model(NANOGPT / f"{name}.pt", tokenizer=nanogpt.read_meta(NANOGPT / "meta.pkl"))
    assert made.config.bias == ("all" if name == "ckpt" else "none")
    model, tokenizer = checkpoint.load(runs.find_model(name))
    logits = model(mx.array(expected[f"{name}.ids"]))
    assert np.abs(np.array(logits) - expected[f"{name}.logits"]).max() <= 5e-5
    greedy = expected[f"{name}.greedy"].tolist()
    ids = greedy[:6]
    while len(ids) < len(greedy):
        ids.append(model(mx.array([ids]))[0, -1].argmax().item())
    assert ids == greedy
    assert tokenizer.encode("Fé\n") == [13, 42, 0]
    assert tokenizer.decode([13, 42, 0]) == "Fé\n"


def test_nanogpt_from_the_command_line(home, mlxgpt):
    arguments = ("--tokenizer", NANOGPT / "meta.pkl")
    assert mlxgpt("import", NANOGPT / "compiled.pt", *arguments).code == 0
    assert mlxgpt("generate", "--model", "compiled", "--prompt", "abc", "--max-tokens", 4).code == 0
    unknown = mlxgpt("generate", "--model", "compiled", "--prompt", "日本", "--max-tokens", 4)
    assert unknown.code != 0 and "no token for a character" in unknown.err


@pytest.mark.parametrize(
    "change",
    [
        {"n_layer": 10**9},
        {"n_layer": 3},
        {"n_embd": 17},
        {"n_embd": 10**12},
        {"vocab_size": "many"},
        {"block_size": 0},
        {"bias": 3},
        {"bias": False},
        {"n_head": 3},
    ],
)
def test_model_args_that_lie_are_refused(change):
    from mlxgpt.convert.pickles import read_pickle

    value = read_pickle(NANOGPT / "ckpt.pt", without=nanogpt.UNREAD)
    assert "optimizer" not in value
    value["model_args"] |= change
    with pytest.raises(MlxgptError) as caught:
        nanogpt.from_nanogpt(value, NANOGPT / "ckpt.pt")
    assert caught.value.hint


@pytest.mark.parametrize(
    "value",
    [
        *(3, {}, {"stoi": {}}, {"stoi": {"ab": 0}}, {"stoi": {"a": 1}}, {"stoi": {"a": 0, "b": 0}}),
        *({"stoi": {"a": "0"}}, {"stoi": {"a": 0, "b": 10**9}}, {"stoi": [1]}, {"stoi": {"\ud800": 0}}),
    ],
)
def test_a_meta_pkl_without_characters_is_refused(value, tmp_path):
    import pickle

    (tmp_path / "meta.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(TokenizerError):
        nanogpt.read_meta(tmp_path / "meta.pkl")


def test_a_meta_pkl_that_calls_anything_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for program in (b"cos\nsystem\n(S'touch harmed'\ntR.", b"c__builtin__\neval\n.", b"\x80\x04", b"", b"(" * 10**5):
        (tmp_path / "meta.pkl").write_bytes(program)
        with pytest.raises(CheckpointError):
            nanogpt.read_meta(tmp_path / "meta.pkl")
    assert not (tmp_path / "harmed").exists()
