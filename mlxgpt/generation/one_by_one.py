"""What a `Batcher` is, for models whose memories cannot lie side by side: many texts at work, each with a memory of its own.

The texts take turns, a token each, so that every client of a server sees its text grow; it is not faster than writing
them one after another.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from mlxgpt.convert.foreign import ForeignModel
from mlxgpt.events import Event
from mlxgpt.generation.batch import Batcher, Happened, Text
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.generate import generate
from mlxgpt.generation.prefix import Prefix
from mlxgpt.generation.window import memories
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer


def batcher(
    model: GPT, tokenizer: Tokenizer, *, batch_size: int = 16, prefix: Prefix | None = None, kv_bits: int = 0
) -> Batcher:
    """What writes many texts with this model."""
    kind = OneByOne if isinstance(model, ForeignModel) else Batcher
    return kind(model, tokenizer, batch_size=batch_size, prefix=prefix, kv_bits=kv_bits)


class OneByOne(Batcher):
    """Texts that take turns."""

    def __init__(
        self, model: GPT, tokenizer: Tokenizer, *, batch_size: int = 16, prefix: Prefix | None = None, kv_bits: int = 0
    ) -> None:
        self.model, self.tokenizer, self.batch_size, self.prefix = model, tokenizer, batch_size, prefix
        memories(model, kv_bits)  # raises for what this model has not, before a text is waited for
        self.kv_bits = kv_bits
        self.waiting, self.texts = deque(), []
        self._jobs: dict[Text, Iterator[Event]] = {}

    def submit(self, ids: Sequence[int], config: GenerateConfig, *, stop_ids: frozenset[int] | None = None) -> Text:
        """Put a text at the end of the queue; `DataError` for ids outside the vocabulary."""
        text = super().submit(ids, config, stop_ids=stop_ids)
        self._jobs[text] = generate(self.model, self.tokenizer, text.ids, text.config, stop_ids=stop_ids)
        return text

    def run(self) -> Iterator[Happened]:
        """Turns until nothing is left; each gives an event of every text."""
        while self.busy:
            while self.waiting and len(self.texts) < self.batch_size:
                self.texts.append(self.waiting.popleft())
            happened: Happened = []
            for text in list(self.texts):
                event = None if text.cancelled else next(self._jobs[text], None)
                if event is None:
                    self.texts.remove(text)
                    del self._jobs[text]
                else:
                    happened.append((text, event))
            yield happened
