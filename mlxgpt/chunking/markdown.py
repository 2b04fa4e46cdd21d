"""The parts of Markdown that chunking keeps together: headings, and code, tables, lists and quotes as whole spans.

After CommonMark, without its finer points: a heading is a line of one to six # and a space; a fence is closed by one at
least as long, or by the end; a list item goes on over the lines that are indented deeper than its marker.

L lines that are not blank.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.characters import (
    Codes,
    Flags,
    Kind,
    Kinds,
    Places,
    among,
    codes_of,
    kinds_of,
    line_breaks,
    whitespace_runs,
)
from mlxgpt.chunking.layout import Lines, lines_of

_DEEPEST_HEADING = 6
_ITEM_DIGITS = 3  # "2020. " opens no item
_INDENTED_CODE = 4  # columns; a # there is no heading and a fence no fence


class Block(IntEnum):
    """What a span is."""

    CODE = 1
    TABLE = 2
    ITEM = 3
    QUOTE = 4
    HTML = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarkdownStructure:
    """Headings and atomic spans of a text, in the order of the text.

    Spans start at the first character of a line and end behind the last; they do not overlap, so a nested list is
    given by its items, each up to the next one.
    """

    heading_positions: Places  # (H,) the first character of the heading's line
    heading_depths: npt.NDArray[np.uint8]  # (H,) 1 for #, to 6
    heading_titles: tuple[str, ...]
    spans: Places  # (S, 2) start and end of each
    blocks: npt.NDArray[np.uint8]  # (S,) a `Block` each


def structure(text: str | Codes) -> MarkdownStructure:
    """The headings and the atomic spans of a Markdown text."""
    codes = codes_of(text) if isinstance(text, str) else text
    kinds = kinds_of(codes)
    runs = whitespace_runs(codes, kinds)
    lines = lines_of(runs, np.flatnonzero(runs.breaks))
    columns = _columns(codes, kinds, lines)
    code = _code_lines(codes, lines, columns)
    depths = _depths(codes, kinds, lines, columns, code > 0)
    headings = np.flatnonzero(depths)
    blocks, groups = _blocks(codes, kinds, lines, columns, code, depths > 0)
    first, last = _stretches(blocks, groups)
    return MarkdownStructure(
        heading_positions=lines.heads[headings],
        heading_depths=depths[headings],
        heading_titles=tuple(
            _title(codes, int(head + depth), int(tail))
            for head, tail, depth in zip(lines.heads[headings], lines.tails[headings], depths[headings], strict=True)
        ),
        spans=np.stack([lines.heads[first], lines.tails[last]], axis=1),
        blocks=blocks[first],
    )


def heading_depths(codes: Codes, kinds: Kinds, lines: Lines) -> npt.NDArray[np.uint8]:
    """The depth of each line that is a heading, 0 for the others; none inside code.  (L,)"""
    if not (codes[lines.heads] == ord("#")).any():
        return np.zeros(len(lines.heads), dtype=np.uint8)
    columns = _columns(codes, kinds, lines)
    return _depths(codes, kinds, lines, columns, _code_lines(codes, lines, columns) > 0)


def _columns(codes: Codes, kinds: Kinds, lines: Lines) -> Places:
    """How far each line is indented.  (L,)"""
    begins = np.concatenate([[0], line_breaks(codes, kinds) + 1])
    columns: Places = lines.heads - begins[np.searchsorted(begins, lines.heads, side="right") - 1]
    return columns


def _depths(codes: Codes, kinds: Kinds, lines: Lines, columns: Places, code: Flags) -> npt.NDArray[np.uint8]:
    depths = np.zeros(len(lines.heads), dtype=np.uint8)
    found = np.flatnonzero((codes[lines.heads] == ord("#")) & (columns < _INDENTED_CODE) & ~code)
    size = _repeats(codes, lines.heads[found], _DEEPEST_HEADING + 1)
    behind = lines.heads[found] + size
    spaced = (behind >= lines.tails[found]) | (kinds[np.minimum(behind, len(kinds) - 1)] == Kind.SPACE)
    valid = spaced & (size <= _DEEPEST_HEADING)
    depths[found[valid]] = size[valid]
    return depths


def _title(codes: Codes, start: int, end: int) -> str:
    return codes[start:end].tobytes().decode("utf-32-le").strip().rstrip("#").rstrip()


def _repeats(codes: Codes, at: Places, most: int) -> Places:
    """How often the character at each place is repeated from there, counting up to `most`."""
    size = np.ones(len(at), dtype=np.int64)
    for _ in range(most - 1):
        behind = np.minimum(at + size, len(codes) - 1)
        size += (at + size < len(codes)) & (codes[behind] == codes[at])
    return size


def _code_lines(codes: Codes, lines: Lines, columns: Places) -> Places:
    """The number of the fenced block that each line is in, from 1, and 0 outside.  (L,)"""
    numbers = np.zeros(len(lines.heads), dtype=np.int64)
    head = codes[lines.heads]
    fences = np.flatnonzero(((head == ord("`")) | (head == ord("~"))) & (columns < _INDENTED_CODE))
    sizes = _repeats(codes, lines.heads[fences], 64)
    fences, sizes = fences[sizes >= 3], sizes[sizes >= 3]
    alone = lines.tails[fences] - lines.heads[fences] == sizes  # nothing behind it: it may close a block
    opened, mark, length, number = -1, 0, 0, 0
    for line, character, size, bare in zip(
        fences.tolist(), head[fences].tolist(), sizes.tolist(), alone.tolist(), strict=True
    ):
        if opened < 0:
            opened, mark, length, number = line, character, size, number + 1
        elif bare and character == mark and size >= length:
            numbers[opened : line + 1] = number
            opened = -1
    if opened >= 0:
        numbers[opened:] = number
    return numbers


def _blocks(
    codes: Codes, kinds: Kinds, lines: Lines, columns: Places, code: Places, heading: Flags
) -> tuple[npt.NDArray[np.uint8], Places]:
    """The `Block` of each line, 0 for none, and a number that changes where one block follows another.  (L,), (L,)"""
    blocks = np.zeros(len(lines.heads), dtype=np.uint8)
    plain = (code == 0) & ~heading
    head = codes[lines.heads]
    table = plain & _table_lines(codes, lines)
    quote = plain & ~table & (head == ord(">"))
    item = plain & ~table & ~quote & _opens_item(codes, kinds, lines)
    html = plain & ~table & _goes_on(plain & ~item & _opens_tag(codes, kinds, lines), lines)
    inside, owner = _continues(item, plain & ~table & ~quote & ~html, lines, columns)
    blocks[html] = Block.HTML
    blocks[quote] = Block.QUOTE
    blocks[inside] = Block.ITEM
    blocks[table] = Block.TABLE
    blocks[code > 0] = Block.CODE
    paragraph = np.cumsum(lines.blank[:-1])  # blank lines end tables, quotes and HTML
    return blocks, np.where(code > 0, code, np.where(inside, owner, paragraph))


def _table_lines(codes: Codes, lines: Lines) -> Flags:
    """Lines that begin with |, and those with one inside that stand next to a row of dashes.  (L,)"""
    bars = np.flatnonzero(codes == ord("|"))
    line = np.searchsorted(lines.heads, bars, side="right") - 1
    barred = np.zeros(len(lines.heads), dtype=bool)
    barred[line[line >= 0]] = True
    delimiter = barred & among(codes[lines.heads], "-:|")
    delimiter[delimiter] &= _only_dashes(codes, lines, np.flatnonzero(delimiter))
    group = np.cumsum(lines.blank[:-1] | ~barred)  # rows that stand together
    with_delimiter = np.zeros(int(group[-1]) + 1 if len(group) else 1, dtype=bool)
    with_delimiter[group[delimiter]] = True
    rows: Flags = barred & ((codes[lines.heads] == ord("|")) | with_delimiter[group])
    return rows


def _only_dashes(codes: Codes, lines: Lines, chosen: Places) -> Flags:
    """Whether each chosen line is made of |, -, : and spaces."""
    allowed = np.zeros(128, dtype=bool)
    allowed[[ord(character) for character in "|-: \t"]] = True
    wrong = np.concatenate([[0], np.cumsum(~allowed[np.minimum(codes, 127)])])
    only: Flags = wrong[lines.tails[chosen]] == wrong[lines.heads[chosen]]
    return only


def _opens_item(codes: Codes, kinds: Kinds, lines: Lines) -> Flags:
    """Lines that begin with "- ", "* ", "+ ", "• ", "12. " or "3) ".  (L,)"""
    end = len(codes) - 1
    bullet = among(codes[lines.heads], "-*+•")
    behind = lines.heads + 1
    for _ in range(_ITEM_DIGITS - 1):
        digits = (kinds[lines.heads] == Kind.DIGIT) & (kinds[np.minimum(behind, end)] == Kind.DIGIT)
        behind = behind + digits
    marked = among(codes[np.minimum(behind, end)], ".)")
    number = (kinds[lines.heads] == Kind.DIGIT) & marked
    behind = behind + number
    opens: Flags = (bullet | number) & (behind < lines.tails) & (kinds[np.minimum(behind, end)] == Kind.SPACE)
    return opens


def _opens_tag(codes: Codes, kinds: Kinds, lines: Lines) -> Flags:
    """Lines that begin with "<" and a letter, "/" or "!".  (L,)"""
    second = np.minimum(lines.heads + 1, len(codes) - 1)
    letter = (kinds[second] == Kind.LOWER) | (kinds[second] == Kind.UPPER)
    opens: Flags = (codes[lines.heads] == ord("<")) & (letter | among(codes[second], "/!"))
    return opens


def _goes_on(opens: Flags, lines: Lines) -> Flags:
    """The lines that `opens` marks and those behind them up to a blank line.  (L,)"""
    group = np.cumsum(lines.blank[:-1] | opens)
    starts = np.zeros(int(group[-1]) + 1 if len(group) else 1, dtype=bool)
    starts[group[opens]] = True
    return starts[group]


def _continues(item: Flags, plain: Flags, lines: Lines, columns: Places) -> tuple[Flags, Places]:
    """Which lines are in a list item, and the line where that item begins.  (L,), (L,)

    Lines that are indented deeper than the item's marker belong to it, and so do those directly below it.
    """
    order = np.arange(len(item))
    owner = np.maximum.accumulate(np.where(item, order, -1))
    column = columns[np.maximum(owner, 0)]
    stays = (owner >= 0) & plain & ((columns > column) | ~lines.blank[:-1])
    leaves = np.maximum.accumulate(np.where(item | stays, -1, order))  # the last line that left the list
    inside = item | (stays & (leaves < owner))
    return inside, owner


def _stretches(blocks: npt.NDArray[np.uint8], groups: Places) -> tuple[Places, Places]:
    """The first and the last line of each span.  (S,), (S,)"""
    if len(blocks) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    changes = np.flatnonzero((np.diff(blocks) != 0) | (np.diff(groups) != 0)) + 1
    first = np.concatenate([[0], changes])
    last = np.concatenate([changes, [len(blocks)]]) - 1
    kept = blocks[first] > 0
    return first[kept], last[kept]
