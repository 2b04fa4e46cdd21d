"""Keys and values in few bits: near the plain cache, smaller, and the same alone and side by side."""

import mlx.core as mx
import pytest
from mlx.utils import tree_map

from mlxgpt.errors import ConfigError
from mlxgpt.events import GenerationFinished, TokenGenerated
from mlxgpt.generation import commands
from mlxgpt.generation.batch import Batcher
from mlxgpt.generation.chat import Chat
from mlxgpt.generation.config import read
from mlxgpt.generation.generate import generate
from mlxgpt.generation.prefix import Prefix
from mlxgpt.generation.speculative import speculate
from mlxgpt.generation.window import memories, prefill
from mlxgpt.model.cache import KVCache, QuantizedKVCache
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build
from mlxgpt.tokenizer.simple import byte_tokenizer

TOKENIZER = byte_tokenizer()
SHAPE = {"vocab_size": 265, "context_length": 96, "n_layer": 2, "n_head": 2, "n_embd": 128, "position": "rope"}
MODELS = {
    "rope": SHAPE,
    "grouped": SHAPE | {"n_head": 4, "n_kv_head": 2},  # heads of 32
    "learned": SHAPE | {"position": "learned"},
    "capped": SHAPE | {"attn_softcap": 5.0},
    "sliding": SHAPE | {"sliding_window": 16, "layer_pattern": "SF"},
}


def make(name="rope") -> GPT:
    model = build(ModelConfig(**MODELS[name]), 3)
    model.update(tree_map(lambda array: array * 5 if array.ndim == 2 else array, model.parameters()))
    return model


def texts(happened) -> str:
    return "".join(event.text for event in happened if isinstance(event, TokenGenerated))


def farthest(kept: mx.array, true: mx.array, bits: int, group: int) -> float:
    """The largest error, in steps between two neighbouring numbers of its group."""
    split = [array.reshape(*array.shape[:-1], -1, group) for array in (kept, true)]
    step = (split[1].max(axis=-1, keepdims=True) - split[1].min(axis=-1, keepdims=True)) / (2**bits - 1)
    return (mx.abs(split[0] - split[1]) / step).max().item()


@pytest.mark.parametrize(("bits", "group"), [(8, 64), (8, 32), (4, 64), (4, 32)])
def test_what_is_fetched_is_at_most_a_step_from_what_was_kept(bits, group):
    cache, plain = QuantizedKVCache(bits, group), KVCache()
    pieces = [mx.random.normal((2, 3, T, 64), key=mx.random.key(T)) for T in (5, 300, 1, 1)]  # beyond its first rooms
    for piece in pieces:
        kept, true = cache.update_and_fetch(piece, 2 * piece), plain.update_and_fetch(piece, 2 * piece)
        assert cache.offset == plain.offset
        assert all(farthest(a, b, bits, group) < 1.01 for a, b in zip(kept, true, strict=True))
    share = sum(array.nbytes for array in cache.pack(*true)) / sum(array.nbytes for array in true)
    assert share == pytest.approx((bits + 64 / group) / 32)  # words, and two float32 a group
    assert cache.nbytes < plain.nbytes
    assert cache.trim(7) == plain.trim(7) == 7
    kept, true = (each.update_and_fetch(pieces[2], pieces[2]) for each in (cache, plain))
    assert all(farthest(a, b, bits, group) < 1.01 for a, b in zip(kept, true, strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_near_those_of_the_plain_cache_and_nearer_with_more_bits(name):
    model, tokens = make(name), mx.array([TOKENIZER.encode("Era uma vez um menino que morava perto do mar.")])
    exact = model(tokens)[0, -1]
    errors = []
    for bits in (8, 4):
        caches = memories(model, bits)
        prefill(model, tokens[:, :-1], caches, 7)
        logits = model(tokens[:, -1:], caches)[0, -1]
        errors.append((mx.linalg.norm(logits - exact) / mx.linalg.norm(exact)).item())
    assert errors[0] < 0.02
    assert errors[0] < errors[1] / 4
    assert errors[1] < 0.4


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", MODELS)
def test_texts_side_by_side_are_those_written_alone(name, bits):
    model = make(name)
    config = read({"max_tokens": 70, "temperature": 0.0, "kv_bits": bits})  # beyond the context of 96
    prompts = [
        TOKENIZER.encode(text) for text in ("Era uma vez um menino", "O mar", "A Maria mora em São Paulo há anos")
    ]
    alone = [texts(generate(model, TOKENIZER, ids, config)) for ids in prompts]
    batcher = Batcher(model, TOKENIZER, batch_size=2, kv_bits=bits)
    asked = [batcher.submit(ids, config) for ids in prompts]
    written = {id(text): [] for text in asked}
    for step in batcher.run():
        for text, event in step:
            written[id(text)].append(event)
    assert [texts(written[id(text)]) for text in asked] == alone


def test_a_shared_beginning_is_kept_in_few_bits_too():
    model, begin = make(), TOKENIZER.encode("Era uma vez ")
    prefix = Prefix.read(model, TOKENIZER, begin)
    batcher = Batcher(model, TOKENIZER, prefix=prefix, kv_bits=8)
    text = batcher.submit([*begin, *TOKENIZER.encode("um menino")], read({"max_tokens": 5, "temperature": 0.0}))
    events = [event for step in batcher.run() for _, event in step]
    assert isinstance(events[-1], GenerationFinished)
    assert events[0].reused_tokens == len(begin)
    assert text.config.kv_bits == 8


def test_a_full_context_is_read_again_not_rotated():
    model = make()
    config = read({"kv_bits": 4})
    from mlxgpt.generation.generate import open_window

    assert open_window(model, read({})).rotates
    assert not open_window(model, config).rotates
    with pytest.raises(ConfigError, match="does not rotate"):
        read({"kv_bits": 4, "overflow": "rotating"})


def test_a_draft_guesses_for_it():
    model = make()
    config = read({"kv_bits": 8, "temperature": 0.0, "max_tokens": 12})
    ids = TOKENIZER.encode("Era uma vez")
    assert texts(speculate(model, make("grouped"), TOKENIZER, ids, config)) == texts(
        generate(model, TOKENIZER, ids, config)
    )


def test_memory_shows_what_a_conversation_takes():
    sizes = {}
    for bits in (0, 8, 4):
        chat = Chat(make(), TOKENIZER, read({"kv_bits": bits, "max_tokens": 3, "temperature": 0.0}), mode="completion")
        list(chat.say("Era uma vez"))
        sizes[bits] = chat.window.nbytes
        assert ("in 4 bits" in commands.run(chat, "/memory").text) == (bits == 4)
    assert sizes[4] < sizes[8] < sizes[0]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (SHAPE | {"n_embd": 48}, "A head of this model is 24 wide"),
        ({"vocab_size": 265, "n_head": 2, "n_embd": 64, "position": "none", "block": "rwkv7"}, "no keys and values"),
    ],
)
def test_what_has_no_such_cache_says_so(shape, said):
    with pytest.raises(ConfigError, match=said):
        memories(build(ModelConfig(**shape), 0), 8)
    with pytest.raises(ConfigError, match="kv_bits = 3"):
        read({"kv_bits": 3})
