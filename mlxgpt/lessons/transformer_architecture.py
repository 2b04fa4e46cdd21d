"""The whole machine: what a text becomes on its way through, stage by stage, on one residual stream.

B batch · T time · C channels (n_embd) · F inner width · V vocab
"""

from collections.abc import Iterator

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten

from mlxgpt.events import Event
from mlxgpt.inspection.trace import Trace
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import SENTENCE, Subject
from mlxgpt.model import report
from mlxgpt.model.gpt import GPT, TransformerBlock
from mlxgpt.model.shapes import count, parameter_shapes

# What a sentence becomes on its way, and the words of a config that a learner can read.
POINTS = (
    *("embed", "blocks.0.attn.q", "blocks.0.attn.pattern", "blocks.0.attn_out", "blocks.0.ffn.hidden"),
    *("blocks.0.ffn_out", "blocks.0.resid_post", "final_norm", "logits"),
)
WORDS = (
    *("norm", "norm_placement", "position", "ffn", "n_layer", "n_head", "kv_heads", "n_embd", "ffn_width"),
    *("context_length", "vocab_size"),
)


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    trace = Trace("*")
    logits = trace.run(subject.model, subject.ids())
    yield from _stages(board, subject, trace, config)
    yield from _norm(board, subject, trace)
    yield from _stream(board, subject, trace, config)
    yield from _feed_forward(board, subject, trace)
    yield from _lens(board, subject)
    yield from _head(board, subject, logits)
    yield from _parameters(board, subject)
    yield board.tell("end")


def _stages(board: Board, subject: Subject, trace: Trace, config: LessonConfig) -> Iterator[Event]:
    model, ids = subject.model, subject.ids()
    shape = model.config
    yield board.tell("line", text=subject.sentence, layers=shape.n_layer)
    rows = [("tokens", f"1 × {len(ids)}", board.word("stage.tokens"))]
    rows += [
        (name, " × ".join(map(str, trace[name].shape)), board.word(f"stage.{name.split('.')[-1]}"))
        for name in POINTS
        if name in trace.names
    ]
    yield board.table("stages", rows, tokens=len(ids), channels=shape.n_embd, entries=shape.vocab_size)
    yield board.code("code.hidden", GPT.hidden)
    if config.show_tensors:
        for name in POINTS:
            if name in trace.names:
                yield board.tensor(name, trace[name])
    if config.show_attention_maps:
        pieces = subject.pieces(ids)
        for layer in range(shape.n_layer):
            mean = trace.numpy(f"blocks.{layer}.attn.pattern")[0].mean(axis=0)
            yield board.heatmap("pattern", mean, pieces, pieces, layer=layer)
    yield board.table("words", [(word, board.word(f"config.{word}"), str(getattr(shape, word))) for word in WORDS])
    yield board.ask("numbers", len(ids) * shape.n_embd, tokens=len(ids), channels=shape.n_embd)


def normalised_by_hand(
    x: np.ndarray, kind: str, weight: np.ndarray, bias: np.ndarray | float, eps: float
) -> np.ndarray:
    """A vector (C,) brought to size one: divided by the root of its mean square, after LayerNorm has taken the mean away."""
    centred = x - x.mean() if kind == "layernorm" else x
    gain = 1 + weight if kind == "rmsnorm_plus_one" else weight
    return centred / np.sqrt((centred * centred).mean() + eps) * gain + bias


def _norm(board: Board, subject: Subject, trace: Trace) -> Iterator[Event]:
    shape = subject.model.config
    block = subject.model.blocks[0]
    if "before" not in block.attn_norm:
        return
    norm = block.attn_norm["before"]
    x = trace.numpy("blocks.0.resid_pre")[0, -1].astype(np.float64)
    bias = np.array(norm.bias) if "bias" in norm else 0.0
    by_hand = normalised_by_hand(x, shape.norm, np.array(norm.weight), bias, shape.norm_eps)
    model = np.array(norm(mx.array(x[None].astype(np.float32))))[0]
    size = float(np.sqrt((x * x).mean()))
    yield board.tell(
        "norm",
        kind=shape.norm,
        piece=subject.pieces(subject.ids())[-1],
        size=size,
        difference=float(np.abs(by_hand - model).max()),
    )
    rows = [
        (i, float(x[i]), float(x[i] / size), float(norm.weight[i].item()), float(by_hand[i]), float(model[i]))
        for i in range(4)
    ]
    yield board.table("norm_table", rows, ("d", ".4f", ".4f", ".4f", ".4f", ".4f"))
    yield board.code("code.norm", type(norm))
    a, b = round(float(x[0] / size), 2), round(float(x[1] / size), 2)
    root = float(np.sqrt((a * a + b * b) / 2))
    yield board.ask("size", root, tolerance=max(0.02 * root, 0.002), a=a, b=b)


def _stream(board: Board, subject: Subject, trace: Trace, config: LessonConfig) -> Iterator[Event]:
    layers = range(subject.model.config.n_layer)
    before, attn, mid, ffn, after = (
        [trace.numpy(f"blocks.{i}.{point}")[0, -1] for i in layers]
        for point in ("resid_pre", "attn_out", "resid_mid", "ffn_out", "resid_post")
    )
    plain = subject.model.config.norm_placement != "residual"
    yield board.tell("stream")
    if plain:
        worst = max(float(np.abs(before[i] + attn[i] - mid[i]).max()) for i in layers)
        worst = max(worst, *(float(np.abs(mid[i] + ffn[i] - after[i]).max()) for i in layers))
        yield board.tell("sums", worst=worst, layers=len(layers))
    yield board.code("code.block", TransformerBlock.__call__)
    size = np.linalg.norm
    yield board.curves("stream_curves", {
        board.word("curve.stream"): ([0, *(i + 1 for i in layers)], [float(size(before[0])), *(float(size(x)) for x in after)]),
        board.word("curve.attn"): ([i + 1 for i in layers], [float(size(x)) for x in attn]),
        board.word("curve.ffn"): ([i + 1 for i in layers], [float(size(x)) for x in ffn]),
    })  # fmt: skip
    if plain:
        a, b, c = float(before[0][0]), float(attn[0][0]), float(ffn[0][0])
        yield board.ask("sum", a + b + c, tolerance=0.002, a=a, b=b, c=c)


def _feed_forward(board: Board, subject: Subject, trace: Trace) -> Iterator[Event]:
    shape = subject.model.config
    hidden = trace.numpy("blocks.0.ffn.hidden")[0, -1]  # (F,)
    strength = np.sort(np.abs(hidden))[::-1]
    tenth = max(1, len(hidden) // 10)
    share = float((strength[:tenth] ** 2).sum() / (strength**2).sum())
    yield board.tell("ffn", channels=shape.n_embd, width=shape.ffn_width, kind=shape.ffn, tenth=tenth, share=share)
    yield board.code("code.ffn", type(subject.model.blocks[0].ffn).__call__)
    matrices = 3 if shape.gated else 2
    yield board.ask(
        "ffn",
        matrices * shape.n_embd * shape.ffn_width,
        matrices=matrices,
        channels=shape.n_embd,
        width=shape.ffn_width,
    )


def _lens(board: Board, subject: Subject) -> Iterator[Event]:
    """What the model would say if it stopped after each layer."""
    seen = subject.inspector.lens(SENTENCE, top=1, cut=True)
    best = [int(i) for i in seen.top[:, -1, 0]]
    pieces = subject.pieces(best)
    final = pieces[-1]
    rows = [
        (
            layer,
            pieces[layer],
            float(seen.top_probability[layer, -1, 0]),
            float(seen.probability[layer, -1]),
            int(seen.rank[layer, -1]),
        )
        for layer in range(len(best))
    ]
    yield board.tell("lens", text=subject.sentence)
    yield board.table("lens_table", rows, ("d", "", ".1%", ".1%", ",d"), final=final)
    settled = next(layer for layer in range(len(best)) if all(i == best[-1] for i in best[layer:]))
    yield board.tell("lens_last" if settled == len(best) - 1 else "lens_after", final=final, settled=settled)
    yield board.ask("settled", settled, final=final)


def _head(board: Board, subject: Subject, logits: mx.array) -> Iterator[Event]:
    shares = np.array(mx.softmax(logits[0, -1], axis=-1))
    order = np.argsort(-shares)[:6]
    yield board.tell("head", text=subject.sentence, entries=len(shares), sum=float(shares.sum(dtype=np.float64)))
    yield board.bars("head_bars", subject.pieces(order.tolist()), shares[order], ".1%")


def _parameters(board: Board, subject: Subject) -> Iterator[Event]:
    shapes = parameter_shapes(subject.model.config)
    counted = sum(value.size for _, value in tree_flatten(subject.model.trainable_parameters()))
    parts = report.by_part(shapes)
    yield board.tell("parameters", counted=counted, reckoned=count(shapes))
    yield board.bars("parts", [board.word(f"part.{part}") for part in parts], list(parts.values()), ",.0f")
    share = parts["embedding"] / counted
    yield board.ask("share", share, tolerance=0.01, percent=True, embedding=parts["embedding"], counted=counted)
