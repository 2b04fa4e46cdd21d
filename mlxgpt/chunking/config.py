"""The settings of a chunking job."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlxgpt.chunking.base import Chunker
from mlxgpt.chunking.registry import create
from mlxgpt.chunking.sources import Decoding
from mlxgpt.config import Settings, setting
from mlxgpt.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkConfig:
    """How texts are cut and written.  `options` are those of the strategy."""

    strategy: str = setting("recursive", "a word of `chunking.registry`")
    options: Mapping[str, bool | int | float] = field(default_factory=dict)
    tokenizer: str = setting("nano-pt", "folder of a tokenizer, or a model, whose tokens are counted")
    encoding: str = setting("utf-8", "how the files are encoded")
    errors: str = setting("strict", "what happens to bytes that are no text: strict, replace, ignore")
    workers: int = setting(0, "processes that cut; 0 is one for each core, where the text is long enough to gain by it")
    cached: bool = setting(True, "keep results, and use those of the same text, tokenizer and options again")

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ConfigError(f"workers must not be negative, but is {self.workers}.", hint="0 chooses for you.")

    @property
    def decoding(self) -> Decoding:
        return Decoding(encoding=self.encoding, errors=self.errors)

    @property
    def chunker(self) -> Chunker:
        return create(self.strategy, **self.options)


def given_options(values: Settings) -> dict[str, bool | int | float]:
    """The options that were given: those that are not None."""
    return {name: value for name, value in values.items() if value is not None}
