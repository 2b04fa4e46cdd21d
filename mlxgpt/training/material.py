"""What a run learns from: text that is split and packed now, a dataset that was built before, or raw files of ids."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlxgpt.chunking.base import Chunker
from mlxgpt.data import dataset
from mlxgpt.data.dataset import Dataset
from mlxgpt.data.documents import read_documents
from mlxgpt.data.packing import Stream, pack, require_context
from mlxgpt.data.split import Split, split
from mlxgpt.errors import ConfigError, DataError
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.training.config import TrainConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFiles:
    """Ids without anything else, as nanoGPT's train.bin and val.bin; None: nothing is held out."""

    train: Path
    validation: Path | None


Source = Split | Dataset | RawFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Tokens to learn from and tokens to measure with; `fingerprint` tells them from any others."""

    train: Stream
    validation: Stream
    fingerprint: str
    note: str


def read(config: TrainConfig) -> Source:
    """What `config.data` names; of text, the documents to learn from and those held out."""
    data, held_out = config.data, config.val_data
    if (data.suffix == ".bin" or dataset.is_dataset(data)) and config.chunk_strategy != "none":
        raise ConfigError(
            f"{data} holds tokens, which are not cut any more.",
            hint="Give --chunk-strategy to mlxgpt data build, and leave it out here.",
        )
    if data.suffix == ".bin":
        for path in (data, held_out):
            if path is not None and not path.is_file():
                raise DataError(f"There is no file {path}.", hint="Check the path.")
        if held_out is not None and held_out.suffix != ".bin":
            raise ConfigError(f"{held_out} is no file of ids as {data} is.", hint="Give a file named *.bin.")
        return RawFiles(train=data, validation=held_out)
    if dataset.is_dataset(data):
        if held_out is not None:
            raise ConfigError(
                f"{data} holds out documents of its own.",
                hint="Leave --val-data out; --val of data build says how many.",
            )
        return dataset.open_dataset(data).weighted(config.source_weights)
    if data.suffix == ".shard" or (data.is_dir() and any(data.glob("*.shard"))):
        what = f"{data} is a shard" if data.suffix == ".shard" else f"{data} holds shards, but no {dataset.MANIFEST}"
        hint = f"Give its folder: --data {data.parent}." if data.suffix == ".shard" else "Build the dataset again."
        raise DataError(f"{what}.", hint=hint)
    if held_out is None:
        return split(list(read_documents(data)), share=config.validation_share, seed=config.seed)
    sides = [list(read_documents(path)) for path in (data, held_out)]
    return Split(train=sides[0], validation=sides[1], note=f"Held out: the {len(sides[1]):,} documents of {held_out}.")


def require_tokenizer(source: Source, config: TrainConfig) -> Path | None:
    """The folder of the tokenizer to use; None when one is to be trained on the text."""
    if config.tokenizer is None and isinstance(source, RawFiles):
        raise DataError(f"{source.train} does not say which tokenizer made it.", hint="Give it with --tokenizer DIR.")
    return source.tokenizer if config.tokenizer is None and isinstance(source, Dataset) else config.tokenizer


def materialize(source: Source, tokenizer: Tokenizer, chunker: Chunker | None) -> Material:
    """The two streams; `TokenizerError` when the ids were not made by `tokenizer`."""
    match source:
        case Split():
            train, validation = (pack(side, tokenizer, chunker) for side in (source.train, source.validation))
            fingerprint, note = _digest(train, validation), source.note
        case Dataset():
            source.require(tokenizer)
            train, validation = source.stream("train"), source.stream("validation")
            fingerprint, note = source.fingerprint, source.note
        case RawFiles():
            train = dataset.read_bin(source.train, tokenizer)
            validation = (
                pack([], tokenizer) if source.validation is None else dataset.read_bin(source.validation, tokenizer)
            )
            fingerprint, note = (
                _digest(train, validation),
                f"{source.train} holds {len(train.ids):,} ids.",
            )
    if len(validation.ids):
        require_context(len(validation.ids), 1, "validation")
    return Material(train=train, validation=validation, fingerprint=fingerprint, note=note)


def _digest(*streams: Stream) -> str:
    """The checksum of all tokens, read bit by bit."""
    digest = hashlib.sha256()
    for stream in streams:
        for first in range(0, len(stream.ids), 1 << 22):
            digest.update(np.ascontiguousarray(stream.ids[first : first + (1 << 22)]).tobytes())
    return digest.hexdigest()
