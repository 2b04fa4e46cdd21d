"""train, generate and chat explaining themselves: the same work, told."""

import io
import math
import threading
import time

import pytest
from rich.console import Console

from mlxgpt import jobs
from mlxgpt.display.lessons import LessonView
from mlxgpt.display.tokens import TokenPrinter
from mlxgpt.events import (
    GenerationFinished,
    HeatmapDrawn,
    IdeaTold,
    LessonStep,
    SignalsMeasured,
    StepFinished,
    TableShown,
    TokenGenerated,
)
from mlxgpt.lessons.config import NarrationConfig
from mlxgpt.lessons.narration import is_milestone, narrate_training


def run(workplace, narration=None, **settings):
    config, changes = jobs.load_train_config(
        {"data": workplace.corpus, "preset": str(workplace.preset), "out": workplace.path / settings.pop("out"), **settings}
    )  # fmt: skip
    if narration is None:
        return list(jobs.train(config, changes, device="cpu"))
    return list(jobs.train_explained(config, changes, narration, device="cpu"))


def losses(events):
    return [event.loss for event in events if isinstance(event, StepFinished)]


def test_training_takes_the_same_steps_when_it_is_explained(workplace):
    plain = run(workplace, out="plain", steps=12)
    told = run(workplace, NarrationConfig(), out="told", steps=12)
    assert losses(told) == losses(plain)
    assert not any(isinstance(event, LessonStep) for event in plain)
    assert any(isinstance(event, IdeaTold) for event in told)


def test_what_is_told_of_a_step_is_its_own(workplace):
    events = run(workplace, NarrationConfig(lang="en"), out="run", steps=12, sample_every=6, eval_every=4)
    steps = {event.step: event for event in events if isinstance(event, StepFinished)}
    told = {event.numbers["step"]: event for event in events if isinstance(event, IdeaTold) and event.key == "step"}
    assert set(told) == {2, 5, 10}
    for number, event in told.items():
        assert event.numbers["loss"] == steps[number].loss
        assert event.numbers["chance"] == pytest.approx(math.exp(-steps[number].loss))
        assert event.numbers["times"] == pytest.approx(math.exp(steps[1].loss - steps[number].loss))
        assert f"{steps[number].loss:.4f}" in event.text


def test_tensors_of_training_are_the_signals_of_its_layers(workplace):
    events = run(workplace, NarrationConfig(show_tensors=True), out="run", steps=10)
    signals = [event for event in events if isinstance(event, SignalsMeasured)]
    tables = [event for event in events if isinstance(event, TableShown)]
    assert len(signals) == len(tables) == 5
    assert [row[1] for row in tables[0].rows] == list(signals[0].gradient_norms)


def test_attention_of_a_run_is_that_of_what_it_left(workplace):
    events = run(workplace, NarrationConfig(show_attention=True), out="run", steps=6, sample_every=3)
    maps = [event for event in events if isinstance(event, HeatmapDrawn)]
    assert len(maps) == 1
    assert len(maps[0].values) == 2  # layers


def test_milestones_thin_out():
    assert [step for step in range(1, 1001) if is_milestone(step)] == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]


def test_telling_costs_a_run_almost_nothing():
    """A step of the smallest preset takes 20 ms: 5 % of that is 1 ms, and telling takes a small part of it."""
    events = [
        StepFinished(
            step=step, steps=2000, epoch=0.0, loss=5.0 / step, smoothed_loss=5.0, learning_rate=1e-3, gradient_norm=1.0,
            tokens_per_second=1.0, tokens_seen=step, seconds_left=0.0, peak_bytes=0,
        )
        for step in range(1, 2001)
    ]  # fmt: skip
    began = time.process_time()
    told = list(narrate_training(iter(events), NarrationConfig()))
    assert (time.process_time() - began) / len(events) < 1e-4
    assert len(told) > len(events)


def explained(models, **panels):
    settings = {"max_tokens": 8, "seed": 1}
    return list(
        jobs.generate_explained(
            str(models["modern"]), "Era uma vez", settings, NarrationConfig(lang="en", **panels), device="cpu"
        )
    )


def test_the_text_is_the_same_when_it_is_explained(models):
    plain = list(jobs.generate(str(models["modern"]), "Era uma vez", {"max_tokens": 8, "seed": 1}, device="cpu"))
    told = explained(models)
    assert [e.id for e in told if isinstance(e, TokenGenerated)] == [
        e.id for e in plain if isinstance(e, TokenGenerated)
    ]
    assert not any(isinstance(event, LessonStep) for event in plain)


def test_what_is_told_of_a_text_is_its_own(models):
    events = explained(models)
    tokens = [event for event in events if isinstance(event, TokenGenerated)]
    table = next(event for event in events if isinstance(event, TableShown))
    assert [row[1] for row in table.rows] == [token.probability for token in tokens]
    assert [row[3] for row in table.rows] == pytest.approx([-math.log(token.probability) for token in tokens])
    written = next(event for event in events if isinstance(event, IdeaTold) and event.key == "written")
    assert written.numbers["bold_share"] == min(token.probability for token in tokens)
    assert written.numbers["mean"] == pytest.approx(sum(row[3] for row in table.rows) / len(tokens))


def test_looking_inside_comes_after_the_work(models):
    events = explained(models, show_tensors=True, show_attention=True)
    finished = next(i for i, event in enumerate(events) if isinstance(event, GenerationFinished))
    looks = [i for i, event in enumerate(events) if isinstance(event, HeatmapDrawn)]
    assert looks and min(looks) > finished
    layers = next(event for event in events if isinstance(event, TableShown) and event.key == "layers")
    assert len(layers.rows) == 3  # the entrance and two layers


def test_that_nothing_was_remembered_is_said_in_words(models):
    told = next(event for event in explained(models) if isinstance(event, IdeaTold) and event.key == "prompt")
    assert told.numbers["reused"] == 0
    assert "none was in its memory already" in told.text and "0 were" not in told.text


def test_the_explanation_of_a_prompt_stands_before_it(models):
    console = Console(file=io.StringIO(), width=200)
    printer, view = TokenPrinter(console, console), LessonView(console, "en")
    printer.begin("Era uma vez")
    for event in explained(models):
        printer.show(event)
        if isinstance(event, LessonStep):
            view.show(event)
    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("The model was given")
    assert any(line.startswith("Era uma vez") for line in lines)


def test_an_answer_of_a_chat_is_explained_and_its_settings_stay(models):
    chat = jobs.open_chat(str(models["modern"]), {"max_tokens": 6, "seed": 2}, device="cpu")
    events = list(jobs.answer_explained(chat, "Oi", NarrationConfig(), stop=threading.Event()))
    assert any(isinstance(event, TableShown) for event in events)
    assert chat.config.show_tokens is False
    assert len(chat.messages) == 2


def test_a_recurrent_model_is_told_of_its_state_and_has_no_attention_to_show(models):
    told = jobs.generate_explained(
        str(models["rwkv7"]), "Era uma vez", {"max_tokens": 3}, NarrationConfig(show_attention=True), device="cpu"
    )
    keys = [event.key for event in told if isinstance(event, LessonStep)]
    assert "prompt_state" in keys and "prompt" not in keys
    assert "no_attention" in keys and "looks" not in keys
