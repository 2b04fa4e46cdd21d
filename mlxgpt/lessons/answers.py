"""Is an answer right?  Numbers may be written as people write them: 0,5 or 0.5, 1.234 or 1,234, 50 %, 1/2."""

import re
import unicodedata

from mlxgpt.events import ExerciseAsked

_NUMBER = re.compile(r"[-+−]?(?:\d[\d.,]*|[.,]\d+)(?:e[-+]?\d+)?", re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")


def is_right(exercise: ExerciseAsked, answer: str) -> bool:
    """Whether `answer`, as it was typed, answers the exercise."""
    if exercise.choices:
        return choice(exercise.choices, answer) == int(exercise.answer)
    room = exercise.tolerance + 1e-9 * max(1.0, abs(exercise.answer))
    return any(abs(value - exercise.answer) <= room for value in readings(answer))


def choice(choices: tuple[str, ...], answer: str) -> int | None:
    """The index of the choice that was meant: its letter (a, b, c …), its number from 1, or its own words."""
    word = _folded(answer)
    own = [index for index, text in enumerate(choices) if _folded(text) == word]
    if own:
        return own[0]
    if len(word) == 1 and word.isalpha():
        index = ord(word) - ord("a")
    elif word.isdecimal():
        index = int(word) - 1
    else:
        begun = [index for index, text in enumerate(choices) if len(word) > 2 and _folded(text).startswith(word)]
        return begun[0] if len(begun) == 1 else None
    return index if 0 <= index < len(choices) else None


def readings(answer: str) -> set[float]:
    """Every number that a written one can mean; "1.234" is one and a bit, or more than a thousand.

    >>> sorted(readings("1.234"))
    [1.234, 1234.0]
    >>> readings("37,5 %")
    {37.5, 0.375}
    """
    text = answer.strip().replace(" ", "")
    above, slash, below = text.partition("/")
    if slash:
        return {a / b for a in _readings(above) for b in _readings(below) if b}
    values = _readings(text)
    return values | {value / 100 for value in values} if "%" in text else values


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


def _folded(text: str) -> str:
    """Without case, accents and outer marks: "Não." is "nao"."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).strip(" .)(\t\"'")
