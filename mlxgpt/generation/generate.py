"""Writing text with a model: read the prompt (prefill), then one token after another (decode).

    prompt -> window.open -> [ step -> logits -> sample -> token ] -> text, as events

Decoding is a pipeline: the next token's computation is submitted before the current token is looked at, so the device
never waits for Python.  A token that is still being computed is an ordinary array, and serves as input like any other.

B batch · T tokens · V vocab
"""

import threading
import time
from collections.abc import Iterator, Sequence

import mlx.core as mx

from mlxgpt.errors import DataError
from mlxgpt.events import Event, PromptRead
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.facts import Drawn
from mlxgpt.generation.sampling import key_for, sample
from mlxgpt.generation.watcher import Watcher
from mlxgpt.generation.window import Window
from mlxgpt.generation.writing import Writing
from mlxgpt.model.gpt import GPT
from mlxgpt.model.tap import NO_TAP
from mlxgpt.tokenizer.base import Tokenizer, begin_id


def generate(
    model: GPT,
    tokenizer: Tokenizer,
    prompt_ids: Sequence[int],
    config: GenerateConfig | None = None,
    *,
    kept: Sequence[int] = (),
    forced: Sequence[int] = (),
    window: Window | None = None,
    stop_ids: frozenset[int] | None = None,
    stop: threading.Event | None = None,
    watch: Watcher | None = None,
) -> Iterator[Event]:
    """Write on after `prompt_ids`: yields PromptRead, a TokenGenerated for each token, and GenerationFinished.

    An empty prompt begins with the token a text begins after, see `begin_id`.  A text can be taken up again: `kept` are its
    tokens so far, and with the seed that it had it goes on as if it had never stopped.  `forced` tokens come next, judged
    like drawn ones, and only then `max_tokens` of the model's own.  A `window` of the same model that read
    an earlier text reads only what is new.  `stop_ids` end the text (the tokenizer's own unless given); setting `stop`
    ends it after the current token, and closing the generator at once.  `watch` looks on.  Raises `DataError` for ids
    outside the vocabulary.
    """
    config = config or GenerateConfig()
    ids = checked([*checked(prompt_ids, model, tokenizer), *kept], model, tokenizer)
    checked(forced or ids, model, tokenizer)
    window = window or open_window(model, config)
    writing = Writing(tokenizer, config, len(ids), stop_ids, kept=kept, given=len(forced))
    began = time.perf_counter()
    try:
        opened = window.open([ids])
        yield PromptRead(
            tokens=len(ids),
            dropped_tokens=opened.dropped,
            reused_tokens=opened.reused,
            seconds=time.perf_counter() - began,
        )
        for drawn in decoded(window, opened.last, config, writing.seed, len(kept), forced, watch):
            (fact,) = drawn.facts(config.alternatives)  # the one place where Python waits for the device
            if watch is not None:
                watch.drawn()
            yield writing.push(fact, stopped=stop is not None and stop.is_set())
            if writing.over:
                break
    except GeneratorExit:
        raise
    except BaseException:
        window.clear()  # the layers may have got unequally far
        raise
    yield writing.finished


def decoded(
    window: Window,
    token: mx.array,
    config: GenerateConfig,
    seed: int,
    first: int = 0,
    forced: Sequence[int] = (),
    watch: Watcher | None = None,
) -> Iterator[Drawn]:
    """The `forced` and then `max_tokens` next tokens for each text of `window`, whose last tokens (B, 1) are `token`; one
    Drawn a step.  `first` is the number of the first one in its text.

    A Drawn that is yielded has been submitted, and so has the one after it.
    """
    sampling = config.sampling
    if watch is not None:
        watch.begin()
    recent: mx.array | None = None  # (B, R)
    if sampling.repetition_penalty != 1.0:
        before = mx.array(window.rows, mx.int32).reshape(len(window.rows), -1)
        recent = mx.concatenate([before, token], axis=1)[:, -sampling.repetition_window :]

    def following(token: mx.array, i: int) -> Drawn:
        """Token i, which follows `token`: described and submitted."""
        tap = NO_TAP if watch is None else watch.before(window)
        drawn = sample(
            window.step(token, tap),
            sampling,
            key_for(seed, first + i),
            recent,
            judge=config.judges,
            forced=mx.full(token.shape, forced[i], mx.int32) if i < len(forced) else None,
        )
        mx.async_eval(drawn)
        if watch is not None:
            watch.after(window, token, drawn.token)
        return drawn

    ahead = following(token, 0)
    most = len(forced) + config.max_tokens
    for i in range(1, most + 1):
        drawn = ahead
        if i < most:
            if recent is not None:
                recent = mx.concatenate([recent, drawn.token], axis=1)[:, -sampling.repetition_window :]
            ahead = following(drawn.token, i)
        yield drawn


def open_window(model: GPT, config: GenerateConfig) -> Window:
    """An empty window with the overflow policy of `config`, and its bits."""
    return Window(
        model, overflow=config.overflow, sink_tokens=config.sink_tokens, prefill_tokens=config.prefill_tokens,
        kv_bits=config.kv_bits,
    )  # fmt: skip


def checked(prompt_ids: Sequence[int], model: GPT, tokenizer: Tokenizer) -> list[int]:
    """The prompt, never empty and all of it in the model's vocabulary, or a `DataError`."""
    ids = [int(token) for token in prompt_ids]
    if not ids:
        begin = begin_id(tokenizer)
        if begin is None:
            raise DataError(
                "The prompt is empty, and the tokenizer has no <BOS> or <EOS> to begin with.", hint="Give a prompt."
            )
        ids = [begin]
    V = model.config.vocab_size
    if outside := [token for token in ids if not 0 <= token < V]:
        raise DataError(
            f"The prompt has the token id {outside[0]}, but the model knows 0 to {V - 1}.",
            hint="The tokenizer belongs to another model: use the one saved beside the weights.",
        )
    return ids


def beginning(prompt: str, tokenizer: Tokenizer) -> list[int]:
    """The ids of a prompt as the beginning of a document: after the token that a text begins after."""
    begin = begin_id(tokenizer)
    ids = tokenizer.encode(prompt)
    return ids if begin is None else [begin, *ids]
