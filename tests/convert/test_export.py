"""What `export` writes, run by the programs it is written for: the same logits and the same greedy tokens."""

import json
import shutil

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten, tree_map

from mlxgpt import checkpoint, jobs
from mlxgpt.convert import exporting, gguf_models, huggingface
from mlxgpt.convert.targets import hf_target
from mlxgpt.errors import CheckpointError, ConfigError, ConversionError, TokenizerError
from mlxgpt.events import TokenGenerated
from mlxgpt.generation.generate import beginning
from mlxgpt.model.config import ModelConfig, load_preset, presets
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.chat import Message, chat_ids
from mlxgpt.tokenizer.fast import train_bpe
from mlxgpt.tokenizer.simple import train_characters

TEXT = "A Maria mora em São Paulo. O João não mora lá: ele mora perto do mar, à beira-mar, há 25 anos! " * 20
PROMPT = "A Maria não mora"
TOKENIZER = train_bpe([TEXT], 320)
MODERN = {
    "vocab_size": 330,  # more than the tokenizer has
    "context_length": 64,
    "n_layer": 4,
    "n_head": 4,
    "n_kv_head": 2,
    "n_embd": 64,
    "ffn": "swiglu",
    "norm": "rmsnorm",
    "position": "rope",
    "rope_theta": 700.0,
    "bias": "none",
}
GEMMA = MODERN | {
    "ffn": "geglu_tanh",
    "norm": "rmsnorm_plus_one",
    "norm_placement": "sandwich",
    "embed_scale": 8.0,
    "head_dim": 32,
}
GPT2 = {"vocab_size": 330, "context_length": 64, "n_embd": 64}
LLAMA3 = {"rope_scaling": "llama3", "rope_factor": 4.0, "rope_original_context": 16}
OLMO = MODERN | {"norm_placement": "post", "qk_norm": "width"}
RWKV = {"vocab_size": 330, "context_length": 64, "n_layer": 3, "n_head": 2, "n_embd": 64, "position": "none"}
FAMILIES = {
    "gpt2": GPT2,
    "gpt2-without-biases": GPT2 | {"bias": "none"},
    "gpt2-sinusoidal": GPT2 | {"bias": "linear", "position": "sinusoidal"},
    "llama": MODERN,
    "llama-biases": MODERN | {"bias": "linear", "tie_embeddings": False, "head_dim": 32},
    "llama-3": MODERN | LLAMA3,
    "llama-stretched": MODERN | {"rope_scaling": "linear", "rope_factor": 3.0},
    "qwen2": MODERN | {"bias": "qkv"},
    "qwen3": MODERN | {"qk_norm": "head", "head_dim": 32},
    "gemma2": GEMMA | {"attn_softcap": 20.0, "logit_softcap": 10.0},
    "gemma3": GEMMA | {"qk_norm": "head"},
    "gemma3-sliding": GEMMA | {"qk_norm": "head", "sliding_window": 6, "layer_pattern": "SF", "rope_local_theta": 90.0},
    "olmo2": OLMO,
    "olmo2-untied": OLMO | {"tie_embeddings": False},
    "olmo3": OLMO | {"sliding_window": 5, "layer_pattern": "SF"},
    "rwkv6": RWKV | {"block": "rwkv6", "mix_rank": 8, "decay_rank": 16},
    "rwkv7": RWKV | {"block": "rwkv7", "n_embd": 128, "tie_embeddings": False},
}
TRANSFORMERS = [name for name in FAMILIES if not name.startswith("rwkv")]


def random_model(config: ModelConfig) -> GPT:
    """Large values everywhere, so that nothing misplaced goes unseen."""
    model = GPT(config)
    keys = iter(mx.random.split(mx.random.key(1), len(tree_flatten(model.parameters()))))
    spread = 0.05 if config.recurrent else 0.15

    def draw(parameter):
        gain = parameter if parameter.ndim == 1 else 0.0
        return gain + mx.random.normal(parameter.shape, key=next(keys)) * (0.1 if parameter.ndim == 1 else spread)

    model.update(tree_map(draw, model.parameters()))
    return model


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Checkpoints by the name of their family, written when first asked for."""
    root = tmp_path_factory.mktemp("models")

    def store(name, config=None, tokenizer=TOKENIZER):
        path = root / name
        if not path.exists():
            checkpoint.save(path, random_model(config or ModelConfig(**FAMILIES[name])), tokenizer, {})
        return path

    return store


def greedy(model: GPT, ids: list[int], n: int) -> tuple[list[int], mx.array]:
    """The n likeliest next tokens, each by a full pass, and the logits (T + n - 1, V) of the last."""
    ids = list(ids)
    for _ in range(n):
        logits = model(mx.array([ids]))[0]
        ids.append(mx.argmax(logits[-1]).item())
    return ids, logits


def close(theirs, ours: mx.array, tolerance: float) -> None:
    """Logits within `tolerance`, and the same best token wherever it is best by more than that."""
    ours, theirs = np.array(ours), np.asarray(theirs)
    assert np.abs(ours - theirs).max() <= tolerance
    best = np.sort(ours, axis=-1)
    clear = best[:, -1] - best[:, -2] > 2 * tolerance
    assert clear.mean() > 0.5
    assert (ours.argmax(-1) == theirs.argmax(-1))[clear].all()


# ---- directories -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
class TestMlxLm:
    def test_it_computes_the_same(self, name, stored, tmp_path):
        from mlx_lm.generate import generate_step
        from mlx_lm.utils import load_model

        source, out = stored(name), tmp_path / "out"
        jobs.export(str(source), out, "mlx-lm")
        assert not (out / "training").exists()
        theirs = load_model(out, trust_remote_code=name == "rwkv6")[0]
        ids = TOKENIZER.encode(PROMPT)
        wanted, logits = greedy(huggingface.load(source), ids, 12)
        close(theirs(mx.array([wanted[:-1]]))[0], logits, 2e-4)
        steps = generate_step(mx.array(ids), theirs, max_tokens=12)
        assert [int(token) for token, _ in steps] == wanted[len(ids) :]

    @pytest.mark.parametrize("quantize", ["q8", "q4"])
    def test_packed_weights_are_what_we_compute_with(self, name, quantize, stored, tmp_path):
        from mlx_lm.utils import load_model

        out = tmp_path / "out"
        report = jobs.export(str(stored(name)), out, "mlx-lm", quantize=quantize)
        assert quantize[1] in report.numbers
        theirs = load_model(out, trust_remote_code=name == "rwkv6")[0]
        ids = mx.array([TOKENIZER.encode(PROMPT)])
        ours = huggingface.load(out, keep_packed=True)
        close(theirs(ids)[0], ours(ids)[0], 2e-4)
        plain = huggingface.load(out)  # each number what the packed one stands for
        assert not any("scales" in key for key, _ in tree_flatten(plain.parameters()))
        close(plain(ids)[0], ours(ids)[0], 2e-3)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers_writes_the_same_greedy_tokens(name, stored, tmp_path):
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source, out = stored(name), tmp_path / "out"
    jobs.export(str(source), out, "hf")
    theirs = AutoModelForCausalLM.from_pretrained(out, attn_implementation="eager", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(out)
    ids = TOKENIZER.encode(PROMPT)
    assert tokenizer.encode(PROMPT, add_special_tokens=False) == ids
    wanted, logits = greedy(huggingface.load(source), ids, 12)
    with torch.no_grad():
        close(theirs(torch.tensor([wanted[:-1]])).logits[0].numpy(), logits, 2e-4)
        written = theirs.generate(
            torch.tensor([ids]), max_new_tokens=12, do_sample=False, eos_token_id=None, pad_token_id=0
        )
    assert written[0].tolist() == wanted


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_cast_is_what_is_stored_and_said(dtype, stored, tmp_path):
    jobs.export(str(stored("qwen3")), tmp_path / "out", "hf", dtype=dtype)
    model = huggingface.load(tmp_path / "out")
    assert {array.dtype for _, array in tree_flatten(model.parameters())} == {exporting.DTYPES[dtype]}
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == dtype


def test_a_number_beyond_float16_is_named_not_made_infinite(tmp_path):
    model = random_model(ModelConfig(**FAMILIES["llama"]))
    weight = model.blocks[2].ffn.up_proj.weight
    model.blocks[2].ffn.up_proj.weight = weight + (mx.arange(weight.size) == 7).reshape(weight.shape) * 70_000.0
    checkpoint.save(tmp_path / "a", model, TOKENIZER, {})
    for to, name in (("hf", "layers.2.mlp.up_proj"), ("gguf", "blk.2.ffn_up")):
        with pytest.raises(ConversionError, match=f"{name}.weight holds 7000.*, which float16 cannot") as refused:
            jobs.export(str(tmp_path / "a"), tmp_path / "out.gguf", to, dtype="float16")
        assert "bfloat16" in refused.value.hint
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
    jobs.export(str(tmp_path / "a"), tmp_path / "b", "hf", dtype="bfloat16")


def test_a_foreign_model_that_our_words_cannot_write_keeps_its_own(stored, tmp_path):
    source = tmp_path / "mistral"
    shutil.copytree(stored("llama"), source)
    values = json.loads((source / "config.json").read_text())
    del values["mlxgpt"]
    values |= {"model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 6}
    (source / "config.json").write_text(json.dumps(values))
    report = jobs.export(str(source), tmp_path / "out", "hf", dtype="bfloat16")
    assert report.architecture == "mistral"
    written = json.loads((tmp_path / "out" / "config.json").read_text())
    assert written == values | {"dtype": "bfloat16", "torch_dtype": "bfloat16"}
    ids = mx.array([TOKENIZER.encode(PROMPT)])
    same = huggingface.load(tmp_path / "out", dtype=mx.float32)(ids) - huggingface.load(source)(ids)
    assert mx.abs(same).max().item() < 0.3


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"to": "onnx"}, "--to onnx"),
        ({"to": "hf", "quantize": "q4"}, "transformers does not read"),
        ({"to": "gguf", "quantize": "q3"}, "--quantize q3"),
        ({"to": "hf", "dtype": "float8"}, "--dtype float8"),
        ({"to": "gguf", "quantize": "q4", "dtype": "float16"}, "decides the type"),
    ],
)
def test_words_that_do_not_go_together_are_refused_before_anything_is_read(given, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        jobs.export("no-such-model", tmp_path / "out", **given)


@pytest.mark.parametrize("to", exporting.FORMS)
def test_what_no_architecture_expresses_is_refused_with_the_reason(to, tmp_path):
    checkpoint.save(tmp_path / "a", random_model(ModelConfig(**MODERN | {"ffn": "relu2"})), TOKENIZER, {})
    with pytest.raises(ConversionError, match=r"ffn is relu2, but .* has swiglu"):
        jobs.export(str(tmp_path / "a"), tmp_path / "out", to)
    assert not (tmp_path / "out").exists()


def test_transformers_has_no_rwkv(stored, tmp_path):
    with pytest.raises(ConversionError, match="RWKV-6") as refused:
        jobs.export(str(stored("rwkv6")), tmp_path / "out", "hf")
    assert "gguf" in refused.value.hint


@pytest.mark.parametrize("to", exporting.FORMS)
def test_nothing_is_written_over(to, stored, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CheckpointError, match="exists already"):
        jobs.export(str(stored("llama")), tmp_path / "out", to)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_gguf_without_a_tokenizer_is_refused(stored, tmp_path):
    source = tmp_path / "bare"
    shutil.copytree(stored("llama"), source)
    (source / "tokenizer.json").unlink()
    with pytest.raises(TokenizerError, match="has no tokenizer"):
        jobs.export(str(source), tmp_path / "out.gguf", "gguf")
    assert jobs.export(str(source), tmp_path / "out", "hf").notes[-1].startswith("The model has no tokenizer")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (GEMMA | {"qk_norm": "head", "attn_scale": 12**-0.5}, "attn_scale is"),
        (MODERN | LLAMA3 | {"qk_norm": "head"}, "rope_scaling is llama3"),
        (OLMO | {"bias": "attention"}, "bias is attention"),
    ],
)
def test_what_llama_cpp_lacks_is_refused_although_others_have_it(changes, said, tmp_path):
    checkpoint.save(tmp_path / "a", random_model(ModelConfig(**changes)), TOKENIZER, {})
    with pytest.raises(ConversionError, match=said):
        jobs.export(str(tmp_path / "a"), tmp_path / "out.gguf", "gguf")
    jobs.export(str(tmp_path / "a"), tmp_path / "out", "mlx-lm")


def test_every_preset_is_exported_or_refused_with_a_reason():
    refused = {}
    for name in presets():
        try:
            gguf_models.architecture(load_preset(name, {"vocab_size": 300}))
        except ConversionError as error:
            refused[name] = f"{error.message} {error.hint}"
    assert refused.keys() == {"small-transformer", "modern-char", "rwkv7-nano"}
    assert "ffn is relu2" in refused["modern-char"]
    assert (
        "a head is 32 wide" in refused["rwkv7-nano"]
        and "are 64 wide, as those of the preset rwkv7-140m" in refused["rwkv7-nano"]
    )
    assert "first line" in refused["modern-char"] and "first line" not in refused["rwkv7-nano"]


# ---- GGUF ------------------------------------------------------------------------------------------------------------


def test_a_gguf_reads_back_as_it_was_meant(stored, tmp_path):
    gguf = pytest.importorskip("gguf")
    out = tmp_path / "a.gguf"
    jobs.export(str(stored("llama-biases")), out, "gguf")
    file = gguf.GGUFReader(out)
    value = {name: field.contents() for name, field in file.fields.items()}
    assert value["general.architecture"] == "llama"
    assert value["llama.rope.freq_base"] == 700.0
    assert value["tokenizer.ggml.eos_token_id"] == TOKENIZER.eos_id
    assert value["tokenizer.chat_template"].endswith(TOKENIZER.chat_template)
    assert (value["tokenizer.ggml.add_bos_token"], value["tokenizer.ggml.bos_token_id"]) == (True, TOKENIZER.eos_id)
    assert len(value["tokenizer.ggml.tokens"]) == 330
    assert value["tokenizer.ggml.token_type"][:2] == [3, 2]  # <PAD> is a control token, <UNK> unknown
    assert value["tokenizer.ggml.token_type"][-1] == 5  # ids that the tokenizer does not have
    assert len(value["tokenizer.ggml.merges"]) == len(TOKENIZER.merges)
    tensors = {tensor.name: tensor for tensor in file.tensors}
    model = huggingface.load(stored("llama-biases"))
    held = tensors["blk.1.ffn_up.weight"].data
    assert np.array_equal(held, np.array(model.blocks[1].ffn.up_proj.weight))
    q = np.array(model.blocks[1].attn.q_proj.weight).reshape(4, 2, 16, 64)  # halves of each head …
    assert np.array_equal(tensors["blk.1.attn_q.weight"].data.reshape(4, 16, 2, 64), q.swapaxes(1, 2))  # … side by side


@pytest.mark.parametrize(("kind", "official"), [("Q8_0", "Q8_0"), ("Q4_0", "Q4_0"), ("BF16", "BF16"), ("F16", "F16")])
def test_blocks_are_those_of_the_official_package_bit_for_bit(kind, official):
    gguf = pytest.importorskip("gguf")
    from mlxgpt.convert.gguf import KINDS

    x = mx.random.normal((64, 96), key=mx.random.key(5)) * mx.exp(mx.random.normal((64, 1), key=mx.random.key(6)) * 3)
    x = mx.concatenate([x, mx.zeros((1, 96))])
    theirs = gguf.quants.quantize(np.array(x), gguf.GGMLQuantizationType[official])
    assert np.ascontiguousarray(KINDS[kind].encode(x)).tobytes() == theirs.tobytes()


@pytest.fixture
def llama(monkeypatch):
    """llama.cpp on a GGUF file: the logits (T, V) of ids, and its own tokens for PROMPT."""
    llama_cpp = pytest.importorskip("llama_cpp")
    params = llama_cpp.llama_model_default_params()
    params.use_extra_bufts = False  # its repacked weights need instructions that virtual machines announce and lack
    monkeypatch.setattr(llama_cpp.llama_cpp, "llama_model_default_params", lambda: params)

    def run(path, ids: list[int]):
        llm = llama_cpp.Llama(
            str(path), n_ctx=64, n_batch=64, logits_all=True, type_k=0, type_v=0, flash_attn=False, verbose=False,
            n_threads=1, n_threads_batch=1,
        )  # fmt: skip
        try:
            llm.eval(ids)
            return np.array(llm.scores[: len(ids)]), llm.tokenize(PROMPT.encode(), add_bos=False, special=True)
        finally:
            llm.close()

    return run


@pytest.mark.parametrize("name", FAMILIES)
class TestLlamaCpp:
    def test_it_computes_the_same_and_writes_the_same_tokens(self, name, stored, llama, tmp_path):
        out = tmp_path / "a.gguf"
        jobs.export(str(stored(name)), out, "gguf")
        ids = TOKENIZER.encode(PROMPT)
        wanted, logits = greedy(huggingface.load(stored(name)), ids, 12)
        theirs, tokens = llama(out, wanted[:-1])
        assert tokens == ids
        close(theirs, logits, 2e-2 if name.startswith(("gpt2", "gemma")) else 5e-4)  # its GELU is a table of float16

    @pytest.mark.parametrize(("quantize", "tolerance"), [("q8", 1.0), ("q4", 8.0)])
    def test_quantised_numbers_are_near(self, name, quantize, tolerance, stored, llama, tmp_path):
        out = tmp_path / "a.gguf"
        jobs.export(str(stored(name)), out, "gguf", quantize=quantize)
        ids = TOKENIZER.encode(PROMPT)
        logits = np.array(huggingface.load(stored(name))(mx.array([ids]))[0])
        theirs, _ = llama(out, ids)
        assert np.corrcoef(theirs.ravel(), logits.ravel())[0, 1] > (0.999 if quantize == "q8" else 0.9)
        assert np.abs(theirs - logits).max() < tolerance


def test_characters_are_tokens_in_llama_cpp_too(stored, tmp_path):
    llama_cpp = pytest.importorskip("llama_cpp")
    tokenizer = train_characters([TEXT + "€ é\n"])
    config = ModelConfig(**GPT2 | {"vocab_size": tokenizer.vocab_size})
    source = stored("characters", config, tokenizer)
    jobs.export(str(source), tmp_path / "a.gguf", "gguf")
    llm = llama_cpp.Llama(str(tmp_path / "a.gguf"), n_ctx=64, vocab_only=True, verbose=False)
    text = "São 25 €, não\né à beira-mar!"
    assert llm.tokenize(text.encode(), add_bos=False) == tokenizer.encode(text)
    assert llm.detokenize(tokenizer.encode(text)).decode() == text


@pytest.mark.parametrize("to", ["hf", "mlx-lm", "gguf"])
def test_a_quantised_model_that_becomes_larger_is_said_to(to, stored, tmp_path):
    small = tmp_path / "small"
    jobs.quantize(str(stored("llama")), small, {"bits": 4, "tokens": 64})
    report = jobs.export(str(small), tmp_path / "out.gguf", to)
    assert any("made whole again" in note and ("--quantize" in note) == (to != "hf") for note in report.notes)
    if to != "hf":
        report = jobs.export(str(small), tmp_path / "again.gguf", to, quantize="q4")
        assert not any("made whole again" in note for note in report.notes)
    assert not any("whole again" in note for note in jobs.export(str(stored("llama")), tmp_path / "b", to).notes)


def test_the_nearest_of_two_architectures_is_the_one_that_only_lacks_biases():
    config = ModelConfig(**FAMILIES["qwen3"] | {"bias": "attention"})
    assert hf_target(config).reasons == ("bias is attention, but qwen3 has none",)
    with pytest.raises(ConversionError, match="qwen3 has none"):
        gguf_models.architecture(config)


# ---- the beginning of a text -----------------------------------------------------------------------------------------


def test_mlx_lm_writes_the_greedy_tokens_of_generate_for_the_same_text(stored, tmp_path):
    from mlx_lm import load, stream_generate

    source, out = stored("qwen3"), tmp_path / "out"
    jobs.export(str(source), out, "mlx-lm")
    ours = [
        e.id
        for e in jobs.generate(str(source), PROMPT, {"temperature": 0.0, "max_tokens": 12, "show_tokens": True})
        if isinstance(e, TokenGenerated)
    ]
    model, tokenizer = load(str(out))
    assert tokenizer.encode(PROMPT) == [TOKENIZER.eos_id, *TOKENIZER.encode(PROMPT)]
    theirs = [response.token for response in stream_generate(model, tokenizer, PROMPT, max_tokens=12)]
    assert theirs[: len(ours)] == ours


def test_a_chat_begins_once_in_what_was_exported(stored, tmp_path):
    from transformers import AutoTokenizer

    out = tmp_path / "out"
    jobs.export(str(stored("qwen3")), out, "hf")
    theirs = AutoTokenizer.from_pretrained(out)
    talk = [Message(role="user", content="Onde mora?")]
    assert theirs.apply_chat_template(talk, add_generation_prompt=True)["input_ids"] == chat_ids(TOKENIZER, talk)
    assert registry.load(out).encode(PROMPT) == TOKENIZER.encode(PROMPT)  # here nothing is added, as before


def test_a_model_that_knows_no_chats_is_exported_without_a_template(tmp_path):
    model = random_model(ModelConfig(**FAMILIES["qwen3"]))
    checkpoint.save(tmp_path / "a", model, TOKENIZER, {"data": {"chats": False}})
    jobs.export(str(tmp_path / "a"), tmp_path / "out", "mlx-lm")
    assert registry.load(tmp_path / "out").chat_template is None


@pytest.mark.parametrize("kind", ["ours", "foreign"])
def test_llama_cpp_begins_texts_and_chats_as_we_do(kind, stored, tmp_path):
    llama_cpp = pytest.importorskip("llama_cpp")
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    source = stored("qwen3")
    if kind == "foreign":  # no <CHUNK>: texts begin with <BOS>
        source = tmp_path / "a"
        shutil.copytree(stored("qwen3"), source)
        text = (source / "tokenizer.json").read_text(encoding="utf-8").replace("<CHUNK>", "<OTHER>")
        (source / "tokenizer.json").write_text(text, encoding="utf-8")
        (source / "mlxgpt.toml").unlink()
    tokenizer = registry.load(source)
    jobs.export(str(source), tmp_path / "a.gguf", "gguf")
    llm = llama_cpp.Llama(str(tmp_path / "a.gguf"), n_ctx=64, vocab_only=True, verbose=False)
    assert llm.tokenize(PROMPT.encode()) == beginning(PROMPT, tokenizer)
    talk = [{"role": "user", "content": "Onde mora?"}]
    template = llm.metadata["tokenizer.chat_template"]
    names = [llm._model.token_get_text(token) for token in (llm.token_eos(), llm.token_bos())]
    text = Jinja2ChatFormatter(template, *names)(messages=talk).prompt
    assert llm.tokenize(text.encode(), add_bos=False, special=True) == chat_ids(tokenizer, talk)
