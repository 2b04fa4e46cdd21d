"""What the tokens page says about a token, a text and a word on its way through the merges; plain, without Textual."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from mlxgpt.display.labels import fitted
from mlxgpt.text import visible
from mlxgpt.tokenizer.spans import Merging, Spans, Steps, spelled
from tui.widgets.token_strip import piece

MOST = 10_000  # tokens that are drawn; all are counted
SHOWN_BYTES = 12
Row = tuple[str, str]


def hexadecimal(data: bytes) -> str:
    """Bytes as pairs of digits.

    >>> hexadecimal("é".encode())
    'c3 a9'
    """
    cut = " …" if len(data) > SHOWN_BYTES else ""
    return data[:SHOWN_BYTES].hex(" ") + cut


def escaped(data: bytes) -> str:
    r"""Bytes as Python would write them.

    >>> escaped("é\n".encode())
    '\\xc3\\xa9\\n'
    """
    return repr(data[: 2 * SHOWN_BYTES])[2:-1] + ("…" if len(data) > 2 * SHOWN_BYTES else "")


def texts_of(spans: Spans) -> list[str]:
    """The first tokens as text, those of half a character as escapes."""
    known: dict[int, str] = {}
    return [known.setdefault(i, spans.tokenizer.token_text(i)) for i in spans.ids[:MOST].tolist()]


def special(spans: Spans) -> list[bool]:
    """Which of the first tokens stand for no bytes."""
    known: dict[int, bool] = {}
    tokenizer = spans.tokenizer
    return [known.setdefault(i, not tokenizer.token_bytes(i)) for i in spans.ids[:MOST].tolist()]


def notes_of(spans: Spans, which: str) -> list[str]:
    """What stands under the first tokens: nothing, their ids, or their bytes in hex."""
    ids = spans.ids[:MOST].tolist()
    if which == "ids":
        return list(map(str, ids))
    if which == "bytes":
        return [hexadecimal(spelled(spans.tokenizer, i)) for i in ids]
    return []


def counts(spans: Spans) -> str:
    """A text in one line."""
    report = spans.report
    line = (
        f"{report.tokens:,} tokens · {len(spans.text):,} characters · {report.bytes:,} bytes · "
        f"{report.bytes_per_token:.2f} bytes/token · {report.tokens_per_word:.2f} tokens/word"
    )
    if report.tokens > MOST:
        line += f" · the first {MOST:,} are drawn"
    return line


def about_token(spans: Spans, merging: Merging, position: int) -> Iterator[Row]:
    """What is known of one token: (name, value) pairs."""
    tokenizer, token = spans.tokenizer, int(spans.ids[position])
    data = spelled(tokenizer, token)
    start, end = int(spans.starts[position]), int(spans.ends[position])
    yield "token", f"{position + 1:,} of {len(spans.ids):,}, id {token}"
    yield "text", f"«{piece(tokenizer.token_text(token))}»"
    yield "bytes", f"{hexadecimal(data)}  ({len(data)})"
    yield "escaped", escaped(data)
    length = end - start
    where = f"{start:,}" if length <= 1 else f"{start:,}–{end - 1:,}"
    partial = " (a part of one)" if length == 1 and len(data) < len(spans.text[start:end].encode()) else ""
    yield ("character" if length <= 1 else "characters"), where + partial
    times = int(spans.counts[token])
    yield "here", f"{times:,} ×, {times / len(spans.ids):.2%} of all"
    origin = merging.origin(token)
    if origin is not None:
        left, right = (piece(tokenizer.token_text(part)) for part in (origin.left, origin.right))
        yield "made by", f"merge {origin.rank + 1:,} of {len(tokenizer.merges):,}"
        yield "from", f"«{left}» {origin.left} + «{right}» {origin.right}"
    elif not tokenizer.token_bytes(token):
        yield "made by", "no merge: a special" if token != tokenizer.unk_id else "no merge: not known"
    else:
        yield "made by", "no merge: a byte" if len(data) == 1 else "no merge"


def figures(named: Sequence[tuple[str, Spans]]) -> Table:
    """The counts of one tokenizer or of two, side by side."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    for _ in named:
        table.add_column(justify="right", no_wrap=True)
    if len(named) > 1:
        table.add_row("", *(Text(fitted(name, 10).strip(), "bold") for name, _ in named))
    rows = [
        ("entries", [f"{spans.tokenizer.vocab_size:,}" for _, spans in named]),
        ("tokens", [f"{spans.report.tokens:,}" for _, spans in named]),
        ("bytes/tok", [f"{spans.report.bytes_per_token:.3f}" for _, spans in named]),
        ("tok/word", [f"{spans.report.tokens_per_word:.3f}" for _, spans in named]),
        ("ids/text", [f"{spans.packed:.0%}" for _, spans in named]),
        ("unknown", [f"{spans.report.unknown:,}" for _, spans in named]),
        ("decoded", ["same" if spans.returns else "other" for _, spans in named]),
    ]
    if len(named) > 1:
        one, two = (spans for _, spans in named)
        differ = [int(one.differing(two).sum()), int(two.differing(one).sum())]
        rows.append(("ends alone", [f"{count:,}" for count in differ]))
    for name, values in rows:
        table.add_row(name, *values)
    return table


def stage_line(steps: Steps, merging: Merging, stage: int) -> Text:
    """A word at one stage: its pieces, those to be merged next underlined, the one just made bold."""
    line = Text()
    for token, next_, made in steps.joined(stage):
        style = "underline" if next_ else "bold reverse" if made else ""
        line.append(piece(merging.tokenizer.token_text(token)), style)
        line.append("│", "dim")
    line.right_crop(1)
    return line


def step_line(steps: Steps, merging: Merging, number: int) -> str:
    """One merge in words: its rank, and what became what."""
    applied = steps.merged[number]
    left, right, new = (piece(merging.tokenizer.token_text(i)) for i in (*applied.pair, applied.new_id))
    origin = merging.origin(applied.new_id)
    rank = "" if origin is None else f"merge {origin.rank + 1:,}"
    return visible(f"{number + 1:>3}  {rank:<13} «{left}» + «{right}» → «{new}» {applied.new_id}")
