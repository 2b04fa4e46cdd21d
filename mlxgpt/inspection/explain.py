"""Reports in words, for three readers: plain, maths, code; in English and Portuguese.

`facts` decides what is true of a report, and what is not sure enough to be claimed; the catalogue says it.  Templates hold
no digit: every number is a figure with its source.
"""

import math
from collections.abc import Callable

from mlxgpt.errors import ConfigError, nearest
from mlxgpt.inspection.catalogue import ASKED, SENTENCES, WORDS
from mlxgpt.inspection.facts import FACTS
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.sources import Asked, Fact, Figure, Line, Place, Token, Word
from mlxgpt.text import visible

LEVELS = ("plain", "maths", "code")
LANGUAGES = ("en", "pt")


def check(level: str, lang: str) -> None:
    """Raise `ConfigError` for a level (empty is none) or language that there is not."""
    for what, word, known in (("level", level or "plain", LEVELS), ("language", lang, LANGUAGES)):
        if word not in known:
            raise ConfigError(f"There is no {what} {word!r} of explanation.", hint=nearest(word, known))


def explain(report: object, focus: Focus | None = None, level: str = "plain", lang: str = "en") -> list[Line]:
    """What a report says about a place in it, sentence by sentence; each number carries the tensor it came from.

    Where no place is given, the most telling one is taken, and named.
    """
    check(level, lang)
    if type(report) not in FACTS:
        raise ConfigError(
            "This view has no words.", hint="Look at it without --explain, or take its numbers with --json."
        )
    return [_line(fact, level, lang) for fact in FACTS[type(report)](report, focus or Focus())]


def _line(fact: Fact, level: str, lang: str) -> Line:
    key, named = fact
    template = SENTENCES[key][lang][LEVELS.index(level)]
    words = {name: _written(value, level, lang) for name, value in named.items()}
    paths = {f"{name}_path": str(value.source) for name, value in named.items() if isinstance(value, Figure)}
    used = tuple(value for name, value in named.items() if isinstance(value, Figure) and f"{{{name}}}" in template)
    return Line(text=template.format(**words, **paths), figures=used)


def _written(value: Figure | Place | Token | Word | Asked, level: str, lang: str) -> str:
    match value:
        case Figure():
            text = KINDS[value.kind](value.value)
            return text if lang == "en" else text.translate(_COMMAS)
        case Place():
            return str(value.number)
        case Token():
            return f"“{visible(value.text).replace(chr(10), '↵')}”"
        case Word():
            return WORDS[value.key][lang].format(layer=value.layer, head=value.head)
        case Asked():
            tokens = {"token": value.token, "against": value.against or value.token}
            phrase = ASKED["one" if value.against is None else "two"][lang][LEVELS.index(level)]
            return phrase.format(**{name: _written(token, level, lang) for name, token in tokens.items()})


_COMMAS = str.maketrans({".": ",", ",": "."})


def _bytes(value: float) -> str:
    """Bytes with a fitting unit."""
    for unit in ("B", "kB", "MB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def _share(value: float) -> str:
    """A share in percent; with one digit that says something where it is tiny."""
    if 0 < abs(value) < 0.0005:
        return f"{value * 100:.{min(1 - math.floor(math.log10(abs(value * 100))) - 1, 12)}f}%"
    return f"{value:.1%}"


def _tokens(value: float) -> str:
    """A number of tokens, which may be vast."""
    if value >= 1e6:
        return "∞" if math.isinf(value) else f"{value:.1e}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


KINDS: dict[str, Callable[[float], str]] = {
    "number": lambda value: f"{value:,.2f}",
    "signed": lambda value: f"{value:+,.2f}",
    "share": _share,
    "count": lambda value: f"{value:,.0f}",
    "bytes": _bytes,
    "tokens": _tokens,
}
