"""Loss, perplexity and bits per byte of a stream, against the sums written out."""

import math

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.data.documents import Document
from mlxgpt.data.packing import pack
from mlxgpt.evaluation.evaluate import Score, evaluate
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig
from mlxgpt.tokenizer.simple import byte_tokenizer

TEXTS = ["uma casa azul", "o mar é grande", "a menina abriu a porta"]


@pytest.fixture(scope="module")
def model():
    config = ModelConfig(vocab_size=265, context_length=8, n_layer=1, n_head=2, n_embd=16, init="vaswani")
    return initialize.build(config, seed=1)


@pytest.fixture(scope="module")
def stream():
    return pack([Document(text=text, source="a") for text in TEXTS], byte_tokenizer())


def nats(model, ids, context):
    """The loss of every token but the first, in windows of `context`."""
    found = []
    for start in range(0, len(ids) - 1, context):
        window = mx.array(ids[start : start + context + 1].astype(np.int32))
        logits = model(window[None, :-1])[0]
        losses = mx.logsumexp(logits, axis=-1) - mx.take_along_axis(logits, window[1:, None], axis=-1)[:, 0]
        found += losses.tolist()
    return found


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_loss_is_the_mean_over_every_token_whatever_the_batch(model, stream, batch_size):
    score = evaluate(model, stream, context_length=8, batch_size=batch_size)
    expected = nats(model, stream.ids, 8)
    assert score.tokens == len(expected) == len(stream.ids) - 1
    assert score.loss == pytest.approx(np.mean(expected), rel=1e-5)
    assert score.perplexity == pytest.approx(math.exp(np.mean(expected)), rel=1e-4)


def test_bits_per_byte_are_all_bits_over_all_bytes(model, stream):
    score = evaluate(model, stream, context_length=8, batch_size=2)
    text_bytes = sum(len(text.encode()) for text in TEXTS)
    assert score.bits_per_byte == pytest.approx(sum(nats(model, stream.ids, 8)) / math.log(2) / text_bytes, rel=1e-5)


def test_a_limit_takes_the_beginning_and_its_bytes(model, stream):
    score = evaluate(model, stream, context_length=8, batch_size=2, most_tokens=10)
    assert score.tokens == 10
    assert score.loss == pytest.approx(np.mean(nats(model, stream.ids, 8)[:10]), rel=1e-5)
    assert score.text_bytes == pytest.approx(11, abs=1)


def test_a_model_that_knows_nothing_needs_log2_v_bits_a_token():
    score = Score(loss=math.log(256), tokens=100, text_bytes=100.0)
    assert score.bits_per_byte == pytest.approx(8.0)
    assert score.perplexity == pytest.approx(256.0)
