"""Where the memory goes: every part reckoned by formula and measured on the live model, side by side.

L layers · K kv heads · D head dim · T tokens · H heads
"""

from collections.abc import Callable, Iterator
from functools import partial

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten

from mlxgpt.events import Event
from mlxgpt.inspection import memory
from mlxgpt.inspection.trace import Trace
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.model import report
from mlxgpt.model.attention import explicit, fused
from mlxgpt.model.cache import KVCache

TOKENS = 64
LENGTHS = (16, 32, 64, 128, 256)


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    yield from _parts(board, subject, config)
    yield from _cache(board, subject)
    yield from _attention(board, subject)
    yield from _formats(board, subject, config)
    yield board.tell("end")


def passage(subject: Subject, tokens: int) -> list[int]:
    """So many ids of the corpus, or as many as the context holds."""
    return subject.ids(subject.corpus[: 8 * tokens])[:tokens]


def _parts(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    tokens = min(TOKENS, subject.model.config.context_length)
    text = subject.tokenizer.decode(passage(subject, tokens))
    seen = subject.inspector.memory(text, cut=True)
    yield board.tell("parts", tokens=seen.tokens)
    rows = [
        (board.word(f"part.{WORDS[name]}"), predicted, seen.measured[name], seen.measured[name] / predicted)
        for name, predicted in seen.predicted.items()
    ]
    yield board.table("parts_table", rows, ("", ",d", ",d", ".3f"))
    yield board.code("code.measured", memory._peak)
    weights = seen.measured["weights"]
    count = sum(value.size for _, value in tree_flatten(subject.model.parameters()))
    yield board.bars("parts_bars", [row[0] for row in rows], [row[2] / 1e6 for row in rows], ".2f")
    yield board.tell("parts_after", count=count, weights=weights, optimizer=seen.measured["optimizer (AdamW)"])
    yield board.ask("weights", count * 4, count=count, each=4)
    yield board.ask(
        "optimizer",
        seen.measured["optimizer (AdamW)"] / weights,
        tolerance=0.01,
        optimizer=seen.measured["optimizer (AdamW)"],
        weights=weights,
    )
    if config.show_tensors:
        largest = sorted(tree_flatten(subject.model.parameters()), key=lambda pair: -pair[1].size)[:5]
        yield board.table(
            "largest",
            [(name, " × ".join(map(str, value.shape)), value.nbytes) for name, value in largest],
            ("", "", ",d"),
        )


WORDS = {
    "weights": "weights",
    "KV cache, used": "cache_used",
    "KV cache, held": "cache_held",
    "gradients": "gradients",
    "optimizer (AdamW)": "optimizer",
    "activations (training)": "activations",
}


def _cache(board: Board, subject: Subject) -> Iterator[Event]:
    model = subject.model
    shape = model.config
    each = report.cache_bytes_per_token(shape, 4)
    lengths, used, held = [], [], []
    for length in (n for n in LENGTHS if n <= shape.context_length):
        caches = model.make_cache()
        mx.eval(model(mx.array([passage(subject, length)]), caches), [cache.state for cache in caches])
        lengths.append(caches[0].offset)
        used.append(sum(array[..., : cache.offset, :].nbytes for cache in caches for array in cache.state))
        held.append(sum(cache.nbytes for cache in caches))
    yield board.tell(
        "cache", layers=shape.n_layer, heads=shape.kv_heads, width=shape.head_width, each=each, step=KVCache.step
    )
    rows = [(n, each * n, u, h) for n, u, h in zip(lengths, used, held, strict=True)]
    yield board.table("cache_table", rows, ("d", ",d", ",d", ",d"))
    yield board.code("code.cache", KVCache._grow)
    full = shape.context_length
    yield board.ask("cache", each * full, each=each, tokens=full)
    if shape.kv_heads < shape.n_head:
        ratio = shape.n_head // shape.kv_heads
        yield board.tell("grouped", heads=shape.n_head, shared=shape.kv_heads, ratio=ratio)


def peak_of(work: Callable[[], mx.array]) -> int:
    """The most bytes that MLX held at once while something was computed, beyond those from before."""
    return memory._peak(lambda: mx.eval(work()))


def _attention(board: Board, subject: Subject) -> Iterator[Event]:
    """The square of attention: what writing the weights down costs, and the kernel that never does."""
    model = subject.model
    lengths, down, never = [], [], []
    for length in (n for n in LENGTHS if n <= model.config.context_length):
        trace = Trace("blocks.0.attn.q", "blocks.0.attn.k", "blocks.0.attn.v")
        trace.run(model, passage(subject, length))
        q, k, v = (trace[f"blocks.0.attn.{part}"] for part in "qkv")
        scale = model.blocks[0].attn._scale
        lengths.append(q.shape[2])
        down.append(peak_of(partial(explicit, q, k, v, scale=scale, mask="causal")))
        never.append(peak_of(partial(fused, q, k, v, scale=scale, mask="causal")))
    H = model.config.n_head
    yield board.tell("square", heads=H)
    yield board.table(
        "square_table",
        [(n, 4 * H * n * n, a, b) for n, a, b in zip(lengths, down, never, strict=True)],
        ("d", ",d", ",d", ",d"),
    )
    yield board.curves(
        "square_curves",
        {
            board.word("explicit"): (lengths, [n / 1e6 for n in down]),
            board.word("fused"): (lengths, [n / 1e6 for n in never]),
        },
    )
    yield board.tell(
        "square_less" if never[-1] < down[-1] else "square_more",
        tokens=lengths[-1],
        explicit=down[-1],
        fused=never[-1],
        ratio=max(down[-1], never[-1]) / min(down[-1], never[-1]),
        device=subject.backend.name,
    )
    n = lengths[-1]
    yield board.ask("square", 4 * H * n * n, heads=H, tokens=n, each=4)


def _formats(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The same matrix with fewer bits a number."""
    name = "blocks.0.ffn.down_proj.weight"
    w = subject.model.blocks[0].ffn.down_proj.weight
    exact = np.array(w)
    rows = [("float32", w.nbytes, 8 * w.nbytes / w.size, 0.0)]
    for dtype in (mx.bfloat16, mx.float16):
        less = w.astype(dtype)
        rows.append(
            (
                str(dtype).removeprefix("mlx.core."),
                less.nbytes,
                8 * less.nbytes / w.size,
                float(np.abs(np.array(less.astype(mx.float32)) - exact).max()),
            )
        )
    if w.shape[1] % 64 == 0:
        for bits in (8, 4):
            parts = mx.quantize(w, group_size=64, bits=bits)
            back = np.array(mx.dequantize(*parts, group_size=64, bits=bits))
            size = sum(part.nbytes for part in parts)
            rows.append((board.word("bits", bits=bits), size, 8 * size / w.size, float(np.abs(back - exact).max())))
    yield board.tell("formats", name=name, rows=w.shape[0], columns=w.shape[1], size=float(np.abs(exact).mean()))
    yield board.table("formats_table", rows, ("", ",d", ".2f", ".2g"))
    if rows[1][3] == 0.0:
        yield board.tell("stored", format=rows[1][0])
    if config.show_tensors:
        yield board.tensor(name, w)
    last = rows[-1]
    yield board.ask(
        "formats",
        rows[0][1] / last[1],
        tolerance=0.03 * rows[0][1] / last[1],
        first=rows[0][1],
        last=last[1],
        format=last[0],
    )
