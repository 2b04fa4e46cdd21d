"""Generation with cache, window and pipeline against the same thing done naively."""

import threading

import mlx.core as mx
import pytest

from mlxgpt.errors import ConfigError, DataError
from mlxgpt.events import GenerationFinished, PromptRead, TokenGenerated
from mlxgpt.generation.config import read
from mlxgpt.generation.generate import generate, open_window
from mlxgpt.generation.window import Window, cut
from mlxgpt.model.attention import Attention
from mlxgpt.model.cache import causal_mask
from mlxgpt.model.config import WORDS
from mlxgpt.tokenizer.base import begin_id

PROMPT = [80, 90, 100, 110, 120]
NEVER = frozenset()  # no token ends the text


def ids_of(events):
    return [event.id for event in events if isinstance(event, TokenGenerated)]


def run(model, tokenizer, prompt=PROMPT, stop_ids=NEVER, **chosen):
    """The ids, greedily unless said otherwise."""
    config = read({"temperature": 0.0, "max_tokens": 8, "seed": 1}, chosen)
    return ids_of(generate(model, tokenizer, prompt, config, stop_ids=stop_ids))


def naive(model, prompt, tokens, seen=lambda ids: ids):
    """Greedy decoding that reads `seen(everything so far)` again for each token, with no cache."""
    ids = list(prompt)
    for _ in range(tokens):
        ids.append(model(mx.array([seen(ids)]))[0, -1].argmax().item())
    return ids[len(prompt) :]


@pytest.mark.parametrize("position", WORDS["position"])
def test_greedy_with_cache_equals_reading_everything_again(make, tokenizer, position):
    model = make(position)
    written = run(model, tokenizer, max_tokens=11)
    assert written == naive(model, PROMPT, 11)
    assert len(set(written)) > 3


@pytest.mark.parametrize("prefill_tokens", [1, 2, 3, 100])
def test_the_size_of_prefill_chunks_changes_nothing(make, tokenizer, prefill_tokens):
    model = make()
    assert run(model, tokenizer, prefill_tokens=prefill_tokens) == naive(model, PROMPT, 8)


@pytest.mark.parametrize("sink", [0, 4])
@pytest.mark.parametrize("position", ["rope", "none"])
def test_rotating_equals_a_mask_of_sink_and_window(make, tokenizer, monkeypatch, position, sink):
    model = make(position)
    written = run(model, tokenizer, max_tokens=40, overflow="rotating", sink_tokens=sink)

    def sink_and_window(self, length, cache):
        keys = mx.arange(length)[None]
        return causal_mask(length, window=16 - sink) | (causal_mask(length) & (keys < sink))

    monkeypatch.setattr(Attention, "mask", sink_and_window)
    monkeypatch.setattr("mlxgpt.model.attention.fused", fused_with_any_mask)
    assert written == naive(model, PROMPT, 40)
    assert len(set(written)) > 3


def fused_with_any_mask(q, k, v, *, scale, mask, **_):
    return mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask=mask)


@pytest.mark.parametrize("sink", [0, 4])
@pytest.mark.parametrize("position", WORDS["position"])
def test_chunked_equals_reading_its_stated_window_again(make, tokenizer, position, sink):
    model = make(position)
    seen: list[int] = []

    def stated(ids):
        """16 tokens at most; when one more does not fit, the first `sink` and the most recent, 8 in all."""
        nonlocal seen
        seen = cut([*seen, ids[-1]], 8, sink) if len(seen) == 16 else [*seen, *ids[-1:]] if seen else list(ids)
        return seen

    written = run(model, tokenizer, max_tokens=40, overflow="chunked", sink_tokens=sink)
    assert written == naive(model, PROMPT, 40, stated)
    assert len(set(written)) > 3


@pytest.mark.parametrize("overflow", ["auto", "chunked"])
@pytest.mark.parametrize("position", WORDS["position"])
def test_three_contexts_of_text_never_crash(make, tokenizer, position, overflow):
    for prompt in (PROMPT, list(range(20, 36)), list(range(20, 37)), list(range(20, 70))):
        assert len(run(make(position), tokenizer, prompt, max_tokens=48, overflow=overflow, temperature=1.0)) == 48


@pytest.mark.parametrize("context", [1, 2, 3])
@pytest.mark.parametrize("overflow", ["rotating", "chunked"])
def test_the_smallest_contexts_work(make, tokenizer, context, overflow):
    model = make("rope", context_length=context)
    assert len(run(model, tokenizer, max_tokens=9, overflow=overflow)) == 9


def test_positions_that_end_cannot_rotate(make):
    with pytest.raises(ConfigError, match="'learned' positions end at 16"):
        Window(make("learned"), overflow="rotating")


@pytest.mark.parametrize(("overflow", "kept"), [("rotating", 16), ("chunked", 8)])
def test_a_prompt_that_is_too_long_says_what_was_dropped(make, tokenizer, overflow, kept):
    prompt = list(range(20, 70))
    config = read({"temperature": 0.0, "max_tokens": 1, "overflow": overflow})
    read_, first, _ = generate(make(), tokenizer, prompt, config)
    assert isinstance(read_, PromptRead)
    assert (read_.tokens, read_.dropped_tokens) == (50, 50 - kept)
    assert [first.id] == naive(make(), cut(prompt, kept, 4), 1)


def test_the_same_seed_gives_the_same_text_and_another_one_another(make, tokenizer):
    model = make()
    hot = {"temperature": 2.0, "max_tokens": 30, "top_p": 0.9}
    one, again, other = (run(model, tokenizer, seed=seed, **hot) for seed in (1, 1, 2))
    assert one == again != other


def test_the_seed_that_was_used_is_reported_and_repeats_the_text(make, tokenizer):
    model = make()
    *_, last = generate(model, tokenizer, PROMPT, read({"max_tokens": 20}), stop_ids=NEVER)
    *_, again = generate(model, tokenizer, PROMPT, read({"max_tokens": 20, "seed": last.seed}), stop_ids=NEVER)
    assert last.text == again.text


def test_the_repetition_penalty_looks_at_the_recent_tokens_only(make, tokenizer):
    model = make()
    strong = run(model, tokenizer, max_tokens=30, repetition_penalty=10.0, repetition_window=64)
    ids = list(PROMPT)
    for _ in range(11):
        logits = model(mx.array([ids]))[0, -1]
        for token in set(ids):
            logits[token] = logits[token] * 10 if logits[token].item() < 0 else logits[token] / 10
        ids.append(logits.argmax().item())
    assert strong[:11] == ids[5:]
    assert run(model, tokenizer, max_tokens=30, repetition_penalty=10.0, repetition_window=1) != strong


def test_asking_for_probabilities_changes_no_token(make, tokenizer):
    model = make()
    config = read({"seed": 3, "max_tokens": 9})
    plain = list(generate(model, tokenizer, PROMPT, config, stop_ids=NEVER))
    judged = list(generate(model, tokenizer, PROMPT, config.with_(show_tokens=True), stop_ids=NEVER))
    assert ids_of(plain) == ids_of(judged)
    assert plain[1].probability is None
    probabilities = mx.softmax(model(mx.array([PROMPT]))[0, -1])
    assert judged[1].probability == pytest.approx(probabilities[judged[1].id].item(), abs=1e-5)
    assert judged[1].rank == 1 + (probabilities > probabilities[judged[1].id]).sum().item()


def test_the_texts_of_the_tokens_are_the_text(make, tokenizer):
    events = list(generate(make(), tokenizer, PROMPT, read({"seed": 5, "max_tokens": 60, "temperature": 3.0})))
    last = events[-1]
    assert isinstance(last, GenerationFinished)
    assert "".join(event.text for event in events[1:-1]) == last.text
    assert last.tokens == len(events) - 2


def test_an_ending_token_ends_the_text_and_shows_nothing(make, tokenizer):
    model = make()
    written = naive(model, PROMPT, 11)
    n = next(n for n in range(2, 11) if written[n] not in written[:n])
    config = read({"temperature": 0.0, "max_tokens": 11})
    events = list(generate(model, tokenizer, PROMPT, config, stop_ids=frozenset({written[n]})))
    assert (events[-1].reason, events[-1].tokens) == ("eos", n + 1)
    assert events[-1].text == tokenizer.decode(written[:n])


def test_a_stop_text_across_tokens_ends_the_text_before_it(make, tokenizer):
    model = make()
    config = read({"temperature": 1.5, "max_tokens": 60, "seed": 1})
    *_, free = generate(model, tokenizer, PROMPT, config, stop_ids=NEVER)
    stop = next(free.text[i : i + 3] for i in range(8, 50) if free.text.find(free.text[i : i + 3]) == i)
    *tokens, last = generate(model, tokenizer, PROMPT, config.with_(stop=(stop,)), stop_ids=NEVER)
    assert last.reason == "stop"
    assert last.text == free.text[: free.text.find(stop)]
    assert last.text == "".join(event.text for event in tokens[1:])


def test_closing_stops_at_once_and_the_window_can_be_used_again(make, tokenizer):
    model = make()
    config = read({"temperature": 0.0, "max_tokens": 10_000})
    window = open_window(model, config)
    job = generate(model, tokenizer, PROMPT, config, window=window, stop_ids=NEVER)
    for _ in range(4):
        next(job)
    job.close()
    again = generate(model, tokenizer, PROMPT, config.with_(max_tokens=5), window=window, stop_ids=NEVER)
    assert next(again).reused_tokens == len(PROMPT) - 1
    assert ids_of(again) == naive(model, PROMPT, 5)


def test_a_stop_event_ends_the_text_with_its_figures(make, tokenizer):
    stop = threading.Event()
    job = generate(make(), tokenizer, PROMPT, read({"max_tokens": 1000}), stop_ids=NEVER, stop=stop)
    next(job), next(job)
    stop.set()
    *_, last = job
    assert (last.reason, last.tokens) == ("stopped", 2)


@pytest.mark.parametrize("when", ["prompt", "token"])
def test_ctrl_c_inside_the_model_leaves_a_usable_window(make, tokenizer, monkeypatch, when):
    model = make()
    config = read({"temperature": 0.0, "max_tokens": 6})
    window = open_window(model, config)
    job = generate(model, tokenizer, PROMPT, config, window=window, stop_ids=NEVER)
    if when == "token":
        next(job), next(job)
    with monkeypatch.context() as patch:
        patch.setattr(model.blocks[1], "_dropout", Interrupt())
        with pytest.raises(KeyboardInterrupt):
            list(job)
    assert window.length == 0
    again = generate(model, tokenizer, PROMPT, config, window=window, stop_ids=NEVER)
    assert ids_of(again) == naive(model, PROMPT, 6)


class Interrupt:
    """A dropout rate that is Ctrl-C."""

    def __eq__(self, other):
        raise KeyboardInterrupt

    __hash__ = None


def test_rates_leave_the_first_token_out(make, tokenizer):
    *_, one = generate(make(), tokenizer, PROMPT, read({"max_tokens": 1}))
    assert one.tokens_per_second == 0
    *_, many = generate(make(), tokenizer, PROMPT, read({"max_tokens": 12}), stop_ids=NEVER)
    assert many.tokens_per_second > 0
    assert many.seconds_to_first_token > 0


def test_an_empty_prompt_begins_like_a_text(make, tokenizer):
    assert begin_id(tokenizer) == tokenizer.eos_id
    read_, *_ = events = list(generate(make(), tokenizer, [], read({"temperature": 0.0, "max_tokens": 3})))
    assert read_.tokens == 1
    assert ids_of(events) == run(make(), tokenizer, [tokenizer.eos_id], max_tokens=3)


class Bare:
    """A tokenizer without special tokens."""

    eos_id = bos_id = chunk_id = None
    stop_ids = NEVER


def test_an_empty_prompt_without_a_beginning_is_a_clear_error(make):
    with pytest.raises(DataError, match="prompt is empty"):
        list(generate(make(), Bare(), []))


def test_a_foreign_tokenizer_begins_with_bos():
    foreign = Bare()
    foreign.eos_id, foreign.bos_id = 7, 5
    assert begin_id(foreign) == 5


@pytest.mark.parametrize("wrong", [-1, 265, 10**9])
def test_ids_outside_the_vocabulary_are_refused(make, tokenizer, wrong):
    with pytest.raises(DataError, match=f"id {wrong}, but the model knows 0 to 264"):
        list(generate(make(), tokenizer, [5, wrong]))


def test_a_window_reads_only_what_is_new(make):
    model = make()
    window, fresh = Window(model), Window(model)
    assert window.open([[1, 2, 3, 4, 5, 6]]).reused == 0
    opened = window.open([[1, 2, 3, 9, 8, 7, 6]])
    assert opened.reused == 3
    fresh.open([[1, 2, 3, 9, 8, 7, 6]])
    assert mx.allclose(window.step(opened.last), fresh.step(opened.last), atol=1e-5)
    assert window.rows == fresh.rows
    assert window.length == 7


def test_a_window_can_be_opened_with_the_same_prompt_again(make):
    window = Window(make())
    first = window.step(window.open([PROMPT]).last)
    opened = window.open([PROMPT])
    assert opened.reused == 4
    assert mx.allclose(first, window.step(opened.last), atol=1e-5)


@pytest.mark.parametrize("stopped", [1, 4, 11])
@pytest.mark.parametrize("same_window", [True, False])
def test_a_text_that_is_taken_up_again_goes_on_as_if_it_had_not_stopped(make, tokenizer, stopped, same_window):
    model = make(context_length=64)
    config = read({"seed": 3, "max_tokens": 12, "temperature": 1.5})
    window = open_window(model, config) if same_window else None
    whole = ids_of(generate(model, tokenizer, PROMPT, config, stop_ids=NEVER))
    first = ids_of(generate(model, tokenizer, PROMPT, config.with_(max_tokens=stopped), window=window, stop_ids=NEVER))
    rest = config.with_(max_tokens=12 - stopped) if stopped < 12 else config
    events = list(generate(model, tokenizer, PROMPT, rest, kept=first, window=window, stop_ids=NEVER))
    assert first + ids_of(events) == whole


def test_one_token_at_a_time_is_the_same_text(make, tokenizer):
    model, config = make(context_length=64), read({"seed": 9, "max_tokens": 10, "temperature": 1.5})
    window = open_window(model, config)
    written = []
    for _ in range(10):
        step = generate(
            model, tokenizer, PROMPT, config.with_(max_tokens=1), kept=written, window=window, stop_ids=NEVER
        )
        written += ids_of(step)
    assert written == ids_of(generate(model, tokenizer, PROMPT, config, stop_ids=NEVER))


def test_forced_tokens_come_first_are_judged_and_the_model_goes_on_from_them(make, tokenizer):
    model, config = make(context_length=64), read({"temperature": 0.0, "max_tokens": 6, "show_tokens": True})
    forced = [70, 71, 72]
    events = [
        event
        for event in generate(model, tokenizer, PROMPT, config, forced=forced, stop_ids=NEVER)
        if isinstance(event, TokenGenerated)
    ]
    assert [event.id for event in events] == forced + naive(model, PROMPT + forced, 6)
    probabilities = mx.softmax(model(mx.array([[*PROMPT, 70]]))[0, -1])
    assert events[1].probability == pytest.approx(probabilities[71].item(), abs=1e-5)


def test_a_letter_that_began_in_the_kept_tokens_is_completed(make, tokenizer):
    model, config = make(context_length=64), read({"temperature": 0.0, "max_tokens": 1})
    first, second = tokenizer.encode("é")
    events = list(generate(model, tokenizer, PROMPT, config, kept=[first], forced=[second], stop_ids=NEVER))
    assert events[1].text == "é"


def test_kept_and_forced_tokens_outside_the_vocabulary_are_refused(make, tokenizer):
    for chosen in ({"kept": [9999]}, {"forced": [9999]}):
        with pytest.raises(DataError, match="9999"):
            list(generate(make(), tokenizer, PROMPT, **chosen))
