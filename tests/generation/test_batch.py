"""Many texts side by side against each of them alone."""

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.errors import DataError
from mlxgpt.events import GenerationFinished, PromptRead, TokenGenerated
from mlxgpt.generation.batch import Batcher, grouped
from mlxgpt.generation.config import read
from mlxgpt.generation.generate import generate
from mlxgpt.model.config import load_preset, presets
from mlxgpt.model.initialize import build
from mlxgpt.model.ragged import RaggedState

PROMPTS = [
    [80, 90, 100, 110, 120], [70], [75, 85], [60, 61, 62, 63, 64, 65, 66, 67], [90] * 3, list(range(100, 130)),
    [33, 44, 55], [200],
]  # fmt: skip
NEVER = frozenset()
ARCHITECTURES = {
    "rope": {},
    "learned": {"position": "learned", "norm": "layernorm", "bias": "all", "ffn": "gelu"},
    "sinusoidal": {"position": "sinusoidal"},
    "none": {"position": "none"},
    "grouped heads and head norm": {"n_head": 4, "n_kv_head": 2, "qk_norm": "head", "ffn": "swiglu"},
    "soft caps, as many texts as heads": {"attn_softcap": 5.0, "logit_softcap": 10.0, "n_head": 4, "n_kv_head": 4},
    "sliding window": {"sliding_window": 4, "layer_pattern": "SF"},
}


def alone(model, tokenizer, prompt, config, stop_ids=NEVER):
    return list(generate(model, tokenizer, prompt, config, stop_ids=stop_ids))


def together(model, tokenizer, prompts, configs, batch_size=3, stop_ids=NEVER, **options):
    batcher = Batcher(model, tokenizer, batch_size=batch_size, **options)
    texts = [batcher.submit(p, c, stop_ids=stop_ids) for p, c in zip(prompts, configs, strict=True)]
    events = {id(text): [] for text in texts}
    for happened in batcher.run():
        assert len(batcher.texts) <= batch_size
        for text, event in happened:
            events[id(text)].append(event)
    assert not batcher.busy
    return [events[id(text)] for text in texts]


def written(events):
    return [event.id for event in events if isinstance(event, TokenGenerated)]


def finish(events):
    (event,) = [event for event in events if isinstance(event, GenerationFinished)]
    return event.reason, event.text, event.tokens, event.seed


@pytest.mark.parametrize("tokens", [1, 9, 30])
@pytest.mark.parametrize("words", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_greedy_texts_are_those_written_one_by_one(make, tokenizer, words, tokens):
    model = make(**words)
    config = read({"temperature": 0.0, "max_tokens": tokens, "seed": 1})
    expected = [written(alone(model, tokenizer, prompt, config)) for prompt in PROMPTS]
    for batch_size in (1, 4, 8):
        found = together(model, tokenizer, PROMPTS, [config] * len(PROMPTS), batch_size)
        assert list(map(written, found)) == expected
    assert len({tuple(ids) for ids in expected}) > 3


@pytest.mark.parametrize("overflow", ["rotating", "chunked"])
@pytest.mark.parametrize("sink", [0, 4])
def test_a_full_context_is_treated_as_alone(make, tokenizer, overflow, sink):
    model = make()
    config = read({"temperature": 0.0, "max_tokens": 45, "seed": 1, "overflow": overflow, "sink_tokens": sink})
    found = together(model, tokenizer, PROMPTS, [config] * len(PROMPTS), 4)
    assert list(map(written, found)) == [written(alone(model, tokenizer, prompt, config)) for prompt in PROMPTS]


def test_each_text_has_its_own_sampling_seed_length_and_stops(make, tokenizer):
    model = make()
    configs = [
        read({"temperature": 0.7 + 0.1 * (i % 3), "top_k": [0, 5][i % 2], "seed": i, "max_tokens": 5 + 3 * i,
              "repetition_penalty": [1.0, 1.3][i % 2], "repetition_window": 6, "show_tokens": i % 4 == 0})
        for i in range(len(PROMPTS))
    ]  # fmt: skip
    expected = [alone(model, tokenizer, *each) for each in zip(PROMPTS, configs, strict=True)]
    found = together(model, tokenizer, PROMPTS, configs, 5)
    assert list(map(written, found)) == list(map(written, expected))
    assert list(map(finish, found)) == list(map(finish, expected))
    for mine, theirs in zip(found, expected, strict=True):
        facts = [(e.probability, e.rank) for e in mine if isinstance(e, TokenGenerated)]
        assert [rank for _, rank in facts] == [e.rank for e in theirs if isinstance(e, TokenGenerated)]
    assert found[0][0].tokens == 5
    assert isinstance(found[0][0], PromptRead)


def test_texts_end_at_their_own_stop_ids_and_stop_texts(make, tokenizer):
    model = make()
    config = read({"temperature": 0.0, "max_tokens": 30, "seed": 1})
    ids = written(alone(model, tokenizer, PROMPTS[0], config))
    ends = frozenset(ids[3:4])
    (ended,) = together(model, tokenizer, PROMPTS[:1], [config], stop_ids=ends)
    assert written(ended) == ids[: ids.index(ids[3]) + 1]
    assert finish(ended)[0] == "eos"
    assert finish(ended) == finish(alone(model, tokenizer, PROMPTS[0], config, stop_ids=ends))


def test_a_cancelled_text_leaves_and_the_others_do_not_notice(make, tokenizer):
    model = make()
    config = read({"temperature": 0.0, "max_tokens": 20, "seed": 1})
    batcher = Batcher(model, tokenizer, batch_size=3)
    texts = [batcher.submit(prompt, config, stop_ids=NEVER) for prompt in PROMPTS]
    ids = {id(text): [] for text in texts}
    for step, happened in enumerate(batcher.run()):
        for text, event in happened:
            assert not text.cancelled
            ids[id(text)] += written([event])
        if step == 4:
            texts[0].cancelled = texts[5].cancelled = True  # one at work, one waiting
    assert len(ids[id(texts[0])]) < 20
    assert not ids[id(texts[5])]
    for number in (1, 2, 3, 4, 6, 7):
        assert ids[id(texts[number])] == written(alone(model, tokenizer, PROMPTS[number], config))


def test_texts_may_come_while_others_are_written(make, tokenizer):
    model = make()
    config = read({"temperature": 0.0, "max_tokens": 12, "seed": 1})
    batcher, left = Batcher(model, tokenizer, batch_size=4), list(PROMPTS[2:])
    texts = [batcher.submit(prompt, config, stop_ids=NEVER) for prompt in PROMPTS[:2]]
    ids = {}
    for happened in batcher.run():
        for text, event in happened:
            ids.setdefault(id(text), []).extend(written([event]))
        if left:
            texts.append(batcher.submit(left.pop(0), config, stop_ids=NEVER))
    expected = [written(alone(model, tokenizer, prompt, config)) for prompt in PROMPTS]
    assert [ids[id(text)] for text in texts] == expected


def test_ids_outside_the_vocabulary_are_refused(make, tokenizer):
    with pytest.raises(DataError, match="token id 999"):
        Batcher(make(), tokenizer).submit([999], read({}))


def test_alternatives_are_the_likeliest_tokens_in_order(make, tokenizer):
    model = make()
    config = read({"temperature": 0.0, "max_tokens": 3, "alternatives": 4})
    (events,) = together(model, tokenizer, PROMPTS[:1], [config])
    first = next(event for event in events if isinstance(event, TokenGenerated))
    chances = mx.softmax(model(mx.array([PROMPTS[0]]))[0, -1].astype(mx.float32))
    best = mx.argsort(-chances)[:4].tolist()
    assert [token for token, _ in first.alternatives] == best
    assert first.id == best[0]
    assert (
        first.probability == pytest.approx(first.alternatives[0][1]) == pytest.approx(chances[best[0]].item(), rel=1e-4)
    )


def test_prompts_are_read_in_groups_of_similar_length(make, tokenizer):
    batcher = Batcher(make(), tokenizer)
    arrivals = [batcher._arrival(batcher.submit([80] * n, read({}))) for n in (16, 3, 15, 2, 14, 3)]
    lengths = [[len(arrival.ids) for arrival in group] for group in grouped(arrivals)]
    assert lengths == [[1, 2, 2], [13, 14, 15]]


@pytest.mark.parametrize("preset", ["rwkv-nano", "rwkv7-nano"])
def test_recurrent_texts_are_those_written_one_by_one(tokenizer, preset):
    if preset not in presets():
        pytest.skip("this version has no recurrent models")
    model = build(load_preset(preset, {"vocab_size": 265, "n_layer": 2}), 0)
    noisy = [(name, value + mx.random.normal(value.shape, key=mx.random.key(i)) * 0.05)
             for i, (name, value) in enumerate(tree_flatten(model.parameters()))]  # fmt: skip
    model.update(tree_unflatten(noisy))
    config = read({"temperature": 0.0, "max_tokens": 12, "seed": 1})
    expected = [written(alone(model, tokenizer, prompt, config)) for prompt in PROMPTS]
    assert list(map(written, together(model, tokenizer, PROMPTS, [config] * len(PROMPTS), 3))) == expected


class State:
    """A layer's state that adds up what it reads."""

    def __init__(self, *rows):
        self.state = [mx.array(rows, mx.float32)] if rows else []


def test_states_of_fixed_size_come_and_go_by_rows():
    layer = RaggedState(State())
    layer.join([(State(), 0, 0)], 0)  # a text of which nothing was read
    assert layer.cache.state == []
    layer.join([(State([1.0], [2.0]), 1, 3), (State(), 0, 0)], 0)
    assert layer.cache.state[0].tolist() == [[0.0], [2.0], [0.0]]
    layer.keep(mx.array([1]), 0)
    layer.join([(State([5.0]), 0, 2)], 3)
    assert layer.cache.state[0].tolist() == [[2.0], [5.0]]
    layer.keep(mx.array([], mx.int32), 0)
    layer.join([(State(), 0, 0), (State(), 0, 0)], 0)
    assert layer.cache.state[0].tolist() == [[0.0], [0.0]]
