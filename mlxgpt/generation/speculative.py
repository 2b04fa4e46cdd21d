"""Speculative decoding: a small model guesses the next tokens, and the large one reads all guesses in one pass.

    draft:  t -> g1 -> g2 -> g3           one after another, cheap
    model:  [t, g1, g2, g3] -> b1 b2 b3 b4   at once: what it would have written after each
    kept:   the guesses as long as g = b, and the b after them

Greedy only, so the text is the large model's own, token by token, whatever the draft guesses; it is faster where a pass over
several tokens costs about as much as over one (Leviathan, Kalman & Matias 2023; Chen et al. 2023).

V vocab
"""

import threading
import time
from collections.abc import Iterator, Sequence

import mlx.core as mx

from mlxgpt.errors import ConfigError
from mlxgpt.events import Event, Noted, PromptRead
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.generate import checked
from mlxgpt.generation.sampling import key_for, sample
from mlxgpt.generation.window import decode, memories, prefill
from mlxgpt.generation.writing import Writing
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer


def speculate(
    model: GPT,
    draft: GPT,
    tokenizer: Tokenizer,
    prompt_ids: Sequence[int],
    config: GenerateConfig,
    *,
    guesses: int = 4,
    stop_ids: frozenset[int] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """What `generate` yields with temperature 0, and at the end a Noted that says how many guesses were right.

    Raises `ConfigError` for what needs one token after another, and when the text does not fit the context of both models.
    """
    ids = checked(prompt_ids, model, tokenizer)
    _check(model, draft, ids, config, guesses)
    writing = Writing(tokenizer, config, len(ids), stop_ids)
    caches, draft_caches = memories(model, config.kv_bits), draft.make_cache()
    began = time.perf_counter()
    for who, memory in ((model, caches), (draft, draft_caches)):
        prefill(who, mx.array([ids[:-1]], mx.int32), memory, config.prefill_tokens)
    yield PromptRead(tokens=len(ids), dropped_tokens=0, seconds=time.perf_counter() - began)
    token = mx.array([ids[-1:]], mx.int32)  # (1, 1), to be read by the model
    unread = token  # (1, 1 or 2), to be read by the draft, which did not read its last guess
    guessed = right = 0
    while not writing.over:
        k = min(guesses, config.max_tokens - writing.count - 1)
        row = [token]
        for _ in range(k):
            row.append(decode(draft, unread, draft_caches).argmax(axis=-1, keepdims=True))
            unread = row[-1]
        read = mx.concatenate(row, axis=1)  # (1, k + 1)
        drawn = sample(
            model(read, caches)[0],
            config.sampling,
            key_for(0, 0),
            judge=config.judges,
        )  # of (k + 1, V): what follows each
        facts = drawn.facts(config.alternatives)
        proposed: list[int] = read[0, 1:].tolist()
        n = next((i for i, (guess, best) in enumerate(zip(proposed, facts, strict=False)) if guess != best.token), k)
        guessed, right = guessed + k, right + n
        for each in caches:
            each.trim(k - n)
        for each in draft_caches:
            each.trim(max(0, k - n - 1))
        token = drawn.token[n : n + 1]
        unread = token if n < k or k == 0 else mx.concatenate([row[-1], token], axis=1)
        for fact in facts[: n + 1]:
            yield writing.push(fact, stopped=stop is not None and stop.is_set())
            if writing.over:
                break
    yield writing.finished
    if guessed:
        yield Noted(text=f"{right:,} of {guessed:,} guesses of the draft were right ({right / guessed:.0%}).")


def _check(model: GPT, draft: GPT, ids: Sequence[int], config: GenerateConfig, guesses: int) -> None:
    if config.sampling.temperature != 0 or config.sampling.repetition_penalty != 1.0:
        raise ConfigError("A draft guesses what is written greedily.", hint="Set --temperature 0 and no penalty.")
    if guesses < 1:
        raise ConfigError("A draft guesses at least 1 token.")
    if draft.config.vocab_size != model.config.vocab_size:
        raise ConfigError(f"The draft knows {draft.config.vocab_size} tokens, the model {model.config.vocab_size}.")
    room = min(model.config.context_length, draft.config.context_length) - len(ids)
    if config.max_tokens > room:
        raise ConfigError(
            f"The prompt leaves room for {max(0, room)} tokens, and {config.max_tokens} are asked for.",
            hint="Lower --max-tokens: with a draft, the context is not moved on.",
        )
    if not all(cache.is_trimmable() for who in (model, draft) for cache in who.make_cache()):
        raise ConfigError("A recurrent model cannot take back what it has read, so it works with no draft.")
