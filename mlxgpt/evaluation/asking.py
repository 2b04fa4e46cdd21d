"""A model asked the items of a task, one way for each kind; the answers become measures.

Each way is a generator: it yields after every few items how many are done, and returns the measures.
"""

import math
import zlib
from collections import Counter
from collections.abc import Generator, Sequence

import numpy as np

from mlxgpt.data.documents import Document
from mlxgpt.errors import DataError
from mlxgpt.evaluation.likelihood import Row, continuation_nats, mean_nats
from mlxgpt.evaluation.measures import Measure
from mlxgpt.evaluation.tasks import Task
from mlxgpt.events import GenerationFinished, TokenGenerated
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.one_by_one import batcher as make_batcher
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer, begin_id

Asking = Generator[int, None, list[Measure]]
_AT_ONCE = 32


def ask(model: GPT, tokenizer: Tokenizer, task: Task) -> Asking:
    """The measures of a task of any kind but text."""
    if task.kind == "generate":
        return _written(model, tokenizer, task)
    return _pairs(model, tokenizer, task) if task.kind == "pairs" else _options(model, tokenizer, task)


def _options(model: GPT, tokenizer: Tokenizer, task: Task) -> Asking:
    """Which option is the most probable after the context: by all of it, and by its bytes, which does not favour short ones."""
    begin = _begin(tokenizer)
    right: dict[str, list[bool]] = {}
    nats_of_answers, bytes_of_answers = [], []
    for number, item in enumerate(task.items, start=1):
        context = [*begin, *tokenizer.encode(item.context)]
        options = [tokenizer.encode(option) for option in item.options]
        if not all(options) or max(map(len, options)) >= model.config.context_length:
            raise DataError(f"{task.name}, {item.id}: an option is empty or longer than the context.")
        nats, greedy = continuation_nats(model, context or options[0][:1], options)
        sizes = np.array([len(option.encode()) for option in item.options])
        if task.kind == "loglikelihood":
            right.setdefault("accuracy", []).append(bool(greedy[0]))
        else:
            right.setdefault("accuracy", []).append(int(nats.argmin()) == item.answer)
            right.setdefault("accuracy per byte", []).append(int((nats / sizes).argmin()) == item.answer)
        nats_of_answers.append(nats[item.answer])
        bytes_of_answers.append(sizes[item.answer])
        yield number
    groups = [item.group for item in task.items]
    return [
        *(Measure.share(metric, values, groups) for metric, values in right.items()),
        Measure(
            metric="bits per byte of the answer", numerators=np.array(nats_of_answers) / math.log(2),
            denominators=np.array(bytes_of_answers, dtype=np.float64),
        ),
    ]  # fmt: skip


def _pairs(model: GPT, tokenizer: Tokenizer, task: Task) -> Asking:
    """Whether the good sentence is the more probable of the two (Warstadt et al. 2020, BLiMP)."""
    begin, right = _begin(tokenizer), []
    for low in range(0, len(task.items), _AT_ONCE):
        rows = []
        for item in task.items[low : low + _AT_ONCE]:
            for sentence in item.options:
                ids = [*begin, *tokenizer.encode(sentence)][: model.config.context_length]
                rows.append(Row(ids=ids, scored=max(1, len(ids) - 1)))
        nats = (mean_nats(model, rows) * [row.scored for row in rows]).reshape(-1, 2)
        right += (nats[:, 0] < nats[:, 1]).tolist()
        yield len(right)
    return [Measure.share("accuracy", right, [item.group for item in task.items])]


def _written(model: GPT, tokenizer: Tokenizer, task: Task) -> Asking:
    """Whether what is written, greedily, is the answer."""
    config = GenerateConfig(max_tokens=task.max_tokens, stop=task.stop).with_(temperature=0.0)
    begin, batcher = _begin(tokenizer), make_batcher(model, tokenizer)
    order = {
        batcher.submit([*begin, *tokenizer.encode(item.context)], config): number
        for number, item in enumerate(task.items)
    }
    right, done = [False] * len(task.items), 0
    for happened in batcher.run():
        for text, event in happened:
            if isinstance(event, GenerationFinished):
                item = task.items[order[text]]
                right[order[text]] = event.text.strip() == item.options[0].strip()
                done += 1
        yield done
    return [Measure.share("exact match", right)]


def read_texts(model: GPT, tokenizer: Tokenizer, documents: Sequence[Document]) -> Asking:
    """Perplexity and bits per byte of texts; a document is an item.

    Each is read in windows that overlap by half, so that every token but the first ones is predicted from at least half a
    context; the first token after the one that texts begin after is predicted too.
    """
    begin, context = _begin(tokenizer), model.config.context_length
    rows: list[Row] = []
    owner: list[int] = []
    sizes = []
    for number, document in enumerate(documents):
        text = "\n".join(document.texts)
        sizes.append(len(text.encode()))
        ids = [*begin, *tokenizer.encode(text)]
        at = 1  # the next token to be predicted
        while at < len(ids):
            end = min(len(ids), context if at == 1 else at + context // 2)
            rows.append(Row(ids=ids[max(0, end - context) : end], scored=end - at))
            owner.append(number)
            at = end
    if not rows:
        raise DataError("There is nothing to predict: the texts are empty.")
    nats, tokens = np.zeros(len(documents)), np.zeros(len(documents))
    for low in range(0, len(rows), _AT_ONCE):
        part, owners = rows[low : low + _AT_ONCE], owner[low : low + _AT_ONCE]
        scored = np.array([row.scored for row in part], dtype=np.float64)
        np.add.at(nats, owners, mean_nats(model, part) * scored)
        np.add.at(tokens, owners, scored)
        yield owners[-1] + (low + _AT_ONCE >= len(rows))
    return [
        Measure(metric="bits per byte", numerators=nats / math.log(2), denominators=np.array(sizes, dtype=np.float64)),
        Measure(metric="perplexity", numerators=nats, denominators=tokens, exponential=True),
    ]


def write_texts(model: GPT, tokenizer: Tokenizer, prompts: Sequence[str], config: GenerateConfig) -> Asking:
    """How varied what a model writes is: one text for each prompt.

    distinct-n is the share of different n-grams among those of a text (Li et al. 2016); repetition-4 the share of a text's
    4-grams that were there before in it (Welleck et al. 2020, "seq-rep-4"); overlap-4 the share that another text has too;
    compression is how many bytes zlib makes of a byte.
    """
    begin, batcher = _begin(tokenizer), make_batcher(model, tokenizer)
    order = {
        batcher.submit(
            [*begin, *tokenizer.encode(prompt)], config.with_(seed=((config.sampling.seed or 0) + i) % 2**32)
        ): i
        for i, prompt in enumerate(prompts)
    }
    ids: list[list[int]] = [[] for _ in prompts]
    texts, done = [""] * len(prompts), 0
    for happened in batcher.run():
        for text, event in happened:
            if isinstance(event, TokenGenerated) and event.id not in tokenizer.stop_ids:
                ids[order[text]].append(event.id)
            elif isinstance(event, GenerationFinished):
                texts[order[text]] = event.text
                done += 1
        yield done
    measures = []
    for n in (1, 2, 3):
        grams = [ngrams(row, n) for row in ids]
        measures.append(_ratio(f"distinct-{n}", [len(set(row)) for row in grams], [len(row) for row in grams]))
    fours = [ngrams(row, 4) for row in ids]
    texts_with = Counter(gram for row in fours for gram in set(row))
    data = [text.encode() for text in texts]
    counts = [len(row) for row in fours]
    return [
        *measures,
        _ratio("repetition-4", [len(row) - len(set(row)) for row in fours], counts),
        _ratio("overlap-4", [sum(texts_with[gram] > 1 for gram in row) for row in fours], counts),
        _ratio("compression", [len(zlib.compress(each, 9)) for each in data], [len(each) for each in data]),
        _ratio("tokens a text", [len(row) for row in ids], [1] * len(ids)),
    ]


def _ratio(metric: str, numerators: Sequence[int], denominators: Sequence[int]) -> Measure:
    return Measure(
        metric=metric, numerators=np.array(numerators, dtype=np.float64),
        denominators=np.array(denominators, dtype=np.float64),
    )  # fmt: skip


def ngrams(ids: Sequence[int], n: int) -> list[tuple[int, ...]]:
    """The runs of n ids.

    >>> ngrams([1, 2, 3], 2)
    [(1, 2), (2, 3)]
    """
    return [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]


def _begin(tokenizer: Tokenizer) -> list[int]:
    begin = begin_id(tokenizer)
    return [] if begin is None else [begin]
