"""Many texts written side by side, each as if it were alone: continuous batching.

    submit -> waiting -> prefill (a few prompts at once) -> join the batch -> [ step ] -> leave when over

A step is one pass of the model for the next token of every text in the batch; a text that is over leaves at once and the
next one waiting takes its place, so the batch stays full (Yu et al. 2022, "Orca").  Prompts are read padded on the right,
where causal attention makes padding harmless, and join a right-aligned batch (`model.ragged`).  Every text keeps its own
sampling, seed and stop texts.  What happens when the context is full is what `window` says: rotating is a mask; chunked
takes the text out, and it is read again like a prompt.

Decoding is a pipeline as in `generate`: the next step is submitted before the tokens of this one are looked at.  Our own
rather than mlx_lm's BatchGenerator, because ours has keys for each text, context policies, soft-capped attention and
recurrent states; see docs/decisions.md.
"""

import dataclasses
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx

from mlxgpt.events import Event, PromptRead
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.facts import Drawn, Fact
from mlxgpt.generation.generate import checked, open_window
from mlxgpt.generation.prefix import Prefix
from mlxgpt.generation.sampling import sample
from mlxgpt.generation.window import Window, cut, memories, prefill
from mlxgpt.generation.writing import Writing
from mlxgpt.model.gpt import GPT
from mlxgpt.model.ragged import RaggedCache, Rows, ragged
from mlxgpt.tokenizer.base import Tokenizer

PREFILL_ROWS = 8  # prompts read at once
PREFILL_WASTE = 0.25  # at most this share of what is read at once is padding

Happened = list[tuple["Text", Event]]


@dataclass(slots=True, kw_only=True, eq=False)
class Text:
    """One text in the works: what was asked for, and how far it is.

    `ids` are the tokens that the model sees, as far as they are known here; the last one drawn may still be computed.
    """

    ids: list[int]
    config: GenerateConfig
    writing: Writing
    policy: Window  # what happens when the context is full
    group: tuple[Any, ...]  # Any: whatever is equal for texts that are sampled in one operation
    cancelled: bool = False
    drawn: int = 0  # tokens whose computation was submitted
    recent: mx.array | None = None  # (1, R), what a repetition penalty looks at

    @property
    def leaves(self) -> bool:
        """Whether no more tokens are wanted; the last ones may still have to be looked at."""
        return self.cancelled or self.writing.over or self.drawn == self.config.max_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A text about to join: ids to read first, of which `reused` are known from a prefix, and its token (1, 1) after them."""

    text: Text
    ids: list[int]
    token: mx.array
    reused: int = 0


class Batcher:
    """Writes the texts that are submitted, at most `batch_size` at a time."""

    def __init__(
        self, model: GPT, tokenizer: Tokenizer, *, batch_size: int = 16, prefix: Prefix | None = None, kv_bits: int = 0
    ) -> None:
        self.model, self.tokenizer, self.batch_size, self.prefix = model, tokenizer, batch_size, prefix
        self.kv_bits = kv_bits  # of all texts, which share the caches
        self.waiting: deque[Text] = deque()
        self.texts: list[Text] = []  # one a row
        self._rows = Rows()
        self._caches = [ragged(cache, self._rows) for cache in memories(model, kv_bits)]
        self._recurrent = not isinstance(self._caches[0], RaggedCache)
        self._token = mx.zeros((0, 1), mx.int32)  # the token of each row that is read next, perhaps not computed yet

    def submit(self, ids: Sequence[int], config: GenerateConfig, *, stop_ids: frozenset[int] | None = None) -> Text:
        """Put a text at the end of the queue; `DataError` for ids outside the vocabulary."""
        known = checked(ids, self.model, self.tokenizer)
        config = config.with_(kv_bits=self.kv_bits)
        text = Text(
            ids=known,
            config=config,
            writing=Writing(self.tokenizer, config, len(known), stop_ids),
            policy=open_window(self.model, config),
            group=(dataclasses.replace(config.sampling, seed=None), config.judges, config.alternatives),
        )
        self.waiting.append(text)
        return text

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return bool(self.waiting or self.texts)

    def run(self) -> Iterator[Happened]:
        """Steps until nothing is left; each gives what `generate` would yield, for every text.

        A text that is `cancelled` leaves without another word.  More may be submitted between steps.
        """
        ahead: list[tuple[list[Text], Drawn]] = []
        while self.busy or ahead:
            if leaving := [text for text in self.texts if text.leaves]:
                self._keep([row for row, text in enumerate(self.texts) if text not in leaving])
            happened = self._refill()
            current, ahead = ahead, self._step() if self.texts else []
            for texts, drawn in current:
                for text, fact in zip(texts, drawn.facts(texts[0].config.alternatives), strict=True):
                    happened += self._take_in(text, fact)
            yield happened

    # ---- steps -------------------------------------------------------------------------------------------------------

    def _step(self) -> list[tuple[list[Text], Drawn]]:
        """The next token of every text, submitted; the texts of a group side by side."""
        caches: Any = [
            layer.cache for layer in self._caches
        ]  # Any: they are caches for one token of each text at a time only
        logits = self.model(self._token, caches)[:, -1]  # (B, V)
        self._rows.advance()
        groups: dict[tuple[Any, ...], list[int]] = {}
        for row, text in enumerate(self.texts):
            groups.setdefault(text.group, []).append(row)
        step, order = [], []
        for (sampling, judges, _), rows in groups.items():
            texts = [self.texts[row] for row in rows]
            drawn = sample(
                logits if len(groups) == 1 else logits[mx.array(rows)],
                sampling,
                mx.array([[text.writing.seed, text.drawn] for text in texts], mx.uint32),
                mx.concatenate([recent(text) for text in texts]) if sampling.repetition_penalty != 1.0 else None,
                judge=judges,
            )
            for i, text in enumerate(texts):
                text.drawn += 1
                if text.recent is not None:
                    text.recent = mx.concatenate([text.recent[:, 1:], drawn.token[i : i + 1]], axis=1)
            step.append((texts, drawn))
            order += rows
        tokens = mx.concatenate([drawn.token for _, drawn in step]) if len(step) > 1 else step[0][1].token
        self._token = tokens[mx.array(sorted(range(len(order)), key=order.__getitem__))] if len(step) > 1 else tokens
        mx.async_eval(self._token, [drawn for _, drawn in step])
        return step

    def _take_in(self, text: Text, fact: Fact) -> Happened:
        """What a token means for its text; nothing for one that has left already."""
        if text.cancelled or text.writing.over:
            return []
        text.ids.append(fact.token)
        token = text.writing.push(fact)
        return [(text, token), (text, text.writing.finished)] if text.writing.over else [(text, token)]

    # ---- coming and going --------------------------------------------------------------------------------------------

    def _keep(self, rows: list[int]) -> None:
        """Keep some rows only."""
        self.texts = [self.texts[row] for row in rows]
        index = mx.array(rows, mx.int32)
        spare = self._rows.keep(rows)
        for cache in self._caches:
            cache.keep(index, spare)
        self._token = self._token[index]

    def _refill(self) -> Happened:
        """Read again what has outgrown its context, and read what waits while there is room."""
        arrivals = self._overflowing()
        happened: Happened = []
        if arrivals:
            again = {id(arrival.text) for arrival in arrivals}
            self._keep([row for row, text in enumerate(self.texts) if id(text) not in again])
        while self.waiting and len(self.texts) + len(arrivals) < self.batch_size:
            text = self.waiting.popleft()
            if not text.cancelled:
                arrivals.append(self._arrival(text))
        for group in grouped(arrivals, alike=self._recurrent):
            began = time.perf_counter()
            self._join(group)
            seconds = time.perf_counter() - began
            happened += [
                (arrival.text, PromptRead(
                    tokens=prompt, dropped_tokens=prompt - len(arrival.text.ids), seconds=seconds,
                    reused_tokens=arrival.reused,
                ))
                for arrival in group
                if not arrival.text.drawn and (prompt := arrival.text.writing.prompt_tokens)
            ]  # fmt: skip
        return happened

    def _arrival(self, text: Text) -> Arrival:
        """A prompt, cut to what its context holds."""
        policy = text.policy
        if len(text.ids) > policy.size:
            text.ids = cut(text.ids, policy.kept, policy.sink)
        known = self.prefix.ids if self.prefix else []
        fits = len(known) < len(text.ids) and text.ids[: len(known)] == known
        token = mx.array([text.ids[-1:]], mx.int32)
        return Arrival(text=text, ids=text.ids[:-1], token=token, reused=len(known) if fits else 0)

    def _overflowing(self) -> list[Arrival]:
        """The texts whose next token does not fit, of those that are to be read again; see `window`.

        Of each the tokens that were read are known here: only the one drawn last may not be, and it is still to be read.
        """
        arrivals = []
        for row, text in enumerate(self.texts):
            policy = text.policy
            if not policy.rotates and self._rows.length(row) >= policy.size:
                text.ids = cut(text.ids, policy.kept - 1, policy.sink)
                arrivals.append(Arrival(text=text, ids=list(text.ids), token=self._token[row : row + 1]))
        return arrivals

    def _join(self, arrivals: Sequence[Arrival]) -> None:
        """Read some texts side by side, padded on the right, and let them join the batch."""
        reused, longest = arrivals[0].reused, max(len(arrival.ids) for arrival in arrivals)
        shared = self.prefix if reused else None
        caches: Sequence[Any] = memories(self.model, self.kv_bits)  # Any: of any kind
        if shared:
            shared.start(caches, len(arrivals))
        rows = [arrival.ids[reused:] + [0] * (longest - len(arrival.ids)) for arrival in arrivals]
        if rows[0]:
            prefill(self.model, mx.array(rows, mx.int32), caches, arrivals[0].text.config.prefill_tokens)
        before = self._rows.end
        for arrival in arrivals:
            self._rows.join(len(arrival.ids), arrival.text.policy.size, arrival.text.policy.sink)
        for layer, cache in zip(self._caches, caches, strict=True):
            layer.join([(cache, row, len(arrival.ids)) for row, arrival in enumerate(arrivals)], before)
        self.texts += [arrival.text for arrival in arrivals]
        self._token = mx.concatenate([self._token, *(arrival.token for arrival in arrivals)])


def grouped(arrivals: Sequence[Arrival], *, alike: bool = False) -> Iterator[list[Arrival]]:
    """Arrivals of similar length together, so that little of what is read is padding; with `alike`, none: a recurrent state
    would remember it."""
    group: list[Arrival] = []
    for arrival in sorted(arrivals, key=lambda each: (each.reused, len(each.ids))):
        if group:
            padded = (len(group) + 1) * (len(arrival.ids) - arrival.reused)
            read = sum(len(each.ids) - each.reused for each in (*group, arrival))
            if (
                len(group) == PREFILL_ROWS
                or arrival.reused != group[0].reused
                or arrival.text.config.prefill_tokens != group[0].text.config.prefill_tokens
                or padded - read > (0 if alike else PREFILL_WASTE * padded)
            ):
                yield group
                group = []
        group.append(arrival)
    if group:
        yield group


def recent(text: Text) -> mx.array:
    """The last tokens of a text, (1, R): as many as its penalty looks at, a short text's first one repeated before it.

    Repeating changes nothing: a token is punished once, however often it occurs.
    """
    if text.recent is None:
        window = text.config.sampling.repetition_window
        ids = text.ids[-window:]
        text.recent = mx.array([ids[:1] * (window - len(ids)) + ids], mx.int32)
    return text.recent
