"""What a lesson looks into: a model, its tokenizer, and a few words to read.

The weights are taken as float32: then what a lesson reckons by hand agrees with the model to six digits.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import mlx.core as mx

from mlxgpt import checkpoint, runs
from mlxgpt.backend import devices, places
from mlxgpt.backend.devices import Backend
from mlxgpt.data.documents import read_documents
from mlxgpt.inspection.inspector import Inspector
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer, begin_id

SENTENCE = "Era uma vez um gato que morava perto do rio"


def dotted(piece: str) -> str:
    """A piece of text whose spaces can be seen."""
    return piece.replace(" ", "·")


@dataclass(frozen=True, kw_only=True)  # no slots: `corpus` is read once, when first asked for
class Subject:
    """A model, ready to be looked into."""

    name: str
    directory: Path
    model: GPT
    tokenizer: Tokenizer
    backend: Backend

    @classmethod
    def load(cls, word: str, device: str = "auto") -> "Subject":
        """The model that `word` means."""
        directory = runs.find_model(word)
        backend = devices.prepare(device)
        model, tokenizer = checkpoint.load(directory, mx.float32)
        return cls(name=word, directory=directory, model=model, tokenizer=tokenizer, backend=backend)

    def ids(self, text: str = SENTENCE, *, begun: bool = True) -> list[int]:
        """The ids of a text, as many as the context holds; `begun` with the token that a text begins after."""
        begin = begin_id(self.tokenizer) if begun else None
        ids = self.tokenizer.encode(text)
        return (ids if begin is None else [begin, *ids])[: self.model.config.context_length]

    def pieces(self, ids: list[int]) -> list[str]:
        """The tokens as they are shown."""
        return [dotted(self.tokenizer.token_text(i)) for i in ids]

    @cached_property
    def sentence(self) -> str:
        """SENTENCE, as much of it as the model sees at once."""
        return self.tokenizer.decode(self.ids())

    @cached_property
    def inspector(self) -> Inspector:
        """The same model, with a method for each report."""
        return Inspector(self.model, self.tokenizer, self.name)

    @cached_property
    def corpus(self) -> str:
        """The text that ships with mlxgpt, documents parted by an empty line."""
        return "\n\n".join(text for document in read_documents(places.corpus()) for text in document.texts)
