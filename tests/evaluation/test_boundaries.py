"""Scores of a model on cuts, recomputed one row at a time with the formulas written out."""

import json
import math

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.chunking.analysis.cohesion import GapScores
from mlxgpt.chunking.analysis.model_scores import Gate, ModelScores
from mlxgpt.chunking.analysis.view import ChunkView, DocumentView
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.evaluation.boundaries import Row, Scorer, mean_nats, score
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig
from mlxgpt.tokenizer.simple import byte_tokenizer

CONTEXT = 40
PARAGRAPHS = [f"O barco {n} saiu do porto. O mar {n * 7} estava calmo e azul. Voltou." for n in range(12)]
TEXT = "\n\n".join(f"# Parte {n}\n\n{p}\n\nE foi {n}." for n, p in enumerate(PARAGRAPHS))


@pytest.fixture(scope="module", params=["rope", "learned"])
def model(request):
    config = ModelConfig(
        vocab_size=265, context_length=CONTEXT, n_layer=1, n_head=2, n_embd=16, init="vaswani", position=request.param
    )  # fmt: skip
    model = initialize.build(config, seed=3)
    model.update({"embedding": {"weight": model.embedding.weight * 40}})  # so that rows differ
    return model


@pytest.fixture(scope="module")
def tokenizer():
    return byte_tokenizer()


def chunks(text=TEXT, size=90):
    return [
        Chunk(text=text[max(0, s - 10) : s + size], start=max(0, s - 10), end=min(len(text), s + size), n_tokens=1,
              overlap=min(10, s))
        for s in range(0, len(text), size)
    ]  # fmt: skip


def nats(model, ids, scored):
    """The mean -log p of the last `scored` ids, one row alone."""
    logits = model(mx.array([ids[:-1]]))[0].astype(mx.float32)
    losses = mx.logsumexp(logits, axis=-1) - mx.take_along_axis(logits, mx.array(ids[1:])[:, None], axis=-1)[:, 0]
    return float(np.mean(np.array(losses)[-scored:]))


def clarity(model, tokenizer, before, behind):
    """ppl(q|d) / ppl(q), with the begin token before both."""
    q = tokenizer.encode(behind)[: (CONTEXT + 1) // 4]
    d = tokenizer.encode(before)[-(CONTEXT - (CONTEXT + 1) // 4) :]
    begin = [tokenizer.eos_id]
    return math.exp(nats(model, begin + d + q, len(q))) / math.exp(nats(model, begin + q, len(q)))


def test_rows_together_are_the_rows_alone(model):
    rng = np.random.default_rng(0)
    rows = [
        Row(ids=rng.integers(0, 265, size).tolist(), scored=scored)
        for size, scored in [(2, 1), (41, 40), (41, 3), (17, 9), (5, 4), (33, 8)] * 3
    ]
    assert mean_nats(model, rows) == pytest.approx([nats(model, row.ids, row.scored) for row in rows], rel=1e-4)


def test_batches_of_any_size_give_the_same(model, monkeypatch):
    rows = [Row(ids=[n, *range(n + 2)], scored=n + 1) for n in range(1, 30)]
    whole = mean_nats(model, rows)
    monkeypatch.setattr("mlxgpt.evaluation.likelihood._BATCH", 265 * CONTEXT * 4)
    assert mean_nats(model, rows) == pytest.approx(whole, rel=1e-4)


def test_clarity_is_the_quotient_of_perplexities(model, tokenizer):
    places = np.array([5, 100, 333, len(TEXT) - 3])
    expected = [clarity(model, tokenizer, TEXT[:place], TEXT[place:]) for place in places]
    found = Scorer(model, tokenizer).clarity_at(TEXT, places)
    assert found == pytest.approx(expected, rel=1e-3)
    assert np.ptp(found) > 0.01


def test_without_a_token_to_begin_with_the_first_token_is_not_predicted(model, tokenizer, monkeypatch):
    monkeypatch.setattr("mlxgpt.evaluation.boundaries.begin_id", lambda _: None)
    q, d = tokenizer.encode("azul"), tokenizer.encode("o mar ")
    expected = math.exp(nats(model, d + q, 3) - nats(model, q, 3))
    scorer = Scorer(model, tokenizer)
    assert scorer.clarity([("o mar ", "azul")]) == pytest.approx([expected], rel=1e-3)
    assert scorer.clarity([("o mar ", "a")]) == pytest.approx([1.0])  # nothing to predict


def test_scores_are_the_means_written_out(model, tokenizer):
    cut = chunks()
    found = score(model, tokenizer, [(TEXT, cut)], ungated=True)
    cuts = ChunkView(DocumentView(TEXT), cut).cuts
    expected = [clarity(model, tokenizer, TEXT[:place], TEXT[place:]) for place in cuts]
    assert found.clarity.value == pytest.approx(np.mean(expected), rel=1e-3)
    gaps = [clarity(model, tokenizer, TEXT[:place], TEXT[place:]) for place in DocumentView(TEXT).gaps]
    assert found.clarity.chance == pytest.approx(np.mean(gaps), abs=4 * found.clarity.chance_sd / math.sqrt(200))
    windows = []  # (nats, tokens) of each window of each chunk
    for chunk in cut:
        ids = tokenizer.encode(chunk.text)
        for low in range(0, len(ids), CONTEXT):
            window = ids[low : low + CONTEXT]
            windows.append((nats(model, [tokenizer.eos_id, *window], len(window)), len(window)))
    total = sum(loss * tokens for loss, tokens in windows)
    assert found.nats_per_token == pytest.approx(total / sum(tokens for _, tokens in windows), rel=1e-3)
    characters = sum(len(chunk.text) for chunk in cut)
    assert found.bits_per_character == pytest.approx(total / math.log(2) / characters, rel=1e-3)


@pytest.mark.parametrize("threshold", [-0.1, 0.0, 0.05, 0.99])
def test_stickiness_is_the_entropy_of_the_degrees(model, tokenizer, threshold):
    cut = chunks()[:8]
    found = score(model, tokenizer, [(TEXT, cut)], threshold=threshold, window=3, ungated=True).stickiness
    degrees, pairs = np.zeros(8), 0
    for i in range(8):
        for j in range(i + 1, min(8, i + 4)):
            pairs += 1
            if 1 - clarity(model, tokenizer, cut[i].text, cut[j].text[cut[j].overlap :]) > threshold:
                degrees[[i, j]] += 1
    m = degrees.sum() / 2
    assert (found.pairs, found.edges, found.chunks) == (pairs, m, 8)
    if m == 0:
        assert found.bits is None
    else:
        expected = -sum(h / (2 * m) * math.log2(h / (2 * m)) for h in degrees if h)
        assert found.bits == pytest.approx(expected)


def test_the_gate_compares_on_the_text_without_its_headings(model, tokenizer):
    gate = score(model, tokenizer, [(TEXT, chunks())]).gate
    bare = TEXT
    places = []
    for n in range(12):
        at = bare.index(f"# Parte {n}\n\n")
        bare = bare.replace(f"# Parte {n}\n\n", "", 1)
        places.append(at)
    view = DocumentView(bare)
    heads = np.array(places[1:])
    others = np.array([gap for gap in view.paragraphs if gap not in places])
    assert (gate.headings, len(others)) == (11, 12)
    for auc, values in (
        (gate.clarity_auc, lambda at: np.array([clarity(model, tokenizer, bare[:p], bare[p:]) for p in at])),
        (gate.lexical_auc, lambda at: -GapScores(view).lexical_at(at)),
    ):
        positive, negative = values(heads), values(others)
        pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
        assert auc == pytest.approx(np.mean(pairs), abs=0.03)  # of near ties, rounding decides


def test_without_headings_the_gate_does_not_run_and_holds_everything_back(model, tokenizer):
    text = " ".join(PARAGRAPHS)
    found = score(model, tokenizer, [(text, chunks(text))])
    assert (found.gate.headings, found.gate.clarity_auc, found.gate.passed, found.shown) == (0, None, False, False)
    assert (found.to_json()["clarity"], found.to_json()["stickiness"]) == (None, None)
    assert score(model, tokenizer, [(text, chunks(text))], ungated=True).shown


@pytest.mark.parametrize("model_auc, lexical_auc, passed", [(0.8, 0.7, True), (0.7, 0.8, False), (0.7, 0.7, False)])
def test_the_gate_passes_what_beats_counting_words(model_auc, lexical_auc, passed):
    gate = Gate(headings=9, clarity_auc=model_auc, lexical_auc=lexical_auc)
    scores = ModelScores(
        gate=gate, clarity=None, stickiness=None, nats_per_token=1.0, chunk_nats=(), bits_per_character=1.0,
        chunks_read=0,
    )  # fmt: skip
    assert (gate.passed, scores.shown) == (passed, passed)
    json.dumps(scores.to_json())
