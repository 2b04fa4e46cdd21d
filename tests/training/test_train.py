"""The whole path: a tiny corpus, some steps, a checkpoint that loads; and a run continued is the run uninterrupted."""

import dataclasses
import json
import shutil
import threading

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from mlxgpt import checkpoint, runs
from mlxgpt.backend import devices
from mlxgpt.errors import CheckpointError, ConfigError, TrainingError
from mlxgpt.events import (
    CheckpointSaved,
    EvaluationFinished,
    Noted,
    RunFinished,
    RunStarted,
    SampleDrawn,
    StepFinished,
    TokenizerTrained,
    replay,
)
from mlxgpt.model import initialize
from mlxgpt.tokenizer import registry
from mlxgpt.training import material, prepare, train
from mlxgpt.training.losses import next_token_loss


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def losses(events):
    return [event.loss for event in of(StepFinished, events)]


def timeless(events):
    """The events without the figures that depend on the clock, the memory or the place."""
    timed = {"tokens_per_second", "seconds_left", "peak_bytes", "seconds", "path", "run", "bytes", "resumed_from_step"}
    return [
        dataclasses.replace(event, **dict.fromkeys({f.name for f in dataclasses.fields(event)} & timed, 0))
        for event in events
    ]


@pytest.fixture
def run(workplace):
    return runs.Run(path=workplace.path / "run")


# ---- from text to a model --------------------------------------------------------------------------------------------


def test_from_text_to_a_model_that_loads_and_has_learned(workplace, run):
    events = workplace.train(steps=30)
    first, *_, last = losses(events)
    assert last < first - 0.5
    scores = of(EvaluationFinished, events)
    assert scores[-1].loss < scores[0].loss
    assert scores[-1].bits_per_byte < 8.0
    assert [type(event) for event in events[:2]] == [TokenizerTrained, RunStarted]
    assert of(RunFinished, events)[0].reason == "completed"
    model, tokenizer = checkpoint.load(run.last)
    logits = model(mx.array([tokenizer.encode("uma casa")]))
    assert logits.shape == (1, 8, tokenizer.vocab_size)
    assert mx.isfinite(logits).all()


def test_mlx_lm_loads_a_checkpoint_whose_words_are_a_known_architecture(workplace, run):
    from mlx_lm.utils import load_model

    workplace.train(steps=2)
    ids = mx.array([[5, 70, 120, 9]])
    theirs, config = load_model(run.last)
    assert config["model_type"] == "llama"
    np.testing.assert_allclose(theirs(ids), checkpoint.load(run.last)[0](ids), atol=1e-4)


def test_the_recorded_events_are_the_events(workplace, run):
    assert workplace.train(steps=4, sample_every=2) == list(replay(run.events))


def test_samples_are_drawn_from_the_prompt_when_asked(workplace):
    events = workplace.train(steps=6, sample_every=3, sample_prompt="a casa", sample_tokens=5)
    samples = of(SampleDrawn, events)
    assert [sample.step for sample in samples] == [0, 3, 6]
    assert all(sample.prompt == "a casa" for sample in samples)
    assert not of(SampleDrawn, workplace.train(steps=2, sample_every=-1, out=workplace.path / "other"))


def test_a_checkpoint_says_where_it_comes_from(workplace, run):
    workplace.train(steps=4, chunk_strategy="fixed", chunk_size=12)
    record = checkpoint.read_record(run.last)
    assert record["checkpoint"]["step"] == 4
    assert record["checkpoint"]["tokens_seen"] == 4 * 4 * 16
    assert record["chunking"] == {"strategy": "fixed", "size": 12}
    assert record["data"]["chats"] is False
    assert record["tokenizer"]["fingerprint"] == registry.load(run.last).fingerprint
    assert record["model"]["n_layer"] == 2
    assert record["train"]["learning_rate"] == 0.01


def test_chats_are_learned_by_their_answers(workplace, run):
    turns = [{"role": "user", "content": "Que cor tem o mar?"}, {"role": "assistant", "content": "O mar é azul."}]
    lines = [
        json.dumps({"messages": [{**turn, "content": f"{n}: {turn['content']}"} for turn in turns]}) for n in range(20)
    ]
    chats = workplace.path / "chats.jsonl"
    chats.write_text("\n".join(lines), encoding="utf-8")
    events = workplace.train(data=chats, steps=2)
    assert checkpoint.read_record(run.last)["data"]["chats"] is True

    config, changes = prepare.load_config({"data": chats, "preset": str(workplace.preset), "steps": 2})
    plan = prepare.prepare(config, changes, devices.prepare("cpu"), material.read(config), registry.load(run.tokenizer))
    batch = plan.loader.batch(0)
    assert 0 < batch.weights.sum() < batch.weights.size
    arrays = map(mx.array, (batch.inputs, batch.targets, batch.weights))
    untrained = initialize.build(plan.model.config, config.seed)
    assert losses(events)[0] == pytest.approx(next_token_loss(untrained, *arrays).item(), rel=1e-4)


def test_a_tokenizer_that_was_trained_before_is_used(workplace, run):
    workplace.train(steps=1)
    again = workplace.train(steps=1, tokenizer=run.tokenizer, out=workplace.path / "again")
    assert not of(TokenizerTrained, again)
    assert registry.load(workplace.path / "again" / "tokenizer").fingerprint == registry.load(run.tokenizer).fingerprint


@pytest.mark.parametrize("batch_size", [1, 2])
def test_accumulated_batches_give_the_run_of_the_big_batch(workplace, batch_size):
    big = workplace.train(steps=6, out=workplace.path / "big")
    small = workplace.train(steps=6, batch_size=batch_size, grad_accum=4 // batch_size)
    np.testing.assert_allclose(losses(small), losses(big), rtol=1e-4)
    assert [e.epoch for e in of(StepFinished, small)] == [e.epoch for e in of(StepFinished, big)]


# ---- when to stop ----------------------------------------------------------------------------------------------------


def test_a_budget_in_minutes_ends_the_run_about_on_time(workplace):
    finished = workplace.train(minutes=2 / 60, eval_every=10_000, checkpoint_every=10_000)[-1]
    assert finished.reason == "completed"
    assert 1.5 < finished.seconds < 4.0  # the last evaluation and checkpoint come after the bell
    assert finished.step > 10


def test_patience_ends_a_run_that_no_longer_improves(workplace):
    events = workplace.train(steps=100, eval_every=1, patience=3, learning_rate=1e-30)
    scores = of(EvaluationFinished, events)
    assert events[-1].reason == "early stop"
    assert events[-1].step < 100
    assert not any(score.best for score in scores[-3:])


def test_a_closed_job_keeps_its_last_complete_step(workplace, run):
    job = workplace.start(steps=50, eval_every=100, checkpoint_every=100)
    next(event for event in job if isinstance(event, StepFinished) and event.step == 3)
    job.close()
    assert run.steps() == [3]
    checkpoint.load(run.last)


# ---- checkpoints -----------------------------------------------------------------------------------------------------


def test_best_and_last_lead_to_the_right_checkpoints(workplace, run, monkeypatch):
    told = iter([3.0, 1.0, 2.0, 4.0])
    real = train.validation_score
    monkeypatch.setattr(train, "validation_score", lambda plan, stop: dataclasses.replace(real(plan), loss=next(told)))
    events = workplace.train(steps=8, eval_every=2, checkpoint_every=3, keep=1)
    assert [event.step for event in of(CheckpointSaved, events)] == [
        2,
        3,
        4,
        6,
        8,
    ]  # every third, the best, and the end
    assert run.best.resolve() == run.checkpoint(4)
    assert run.last.resolve() == run.checkpoint(8)
    assert run.steps() == [4, 6, 8]
    assert runs.find_model(str(run.path)) == run.best


@pytest.mark.parametrize("keep", [1, 3])
def test_only_so_many_checkpoints_are_kept_besides_best_and_last(workplace, run, keep):
    workplace.train(steps=8, eval_every=100, checkpoint_every=1, keep=keep)
    held = {run.best.resolve().name, run.last.resolve().name}
    assert len({path.name for path in run.checkpoints.glob("step-*")} - held) == keep
    assert run.steps()[-1] == 8


def test_weights_that_are_no_numbers_are_never_saved(workplace, run):
    job = workplace.start(steps=20, checkpoint_every=1, learning_rate=1e38, weight_decay=1e3, warmup=0.0)
    with pytest.raises(TrainingError, match="weights stopped being numbers at step 1"):
        list(job)
    assert run.steps() == []


def test_a_validation_loss_that_is_no_number_is_never_the_best(workplace, run, monkeypatch):
    real = train.validation_score
    monkeypatch.setattr(
        train, "validation_score", lambda plan, stop: dataclasses.replace(real(plan), loss=float("nan"))
    )
    with pytest.raises(TrainingError, match="validation loss became nan at step 2"):
        workplace.train(steps=6, eval_every=2, checkpoint_every=1)
    assert run.steps() == [1, 2]  # its weights are numbers


def test_a_stop_is_heard_while_much_held_out_text_is_read(workplace, run, monkeypatch):
    stop, real = threading.Event(), train.evaluate

    def asked_meanwhile(*arguments, **settings):
        stop.set()
        return real(*arguments, **settings)

    monkeypatch.setattr(train, "evaluate", asked_meanwhile)
    monkeypatch.setattr(train, "ANNOUNCED", 0.0)
    events = list(workplace.start(steps=6, eval_every=2, stop=stop))
    assert any("held-out tokens" in event.text for event in of(Noted, events))
    assert not of(EvaluationFinished, events)
    assert (events[-1].reason, events[-1].step) == ("interrupted", 2)
    assert run.steps()[-1] == 2


# ---- continued = uninterrupted, bit for bit --------------------------------------------------------------------------


def stopped_at(workplace, step, **settings):
    """The events of a run that is asked to stop after `step`."""
    stop, events = threading.Event(), []
    for event in workplace.start(stop=stop, **settings):
        events.append(event)
        if isinstance(event, StepFinished) and event.step == step:
            stop.set()
    assert events[-1].reason == "interrupted"
    return events


def assert_same_checkpoints(one, other):
    states = [checkpoint.load_training(directory) for directory in (one, other)]
    progress = [{**state.values["progress"], "seconds": 0} for state in states]
    assert progress[0] == progress[1]
    trees = [dict(tree_flatten(checkpoint.load(directory)[0].parameters())) for directory in (one, other)]
    for ours, theirs in ([state.arrays for state in states], trees):
        assert ours.keys() == theirs.keys()
        assert all(mx.array_equal(value, theirs[name]) for name, value in ours.items())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("grad_accum", [1, 2])
def test_a_continued_run_is_the_uninterrupted_run_bit_for_bit(workplace, run, optimizer, grad_accum):
    settings = {"steps": 20, "optimizer": optimizer, "grad_accum": grad_accum, "dropout": 0.2, "sample_every": 7}
    settings |= {"patience": 50, "batch_size": 2, "checkpoint_every": 4}
    straight = workplace.train(**settings, out=workplace.path / "straight")
    first = stopped_at(workplace, 10, **settings)
    second = workplace.train(resume=run.path)
    assert of(RunStarted, second)[0].resumed_from_step == 10
    for kind in (StepFinished, EvaluationFinished, SampleDrawn):
        drawn = [event for event in second if not (isinstance(event, SampleDrawn) and event.step == 10)]
        assert timeless(of(kind, straight)) == timeless(of(kind, first) + of(kind, drawn))
    assert_same_checkpoints(run.last, workplace.path / "straight" / "checkpoints" / "last")


def test_a_run_continued_from_an_older_checkpoint_catches_up_with_itself(workplace, run):
    workplace.train(steps=12, checkpoint_every=4, eval_every=4)
    end = run.checkpoint(12).rename(workplace.path / "end")
    events = workplace.train(resume=run.path)
    assert of(RunStarted, events)[0].resumed_from_step == 8
    assert_same_checkpoints(run.last, end)


def test_a_run_without_a_checkpoint_yet_begins_anew(workplace, run):
    workplace.train(steps=6)
    end = shutil.move(run.checkpoint(6), workplace.path / "end")
    shutil.rmtree(run.checkpoints)
    events = workplace.train(resume=run.path)
    assert of(RunStarted, events)[0].resumed_from_step == 0
    assert_same_checkpoints(run.last, end)


def test_a_finished_run_takes_no_further_step_unless_the_budget_grows(workplace, run):
    workplace.train(steps=4)
    assert not of(StepFinished, workplace.train(resume=run.path))
    assert [event.step for event in of(StepFinished, workplace.train(resume=run.path, steps=6))] == [5, 6]
    assert run.last.resolve() == run.checkpoint(6)


def test_a_budget_of_another_kind_replaces_the_old_one(workplace, run):
    workplace.train(steps=2)
    config, _ = prepare.load_config({"resume": run.path, "epochs": 3.0})
    assert (config.steps, config.epochs) == (0, 3.0)


def test_all_events_of_a_run_and_its_continuation_replay(workplace, run):
    first = stopped_at(workplace, 3, steps=6)
    assert first + workplace.train(resume=run.path) == list(replay(run.events))


def test_links_that_a_crash_left_behind_are_mended(workplace, run):
    workplace.train(steps=4, checkpoint_every=1, eval_every=1)
    for link in (run.best, run.last):
        link.unlink()
        link.symlink_to("step-00000002")
    workplace.train(resume=run.path)
    assert run.last.resolve() == run.checkpoint(4)


def test_changed_text_is_refused(workplace, run):
    workplace.train(steps=2)
    with workplace.corpus.open("a", encoding="utf-8") as file:
        file.write("\n\n\nMais um texto.")
    with pytest.raises(CheckpointError, match=r"corpus\.txt is not the text .* was trained on"):
        workplace.train(resume=run.path)


@pytest.mark.parametrize("change", [{"optimizer": "muon"}, {"preset": "small-transformer"}])
def test_another_model_or_optimizer_is_refused(workplace, run, change):
    workplace.train(steps=2)
    with pytest.raises(CheckpointError, match="do not fit"):
        workplace.train(resume=run.path, steps=4, **change)


def test_a_table_that_is_no_table_is_refused(workplace):
    workplace.preset.write_text("train = 3", encoding="utf-8")
    with pytest.raises(ConfigError, match="train must be a table"):
        workplace.train(steps=1)
