"""Rules for lines and paragraphs: frames of electronic books, lines wrapped on a page, navigation, repeated paragraphs."""

import itertools
import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise


# ---- electronic books ------------------------------------------------------------------------------------------------


def book_frame(text: str) -> str:
    """What stands before *** START … *** and after *** END … ***, and the notes of licence and makers beside them, go."""
    begin, end = _START.search(text), None
    for end in _END.finditer(text):
        pass
    if end:
        text = text[: end.start()]
    if begin and begin.end() <= len(text):
        paragraphs = text[begin.end() :].strip("\n").split("\n\n")
        while paragraphs and (not paragraphs[0].strip() or _NOTICE.search(paragraphs[0])):
            paragraphs.pop(0)
        text = "\n\n".join(paragraphs)
    return text


_EBOOK = r"[^\n*]{0,80}(?:E-?BOOK|LIVRO\s+ELETR[ÔO]NICO|LIVRO\s+DIGITAL|PROJECT\s+GUTENBERG)[^\n*]{0,150}\*{3}"
_START = re.compile(rf"^\*{{3}}\s*(?:START|IN[ÍI]CIO|COME[ÇC]O){_EBOOK}", re.MULTILINE | re.IGNORECASE)
_END = re.compile(rf"^\*{{3}}\s*(?:END|FIM|FINAL){_EBOOK}", re.MULTILINE | re.IGNORECASE)
_NOTICE = re.compile(
    r"livro eletrônico|e-?book|gutenberg|^(?:produced|prepared|transcribed) by|^(?:preparado|produzido|digitalizado|transcrito) "
    r"por|imagens digitalizadas|sem restrições|termos da licença|scanned images|distributed proofread",
    re.IGNORECASE,
)


# ---- pages -----------------------------------------------------------------------------------------------------------


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
    keeps = hyphened if whole != hyphened else left in _COMPOUND or (right.partition("-")[0] in _CLITICS and len(left) > 2)
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
    return len(line) <= 70 and (capital or lines.count(lines[at]) > 1) and (_blank(lines, at - 1) or _blank(lines, at + 1))


def _blank(lines: Sequence[str], at: int) -> bool:
    return not 0 <= at < len(lines) or not lines[at].strip()


_SLACK = 8
_SENTENCE_ENDS = ".!?…:;”\"»"
_OPENS = re.compile(r"\s*(?:[-*+•>] |\d{1,3}[.)] |[#|])")
_CUT = re.compile(r"([^\W\d_]+)[-‐]$")
_FIRST_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PAGE_NUMBER = re.compile(r"\s*(?:[-–—] ?)?(?:(?:p[áa]gina|p[áa]g\.|page) )?\d{1,4}(?: ?[-–—]|(?: de |/)\d{1,4})?\s*$", re.IGNORECASE)
_CLITICS = frozenset("me te se o a os as lo la los las lhe lhes nos vos no na nas lho lha lhos lhas mo ma".split())
_COMPOUND = frozenset("ex pré pós pró recém vice além aquém sem bem segunda terça quarta quinta sexta guarda porta".split())


# ---- pages of the web ------------------------------------------------------------------------------------------------


def navigation(text: str) -> str:
    """Lines that belong to a site and not to its text go: menus, cookie notices, rights, calls to share or to read on."""
    low = text.lower()
    if not any(word in low for word in _SITE_WORDS):
        return text
    lines = text.split("\n")
    kept = [line for line in lines if not _is_navigation(line)]
    return text if len(kept) == len(lines) else "\n".join(kept)


def _is_navigation(line: str) -> bool:
    line = line.strip()
    if not line or len(line) > 400 or line.startswith("|"):
        return False
    low = line.lower()
    if not any(word in low for word in _SITE_WORDS):
        return False
    items = _SEPARATOR.split(line)
    menu = len(items) >= 4 and all(len(item.split()) <= 4 for item in items)
    return menu or bool(_SITE_LINE.match(line))


_SITE_WORDS = (
    *("cookie", "direitos reservados", "rights reserved", "compartilh", "share", "leia também", "leia mais", "read more", "veja"),
    *("saiba mais", "confira", "assista", "publicidade", "advertisement", "©", "copyright", " | ", " • ", " · ", " › ", " » "),
    *("newsletter", "siga-nos", "follow us", "javascript", "voltar ao topo", "see also", "related:", "(c) "),
)
_SEPARATOR = re.compile(r"\s+[|•·›»]\s+")
_SITE_LINE = re.compile(
    r"(?:"
    r"(?:©|\(c\)|copyright\b).{0,200}"
    r"|.{0,120}(?:todos os direitos reservados|all rights reserved)\b.{0,200}"
    r"|(?:este|o nosso|nosso|this|our) (?:site|portal|website|web ?site)\b.{0,40}\b(?:usa|utiliza|uses?)\b.{0,30}\bcookies\b.{0,250}"
    r"|.{0,60}\bcookies\b.{0,150}(?:política de privacidade|privacy policy|aceitar|aceito|accept).{0,120}"
    r"|(?:compartilhe|compartilhar|share(?: this)?|siga-nos|follow us)\b.{0,20}(?::|facebook|twitter|whatsapp|no |on ).{0,100}"
    r"|(?:leia|veja|saiba|assista|confira)(?: também| mais)\s*:.{0,150}"
    r"|(?:read more|see also|related)\s*:.{0,150}"
    r"|(?:publicidade|advertisement|continua depois da publicidade|leia mais|leia também|read more|saiba mais|voltar ao topo)\W*"
    r"|(?:assine|receba|cadastre-se).{0,30}\bnewsletter\b.{0,120}"
    r"|.{0,40}(?:habilite|ative|enable) (?:o )?javascript.{0,120}"
    r")$",
    re.IGNORECASE,
)


# ---- repeats ---------------------------------------------------------------------------------------------------------


def repeats(text: str) -> str:
    """A paragraph or a line that follows itself again and again stays once; what an author repeats stays."""
    mended = "\n".join(_once("\n\n".join(_once(text.split("\n\n"))).split("\n")))
    return mended if len(mended.split()) >= _LEAST_LEFT else text


def _once(pieces: Sequence[str]) -> Iterator[str]:
    for piece, run in groupby(pieces):
        times = sum(1 for _ in run)
        most = _MOST_TIMES if len(piece) >= _LONG else _MOST_TIMES_SHORT
        yield from itertools.repeat(piece, 1 if times > most and piece.strip() else times)


_LONG = 40
_MOST_TIMES, _MOST_TIMES_SHORT = 3, 8  # in data/pt a long line follows itself at most 3 times, "Virgílio" 7 times
_LEAST_LEFT = 10  # words: "CLIQUE AQUI!!!" a hundred times stays what it is, for `repetition` to see
