"""A model that never ends its text by itself, and conversations written by hand, for the tests of the chat page."""

from pathlib import Path

import mlx.core as mx

from mlxgpt import checkpoint
from mlxgpt.events import TokenGenerated
from mlxgpt.tokenizer.simple import byte_tokenizer
from tests.generation.conftest import tiny
from tui.conversation import Conversation

EVIL = "a\x1b]52;c;ZXZpbA==\x07b\x9b31mc\u202egnp\u200bd[b]e[/b][@click=app.bell]f[/]\x00\x1b[2J"
# What no terminal may be sent: controls of the text, not those that Textual draws with.
RAW = ("\x1b]52", "\x9b", "\u202e", "\u200b", "\x1b[31m", "\x00")


def save_endless(folder: Path, **changes: object) -> str:
    """A tiny model of bytes whose special tokens are never among the likeliest, as a directory; what it writes is noise."""
    model = tiny(**{"context_length": 256} | changes)
    weight = mx.array(model.head.weight)
    weight[:9] = 0.0
    model.head.weight = weight
    mx.eval(model.parameters())
    path = folder / "endless"
    checkpoint.save(path, model, byte_tokenizer(), {"data": {"chats": bool(changes.pop("chats", False))}})
    return str(path)


def token(text: str, probability: float = 0.5, *, draw: float | None = None, identity: int = 300) -> TokenGenerated:
    """A token as a model might have written it."""
    rest = ((301, (1 - probability) * 0.6), (302, (1 - probability) * 0.3))
    alternatives = tuple(sorted([(identity, probability), *rest], key=lambda each: -each[1]))
    edges = {identity: (0.0, probability), 301: (probability, probability + rest[0][1]), 302: (1 - rest[1][1], 1.0)}
    return TokenGenerated(
        id=identity, text=text, token=text, probability=probability,
        rank=1 + alternatives.index((identity, probability)), entropy=1.25, draw=draw,
        slice=None if draw is None else edges[identity], alternatives=alternatives,
        slices=() if draw is None else tuple(edges[each] for each, _ in alternatives),
    )  # fmt: skip


def written() -> Conversation:
    """A question and its answer, of tokens that surprise differently."""
    talk = Conversation(title="kite")
    talk.add("user", text="Conte uma história curta.")
    answer = talk.add("assistant")
    answer.model, answer.settings, answer.reason, answer.seed = "nano-pt", "T 0.8 · p 0.95", "stopped", 7
    pieces = [("Era", 0.7), (" uma", 0.9), (" vez", 0.99), (" um", 0.3), (" dragão", 0.02), (",", 0.6), ("\n", 0.1)]
    pieces += [(" que", 0.5), (" não", 0.25), (" sabia", 0.4), (" voar", 0.04), (".", 0.8)]
    answer.tokens = [token(text, chance, draw=chance / 2) for text, chance in pieces]
    answer.text = "".join(text for text, _ in pieces)
    return talk
