"""Cohesion by difference arrays equals its definition, gap by gap."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlxgpt.chunking.cohesion import cohesion
from mlxgpt.chunking.registry import create
from mlxgpt.tokenizer.simple import byte_tokenizer


def defined(sentences: list[list[int]], k: int) -> list[float]:
    """g at each gap, from bags of words."""
    count = len(sentences)
    terms = sorted({term for sentence in sentences for term in sentence})
    tf = np.array([[sentence.count(term) for term in terms] for sentence in sentences], dtype=float).reshape(
        count, len(terms)
    )
    weights = tf * np.log(count / np.maximum(1, (tf > 0).sum(axis=0)))
    found = []
    for gap in range(count):
        a, b = weights[max(0, gap - k) : gap].sum(axis=0), weights[gap : gap + k].sum(axis=0)
        norm = np.linalg.norm(a) * np.linalg.norm(b)
        found.append(float(a @ b / norm) if norm > 1e-9 else 0.0)
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.integers(0, 9), max_size=8), min_size=1, max_size=25), st.integers(1, 6))
def test_it_is_the_cosine_of_the_weighted_bags(sentences: list[list[int]], k: int) -> None:
    terms = np.array([term for sentence in sentences for term in sentence], dtype=np.int64)
    places = np.repeat(np.arange(len(sentences)), [len(sentence) for sentence in sentences])
    assert cohesion(terms, places, len(sentences), k) == pytest.approx(defined(sentences, k), abs=1e-9)


def test_semantic_cuts_where_the_subject_turns() -> None:
    sea = "O barco saiu ao mar com a rede. A onda levou o barco e a rede. No mar o barco virou. "
    kitchen = "A panela ferve no fogo da cozinha. O bolo assa no forno. Na cozinha o bolo cheira. "
    text = sea * 3 + kitchen * 3
    chunks = list(create("semantic", max_size=420, min_size=100, compared=3).split(text, byte_tokenizer()))
    assert any(chunk.end in (len(sea * 3) - 1, len(sea * 3)) for chunk in chunks)


def test_adaptive_chunks_are_shorter_where_the_text_is_dense() -> None:
    thin = "lá lá lá lá lá lá lá lá lá lá. " * 60
    dense = "".join(f"Zinco {n * 7919 % 997} quartzo {n * 104729 % 883} vexame fujão. " for n in range(60))
    chunks = list(create("adaptive", max_size=400, min_size=100).split(thin + dense, byte_tokenizer()))
    before = [chunk.n_tokens for chunk in chunks if chunk.end <= len(thin)]
    after = [chunk.n_tokens for chunk in chunks[:-1] if chunk.start >= len(thin)]
    assert np.median(before) > 1.3 * np.median(after)


def test_what_is_dense_is_ranked_within_the_text() -> None:
    text = "palavra comum aqui. " * 200
    sizes = [chunk.n_tokens for chunk in create("adaptive", max_size=400).split(text, byte_tokenizer())]
    assert min(sizes[:-1]) > 300  # nothing stands out, so nothing shrinks much
