"""The rule for lines that a page was too narrow for: texts taken from PDF files and scans."""

import re
from collections.abc import Sequence
from itertools import pairwise


def wrapped_lines(text: str) -> str:
    """Lines that a page was too narrow for are joined to paragraphs, words cut by a hyphen too; page numbers and heads go.

    A break was forced when the first word of the next line would not have fitted.  A text was wrapped when many of its breaks
    were forced and go on in small letters; verse, lists and headings, whose lines are shorter, keep theirs.
    """
    lines = text.split("\n")
    width = _width(lines)
    if not width:
        return text
    lines = _without_page_breaks(lines)
    words = set(_WORD.findall(text.lower()))
    joined: list[str] = []
    above = ""  # the line before, as it stood on the page
    for line in lines:
        if above and line and _forced(above, line, width):
            joined[-1] = _join(joined[-1], line, words)
        else:
            joined.append(line)
        above = line
    return "\n".join(joined)


def _width(lines: Sequence[str]) -> int:
    """The width that a text was wrapped at; 0 when it was not."""
    pairs = [(line, after) for line, after in pairwise(lines) if line and after]
    if len(pairs) < 4:
        return 0
    width = sorted(len(line) for line, _ in pairs)[len(pairs) * 9 // 10]
    if not 30 <= width <= 130:
        return 0
    forced = [after for line, after in pairs if _forced(line, after, width)]
    lower = sum(after[0].islower() for after in forced)  # verse begins its lines with capitals
    return width if len(forced) >= 4 and 4 * len(forced) >= len(pairs) and 3 * lower >= len(forced) else 0


def _forced(line: str, after: str, width: int) -> bool:
    """True when the line ended because what follows had no place on it; a hyphen may have made it a little shorter."""
    if _CUT.search(line) and after[0].islower():
        return True
    room = 0 if line[-1] in _SENTENCE_ENDS else _SLACK
    return len(line) + 1 + len(after.split(maxsplit=1)[0]) > width - room and not _OPENS.match(after)


def _join(line: str, after: str, words: set[str]) -> str:
    """Two lines as one; a hyphen at the end stays where it belongs to the word (fez-\\nse), and goes where it cut one."""
    cut = _CUT.search(line)
    head = _FIRST_WORD.match(after)
    if not cut or not head or not after[0].islower():
        return f"{line} {after}"
    left, right = cut.group(1).lower(), head.group().lower()
    whole, hyphened = left + right.partition("-")[0] in words, f"{left}-{right}" in words
    keeps = (
        hyphened if whole != hyphened else left in _COMPOUND or (right.partition("-")[0] in _CLITICS and len(left) > 2)
    )
    return line + after if keeps else line[:-1] + after


def _without_page_breaks(lines: list[str]) -> list[str]:
    """`lines` without page numbers that stand alone, the head beside one, and the blank lines around them."""
    gone: set[int] = set()
    for at, line in enumerate(lines):
        if not _PAGE_NUMBER.match(line) or not (_blank(lines, at - 1) or _blank(lines, at + 1)):
            continue
        gone.add(at)
        for step in (1, -1):
            beside = at + step
            while 0 <= beside < len(lines) and not lines[beside].strip():
                gone.add(beside)
                beside += step
            if 0 <= beside < len(lines) and _is_head(lines, beside):
                gone.add(beside)
                beside += step
                while 0 <= beside < len(lines) and not lines[beside].strip():
                    gone.add(beside)
                    beside += step
    return [line for at, line in enumerate(lines) if at not in gone]


def _is_head(lines: Sequence[str], at: int) -> bool:
    """True for a short line in capitals, or one that is there more than once, with nothing beside it."""
    line = lines[at].strip()
    capital = any(map(str.isalpha, line)) and line.upper() == line
    return (
        len(line) <= 70 and (capital or lines.count(lines[at]) > 1) and (_blank(lines, at - 1) or _blank(lines, at + 1))
    )


def _blank(lines: Sequence[str], at: int) -> bool:
    return not 0 <= at < len(lines) or not lines[at].strip()


_SLACK = 8
_SENTENCE_ENDS = '.!?…:;”"»'
_OPENS = re.compile(r"\s*(?:[-*+•>] |\d{1,3}[.)] |[#|])")
_CUT = re.compile(r"([^\W\d_]+)[-‐]$")
_FIRST_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PAGE_NUMBER = re.compile(
    r"\s*(?:[-–—] ?)?(?:(?:p[áa]gina|p[áa]g\.|page) )?\d{1,4}(?: ?[-–—]|(?: de |/)\d{1,4})?\s*$", re.IGNORECASE
)
_CLITICS = frozenset(
    [
        "me",
        "te",
        "se",
        "o",
        "a",
        "os",
        "as",
        "lo",
        "la",
        "los",
        "las",
        "lhe",
        "lhes",
        "nos",
        "vos",
        "no",
        "na",
        "nas",
        "lho",
        "lha",
        "lhos",
        "lhas",
        "mo",
        "ma",
    ]
)
_COMPOUND = frozenset(
    [
        "ex",
        "pré",
        "pós",
        "pró",
        "recém",
        "vice",
        "além",
        "aquém",
        "sem",
        "bem",
        "segunda",
        "terça",
        "quarta",
        "quinta",
        "sexta",
        "guarda",
        "porta",
    ]
)
