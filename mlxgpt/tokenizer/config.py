"""What can be chosen about a tokenizer."""

from dataclasses import dataclass

from mlxgpt.config import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerConfig:
    """The algorithm is a word in `registry.ALGORITHMS`."""

    algorithm: str = setting("bpe", "how text is cut: bpe, byte or char")
    vocab_size: int = setting(4096, "entries, specials included (bpe: exactly; char: at most; byte: always 265)")
    min_frequency: int = setting(2, "how often a pair (bpe) or a character (char) must occur to get an entry")
    special: tuple[str, ...] = setting((), "special tokens besides our own; they get the last ids")
