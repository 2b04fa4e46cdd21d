"""Rules for what stands around a text and is none of it: frames of electronic books, lines of a site, repeated paragraphs."""

import itertools
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

# ---- electronic books ------------------------------------------------------------------------------------------------


def book_frame(text: str) -> str:
    """What stands before *** START … *** and after *** END … ***, and the notes of licence and makers beside them, go."""
    begin, ends = _START.search(text), list(_END.finditer(text))
    if ends:
        text = text[: ends[-1].start()]
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
    r"livro eletrônico|e-?book|gutenberg|^(?:produced|prepared|transcribed) by"
    r"|^(?:preparado|produzido|digitalizado|transcrito) por|imagens digitalizadas|sem restrições|termos da licença"
    r"|scanned images|distributed proofread",
    re.IGNORECASE,
)


# ---- pages of the web ------------------------------------------------------------------------------------------------


def navigation(text: str) -> str:
    """Lines that belong to a site and not to its text go: menus, cookie notices, rights, calls to share or to read on."""
    low = text.lower()
    if not any(word in low for word in _SITE_WORDS):
        return text
    lines = text.split("\n")
    kept: list[str] = []
    gone = False  # the line before
    for at, line in enumerate(lines):
        if _is_site_line(line) or _is_menu(lines, at):
            gone = True
        elif line or not gone or (kept and kept[-1]):  # the blank lines around it were one gap
            kept.append(line)
            gone = gone and not line
    return "\n".join(kept).rstrip("\n") if gone else "\n".join(kept)


def _is_site_line(line: str) -> bool:
    """True for a line that says what only sites say."""
    low = line.lower()
    return len(line) <= 400 and any(word in low for word in _SITE_WORDS) and bool(_SITE_LINE.match(line.strip()))


def _is_menu(lines: Sequence[str], at: int) -> bool:
    """True for four or more short names with bars between, and no other such line beside it, as a table has."""
    items = _SEPARATOR.split(lines[at].strip())
    return (
        len(items) >= 4
        and all(item[:1].isupper() and item.count(" ") < 4 and not any(map(str.isdigit, item)) for item in items)
        and not any(_SEPARATOR.search(line) for line in (*lines[max(0, at - 1) : at], *lines[at + 1 : at + 2]))
    )


_SITE_WORDS = (
    *(
        "cookie",
        "direitos reservados",
        "rights reserved",
        "compartilh",
        "share",
        "leia também",
        "leia mais",
        "read more",
        "veja",
    ),
    *(
        "saiba mais",
        "confira",
        "assista",
        "publicidade",
        "advertisement",
        "©",
        "copyright",
        " | ",
        " • ",
        " · ",
        " › ",
        " » ",
    ),
    *("newsletter", "siga-nos", "follow us", "javascript", "voltar ao topo", "see also", "related:", "(c) "),
)
_SEPARATOR = re.compile(r"\s+[|•·›»]\s+")
_SITE_LINE = re.compile(
    r"(?:"
    r"(?:(?:©|\(c\)|copyright\b)\W*)+(?:19|20)\d\d\b.{0,200}"
    r"|.{0,120}(?:todos os direitos reservados|all rights reserved)\b.{0,200}"
    r"|(?:este|o nosso|nosso|this|our) (?:site|portal|web ?site)\b.{0,40}\b(?:usa|utiliza|uses?)\b.{0,30}\bcookies\b.{0,250}"
    r"|.{0,60}\bcookies\b.{0,150}(?:política de privacidade|privacy policy|aceitar|aceito|accept).{0,120}"
    r"|(?:compartilhe|compartilhar|share(?: this)?|siga-nos|follow us)\b.{0,20}(?::|facebook|twitter|whatsapp|no |on ).{0,100}"
    r"|(?:leia|veja|saiba|assista|confira)(?: também| mais)\s*:.{0,150}"
    r"|(?:read more|see also|related)\s*:.{0,150}"
    r"|(?:publicidade|advertisement|continua depois da publicidade|voltar ao topo)\W*"
    r"|(?:leia mais|leia também|read more|saiba mais)\W*"
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
