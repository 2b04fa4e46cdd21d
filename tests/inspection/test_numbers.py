"""Tensors, memory, embeddings and training signals against plain arithmetic."""

import math

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt import jobs
from mlxgpt.errors import ConfigError, DataError
from mlxgpt.events import SignalsMeasured, StepFinished
from mlxgpt.inspection import surprisal, tensors
from mlxgpt.inspection.embeddings import analogies, principal_plane, read_analogies, unit
from mlxgpt.inspection.spikes import find_spikes
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig
from mlxgpt.tokenizer.simple import byte_tokenizer

TEXT = "Era uma vez um gato chamado Tico, que vivia num sítio."


def test_a_summary_counts_what_is_no_number_and_leaves_it_out():
    found = tensors.summary("x", mx.array([[1.0, math.nan, 3.0], [math.inf, -2.0, -math.inf]]))
    assert (found.nans, found.infinities, found.shape) == (1, 2, (2, 3))
    assert (found.least, found.most, found.mean) == (-2.0, 3.0, pytest.approx(2 / 3))
    assert found.norm == pytest.approx(math.sqrt(14)) and found.sd == pytest.approx(np.std([1, 3, -2]))
    assert found.counts.sum() == 3


def test_a_tensor_without_numbers_has_a_summary_too():
    assert tensors.summary("x", mx.array([math.nan])).nans == 1


def test_gradients_are_the_slopes_of_the_loss_that_pytorch_gives(case):
    model, passage = case.model, case.passage()
    report = tensors.gradients(model, passage)
    assert report.loss == pytest.approx(float(case.expected["per_token_loss"][0].mean()), abs=1e-5)
    norms = {summary.name: summary.norm for summary in report.tensors}
    assert norms.keys() == {summary.name for summary in tensors.weights(model, "x").tensors}
    gain, step, slopes = np.array(model.final_norm.weight), 0.02, []
    for i in range(len(gain)):
        ends = []
        for sign in (1, -1):
            moved = gain.copy()
            moved[i] += sign * step
            model.final_norm.weight = mx.array(moved)
            ends.append(surprisal.surprisal(model, passage, str).loss)
        slopes.append((ends[0] - ends[1]) / (2 * step))
    assert norms["final_norm.weight"] == pytest.approx(np.linalg.norm(slopes), rel=1e-3)


def test_stream_norms_are_lengths_of_the_hidden_states(case):
    report = tensors.activations(case.model, case.passage())
    lengths = np.linalg.norm(case.expected["hidden_states"][:-1, 0], axis=-1)
    assert np.allclose(report.stream_norms[:-1], lengths, rtol=1e-4)


def test_weights_in_numbers(nano):
    report = nano.tensors()
    table = next(summary for summary in report.tensors if summary.name == "embedding.weight")
    assert table.norm == pytest.approx(
        np.linalg.norm(np.array(nano.model.embedding.weight, dtype=np.float64)), rel=1e-6
    )
    assert sum(math.prod(summary.shape) for summary in report.tensors) == 2_754_944
    with pytest.raises(ConfigError, match="weigths"):
        nano.tensors("weigths")


def test_memory_reckoned_is_memory_measured(nano):
    report = nano.memory(TEXT)
    for part in ("weights", "KV cache, used", "KV cache, held", "gradients", "optimizer (AdamW)"):
        assert report.predicted[part] == report.measured[part] > 0, part
    assert sum(report.by_part.values()) == report.measured["weights"]
    assert report.measured["activations (training)"] > 0


def test_memory_of_imported_models(case):
    from mlxgpt.inspection.memory import memory

    report = memory(case.model, case.passage())
    assert report.predicted["weights"] == report.measured["weights"]
    assert report.predicted["KV cache, used"] == report.measured["KV cache, used"]


# ---- embeddings ------------------------------------------------------------------------------------------------------


def test_neighbours_are_the_nearest_by_cosine(nano):
    report = nano.embeddings(["menina", "menino", "gato"])
    assert report.neighbours[0].pieces[0] == " menino"
    weight = np.array(nano.model.embedding.weight).astype(np.float64)
    a, b = (weight[nano.tokenizer.encode(word)[0]] for word in (" menina", " menino"))
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert report.neighbours[0].cosines[0] == pytest.approx(cosine, abs=1e-5)
    assert report.similarity[0, 1] == pytest.approx(cosine, abs=1e-5)


def test_the_plane_of_points_on_a_line_explains_all_with_one_direction():
    plane, explained = principal_plane(np.outer([0.0, 1.0, 3.0], [1.0, 2.0, -1.0]).astype(np.float32))
    assert explained.tolist() == pytest.approx([1.0, 0.0], abs=1e-6)
    assert np.abs(np.diff(plane[:, 0])) == pytest.approx([math.sqrt(6), 2 * math.sqrt(6)], abs=1e-5)


def test_one_word_has_a_plane_without_variance():
    plane, explained = principal_plane(np.ones((1, 4), np.float32))
    assert plane.tolist() == [[0, 0]] and explained.tolist() == [0, 0]


def test_no_word_is_refused(nano):
    with pytest.raises(DataError, match="no word"):
        nano.embeddings([])


def test_analogies_are_answered_by_the_nearest_to_b_minus_a_plus_c(nano, tmp_path):
    file = tmp_path / "questions.txt"
    file.write_text(": pares\nmenino menina avô avó\nmenino menina paralelepípedo x\n", encoding="utf-8")
    report = nano.analogies(file)
    assert report.sections == {"pares": (2, 1, report.right)}
    vectors = unit(np.array(nano.model.embedding.weight))
    a, b, c = (vectors[nano.tokenizer.encode(word)[0]] for word in (" menino", " menina", " avô"))
    cosines = vectors @ unit(b - a + c)
    cosines[[nano.tokenizer.encode(word)[0] for word in (" menino", " menina", " avô")]] = -1
    assert report.examples[0][4] == nano.tokenizer.token_text(int(cosines.argmax())).strip()


def test_the_answer_lies_where_b_leads_from_a_not_back():
    tokenizer = byte_tokenizer()
    model = initialize.build(ModelConfig(vocab_size=tokenizer.vocab_size, n_layer=1, n_embd=3, n_head=1), 0)
    places = {"a": (1, 0, 0), "b": (1, 1, 0), "c": (0, 0, 1), "d": (0, 1, 1), "e": (0, -1, 1)}
    vectors = np.full((tokenizer.vocab_size, 3), -1.0, np.float32)
    for word, place in places.items():
        vectors[tokenizer.encode(word)[0]] = place
    model.embedding.weight = mx.array(vectors)
    report = analogies(model, tokenizer, "", {"letters": [("a", "b", "c", "d")]})
    assert report.sections == {"letters": (1, 1, 1)} and report.examples == (("a", "b", "c", "d", "d"),)


def test_a_line_that_is_no_question_is_named(tmp_path):
    file = tmp_path / "questions.txt"
    file.write_text("a b c\n")
    with pytest.raises(DataError, match="line 1"):
        read_analogies(file)
    with pytest.raises(DataError, match="does not exist"):
        read_analogies(tmp_path / "none")


def test_analogies_of_the_shared_set_that_are_one_token_each(nano):
    from pathlib import Path

    file = Path(__file__).parents[3] / "shared" / "data" / "eval" / "analogias_pt.txt"
    if not file.exists():
        pytest.skip("the shared data is not here")
    report = analogies(nano.model, nano.tokenizer, "nano", read_analogies(file))
    assert report.asked > 100 and 0 < report.right < report.asked


# ---- training --------------------------------------------------------------------------------------------------------


def test_a_spike_is_found_and_ordinary_noise_is_not():
    losses = (2 + 0.1 * np.sin(np.arange(60) * 2.3)).tolist()
    assert find_spikes(losses) == []
    losses[40] = 4.0
    assert [index for index, _ in find_spikes(losses)] == [40]


def test_a_run_is_looked_into_and_its_spikes_are_the_rows_it_read(workplace):
    events = workplace.train(steps=6)
    report = jobs.inspect_training(str(workplace.path / "run"), device="cpu")
    losses = [event.loss for event in events if isinstance(event, StepFinished)]
    assert list(report.losses) == losses
    assert report.now.step == 6
    assert report.now.layers[0] == "embedding" and len(report.now.layers) == len(report.now.update_ratios)
    assert all(norm > 0 for norm in report.now.gradient_norms)


def test_signals_measured_while_training_are_those_of_the_step(workplace):
    events = workplace.train(steps=4, signals_every=2)
    signals = [event for event in events if isinstance(event, SignalsMeasured)]
    steps = {event.step: event for event in events if isinstance(event, StepFinished)}
    assert [event.step for event in signals] == [0, 2]
    for event in signals:
        norm = math.sqrt(sum(norm * norm for norm in event.gradient_norms))
        assert norm == pytest.approx(steps[event.step + 1].gradient_norm, rel=1e-4)


def test_measuring_signals_changes_no_bit_of_the_training(workplace):
    plain = [e.loss for e in workplace.train(steps=4) if isinstance(e, StepFinished)]
    watched = workplace.train(steps=4, signals_every=1, out=workplace.path / "watched")
    assert [e.loss for e in watched if isinstance(e, StepFinished)] == plain


def test_the_batch_of_a_spike_is_the_batch_of_that_step(workplace, monkeypatch):
    from mlxgpt.inspection import signals

    workplace.train(steps=5)
    monkeypatch.setattr(signals, "find_spikes", lambda losses: [(2, 1.0)])
    (spike,) = jobs.inspect_training(str(workplace.path / "run"), device="cpu").spikes
    assert (spike.step, spike.batches) == (3, (2,))
    read = workplace.corpus.read_text(encoding="utf-8")
    assert all(text.split("<EOS>")[0] in read for text in spike.texts)
