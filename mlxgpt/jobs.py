"""Every verb of the program: the front ends' only door.  A verb is imported when it is called.

A verb that takes time is a job, a generator of events; one that answers at once returns a report.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlxgpt.config import Settings
from mlxgpt.events import Event

if TYPE_CHECKING:
    from mlxgpt.backend.doctor import DoctorReport
    from mlxgpt.listing import Entry
    from mlxgpt.tokenizer.base import Tokenizer
    from mlxgpt.tokenizer.report import TokenizerReport
    from mlxgpt.training.config import TrainConfig


def load_train_config(given: Settings, file: Path | None = None) -> "tuple[TrainConfig, Settings]":
    """The settings of a run from its preset, a TOML file and what was given; and the changes to the preset's model."""
    from mlxgpt.training.prepare import load_config

    return load_config(given, file)


def train(
    config: "TrainConfig", model_changes: Settings, *, device: str = "auto", stop: threading.Event | None = None
) -> Iterator[Event]:
    """Train a model; see `training.train`."""
    from mlxgpt.training.train import train

    return train(config, model_changes, device=device, stop=stop)


def train_tokenizer(corpus: Path, output: Path, settings: Settings) -> Iterator[Event]:
    """Train a tokenizer on a file or folder of text and save it at `output`, whole or not at all."""
    import time

    from mlxgpt.config import build
    from mlxgpt.data.documents import read_documents
    from mlxgpt.events import TokenizerTrained
    from mlxgpt.tokenizer import registry
    from mlxgpt.tokenizer.config import TokenizerConfig

    config = build(TokenizerConfig, settings, where="tokenizer")
    began = time.monotonic()
    texts = [text for document in read_documents(corpus) for text in document.texts]
    tokenizer = registry.train(texts, config)
    tokenizer.save(output)
    corpus_bytes = sum(len(text.encode()) for text in texts)
    yield TokenizerTrained(
        path=str(output),
        algorithm=config.algorithm,
        vocab_size=tokenizer.vocab_size,
        corpus_bytes=corpus_bytes,
        bytes_per_token=corpus_bytes / max(1, sum(map(len, tokenizer.encode_batch(texts)))),
        seconds=time.monotonic() - began,
    )


def tokenize(tokenizer: str, text: str) -> list[tuple[int, str]]:
    """The (id, piece) pairs of a text."""
    loaded = _tokenizer(tokenizer)
    return [(token, loaded.token_text(token)) for token in loaded.encode(text)]


def inspect_tokenizer(tokenizer: str, corpus: Path) -> "TokenizerReport":
    """How well a tokenizer suits a text."""
    from mlxgpt.data.documents import read_documents
    from mlxgpt.tokenizer.report import report

    return report(_tokenizer(tokenizer), (text for document in read_documents(corpus) for text in document.texts))


def _tokenizer(word: str) -> "Tokenizer":
    """The tokenizer in a folder, or of a model."""
    from mlxgpt import runs
    from mlxgpt.tokenizer import registry

    folder = Path(word)
    return registry.load(folder if (folder / "tokenizer.json").is_file() else runs.find_model(word))


def list_checkpoints(folder: Path | None = None) -> "list[Entry]":
    """Every model directory there is."""
    from mlxgpt.listing import list_checkpoints

    return list_checkpoints(folder)


def describe_checkpoint(word: str) -> "Entry":
    """What the files of the model that `word` means say."""
    from mlxgpt.listing import describe_checkpoint

    return describe_checkpoint(word)


def examine_machine(device: str = "auto") -> "DoctorReport":
    """The machine as mlxgpt sees it."""
    from mlxgpt.backend.doctor import examine

    return examine(device)


def write_logits(model: str, ids: Path, out: Path, *, with_loss: bool, device: str = "auto") -> None:
    """Write the logits of a model for given ids; see `evaluation.logits`."""
    from mlxgpt import runs
    from mlxgpt.backend import devices
    from mlxgpt.evaluation.logits import write_logits

    devices.prepare(device)
    write_logits(runs.find_model(model), ids, out, with_loss=with_loss)
