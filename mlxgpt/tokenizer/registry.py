"""Tokenizers by name: `train` one with an algorithm from the table, `load` one from a directory."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

from mlxgpt.errors import ConfigError, nearest
from mlxgpt.tokenizer import files
from mlxgpt.tokenizer.base import SPECIALS
from mlxgpt.tokenizer.config import TokenizerConfig
from mlxgpt.tokenizer.fast import FastTokenizer, train_bpe, with_specials
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters

Trainer = Callable[[Iterable[str], TokenizerConfig], FastTokenizer]


def load(directory: Path) -> FastTokenizer:
    """The tokenizer saved in `directory`, by us or by anyone; `TokenizerError` names a missing or damaged file."""
    return files.read(directory)


def train(texts: Iterable[str], config: TokenizerConfig) -> FastTokenizer:
    """A tokenizer built from `texts`; see `check` for what is refused."""
    check(config)
    room = dataclasses.replace(config, vocab_size=config.vocab_size - len(config.special))
    return with_specials(ALGORITHMS[config.algorithm](texts, room), config.special)


def check(config: TokenizerConfig) -> None:
    """`ConfigError` for an unknown algorithm (it names the nearest) and for special tokens that cannot be."""
    if config.algorithm not in ALGORITHMS:
        raise ConfigError(
            f"There is no tokenizer algorithm named {config.algorithm!r}.", hint=nearest(config.algorithm, ALGORITHMS)
        )
    for token in config.special:
        if token in SPECIALS or config.special.count(token) > 1:
            raise ConfigError(f"The special token {token!r} is there already.", hint="Leave it out.")
        if not token or token.split() != [token] or len(token) == 1:
            raise ConfigError(
                f"{token!r} cannot be a special token.",
                hint="Write two or more characters without a space, as in <CODE>.",
            )


ALGORITHMS: dict[str, Trainer] = {
    "bpe": lambda texts, config: train_bpe(texts, config.vocab_size, config.min_frequency),
    "byte": lambda _texts, _config: byte_tokenizer(),
    "char": lambda texts, config: train_characters(texts, config.vocab_size, config.min_frequency),
}
