"""What is in a dataset: figures of its shards, every byte of which is checked on the way, and documents to look at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlxgpt.data import card
from mlxgpt.data.counts import total
from mlxgpt.data.dataset import SIDES, Dataset, is_dataset, open_dataset
from mlxgpt.errors import ConfigError, DataError, nearest
from mlxgpt.tokenizer import registry


@dataclass(frozen=True, slots=True, kw_only=True)
class SideReport:
    """The documents of one side; lengths are tokens with the closing <EOS>."""

    side: str
    documents: int
    tokens: int
    text_bytes: int
    shards: int
    file_bytes: int
    shortest: int
    median: float
    mean: float
    p95: float
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What one source gave to learn from; an epoch passes `weight` times over it."""

    name: str
    documents: int
    tokens: int
    share: float
    weight: float
    share_in_epoch: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetReport:
    """A dataset in figures; `epoch_tokens` are those that training sees in one epoch."""

    path: str
    sides: tuple[SideReport, ...]
    sources: tuple[SourceReport, ...]
    tokenizer: str
    vocab_size: int
    vocabulary_used: int
    bytes_per_token: float
    epoch_tokens: int
    dropped: tuple[tuple[str, int], ...]


def examine(path: Path) -> DatasetReport:
    """The figures of a dataset; `DataError` when a byte of it is not what it was."""
    dataset = _open(path)
    dataset.require(registry.load(dataset.tokenizer))
    values = dataset.values
    sides = tuple(_side(dataset, side) for side in SIDES)
    learned = [part["train"] for part in values["counts"]]
    tokens = sum(part["tokens"] for part in learned)
    weighted = [source["weight"] * part["tokens"] for source, part in zip(values["sources"], learned, strict=True)]
    used = card.vocabulary_use(
        [shard for side in SIDES for shard in dataset.shards[side]], values["tokenizer"]["vocab_size"]
    )
    return DatasetReport(
        path=str(path),
        sides=sides,
        sources=tuple(
            SourceReport(
                name=source["name"], documents=part["documents"], tokens=part["tokens"], weight=source["weight"],
                share=part["tokens"] / max(1, tokens), share_in_epoch=own / max(1.0, sum(weighted)),
            )
            for source, part, own in zip(values["sources"], learned, weighted, strict=True)
        ),
        tokenizer=values["tokenizer"]["fingerprint"],
        vocab_size=values["tokenizer"]["vocab_size"],
        vocabulary_used=used["used"],
        bytes_per_token=sum(side.text_bytes for side in sides) / max(1, sum(side.tokens for side in sides)),
        epoch_tokens=round(sum(weighted)),
        dropped=tuple(sorted(total(values["counts"])["dropped"].items())),
    )  # fmt: skip


def _side(dataset: Dataset, side: str) -> SideReport:
    shards = dataset.shards[side]
    lengths = np.concatenate(
        [np.zeros(0, np.int64), *(np.diff(shard.index()["end"].astype(np.int64), prepend=0) for shard in shards)]
    )
    some = lengths if len(lengths) else np.zeros(1, np.int64)
    return SideReport(
        side=side, documents=len(lengths), tokens=int(lengths.sum()), shards=len(shards),
        text_bytes=sum(shard.header.text_bytes for shard in shards),
        file_bytes=sum(shard.header.file_bytes for shard in shards),
        shortest=int(some.min()), median=float(np.median(some)), mean=float(some.mean()),
        p95=float(np.percentile(some, 95)), longest=int(some.max()),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A document as it is learned: specials are spelled out; `complete` when `text` is all of it."""

    side: str
    shard: str
    document: int
    source: str
    tokens: int
    text: str
    complete: bool


def peek(
    path: Path, *, count: int = 3, side: str = "train", source: str = "", most_tokens: int = 200
) -> tuple[Sample, ...]:
    """Documents of a dataset, spread evenly over a side, or over what one `source` gave to it."""
    dataset = _open(path, verify=False)
    if side not in SIDES:
        raise ConfigError(f"A dataset has no side {side!r}.", hint=nearest(side, SIDES))
    names = [entry["name"] for entry in dataset.values["sources"]]
    if source and source not in names:
        raise ConfigError(f"{path} has no source {source!r}.", hint=nearest(source, names))
    tokenizer = registry.load(dataset.tokenizer)
    dataset.require(tokenizer)
    wanted = names.index(source) if source else None
    samples = []
    for shard, number in card.chosen(dataset.shards[side], count, wanted):
        found = card.sample(shard, number, tokenizer, most_tokens)
        samples.append(
            Sample(
                side=side, shard=found["shard"], document=found["document"], source=names[found["source"]],
                tokens=found["tokens"], text=found["text"], complete=found["whole"],
            )
        )  # fmt: skip
    return tuple(samples)


def _open(path: Path, *, verify: bool = True) -> Dataset:
    if not is_dataset(path):
        what = "does not exist" if not path.exists() else "is no dataset: it has no dataset.json"
        raise DataError(f"{path} {what}.", hint="Make one: mlxgpt data build --source TEXT --output DIR")
    return open_dataset(path, verify=verify)
