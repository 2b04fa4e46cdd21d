"""Commands that look into the model while it reads what was written last; their numbers are measured then and there."""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlxgpt.commands.talk import Talk, as_read
from mlxgpt.errors import ConfigError, nearest
from mlxgpt.generation.commands import Command, Reply, Value
from mlxgpt.text import visible

if TYPE_CHECKING:
    from mlxgpt.inspection.focus import Focus

TOPICS = ("token", "head", "loss")


def explain(talk: Talk, value: Value) -> Reply:
    """What just happened, for three readers: the last token's prediction, a head, or the loss of the text."""
    topic, _, rest = str(value or "token").partition(" ")
    if topic not in TOPICS or (rest and topic != "head"):
        raise ConfigError(
            f"/explain does not know {str(value)!r}.",
            hint=f"Type /explain token, head L.H or loss.  {nearest(topic, TOPICS)}",
        )
    if topic == "head":
        return _said(_attention(talk), head(_heads(talk), rest, "/explain head", talk.step))
    inspector = talk.inspector("")
    if topic == "token":
        from mlxgpt.inspection.focus import Focus

        return _said(inspector.lens(talk.heard, cut=True), Focus(position=talk.step))
    return _said(inspector.tokens(talk.heard, cut=True), None)


def lens(talk: Talk) -> Reply:
    """What the model would say after each layer."""
    from mlxgpt.inspection.focus import Focus

    return _shown(talk.inspector("").lens(talk.heard, cut=True), Focus(position=talk.step))


def attention(talk: Talk, value: Value) -> Reply:
    """Where a head looks; without one, what may be asked for."""
    if value is None:
        layers, heads = _heads(talk)
        return Reply(
            text=f"/attn takes LAYER.HEAD: layers 0 to {layers - 1}, heads 0 to {heads - 1}, such as /attn 0.0."
        )
    return _shown(_attention(talk), head(_heads(talk), str(value), "/attn", talk.step))


def ablate(talk: Talk, value: Value) -> Reply:
    """What the last prediction becomes without a head."""
    if value is None or value == "off":
        layers, heads = _heads(talk)
        return Reply(
            text="Nothing is ablated: /ablate measures one answer without a head and puts it back.  "
            f"Type /ablate L.H, layers 0 to {layers - 1}, heads 0 to {heads - 1}."
        )
    from mlxgpt.display.inspection import view
    from mlxgpt.inspection.focus import Focus

    place = head(_heads(talk), str(value), "/ablate")
    report = talk.inspector("").ablation(talk.heard, position=talk.step, cut=True)
    layer, number = (place.layer or 0) % len(report.values), (place.head or 0) % report.values.shape[1]
    changed, guess = float(report.values[layer, number]), visible(report.pieces[report.token])
    return Reply(
        views=tuple(view(report, Focus())),
        text=f"Without head {layer}.{number} the logit of “{guess}” is {changed:.4f} instead of {report.clean:.4f} "
        f"({changed - report.clean:+.4f}).",
    )


def compare(talk: Talk, value: Value) -> Reply:
    """How well two models predict the last answer, each reading the conversation in its own way, in bits a byte: fair to
    different tokenizers."""
    from mlxgpt import jobs

    words = str(value or "").split()
    if len(words) > 2:
        raise ConfigError(
            "/compare takes one or two models.", hint="Type /compare A B; with one, it is held against this."
        )
    if len(words) < 2:
        words.insert(0, talk.word)
    lines = [f"{'model':<28}{'tokens':>8}{'nats/token':>12}{'bits/byte':>11}"]
    for word in words:
        inspector, heard = talk.inspector(word), talk.heard
        if word != talk.word:
            beside = jobs.chat_beside(word, inspector, talk.chat.system)
            heard = as_read(beside, talk.chat.messages)
        report = inspector.tokens(heard, cut=True)
        ended = report.passage.ids[-1] in inspector.tokenizer.stop_ids  # a token that spells nothing
        nats = float(report.surprisal[report.first : len(report.passage) - ended].sum())
        count = max(report.predicted - ended, 1)
        bits = nats / math.log(2) / max(1, report.text_bytes)
        lines.append(f"{word[:27]:<28}{count:>8,}{nats / count:>12.3f}{bits:>11.3f}")
    return Reply(text="\n".join([*lines, "Fewer bits a byte: the answer surprises that model less."]))


def _attention(talk: Talk) -> Any:  # Any: one of two kinds of report
    inspector = talk.inspector("")
    look = inspector.effective_attention if inspector.model.config.recurrent else inspector.attention
    return look(talk.heard, cut=True)


def _heads(talk: Talk) -> tuple[int, int]:
    config = talk.chat.model.config
    return config.n_layer, config.n_head


def head(there_are: tuple[int, int], text: str, command: str, step: int = -1) -> "Focus":
    """The place "L.H" names, of so many layers and heads, at a position."""
    from mlxgpt.inspection.focus import Focus

    layers, heads = there_are
    match = re.fullmatch(r"[lL]?(-?\d+)[. ][hH]?(-?\d+)", text.strip())
    within = match and -layers <= int(match[1]) < layers and -heads <= int(match[2]) < heads
    if match is None or not within:
        raise ConfigError(
            f"There is no head {text!r}." if text else f"{command} needs a head.",
            hint=f"Type {command} L.H with layers 0 to {layers - 1} and heads 0 to {heads - 1}, such as 0.{heads - 1}.",
        )
    return Focus(layer=int(match[1]), head=int(match[2]), position=step)


def _said(report: Any, focus: "Focus | None") -> Reply:  # Any: a report of `inspection`
    """A report in words, three times."""
    from mlxgpt.inspection.explain import LEVELS
    from mlxgpt.inspection.explain import explain as explained

    blocks = []
    for level in LEVELS:
        lines = " ".join(line.text for line in explained(report, focus, level))
        blocks.append(f"{level}: {lines}")
    return Reply(text="\n\n".join(blocks))


def _shown(report: Any, focus: "Focus") -> Reply:  # Any: a report of `inspection`
    """A report as a picture, with what it says in plain words."""
    from mlxgpt.display.inspection import view
    from mlxgpt.inspection.explain import explain as explained
    from mlxgpt.inspection.focus import extent

    place = focus.within(**extent(report))
    text = " ".join(line.text for line in explained(report, place, "plain"))
    return Reply(text=text, views=tuple(view(report, place)))


def models() -> Sequence[str]:
    """The models that there are."""
    from mlxgpt import jobs

    return [entry.name for entry in jobs.list_checkpoints()]


LOOKING: tuple[Command, ...] = (
    Command(
        name="explain", kind="text", argument="[token|head L.H|loss]", run=explain, choices=lambda: TOPICS,
        help="the last answer in words, for three readers",
    ),
    Command(name="lens", kind="none", run=lambda talk, _: lens(talk), help="the guess after each layer"),
    Command(name="attn", kind="text", argument="L.H", run=attention, help="where a head looks"),
    Command(name="ablate", kind="text", argument="L.H|off", run=ablate, help="the last guess without a head"),
    Command(
        name="compare", kind="text", argument="A [B]", run=compare, choices=models,
        help="how well two models predict the last text",
    ),
)  # fmt: skip
