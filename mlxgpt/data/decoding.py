"""Bytes as lines of text: strictly UTF-8, or in whatever encoding they seem to be in.

`strict` is for training: a byte that is no UTF-8 is an error that says which.  `repair` is for cleaning: it looks at the first
megabyte, and then decodes every line of the file, also lines that are in another encoding than the rest.

How an encoding is recognised: a byte order mark says it; zeros in every second byte say UTF-16; bytes that are valid UTF-8
hardly ever are anything else.  What is left has one byte a character, and several code pages would do.  They differ in what
the bytes from 0x80 up mean, so the one is taken that makes the most of them letters of Portuguese and their like, in places
where such letters stand.  charset-normalizer was measured too: docs/data.md has the figures.
"""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mlxgpt.errors import DataError

SAMPLE_BYTES = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins alike
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def strict(file: IO[bytes], name: str, longest: int = -1) -> Iterator[str]:
    """The lines of a UTF-8 file with their ends (CRLF as a newline); `DataError` names the first byte that is none.

    A line with more than `longest` bytes comes in parts.
    """
    offset = 0
    for line in _lines(file, longest):
        yield _decode(line, name, offset).replace("\r\n", "\n")
        offset += len(line)


def repair(file: IO[bytes], longest: int = -1) -> tuple[str, Iterator[str]]:
    """The encoding of a file, and its lines with their ends (CRLF and CR as newlines)."""
    sample = file.read(SAMPLE_BYTES)
    encoding = detect(sample)
    old_mac = b"\r" in sample and b"\n" not in sample
    return encoding, _repaired(io.BufferedReader(_Again(sample, file, old_mac)), encoding, longest)


def detect(sample: bytes) -> str:
    """The name of the encoding that the beginning of a file is in; "utf-8+cp1252" for lines in one and lines in another."""
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    if wide := _without_mark(sample):
        return wide
    if len(sample) >= SAMPLE_BYTES:
        sample = _LAST_CHARACTER.sub(b"", sample)  # it may be cut in the middle
    lines = [line for line in re.split(rb"[\r\n]+", sample) if not line.isascii()]
    foreign = [line for line in lines if not _is_utf8(line)]
    if not foreign:
        return "utf-8"
    valid = sum(len(_MULTIBYTE.findall(line)) for line in lines)
    broken = sum(len(_HIGH.findall(_MULTIBYTE.sub(b"", line))) for line in lines)
    single = max(CODE_PAGES, key=lambda page: plausibility(b"\n".join(map(_without_utf8, foreign)), page))
    return f"utf-8+{single}" if valid * 20 > broken else single


def plausibility(data: bytes, encoding: str) -> float:
    """How well `data` reads as Portuguese (or its neighbours) in a code page; only comparisons mean something.

    >>> plausibility(b"cora\xe7\xe3o", "cp1252") > plausibility(b"cora\xe7\xe3o", "mac_roman")  # coração, coraÁ„o
    True
    """
    text = data.decode(encoding, "replace")
    places = (found.start() for found in _NOT_ASCII.finditer(text))
    return sum(_weight(text[at - 1 : at], text[at], text[at + 1 : at + 2]) for at in places)


def _weight(before: str, character: str, after: str) -> float:
    """How much speaks for a character between two others (or nothing, at the ends)."""
    alone = not before.isalpha() and not after.isalpha()
    if character in _MARKS_OF_TEXT:
        if character in "—–":
            return 3.0 if before in " \n" and after == " " else 1.0
        return -2.0 if before.isalpha() and after.isalpha() and character != "’" else 1.0
    if not character.isalpha():
        return -3.0
    if character.isupper() and before.islower():
        return -3.0
    if character.islower() and before.isupper() and after.isupper():
        return -3.0
    weight = _LETTERS.get(character.lower(), -0.5)
    if alone:
        return _WORDS.get(character, -2.0)
    if (character.lower() in "áàâ" and after in "ao" and after) or (character == "ç" and after not in "aouãáõóúâ"):
        return -1.0
    if character in "àÀ" and before.isalpha():
        return 0.0  # the grave accent begins words: às, àquele
    return weight


CODE_PAGES = ("cp1252", "mac_roman", "cp850", "cp437")  # latin-1 is the part of cp1252 that has no C1 controls
# Their ranks in data/pt: ã is the most frequent, ü the rarest of Portuguese; then what names and neighbours have.
_LETTERS = {
    **dict.fromkeys("ãçéá", 3.0), **dict.fromkeys("íóê", 2.5), **dict.fromkeys("úõàâ", 2.0), **dict.fromkeys("ôü", 1.0),
    **dict.fromkeys("ñèöäëïûî", 0.3),
}  # fmt: skip
_WORDS = {"é": 3.0, "à": 3.0, "É": 3.0, "À": 2.0, "ó": 0.5, "Ó": 0.5}  # letters with an accent that are words
_MARKS_OF_TEXT = frozenset("“”‘’—–…«»ºª§°•·´¿¡€£½¼¾²³×™®©\u00a0")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_HIGH = re.compile(rb"[\x80-\xff]")
_LAST_CHARACTER = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{0,3}\Z")
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}"
    rb"|[\xf1-\xf4][\x80-\xbf]{3}"
)


def _without_mark(sample: bytes) -> str:
    """UTF-16 without a byte order mark: its text has zeros in one of every two bytes; "" when this has not."""
    even, odd = sample[0::2], sample[1::2]
    pairs = max(1, len(odd))
    zeros_even, zeros_odd = even.count(0) / pairs, odd.count(0) / pairs
    if zeros_odd > 0.4 and zeros_even < 0.05:
        return "utf-16-le"
    if zeros_even > 0.4 and zeros_odd < 0.05:
        return "utf-16-be"
    return ""


def _repaired(file: io.BufferedReader, encoding: str, longest: int) -> Iterator[str]:
    utf8, _, single = encoding.partition("+")
    if utf8 in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield from io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=None)
        return
    if utf8 != "utf-8":
        single = utf8
    if file.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
        file.read(len(codecs.BOM_UTF8))
    for line in _lines(file, longest):
        text = _decode_line(line, utf8 == "utf-8", single)
        if "\r" in text:
            yield from _LINE.findall(text.replace("\r\n", "\n").replace("\r", "\n"))
        else:
            yield text


_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def _decode_line(line: bytes, utf8: bool, single: str) -> str:
    """A line in UTF-8 where that is allowed and possible; else in a code page, or in both."""
    if line.isascii() or (utf8 and _is_utf8(line)):
        return line.decode("utf-8")
    if not single:
        return line.decode("utf-8", "replace")
    if not utf8 or 2 * len(_MULTIBYTE.findall(line)) <= len(_HIGH.findall(_MULTIBYTE.sub(b"", line))):
        return _single_byte(line, single)
    return "".join(
        part.decode("utf-8") if at % 2 else _single_byte(part, single) for at, part in enumerate(_parts(line))
    )


def _parts(line: bytes) -> Iterator[bytes]:
    """What stands between the characters of UTF-8, and those, in turn."""
    at = 0
    for found in _MULTIBYTE.finditer(line):
        yield line[at : found.start()]
        yield found.group()
        at = found.end()
    yield line[at:]


def _single_byte(data: bytes, encoding: str) -> str:
    """`data` in a code page; the five bytes that cp1252 leaves open are the controls of latin-1, as in browsers."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return "".join(chr(b) if 0x80 <= b < 0xA0 and b in _OPEN else bytes([b]).decode(encoding) for b in data)


_OPEN = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _without_utf8(line: bytes) -> bytes:
    """A line without the characters that are valid UTF-8, when those are most of it."""
    rest = _MULTIBYTE.sub(b"", line)
    return rest if 2 * len(_MULTIBYTE.findall(line)) > len(_HIGH.findall(rest)) else line


def _lines(file: IO[bytes], longest: int) -> Iterator[bytes]:
    """Lines with their ends; one with more than `longest` bytes in parts, cut between two words, or two characters."""
    while line := file.readline(longest):
        if len(line) == longest and not line.endswith(b"\n"):
            while byte := file.read(1):
                line += byte
                if byte in b" \n" or (byte < b"\x80" and len(line) > longest + _REACH):
                    break
        yield line


_REACH = 1000  # bytes in which a space is sought


class _Again(io.RawIOBase):
    """A file whose beginning was read already, from its beginning; with `old_mac`, CR is made a newline."""

    def __init__(self, beginning: bytes, file: IO[bytes], old_mac: bool) -> None:
        self._beginning, self._file, self._old_mac = io.BytesIO(beginning), file, old_mac

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # what io passes is a buffer
        data = self._beginning.read(len(view)) or self._file.read(len(view))
        view[: len(data)] = data.replace(b"\r", b"\n") if self._old_mac else data
        return len(data)


def _decode(data: bytes, name: str, offset: int) -> str:
    """`data` as text; `offset` is where it stands in the file."""
    if not offset and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{name} is UTF-16, not UTF-8.", hint=_convert("UTF-16", name))
    zero = data.find(b"\0")
    if zero >= 0:
        raise DataError(
            f"{name} is not text: it has a NUL byte at byte {offset + zero}.",
            hint="Remove it if it is a binary file. " + _convert("UTF-16LE", name),
        )
    mark = len(codecs.BOM_UTF8) if not offset and data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[mark:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not UTF-8: byte {offset + mark + error.start} is 0x{error.object[error.start]:02x}.",
            hint=_convert("WINDOWS-1252", name),
        ) from None


def _convert(encoding: str, name: str) -> str:
    path = Path(name)
    return f"If it is {encoding}, convert it: iconv -f {encoding} -t UTF-8 '{name}' > '{path.stem}-utf8{path.suffix}'"
