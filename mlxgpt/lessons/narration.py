"""The same facts as in the lessons, told while the model works: `train`, `generate` and `chat` with --educational.

A narration passes the events of a job on and puts its own between them.  It reads what the events say and nothing else, so
it costs the job almost nothing; what needs the model (`look_inside`) is computed when the job is done.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from mlxgpt import checkpoint, runs
from mlxgpt.events import (
    CheckpointSaved,
    EvaluationFinished,
    Event,
    GenerationFinished,
    PromptRead,
    RunFinished,
    RunStarted,
    SampleDrawn,
    SignalsMeasured,
    StepFinished,
    TokenGenerated,
    TokenizerTrained,
)
from mlxgpt.inspection import lens
from mlxgpt.inspection.reports import Passage
from mlxgpt.inspection.trace import Trace
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import NarrationConfig
from mlxgpt.lessons.subject import dotted
from mlxgpt.model.gpt import GPT
from mlxgpt.model.packing import unpacked
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.training.config import TrainConfig

LOOKED_AT = 10  # the last tokens of a text whose attention is drawn
MEMORISING = 0.1  # nats above the training loss, where an exam is worth a word again
TOLD = 12  # tokens of an answer in the table


# ---- training --------------------------------------------------------------------------------------------------------


def narrate_training(events: Iterable[Event], config: NarrationConfig) -> Iterator[Event]:
    """The events of a run with explanations: of the steps 1, 2, 5, 10, 20, 50 …, of each evaluation, and of the end."""
    board = Board("narration", config.lang)
    first = last = sample = None
    saved = examined = False
    for event in events:
        yield event
        match event:
            case TokenizerTrained():
                yield board.tell(
                    "tokenizer",
                    entries=event.vocab_size,
                    each=event.bytes_per_token,
                    uniform=math.log(event.vocab_size),
                )
            case RunStarted():
                yield board.tell(
                    "started",
                    parameters=event.parameters,
                    tokens=event.train_tokens,
                    batch=event.batch_tokens,
                    per_weight=event.train_tokens / event.parameters,
                )
            case StepFinished():
                first, last = first or event, event
                if is_milestone(event.step):
                    yield from _step(board, event, first)
            case EvaluationFinished() if last is not None:
                gap = event.loss - last.smoothed_loss
                if not examined or gap > MEMORISING:
                    key = "memorising" if examined else "evaluated"
                    yield board.tell(
                        key, step=event.step, perplexity=event.perplexity, loss=event.loss, bits=event.bits_per_byte, gap=gap
                    )  # fmt: skip
                examined = True
            case SampleDrawn():
                sample = event
            case SignalsMeasured():
                yield from _signals(board, event)
            case CheckpointSaved() if not saved:
                saved = True
                yield board.tell("saved", step=event.step, megabytes=event.bytes / 1e6)
            case RunFinished() if first is not None:
                yield board.tell(
                    "finished",
                    steps=event.step,
                    first=first.loss,
                    last=event.loss,
                    times=math.exp(first.loss - event.loss),
                    seen=event.tokens_seen,
                )
                if config.show_attention and sample is not None:
                    yield from _look_at_run(board, event.run, sample.prompt + sample.text, config)


def _look_at_run(board: Board, run: str, text: str, config: NarrationConfig) -> Iterator[Event]:
    """Where the trained model looks in what it wrote last."""
    model, tokenizer = checkpoint.load(runs.find_model(run))
    yield from look_inside(board, model, tokenizer, tokenizer.encode(text), replace(config, show_tensors=False))


def with_signals(config: TrainConfig) -> TrainConfig:
    """The same run, with its layers measured: five times, or every 50 steps when nobody knows how many there will be."""
    return (
        config
        if config.signals_every
        else replace(config, signals_every=max(1, config.steps // 5) if config.steps else 50)
    )


def is_milestone(step: int) -> bool:
    """1, 2, 5, 10, 20, 50, 100 …"""
    while step >= 10 and step % 10 == 0:
        step //= 10
    return step in (1, 2, 5)


def _step(board: Board, event: StepFinished, first: StepFinished) -> Iterator[Event]:
    chance = math.exp(-event.loss)
    if event is first:
        yield board.tell(
            "first_step",
            loss=event.loss,
            chance=chance,
            among=math.exp(event.loss),
            rate=event.learning_rate,
            norm=event.gradient_norm,
        )
    else:
        times = math.exp(first.loss - event.loss)
        yield board.tell(
            "step",
            step=event.step,
            loss=event.loss,
            chance=chance,
            times=times,
            grown=board.word("grown.same" if f"{times:.1f}" == "1.0" else "grown.times", times=times),
            rate=event.learning_rate,
            norm=event.gradient_norm,
            seen=event.tokens_seen,
        )


def _signals(board: Board, event: SignalsMeasured) -> Iterator[Event]:
    rows = zip(event.layers, event.gradient_norms, event.weight_norms, event.update_ratios, strict=True)
    yield board.table("signals", list(rows), ("", ".4f", ".3f", ".2e"), step=event.step)
    largest = max(range(len(event.layers)), key=lambda i: event.gradient_norms[i])
    yield board.tell("signals_after", layer=event.layers[largest], norm=event.gradient_norms[largest])


# ---- writing ---------------------------------------------------------------------------------------------------------


def narrate_writing(
    events: Iterable[Event],
    config: NarrationConfig,
    model: GPT,
    tokenizer: Tokenizer,
    seen: Callable[[], Sequence[int]],
) -> Iterator[Event]:
    """The events of a text with explanations behind it; `seen` gives the ids that the model has read when it is done.

    The events must carry probabilities and ranks (`show_tokens`).
    """
    board = Board("narration", config.lang)
    tokens: list[TokenGenerated] = []
    for event in events:
        yield event
        match event:
            case PromptRead():
                amount = {0: "none", 1: "one"}.get(event.reused_tokens, "many")
                yield board.tell(
                    "prompt_state" if model.config.recurrent else "prompt",
                    tokens=event.tokens,
                    reused=event.reused_tokens,
                    remembered=board.word(f"remembered.{amount}", reused=event.reused_tokens),
                    context=model.config.context_length,
                    milliseconds=event.seconds * 1000,
                )
            case TokenGenerated():
                tokens.append(event)
            case GenerationFinished():
                yield from _written(board, event, tokens)
                yield from look_inside(board, unpacked(model), tokenizer, list(seen()), config)


def _written(board: Board, event: GenerationFinished, tokens: list[TokenGenerated]) -> Iterator[Event]:
    known = [
        (dotted(token.token), token.probability, token.rank) for token in tokens if token.probability and token.rank
    ]
    if not known:
        return
    rows = [(piece, share, rank, -math.log(share)) for piece, share, rank in known[:TOLD]]
    yield board.table("tokens", rows, ("", ".1%", "d", ".3f"), shown=len(rows), all=len(known))
    surest = max(known, key=lambda row: row[1])
    boldest = min(known, key=lambda row: row[1])
    first = sum(rank == 1 for _, _, rank in known) / len(known)
    mean = sum(-math.log(share) for _, share, _ in known) / len(known)
    yield board.tell(
        "written",
        sure=surest[0],
        sure_share=surest[1],
        bold=boldest[0],
        bold_share=boldest[1],
        bold_rank=boldest[2],
        first=first,
        mean=mean,
        perplexity=math.exp(mean),
    )
    yield board.tell(f"reason.{event.reason}", tokens=event.tokens, rate=event.tokens_per_second, seed=event.seed)


# ---- inside ----------------------------------------------------------------------------------------------------------


def look_inside(
    board: Board, model: GPT, tokenizer: Tokenizer, ids: list[int], config: NarrationConfig
) -> Iterator[Event]:
    """What each layer held and where the model looked, from one more reading of what it has just read."""
    ids = ids[-model.config.context_length :]
    if len(ids) < 2 or not (config.show_tensors or config.show_attention):
        return
    pieces = [dotted(tokenizer.token_text(i)) for i in ids]
    if config.show_tensors:
        yield from _layers(board, model, tokenizer, ids, pieces)
    if config.show_attention and model.config.recurrent:
        yield board.tell("no_attention")
    elif config.show_attention:
        trace = Trace("blocks.*.attn.pattern")
        trace.run(model, ids)
        yield from _looks(board, model, trace, pieces)


def _layers(board: Board, model: GPT, tokenizer: Tokenizer, ids: list[int], pieces: list[str]) -> Iterator[Event]:
    """The residual stream of the last token after each layer, and what would be guessed from it."""
    trace = Trace("embed", "blocks.*.resid_post")
    trace.run(model, ids)
    passage = Passage(model="", text="", ids=tuple(ids), pieces=tuple(pieces))
    seen = lens.lens(model, passage, tokenizer.token_text, top=1)
    rows = []
    for layer, name in enumerate(trace.names):
        stream = trace.numpy(name)[0, -1]
        guess = dotted(tokenizer.token_text(int(seen.top[layer, -1, 0])))
        rows.append(
            (
                layer,
                float(np.linalg.norm(stream)),
                float(np.abs(stream).max()),
                guess,
                float(seen.top_probability[layer, -1, 0]),
            )
        )
    yield board.table("layers", rows, ("d", ".3f", ".3f", "", ".1%"), piece=pieces[-1])
    yield board.tensor(trace.names[-1], trace[trace.names[-1]][:, -4:], rows=pieces[-4:])


def _looks(board: Board, model: GPT, trace: Trace, pieces: list[str]) -> Iterator[Event]:
    """The mean over the heads of each layer: where the last tokens looked."""
    shown = min(LOOKED_AT, len(pieces))
    layers = model.config.n_layer
    last = np.stack([trace.numpy(f"blocks.{i}.attn.pattern")[0, :, -1].mean(axis=0) for i in range(layers)])  # (L, T)
    names = [board.word("layer", layer=i) for i in range(layers)]
    yield board.heatmap("looks", last[:, -shown:], names, pieces[-shown:], piece=pieces[-1], shown=shown)
    mean = last.mean(axis=0)
    best = int(mean.argmax())
    key = "looks_after" if best < len(pieces) - 1 else "looks_itself"
    yield board.tell(key, piece=pieces[-1], target=pieces[best], share=float(mean[best]), back=len(pieces) - 1 - best)
