"""Every lesson, on models it was not written for: what it promises."""

import inspect
import json
import re
from pathlib import Path

import pytest

from mlxgpt.display.lessons import LessonView
from mlxgpt.errors import CheckpointError, ConfigError
from mlxgpt.events import (
    BarsDrawn,
    CodeShown,
    CurvesDrawn,
    ExerciseAsked,
    HeatmapDrawn,
    IdeaTold,
    LessonFinished,
    LessonStarted,
    LessonStep,
    PointsDrawn,
    SurfaceDrawn,
    TableShown,
    TensorShown,
    from_json,
)
from mlxgpt.lessons import path
from mlxgpt.lessons.answers import is_right
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.language import number
from mlxgpt.lessons.teach import teach

LESSONS = [station.name for station in path.PATH]
PICTURES = (BarsDrawn, CurvesDrawn, HeatmapDrawn, PointsDrawn, SurfaceDrawn)
MEASURED = {"kernels", "benchmarks", "inference_engine", "training_system", "memory_management"}  # times and peaks
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_has_an_idea_a_computation_a_picture_code_and_three_exercises(given, lesson):
    events = given(lesson)
    assert isinstance(events[0], LessonStarted)
    assert isinstance(events[-1], LessonFinished)
    kinds = [type(event) for event in events]
    assert IdeaTold in kinds and TableShown in kinds and CodeShown in kinds
    assert any(kind in PICTURES for kind in kinds)
    asked = [event for event in events if isinstance(event, ExerciseAsked)]
    assert len(asked) >= 3
    assert events[-1].exercises == len(asked)
    assert [event.number for event in asked] == list(range(1, len(asked) + 1))
    assert len({event.key for event in asked}) == len(asked)


@pytest.mark.parametrize("lesson", LESSONS)
def test_both_languages_take_the_same_steps(given, lesson):
    def steps(lang):
        return [(type(event), event.key) for event in given(lesson, lang=lang) if isinstance(event, LessonStep)]

    ours = [step for step in steps("pt") if "clear" not in step[1] and not step[1].startswith("square_")]
    theirs = [step for step in steps("en") if "clear" not in step[1] and not step[1].startswith("square_")]
    assert [step for step in ours if not step[1].startswith("products_")] == [
        step for step in theirs if not step[1].startswith("products_")
    ]


@pytest.mark.parametrize("lesson", [name for name in LESSONS if name not in MEASURED])
def test_the_numbers_do_not_depend_on_the_language_or_the_day(given, lesson):
    def numbers(lang):
        found = [event.numbers for event in given(lesson, lang=lang) if isinstance(event, IdeaTold | ExerciseAsked)]
        return [{name: value for name, value in each.items() if not isinstance(value, str)} for each in found]

    for ours, theirs in zip(numbers("pt"), numbers("en"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("model", ["gpt2", "first", "short"])
@pytest.mark.parametrize(
    "lesson",
    [
        station.name
        for station in path.PATH
        if station.name not in MEASURED - {"inference_engine", "memory_management"} and station.looks_at != "state"
    ],
)
def test_other_models_are_looked_into_as_well(given, lesson, model):
    assert isinstance(given(lesson, model)[-1], LessonFinished)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_code_that_is_shown_stands_in_the_file(given, lesson):
    for event in given(lesson):
        if isinstance(event, CodeShown):
            lines = (ROOT / event.path).read_text(encoding="utf-8").splitlines()
            shown = event.code.splitlines()
            there = lines[event.first_line - 1 : event.first_line - 1 + len(shown)]
            assert [line.strip() for line in there] == [line.strip() for line in shown]


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_step_says_which_line_of_the_lessons_made_it(given, lesson):
    for event in given(lesson):
        if isinstance(event, LessonStep):
            file, _, line = event.source.rpartition(":")
            source = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
            assert file.startswith("mlxgpt/lessons/")
            assert "board." in source or "yield" in source, event.source


@pytest.mark.parametrize("lang", ["pt", "en"])
@pytest.mark.parametrize("lesson", LESSONS)
def test_the_answer_that_is_shown_is_accepted_and_others_are_not(given, lesson, lang):
    for event in given(lesson, lang=lang):
        if not isinstance(event, ExerciseAsked):
            continue
        if event.choices:
            letter = "abcdefghijklmnopqrstuvwxyz"[int(event.answer)]
            assert is_right(event, letter) and is_right(event, event.choices[int(event.answer)])
            assert not is_right(event, "abcdefghijklmnopqrstuvwxyz"[(int(event.answer) + 1) % len(event.choices)])
            assert len(set(event.choices)) == len(event.choices)
        else:
            shown = number(event.answer, ",.0f" if event.answer.is_integer() else ".5g", lang)
            assert is_right(event, shown), (event.key, shown, event.answer)
            wrong = (event.answer * 1.3 + 1.7 + event.tolerance) * (100 if event.percent else 1)
            assert not is_right(event, str(wrong)), event.key
        assert event.hint and event.why and event.question


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_figures_in_the_reason_lead_to_the_answer(given, lesson):
    """The reason names the answer, or the words of the choice, as a reader sees them."""
    for event in given(lesson, lang="en"):
        if isinstance(event, ExerciseAsked) and not event.choices:
            figures = re.findall(r"[-+]?\d[\d,]*\.?\d*(?:e-?\d+)?%?", event.why)
            assert any(is_right(event, figure) for figure in figures), (event.key, event.why, event.answer)
        elif isinstance(event, ExerciseAsked):
            assert event.choices[int(event.answer)] in event.why, (event.key, event.why)


@pytest.mark.parametrize("lesson", LESSONS)
def test_events_survive_json(given, lesson):
    for event in given(lesson):
        assert from_json(json.loads(json.dumps(event.to_json()))) == event


@pytest.mark.parametrize("lesson", ["attention", "embeddings_explained", "gradient_computation"])
def test_panels_are_added_only_when_asked_for(given, lesson):
    def tensors(events):
        return sum(isinstance(event, TensorShown) for event in events)

    assert tensors(given(lesson, show_tensors=True)) > tensors(given(lesson))


def test_attention_maps_show_every_head(given):
    maps = [event for event in given("attention", show_attention_maps=True) if isinstance(event, HeatmapDrawn)]
    assert sum(event.key == "pattern" for event in maps) == 1 + 2 * 4


def test_every_module_of_the_issue_names_a_lesson():
    modules = (
        *("attention", "tokenizer", "embeddings", "model", "transformer", "training", "gradients", "optimization"),
        *("inference", "memory", "chunking", "benchmarks", "kernels"),
    )
    for module in modules:
        assert len(path.choose([module])) == 1
    assert len(path.choose([])) == len(path.PATH)


def test_lessons_come_in_the_order_of_the_path():
    assert [station.name for station in path.choose(["training", "tokenizer"])] == [
        "tokenization_process", "training_system",
    ]  # fmt: skip


def test_an_unknown_lesson_names_the_nearest():
    with pytest.raises(ConfigError) as problem:
        list(teach(LessonConfig(modules=("atention",))))
    assert "attention" in problem.value.hint


def test_an_unknown_language_or_model_is_refused():
    with pytest.raises(ConfigError):
        LessonConfig(lang="xx")
    with pytest.raises(CheckpointError):
        list(teach(LessonConfig(model="no-such-model")))


def test_every_lesson_can_be_found_by_its_name():
    for station in path.PATH:
        module = __import__(f"mlxgpt.lessons.{station.name}", fromlist=["lesson"])
        assert list(inspect.signature(module.lesson).parameters) == ["board", "subject", "config"]


def test_the_view_shows_whatever_a_lesson_does(given, tmp_path):
    from rich.console import Console

    for lesson in LESSONS:
        for width, coloured in ((100, True), (60, False)):
            with (tmp_path / "page.txt").open("w", encoding="utf-8") as file:
                page = Console(file=file, width=width, no_color=not coloured, force_terminal=coloured)
                view = LessonView(page, "pt", logs=True)
                for event in given(lesson):
                    view.show(event)
            text = (tmp_path / "page.txt").read_text(encoding="utf-8")
            plain = re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", text)
            assert not re.search(r"[\x00-\x08\x0b-\x1f]", plain)
            assert max(map(len, plain.splitlines())) <= width
            assert coloured == ("\x1b[" in text)


def test_lessons_on_attention_suit_only_models_that_have_it():
    suiting = [station.name for station in path.PATH if station.suits("rwkv7")]
    assert "tokenization_process" in suiting and "recurrent_memory" in suiting and "attention" not in suiting
    assert [station.name for station in path.PATH if not station.suits("transformer")] == ["recurrent_memory"]
    assert path.after("transformer_architecture") == "inference_engine"
    assert path.after("inference_engine") == "gradient_computation"
    assert path.after("inference_engine", "rwkv7") == "training_system"
    assert path.after("benchmarks", "rwkv7") == ""


@pytest.mark.parametrize("block", ["rwkv6", "rwkv7"])
def test_writing_with_a_recurrent_model_is_told_of_its_state(models, given, block):
    import mlx.core as mx

    from mlxgpt.lessons.subject import Subject

    events = given("inference_engine", block, show_tensors=True)
    keys = [event.key for event in events if isinstance(event, LessonStep)]
    assert "state" in keys and "cache" not in keys
    (asked,) = (event for event in events if isinstance(event, ExerciseAsked) and event.key == "ask.bytes_state")
    model = Subject.load(str(models[block]), "cpu").model
    cache = model.make_cache()
    mx.eval(model(mx.array([[1, 2, 3]]), cache))
    assert asked.answer == sum(state.nbytes for state in cache)
    assert events[-1].following == "training_system"


def test_a_model_without_attention_is_shown_the_way_to_its_own_views(models):
    from mlxgpt.errors import DataError

    with pytest.raises(DataError, match="looks at attention") as refused:
        list(teach(LessonConfig(modules=("attention",), model=str(models["rwkv6"])), device="cpu"))
    assert "inspect attention" in refused.value.hint
    with pytest.raises(DataError, match="looks at a state") as refused:
        list(teach(LessonConfig(modules=("recurrent",), model=str(models["modern"])), device="cpu"))
    assert "rwkv-nano" in refused.value.hint


@pytest.mark.parametrize("block", ["rwkv6", "rwkv7"])
def test_the_states_reckoned_by_hand_are_the_model_s(models, given, block):
    import mlx.core as mx
    import numpy as np

    from mlxgpt.lessons.recurrent_memory import states_by_hand
    from mlxgpt.lessons.subject import Subject

    model, ids = Subject.load(str(models[block]), "cpu").model, [5, 9, 7, 9, 300, 12]
    cache = model.make_cache()
    model(mx.array([ids]), cache)
    for layer, head in ((0, 0), (1, 1)):
        assert np.allclose(states_by_hand(model, ids, layer, head)[-1], np.array(cache[layer].wkv[0, head]), atol=1e-5)
    told = {event.key: event for event in given("recurrent_memory", block) if isinstance(event, IdeaTold)}
    assert told["hand_after"].numbers["difference"] < 1e-4
