"""A built dataset: a directory of shards for training and validation, its tokenizer, and dataset.json, which says all of it.

dataset.json is written last, so a directory that has one is complete.  `open_dataset` checks every shard; the tokens stay on
the disk.  A pair of raw files as nanoGPT writes them, train.bin and val.bin, gives streams too.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlxgpt.data.mapped import Mapped
from mlxgpt.data.packing import Source, Stream
from mlxgpt.data.shards import TOKEN_TYPES, Shard, open_shard, token_bytes_for
from mlxgpt.errors import ConfigError, DataError, TokenizerError, nearest
from mlxgpt.tokenizer.base import Tokenizer

MANIFEST = "dataset.json"
FORMAT, VERSION = "mlxgpt-dataset", 1
SIDES = ("train", "validation")
Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A directory whose dataset.json was read; `values` is what it says."""

    path: Path
    values: Json
    shards: dict[str, tuple[Shard, ...]]  # of each side

    @property
    def tokenizer(self) -> Path:
        """The folder of the tokenizer it was made with."""
        return self.path / "tokenizer"

    @property
    def fingerprint(self) -> str:
        """Tells this text and its mixture from any other, as checkpoints remember it."""
        bodies = [shard.header.body for side in SIDES for shard in self.shards[side]]
        weights = [repr(source["weight"]) for source in self.values["sources"]]
        return hashlib.sha256(
            "\n".join([self.values["tokenizer"]["fingerprint"], *bodies, *weights]).encode()
        ).hexdigest()

    @property
    def note(self) -> str:
        """One sentence for the beginning of a run."""
        train, validation = (self.values[side] for side in SIDES)
        return (
            f"{self.path} holds {train['documents']:,} documents to learn from and {validation['documents']:,} held out, "
            f"in {len(self.shards['train']) + len(self.shards['validation'])} shards."
        )

    def stream(self, side: str) -> Stream:
        """The tokens of one side, in the order in which the sources were read."""
        return stream_of(self.shards[side], [source["weight"] for source in self.values["sources"]])

    def weighted(self, given: Sequence[str]) -> "Dataset":
        """The same with other weights for some sources, written as name=weight."""
        weights = {source["name"]: source["weight"] for source in self.values["sources"]}
        for word in given:
            name, _, weight = word.rpartition("=")
            if name not in weights:
                raise ConfigError(f"{self.path} has no source {name!r}.", hint=nearest(name, weights))
            try:
                weights[name] = float(weight)
            except ValueError:
                weights[name] = -1.0
            if not 0 <= weights[name] < float("inf"):
                raise ConfigError(f"{word!r} gives no weight.", hint="Write NAME=NUMBER, with 0 or more.")
        sources = [{**source, "weight": weights[source["name"]]} for source in self.values["sources"]]
        return dataclasses.replace(self, values={**self.values, "sources": sources})

    def require(self, tokenizer: Tokenizer) -> None:
        """Raise `TokenizerError` when the shards were made with another tokenizer."""
        require_fingerprint(self.path, self.values["tokenizer"]["fingerprint"], tokenizer)


def is_dataset(path: Path) -> bool:
    """Whether a path is a directory of shards, complete."""
    return (path / MANIFEST).is_file()


def open_dataset(path: Path, *, verify: bool = True) -> Dataset:
    """The dataset in a directory, its shards checked: with `verify` every byte of them, else their headers and sizes."""
    values = _read_manifest(path / MANIFEST)
    shards: dict[str, tuple[Shard, ...]] = {}
    for side in SIDES:
        opened = [open_shard(path / entry["file"]) for entry in values[side]["shards"]]
        for shard, entry in zip(opened, values[side]["shards"], strict=True):
            if shard.header.body != entry["sha256"] or shard.header.tokenizer != values["tokenizer"]["fingerprint"]:
                raise DataError(
                    f"{shard.path} is a whole shard, but not the one that {path / MANIFEST} names.",
                    hint="It belongs to another build: restore the right file, or build again.",
                )
            if verify:
                shard.verify()
        shards[side] = tuple(opened)
    return Dataset(path=path, values=values, shards=shards)


def _read_manifest(path: Path) -> Json:
    """What dataset.json says, its form checked."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise KeyError("format")
        version = values["version"]
        if version == VERSION:
            assert isinstance(values["tokenizer"]["fingerprint"], str)
            assert all(isinstance(source["weight"], float) for source in values["sources"])
            for side in SIDES:
                assert isinstance(values[side]["documents"], int)
                assert all(Path(entry["file"]).name == entry["file"] for entry in values[side]["shards"])
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}.", hint="Is it a dataset of mlxgpt data build?"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise DataError(
            f"{path} is damaged, or describes no dataset: {error!r}.", hint="Restore it, or build the dataset again."
        ) from None
    if version != VERSION:
        raise DataError(
            f"{path} describes a dataset of version {version!r}; this mlxgpt reads version {VERSION}.",
            hint="Build it again from its sources, or use the mlxgpt that wrote it.",
        )
    return values  # type: ignore[no-any-return]  # JSON, looked at above


def require_fingerprint(path: Path, wanted: str, tokenizer: Tokenizer) -> None:
    """Raise `TokenizerError` unless the tokenizer is the one whose fingerprint is `wanted`."""
    if tokenizer.fingerprint != wanted:
        raise TokenizerError(
            f"{path} was built with another tokenizer: its fingerprint is {wanted[:12]}…, this one's "
            f"{tokenizer.fingerprint[:12]}….",
            hint=f"Use the dataset's own, {path / 'tokenizer'}, or build the dataset again with yours.",
        )


def stream_of(shards: Sequence[Shard], weights: Sequence[float]) -> Stream:
    """The tokens of shards, one after the other; their documents are read, the tokens mapped."""
    sizes = [shard.header.tokens for shard in shards]
    widths = {shard.header.token_bytes for shard in shards} or {2}
    offsets = np.cumsum([0, *sizes])
    bytes_before = np.cumsum([0, *(shard.header.text_bytes for shard in shards)])
    tables = [shard.index() for shard in shards]
    ends = [table["end"].astype(np.int64) + offset for table, offset in zip(tables, offsets[:-1], strict=True)]
    byte_ends = [
        table["byte_end"].astype(np.int64) + before for table, before in zip(tables, bytes_before[:-1], strict=True)
    ]
    masked = any(shard.header.masked for shard in shards)
    all_ends = np.concatenate([np.zeros(0, np.int64), *ends])
    return Stream(
        ids=Mapped([shard.tokens for shard in shards], sizes, TOKEN_TYPES[max(widths)]),
        mask=Mapped([_mask(shard) for shard in shards], sizes, np.uint8) if masked else None,
        ends=all_ends,
        byte_ends=np.concatenate([np.zeros(0, np.int64), *byte_ends]),
        sources=_sources(np.concatenate([np.zeros(0, np.int64), *(t["source"] for t in tables)]), all_ends, weights),
    )


def _mask(shard: Shard) -> Any:  # Any: a function without arguments
    """A shard without a mask learns all its tokens."""
    return shard.mask if shard.header.masked else lambda: np.ones(shard.header.tokens, np.uint8)


def _sources(
    numbers: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], weights: Sequence[float]
) -> tuple[Source, ...]:
    """The stretches of documents from one source."""
    if not len(numbers):
        return ()
    last = np.append(np.flatnonzero(np.diff(numbers)), len(numbers) - 1)  # the last document of each stretch
    stops = ends[last].tolist()
    return tuple(
        Source(start=start, stop=stop, weight=weights[number])
        for start, stop, number in zip([0, *stops[:-1]], stops, numbers[last].tolist(), strict=True)
    )


# ---- raw files -------------------------------------------------------------------------------------------------------


def read_bin(path: Path, tokenizer: Tokenizer) -> Stream:
    """The ids in a raw file such as nanoGPT's train.bin: 16 bits each, or 32 with a large vocabulary, and nothing else.

    The file does not say which tokenizer made it; `TokenizerError` when it holds an id that `tokenizer` does not have.
    Documents end at its <EOS>.
    """
    dtype = TOKEN_TYPES[token_bytes_for(tokenizer.vocab_size)]
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error
    if not size or size % dtype.itemsize:
        raise DataError(
            f"{path} has {size:,} bytes: it is no file of ids with {dtype.itemsize} bytes each.",
            hint="Raw files hold uint16 (uint32 for more than 65,536 entries); was it copied to its end?",
        )
    count = size // dtype.itemsize
    spelled = np.array([len(tokenizer.token_bytes(token)) for token in range(tokenizer.vocab_size)], dtype=np.int64)
    ids = np.memmap(path, dtype, "r", 0, (count,))
    text_bytes = 0
    ends: list[npt.NDArray[np.int64]] = []
    byte_ends: list[npt.NDArray[np.int64]] = []
    for first in range(0, count, 1 << 22):
        part = ids[first : first + (1 << 22)]
        if int(part.max()) >= len(spelled):
            place = first + int(part.argmax())
            raise TokenizerError(
                f"{path}: token {place:,} is {int(part.max()):,}, and the tokenizer has {len(spelled):,} entries.",
                hint="Give the tokenizer it was made with: --tokenizer DIR.",
            )
        bytes_so_far = text_bytes + np.cumsum(spelled[part])
        text_bytes = int(bytes_so_far[-1])
        last = np.flatnonzero(part == tokenizer.eos_id) if tokenizer.eos_id is not None else np.zeros(0, np.int64)
        ends.append(first + last + 1)
        byte_ends.append(bytes_so_far[last])
    if int(ids[-1]) != tokenizer.eos_id:  # the last document has no end
        ends.append(np.array([count]))
        byte_ends.append(np.array([text_bytes]))
    return Stream(
        ids=Mapped([lambda: ids], [count], dtype), mask=None,
        ends=np.concatenate(ends), byte_ends=np.concatenate(byte_ends),
    )  # fmt: skip
