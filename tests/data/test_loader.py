"""Batches are a function of (seed, step), and an epoch is the whole stream once."""

import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxgpt.data.loader import Batch, Loader, prefetch, validation_batches
from mlxgpt.data.packing import Stream
from mlxgpt.errors import DataError


def stream(n: int, masked: bool = False) -> Stream:
    """Tokens 0, 1, 2 …, so that an id says where it stood; a mask that leaves out every third."""
    mask = (np.arange(n) % 3 > 0).astype(np.uint8) if masked else None
    ends = np.array([n])
    return Stream(ids=np.arange(n, dtype=np.uint16), mask=mask, ends=ends, byte_ends=4 * ends)


def same(left: Batch, right: Batch) -> bool:
    return np.array_equal(left.inputs, right.inputs) and np.array_equal(left.targets, right.targets)


SHAPES = given(n=st.integers(9, 400), context=st.integers(1, 8), batch=st.integers(1, 12), seed=st.integers(-9, 9))


@SHAPES
@settings(deadline=None)
def test_an_epoch_predicts_each_token_at_most_once_and_misses_less_than_one_window(
    n: int, context: int, batch: int, seed: int
) -> None:
    loader = Loader(stream(n), context, batch, seed=seed)
    batches = [loader.batch(step) for step in range(2 * loader.steps_in(1) + 1)]
    rows = np.concatenate([b.targets for b in batches])
    for epoch in (0, 1):
        targets = Counter(rows[epoch * loader.windows : (epoch + 1) * loader.windows].ravel().tolist())
        assert max(targets.values()) == 1
        assert n - len(targets) < context


@SHAPES
@settings(deadline=None)
def test_targets_are_the_tokens_after_the_inputs_on_the_ring(n: int, context: int, batch: int, seed: int) -> None:
    made = Loader(stream(n), context, batch, seed=seed).batch(3)
    assert made.inputs.shape == made.targets.shape == (batch, context)
    assert made.inputs.dtype == made.targets.dtype == np.int32
    assert np.array_equal(made.targets, (made.inputs + 1) % n)
    assert np.array_equal(made.inputs[:, 1:], made.targets[:, :-1])
    assert made.weights is None


@SHAPES
@settings(deadline=None)
def test_accumulated_batches_are_the_rows_of_the_big_batch(n: int, context: int, batch: int, seed: int) -> None:
    small = Loader(stream(n), context, batch, seed=seed)
    big = Loader(stream(n), context, 3 * batch, seed=seed)
    for step in range(3):
        parts = [small.batch(3 * step + part) for part in range(3)]
        whole = big.batch(step)
        assert np.array_equal(np.concatenate([part.inputs for part in parts]), whole.inputs)
        assert parts[-1].epoch == whole.epoch


def test_a_fresh_loader_at_any_step_goes_on_as_the_first_would_have() -> None:
    first = Loader(stream(500), 8, 4, seed=3)
    history = [first.batch(step) for step in range(60)]
    for step in (59, 17, 0, 31):
        assert same(Loader(stream(500), 8, 4, seed=3).batch(step), history[step])
        assert same(first.batch(step), history[step])


def test_boundaries_and_order_change_with_epoch_and_seed() -> None:
    def starts(seed: int, epoch: int) -> list[int]:
        loader = Loader(stream(403), 4, 100, seed=seed)
        return [int(start) for start in loader.batch(epoch).inputs[:, 0]]

    assert starts(0, 0) == starts(0, 0)
    assert starts(0, 0) != starts(0, 1) != starts(1, 1)
    assert len({min(starts(0, epoch)) for epoch in range(8)}) > 1


def test_the_epoch_counts_passes_and_steps_in_counts_batches() -> None:
    loader = Loader(stream(101), 10, 4)
    assert loader.windows == 10
    assert [loader.batch(step).epoch for step in (0, 4, 9)] == [0.4, 2.0, 4.0]
    assert loader.steps_in(1) == 3
    assert loader.steps_in(2) == 5
    assert loader.steps_per_epoch == 2.5


def test_a_corpus_smaller_than_a_batch_repeats_its_windows() -> None:
    made = Loader(stream(9), 8, 5).batch(0)
    assert made.inputs.shape == (5, 8)
    assert made.epoch == 5.0


def test_weights_are_the_mask_of_the_targets() -> None:
    made = Loader(stream(100, masked=True), 8, 4).batch(1)
    assert made.weights is not None
    assert made.weights.dtype == np.float32
    assert np.array_equal(made.weights, made.targets % 3 > 0)


def test_a_stream_shorter_than_a_context_is_refused() -> None:
    with pytest.raises(DataError, match="8 tokens; one context needs 9"):
        Loader(stream(8), 8, 1)


def test_a_batch_costs_little() -> None:
    loader = Loader(stream(60_000), 256, 32)
    loader.batch(0)
    seconds = []
    for step in range(1, 20):
        begun = time.perf_counter()
        loader.batch(step)
        seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 0.002  # about 0.06 ms here; a training step of this size takes seconds on this CPU


# ---- prefetch --------------------------------------------------------------------------------------------------------


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_prefetched_batches_are_the_loaders_own() -> None:
    loader = Loader(stream(300), 8, 4)
    made = list(prefetch(loader, 5, 20))
    assert len(made) == 20
    assert all(same(batch, loader.batch(5 + index)) for index, batch in enumerate(made))
    assert not threads()


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_prefetching_a_few_gives_a_few(steps: int) -> None:
    assert len(list(prefetch(Loader(stream(50), 8, 1), steps=steps))) == steps


def test_closing_ends_the_thread_of_an_endless_prefetch() -> None:
    batches = prefetch(Loader(stream(300), 8, 4))
    for _ in range(50):
        next(batches)
    assert threads()
    batches.close()
    assert not threads()


def test_prefetch_stays_only_so_far_ahead() -> None:
    class Counting(Loader):
        made = 0

        def batch(self, step: int) -> Batch:
            self.made += 1
            return super().batch(step)

    loader = Counting(stream(300), 8, 4)
    batches = prefetch(loader, ahead=3)
    next(batches)
    time.sleep(0.05)
    assert loader.made == 4
    batches.close()


def test_an_error_in_the_thread_is_raised_to_the_reader() -> None:
    class Broken(Loader):
        def batch(self, step: int) -> Batch:
            if step == 2:
                raise OSError("the disk is gone")
            return super().batch(step)

    batches = prefetch(Broken(stream(300), 8, 4))
    next(batches), next(batches)
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert not threads()


# ---- validation ------------------------------------------------------------------------------------------------------


@given(n=st.integers(2, 200), context=st.integers(1, 16), batch=st.integers(1, 8), limit=st.integers(0, 250))
@settings(deadline=None)
def test_validation_predicts_each_token_once_in_order(n: int, context: int, batch: int, limit: int) -> None:
    batches = list(validation_batches(stream(n), context, batch, most_tokens=limit))
    assert len({made.inputs.shape for made in batches}) == 1
    predicted = []
    for made in batches:
        assert made.weights is not None
        assert made.weights.dtype == np.float32
        assert np.array_equal(made.inputs[made.weights > 0] + 1, made.targets[made.weights > 0])
        predicted += made.targets[made.weights > 0].tolist()
    assert predicted == list(range(1, n))[: limit or None]


def test_validation_keeps_the_mask() -> None:
    (made,) = validation_batches(stream(20, masked=True), 10, 8)
    assert made.weights is not None
    assert sorted(made.targets[made.weights > 0].tolist()) == [i for i in range(1, 20) if i % 3]


@pytest.mark.parametrize("n", [0, 1])
def test_validation_of_nothing_is_refused_at_once(n: int) -> None:
    with pytest.raises(DataError, match="too few to predict"):
        validation_batches(stream(n), 10, 8)


# ---- the whole path --------------------------------------------------------------------------------------------------


def test_from_a_folder_of_text_to_a_batch(tmp_path: Path) -> None:
    from mlxgpt.data.documents import read_documents
    from mlxgpt.data.packing import pack
    from mlxgpt.data.split import split
    from mlxgpt.tokenizer.simple import byte_tokenizer

    for index in range(12):
        (tmp_path / f"{index}.txt").write_text(f"Esta é a história número {index}.\n", encoding="utf-8")
    sides = split(read_documents(tmp_path), share=0.2, seed=1)
    tokenizer = byte_tokenizer()
    train, validation = pack(sides.train, tokenizer), pack(sides.validation, tokenizer)
    batch = Loader(train, 16, 4).batch(0)
    assert tokenizer.decode(batch.inputs[0]).strip() in "".join(2 * [d.text for d in sides.train])
    weights = [made.weights for made in validation_batches(validation, 16, 4)]
    assert sum(w.sum() for w in weights if w is not None) == len(validation.ids) - 1
