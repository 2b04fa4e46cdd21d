"""The settings of a benchmark of chunking."""

from dataclasses import dataclass

from mlxgpt.chunking.registry import CHUNKERS, create
from mlxgpt.config import setting
from mlxgpt.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkingBenchmarkConfig:
    """What is compared, and for how long each is measured."""

    strategies: tuple[str, ...] = setting(tuple(CHUNKERS), "words of `chunking.registry`")
    tokenizer: str = setting("nano-pt", "folder of a tokenizer, or a model, whose tokens are counted")
    max_size: int = setting(512, "most tokens in a chunk")
    iterations: int = setting(100, "measured runs of each row")
    warmup: int = setting(5, "runs before, which are not measured")
    max_seconds: float = setting(20.0, "when a row ends with fewer iterations than asked for")
    peers: bool = setting(False, "measure the other libraries that are installed, too")
    growth: bool = setting(False, "measure the cost of 1, 4 and 16 MB, too")

    def __post_init__(self) -> None:
        if not self.strategies:
            raise ConfigError("There is no strategy to measure.", hint="Known: " + ", ".join(CHUNKERS) + ".")
        for strategy in self.strategies:
            create(strategy, max_size=self.max_size)
        if len(set(self.strategies)) < len(self.strategies):
            twice = next(name for name in self.strategies if self.strategies.count(name) > 1)
            raise ConfigError(f"The strategy {twice!r} is given twice.", hint="Name each strategy once.")
        if self.iterations < 1:
            raise ConfigError(
                f"iterations must be at least 1, but is {self.iterations}.",
                hint="100 is usual; --max-seconds bounds the time whatever the number.",
            )
        if self.warmup < 0:
            raise ConfigError(f"warmup must not be negative, but is {self.warmup}.", hint="0 measures from the start.")
        if not 0 < self.max_seconds < float("inf"):
            raise ConfigError(
                f"max_seconds must be a number above 0, but is {self.max_seconds}.", hint="20 seconds a row is usual."
            )
