"""Rules for characters: wrong decoding, HTML entities, controls, invisible characters, composed forms, spaces."""

import html
import re
import unicodedata

import ftfy
from ftfy import fixes


def mojibake(text: str) -> str:
    """Letters that were decoded in the wrong code page, once or several times, are decoded again: "Ã§" is ç.

    ftfy does it, line by line, so that damage in one paragraph does not depend on the next; only lines that have a pair
    of characters as such damage leaves are given to it, for it reads 1.3 MB a second.
    """
    if not _SUSPECT.search(text):
        return text
    return "".join(_decoded_again(line) if _SUSPECT.search(line) else line for line in text.splitlines(keepends=True))


def _decoded_again(line: str) -> str:
    body = line.rstrip("\r\n")
    return _MAC_ROMAN.sub(_from_mac_roman, ftfy.fix_encoding(body)) + line[len(body) :]


def _from_mac_roman(found: re.Match[str]) -> str:
    """UTF-8 that was read as Mac Roman, of which ftfy wants to see more than one to believe it; √π stays what it is."""
    try:
        meant = found.group().encode("mac_roman").decode("utf-8")
    except UnicodeError:
        return found.group()
    return meant if meant in _MEANT else found.group()


_MAC_ROMAN = re.compile("[√¬][^\x00-\x7f]|‚[^\x00-\x7f]{2}")
_MEANT = frozenset("ãçáéíóúâêôõàüÃÇÁÉÍÓÚÂÊÔÕÀÜñÑ“”‘’–—…«»ºª°§•")


# What the bytes 80 … BF look like in latin-1 and cp1252.  Before one or two of them stands what a leading byte looks like.
_REST = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_SUSPECT = re.compile(f"[ÂÃ][{_REST} ]|[Ä-ßð-ô][{_REST}]|[à-ï][{_REST}]{{2}}|[\x80-\x9f]|[√‚¬Γ├┬][^\x00-\x7f]")


def entities(text: str) -> str:
    """&atilde;, &#227; and &amp;atilde; become ã; a text that speaks of them (now and then, or as code in ``) keeps them.

    They are taken for damage when there is one for every 2,000 characters, or one that stands for a letter with an accent.
    """
    for _ in range(3):  # they may have been escaped again, and once more
        found = _ENTITY_IN_TEXT.findall(text)
        if not found or not (len(found) * 2000 >= len(text) or any(map(_is_letter, found))):
            break
        text = mojibake(_ENTITY.sub(_unescape, text))  # which may have been escaped too
    return text


def _unescape(found: re.Match[str]) -> str:
    return html.unescape(found.group())


def _is_letter(entity: str) -> bool:
    character = html.unescape(entity)
    return len(character) == 1 and character.isalpha() and not character.isascii()


_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_ENTITY_IN_TEXT = re.compile(f"(?<!`){_ENTITY.pattern}")


def controls(text: str) -> str:
    """Control characters and terminal escapes go; newline and tab stay, and CRLF, CR and other line ends become newlines.

    Those from 0x80 to 0x9F are what cp1252 means by these bytes, as browsers take them: 0x97 is a dash.
    """
    if _CONTROL.search(text) is None:
        return text
    text = fixes.fix_c1_controls(_ESCAPE.sub("", text))
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    return _NOT_TEXT.sub("", text.replace("\u2029", "\n\n"))


_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ufff9-\ufffb]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufdd0-\ufdef\ufffe\uffff\ufff9-\ufffb]")


def invisible(text: str) -> str:
    """Zero-width characters, soft hyphens and marks of direction go; joiners stay where emoji and other scripts need them."""
    if _INVISIBLE.search(text) is None:
        return text
    text = _HYPHENATED.sub("-\n", text)  # here the hyphen was seen: `wrapped_lines` decides about it
    return _JOINER.sub(_kept_joiner, _INVISIBLE_ALWAYS.sub("", text))


def _kept_joiner(found: re.Match[str]) -> str:
    """The joiner, when what stands before it is no Latin letter, digit or ASCII."""
    before = found.string[found.start() - 1 : found.start()]
    return found.group() if before > "\u024f" and not before.isspace() else ""


_HYPHENATED = re.compile("(?<=[a-zà-ÿ])\u00ad\n(?=[a-zà-ÿ])")
_INVISIBLE_ALWAYS = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u180e\u034f]")
_JOINER = re.compile("[\u200c\u200d]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u180e\u034f]")


def composed(text: str) -> str:
    """Unicode NFC: a letter and its accent as one character; ligatures of print (ﬁ) as letters."""
    if not text.isascii():
        text = _LIGATURE.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
        text = unicodedata.normalize("NFC", text)
    return text


_LIGATURE = re.compile("[\ufb00-\ufb06]")


def spaces(text: str) -> str:
    """One space (of any width, or a tab) between words, none at the ends of lines, at most one blank line.

    Code in a fence and tables keep their spaces, and a nested list its indent.
    """
    if not _UNTIDY.search(text):
        return text
    lines: list[str] = []
    fenced = False
    for line in _OTHER_SPACE.sub(" ", text).split("\n"):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if fenced or line.startswith("|"):  # a table's columns stay one below the other
            lines.append(line.rstrip())
        else:
            indent = _NESTED.match(line)
            lines.append((indent.group(1) if indent else "") + _SPACES.sub(" ", line).strip())
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


_OTHER_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_UNTIDY = re.compile(f"{_OTHER_SPACE.pattern}|\t|  | \n|\n |\n\n\n|\\A\\s|\\s\\Z")
_SPACES = re.compile(r"[\t ]+")
_NESTED = re.compile(r"( {1,12})(?:[-*+•]|\d{1,2}[.)]) ")
_BLANK_LINES = re.compile(r"\n{3,}")
