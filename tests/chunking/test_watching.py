"""What is watched is what is made, and the reasons hold when they are checked against the text."""

import threading

import pytest

from mlxgpt.backend import places
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.registry import CHUNKERS, create
from mlxgpt.chunking.watching import watch
from mlxgpt.tokenizer import registry

TOKENIZER = registry.load(places.shipped_model())
TEXT = places.corpus().read_text(encoding="utf-8")[:30_000]
README = (places.shipped() / "README.md").read_text(encoding="utf-8")


def watched(text, name, **options):
    return [chunk for part in watch(text, TOKENIZER, create(name, **options)) for chunk in part.chunks]


@pytest.mark.parametrize("name", CHUNKERS)
@pytest.mark.parametrize("text", [TEXT, README])
def test_the_chunks_are_those_of_split(name, text):
    for options in ({"max_size": 120}, {"max_size": 30}):
        found = [entry.chunk for entry in watched(text, name, **options)]
        assert found == list(create(name, **options).split(text, TOKENIZER))


@pytest.mark.parametrize("name", ["sentence", "paragraph", "recursive", "markdown"])
def test_what_is_cut_by_size_does_not_fit_with_the_next_unit(name):
    kinds = set()
    for entry in (found := watched(TEXT, name, max_size=90)):
        kinds.add(entry.cut.kind)
        if entry.cut.kind == "size":
            assert entry.cut.would > entry.cut.limit == 90
        elif entry.cut.kind == "even":
            assert entry.cut.would <= 90
        elif entry.cut.kind == "apart":
            assert entry.cut.would > 90
    assert found[-1].cut.kind == "end" and "size" in kinds


def test_an_even_cut_is_nearer_to_the_middle_than_the_next_one():
    found = watched(TEXT, "recursive", max_size=90)
    even = [i for i, entry in enumerate(found) if entry.cut.kind == "even"]
    assert even
    for i in even:
        here, after = found[i].chunk.n_tokens, found[i + 1].chunk.n_tokens
        grown = found[i].cut.would
        assert (
            abs(here - after) <= abs(grown - (after - (grown - here))) + 4
        )  # counts of joined text may differ by some


def test_a_semantic_cut_has_the_best_score_of_its_candidates():
    chunker = create("semantic", max_size=90)
    parts = list(watch(TEXT, TOKENIZER, chunker))
    gaps, g = parts[0].gaps.tolist(), parts[0].cohesion.tolist()
    for entry in parts[0].chunks:
        if entry.cut.kind == "subject":
            assert entry.cut.candidates >= 1 and entry.cut.cohesion == g[gaps.index(entry.chunk.end)]
    cuts = [entry.cut for entry in parts[0].chunks if entry.cut.kind == "subject"]
    assert len(cuts) > 20 and sum(cut.score for cut in cuts) > 0
    assert sum(cut.cohesion for cut in cuts) / len(cuts) < sum(g) / len(g)


def test_fixed_chunks_are_full_and_adaptive_ones_as_long_as_asked_for():
    for entry in watched(TEXT, "fixed", max_size=90)[:-1]:
        assert entry.cut.kind == "fill" and entry.cut.would > 90
    asked = [entry for entry in watched(TEXT, "adaptive", max_size=90) if entry.cut.kind == "density"]
    assert asked and all(45 <= entry.cut.wanted <= 90 and entry.chunk.n_tokens <= entry.cut.wanted for entry in asked)


def test_overlaps_are_counted_in_tokens():
    for entry in (found := watched(TEXT, "overlapping", max_size=100, overlap_ratio=0.2)):
        assert entry.overlap_tokens <= 20
    assert found[0].overlap_tokens == 0 and found[1].overlap_tokens > 10


def test_a_long_document_comes_in_parts_and_can_be_stopped():
    text, stop = TEXT * 50, threading.Event()
    seen = []
    for part in watch(text, TOKENIZER, create("recursive", max_size=200), stop=stop):
        seen.append(part)
        if len(seen) == 3:
            stop.set()
    assert len(seen) == 3 and 0 < seen[-1].done < len(text)
    whole = list(watch(text, TOKENIZER, create("recursive", max_size=200)))
    assert whole[-1].done == len(text)
    assert [entry.cut.kind for part in whole for entry in part.chunks].count("block") >= 1
    assert all((part.gaps < len(text)).all() for part in whole)


def test_a_piece_that_no_place_cuts_says_so():
    found = watched("x" * 900 + " fim", "recursive", max_size=40)
    assert found[0].cut.kind in ("piece", "size") and found[0].cut.level <= Level.WORD
