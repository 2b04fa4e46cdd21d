"""Looking on while a model writes: no token changes, and what is seen is what one pass over the text gives."""

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt import jobs
from mlxgpt.events import TokenGenerated
from mlxgpt.generation.config import read
from mlxgpt.generation.generate import generate, open_window
from mlxgpt.inspection import facts, lens, live, rwkv
from mlxgpt.inspection.explain import LANGUAGES, LEVELS, explain
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.inspector import Inspector
from mlxgpt.inspection.live import Watch
from mlxgpt.inspection.recompute import Again
from mlxgpt.inspection.sources import Figure
from mlxgpt.inspection.trace import patterns
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.initialize import build
from mlxgpt.tokenizer.simple import byte_tokenizer


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Every step is looked at."""
    monkeypatch.setattr(live, "PER_SECOND", float("inf"))
    monkeypatch.setattr(live, "SHARE", float("inf"))


def written(inspector, watch=None, prompt="Era uma vez um gato", tokens=40, **settings):
    """The ids that are drawn, and every step that was looked at."""
    config = read({"max_tokens": tokens, "seed": 3, **settings})
    ids, steps = [], []
    job = generate(
        inspector.model, inspector.tokenizer, inspector.tokenizer.encode(prompt), config,
        window=open_window(inspector.model, config), stop_ids=frozenset(), watch=watch,
    )  # fmt: skip
    for event in job:
        ids += [event.id] if isinstance(event, TokenGenerated) else []
        steps += watch.take() if watch is not None else []
    return ids, steps


def watching(inspector, layer=None):
    watch = Watch(inspector.model, inspector.tokenizer)
    watch.on, watch.layer = True, watch.layer if layer is None else layer
    return watch


def test_the_same_tokens_are_drawn_whether_somebody_looks_or_not(nano):
    ids, steps = written(nano, watching(nano))
    assert ids == written(nano)[0]
    assert [step.drawn for step in steps] == ids
    assert [step.written for step in steps] == list(range(1, 41))


def test_a_recurrent_model_draws_the_same_too_and_its_state_is_seen(recurrent):
    ids, steps = written(recurrent, watching(recurrent, layer=1))
    assert ids == written(recurrent)[0]
    for step in steps[::10]:
        cache = recurrent.model.make_cache()
        recurrent.model(mx.array([step.passage.ids]), cache)
        norm, _ = rwkv.fullness(np.array(cache[1].wkv[0]))
        assert step.kind == "state" and step.weights.shape == (2, 0)
        assert np.allclose(step.norms, norm, rtol=1e-3)
        assert (step.changes > 0).all()


def test_what_is_seen_is_what_one_pass_over_the_text_gives(nano):
    _, steps = written(nano, watching(nano, layer=2))
    for step in steps[::13]:
        row = patterns(nano.model, np.array([step.passage.ids]))[2, 0, :, -1]
        seen = lens.lens(nano.model, step.passage, str, top=1)
        assert np.allclose(step.weights, row, atol=1e-5)
        assert step.top.tolist() == seen.top[:, -1, 0].tolist()
        assert np.allclose(step.top_probability, seen.top_probability[:, -1, 0], atol=1e-4)
        assert step.entropy == pytest.approx(float(seen.entropy[-1, -1]), abs=1e-3)
        assert step.used.context > 0 and step.context == 256 and step.first_seconds <= step.seconds


def test_a_step_that_is_read_again_is_the_one_that_was_written(either):
    watch = watching(either, layer=1)
    _, steps = written(either, watch)
    step = steps[20]
    again = watch.read(step.passage.ids, drawn=step.drawn)
    assert again.again and not step.again
    assert again.passage.ids == step.passage.ids and again.rank == step.rank
    for name in ("top_probability", "final_probability", "likely_probability", "probability", "entropy"):
        assert np.allclose(getattr(again, name), getattr(step, name), atol=1e-4), name
    if step.kind == "attention":
        assert np.allclose(again.weights, step.weights, atol=1e-5)
    else:
        assert again.kind == "effective" and again.weights.shape == (2, len(step.passage))


@pytest.mark.parametrize(("position", "overflow"), [("rope", "rotating"), ("rope", "chunked"), ("learned", "auto")])
def test_beyond_the_context_the_tokens_that_are_still_seen_are_named(position, overflow):
    tokenizer = byte_tokenizer()
    shape = {"vocab_size": tokenizer.vocab_size, "n_layer": 2, "n_embd": 32, "n_head": 2, "context_length": 16}
    inspector = Inspector(build(ModelConfig(name="tiny", position=position, **shape)), tokenizer, "tiny")
    ids, steps = written(inspector, watching(inspector), prompt="abcdefgh", overflow=overflow, sink_tokens=2)
    text = [*tokenizer.encode("abcdefgh"), *ids]
    assert ids == written(inspector, prompt="abcdefgh", overflow=overflow, sink_tokens=2)[0]
    for step in steps:
        seen, read = step.passage.ids, 8 + step.written - 1
        assert len(seen) == step.weights.shape[1] <= 16
        assert list(seen[:2]) == text[:2] and list(seen[2:]) == text[read - (len(seen) - 2) : read]
        assert np.allclose(step.weights.sum(axis=-1), 1, atol=1e-5)
    assert steps[-1].earlier > 0 if overflow == "rotating" else steps[-1].earlier == 0


@pytest.mark.parametrize("block", [{"sliding_window": 6}, {"attn_softcap": 20.0}, {"n_kv_head": 1}])
def test_every_kind_of_attention_can_be_seen(block):
    tokenizer = byte_tokenizer()
    shape = {"vocab_size": tokenizer.vocab_size, "n_layer": 2, "n_embd": 32, "n_head": 2, "context_length": 64}
    model = build(ModelConfig(name="tiny", position="rope", **shape, **block))
    inspector = Inspector(model, tokenizer, "tiny")
    for step in written(inspector, watching(inspector, layer=0), tokens=12)[1]:
        row = patterns(model, np.array([step.passage.ids]))[0, 0, :, -1]
        assert np.allclose(step.weights, row, atol=1e-5)


def test_every_number_about_a_step_is_found_again_from_the_model(either):
    watch, used = watching(either, layer=1), set()
    _, steps = written(either, watch)
    for step in (steps[5], steps[30], watch.read(steps[30].passage.ids, layer=0, drawn=steps[30].drawn)):
        again = Again(either, step)
        for focus in (Focus(), Focus(head=1)):
            for _, named in facts.FACTS[type(step)](step, focus):
                for figure in (value for value in named.values() if isinstance(value, Figure)):
                    found = again.value(figure.source)
                    assert figure.value == pytest.approx(found, rel=2e-3, abs=1e-4), str(figure.source)
                    used.add(figure.source.measure)
            for lang in LANGUAGES:
                for level in LEVELS:
                    assert all(line.text and "{" not in line.text for line in explain(step, focus, level, lang))
    assert used >= {"lens_probability", "lens_rank", "value"} | (
        {"state_norm"} if steps[0].kind == "state" else {"entropy"}
    )


def test_nobody_looks_where_nobody_sees_and_not_more_often_than_one_can_see(nano, monkeypatch):
    watch = watching(nano)
    watch.on = False
    assert written(nano, watch)[1] == []
    watch.on = True
    monkeypatch.setattr(live, "SHARE", 1e-9)
    assert len(written(nano, watch)[1]) == 1
    monkeypatch.setattr(live, "SHARE", float("inf"))
    monkeypatch.setattr(live, "PER_SECOND", 1e-6)
    assert len(written(nano, watch)[1]) == 1


def test_a_text_that_is_left_leaves_no_step_to_the_next(nano):
    watch, config = watching(nano), read({"max_tokens": 40, "seed": 3})
    job = generate(nano.model, nano.tokenizer, nano.tokenizer.encode("Era uma"), config, watch=watch)
    for _ in range(5):
        next(job)
    job.close()
    watch.take()
    _, steps = written(nano, watch)
    assert [step.written for step in steps] == list(range(1, 41))


def test_a_chat_tells_its_watcher(nano):
    chat = jobs.open_chat("nano-pt", {"max_tokens": 8, "seed": 1}, device="cpu")
    watch = jobs.watch(chat)
    watch.on = True
    answer = [event.id for event in chat.say("Era uma vez") if isinstance(event, TokenGenerated)]
    assert watch.take()[-1].drawn == answer[-1]
