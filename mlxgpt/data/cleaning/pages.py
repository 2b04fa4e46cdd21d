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
    cut = sum(bool(_CUT.search(line)) and after[0].islower() for line, after in pairs)
    many = len(forced) >= 4 and 4 * len(forced) >= len(pairs) and 3 * lower >= len(forced)
    return width if many or cut >= 2 else 0


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
    if whole == hyphened:  # the text itself does not tell
        hyphened = left in _COMPOUND or _is_clitic(right.partition("-")[0], left)
    return line + after if hyphened else line[:-1] + after


def _is_clitic(word: str, verb: str) -> bool:
    """True for a pronoun that may follow such a verb; "vos" and "nos" end many nouns, but after a, e, o, r, s."""
    return word in _CLITICS and len(verb) > 2 and (word not in ("vos", "nos") or verb[-1] in "aeors")


def _without_page_breaks(lines: list[str]) -> list[str]:
    """`lines` without page numbers that stand alone, the running head after or before one, and the blank lines around."""
    gone: set[int] = set()
    for at, line in enumerate(lines):
        if _PAGE_NUMBER.match(line) and (_blank(lines, at - 1) or _blank(lines, at + 1)):
            after, before = _beside(lines, at, 1), _beside(lines, at, -1)
            if _is_head(lines, after):
                after = _beside(lines, after, 1)
            elif _is_head(lines, before):
                before = _beside(lines, before, -1)
            gone.update(range(before + 1, after))
    return [line for at, line in enumerate(lines) if at not in gone]


def _beside(lines: Sequence[str], at: int, step: int) -> int:
    """The next line in a direction that is not blank."""
    at += step
    while 0 <= at < len(lines) and not lines[at].strip():
        at += step
    return at


def _is_head(lines: Sequence[str], at: int) -> bool:
    """True for a short line in capitals, or one that is there more than once, with nothing beside it."""
    if not 0 <= at < len(lines):
        return False
    line = lines[at].strip()
    capital = any(map(str.isalpha, line)) and line.upper() == line
    alone = _blank(lines, at - 1) and _blank(lines, at + 1)
    return len(line) <= 70 and alone and (capital or lines.count(lines[at]) > 1)


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
_CLITICS = {
    *("me", "te", "se", "o", "a", "os", "as", "lo", "la", "los", "las", "lhe", "lhes", "nos", "vos", "no", "na", "nas"),
    *("lho", "lha", "lhos", "lhas", "mo", "ma"),
}
_COMPOUND = {"ex", "recém", "vice", "além", "bem", "segunda", "terça", "quarta", "quinta", "sexta", "guarda", "porta"}
