"""How a model writes: one token after another, drawn from its guesses, without reading everything again each time.

B batch · T time · V vocab
"""

import time
from collections import Counter
from collections.abc import Iterator

import mlx.core as mx
import numpy as np

from mlxgpt.events import Event
from mlxgpt.generation import sampling
from mlxgpt.generation.config import SamplingConfig
from mlxgpt.generation.window import decode
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.model.cache import KVCache
from mlxgpt.model.gpt import GPT
from mlxgpt.model.recurrent import RecurrentState
from mlxgpt.model.report import cache_bytes_per_token, state_bytes

PROMPT = "Era uma vez uma menina que"
WRITTEN = 12  # tokens, to watch
RACED = 96  # tokens, to time
MOST_SECONDS = 4.0  # for one racer
TEMPERATURES = (0.5, 1.0, 1.5)
SHARES = (0.5, 0.9, 0.99)
DARTS = 300


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    yield from _writing(board, subject)
    logits = subject.model(mx.array([opening(subject)]))[:, -1]  # (1, V)
    yield from _temperature(board, subject, logits)
    yield from _drawing(board, subject, logits, config)
    yield from _cache(board, subject, config)
    yield board.tell("end")


def opening(subject: Subject) -> list[int]:
    """The ids of PROMPT; of a model that sees little, no more than half of what it sees, so that there is room to write."""
    return subject.ids(PROMPT)[: max(1, subject.model.config.context_length // 2)]


def write_greedily(model: GPT, ids: list[int], count: int) -> list[tuple[int, float, float]]:
    """`count` tokens, the best guess each time: id, probability, and what the second best had.  Everything is read anew."""
    written = []
    for _ in range(count):
        shares = mx.softmax(model(mx.array([ids]))[0, -1], axis=-1)
        first, second = mx.argsort(-shares)[:2].tolist()
        written.append((first, shares[first].item(), shares[second].item()))
        ids = [*ids, first]
    return written


def _writing(board: Board, subject: Subject) -> Iterator[Event]:
    ids = opening(subject)
    prompt = subject.tokenizer.decode(ids)
    count = min(WRITTEN, subject.model.config.context_length - len(ids))
    written = write_greedily(subject.model, ids, count)
    pieces = subject.pieces([token for token, _, _ in written])
    yield board.tell("loop", prompt=prompt, count=count)
    rows = [
        (step + 1, len(ids) + step, piece, share, second)
        for step, (piece, (_, share, second)) in enumerate(zip(pieces, written, strict=True))
    ]
    yield board.table("loop_table", rows, ("d", "d", "", ".1%", ".1%"))
    yield board.tell("loop_after", prompt=prompt, text=subject.tokenizer.decode([token for token, _, _ in written]))
    yield board.code("code.loop", write_greedily)
    together = float(np.prod([share for _, share, _ in written[:2]]))
    yield board.ask(
        "together",
        together,
        tolerance=0.01,
        percent=True,
        first=pieces[0],
        second=pieces[1],
        a=written[0][1],
        b=written[1][1],
    )


def _temperature(board: Board, subject: Subject, logits: mx.array) -> Iterator[Event]:
    order = mx.argsort(-logits[0])[:6]
    pieces = subject.pieces(order.tolist())
    warm = [np.array(mx.softmax(logits[0] / t, axis=-1)[order]) for t in TEMPERATURES]
    yield board.tell("temperature", prompt=subject.tokenizer.decode(opening(subject)))
    rows = [
        (piece, float(logits[0, i].item()), *(float(shares[n]) for shares in warm))
        for n, (piece, i) in enumerate(zip(pieces, order.tolist(), strict=True))
    ]
    low, middle, high = TEMPERATURES
    yield board.table("temperature_table", rows, ("", ".3f", ".1%", ".1%", ".1%"), low=low, middle=middle, high=high)
    names = (board.word("cold"), board.word("same"), board.word("hot"))
    yield board.ask(
        "temperature",
        0 if warm[0][0] > warm[2][0] else 2,
        choices=names,
        low=low,
        high=high,
        first=pieces[0],
        cold=float(warm[0][0]),
        hot=float(warm[2][0]),
    )


def _drawing(board: Board, subject: Subject, logits: mx.array, config: LessonConfig) -> Iterator[Event]:
    shares = mx.softmax(logits, axis=-1)
    kept = [int((sampling.top_p(logits, p) > -mx.inf).sum().item()) for p in SHARES]
    yield board.tell("filters", entries=logits.shape[-1])
    yield board.table("filters_table", [(p, n) for p, n in zip(SHARES, kept, strict=True)], (".0%", ",d"))
    ordered = np.sort(np.array(shares[0]))[::-1]
    yield board.ask(
        "filters",
        kept[1],
        share=SHARES[1],
        before=float(ordered[: kept[1] - 1].sum()),
        kept=float(ordered[: kept[1]].sum()),
    )

    settings = SamplingConfig(temperature=1.0, top_p=0.0)
    darts = [
        int(sampling.sample(logits, settings, sampling.key_for(config.seed, i)).token.item()) for i in range(DARTS)
    ]
    yield board.tell("darts", darts=DARTS)
    counts = Counter(darts)
    common = [token for token, _ in counts.most_common(6)]
    rows = [
        (piece, shares[0, token].item(), counts[token] / DARTS, counts[token])
        for piece, token in zip(subject.pieces(common), common, strict=True)
    ]
    yield board.table("darts_table", rows, ("", ".1%", ".1%", "d"))
    yield board.code("code.draw", sampling.draw)
    expected = rows[0][1] * DARTS
    yield board.ask(
        "darts",
        expected,
        tolerance=max(1.0, 0.02 * expected),
        piece=rows[0][0],
        share=rows[0][1],
        darts=DARTS,
        hits=rows[0][3],
    )


def race(model: GPT, ids: list[int], count: int, *, cached: bool) -> tuple[list[float], list[int]]:
    """Seconds after each of at most `count` best guesses, and the guesses; with a cache only the newest token is read.

    A slow machine gives up after MOST_SECONDS.
    """
    caches = model.make_cache() if cached else None
    ids, written, seconds = list(ids), [], []
    news = mx.array([ids])
    began = time.perf_counter()
    for _ in range(count):
        logits = decode(model, news, caches) if caches is not None else model(mx.array([ids]))[:, -1]
        token = int(logits.argmax().item())
        seconds.append(time.perf_counter() - began)
        written.append(token)
        ids.append(token)
        news = mx.array([[token]])
        if seconds[-1] > MOST_SECONDS:
            break
    return seconds, written


def _cache(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    model, ids = subject.model, opening(subject)
    shape = model.config
    count = min(RACED, shape.context_length - len(ids))
    if shape.recurrent:
        yield board.tell("state", count=count)
        yield board.code("code.cache", RecurrentState.__init__)
    else:
        yield board.tell("cache", count=count)
        yield board.code("code.cache", KVCache.update_and_fetch)
    race(model, ids, 2, cached=False)  # the first run of anything is slower: it is not counted
    planned = count
    plain, plain_tokens = race(model, ids, count, cached=False)
    quick, quick_tokens = race(model, ids, len(plain), cached=True)
    count = len(quick)
    if count < planned:
        yield board.tell("race_cut", planned=planned, count=count, seconds=max(plain[-1], quick[-1]))
    plain, plain_tokens = plain[:count], plain_tokens[:count]
    same = sum(a == b for a, b in zip(plain_tokens, quick_tokens, strict=True))
    steps = list(range(1, count + 1))
    yield board.curves(
        "race",
        {
            board.word("without"): (steps, [s * 1000 for s in plain]),
            board.word("with"): (steps, [s * 1000 for s in quick]),
        },
    )
    yield board.tell(
        "race_after",
        plain=plain[-1] * 1000,
        quick=quick[-1] * 1000,
        same=same,
        count=count,
        read=sum(len(ids) + i for i in range(count)),
        news=len(ids) + count - 1,
    )
    yield board.ask(
        "race",
        plain[-1] / quick[-1],
        tolerance=0.05 * plain[-1] / quick[-1],
        plain=plain[-1] * 1000,
        quick=quick[-1] * 1000,
        count=count,
    )

    caches = model.make_cache()
    mx.eval(model(mx.array([ids]), caches), [cache.state for cache in caches])
    full = model(mx.array([ids]))
    again = model.make_cache()
    pieces = [model(mx.array([[token]]), again) for token in ids]
    difference = float(mx.abs(mx.concatenate(pieces, axis=1) - full).max().item())
    yield board.tell("cache_same", difference=difference)
    first = caches[0]
    if isinstance(first, RecurrentState):
        if config.show_tensors and first.wkv is not None:
            yield board.tensor("state[0].wkv", first.wkv)
        held = state_bytes(shape, 4)
        yield board.tell(
            "bytes_state",
            layers=shape.n_layer,
            heads=shape.n_head,
            width=shape.head_width,
            channels=shape.n_embd,
            held=held,
        )
        yield board.ask("bytes_state", held, tokens=len(ids), twice=2 * len(ids))
        return
    if config.show_tensors:
        yield board.tensor("cache[0].keys", first.keys)
        yield board.tensor("cache[0].values", first.values)
    each = cache_bytes_per_token(shape, 4)
    yield board.tell("bytes", layers=shape.n_layer, heads=shape.kv_heads, width=shape.head_width, each=each)
    yield board.ask("bytes", each * len(ids), each=each, tokens=len(ids))
