"""The two tokenizers a person can do by hand: one token a byte, one token a character.

They suit tiny models, where a BPE vocabulary would hold most of the parameters.  Both are ordinary tokenizer.json files
(BPE without merges; a word list whose words are characters), so everything that reads ours reads them.
"""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

from mlxgpt.errors import TokenizerError
from mlxgpt.tokenizer.base import SPECIALS, require_unicode
from mlxgpt.tokenizer.fast import FastTokenizer, own
from mlxgpt.tokenizer.symbols import SYMBOLS


def byte_tokenizer() -> FastTokenizer:
    """Byte b is id 9 + b, after the specials; it knows every text and needs no training.

    >>> byte_tokenizer().encode("é")  # two bytes, C3 A9
    [204, 178]
    """
    vocab = {entry: token_id for token_id, entry in enumerate((*SPECIALS, *SYMBOLS))}
    backend = Backend(models.BPE(vocab, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return own(backend)


def train_characters(texts: Iterable[str], vocab_size: int | None = None, min_frequency: int = 1) -> FastTokenizer:
    """One id for each character (code point) that occurs `min_frequency` times, in code point order; others are <UNK>.

    With `vocab_size`, only the most frequent that fit beside the specials.  It is lossless on the text it was built
    from (when nothing was left out), not on any text.

    >>> tokenizer = train_characters(["banana"])
    >>> tokenizer.encode("nab!")
    [11, 9, 10, 1]
    """
    counts = Counter[str]()
    for text in texts:
        require_unicode(text)
        counts.update(text)
    frequent = sorted((c for c in counts if counts[c] >= min_frequency), key=lambda c: (-counts[c], c))
    if vocab_size is not None:
        frequent = frequent[: max(0, vocab_size - len(SPECIALS))]
    if not frequent:
        raise TokenizerError(
            "There is no character to build a tokenizer from.",
            hint=f"Give more text, or a vocabulary size above {len(SPECIALS)}, or a lower minimum frequency.",
        )
    vocab = {entry: token_id for token_id, entry in enumerate((*SPECIALS, *sorted(frequent)))}
    return own(_character_backend(vocab))


def characters(vocab: dict[str, int]) -> FastTokenizer:
    """A tokenizer of someone else's characters and ids, without special tokens."""
    for character in vocab:
        require_unicode(character)
    return FastTokenizer(_character_backend(vocab), {"tokenizer_class": "PreTrainedTokenizerFast"})


def _character_backend(vocab: dict[str, int]) -> Backend:
    backend = Backend(models.WordLevel(vocab, unk_token="<UNK>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    backend.decoder = decoders.Fuse()
    return backend
