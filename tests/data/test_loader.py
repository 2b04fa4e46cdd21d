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
from mlxgpt.data.packing import Source, Stream
from mlxgpt.errors import ConfigError, DataError


def stream(n: int, masked: bool = False) -> Stream:
    """Tokens 0, 1, 2 …, so that an id says where it stood; a mask that leaves out every third."""
    mask = (np.arange(n) % 3 > 0).astype(np.uint8) if masked else None
    ends = np.array([n])
    return Stream(ids=np.arange(n, dtype=np.uint16), mask=mask, ends=ends, byte_ends=4 * ends)


def same(left: Batch, right: Batch) -> bool:
    return np.array_equal(left.inputs, right.inputs) and np.array_equal(left.targets, right.targets)


SHAPES = given(n=st.integers(9, 400), context=st.integers(1, 8), batch=st.integers(1, 12), seed=st.integers(-9, 9))


@SHAPES
@settings(deadline=None, max_examples=40)
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
@settings(deadline=None, max_examples=40)
def test_targets_are_the_tokens_after_the_inputs_on_the_ring(n: int, context: int, batch: int, seed: int) -> None:
    made = Loader(stream(n), context, batch, seed=seed).batch(3)
    assert made.inputs.shape == made.targets.shape == (batch, context)
    assert made.inputs.dtype == made.targets.dtype == np.int32
    assert np.array_equal(made.targets, (made.inputs + 1) % n)
    assert np.array_equal(made.inputs[:, 1:], made.targets[:, :-1])
    assert made.weights is None


@SHAPES
@settings(deadline=None, max_examples=40)
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
@settings(deadline=None, max_examples=40)
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


# ---- sources, ranks and packings -------------------------------------------------------------------------------------


def documents(lengths: list[int], sources: tuple[Source, ...] = ()) -> Stream:
    """Documents of so many tokens; an id says where it stood."""
    ends = np.cumsum(lengths)
    return Stream(ids=np.arange(ends[-1], dtype=np.uint16), mask=None, ends=ends, byte_ends=4 * ends, sources=sources)


@SHAPES
@settings(deadline=None, max_examples=40)
def test_ranks_together_see_what_one_would(n: int, context: int, batch: int, seed: int) -> None:
    alone = Loader(stream(n), context, 3 * batch, seed=seed)
    ranks = [Loader(stream(n), context, batch, seed=seed, rank=rank, ranks=3) for rank in range(3)]
    for step in (0, 5):
        parts = [loader.batch(step) for loader in ranks]
        assert np.array_equal(np.concatenate([part.inputs for part in parts]), alone.batch(step).inputs)
        assert {part.epoch for part in parts} == {alone.batch(step).epoch}
    assert ranks[0].steps_in(2) == alone.steps_in(2)


def test_an_epoch_passes_over_a_source_as_often_as_it_weighs() -> None:
    sources = (
        Source(start=0, stop=400, weight=2.0),
        Source(start=400, stop=800, weight=0.5),
        Source(start=800, stop=900, weight=0.0),
        Source(start=900, stop=1000, weight=1.0),
    )
    loader = Loader(documents([10] * 100, sources), 10, 1, seed=4)
    assert loader.windows == 80 + 20 + 10
    epochs = [
        np.concatenate([loader.batch(epoch * 110 + row).targets.ravel() for row in range(110)]) for epoch in range(2)
    ]
    for targets in epochs:
        assert sorted(set(np.bincount(targets, minlength=1000)[:400].tolist())) == [2]
        assert not np.any((targets >= 800) & (targets < 900))
        assert sorted(targets[targets >= 900].tolist()) == list(range(900, 1000))
    halves = [set(targets[(targets >= 400) & (targets < 800)].tolist()) for targets in epochs]
    assert len(halves[0]) == len(halves[1]) == 200
    assert halves[0] | halves[1] == set(range(400, 800))  # the second epoch takes the other half


def test_sources_of_one_weight_are_one_ring() -> None:
    sources = (Source(start=0, stop=55), Source(start=55, stop=100))
    assert Loader(documents([5] * 20, sources), 10, 1).windows == 10


def test_an_order_mixes_all_sources() -> None:
    sources = (Source(start=0, stop=5000, weight=1.0), Source(start=5000, stop=10000, weight=1.5))
    loader = Loader(documents([100] * 100, sources), 10, 50)
    shares = [float((loader.batch(step).inputs >= 5000).mean()) for step in range(20)]
    assert all(0.3 < share < 0.9 for share in shares)


LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=40)


@given(lengths=LENGTHS, context=st.integers(1, 16), packing=st.sampled_from(["best-fit", "pad"]))
@settings(deadline=None, max_examples=40)
def test_packed_rows_predict_every_token_once_and_never_from_another_document(
    lengths: list[int], context: int, packing: str
) -> None:
    made = documents(lengths)
    loader = Loader(made, context, 1, packing=packing, boundaries=True)
    seen = []
    for step in range(loader.windows):
        batch = loader.batch(step)
        assert batch.weights is not None
        assert batch.documents is not None
        real = batch.weights > 0
        assert np.array_equal(batch.inputs[real], (batch.targets[real] - 1) % len(made.ids))
        assert np.array_equal(batch.documents[real], np.searchsorted(made.ends, batch.targets[real], side="right"))
        assert (batch.documents[~real] == -1).all()
        if packing == "pad":
            assert len(set(batch.documents[real].tolist())) == 1
        seen += batch.targets[real].tolist()
    assert sorted(seen) == list(range(len(made.ids)))


@given(lengths=LENGTHS, context=st.integers(1, 16))
@settings(deadline=None, max_examples=40)
def test_best_fit_cuts_only_what_is_longer_than_a_row(lengths: list[int], context: int) -> None:
    loader = Loader(documents(lengths), context, 1, packing="best-fit", boundaries=True)
    rows: dict[int, set[int]] = {}
    for step in range(loader.windows):
        batch = loader.batch(step)
        assert batch.documents is not None
        for document in set(batch.documents.ravel().tolist()) - {-1}:
            rows.setdefault(document, set()).add(step)
    for document, length in enumerate(lengths):
        assert len(rows[document]) == -(-length // context)


def test_best_fit_leaves_little_room() -> None:
    lengths = np.random.default_rng(1).integers(10, 400, size=3000).tolist()
    stream_ = documents(lengths)
    loader = Loader(stream_, 512, 1, packing="best-fit")
    assert len(stream_.ids) / (512 * loader.windows) > 0.99
    assert Loader(stream_, 512, 1, packing="pad").windows == 3000


def test_an_unknown_packing_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no packing 'bestfit'") as caught:
        Loader(documents([10]), 4, 1, packing="bestfit")
    assert "best-fit" in caught.value.hint


def test_packing_needs_to_know_where_documents_end() -> None:
    one = Stream(ids=np.arange(50), mask=None, ends=np.array([20]), byte_ends=np.array([20]))
    with pytest.raises(DataError, match="does not say where its documents end"):
        Loader(one, 4, 1, packing="best-fit")


def test_without_weight_nothing_is_left() -> None:
    with pytest.raises(DataError, match="No source is left"):
        Loader(documents([10], (Source(start=0, stop=10, weight=0.0),)), 4, 1)
