"""A shard gives back what was put in, and a file that is anything else is refused with a reason."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxgpt.data import shards
from mlxgpt.data.drafts import EMPTY, Draft
from mlxgpt.data.mapped import Mapped
from mlxgpt.data.shards import Shard, open_shard
from mlxgpt.errors import DataError

TOKENIZER = "ab" * 32


def write(folder: Path, documents: list[list[int]], masks: list[list[int] | None], width: int = 2) -> Shard:
    draft = Draft(folder, "draft", TOKENIZER, width)
    draft.go_to(EMPTY)
    for number, (ids, mask) in enumerate(zip(documents, masks, strict=True)):
        draft.add(np.array(ids), None if mask is None else np.array(mask, np.uint8), 3 * len(ids), number % 3)
    draft.finish(folder / "a.shard")
    draft.close()
    return open_shard(folder / "a.shard")


@given(
    documents=st.lists(st.lists(st.integers(0, 65535), min_size=1, max_size=9), min_size=1, max_size=9),
    chats=st.sets(st.integers(0, 8)),
    width=st.sampled_from([2, 4]),
)
@settings(deadline=None, max_examples=50)
def test_what_goes_in_comes_out(
    documents: list[list[int]], chats: set[int], width: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    masks = [[n % 2 for n in range(len(ids))] if at in chats else None for at, ids in enumerate(documents)]
    shard = write(tmp_path_factory.mktemp("shard"), documents, masks, width)
    shard.verify()
    assert shard.tokens().tolist() == [token for ids in documents for token in ids]
    ends = np.cumsum([len(ids) for ids in documents])
    assert shard.index()["end"].tolist() == ends.tolist()
    assert shard.index()["byte_end"].tolist() == (3 * ends).tolist()
    assert shard.index()["source"].tolist() == [number % 3 for number in range(len(documents))]
    mask = shard.mask()
    if any(mask is not None for mask in masks):
        assert mask is not None
        whole = [m if m is not None else [1] * len(ids) for m, ids in zip(masks, documents, strict=True)]
        assert mask.tolist() == [bit for own in whole for bit in own]
    else:
        assert mask is None
    assert shard.header.tokenizer == TOKENIZER
    assert shard.path.stat().st_size == shard.header.file_bytes


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    return write(tmp_path, [[1, 2, 3], [4, 5]], [None, None])


def test_every_length_that_is_cut_off_is_noticed_on_opening(shard: Shard) -> None:
    data = shard.path.read_bytes()
    for size in range(len(data)):
        shard.path.write_bytes(data[:size])
        with pytest.raises(DataError, match=r"a\.shard is (no shard|damaged or cut off)"):
            open_shard(shard.path)


def test_every_byte_that_changes_is_noticed(shard: Shard) -> None:
    data = shard.path.read_bytes()
    for at in range(len(data)):
        shard.path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(DataError):
            open_shard(shard.path).verify()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no shard of mlxgpt"),
        (b"PK\x03\x04" + bytes(500), "no shard of mlxgpt"),
        (shards.MAGIC + bytes(100), "ends in its header"),
        (shards.MAGIC + (7).to_bytes(4, "little") + bytes(500), "version 7; this mlxgpt reads version 1"),
    ],
)
def test_a_foreign_file_says_what_it_is_not(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "x.shard").write_bytes(data)
    with pytest.raises(DataError, match=reason):
        open_shard(tmp_path / "x.shard")


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.shard cannot be read"):
        open_shard(tmp_path / "no.shard")


def test_a_draft_goes_back_to_a_position(tmp_path: Path) -> None:
    draft = Draft(tmp_path, "d", TOKENIZER, 2)
    draft.add(np.array([1, 2]), None, 2, 0)
    position = draft.position()
    draft.add(np.array([3, 4]), np.array([0, 1], np.uint8), 2, 0)
    draft.close()
    again = Draft(tmp_path, "d", TOKENIZER, 2)
    again.go_to(position)
    again.add(np.array([5]), np.array([0], np.uint8), 1, 1)
    again.finish(tmp_path / "a.shard")
    again.close()
    shard = open_shard(tmp_path / "a.shard")
    shard.verify()
    assert shard.tokens().tolist() == [1, 2, 5]
    assert shard.mask().tolist() == [1, 1, 0]  # type: ignore[union-attr]


@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=100), places=st.lists(st.integers(-50, 700), max_size=20))
@settings(deadline=None)
def test_mapped_parts_are_one_array_on_a_ring(sizes: list[int], places: list[int]) -> None:
    parts = [np.arange(size) + sum(sizes[:at]) for at, size in enumerate(sizes)]
    if not sum(sizes):
        return
    mapped = Mapped([lambda part=part: part for part in parts], sizes, np.int64)
    whole = np.arange(sum(sizes))
    assert len(mapped) == len(whole)
    assert mapped.take(np.array(places, dtype=np.int64)).tolist() == whole.take(places, mode="wrap").tolist()
    assert mapped[1:4].tolist() == whole[1:4].tolist()
