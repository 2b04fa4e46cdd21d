"""How well a tokenizer suits a text, in numbers."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerReport:
    """Counts over a text, and what follows from them.

    `unknown` counts <UNK>, text that was lost.  `unused` are entries the text never needed, specials not counted: many
    of them say that the vocabulary is larger than this text wants.
    """

    vocab_size: int
    tokens: int
    bytes: int
    words: int
    unknown: int
    unused: tuple[int, ...]

    @property
    def bytes_per_token(self) -> float:
        """Compression: 1.0 is the byte tokenizer, 4 is common for BPE on its own language."""
        return self.bytes / self.tokens if self.tokens else 0.0

    @property
    def tokens_per_word(self) -> float:
        """Fertility: the tokens for one word (between white space); 1.0 is the best a word can get."""
        return self.tokens / self.words if self.words else 0.0


def report(tokenizer: Tokenizer, texts: Iterable[str]) -> TokenizerReport:
    """The report of `tokenizer` on `texts`."""
    counts = np.zeros(tokenizer.vocab_size, dtype=np.int64)
    size = words = 0
    for text in texts:
        (ids,) = tokenizer.encode_batch([text])
        counts += np.bincount(ids, minlength=tokenizer.vocab_size)
        size += len(text.encode("utf-8"))
        words += len(text.split())
    return TokenizerReport(
        vocab_size=tokenizer.vocab_size,
        tokens=int(counts.sum()),
        bytes=size,
        words=words,
        unknown=0 if tokenizer.unk_id is None else int(counts[tokenizer.unk_id]),
        unused=tuple(int(token_id) for token_id in np.flatnonzero(counts == 0) if tokenizer.token_bytes(int(token_id))),
    )
