"""Lessons in the app: computed by the open model, read step by step, answered, graded and remembered."""

import pytest

from mlxgpt import jobs
from mlxgpt.events import ExerciseAsked, LessonFinished
from mlxgpt.lessons import progress
from mlxgpt.lessons.config import LessonConfig
from tests.tui.conftest import SIZES, drive, screen_text, until
from tui.app import MlxgptApp
from tui.course import Course
from tui.page import Request

LESSON = "tokenization_process"


@pytest.fixture(scope="module")
def events():
    return list(jobs.teach(LessonConfig(modules=(LESSON,), lang="en"), device="cpu"))


def correct(exercise):
    return "abcdefgh"[int(exercise.answer)] if exercise.choices else repr(exercise.answer)


# ---- the fold --------------------------------------------------------------------------------------------------------


def test_a_lesson_is_read_from_step_to_step_and_nothing_is_lost(events):
    course = Course(lesson=LESSON)
    seen = []
    for event in events:
        course.add(event)
    seen += course.step
    while True:
        while course.exercise is not None:
            assert not course.move(1)
            assert course.answer(correct(course.exercise)) == "right"
        if not course.move(1):
            break
        seen += course.step
    assert seen == events and isinstance(seen[-1], LessonFinished)
    assert course.solved == len(course.asked) == sum(isinstance(event, ExerciseAsked) for event in events) > 0
    assert (course.move(-1) and not course.over) or course.move(-1)


def test_only_whole_steps_are_shown_while_a_lesson_is_computed(events):
    course = Course(lesson=LESSON)
    course.add(events[0])
    assert course.step == [] and course.whole == 0
    for event in events[1:]:
        if course.whole:
            break
        course.add(event)
    assert course.step and course.step == course.steps[0]


def test_answers_are_told_apart(events):
    course = Course(lesson=LESSON)
    for event in events:
        course.add(event)
    while course.exercise is None or not course.exercise.choices:
        if course.exercise is not None:
            course.answer("")
        course.move(1)
    exercise = course.exercise
    wrong = "abcdefgh"[(int(exercise.answer) + 1) % len(exercise.choices)]
    assert [course.answer(text) for text in ("?", "blá", wrong)] == ["hint", "unread", "wrong"]
    assert course.shown[-1] is exercise
    assert course.answer("") == "shown" and course.exercise is not exercise and course.solved == 0


# ---- the page --------------------------------------------------------------------------------------------------------


async def begun(pilot, lesson=LESSON):
    await until(pilot, lambda: pilot.app.bridge.opened is not None)
    await pilot.app.go("learn", Request(word=lesson))
    page = pilot.app.screen
    await until(pilot, lambda: page.course is not None and page.course.over)
    return page


@pytest.mark.parametrize("size", SIZES)
def test_the_path_is_listed_and_a_lesson_opens(size):
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        await until(pilot, lambda: "Embeddings" in screen_text(pilot.app))
        await pilot.press("j", "k", "enter")
        await until(pilot, lambda: pilot.app.screen.course is not None and pilot.app.screen.course.step)
        await until(pilot, lambda: "Aula 1 de 1" in screen_text(pilot.app))
        await pilot.press("escape")
        await until(pilot, lambda: "Embeddings" in screen_text(pilot.app))

    drive(MlxgptApp(page="learn"), story, size)


def test_exercises_are_answered_and_remembered():
    async def story(pilot):
        page = await begun(pilot)
        for _ in range(200):
            if page.course.exercise is not None and page.query_one("#answer").has_focus:
                break
            await pilot.press("space")
        exercise = page.course.exercise
        await pilot.press("?", "enter")
        await until(pilot, lambda: "Dica:" in screen_text(pilot.app))
        await pilot.press(*correct(exercise), "enter")
        await until(pilot, lambda: "Certo!" in screen_text(pilot.app))
        assert progress.load().lessons[LESSON].right == {exercise.key: True}
        for _ in range(400):
            if page.course.exercise is not None and page.query_one("#answer").has_focus:
                await pilot.press("enter")  # the solution
            elif any(isinstance(event, LessonFinished) for event in page.course.step):
                break
            await pilot.press("space")
        await until(pilot, lambda: progress.load().lessons[LESSON].read == 1)
        done = progress.load().lessons[LESSON]
        assert done.solved == 1 and done.exercises == len(page.course.asked)
        await pilot.press("space")
        await until(pilot, lambda: page.course.lesson == "embeddings_explained")

    drive(MlxgptApp(), story)


def test_code_language_and_the_way_back():
    async def story(pilot):
        page = await begun(pilot)
        await pilot.press("g")
        await until(
            pilot,
            lambda: (
                page.lang == "en"
                and page.course.over
                and f"Lesson {page._names.index(LESSON) + 1} of {len(page._names)}" in screen_text(pilot.app)
            ),
        )
        page.course.at = next(
            number
            for number, step in enumerate(page.course.steps)
            if any(type(e).__name__ == "CodeShown" for e in step)
        )
        page._show()
        await until(
            pilot, lambda: "c shows the code" in screen_text(pilot.app) or page.query_one("#sheet").max_scroll_y
        )
        rows = page.query_one("#blocks").size.height
        await pilot.press("c")
        await until(pilot, lambda: page.query_one("#blocks").size.height > rows)
        page.course.at = 2
        await pilot.press("b")
        await until(pilot, lambda: page.course.at == 1)

    drive(MlxgptApp(), story)


def test_a_lesson_that_does_not_suit_the_model_is_refused():
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        await pilot.app.go("learn", Request(word="recurrent_memory"))
        await until(pilot, lambda: "looks at a state" in " ".join(screen_text(pilot.app).split()))
        assert pilot.app.screen.course is None

    drive(MlxgptApp(), story)


def test_any_size_will_do():
    async def story(pilot):
        await begun(pilot)
        for size in ((20, 8), (40, 12), (99, 30), (101, 30), (300, 100)):
            await pilot.resize_terminal(*size)
            await pilot.pause()

    drive(MlxgptApp(), story)


def test_a_lesson_is_gone_on_with_where_it_was_left_in_its_language():
    left = {}

    async def first(pilot):
        page = await begun(pilot)
        await pilot.press("g")
        await until(pilot, lambda: page.lang == "en" and page.course.over)
        for _ in range(200):
            if page.course.exercise is not None and page.query_one("#answer").has_focus:
                break
            await pilot.press("space")
        await pilot.press(*correct(page.course.exercise), "enter")
        await until(pilot, lambda: page.course.solved == 1)
        for _ in range(400):
            if page.course.at:
                break
            await pilot.press("enter" if page.query_one("#answer").has_focus else "space")
        left["at"], left["asked"] = page.course.at, len(page.course.asked)
        assert left["at"] > 0

    async def second(pilot):
        page = await begun(pilot)
        await until(pilot, lambda: page.course.over)
        assert page.lang == "en" and page.course.at == left["at"] and page.course.solved == 1
        await until(pilot, lambda: screen_text(pilot.app).count(f"1/{left['asked']}") >= 2)  # in the list and below
        await pilot.press("r")
        assert page.course.at == 0 and page.course.solved == 0

    drive(MlxgptApp(), first)
    drive(MlxgptApp(), second)
