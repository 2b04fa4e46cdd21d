"""A file of prompts written to a file of texts: in order, side by side, and taken up again where it was stopped."""

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from mlxgpt.errors import DataError, MlxgptError
from mlxgpt.events import (
    Event,
    GenerationFinished,
    TextRefused,
    TextsFinished,
    TextsProgressed,
    TextsStarted,
    TextWritten,
)
from mlxgpt.generation.batch import Batcher, Text
from mlxgpt.generation.one_by_one import batcher as make_batcher
from mlxgpt.generation.prefix import Prefix
from mlxgpt.generation.prompts import Prompt, done
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer, begin_id
from mlxgpt.tokenizer.chat import ROLES, chat_ids

_PROGRESS_SECONDS = 0.5


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """One text to be written, and what became of it."""

    line: int
    prompt: Prompt
    sample: int
    text: Text | None = None
    result: TextWritten | TextRefused | None = None


def write_texts(
    model: GPT,
    tokenizer: Tokenizer,
    lines: Sequence[tuple[int, Prompt | MlxgptError]],
    output: Path | None,
    *,
    batch_size: int = 16,
    samples: int = 1,
    prefix: Prefix | None = None,
    kv_bits: int = 0,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Write `samples` texts for every prompt to `output`, a JSON line each, or to stdout when it is None.

    The texts are in the order of the prompts, whichever are over first.  What `output` holds already is not written
    again.  A line that is refused is told of in a `TextRefused`, and the others go on.
    """
    known = {} if output is None else done(output)
    orders, skipped, refused = _orders(lines, known, samples)
    yield TextsStarted(total=len(orders), skipped=skipped, batch_size=batch_size)
    yield from refused
    batcher = make_batcher(model, tokenizer, batch_size=batch_size, prefix=prefix, kv_bits=kv_bits)
    waiting, unwritten = deque(orders), deque(orders)
    at_work: dict[int, Order] = {}
    count = written = tokens = 0
    began = told = time.monotonic()
    with ExitStack() as stack:
        file = sys.stdout if output is None else stack.enter_context(_appending(output))
        _submit(batcher, waiting, at_work)
        steps = batcher.run()
        while (unwritten or batcher.busy) and not (stop is not None and stop.is_set()):
            for text, event in next(steps, []):
                tokens += type(event).__name__ == "TokenGenerated"
                if isinstance(event, GenerationFinished):
                    order = at_work.pop(id(text))
                    order.result = _written(order, event, text.writing.prompt_tokens)
            _submit(batcher, waiting, at_work)
            while unwritten and (result := unwritten[0].result):
                unwritten.popleft()
                count += 1
                if isinstance(result, TextWritten):
                    written += 1
                    _write(file, result)
                else:
                    refused.append(result)
                yield result
            if (now := time.monotonic()) - told >= _PROGRESS_SECONDS:
                told = now
                over = count + sum(order.result is not None for order in unwritten)
                yield TextsProgressed(
                    done=over, total=len(orders), tokens=tokens, tokens_per_second=tokens / (now - began),
                    seconds_left=(now - began) / over * (len(orders) - over) if over else float("inf"),
                )  # fmt: skip
    seconds = time.monotonic() - began
    yield TextsFinished(
        written=written, skipped=skipped, refused=len(refused), tokens=tokens, seconds=seconds,
        tokens_per_second=tokens / max(seconds, 1e-9), stopped=bool(unwritten),
    )  # fmt: skip


def _orders(
    lines: Sequence[tuple[int, Prompt | MlxgptError]], known: dict[tuple[str | int, int], Any], samples: int
) -> tuple[list[Order], int, list[TextRefused]]:
    """What is to be written, how much of it is there already, and what cannot be."""
    orders, skipped, refused = [], 0, []
    for number, line in lines:
        if isinstance(line, MlxgptError):
            refused.append(TextRefused(line=number, id=None, message=line.message, hint=line.hint))
            continue
        for sample in range(samples):
            if (line.id, sample) not in known:
                orders.append(Order(line=number, prompt=line, sample=sample))
            elif known[line.id, sample] == line.shown:
                skipped += 1
            else:
                message = f"The output holds another prompt with the id {line.id!r}."
                refused.append(
                    TextRefused(line=number, id=line.id, message=message, hint="Choose another --output, or other ids.")
                )
                break
    return orders, skipped, refused


def _submit(batcher: Batcher, waiting: deque[Order], at_work: dict[int, Order]) -> None:
    """Keep a batch's worth of prompts ready; those that cannot be read are over at once."""
    while waiting and len(batcher.waiting) < batcher.batch_size:
        order = waiting.popleft()
        config = order.prompt.config
        if config.sampling.seed is not None:
            config = config.with_(seed=(config.sampling.seed + order.sample) % 2**32)
        try:
            ids, stop_ids = prompt_ids(order.prompt, batcher)
            order.text = batcher.submit(ids, config, stop_ids=stop_ids)
            at_work[id(order.text)] = order
        except MlxgptError as error:
            order.result = TextRefused(line=order.line, id=order.prompt.id, message=error.message, hint=error.hint)


def prompt_ids(prompt: Prompt, batcher: Batcher) -> tuple[list[int], frozenset[int]]:
    """The ids of a prompt, after the shared beginning if there is one, and those that end its text."""
    tokenizer = batcher.tokenizer
    if prompt.messages:
        if batcher.prefix:
            raise DataError("A conversation has no shared beginning.", hint="Leave --prefix out, or give texts.")
        roles = {token for token in map(tokenizer.id_of, ROLES.values()) if token is not None}
        return chat_ids(tokenizer, prompt.messages), tokenizer.stop_ids | roles
    ids = tokenizer.encode(prompt.text)
    if batcher.prefix:
        return batcher.prefix.ids + ids, tokenizer.stop_ids
    begin = begin_id(tokenizer)
    return ids if begin is None else [begin, *ids], tokenizer.stop_ids


def _written(order: Order, event: GenerationFinished, prompt_tokens: int) -> TextWritten:
    prompt = order.prompt
    return TextWritten(
        id=prompt.id, sample=order.sample, prompt=prompt.shown, text=event.text, reason=event.reason,
        tokens=event.tokens, prompt_tokens=prompt_tokens, seed=event.seed, metadata=prompt.metadata,
    )  # fmt: skip


def _write(file: TextIO, result: TextWritten) -> None:
    """One line, on the disk before the next text is waited for."""
    line = {key: value for key, value in result.to_json().items() if key != "event" and value is not None}
    text = json.dumps(line, ensure_ascii=file is sys.stdout and (file.encoding or "").lower() != "utf-8")
    if file is sys.stdout:  # a terminal, perhaps
        text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    file.write(text + "\n")
    file.flush()


def _appending(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a", encoding="utf-8", errors="backslashreplace")
