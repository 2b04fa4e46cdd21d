"""The settings of a chunking strategy as the chunks page takes and shows them, and what a search for better ones found."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from mlxgpt.chunking.optimize import GOALS, Search, Tried, gains
from mlxgpt.chunking.registry import CHUNKERS

Options = dict[str, Any]  # Any: the values of a strategy's fields
LADDER = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)  # sizes of + and -


def defaults(strategy: str) -> Options:
    """The options of a strategy as they are at first."""
    fields = dataclasses.fields(CHUNKERS[strategy])  # type: ignore[arg-type]  # every strategy is a dataclass
    return {option.name: option.default for option in fields}


def documentation(strategy: str) -> dict[str, str]:
    """What each option of a strategy is."""
    fields = dataclasses.fields(CHUNKERS[strategy])  # type: ignore[arg-type]  # every strategy is a dataclass
    return {option.name: option.metadata["doc"] for option in fields}


def carried(strategy: str, options: Mapping[str, Any]) -> Options:
    """The options of another strategy, with the values of those it has in common with the last."""
    return {name: options.get(name, default) for name, default in defaults(strategy).items()}


def next_size(size: int, by: int) -> int:
    """The next step of the ladder, up or down.

    >>> next_size(512, 1), next_size(100, -1), next_size(8, -1)
    (768, 96, 7)
    """
    if by > 0:
        return next((step for step in LADDER if step > size), size + 512)
    return next((step for step in reversed(LADDER) if step < size), max(1, size - 1))


def parsed(value: str, like: Any) -> Any:
    """What was typed, as a value of the kind of `like`; as it is when it is none, for the strategy to refuse."""
    kinds: tuple[type, ...] = (int,) if isinstance(like, int) else (float,)
    for kind in kinds:
        try:
            return kind(value.replace(",", "."))
        except ValueError:
            continue
    return value


def shown(value: Any) -> str:
    """A value as it is written in the form."""
    return f"{value:g}" if isinstance(value, float) else str(value)


# ---- the optimiser ----


def offers(search: Search) -> Sequence[Tried]:
    """What a search has to offer: what is better, else trades."""
    return search.better or search.trades


def search_table(search: Search, chosen: int) -> Table:
    """The figures now, and with each offer; the chosen one stands out."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    found = offers(search)
    for _ in found:
        table.add_column(justify="right", no_wrap=True)
    styles = ["bold reverse" if number == chosen else "" for number in range(len(found))]
    table.add_row(
        "", Text("now", "bold"), *(Text(entry.strategy, style) for entry, style in zip(found, styles, strict=True))
    )
    for name, goal in GOALS.items():
        changes = [gains(entry.figures, search.current.figures)[name] for entry in found]
        cells = [
            f"{_figure(name, getattr(entry.figures, name))} {'+' if change > 0 else '-' if change < 0 else ' '}"
            for entry, change in zip(found, changes, strict=True)
        ]
        table.add_row(Text(goal.label, "dim"), _figure(name, getattr(search.current.figures, name)), *cells)
    table.add_row(
        Text("chunks", "dim"), f"{search.current.figures.chunks:,}", *(f"{e.figures.chunks:,}  " for e in found)
    )
    table.add_row(
        Text("mean tokens", "dim"), f"{search.current.figures.mean:.0f}", *(f"{e.figures.mean:.0f}  " for e in found)
    )
    return table


def search_line(search: Search) -> str:
    """What was tried, and what it came to."""
    tried = f"{search.tried} of {search.candidates} other settings measured in {search.seconds:.1f} s."
    if search.characters < search.all_characters:
        tried += f" On the first {search.characters:,} characters."
    if search.better:
        return f"{tried} Better in what is marked + and worse in nothing:"
    if search.trades:
        return f"{tried} None is better without being worse elsewhere; these are trades, better in +, worse in -:"
    return f"{tried} None is better in anything: these settings are on the front."


def settings_line(strategy: str, options: Mapping[str, Any]) -> str:
    """A strategy and its options in one line."""
    return f"{strategy}: " + ", ".join(f"{name} {shown(value)}" for name, value in options.items())


def _figure(name: str, value: float) -> str:
    if name == "duplication":
        return f"{value:.3f}"
    return f"{value:+.1f}" if name == "drop_z" else f"{value:.1%}"
