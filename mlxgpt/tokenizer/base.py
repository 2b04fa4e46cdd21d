"""What every tokenizer can do, the special tokens, and decoding as a stream.

A tokenizer turns text into ids and back without losing a byte.  Special tokens are never made from user text unless
asked for: "<EOS>" typed by a person is five ordinary characters.
"""

import codecs
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mlxgpt.errors import TokenizerError

# The ids are the positions: <PAD>=0, <UNK>=1, <BOS>=2, <EOS>=3, <CHUNK>=4, then the tokens that frame a chat message.
SPECIALS = ("<PAD>", "<UNK>", "<BOS>", "<EOS>", "<CHUNK>", "<SYSTEM>", "<USER>", "<ASSISTANT>", "<END>")

Ids = npt.NDArray[np.uint32]


class Tokenizer(Protocol):
    """Text to ids and back.

    The special ids are None when a foreign tokenizer has no such token; in ours they are the positions in `SPECIALS`.
    """

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: the rows an embedding needs."""

    @property
    def pad_id(self) -> int | None: ...

    @property
    def unk_id(self) -> int | None: ...

    @property
    def bos_id(self) -> int | None: ...

    @property
    def eos_id(self) -> int | None: ...

    @property
    def chunk_id(self) -> int | None: ...

    @property
    def stop_ids(self) -> frozenset[int]:
        """The ids that end an answer: <EOS>, <END>, and those a foreign generation_config.json names."""

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of chats, see `chat`."""

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of all that decides which ids a text becomes; checkpoints record it."""

    def encode(self, text: str, *, specials: bool = False) -> list[int]:
        """The ids of `text`, none added; with `specials`, the text "<EOS>" becomes the token <EOS>.

        A lone surrogate has no UTF-8, so it raises `TokenizerError`; nothing is ever replaced behind your back.
        """

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of many texts, in parallel; user text, so no specials."""

    def decode(self, ids: Iterable[int], *, skip_specials: bool = True) -> str:
        """The text of `ids`; bytes that are not UTF-8 become U+FFFD, ids without an entry nothing."""

    def token_bytes(self, token_id: int) -> bytes:
        """The exact bytes of one id, often part of a character; b"" for specials and ids without an entry."""

    def token_text(self, token_id: int) -> str:
        r"""One id to look at: a special's name, text, or escapes such as "\xc3" for half a character."""

    def id_of(self, token: str) -> int | None:
        """The id of an entry as tokenizer.json spells it, such as "<CHUNK>"."""

    def save(self, directory: Path) -> None:
        """Write tokenizer.json and tokenizer_config.json."""


class StreamDecoder:
    r"""Text as its tokens arrive: each push gives what became certain, never half a character.

    It works on bytes, so a leading space is never lost, and all pushes and the flush together equal decoding at once.

    >>> from mlxgpt.tokenizer.simple import byte_tokenizer
    >>> tokenizer = byte_tokenizer()
    >>> decoder = StreamDecoder(tokenizer)
    >>> [decoder.push(id) for id in tokenizer.encode("né")]
    ['n', '', 'é']
    >>> decoder.flush()
    ''
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """The text that became certain with `token_id`; bytes that can no longer become a character give U+FFFD."""
        return self._decoder.decode(self._tokenizer.token_bytes(token_id))

    def flush(self) -> str:
        """What is left at the end: U+FFFD for a character that was cut off, else "".  The decoder starts anew."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest


def require_unicode(text: str) -> None:
    """`TokenizerError` if `text` has a lone surrogate, which UTF-8 cannot write and so no tokenizer can keep."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise lone_surrogate(error) from None


def lone_surrogate(error: UnicodeEncodeError) -> TokenizerError:
    """What to say about the surrogate that `error` found."""
    return TokenizerError(
        f"The text has a lone surrogate (U+{ord(error.object[error.start]):04X}) at character {error.start:,}, "
        "which no valid Unicode text contains.",
        hint='Mend it where the text is read, for example with text.encode("utf-8", "replace").decode("utf-8").',
    )


def begin_id(tokenizer: Tokenizer) -> int | None:
    """The token a text begins after, if there is one.

    Ours are trained on `text <EOS> text <EOS> …` and know <BOS> from chats only, so it is <EOS>; foreign ones begin
    with <BOS> when they have it.
    """
    candidates = [tokenizer.eos_id, tokenizer.bos_id]
    ours = tokenizer.chunk_id is not None
    return next((token for token in (candidates if ours else reversed(candidates)) if token is not None), None)
