"""The same sum by several routes: step by step, compiled, and in one kernel.  Equal results, measured times.

T time · H heads · D head dim · C channels (n_embd)
"""

import time
from collections.abc import Callable, Iterator

import mlx.core as mx

from mlxgpt.backend import jit
from mlxgpt.events import Event
from mlxgpt.inspection.trace import Trace
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.lessons.timing import median_milliseconds
from mlxgpt.model import attention, functional

Work = Callable[[], mx.array]
LENGTHS = (32, 64, 128, 256)


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    yield board.tell("idea")
    if subject.backend.compiles and subject.backend.device == "cpu":
        jit.precompile_header()
    yield from _lazy(board, subject)
    yield from _attention(board, subject, config)
    yield from _small(board, subject)
    yield from _products(board, subject)
    yield board.tell("end")


def _lazy(board: Board, subject: Subject) -> Iterator[Event]:
    """MLX writes down first and computes later."""
    ids = mx.array([subject.ids()])
    mx.eval(subject.model(ids))
    began = time.perf_counter()
    logits = subject.model(ids)
    described = time.perf_counter()
    mx.eval(logits)
    computed = time.perf_counter()
    described_ms, computed_ms = (described - began) * 1000, (computed - described) * 1000
    yield board.tell("lazy", described=described_ms, computed=computed_ms, tokens=ids.size)
    share = described_ms / (described_ms + computed_ms)
    yield board.ask("lazy", share, tolerance=0.02, percent=True, described=described_ms, computed=computed_ms)


def real_heads(subject: Subject, tokens: int) -> tuple[mx.array, mx.array, mx.array, float]:
    """Queries, keys, values (1, H or K, T, D) and scale of the model's first layer, on the corpus."""
    trace = Trace("blocks.0.attn.q", "blocks.0.attn.k", "blocks.0.attn.v")
    trace.run(subject.model, subject.ids(subject.corpus[: 8 * tokens])[:tokens])
    q, k, v = (trace[f"blocks.0.attn.{part}"] for part in "qkv")
    return q, k, v, subject.model.blocks[0].attn._scale


def attention_routes(subject: Subject, tokens: int) -> dict[str, Work]:
    """The routes to the same attention; compiled only where this machine compiles."""
    q, k, v, scale = real_heads(subject, tokens)

    def step_by_step(q: mx.array, k: mx.array, v: mx.array) -> mx.array:
        return attention.explicit(q, k, v, scale=scale, mask="causal")

    routes: dict[str, Work] = {
        "explicit": lambda: step_by_step(q, k, v),
        "fused": lambda: attention.fused(q, k, v, scale=scale, mask="causal"),
        "library": lambda: mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask="causal"),
    }
    if subject.backend.compiles:
        compiled = mx.compile(step_by_step)
        routes["compiled"] = lambda: compiled(q, k, v)
    return routes


def _attention(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    lengths = [n for n in LENGTHS if n <= subject.model.config.context_length] or [subject.model.config.context_length]
    names = [name for name in ROUTES if name != "compiled" or subject.backend.compiles]
    yield board.tell("attention" if subject.backend.compiles else "attention_eager", device=subject.backend.name)
    times: dict[str, list[float]] = {name: [] for name in names}
    rows = []
    for length in lengths:
        routes = attention_routes(subject, length)
        exact = routes["explicit"]()
        for name in names:
            times[name].append(median_milliseconds(routes[name]))
        worst = max(float(mx.abs(routes[name]() - exact).max().item()) for name in names[1:])
        rows.append((length, *(times[name][-1] for name in names), worst))
    words = " | ".join(board.word(f"route.{name}") for name in names)
    yield board.table("attention_table", rows, ("d", *(".3f" for _ in names), ".2g"), routes=words)
    yield board.curves("attention_curves", {board.word(f"route.{name}"): (lengths, times[name]) for name in names})
    yield board.code("code.explicit", attention.explicit)
    yield board.code("code.fused", attention.fused)
    if config.show_tensors:
        yield board.tensor("blocks.0.attn.q", real_heads(subject, lengths[0])[0])
    last = {name: times[name][-1] for name in names}
    fastest = min(last, key=last.__getitem__)
    yield board.tell("attention_after", tokens=lengths[-1], fastest=board.word(f"route.{fastest}"), time=last[fastest])
    yield board.ask(
        "fastest",
        names.index(fastest),
        choices=[board.word(f"route.{name}") for name in names],
        tokens=lengths[-1],
        time=last[fastest],
    )
    ratio = last["explicit"] / last[fastest]
    yield board.ask("ratio", ratio, tolerance=max(0.02, 0.03 * ratio), explicit=last["explicit"], fast=last[fastest])


ROUTES = ("explicit", "compiled", "fused", "library")


def written_out(x: mx.array) -> mx.array:
    """SwiGLU's activation, an operation at a time: x / (1 + e^-x)."""
    return x / (1 + mx.exp(-x))


def _small(board: Board, subject: Subject) -> Iterator[Event]:
    """An activation by three routes."""
    tokens = min(256, subject.model.config.context_length)
    trace = Trace("blocks.0.ffn.hidden")
    trace.run(subject.model, subject.ids(subject.corpus[: 8 * tokens])[:tokens])
    x = trace["blocks.0.ffn.hidden"]
    routes: dict[str, Work] = {"explicit": lambda: written_out(x), "fused": lambda: functional.silu(x)}
    if subject.backend.compiles:
        compiled = mx.compile(written_out)
        routes["compiled"] = lambda: compiled(x)
    exact = written_out(x)
    rows = [
        (board.word(f"route.{name}"), median_milliseconds(work), float(mx.abs(work() - exact).max().item()))
        for name, work in routes.items()
    ]
    yield board.tell("activation", numbers=x.size)
    yield board.table("activation_table", rows, ("", ".3f", ".2g"))
    yield board.code("code.activation", written_out)


def _products(board: Board, subject: Subject) -> Iterator[Event]:
    """The same matrix read for one token and for many."""
    w = subject.model.blocks[0].ffn.up_proj.weight  # (F, C)
    rows = []
    for tokens in (1, 8, 64, 256):
        x = mx.random.normal((tokens, w.shape[1]), key=mx.random.key(0))
        took = median_milliseconds(lambda x=x: x @ w.T)  # type: ignore[misc]
        work = 2 * tokens * w.size
        rows.append((tokens, work, took, took / tokens * 1000, work / took / 1e6))
    yield board.tell("products", rows=w.shape[0], columns=w.shape[1])
    yield board.table("products_table", rows, ("d", ",d", ".4f", ".2f", ".2f"))
    one, many = rows[0][3], rows[-1][3]
    key = "products_after" if many < one else "products_busy"
    yield board.tell(key, one=one, many=many, tokens=rows[-1][0], ratio=one / many)
    yield board.ask("products", rows[1][1], tokens=rows[1][0], rows=w.shape[0], columns=w.shape[1])
