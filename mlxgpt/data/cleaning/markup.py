"""The rule for HTML: a page becomes the text that a reader came for; in other texts, only tags of letters and lines go.

A text is a page when it begins like one, or when its blocks are in tags: three closing ones or more, every 500 characters at
least.  So a text about HTML or a language with <T> keeps what it says.  Of a page, what is in <article> or <main> is read
where that is a third of it at least, and nothing of scripts, menus, footers and of what is named after cookies or the like.
"""

import re
from html.parser import HTMLParser

_SILENT = {
    *("script", "style", "noscript", "template", "head", "nav", "footer", "aside", "button", "select", "textarea"),
    *("svg", "math", "canvas", "iframe", "object", "dialog", "menu"),
}
_BLOCKS = {
    *("p", "div", "article", "main", "section", "header", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl"),
    *("dt", "dd", "table", "tr", "blockquote", "pre", "figure", "figcaption", "address", "details", "summary", "hr"),
    *("body", "html", "caption", "tbody", "thead", "tfoot", "nav", "footer", "aside", "form"),
}
_EMPTY = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"),
}
_WIDGET = re.compile(  # a class or an id
    r"(?!has-|with-|no-)(?:[\w-]+[-_])?(?:cookies?|consent|lgpd|gdpr|ads?|advert\w*|publicidade|anuncios?|propaganda|banner|"
    r"popup|modal|menu|nav|navbar|navigation|breadcrumbs?|sidebar|share|sharing|compartilhar?|compartilhe|social|newsletter|"
    r"related|relacionad[oa]s|leia-?mais|rodape|footer|skip-link|toolbar|pagination|paginacao|comments|comentarios)(?:[-_][\w-]*)?",
    re.IGNORECASE,
)
_PAGE = re.compile(r"[\s\ufeff]*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_CLOSING = re.compile(r"</(?:p|div|li|td|h[1-6]|span|a|article|section|ul|table)\s*>|<(?:br|p)\s*/?>", re.IGNORECASE)
_INLINE = re.compile(
    r"<br\s*/?>|</?(?:b|i|em|strong|u|font|span|sup|sub|small|big|center|p)(?:\s[^<>\n]{0,300})?\s*/?>", re.IGNORECASE
)
_PAIRED = re.compile(r"</(?:b|i|em|strong|u|font|span|sup|sub|small|big|center|p)\s*>", re.IGNORECASE)


def markup(text: str) -> str:
    """HTML as text; see above."""
    if "<" not in text:
        return text
    if is_page(text):
        return page_text(text)
    if "`" in text or len(_PAIRED.findall(text)) * 2000 < len(text) or not _PAIRED.search(text):
        return text
    return _INLINE.sub(lambda found: "\n" if found.group()[1:3].lower() == "br" else "", text)


def is_page(text: str) -> bool:
    """True when the text is HTML, and not only about it."""
    if _PAGE.match(text):
        return True
    closing = len(_CLOSING.findall(text))
    return "`" not in text and closing >= 3 and closing * 500 >= len(text)


def page_text(text: str) -> str:
    """What is to be read on a page: blocks with a blank line between them; line ends within a block stay."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    for wanted in (_MAIN, _TEXT):
        blocks = [block for block, kind in reader.blocks if kind <= wanted]
        if 3 * sum(map(len, blocks)) >= sum(len(block) for block, _ in reader.blocks):
            return "\n\n".join(blocks)
    return "\n\n".join(block for block, _ in reader.blocks)  # a name said "menu" of what is most of the page


_MAIN, _TEXT, _BESIDE, _NOTHING = range(4)  # in <article> or <main>; elsewhere; in a widget; in a script or a menu


class _Reader(HTMLParser):
    """Blocks of text, each with what it is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[str, int]] = []
        self._open: list[tuple[str, int]] = []  # the elements around, and what is in them
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._end_block()
        if tag == "br":
            self._words.append("\n")
        if tag in ("td", "th"):
            self._words.append(" ")
        if tag in _EMPTY:
            return
        if tag in ("p", "li") and self._open and self._open[-1][0] == tag:  # their end tags may be left out
            self._open.pop()
        self._open.append((tag, self._kind(tag, attrs)))

    def _kind(self, tag: str, attrs: list[tuple[str, str | None]]) -> int:
        around = self._open[-1][1] if self._open else _TEXT
        if tag in _SILENT or (tag == "header" and around != _MAIN):
            return _NOTHING
        if tag in ("article", "main"):
            return min(around, _MAIN) if around <= _TEXT else around
        names = " ".join(value or "" for key, value in attrs if key in ("class", "id")).split()
        widget = tag not in ("html", "body") and any(map(_WIDGET.fullmatch, names))
        return max(around, _BESIDE) if widget else around

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._end_block()
        names = [name for name, _ in self._open]
        if tag in names:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if self._here != _NOTHING:
            self._words.append(data)

    def close(self) -> None:
        super().close()
        self._end_block()

    @property
    def _here(self) -> int:
        return self._open[-1][1] if self._open else _TEXT

    def _end_block(self) -> None:
        lines = (" ".join(line.split()) for line in "".join(self._words).strip().split("\n"))
        block = "\n".join(line for line in lines if line)
        self._words.clear()
        if block:
            self.blocks.append((block, self._here))
