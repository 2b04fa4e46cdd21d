"""The chunking strategies by name."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mlxgpt.chunking.base import Chunker
from mlxgpt.chunking.strategies.adaptive import Adaptive
from mlxgpt.chunking.strategies.fixed import Fixed
from mlxgpt.chunking.strategies.hierarchical import Hierarchical
from mlxgpt.chunking.strategies.markdown import Markdown
from mlxgpt.chunking.strategies.overlapping import Overlapping
from mlxgpt.chunking.strategies.semantic import Semantic
from mlxgpt.chunking.strategies.sliding import Sliding
from mlxgpt.chunking.strategies.structured import Paragraph, Recursive, Sentence
from mlxgpt.config import build
from mlxgpt.errors import ConfigError, nearest

CHUNKERS: Mapping[str, type[Chunker]] = {
    "fixed": Fixed,
    "sliding": Sliding,
    "overlapping": Overlapping,
    "sentence": Sentence,
    "paragraph": Paragraph,
    "recursive": Recursive,
    "markdown": Markdown,
    "semantic": Semantic,
    "adaptive": Adaptive,
    "hierarchical": Hierarchical,
}


def create(strategy: str, **options: Any) -> Chunker:  # Any: build checks the options
    """The strategy called `strategy` with its options; `ConfigError` names the nearest of what is not known.

    >>> create("fixed", max_size=256)
    Fixed(max_size=256)
    """
    if strategy not in CHUNKERS:
        raise ConfigError(f"There is no chunk strategy named {strategy!r}.", hint=nearest(strategy, CHUNKERS))
    known = _options(strategy)
    for name in options:
        if name not in known:
            others = [other for other in CHUNKERS if name in _options(other)]
            raise ConfigError(
                f"The chunk strategy {strategy} has no {flag_of(name)}.",
                hint=f"Strategies that have it: {', '.join(others)}." if others else nearest(name, known),
            )
    return build(CHUNKERS[strategy], options, where=f"chunking {strategy}")


def flag_of(name: str) -> str:
    """What an option is called on the command line."""
    return "--overlap" if name == "overlap_ratio" else "--" + name.replace("_", "-")


def _options(strategy: str) -> list[str]:
    return [field.name for field in dataclasses.fields(CHUNKERS[strategy])]  # type: ignore[arg-type]  # a dataclass
