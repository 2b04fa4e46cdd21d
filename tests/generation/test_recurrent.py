"""A recurrent model writes in constant memory, reads nothing twice, and keeps a text as a file."""

import gc
from functools import partial

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.errors import CheckpointError, ConfigError
from mlxgpt.generation import prefix as shared
from mlxgpt.generation import states
from mlxgpt.generation.batch import Batcher
from mlxgpt.generation.chat import Chat
from mlxgpt.generation.config import GenerateConfig, SamplingConfig
from mlxgpt.generation.generate import generate, open_window
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build

GREEDY = GenerateConfig(max_tokens=12, sampling=SamplingConfig(temperature=0.0))
PROMPT = [int(i) for i in np.random.default_rng(1).integers(9, 265, 100)]  # far beyond the context of 16


def small(block: str, seed: int = 0) -> GPT:
    """A model whose every part has a say."""
    model = build(
        ModelConfig(
            block=block,
            vocab_size=265,
            context_length=16,
            n_layer=2,
            n_embd=32,
            n_head=2,
            position="none",
            tie_embeddings=False,
        )
    )
    noise = [
        (name, p + mx.random.normal(p.shape, key=mx.random.key(i + 1000 * seed)) * 0.2)
        for i, (name, p) in enumerate(tree_flatten(model.parameters()))
    ]
    model.update(tree_unflatten(noise))
    mx.eval(model.parameters())
    return model


@pytest.fixture(params=["rwkv6", "rwkv7"])
def model(request) -> GPT:
    return small(request.param)


def written(model, tokenizer, ids, config=GREEDY, **options) -> list[int]:
    events = list(generate(model, tokenizer, ids, config, stop_ids=frozenset(), **options))
    assert events[0].dropped_tokens == 0
    return [event.id for event in events[1:-1]]


def test_a_long_prompt_is_never_cut(model, tokenizer):
    ids = list(PROMPT)
    for _ in range(12):
        ids.append(model(mx.array([ids]))[0, -1].argmax().item())
    assert written(model, tokenizer, PROMPT) == ids[len(PROMPT) :]


def test_memory_is_the_same_after_any_number_of_tokens(model, request):
    """Active memory, to the byte: of MLX's arrays nothing grows.

    Without MLX's cache, from which an array may be given a larger buffer than it needs, one that earlier tests left.
    """
    request.addfinalizer(partial(mx.set_cache_limit, mx.set_cache_limit(0)))
    window = open_window(model, GREEDY)
    token, seen = window.open([[1, 2, 3]]).last, []
    for i in range(1, 601):
        token = window.step(token).argmax(axis=-1, keepdims=True)
        mx.eval(token, [cache.state for cache in window.caches])
        if i % 200 == 0:
            gc.collect()  # what earlier tests left in circles is theirs
            mx.synchronize()
            seen.append((mx.get_active_memory(), window.nbytes))
    assert seen[0] == seen[1] == seen[2]


def test_a_prompt_that_goes_on_from_an_earlier_one_is_not_read_again(model, tokenizer):
    window = open_window(model, GREEDY)
    first = written(model, tokenizer, PROMPT, window=window)
    for ids in ([*PROMPT, *first, 5], [*PROMPT, 7, 8, 9], PROMPT):  # what was written, another way on, the same again
        events = list(generate(model, tokenizer, ids, GREEDY, window=window, stop_ids=frozenset()))
        assert events[0].reused_tokens >= len(PROMPT) - 1
        assert [event.id for event in events[1:-1]] == written(model, tokenizer, ids)
    other = list(reversed(PROMPT))
    assert next(iter(generate(model, tokenizer, other, GREEDY, window=window))).reused_tokens == 0


def test_a_text_from_a_file_goes_on_as_if_it_had_not_been_away(model, tokenizer, tmp_path):
    path, window = tmp_path / "text.state", open_window(model, GREEDY)
    ids = PROMPT + written(model, tokenizer, PROMPT, window=window)
    size = states.save(path, window, states.Text(ids=ids))
    assert size == path.stat().st_size
    fresh = open_window(model, GREEDY)
    assert states.load(path, fresh).ids == ids
    events = list(generate(model, tokenizer, ids, GREEDY, window=fresh, stop_ids=frozenset()))
    assert events[0].reused_tokens == len(ids) - 1
    assert [event.id for event in events[1:-1]] == written(model, tokenizer, ids)


@pytest.mark.parametrize("mode", ["chat", "completion"])
def test_a_conversation_from_a_file_goes_on(model, tokenizer, tmp_path, mode):
    path = tmp_path / "chat.state"
    one, other = (Chat(model, tokenizer, GREEDY, mode=mode) for _ in range(2))
    list(one.say("Oi"))
    one.keep(path)
    other.go_on(path)
    assert other.messages == one.messages
    for chat in (one, other):
        list(chat.say("E depois?" if mode == "chat" else ""))
    assert other.messages == one.messages
    if mode == "completion":  # in a chat, text that is no UTF-8 is read again as something else
        assert other.read.reused_tokens == other.read.tokens - 1


def test_a_text_from_a_file_goes_on_with_the_next_message(model, tokenizer, tmp_path):
    path, chat = tmp_path / "text.state", Chat(model, tokenizer, GREEDY, mode="completion")
    chat.go_on(path)
    list(chat.say("Era uma vez"))
    before = chat.read.tokens + len(chat.answer)
    chat.keep(path)
    later = Chat(model, tokenizer, GREEDY, mode="completion")
    later.go_on(path)
    list(later.say("um gato"))
    assert later.asked[: later.read.reused_tokens] == [*chat.asked, *chat.answer][: later.read.reused_tokens]
    assert later.read.reused_tokens >= before - 2 and later.read.tokens > before
    assert tokenizer.decode(later.asked).endswith("\num gato")
    again = [*chat.messages, {"role": "user", "content": "um cão"}]  # as /retry asks: without what was answered
    ids, _, _ = later.prompt(again)
    assert tokenizer.decode(ids) == tokenizer.decode(
        [*chat.asked, *tokenizer.encode(chat.messages[-1]["content"] + "\num cão")]
    )


def test_a_state_of_other_weights_or_a_damaged_one_is_refused(model, tokenizer, tmp_path, make):
    path, window = tmp_path / "text.state", open_window(model, GREEDY)
    states.save(path, window, states.Text(ids=[1, 2, 3]))
    with pytest.raises(CheckpointError, match="other weights"):
        states.load(path, open_window(small(model.config.block, seed=1), GREEDY))
    with pytest.raises(ConfigError, match="no state of fixed size"):
        states.load(path, open_window(make(), GREEDY))
    content = path.read_bytes()
    for damaged in (b"", content[:50], content[:-5], content + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            states.load(path, window)
    about = {"format": states.BEFORE, "model": states.fingerprint(model)}
    lies = ({}, {"ids": mx.array([1, 999])}, {"ids": mx.array([[1]])}, {"ids": mx.array([1.5])})
    shape = {"ids": mx.array([1, 2])} | {f"0.{part}": mx.zeros((1, 3)) for part in states.PARTS}
    for arrays in (*lies, shape):
        mx.save_safetensors(str(tmp_path / "lie.safetensors"), arrays, metadata=about)
        with pytest.raises(CheckpointError):
            states.load(tmp_path / "lie.safetensors", window)
    mx.save_safetensors(str(tmp_path / "lie.safetensors"), {"ids": mx.array([1])}, metadata=about | {"messages": "[1]"})
    with pytest.raises(CheckpointError, match="conversation"):
        states.load(tmp_path / "lie.safetensors", window)


def test_no_flipped_bit_of_a_state_file_goes_unnoticed(model, tmp_path):
    path, window = tmp_path / "text.state", open_window(model, GREEDY)
    states.save(path, window, states.Text(ids=PROMPT, system="Fala pouco."))
    content = path.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    places = [*range(0, header, 7), *range(header, len(content), 997)]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        if content[place] != ord(" "):  # the header ends in spaces
            with pytest.raises(CheckpointError):
                states.load(path, window)
    path.write_bytes(content)
    assert states.load(path, window).ids == PROMPT


def test_a_state_file_from_before_checksums_is_read(model, tmp_path):
    path, window = tmp_path / "text.state", open_window(model, GREEDY)
    states.save(path, window, states.Text(ids=PROMPT))
    arrays, about = mx.load(str(path), format="safetensors", return_metadata=True)
    del about["checksum"]
    old = tmp_path / "old.safetensors"
    mx.save_safetensors(str(old), arrays, metadata=about | {"format": states.BEFORE})
    assert states.load(old, window).ids == PROMPT
    mx.save_safetensors(str(old), arrays, metadata=about)  # as new, but without one
    with pytest.raises(CheckpointError, match="checksum"):
        states.load(old, window)


def test_a_conversation_that_was_reset_is_not_in_its_file_any_more(model, tokenizer, tmp_path):
    path, chat = tmp_path / "chat.state", Chat(model, tokenizer, GREEDY)
    list(chat.say("Oi"))
    assert chat.keep(path) == path.stat().st_size
    chat.go_on(path)
    chat.reset()
    assert chat.keep(path) == 0 and not path.exists()


def test_documents_that_end_leave_nothing_behind():
    config = small("rwkv6").config.with_(document_end=3)
    for block in ("rwkv6", "rwkv7"):
        model = GPT(config.with_(block=block))
        model.update(small(block).parameters())
        text, before = [50, 60, 70, 80], [10, 20, 3]
        alone, after = model(mx.array([text])), model(mx.array([before + text]))
        assert mx.abs(alone - after[:, 3:]).max().item() <= 1e-5
        cache = model.make_cache()
        model(mx.array([before]), cache)
        assert not any(array.any().item() for state in cache for array in state.state)


def together(model, tokenizer, prompts, prefix) -> tuple[list[list[int]], list[int]]:
    """The tokens written after each prompt, three texts at a time; and how many of each prompt were not read."""
    batcher = Batcher(model, tokenizer, batch_size=3, prefix=prefix)
    asked = [batcher.submit(ids, GREEDY, stop_ids=frozenset()) for ids in prompts]
    events = {id(text): [] for text in asked}
    for happened in batcher.run():
        for text, event in happened:
            events[id(text)].append(event)
    found = [events[id(text)] for text in asked]
    return [[event.id for event in each[1:-1]] for each in found], [each[0].reused_tokens for each in found]


def test_a_shared_beginning_is_read_once_and_changes_no_token(model, tokenizer, tmp_path):
    begin = PROMPT[:70]  # far beyond the context, too
    prompts = [
        begin + PROMPT[70:75], begin, begin + PROMPT[80:81], begin + PROMPT[90:95], begin + PROMPT[60:73], PROMPT[1:9],
    ]  # fmt: skip
    expected = [written(model, tokenizer, ids) for ids in prompts]
    assert len({tuple(tokens) for tokens in expected}) == len(prompts)
    first, known = shared.cached(tmp_path, model, tokenizer, begin)
    again, known_again = shared.cached(tmp_path, model, tokenizer, begin)
    assert (known, known_again) == (False, True)
    for prefix in (shared.Prefix.read(model, tokenizer, begin, at_once=32), first, again):
        before = [np.array(array) for array in prefix.arrays]
        tokens, reused = together(model, tokenizer, prompts, prefix)
        assert tokens == expected
        assert reused == [70, 0, 70, 70, 70, 0]  # what follows the last token of a text is not in a state: it is read
        assert all(np.array_equal(old, new) for old, new in zip(before, prefix.arrays, strict=True))


def test_what_was_kept_of_a_beginning_is_made_again_if_a_bit_is_another(model, tokenizer, tmp_path):
    right, _ = shared.cached(tmp_path, model, tokenizer, PROMPT)
    (path,) = tmp_path.iterdir()
    raw = bytearray(path.read_bytes())
    for place in (len(raw) - 3, len(raw) // 2):
        raw[place] ^= 1
        path.write_bytes(raw)
        raw[place] ^= 1
        prefix, known = shared.cached(tmp_path, model, tokenizer, PROMPT)
        assert not known
        assert all(mx.array_equal(a, b) for a, b in zip(prefix.arrays, right.arrays, strict=True))
    assert shared.cached(tmp_path, model, tokenizer, PROMPT)[1]
    assert not shared.cached(tmp_path, small(model.config.block, seed=1), tokenizer, PROMPT)[1]
