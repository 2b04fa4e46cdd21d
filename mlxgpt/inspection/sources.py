"""Numbers that say where they come from: a figure is a value, the tensor it was read from, and what was done to it.

`recompute` runs the model again and finds the same value; a test does it for every figure of every explanation.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`measure(path[index], arguments)`: "entropy(blocks.2.attn.pattern[0, 3, 7])".

    `path` names a point of the trace, a parameter, or a part; the measures are in `recompute.MEASURES`.
    """

    measure: str
    path: str
    index: tuple[int, ...] = ()
    arguments: tuple[int | str | None, ...] = ()

    def __str__(self) -> str:
        place = f"{self.path}[{', '.join(map(str, self.index))}]" if self.index else self.path
        if self.measure == "value":
            return place
        return f"{self.measure}({', '.join([place, *(repr(argument) for argument in self.arguments)])})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number of an explanation.  `kind` says how it is written, see `explain.KINDS`."""

    value: float
    source: Source
    kind: str = "number"


def figure(
    value: Any, measure: str, path: str, index: tuple[int, ...] = (), *arguments: Any, kind: str = "number"
) -> Figure:  # Any: a number of Python or numpy; what the measure needs
    """A figure, in one line."""
    return Figure(
        value=float(value), source=Source(measure=measure, path=path, index=index, arguments=arguments), kind=kind
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The number of a layer, head or position: an address, not a measurement."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of text, quoted as it is."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A key of the catalogue's words, such as the name of a role; its layer and head where the word has them."""

    key: str
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What attribution and patching measure: the logit of a token, or the difference to that of another."""

    token: Token
    against: Token | None


Named = dict[str, Figure | Place | Token | Word | Asked]
Fact = tuple[str, Named]  # a key of the catalogue, and what its sentences name


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sentence and the figures in it."""

    text: str
    figures: tuple[Figure, ...]
