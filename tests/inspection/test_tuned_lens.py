"""A tuned lens begins as the logit lens, and comes nearer to the end."""

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.errors import CheckpointError, DataError
from mlxgpt.inspection import lens
from mlxgpt.inspection.reports import Passage
from mlxgpt.inspection.tuned_lens import TunedLens, tune
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig

IDS = np.tile(np.arange(20, dtype=np.int32), 20)


@pytest.fixture(scope="module")
def model():
    """A small model with weights large enough that its layers disagree."""
    config = ModelConfig(vocab_size=24, context_length=16, n_layer=3, n_embd=16, n_head=2)
    model = initialize.build(config, 0)
    for block in model.blocks:
        block.ffn.down_proj.weight = mx.random.normal(block.ffn.down_proj.weight.shape, key=mx.random.key(1)) * 0.5
    return model


def report(model, translate):
    ids = tuple(range(12))
    return lens.lens(model, Passage(model="", text="", ids=ids, pieces=tuple(map(str, ids))), str, translate=translate)


def test_an_untrained_tuned_lens_is_the_logit_lens(model):
    tuned, logit = report(model, TunedLens.start(model).translate), report(model, None)
    assert (tuned.kind, logit.kind) == ("tuned", "logit")
    assert np.array_equal(tuned.divergence, logit.divergence)


def test_tuning_brings_every_layer_nearer_to_the_end_and_leaves_the_end(model, tmp_path):
    tuned = TunedLens.start(model)
    events = list(tune(model, tuned, IDS, steps=60, batch_size=2))
    assert events[-1].divergence < 0.7 * events[0].divergence
    before, after = report(model, None), report(model, tuned.translate)
    assert np.all(after.divergence[:-1].mean(-1) < before.divergence[:-1].mean(-1))
    assert np.array_equal(after.top[-1], before.top[-1])
    tuned.save(tmp_path / "lens.safetensors")
    again = TunedLens.load(tmp_path / "lens.safetensors", model)
    assert np.array_equal(report(model, again.translate).divergence, after.divergence)


def test_a_lens_of_another_model_is_refused(model, tmp_path):
    TunedLens.start(model).save(tmp_path / "lens.safetensors")
    other = initialize.build(model.config.with_(n_layer=2), 0)
    with pytest.raises(CheckpointError, match="not a tuned lens of this model"):
        TunedLens.load(tmp_path / "lens.safetensors", other)


def test_a_text_that_is_too_short_is_refused(model):
    with pytest.raises(DataError, match="reads 16 at a time"):
        list(tune(model, TunedLens.start(model), IDS[:5], steps=1))
