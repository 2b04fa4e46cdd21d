"""Commands about tokens and chunks."""

from pathlib import Path
from typing import Any

from mlxgpt.commands.talk import Talk
from mlxgpt.config import build
from mlxgpt.errors import ConfigError, DataError, nearest
from mlxgpt.generation.commands import Command, Reply, Value
from mlxgpt.text import visible

SIZES = (1, 1_000_000)  # tokens of a chunk
COLUMNS = 76
SEARCH_SECONDS = 5.0


def tokens_demo(talk: Talk, value: Value) -> Reply:
    """A text, or the last answer, as tokens with their ids."""
    text = unquoted(value) or talk.text
    tokenizer = talk.chat.tokenizer
    ids = tokenizer.encode(text)
    size = len(text.encode())
    lines, above, below = [], "", ""
    for token in ids:
        piece = _piece(tokenizer.token_text(token))
        width = max(len(piece), len(str(token))) + 1
        if above and len(above) + width > COLUMNS:
            lines += [above.rstrip(), below.rstrip()]
            above = below = ""
        above += piece.ljust(width)
        below += str(token).ljust(width)
    lines += [above.rstrip(), below.rstrip(), ""]
    each = f", {size / len(ids):.2f} bytes a token" if ids else ""
    lines.append(f"{len(ids):,} tokens, {len(text):,} characters, {size:,} bytes{each}")
    return Reply(text="\n".join(lines))


def chunk_demo(talk: Talk, value: Value) -> Reply:
    """A text, or the last answer, in chunks, each with its size."""
    text, chunking = unquoted(value) or talk.text, talk.chat.chunking
    chunks = _chunker(talk).split(text, talk.chat.tokenizer)
    lines = [
        f"{number:3}  {chunk.n_tokens:5} tokens  {chunk.start:,}–{chunk.end:,}  {_shortened(chunk.text)}"
        for number, chunk in enumerate(chunks, 1)
    ]
    count = f"{len(lines)} chunk{'s' if len(lines) != 1 else ''}"
    return Reply(text="\n".join([*lines, f"{count} of at most {chunking.size} tokens ({_strategy(talk)})"]))


def chunk_stats(talk: Talk) -> Reply:
    """Figures of the conversation's text in chunks."""
    from mlxgpt.chunking.analysis.subject import Findings
    from mlxgpt.display.chunks import findings_view

    subject = _subject(talk, talk.whole, "the conversation")
    findings = Findings(strategy=subject.strategy, options=subject.options, report=subject.report())
    return Reply(text="", views=(findings_view(findings),))


def optimize_chunks(talk: Talk, value: Value) -> Reply:
    """Other ways to cut the conversation, or a file, measured: before and after."""
    from mlxgpt.chunking.optimize import search
    from mlxgpt.display.chunks import search_view

    text = _file(str(value)) if value else talk.whole
    options = {"max_size": talk.chat.chunking.size}
    found = search([text], talk.chat.tokenizer, _strategy(talk), options, budget_seconds=SEARCH_SECONDS)
    return Reply(text="", views=(search_view(found, str(value or ""), talk.word),))


def chunk_size(talk: Talk, value: Value) -> Reply:
    """The most tokens of a chunk."""
    return _change(talk, "size", value, f"from {SIZES[0]} to {SIZES[1]:,} tokens")


def chunk_strategy(talk: Talk, value: Value) -> Reply:
    """How a conversation that outgrew the context is cut."""
    return _change(talk, "strategy", value, ", ".join(strategies()))


def strategies() -> list[str]:
    """What `/chunk-strategy` may be."""
    from mlxgpt.chunking.registry import CHUNKERS
    from mlxgpt.generation.recall import OFF

    return [OFF, *CHUNKERS]


def _change(talk: Talk, name: str, value: Value, range_: str) -> Reply:
    chunking = talk.chat.chunking
    before, shown = getattr(chunking, name), f"chunk-{name}"
    if value is None:
        off = (
            "" if before != "off" else f": a long conversation loses its oldest messages, views cut by {chunking.shown}"
        )
        return Reply(text=f"{shown} is {before}{off} ({range_})")
    try:
        if name == "size":
            if not str(value).isdecimal() or not SIZES[0] <= int(value) <= SIZES[1]:
                raise ConfigError("")
            value = int(value)
        if name == "strategy" and value not in strategies():
            raise ConfigError(nearest(str(value), strategies()))
        changed = {"strategy": chunking.strategy, "size": chunking.size, name: value}
        talk.chat.chunking = build(type(chunking), changed, where="chunks")
    except ConfigError as error:
        hint = f"{error.hint or error.message}  It may be {range_}.  Now it is {before}.".strip()
        raise ConfigError(f"{shown} cannot be {value}.", hint=hint) from None
    return Reply(text=f"{shown} is now {value}, was {before}")


def _strategy(talk: Talk) -> str:
    """The strategy to show."""
    return talk.chat.chunking.shown


def _chunker(talk: Talk) -> Any:  # Any: a Chunker
    from mlxgpt.chunking.registry import create

    return create(_strategy(talk), max_size=talk.chat.chunking.size)


def _subject(talk: Talk, text: str, source: str) -> Any:  # Any: a Subject
    from mlxgpt.chunking.analysis.subject import Subject

    tokenizer = talk.chat.tokenizer
    chunks = tuple(_chunker(talk).split(text, tokenizer))
    return Subject(
        documents=((text, chunks),), source=source, strategy=_strategy(talk),
        options={"max_size": talk.chat.chunking.size}, tokenizer_name=talk.word, tokenizer=tokenizer,
    )  # fmt: skip


def _file(name: str) -> str:
    from mlxgpt.data.documents import read_documents

    path = Path(name).expanduser()
    if not path.is_file():
        raise DataError(f"{path} is not a file.", hint="Give the path of a text file.")
    return "\n\n".join(document.text for document in read_documents(path))


def unquoted(value: Value) -> str:
    """A text without the quotation marks around it."""
    text = "" if value is None else str(value)
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'“”" else text


def _piece(text: str) -> str:
    """A token as it is shown: what cannot be seen is drawn."""
    return visible(text.replace("\n", "↵").replace("\t", "⇥").replace(" ", "·")) or "∅"


def _shortened(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= 48 else f"{line[:30].rstrip()} … {line[-15:].lstrip()}"


CUTTING: tuple[Command, ...] = (
    Command(
        name="tokens-demo", kind="text", argument='["TEXT"]', run=tokens_demo,
        help="a text as tokens with their ids; the last answer without one",
    ),
    Command(
        name="chunk-demo", kind="text", argument='["TEXT"]', run=chunk_demo,
        help="a text in chunks; the last answer without one",
    ),
    Command(
        name="chunk-size", kind="text", argument="TOKENS", run=chunk_size, help="most tokens of a chunk",
    ),
    Command(
        name="chunk-strategy", kind="text", argument="NAME", run=chunk_strategy, choices=strategies,
        help="how a conversation that outgrew the context is looked through",
    ),
    Command(
        name="chunk-stats", kind="none", run=lambda talk, _: chunk_stats(talk),
        help="figures of the conversation in chunks",
    ),
    Command(
        name="optimize-chunks", kind="path", argument="[FILE]", run=optimize_chunks,
        help="try other ways to cut the conversation, or a file: before and after",
    ),
)  # fmt: skip
