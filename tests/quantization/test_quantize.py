"""Models in fewer bits: what is packed, what it costs, who reads it, and what is refused."""

import json
import shutil

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx.utils import tree_flatten, tree_map
from safetensors.numpy import load_file, save_file

from mlxgpt import checkpoint, jobs, listing
from mlxgpt.convert import huggingface
from mlxgpt.errors import CheckpointError, ConfigError, ConversionError, MlxgptError
from mlxgpt.inspection.inspector import Inspector
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build as initialised
from mlxgpt.model.packing import Packing, packings_of
from mlxgpt.quantization import measure
from mlxgpt.quantization.config import QuantizeConfig
from mlxgpt.quantization.recipes import plan
from mlxgpt.tokenizer.fast import train_bpe

TEXT = "A Maria mora em São Paulo. O João não mora lá: ele mora perto do mar, à beira-mar, há 25 anos! " * 20
TOKENIZER = train_bpe([TEXT], 320)
MODERN = {
    "vocab_size": 320,
    "context_length": 48,
    "n_layer": 3,
    "n_head": 4,
    "n_kv_head": 2,
    "n_embd": 64,
    "ffn": "swiglu",
    "norm": "rmsnorm",
    "position": "rope",
    "bias": "none",
}
MODELS = {
    "gpt2": {"vocab_size": 320, "context_length": 48, "n_layer": 3, "n_embd": 64},
    "qwen3": MODERN | {"qk_norm": "head"},
    "untied": MODERN | {"tie_embeddings": False},
    "own": MODERN | {"ffn": "relu2"},
    "rwkv6": {"vocab_size": 320, "n_layer": 3, "n_head": 2, "n_embd": 64, "position": "none", "block": "rwkv6"},
    "rwkv7": {"vocab_size": 320, "n_layer": 3, "n_head": 2, "n_embd": 64, "position": "none", "block": "rwkv7"},
}
SETTINGS = [
    *({"bits": bits} for bits in (8, 6, 5, 4, 3, 2)),
    *({"mode": mode} for mode in ("mxfp4", "mxfp8", "nvfp4")),
    {"bits": 4, "group_size": 32},
    *({"recipe": recipe} for recipe in ("edges", "mixed_2_6", "mixed_3_4", "mixed_3_6", "mixed_4_6")),
]


def sharp(config: ModelConfig) -> GPT:
    """A model that is sure of what it says, as a trained one is."""
    model = initialised(config, 3)
    if not config.recurrent:
        model.update(tree_map(lambda array: array * 4 if array.ndim == 2 else array, model.parameters()))
    return model


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Checkpoints by name, and a text."""
    root = tmp_path_factory.mktemp("models")
    (root / "text.txt").write_text(TEXT)
    for name, fields in MODELS.items():
        checkpoint.save(root / name, sharp(ModelConfig(**fields)), TOKENIZER, {"data": {"chats": False}})
    return root


def quantize(stored, name, out, **given):
    return jobs.quantize(str(stored / name), out, given | {"tokens": 90}, text=stored / "text.txt", device="cpu")


CASES = [("qwen3", given) for given in SETTINGS] + [
    (name, given) for name in MODELS for given in ({"mode": "mxfp4"}, {"recipe": "mixed_3_6"}) if name != "qwen3"
]


@pytest.mark.parametrize(("name", "given"), CASES, ids=str)
def test_it_comes_back_as_it_was_packed(name, given, stored, tmp_path):
    report = quantize(stored, name, tmp_path / "out", **given)
    model = huggingface.load(tmp_path / "out", keep_packed=True)
    config = QuantizeConfig(**given)
    assert packings_of(model) == plan(model.config, config).packings
    held = GPT(model.config)  # what packing the stored weights by hand gives
    held.load_weights(tree_flatten(huggingface.load(stored / name).parameters()))
    nn.quantize(held, class_predicate=lambda path, _: _choice(packings_of(model).get(path)))
    ours, theirs = dict(tree_flatten(model.parameters())), dict(tree_flatten(held.parameters()))
    assert ours.keys() == theirs.keys()
    assert all(mx.array_equal(ours[key], theirs[key]) for key in ours)
    assert report.parameters == listing.count_parameters(tmp_path / "out") == listing.count_parameters(stored / name)
    assert report.bytes_after < report.bytes_before
    assert checkpoint.read_record(tmp_path / "out")["data"] == {"chats": False}


def _choice(packing: Packing | None):
    return packing and {"bits": packing.bits, "group_size": packing.group_size, "mode": packing.mode}


@pytest.mark.parametrize("given", [{"bits": 3}, {"mode": "mxfp4"}, {"recipe": "mixed_3_6"}], ids=str)
@pytest.mark.parametrize("name", [name for name in MODELS if name != "own"])
def test_mlx_lm_computes_the_same(name, given, stored, tmp_path):
    from mlx_lm.utils import load_model

    quantize(stored, name, tmp_path / "out", **given)
    ids = mx.array([TOKENIZER.encode("A Maria não mora")])
    theirs = load_model(tmp_path / "out", trust_remote_code=name == "rwkv6")[0]
    ours = huggingface.load(tmp_path / "out", keep_packed=True)
    assert mx.abs(theirs(ids) - ours(ids)).max().item() < 1e-3


def test_a_directory_that_mlx_lm_quantised_is_ours_too(stored, tmp_path):
    from mlx_lm.convert import convert

    for name in ("gpt2", "qwen3"):
        convert(str(stored / name), str(tmp_path / name), quantize=True, q_bits=4, q_group_size=32)
        from mlx_lm.utils import load_model

        ids = mx.array([TOKENIZER.encode("A Maria não mora")])
        ours = huggingface.load(tmp_path / name, keep_packed=True)
        assert {packing.bits for packing in packings_of(ours).values()} == {4}
        assert mx.abs(load_model(tmp_path / name)[0](ids) - ours(ids)).max().item() < 1e-4


def test_fewer_bits_cost_more(stored, tmp_path):
    reports = [quantize(stored, "qwen3", tmp_path / str(bits), bits=bits) for bits in (8, 4, 2)]
    for figure in ("divergence", "bits"):
        values = [getattr(report, figure) for report in reports]
        assert values == sorted(values, reverse=figure == "bits")
    assert reports[0].divergence < 1e-3
    assert reports[0].agreement > reports[2].agreement
    worst = reports[2].matrices
    assert len(worst) == reports[2].packed == 22
    heard = [error.output_error for error in worst if error.output_error is not None]
    assert len(heard) == 21  # all but the table, which is looked up
    assert min(heard) > 0.05


def test_the_figures_are_those_of_the_formulas(stored, tmp_path):
    report = quantize(stored, "qwen3", tmp_path / "out", bits=3)
    before, after = huggingface.load(stored / "qwen3"), huggingface.load(tmp_path / "out")
    ids = TOKENIZER.encode(TEXT)[:91]
    windows = [np.array(ids[i : i + 49]) for i in (0, 48)]
    losses, divergences, same = [[], []], [], []
    for window in windows:
        p, q = (nn.log_softmax(model(mx.array(window[None, :-1]))[0], axis=-1) for model in (before, after))
        targets = mx.array(window[1:])[:, None]
        for side, scores in enumerate((p, q)):
            losses[side] += (-mx.take_along_axis(scores, targets, axis=-1)).flatten().tolist()
        divergences += (mx.exp(p) * (p - q)).sum(axis=-1).tolist()
        same += (mx.argmax(p, axis=-1) == mx.argmax(q, axis=-1)).tolist()
    assert report.tokens == len(same) == 90
    assert report.perplexity_before == pytest.approx(np.exp(np.mean(losses[0])), rel=1e-4)
    assert report.perplexity_after == pytest.approx(np.exp(np.mean(losses[1])), rel=1e-3)
    assert report.divergence == pytest.approx(np.mean(divergences), rel=2e-2)
    assert report.agreement == pytest.approx(np.mean(same), abs=0.025)
    assert json.loads((tmp_path / "out" / "quantization.json").read_text())["divergence"] == report.divergence
    weight, back = (model.blocks[1].ffn.up_proj.weight for model in (before, after))
    (error,) = (each for each in report.matrices if each.name == "blocks.1.ffn.up_proj")
    assert error.weight_error == pytest.approx(
        (mx.linalg.norm(back - weight) / mx.linalg.norm(weight)).item(), rel=1e-4
    )


def test_listening_leaves_the_model_as_it_was(stored):
    before, after = huggingface.load(stored / "untied"), huggingface.load(stored / "untied")
    nn.quantize(after, bits=4)
    layers = dict(before.named_modules())
    from mlxgpt.data.documents import Document
    from mlxgpt.data.packing import pack

    stream = pack([Document(text=TEXT, source=stored / "text.txt")], TOKENIZER)
    errors = measure.matrix_errors(before, after, stream)
    assert dict(before.named_modules()) == layers
    assert any(error.name == "head" and error.output_error for error in errors)


# ---- everything else works on it -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_it_writes_alone_and_side_by_side_and_can_be_looked_into(name, stored, tmp_path):
    from mlxgpt.events import TokenGenerated

    out = tmp_path / "out"
    quantize(stored, name, out, bits=4)
    asked = {"max_tokens": 6, "temperature": 0.0}
    alone = "".join(
        e.text for e in jobs.generate(str(out), "A Maria", asked, device="cpu") if type(e) is TokenGenerated
    )
    (tmp_path / "prompts.txt").write_text("A Maria\nO João\n")
    list(jobs.generate_many(str(out), tmp_path / "prompts.txt", tmp_path / "o.jsonl", asked, device="cpu"))
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert alone
    assert alone in [line["text"] for line in lines]
    inspector = Inspector.open(out)
    packed, plain = huggingface.load(out, keep_packed=True), inspector.model
    ids = mx.array([TOKENIZER.encode("A Maria não mora")])
    assert mx.abs(packed(ids) - plain(ids)).max().item() < 1e-3
    assert Inspector(packed, TOKENIZER, "x").lens("A Maria mora").rank.shape[0] == 4
    assert "Quantised" in jobs.describe_model(str(out)).about
    assert listing.describe_directory(out).bits < 16  # of float32; small RWKVs are mostly vectors


def test_it_is_not_trained(stored, tmp_path):
    quantize(stored, "qwen3", tmp_path / "out", bits=4)
    settings, changes = jobs.load_train_config({"data": stored / "text.txt", "base": tmp_path / "out", "steps": 1})
    with pytest.raises(ConfigError, match="is quantised, and cannot be trained") as refused:
        list(jobs.train(settings, changes, device="cpu"))
    assert "mlxgpt export" in refused.value.hint
    report = jobs.export(str(tmp_path / "out"), tmp_path / "plain", "mlx-lm", dtype="float32")
    assert report.numbers == "float32"
    ids = mx.array([TOKENIZER.encode("A Maria")])
    same = huggingface.load(tmp_path / "plain")(ids) - huggingface.load(tmp_path / "out", keep_packed=True)(ids)
    assert mx.abs(same).max().item() < 1e-3


def test_rows_that_are_no_whole_groups_stay_as_they_are(stored, tmp_path):
    config = ModelConfig(**MODELS["gpt2"] | {"n_embd": 48, "n_head": 3})  # 48 is no multiple of 32, 4 · 48 is
    checkpoint.save(tmp_path / "narrow", initialised(config, 1), TOKENIZER, {})
    report = jobs.quantize(str(tmp_path / "narrow"), tmp_path / "out", {"tokens": 90}, text=stored / "text.txt")
    assert report.packed == 3
    assert "embedding" in report.dense
    assert "blocks.0.attn.q_proj" in report.dense
    config = ModelConfig(**MODELS["gpt2"] | {"n_embd": 20, "n_head": 2})
    checkpoint.save(tmp_path / "odd", initialised(config, 1), TOKENIZER, {})
    with pytest.raises(ConfigError, match="No matrix of this model can be quantised"):
        jobs.quantize(str(tmp_path / "odd"), tmp_path / "none", {}, text=stored / "text.txt")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bits": 7}, "bits = 7"),
        ({"group_size": 48}, "group_size = 48"),
        ({"mode": "mxfp5"}, "mode = 'mxfp5'"),
        ({"mode": "mxfp4", "bits": 8}, "always has 4 bits"),
        ({"recipe": "mixed"}, "recipe = 'mixed'"),
        ({"recipe": "mixed_2_6", "bits": 4}, "says 2 bits"),
        ({"tokens": 1}, "at least 2 tokens"),
    ],
)
def test_what_cannot_be_is_refused(given, said, stored, tmp_path):
    with pytest.raises(ConfigError, match=said):
        jobs.quantize(str(stored / "qwen3"), tmp_path / "out", given)


def test_a_quantised_model_is_not_quantised_again(stored, tmp_path):
    quantize(stored, "qwen3", tmp_path / "out", bits=4)
    with pytest.raises(CheckpointError, match="is quantised already"):
        jobs.quantize(str(tmp_path / "out"), tmp_path / "two", {})
    with pytest.raises(CheckpointError, match="exists already"):
        quantize(stored, "qwen3", tmp_path / "out", bits=4)


# ---- damage ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(stored, tmp_path_factory):
    out = tmp_path_factory.mktemp("packed") / "out"
    quantize(stored, "qwen3", out, bits=4)
    return out


def _damaged(packed, tmp_path, *, tensors=lambda held: held, keys=lambda values: values):
    out = tmp_path / "damaged"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(packed, out)
    save_file(tensors(load_file(packed / "model.safetensors")), out / "model.safetensors")
    (out / "config.json").write_text(json.dumps(keys(json.loads((packed / "config.json").read_text()))))
    return out


UP = "model.layers.1.mlp.up_proj"


@pytest.mark.parametrize(
    ("damage", "error", "said"),
    [
        (
            lambda held: {n: t for n, t in held.items() if n != f"{UP}.scales"},
            CheckpointError,
            "its scales are missing",
        ),
        (lambda held: {n: t for n, t in held.items() if n != f"{UP}.biases"}, CheckpointError, f"lacks {UP}.biases"),
        (lambda held: held | {f"{UP}.weight": held[f"{UP}.weight"][:, :4]}, CheckpointError, "has the shape"),
        (lambda held: held | {f"{UP}.scales": held[f"{UP}.scales"][:-1]}, CheckpointError, "has the shape"),
        (lambda held: held | {f"{UP}.weight": np.zeros((192, 64), np.float32)}, CheckpointError, "is not packed"),
        (lambda held: held | {f"{UP}.scales": np.zeros((192, 1), np.int32)}, ConversionError, "is stored as I32"),
    ],
)
def test_damaged_tensors_are_named(damage, error, said, packed, tmp_path):
    with pytest.raises(error, match=said) as refused:
        huggingface.load(_damaged(packed, tmp_path, tensors=damage), keep_packed=True)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"bits": 4, "group_size": 7, "mode": "affine"}, "groups of 7"),
        ({"bits": 400, "group_size": 64, "mode": "affine"}, "400 bits"),
        ({"bits": "4", "group_size": 64}, "does not say"),
        ({"bits": 4, "group_size": 64, "mode": "\x1b[2J"}, "there is only"),
        ({"bits": 4, "group_size": 128, "mode": "affine"}, "no multiple of the group size"),
        ({"bits": 8, "group_size": 64, "mode": "affine"}, "has the shape"),
        ({"bits": 4, "group_size": 64, "quant_method": "awq"}, "quantised by awq"),
    ],
)
def test_a_damaged_table_is_refused(table, said, packed, tmp_path):
    out = _damaged(packed, tmp_path, keys=lambda v: v | {"quantization": table, "quantization_config": table})
    with pytest.raises(MlxgptError, match=said):
        huggingface.load(out, keep_packed=True)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.data())
def test_random_damage_ends_in_a_sentence_or_a_model(packed, tmp_path_factory, data):
    def damage(held):
        name = data.draw(st.sampled_from(sorted(held)))
        match data.draw(st.sampled_from(("drop", "rename", "type", "rows", "columns"))):
            case "drop":
                del held[name]
            case "rename":
                held[name + data.draw(st.sampled_from(("x", ".scales", ".biases")))] = held.pop(name)
            case "type":
                held[name] = held[name].astype(data.draw(st.sampled_from((np.uint8, np.int64, np.float16, np.uint32))))
            case "rows":
                held[name] = np.ascontiguousarray(held[name][: data.draw(st.integers(0, 3))])
            case "columns":
                held[name] = np.ascontiguousarray(held[name][..., : data.draw(st.integers(0, 3))])
        return held

    out = _damaged(packed, tmp_path_factory.mktemp("random"), tensors=damage)
    try:
        model = huggingface.load(out, keep_packed=True)
    except MlxgptError as error:
        assert error.message
        return
    mx.eval(model(mx.array([[1, 2, 3]])))
