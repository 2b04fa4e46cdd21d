"""Is an answer right?  Numbers may be written as people write them: 0,5 or 0.5, 1.234 or 1,234, 50 %, 1/2, 1,5 mil, dez."""

import re
import unicodedata
from collections.abc import Iterable

from mlxgpt.events import ExerciseAsked

_NUMBER = re.compile(r"[-+−]?(?:\d[\d.,]*|[.,]\d+)(?:e[-+]?\d+)?", re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_LETTERED = re.compile(r"([a-z])(?:[ ):.\-]+(.+))?")
_NAMED = re.compile(r"(?:(?:a|e|the) )?(?:letra|opcao|alternativa|resposta|letter|option|choice|answer) +")

# Words as they are when folded: Portuguese and English, whose numbers do not clash.
_UNITS = (
    "zero", "um uma one", "dois duas two", "tres three", "quatro four", "cinco five", "seis six", "sete seven",
    "oito eight", "nove nine", "dez ten", "onze eleven", "doze twelve", "treze thirteen",
    "quatorze catorze fourteen", "quinze fifteen", "dezesseis sixteen", "dezessete seventeen",
    "dezoito eighteen", "dezenove nineteen", "vinte twenty",
)  # fmt: skip
_WORDS = {word: value for value, words in enumerate(_UNITS) for word in words.split()}
_SCALES = {
    "mil": 1e3, "thousand": 1e3, "milhao": 1e6, "milhoes": 1e6, "million": 1e6, "bilhao": 1e9, "bilhoes": 1e9, "billion": 1e9,
}  # fmt: skip
_SCALED = re.compile(rf"(?<=\d) *({'|'.join(_SCALES)})\b")
_BEFORE = re.compile(r"(?:(?:e|sao|is|are|it|they|uns|umas|about|cerca|de) +)*")  # "são dez", "é dez"


def is_right(exercise: ExerciseAsked, answer: str) -> bool:
    """Whether `answer`, as it was typed, answers the exercise; one that asks for a percentage may leave the sign out."""
    if exercise.choices:
        return choice(exercise.choices, answer) == int(exercise.answer)
    room = exercise.tolerance + 1e-9 * max(1.0, abs(exercise.answer))
    values = readings(answer)
    if exercise.percent:
        values |= {value / 100 for value in values}
    return any(abs(value - exercise.answer) <= room for value in values)


def is_understood(exercise: ExerciseAsked, answer: str) -> bool:
    """Whether `answer` means anything: one of the choices, or a number."""
    return choice(exercise.choices, answer) is not None if exercise.choices else bool(readings(answer))


def choice(choices: tuple[str, ...], answer: str) -> int | None:
    """The index of the choice that was meant: its own words, its letter (a, "b) menino", "letra c"), or its number from 1.

    Where the choices hold numbers ("camada 0"), a number means the one inside.
    """
    word = _folded(answer)
    if (own := _only(_folded(text) == word for text in choices)) is not None:
        return own
    word = _NAMED.sub("", word, count=1) if _NAMED.match(word) else word
    bare = [_folded(text.replace("·", " ")) for text in choices]  # the dot stands for a space that few can type
    if word.isdecimal():
        inside = [[int(digits) for digits in re.findall(r"\d+", text)] for text in bare]
        if any(inside):
            return _only(int(word) in numbers for numbers in inside)
        return int(word) - 1 if 0 < int(word) <= len(choices) else None
    word = _folded(word.replace("·", " "))
    lettered = _LETTERED.fullmatch(word)
    if lettered and (index := ord(lettered[1]) - ord("a")) < len(choices) and bare[index].startswith(lettered[2] or ""):
        return index
    if (own := _only(text == word for text in bare)) is not None:
        return own
    return _only(len(word) > 2 and text.startswith(word) for text in bare)


def readings(answer: str) -> set[float]:
    """Every number that a written one can mean; "1.234" is one and a bit, or more than a thousand.

    >>> sorted(readings("1.234"))
    [1.234, 1234.0]
    >>> sorted(readings("37,5 %"))
    [0.375, 37.5]
    >>> readings("menos dois mil")
    {-2000.0}
    """
    text = re.sub(r"\b(?:por cento|per ?cent)\b", "%", _folded(answer, marks=" \t\"'"))
    text = _in_digits(re.sub(r"\b(?:menos|minus) +", "-", text))
    scale = _SCALED.search(text)
    text = text.replace(" ", "")
    above, slash, below = text.partition("/")
    if slash:
        return {a / b for a in _readings(above) for b in _readings(below) if b}
    values = {value * (_SCALES[scale[1]] if scale else 1) for value in _readings(text)}
    return values | {value / 100 for value in values} if "%" in text else values


def _in_digits(text: str) -> str:
    """A number word up to twenty as digits, where it leads the answer and is the whole number: not in "vinte e um"."""
    words = text[_BEFORE.match(text).end() :].split()  # type: ignore[union-attr]  # it matches the empty text too
    sign = "-" if words and words[0].startswith("-") else ""
    if not words or any(word in _WORDS for word in words[1:]) or "-" in words[0].lstrip("-"):
        return text
    first = words[0].removeprefix("-").rstrip(".,!")
    if first in _WORDS:
        return " ".join((f"{sign}{_WORDS[first]}", *words[1:]))
    return f"{sign}{_SCALES['mil']:.0f}" if first == "mil" and len(words) == 1 else text


def _readings(text: str) -> set[float]:
    match = _NUMBER.search(text)
    if match is None:
        return set()
    digits = match[0].replace("−", "-").rstrip(".,")
    decimal = max(digits.rfind(","), digits.rfind("."))
    if "," in digits and "." in digits:  # the later one is the decimal sign
        written = digits[:decimal].replace(",", "").replace(".", "") + "." + digits[decimal + 1 :]
        return {float(written)}
    values = set()
    if _GROUPED.fullmatch(digits.lstrip("+-")):
        values.add(float(digits.replace(",", "").replace(".", "")))
    if digits.count(",") + digits.count(".") <= 1:
        values.add(float(digits.replace(",", ".")))
    return values


def _only(fits: Iterable[bool]) -> int | None:
    """The place of the one that fits; None when none does, or several."""
    found = [index for index, fit in enumerate(fits) if fit]
    return found[0] if len(found) == 1 else None


def _folded(text: str, marks: str = " .)(\t\"'") -> str:
    """Without case, accents and outer marks: "Não." is "nao"."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).strip(marks).split())
