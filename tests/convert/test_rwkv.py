"""RWKV in and out: official checkpoints, Hugging Face's and fla's layouts, mlx-lm; every round trip bit for bit."""

import json
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.convert import huggingface, rwkv
from mlxgpt.convert.importing import import_model
from mlxgpt.convert.targets import hf_target
from mlxgpt.errors import CheckpointError, ConversionError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build

GOLDEN = Path(__file__).parents[1] / "golden"
KINDS = ["rwkv6", "rwkv7"]


@pytest.fixture(autouse=True)
def on_the_cpu():
    device = mx.default_device()
    mx.set_default_device(mx.cpu)
    yield
    mx.set_default_device(device)


def official(kind: str) -> dict[str, mx.array]:
    return mx.load(str(GOLDEN / kind / "weights.safetensors"))


def golden_model(kind: str) -> GPT:
    config, parameters = rwkv.from_official(official(kind), kind)
    model = GPT(config)
    model.update(tree_unflatten(list(parameters.items())))
    return model


def same(one: dict[str, mx.array], other: dict[str, mx.array]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype
        and one[name].shape == other[name].shape
        and mx.array_equal(one[name], other[name])
        for name in one
    )


def parameters(model: GPT) -> dict[str, mx.array]:
    return dict(tree_flatten(model.parameters()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
def test_every_round_trip_is_bit_identical(kind, dtype, tmp_path):
    """Official -> ours -> Hugging Face's layout -> ours -> official."""
    before = {name: tensor.astype(dtype) for name, tensor in official(kind).items()}
    config, ours = rwkv.from_official(before, kind)
    model = GPT(config)
    model.update(tree_unflatten(list(ours.items())))
    assert huggingface.save(model, tmp_path) == kind
    back = huggingface.load(tmp_path)
    assert back.config == config
    assert same(parameters(back), parameters(model))
    assert same(rwkv.to_official(back.config, parameters(back)), before)


@pytest.mark.parametrize("kind", KINDS)
def test_mlx_lm_loads_what_is_saved(kind, tmp_path):
    from mlx_lm.utils import load_model

    model, golden = golden_model(kind), np.load(GOLDEN / kind / "golden.npz")
    huggingface.save(model, tmp_path)
    other, _ = load_model(tmp_path, trust_remote_code=kind == "rwkv6")
    ids = mx.array(golden["input_ids"])
    assert mx.abs(other(ids) - model(ids)).max().item() <= 5e-5
    cache = other.make_cache()
    token, written = other(ids[:, :29], cache)[:, -1].argmax(axis=-1), []
    for _ in range(24):
        written.append(token)
        token = other(token[:, None], cache)[:, -1].argmax(axis=-1)
    assert np.array_equal(np.array(mx.stack(written, axis=1)), golden["greedy"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tied", [True, False])
def test_a_new_model_of_ours_is_loaded_by_mlx_lm(kind, tied, tmp_path):
    from mlx_lm.utils import load_model

    config = ModelConfig(
        block=kind, vocab_size=61, n_layer=2, n_embd=64, n_head=2, position="none", tie_embeddings=tied, name="x"
    )
    model = build(config)
    noise = {
        name: p + mx.random.normal(p.shape, key=mx.random.key(i)) * 0.1
        for i, (name, p) in enumerate(parameters(model).items())
    }
    model.update(tree_unflatten(list(noise.items())))
    huggingface.save(model, tmp_path)
    assert huggingface.load(tmp_path).config == config
    other, _ = load_model(tmp_path, trust_remote_code=kind == "rwkv6")
    ids = mx.arange(40).reshape(2, 20)
    assert mx.abs(other(ids) - model(ids)).max().item() <= 5e-5


def test_a_published_rwkv7_directory_is_read():
    golden = np.load(GOLDEN / "rwkv7" / "golden.npz")
    model = huggingface.load(GOLDEN / "rwkv7" / "hf")
    assert np.abs(np.array(model(mx.array(golden["input_ids"]))) - golden["logits"]).max() <= 5e-5
    assert same(parameters(model), parameters(golden_model("rwkv7")))


def test_a_published_rwkv6_config_needs_no_keys_of_ours(tmp_path):
    """The keys of RWKV/v6-Finch models; the ranks follow from the width."""
    config = ModelConfig(
        block="rwkv6", vocab_size=61, n_layer=2, n_embd=128, n_head=2, position="none", tie_embeddings=False
    )
    huggingface.save(build(config), tmp_path)
    keys = {
        "model_type": "rwkv6", "vocab_size": 61, "hidden_size": 128, "attention_hidden_size": 128, "head_size": 64,
        "head_size_divisor": 8, "intermediate_size": None, "layer_norm_epsilon": 1e-5, "num_hidden_layers": 2,
        "num_attention_heads": 64, "rescale_every": 6, "tie_word_embeddings": False,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(keys))
    read = huggingface.load(tmp_path)
    assert (read.config.n_head, read.config.ffn_width) == (2, 448)


@pytest.mark.parametrize(
    ("change", "kind"),
    [({"learned_state": True}, "rwkv6"), ({"document_end": 3}, "rwkv7"), ({"embed_scale": 2.0}, "rwkv7")],
)
def test_what_others_cannot_say_is_saved_as_our_own(change, kind, tmp_path):
    config = ModelConfig(block=kind, vocab_size=61, n_layer=2, n_embd=64, n_head=2, position="none", **change)
    assert hf_target(config).model_type == "mlxgpt"
    model = build(config)
    assert huggingface.save(model, tmp_path) == "mlxgpt"
    back = huggingface.load(tmp_path)
    assert back.config == config
    assert same(parameters(back), parameters(model))


def fla(tensors: dict[str, mx.array], width: int) -> dict[str, mx.array]:
    """Official RWKV-6 tensors as fla's converter lays them out, written from its `forward` (fla/layers/rwkv6.py)."""
    names = {"receptance": "r", "key": "k", "value": "v", "gate": "g"}
    theirs: dict[str, mx.array] = {}
    for name, tensor in tensors.items():
        top = {"emb.weight": "model.embeddings.weight", "head.weight": "lm_head.weight"}
        if not name.startswith("blocks."):
            theirs[top.get(name, name.replace("ln_out", "model.norm"))] = tensor
            continue
        _, layer, part, leaf = name.split(".", 3)
        base = f"model.layers.{layer}."
        if part.startswith("ln"):
            theirs[base + {"ln0": "pre_norm", "ln1": "attn_norm", "ln2": "ffn_norm"}[part] + "." + leaf] = tensor
        elif part == "ffn":
            linear = {"key.weight": "key.linear.weight", "receptance.weight": "receptance.linear.weight"}
            mu = {"time_maa_k": "key.mu", "time_maa_r": "receptance.mu"}
            theirs[base + "ffn." + (linear | mu).get(leaf, leaf)] = tensor.flatten() if leaf in mu else tensor
    for layer in range(3):
        att = {name.split(".", 3)[3]: t for name, t in tensors.items() if name.startswith(f"blocks.{layer}.att.")}
        base, rank = f"model.layers.{layer}.attn.", att["time_maa_w2"].shape[1]
        w1 = att["time_maa_w1"].reshape(width, 5, rank)
        place = {"w": 0, "k": 1, "v": 2, "r": 3, "g": 4}
        theirs |= {
            base + "x_proj.0.mu": att["time_maa_x"].flatten(),
            base + "x_proj.0.linear.weight": mx.concatenate([w1[:, place[x]].T for x in "rwkvg"], axis=0),
            # einsum('b t n r, h n r -> b t n h', x, weight.view(hidden, 5, rank))
            base + "x_proj.2.weight": mx.stack([att["time_maa_w2"][place[x]].T for x in "rwkvg"], axis=1).reshape(
                width, -1
            ),
            base + "x_bias": mx.concatenate([att[f"time_maa_{x}"].reshape(1, -1) for x in "rwkvg"], axis=0),
            base + "w_proj.linear.lora.0.weight": att["time_decay_w1"].T,
            base + "w_proj.linear.lora.2.weight": att["time_decay_w2"].T,
            base + "w_proj.linear.lora.2.bias": att["time_decay"].flatten(),
            base + "bonus": att["time_faaaa"],
            base + "g_norm.weight": att["ln_x.weight"],
            base + "g_norm.bias": att["ln_x.bias"],
            base + "o_proj.weight": att["output.weight"],
        }
        theirs |= {f"{base}{short}_proj.linear.weight": att[f"{long}.weight"] for long, short in names.items()}
    return theirs


def test_fla_rwkv6_is_imported_exactly(tmp_path):
    source, out = tmp_path / "fla", tmp_path / "out"
    source.mkdir()
    mx.save_safetensors(
        str(source / "model.safetensors"), {n: mx.contiguous(t) for n, t in fla(official("rwkv6"), 48).items()}
    )
    keys = {"model_type": "rwkv6", "proj_low_rank_dim": 8, "gate_low_rank_dim": 16, "expand_k": 1.0, "expand_v": 1.0}
    (source / "config.json").write_text(json.dumps(keys))
    import_model(source, out)
    assert same(parameters(huggingface.load(out)), parameters(golden_model("rwkv6")))
    (source / "config.json").write_text(json.dumps(keys | {"expand_k": 0.5}))
    with pytest.raises(ConversionError, match="expand_k"):
        import_model(source, tmp_path / "other")


def test_import_from_the_command_line(mlxgpt, tmp_path):
    """safetensors under the official names, as a stand-in for a .pth of the same tensors (see test_pickles.py)."""
    answer = mlxgpt("import", GOLDEN / "rwkv7" / "weights.safetensors", "--out", tmp_path / "goose")
    assert answer.code == 0 and "saved as rwkv7" in answer.err
    assert same(parameters(huggingface.load(tmp_path / "goose")), parameters(golden_model("rwkv7")))
    again = mlxgpt("import", GOLDEN / "rwkv7" / "weights.safetensors", "--out", tmp_path / "goose")
    assert again.code != 0 and "exists already" in again.err
    partial = mlxgpt("import", GOLDEN / "rwkv6" / "tiny.pth", "--out", tmp_path / "tiny")  # a part of a checkpoint
    assert partial.code != 0 and "tiny.pth" in partial.err
    assert not (tmp_path / "tiny").exists()


def test_other_tensors_are_refused():
    tensors = official("rwkv6")
    for change in (
        {"emb.weight": mx.zeros((3,))},
        {"blocks.0.att.time_maa_w1": mx.zeros((2,))},
        {"strange": mx.zeros((2,))},
        {"blocks.0.ffn.key.weight": mx.array(1.0)},
        {"blocks.0.att.time_faaaa": mx.zeros((0, 3))},
        {"blocks.99999999.x": mx.zeros((2,))},
        {"blocks.0.ln1.weight": mx.zeros((47,))},
    ):
        with pytest.raises(ConversionError):
            rwkv.from_official(tensors | change, "x")
    with pytest.raises(ConversionError):
        rwkv.from_official({"emb.weight": mx.zeros((3, 4))}, "x")
    with pytest.raises(CheckpointError):
        import_model(Path("nowhere.pth"), Path("out-of-nothing"))
