"""Damaged and hostile model directories end in a sentence: what, where, what next."""

import json
import struct

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlxgpt.convert import huggingface
from mlxgpt.convert.writing import config_keys
from mlxgpt.errors import CheckpointError, ConversionError, MlxgptError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.initialize import build

CONFIG = ModelConfig(vocab_size=32, context_length=16, n_layer=2, n_head=2, n_embd=16)


@pytest.fixture
def directory(tmp_path):
    """A whole model directory, for each test to spoil."""
    huggingface.save(build(CONFIG), tmp_path)
    return tmp_path


def refused(directory, what, kind=CheckpointError):
    with pytest.raises(kind, match=what) as caught:
        huggingface.load(directory)
    assert str(directory) in caught.value.message
    assert caught.value.hint


def edit_header(path, change):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    header = change(header) or header
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])


def edit_tensors(directory, change):
    path = str(directory / "model.safetensors")
    tensors = mx.load(path)
    mx.eval(tensors)
    change(tensors)
    mx.save_safetensors(path, tensors)


def test_nothing_there(tmp_path):
    refused(tmp_path, "has no config.json")
    refused(tmp_path / "nowhere", "has no config.json")


def test_no_weights_and_weights_of_another_kind(directory):
    (directory / "model.safetensors").unlink()
    refused(directory, "has no model.safetensors")
    (directory / "model.gguf").write_bytes(b"x")
    refused(directory, r"It has model\.gguf")
    (directory / "pytorch_model.bin").write_bytes(b"x")
    refused(directory, r"pytorch_model\.bin is no checkpoint of PyTorch", ConversionError)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"3", b'{"a": NaN}', b'{"a": -Infinity}', b"\xff\xfe", b"[" * 100_000]
)
def test_config_json_that_is_not_an_object(directory, text):
    (directory / "config.json").write_bytes(text)
    refused(directory, "config.json is damaged")


@pytest.mark.parametrize("kept", [0, 4, 8, 100, 3000, -1])
def test_truncated_weights(directory, kept):
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    refused(directory, "is damaged")


def test_bytes_after_the_weights(directory):
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes() + b"more")
    refused(directory, "promises")


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 10**9, 3])
def test_a_header_of_a_lying_length(directory, length):
    path = directory / "model.safetensors"
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    refused(directory, "is damaged")


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        {"dtype": "F32"},
        {"dtype": "F31", "shape": [32, 16], "data_offsets": [0, 2048]},
        {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 2048]},
        {"dtype": "F32", "shape": [-1, 16], "data_offsets": [0, 2048]},
        {"dtype": "F32", "shape": [32, 16.0], "data_offsets": [0, 2048]},
        {"dtype": "F32", "shape": [32, 16], "data_offsets": [-8, 2040]},
        {"dtype": "F32", "shape": [32, 16], "data_offsets": [2048, 0]},
        {"dtype": "F32", "shape": [32, 16], "data_offsets": [10**18, 10**18 + 2048]},
        {"dtype": "F32", "shape": [[32], 16], "data_offsets": [0, 2048]},
    ],
)
def test_a_header_that_describes_a_tensor_wrongly(directory, entry):
    edit_header(directory / "model.safetensors", lambda header: header.update({"wte.weight": entry}))
    refused(directory, "is damaged")


def test_a_header_that_is_no_object(directory):
    edit_header(directory / "model.safetensors", lambda header: [1])
    refused(directory, "header is not an object")


def test_missing_extra_and_misshapen_tensors(directory):
    edit_tensors(directory, lambda tensors: tensors.pop("ln_f.weight"))
    refused(directory, r"lacks transformer\.ln_f\.weight")
    edit_tensors(directory, lambda tensors: tensors.update({"ln_f.weight": mx.ones((17,))}))
    refused(directory, r"shape \[17\], but config.json asks for \[16\]")
    edit_tensors(
        directory, lambda tensors: tensors.update({"ln_f.weight": mx.ones((16,)), "h.2.ln_1.bias": mx.ones((16,))})
    )
    refused(directory, r"unexpected h\.2\.ln_1\.bias")


def test_weights_of_a_type_we_do_not_read(directory):
    edit_tensors(directory, lambda tensors: tensors.update({"ln_f.weight": mx.ones((16,), mx.int32)}))
    refused(directory, "stored as I32", ConversionError)


@pytest.mark.parametrize("change", [{"n_layer": 10**9}, {"n_layer": 9000}, {"n_embd": 10**12}, {"vocab_size": 2**24}])
def test_absurd_sizes_are_refused_before_anything_is_built(directory, change):
    values = json.loads((directory / "config.json").read_text())
    values["mlxgpt"] |= change
    (directory / "config.json").write_text(json.dumps(values | change))
    refused(directory, "config.json")


def test_old_buffers_are_ignored(directory):
    extra = {"h.0.attn.bias": mx.ones((1, 1, 16, 16)), "h.0.attn.masked_bias": mx.array(-1e4)}
    edit_tensors(directory, lambda tensors: tensors.update(extra))
    assert huggingface.load(directory).config == CONFIG


def shard(directory, weight_map=None):
    """Split the weights over two files with an index."""
    tensors = mx.load(str(directory / "model.safetensors"))
    mx.eval(tensors)
    (directory / "model.safetensors").unlink()
    names = sorted(tensors)
    placed = {}
    for i, part in enumerate((names[:9], names[9:])):
        file = f"model-0000{i + 1}-of-00002.safetensors"
        mx.save_safetensors(str(directory / file), {name: tensors[name] for name in part})
        placed |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": 1}, "weight_map": placed if weight_map is None else weight_map(placed)}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))


def test_shards_load_as_one_file_does(directory):
    ids = mx.array([[1, 2, 3]])
    before = np.array(huggingface.load(directory)(ids))
    shard(directory)
    assert np.array_equal(before, np.array(huggingface.load(directory)(ids)))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda placed: placed | {"wte.weight": "../secret.safetensors"}, "which is not a safetensors file beside it"),
        (lambda placed: placed | {"wte.weight": "/etc/passwd"}, "which is not a safetensors file beside it"),
        (lambda placed: placed | {"wte.weight": "model-3.safetensors"}, "lacks model-3.safetensors"),
        (lambda placed: placed | {"other": "model-00001-of-00002.safetensors"}, "holds other, which is not so"),
        (lambda placed: placed | {"wte.weight": 3}, "weight_map"),
        (lambda placed: {}, "weight_map"),
        (lambda placed: [], "weight_map"),
    ],
)
def test_an_index_that_lies(directory, change, what):
    shard(directory, change)
    refused(directory, what)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 3000), byte=st.integers(0, 255))
def test_any_byte_of_the_header_may_be_wrong(directory, position, byte):
    path = directory / "model.safetensors"
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    position %= length + 8
    path.write_bytes(raw[:position] + bytes([byte]) + raw[position + 1 :])
    try:
        huggingface.load(directory)
    except MlxgptError as error:
        assert error.hint
    finally:
        path.write_bytes(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


CONFIGS = {
    "gpt2": {"vocab_size": 32, "context_length": 16, "n_embd": 16, "n_head": 2},
    "qwen3": {"norm": "rmsnorm", "position": "rope", "ffn": "swiglu", "bias": "none", "qk_norm": "head"},
    "gemma3_text": {"norm": "rmsnorm_plus_one", "norm_placement": "sandwich", "position": "rope", "ffn": "geglu_tanh"}
    | {"bias": "none", "qk_norm": "head", "embed_scale": 8.0, "sliding_window": 4, "layer_pattern": "SF"},
}


@pytest.mark.parametrize("model_type", CONFIGS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_of_config_json_may_be_wrong(tmp_path, model_type, data):
    fields = {"vocab_size": 32, "n_embd": 64, "n_head": 4, "n_layer": 2} | CONFIGS[model_type]
    values = config_keys(ModelConfig(**fields), model_type)
    own = data.draw(st.booleans())
    if not own:
        del values["mlxgpt"]
    table = values["mlxgpt"] if own else values
    table[data.draw(st.sampled_from(sorted(table)))] = data.draw(JSON)
    (tmp_path / "config.json").write_text(json.dumps(values))
    try:
        huggingface.read_config(tmp_path)
    except MlxgptError as error:
        assert error.hint
