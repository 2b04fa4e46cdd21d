"""Tokenizers by name: `train` one with an algorithm from the table, `load` one from a directory."""

from collections.abc import Callable, Iterable
from pathlib import Path

from mlxgpt.errors import ConfigError, nearest
from mlxgpt.tokenizer import files
from mlxgpt.tokenizer.config import TokenizerConfig
from mlxgpt.tokenizer.fast import FastTokenizer, train_bpe
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters

Trainer = Callable[[Iterable[str], TokenizerConfig], FastTokenizer]


def load(directory: Path) -> FastTokenizer:
    """The tokenizer saved in `directory`, by us or by anyone; `TokenizerError` names a missing or damaged file."""
    return files.read(directory)


def train(texts: Iterable[str], config: TokenizerConfig) -> FastTokenizer:
    """A tokenizer built from `texts`; `ConfigError` for an unknown algorithm names the nearest."""
    if config.algorithm not in ALGORITHMS:
        raise ConfigError(
            f"There is no tokenizer algorithm named {config.algorithm!r}.", hint=nearest(config.algorithm, ALGORITHMS)
        )
    return ALGORITHMS[config.algorithm](texts, config)


ALGORITHMS: dict[str, Trainer] = {
    "bpe": lambda texts, config: train_bpe(texts, config.vocab_size, config.min_frequency),
    "byte": lambda _texts, _config: byte_tokenizer(),
    "char": lambda texts, config: train_characters(texts, config.vocab_size, config.min_frequency),
}
