"""Models that only mlx_lm knows: they write and score as mlx_lm computes, show no inside, and step into none of its traps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from foreign_models import BASE, COHERE, GRANITE, KINDS, STRETCHED, YARN, make

from mlxgpt import checkpoint, jobs, runs
from mlxgpt.convert import foreign
from mlxgpt.errors import ConversionError, MlxgptError
from mlxgpt.generation.config import read
from mlxgpt.generation.generate import generate


def change(directory: Path, **keys) -> None:
    values = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({k: v for k, v in (values | keys).items() if v is not ...}))


def by_mlx_lm(directory: Path, ids: list[int], count: int) -> list[int]:
    """Greedy tokens, the whole text read for each."""
    from mlx_lm.utils import load_model

    model = load_model(directory)[0]
    ids = list(ids)
    for _ in range(count):
        ids.append(model(mx.array([ids]))[0, -1].argmax().item())
    return ids[-count:]


def written(model, tokenizer, ids, count):
    job = generate(model, tokenizer, ids, read({"max_tokens": count, "temperature": 0.0}))
    return [event.id for event in job if type(event).__name__ == "TokenGenerated"]


@pytest.fixture(params=KINDS)
def directory(request, tmp_path):
    return make(tmp_path / request.param, KINDS[request.param])


@pytest.fixture
def granite(tmp_path):
    return make(tmp_path / "granite", GRANITE)


IDS = [5, 9, 20, 33, 1]


def test_it_writes_what_mlx_lm_computes(directory):
    model, tokenizer = checkpoint.load_to_run(directory, "cpu")
    assert isinstance(model, foreign.ForeignModel)
    assert written(model, tokenizer, IDS, 12) == by_mlx_lm(directory, IDS, 12)


@pytest.mark.parametrize("values", [GRANITE, BASE | {"model_type": "qwen3", "head_dim": 32, "rope_theta": 1e4}])
def test_quantised_models(values, tmp_path):
    directory = make(tmp_path / "q4", values, quantize=True)
    assert json.loads((directory / "config.json").read_text())["quantization"]["bits"] == 4
    model, tokenizer = checkpoint.load_to_run(directory, "cpu")
    assert written(model, tokenizer, IDS, 8) == by_mlx_lm(directory, IDS, 8)


def test_a_batch_is_the_same_as_one_by_one(directory, tmp_path):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in ("abc", "F", "olá, cadé?")))
    output, settings = tmp_path / "out.jsonl", {"max_tokens": 6, "temperature": 0.0}
    list(jobs.generate_many(str(directory), prompts, output, settings, batch_size=2, device="cpu"))
    texts = [json.loads(line)["text"] for line in output.read_text().splitlines()]
    alone = [
        list(jobs.generate(str(directory), text, settings, device="cpu"))[-1].text
        for text in ("abc", "F", "olá, cadé?")
    ]
    assert texts == alone


def test_a_text_beyond_the_context_is_cut_as_ours_is(granite):
    model, tokenizer = checkpoint.load_to_run(granite, "cpu")
    assert model.config.context_length == 32
    events = list(generate(model, tokenizer, [7] * 100, read({"max_tokens": 40, "temperature": 0.0})))
    assert events[0].dropped_tokens > 0 and events[-1].tokens == 40
    with pytest.raises(MlxgptError, match="token id 48"):
        list(generate(model, tokenizer, [48], read({"max_tokens": 1})))


def test_chat_generate_and_eval_from_the_command_line(granite, mlxgpt, monkeypatch, tmp_path):
    import io

    assert mlxgpt("generate", "--model", granite, "--prompt", "abc", "--max-tokens", 3).code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("abc\n"))
    assert mlxgpt("chat", "--model", granite, "--max-tokens", 3).code == 0
    (tmp_path / "text.txt").write_text("abc cab\n" * 20)
    assert "perplexity" in mlxgpt("eval", tmp_path / "text.txt", "--model", granite).out


def test_its_inside_is_said_to_be_invisible(granite, mlxgpt, tmp_path):
    for line in (
        ("inspect", "attention", "--model", granite),
        ("info", granite),
        ("import", granite, "--out", tmp_path / "out"),
        ("demo", "--model", granite),
        ("generate", "--model", granite, "--prompt", "a", "--educational"),
    ):
        answer = mlxgpt(*line)
        assert answer.code == 1 and "inside" in answer.err and "qwen3" in answer.err, line
    model, _ = checkpoint.load_to_run(granite, "cpu")
    for name in ("hidden", "blocks", "embedding"):
        with pytest.raises(ConversionError, match="not visible"):
            getattr(model, name)
    with pytest.raises(ConversionError, match="not visible"):
        model(mx.array([[1]]), tap=lambda name, value: value)


def test_what_only_our_own_models_have_is_refused_by_its_name(granite, mlxgpt, tmp_path):
    (tmp_path / "p.txt").write_text("abc\n")
    line = ("generate", "--model", granite, "--prompts", tmp_path / "p.txt")
    for option, said in (
        (("--kv-bits", 8), "cache of keys and values in few bits"),
        (("--prefix", tmp_path / "p.txt"), "no shared beginning"),
    ):
        answer = mlxgpt(*line, *option)
        assert answer.code == 1 and said in " ".join(answer.err.split()) and "generate" not in answer.err, option


def test_a_refusal_says_whether_mlx_lm_computes_the_model(granite, mlxgpt, tmp_path):
    assert "chat, generate, serve and eval work" in " ".join(mlxgpt("info", granite).err.split())
    change(granite, model_type="starcoder")  # one that nobody has, whose name is near to one that we have
    said = " ".join(mlxgpt("info", granite).err.split())
    assert "mlx_lm does not compute it either" in said and "Did you mean" not in said


@pytest.mark.parametrize("place", ["old", "transformers 5"])
def test_a_phi_3_whose_heads_are_rotated_in_part_goes_to_mlx_lm(place, tmp_path):
    directory = make(tmp_path / "phi3", BASE | {"model_type": "phi3", "rope_theta": 1e4, "partial_rotary_factor": 0.5})
    if place == "transformers 5":
        table = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
        change(directory, rope_theta=..., partial_rotary_factor=..., rope_parameters=table)
    model, _ = checkpoint.load_to_run(directory, "cpu")
    assert isinstance(model, foreign.ForeignModel)
    assert model._model.layers[0].self_attn.rope.dims == model._model.layers[0].self_attn.head_dim // 2
    change(
        directory, rope_parameters=..., rope_scaling={"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}
    )
    with pytest.raises(ConversionError, match="does not compute it either"):
        checkpoint.load_to_run(directory, "cpu")


# ---- traps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["granite", "cohere", "stretched"])
def test_rope_as_transformers_5_writes_it_is_not_ignored(kind, tmp_path):
    directory = make(tmp_path / kind, KINDS[kind])
    expected = checkpoint.load_to_run(directory, "cpu")[0](mx.array([IDS * 4]))
    table = {"rope_theta": 300.0, **KINDS[kind].get("rope_scaling", {"rope_type": "default"})}
    change(directory, rope_theta=..., rope_scaling=..., rope_parameters=table)
    assert mx.array_equal(checkpoint.load_to_run(directory, "cpu")[0](mx.array([IDS * 4])), expected)


def test_a_stretched_rope_that_mlx_lm_ignores_is_refused(tmp_path):
    directory = make(tmp_path / "cohere", COHERE)
    change(directory, rope_scaling=YARN)
    with pytest.raises(ConversionError, match="does not compute it either"):
        checkpoint.load_to_run(directory, "cpu")


@pytest.mark.parametrize("key", ["alibi", "use_bidirectional_attention", "is_encoder_decoder"])
def test_a_key_that_mlx_lm_ignores_is_refused_for_architectures_we_know(key, tmp_path):
    directory = make(tmp_path / "llama", STRETCHED)
    change(directory, **{key: True})
    with pytest.raises(ConversionError, match="does not compute it either"):
        checkpoint.load_to_run(directory, "cpu")


def test_where_mlx_lm_drops_a_sliding_window_the_context_ends_with_it():
    assert foreign._context({"max_position_embeddings": 4096, "sliding_window": 512}, {"rope_theta"}) == 512
    assert foreign._context({"max_position_embeddings": 4096, "sliding_window": 512}, {"sliding_window"}) == 4096
    unused = {"max_position_embeddings": 4096, "sliding_window": 512, "use_sliding_window": False}
    assert foreign._context(unused, set()) == 4096
    assert foreign._context({"text_config": {"max_position_embeddings": 99}}, {"text_config"}) == 99


def test_importing_mlx_lm_neither_limits_open_files_nor_prints(granite):
    program = (
        "import resource, sys; before = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "from pathlib import Path; from mlxgpt import checkpoint\n"
        f"checkpoint.load_to_run(Path({str(granite)!r}), 'cpu')\n"
        "assert 'mlx_lm' in sys.modules and resource.getrlimit(resource.RLIMIT_NOFILE) == before"
    )
    limits = "ulimit -n 3000 && exec "
    command = ["sh", "-c", limits + '"$@"', "sh", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "keys", [{"model_file": "evil.py"}, {"auto_map": {"AutoModel": "evil.Model"}, "model_type": "evil"}]
)
def test_code_of_a_model_is_never_run(keys, granite, monkeypatch):
    monkeypatch.chdir(granite)
    (granite / "evil.py").write_text("open('harmed', 'w')")
    change(granite, **keys)
    with pytest.raises(ConversionError, match="never run"):
        checkpoint.load_to_run(granite, "cpu")
    assert not (granite / "harmed").exists()


@pytest.mark.parametrize(
    "keys",
    [
        *({"num_hidden_layers": n} for n in (10**9, 3, -1, "2", None)),
        *({"hidden_size": n} for n in (10**12, 63, 2**31, 0, [])),
        *({"vocab_size": n} for n in (10**10, 47, "x")),
        *({"model_type": n} for n in ("cache", "..os", "base", "os", "", 3, None, "a" * 10**5)),
        *(
            {"num_attention_heads": 0},
            {"rope_theta": "x"},
            {"rope_parameters": 3},
            {"rope_scaling": [1]},
            {"text_config": 3},
        ),
        *(
            {"quantization": {"bits": 99, "group_size": 7}},
            {"quantization": 3},
            {"quantization_config": {"quant_method": "x"}},
        ),
    ],
)
def test_a_config_that_lies_is_refused(keys, granite):
    change(granite, **keys)
    try:
        model, _ = checkpoint.load_to_run(granite, "cpu")
    except MlxgptError as error:
        assert error.hint
    else:  # what mlx_lm does not look at
        assert keys.keys() <= {"text_config", "quantization_config", "rope_scaling", "quantization", "rope_parameters"}
        assert np.isfinite(np.array(model(mx.array([IDS])))).all()


def test_weights_that_lie_are_refused(granite):
    path = granite / "model.safetensors"
    for content in (path.read_bytes()[:-4], path.read_bytes() + b"more", b"\xff" * 100):
        path.write_bytes(content)
        with pytest.raises(MlxgptError):
            checkpoint.load_to_run(granite, "cpu")
    path.rename(granite / "pytorch_model.bin")
    with pytest.raises(MlxgptError, match="pickles of PyTorch"):
        checkpoint.load_to_run(granite, "cpu")


def test_it_is_found_like_any_other(granite, monkeypatch):
    assert runs.find_model(str(granite)) == granite
