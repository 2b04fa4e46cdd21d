"""The jobs around tokenizers: train one on sources of any size, measure how well one suits a text, compare several.

Texts stream by; what grows with the corpus is only the list of its different words, which training needs.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mlxgpt import whole
from mlxgpt.chunking.blocks import split_blocks
from mlxgpt.data.documents import Document
from mlxgpt.data.sources import read
from mlxgpt.errors import ConfigError
from mlxgpt.events import Event, TokenizerProgressed, TokenizerTrained
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.config import TokenizerConfig
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.report import TokenizerReport, report

_FILES = ("tokenizer.json", "tokenizer_config.json")
_SECONDS = 0.5  # between two reports of progress
_SAMPLE = 1 << 22  # characters of the corpus, from its beginning, on which bytes per token are measured


def train(
    paths: Sequence[str | Path],
    output: Path,
    config: TokenizerConfig,
    *,
    column: str | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Train a tokenizer on files, folders and patterns and save it at `output`, whole or not at all.

    Raises `ConfigError` when `output` holds other things, or for an unknown algorithm, before anything is read.
    """
    if output.exists() and not output.is_dir():
        raise ConfigError(f"{output} is a file; a tokenizer is a folder.", hint="Choose a new folder for it.")
    strangers = {path.name for path in output.iterdir()} - {*_FILES} if output.is_dir() else set()
    if strangers:
        raise ConfigError(
            f"{output} holds other files, such as {min(strangers)}.", hint="Choose a new folder for the tokenizer."
        )
    registry.check(config)
    began = time.monotonic()
    texts = _Texts(read(paths, column=column), stop or threading.Event())
    training = _Training(texts, config)
    while training.goes_on(_SECONDS):
        yield TokenizerProgressed(documents=texts.documents, corpus_bytes=texts.bytes, seconds=time.monotonic() - began)
    if texts.stopped:
        return
    tokenizer = training.result()
    whole.write_directory(output, tokenizer.save)
    sample_bytes = sum(len(text.encode()) for text in texts.sample)
    sample_tokens = sum(len(tokenizer.encode_batch([text])[0]) for text in texts.sample)
    yield TokenizerTrained(
        path=str(output),
        algorithm=config.algorithm,
        vocab_size=tokenizer.vocab_size,
        corpus_bytes=texts.bytes,
        bytes_per_token=sample_bytes / max(1, sample_tokens),
        seconds=time.monotonic() - began,
    )


def measure(tokenizer: Tokenizer, paths: Sequence[str | Path], *, column: str | None = None) -> TokenizerReport:
    """How well a tokenizer suits the texts."""
    return report(tokenizer, _blocks(read(paths, column=column)))


def compare(
    tokenizers: Sequence[Tokenizer], paths: Sequence[str | Path], *, column: str | None = None
) -> list[TokenizerReport]:
    """The reports of several tokenizers on the same texts, one after the other, so that the texts may be of any size."""
    return [measure(tokenizer, paths, column=column) for tokenizer in tokenizers]


def _blocks(documents: Iterable[Document]) -> Iterator[str]:
    """The texts of documents, very long ones in blocks: `tokenizers` needs fifty times the memory of a text."""
    return (block for document in documents for text in document.texts for block in split_blocks([text]))


class _Texts:
    """The texts of a corpus, counted as they are read, of which the first are kept."""

    def __init__(self, documents: Iterable[Document], stop: threading.Event) -> None:
        self._documents, self._stop = documents, stop
        self.documents = self.bytes = 0
        self.sample: list[str] = []
        self._sampled = 0

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def __iter__(self) -> Iterator[str]:
        for block in _blocks(self._counted()):
            self.bytes += len(block.encode())
            if self._sampled < _SAMPLE:
                self.sample.append(block)
                self._sampled += len(block)
            yield block

    def _counted(self) -> Iterator[Document]:
        for document in self._documents:
            if self.stopped:
                return
            self.documents += 1
            yield document


class _Training:
    """Training in a thread, so that this one can tell how far it is; `tokenizers` works without Python's lock."""

    def __init__(self, texts: _Texts, config: TokenizerConfig) -> None:
        self._texts, self._config = texts, config
        self._result: FastTokenizer | BaseException | None = None
        self._thread = threading.Thread(target=self._train, daemon=True)
        self._thread.start()

    def goes_on(self, seconds: float) -> bool:
        """Wait at most so long; False when it is over."""
        self._thread.join(seconds)
        return self._thread.is_alive()

    def result(self) -> FastTokenizer:
        """The tokenizer, or the exception that came instead."""
        if isinstance(self._result, BaseException):
            raise self._result
        assert self._result is not None
        return self._result

    def _train(self) -> None:
        try:
            texts = iter(self._texts)
            self._result = registry.train(texts, self._config)
            for _ in texts:  # an algorithm that needs no corpus has read none: its size is still to be told
                pass
        except BaseException as error:
            self._result = error
