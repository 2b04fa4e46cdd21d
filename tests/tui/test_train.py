"""The Train page: a recorded run read along, words to a live one, the form of a new one."""

import dataclasses
import json
import shutil
import time
from pathlib import Path

import pytest

from mlxgpt import jobs, processes
from mlxgpt.display.curves import Chart, Curve, spark_line
from mlxgpt.errors import ConfigError
from mlxgpt.events import (
    CheckpointSaved,
    EvaluationFinished,
    Event,
    Noted,
    RunFinished,
    RunStarted,
    SampleDrawn,
    SignalsMeasured,
    StepFinished,
    TokenizerTrained,
    replay,
)
from mlxgpt.runs import Run
from tests.tui.conftest import SIZES, check_snapshot, drive, screen_text, until
from tui import training_text
from tui.app import MlxgptApp
from tui.modals.new_run import BUDGET, FIELDS, arguments
from tui.training import METRICS, Follower, RunState, curves, smoothed

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture
def recorded(home):
    """The run of `recorded/`, which was really trained, where runs live."""
    path = home / "runs" / "recorded"
    shutil.copytree(RECORDED, path)
    (path / "checkpoints" / "step-00000058").mkdir(parents=True)
    return Run(path=path)


def step(number: int, loss: float = 2.0) -> StepFinished:
    return StepFinished(
        step=number, steps=100, epoch=0.0, loss=loss, smoothed_loss=loss, learning_rate=1e-3, gradient_norm=1.0,
        tokens_per_second=10.0, tokens_seen=number, seconds_left=1.0, peak_bytes=1000,
    )  # fmt: skip


def started(step: int = 0) -> RunStarted:
    return RunStarted(
        run="a", device="cpu", parameters=1, train_tokens=1, validation_tokens=1, steps=100, batch_tokens=1,
        resumed_from_step=step,
    )  # fmt: skip


def signals(number: int) -> SignalsMeasured:
    layers = ("embedding", "blocks.0", "blocks.1", "final_norm")
    return SignalsMeasured(
        step=number, layers=layers, gradient_norms=(5.25,) * 4, weight_norms=(1.0,) * 4, update_ratios=(1e-3,) * 4
    )


# ---- what is known of a run ------------------------------------------------------------------------------------------


def test_reading_along_in_pieces_is_reading_at_once(recorded):
    along, at_once = Follower(recorded), RunState(run=recorded)
    while along.read(seconds=0):
        pass
    along.close()
    for event in replay(recorded.events):
        at_once.take(event)
    assert along.state == at_once
    assert len(at_once.steps) == 58 and at_once.standing() == "interrupted"


def test_a_run_that_goes_on_from_an_earlier_checkpoint_forgets_what_came_after(tmp_path):
    state = RunState(run=Run(path=tmp_path))
    for event in [started(), *(step(number) for number in range(1, 9)), started(5), step(6, 1.0)]:
        state.take(event)
    assert [entry.step for entry in state.steps] == [1, 2, 3, 4, 5, 6] and state.steps[-1].loss == 1.0


def test_a_jump_of_the_loss_is_a_spike_and_is_marked_in_the_curve(tmp_path):
    state = RunState(run=Run(path=tmp_path))
    for number in range(1, 40):
        state.take(step(number, 9.0 if number == 30 else 2.0 + 0.01 * (number % 3)))
    assert [at for at, _ in state.spikes] == [30]
    drawn = curves(state, "loss", smoothing=0.9, window=1.0, colour="cyan", alone=True)
    assert [(list(curve.xs), list(curve.ys)) for curve in drawn if curve.name == "spike"] == [([30], [9.0])]


@pytest.mark.parametrize("width", [40, 60, 78, 120])
def test_the_newest_figures_fit_and_none_is_cut(tmp_path, width):
    state = RunState(run=Run(path=tmp_path))
    state.take(step(1, 5.0))
    line = training_text.fitting(state.figures(), width)
    assert len(line) <= width and line.split("   ") == state.figures()[: len(line.split("   "))]
    assert "loss 5.000" in line


@pytest.mark.parametrize("width", [36, 46, 78, 97, 150])
def test_the_figures_of_the_layers_say_which_step_they_are_of(tmp_path, width):
    state = RunState(run=Run(path=tmp_path))
    for event in [signals(1000), *(step(number) for number in range(1001, 1012))]:
        state.take(event)
    head, *lines = training_text.layers(state, width).plain.splitlines()
    assert head.startswith("gradient norm") and all(len(line) <= width for line in [head, *lines])
    assert head.index("step 1,000") + 10 == lines[0].index("5.25") + 4  # above its numbers
    assert head.count("step 1,000") == head.count("Δw/w") == lines[0].count("e-03")


def finished(number: int, reason: str) -> RunFinished:
    return RunFinished(
        run="a", reason=reason, step=number, loss=2.0, validation_loss=None, seconds=60.0, tokens_seen=number,
        tokens_per_second=10.0,
    )  # fmt: skip


@pytest.mark.parametrize(("reason", "said", "share"), [("completed", "96/96", 1.0), ("interrupted", "96/100", 0.96)])
def test_a_run_that_is_completed_took_as_many_steps_as_it_takes(tmp_path, reason, said, share):
    state = RunState(run=Run(path=tmp_path))
    for event in [started(), step(96)]:  # of 100, as the clock had it: the last steps took longer
        state.take(event)
    assert "step 96/100" in training_text.head(state, 120).plain
    state.take(finished(96, reason))
    head = training_text.head(state, 120).plain
    assert f"step {said}" in head and f"{share:.1%}" in head and state.share() == share


def test_smoothing_begins_at_the_first_value_and_leaves_a_constant_alone():
    assert smoothed([3.0, 3.0, 3.0], 0.9) == pytest.approx([3.0, 3.0, 3.0])
    assert smoothed([1.0, 2.0], 0.5)[0] == 1.0 and 1.0 < smoothed([1.0, 2.0], 0.5)[1] < 2.0


# ---- pictures --------------------------------------------------------------------------------------------------------


def drawn_lines(chart: Chart, width: int = 40) -> list[str]:
    from rich.console import Console

    console = Console(width=width, file=None, record=True, no_color=True, quiet=True)
    with console.capture() as capture:
        console.quiet = False
        console.print(chart)
    return capture.get().splitlines()


def test_a_spike_of_one_step_among_thousands_is_seen():
    flat = [1.0] * 5000
    spiked = [*flat]
    spiked[2500] = 10.0
    lines = drawn_lines(Chart(curves=[Curve(name="loss", xs=range(5000), ys=spiked)], height=9))
    column = lines[0][10:].rstrip()
    assert any("⠀" < character <= "⣿" for character in column), lines
    assert all(any("⠀" < character <= "⣿" for character in line[10:]) for line in lines[:-1])  # up to the top


def test_values_without_a_logarithm_are_left_out_of_a_logarithmic_chart():
    lines = drawn_lines(Chart(curves=[Curve(name="a", xs=[0, 1, 2], ys=[0.0, 1.0, 100.0])], height=5, logarithmic=True))
    assert "1" in lines[-1] and any("⠀" < character <= "⣿" for character in "".join(lines))


def test_a_spark_line_has_a_gap_where_there_is_no_number():
    assert spark_line([1.0, float("nan"), 2.0], 5) == "▁ █"


# ---- the form --------------------------------------------------------------------------------------------------------

GOOD = {"preset": "modern-nano", "data": "", "budget": "10 min", "batch": "", "rate": "", "more": ""}


def test_the_form_becomes_the_words_of_mlxgpt_train():
    given = GOOD | {"budget": "200 steps", "batch": "4", "more": "--context-length 64 --set train.clip=0.5"}
    assert arguments(given, ["modern-nano"]) == [
        *("--preset", "modern-nano", "--steps", "200", "--batch-size", "4"),
        *("--context-length", "64", "--set", "train.clip=0.5"),
    ]


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("60 s", ["--minutes", "1"]),
        ("90s", ["--minutes", "1.5"]),
        ("20 seconds", ["--minutes", "0.333333"]),
        ("1.5 Min", ["--minutes", "1.5"]),
        ("2h", ["--minutes", "120"]),
        ("2000000", ["--steps", "2000000"]),
        ("1 step", ["--steps", "1"]),
        ("0.5 epochs", ["--epochs", "0.5"]),
    ],
)
def test_a_budget_is_written_as_people_write_it(budget, words):
    assert arguments(GOOD | {"budget": budget}, ["modern-nano"]) == ["--preset", "modern-nano", *words]


def test_all_wrong_fields_are_told_at_once():
    with pytest.raises(ConfigError) as problem:
        arguments(GOOD | {"preset": "x", "budget": "60 z", "batch": "many"}, ["modern-nano"])
    first, second, third = problem.value.message.splitlines()
    assert "no preset 'x'" in first and "'60 z' is no budget.  Write 60 s" in second and "no batch size" in third


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"preset": "modern-nan"}, "modern-nano"),
        ({"data": "/no/such/place"}, "/no/such/place"),
        ({"budget": "soon"}, "no budget"),
        ({"budget": "-3 min"}, "no budget"),
        ({"budget": "0 s"}, "no budget"),
        ({"budget": "2.5 steps"}, "no budget"),
        ({"budget": ""}, "no budget"),
        ({"budget": "٣ min"}, "no budget"),
        ({"batch": "many"}, "no batch size"),
        ({"more": "--set 'open"}, "More"),
    ],
)
def test_a_wrong_field_is_named(change, said):
    with pytest.raises(ConfigError) as problem:
        arguments(GOOD | change, ["modern-nano"])
    assert said in problem.value.message + problem.value.hint


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_no_word_of_the_form_is_cut(size):
    async def story(pilot):
        await until(pilot, lambda: "starts a run" in screen_text(pilot.app))
        await pilot.press("n")
        await until(pilot, lambda: "a new run" in screen_text(pilot.app))
        shown = screen_text(pilot.app)
        assert "…" not in shown and "Start" in shown
        assert all(hint in shown for _, _, hint, value in FIELDS if not value)
        assert all(preset in shown for preset in jobs.presets())
        assert BUDGET in " ".join(shown.replace("│", " ").split())

    drive(MlxgptApp(page="train"), story, size)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
def test_what_is_wrong_with_the_form_is_seen(size):
    async def story(pilot):
        await until(pilot, lambda: "Nothing is trained" in screen_text(pilot.app))
        await pilot.press("n")
        await pilot.press("x", "enter")
        await until(pilot, lambda: "There is no preset 'x'." in screen_text(pilot.app))
        pilot.app.screen.query_one("#budget").value = "soon"
        await pilot.press("enter")
        await until(pilot, lambda: "'soon' is no budget." in screen_text(pilot.app))
        assert "There is no preset 'x'." in screen_text(pilot.app)

    drive(MlxgptApp(page="train"), story, size)


# ---- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_a_recorded_run_is_drawn(recorded, size):
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None and "step 58/60" in screen_text(pilot.app))
        await pilot.pause(0.3)
        check_snapshot(pilot.app, f"train-{size[0]}x{size[1]}")

    drive(MlxgptApp(page="train"), story, size)


def test_keys_change_the_curve_its_scale_and_the_sample(recorded):
    async def story(pilot):
        await until(pilot, lambda: "step 58/60" in screen_text(pilot.app))
        for title, _, _ in [*list(METRICS.values())[1:], METRICS["loss"]]:
            await pilot.press("v")
            assert f"─ {title} " in screen_text(pilot.app)
        await pilot.press("y")
        assert "(logarithmic)" in screen_text(pilot.app)
        await pilot.press("left_square_bracket")
        assert "2 of 3" in screen_text(pilot.app)
        await pilot.press("right_square_bracket")
        assert "3 of 3" in screen_text(pilot.app)
        await pilot.press("e", "l")
        await pilot.pause(0.3)
        assert "explain · maths · pt" in screen_text(pilot.app)

    drive(MlxgptApp(page="train"), story)


def test_its_checkpoint_is_looked_into_without_being_opened_and_opened_to_be_talked_to(workplace):
    workplace.train(steps=3)
    path = workplace.path / "runs" / "mine"
    shutil.copytree(workplace.path / "run", path)

    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None and "mine" in screen_text(pilot.app))
        await pilot.press("i")
        await until(pilot, lambda: pilot.app.screen.NAME == "inspect" and "mine ·" in screen_text(pilot.app))
        assert pilot.app.screen.look.word == str(path) and pilot.app.bridge.opened.name == "nano-pt"
        await pilot.press("5", "c")
        await until(pilot, lambda: pilot.app.screen.NAME == "chat" and pilot.app.bridge.opened.word == str(path))
        await until(pilot, lambda: "mine" in screen_text(pilot.app).splitlines()[0])

    drive(MlxgptApp(page="train"), story)


@pytest.fixture
def trained(workplace):
    """A run of 26 steps, where runs live."""
    workplace.train(steps=26)
    return Run(path=shutil.move(workplace.path / "run", workplace.runs / "mine"))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_b_reads_the_batch_of_a_spike_again(trained, workplace, size):
    events = list(map(json.loads, trained.events.read_text().splitlines()))
    spiked = [
        each | ({"loss": 99.0} if (each["event"], each.get("step")) == ("StepFinished", 24) else {}) for each in events
    ]
    trained.events.write_text("".join(json.dumps(each) + "\n" for each in spiked))
    (spike,) = jobs.inspect_training(str(trained.path), device="cpu").spikes
    read = workplace.corpus.read_text(encoding="utf-8")
    assert spike.texts and all(text.split("<EOS>")[0] in read for text in spike.texts)

    async def story(pilot):
        await until(pilot, lambda: "step 26/26" in screen_text(pilot.app))
        await pilot.press("b")
        await until(pilot, lambda: "read again, from the run's own seed" in screen_text(pilot.app))
        shown = screen_text(pilot.app)
        assert "Spike at step 24: loss 99.000" in shown and "batch 23:" in shown
        assert all(repr(text) in shown for text in spike.texts[:4])
        assert "Step 26, the last" in shown
        await pilot.press("escape")
        await until(pilot, lambda: "curve: loss" in screen_text(pilot.app).splitlines()[-2])

    drive(MlxgptApp(page="train"), story, size)


def test_b_says_when_there_is_no_spike_and_shows_the_newest_batch(trained):
    async def story(pilot):
        await until(pilot, lambda: "step 26/26" in screen_text(pilot.app))
        await pilot.press("b")
        await until(pilot, lambda: "No loss of its 26 steps lies far above" in screen_text(pilot.app))
        assert "Spike" not in screen_text(pilot.app) and "batch 25:" in screen_text(pilot.app)

    drive(MlxgptApp(page="train"), story)


def test_b_says_what_is_missing_when_the_text_of_the_run_is_gone(trained, workplace):
    workplace.corpus.unlink()

    async def story(pilot):
        await until(pilot, lambda: "step 26/26" in screen_text(pilot.app))
        page = pilot.app.screen
        for _ in range(2):
            await pilot.press("b")
            await until(pilot, lambda: bool(pilot.app._notifications))
            (note,) = pilot.app._notifications
            assert "corpus.txt does not exist" in note.message and note.severity == "error"
            pilot.app.clear_notifications()
            assert pilot.app.screen is page
            assert "curve: loss" in screen_text(pilot.app).splitlines()[-2]  # and no longer "reading …"

    drive(MlxgptApp(page="train"), story)


def test_without_runs_the_page_says_how_to_start_one():
    async def story(pilot):
        await until(pilot, lambda: "starts a run" in screen_text(pilot.app))
        await pilot.press("r")
        await pilot.pause()
        assert "Nothing was trained yet" in screen_text(pilot.app)

    drive(MlxgptApp(page="train"), story)


def test_words_are_only_offered_while_the_run_trains(recorded):
    async def story(pilot):
        await until(pilot, lambda: "step 58/60" in screen_text(pilot.app))
        assert "Resume" in screen_text(pilot.app) and "Pause" not in screen_text(pilot.app)
        with processes.holding(recorded):
            await until(pilot, lambda: "Pause" in screen_text(pilot.app))
            await pilot.press("k")
            await pilot.pause()
            assert processes.taken(recorded) == ["checkpoint"]

    drive(MlxgptApp(page="train"), story)


def test_a_run_is_started_followed_and_stopped_and_outlives_the_app(workplace, monkeypatch):
    async def story(pilot):
        await pilot.press("n")
        form = pilot.app.screen
        for key, value in (("preset", workplace.preset), ("data", workplace.corpus), ("budget", "100000 steps")):
            form.query_one(f"#{key}").value = str(value)
        await pilot.press("enter")
        await until(pilot, lambda: "● training" in screen_text(pilot.app), 90)

    drive(MlxgptApp(page="train"), story)
    (run,) = [Run(path=path) for path in (workplace.path / "runs").iterdir()]
    assert processes.trainer(run) is not None  # the app is gone, the training is not
    processes.ask(run, "stop")
    until_time = time.monotonic() + 60
    while processes.trainer(run) is not None and time.monotonic() < until_time:
        time.sleep(0.1)
    assert run.steps()
    assert any(isinstance(event, CheckpointSaved) for event in replay(run.events))


def test_hostile_text_of_a_run_is_made_visible(recorded):
    with recorded.events.open("a") as file:
        file.write(
            '{"event": "SampleDrawn", "step": 58, "prompt": "", "text": "a\\u001b]52;c;x\\u0007 [b]no[/b] \\u202e"}\n'
        )

    async def story(pilot):
        await until(pilot, lambda: "␛]52;c;x␇ [b]no[/b]" in screen_text(pilot.app))

    drive(MlxgptApp(page="train"), story)


HOSTILE = "a\x1b]52;c;x\x07\u202e\x9b31m"


def hostile(kind: type[Event]) -> dict[str, object]:
    """An event of a kind with the same number everywhere, and a terminal's commands in every word."""
    values: dict[str, object] = {str: HOSTILE, int: 58, float: 1.0, bool: True, tuple[str, ...]: [HOSTILE] * 3}
    fields = {field.name: field.type for field in dataclasses.fields(kind)}
    return {"event": kind.__name__} | {name: values.get(wanted, [1.0, 1.0]) for name, wanted in fields.items()}  # type: ignore[call-overload]


KINDS = (
    RunStarted,
    TokenizerTrained,
    StepFinished,
    SignalsMeasured,
    EvaluationFinished,
    SampleDrawn,
    CheckpointSaved,
    Noted,
)


def test_no_word_of_any_event_reaches_the_terminal_as_it_is(recorded):
    for kinds in (KINDS, (*KINDS, RunFinished)):
        recorded.events.write_text("".join(json.dumps(hostile(kind)) + "\n" for kind in kinds))

        async def story(pilot):
            await until(pilot, lambda: "step 58/58" in screen_text(pilot.app))
            await pilot.pause(0.3)
            shown = screen_text(pilot.app)
            assert "a␛]52;c;x␇" in shown
            assert not set(shown) & set("\x1b\x07\u202e\x9b")

        drive(MlxgptApp(page="train"), story)


def test_lines_that_cannot_be_read_are_counted_and_said(recorded):
    events = recorded.events.read_text().splitlines()
    wrong = json.dumps(json.loads(next(line for line in events if "StepFinished" in line)) | {"loss": "low"})
    damaged = [events[0], wrong, "{half of a li", *events[1:], '{"event": "FromTheFuture"}']
    recorded.events.write_text("\n".join(damaged) + "\n")
    follower = Follower(recorded)
    while follower.read(seconds=0):
        pass
    follower.close()
    assert len(follower.state.steps) == 58
    assert "2 lines of events.jsonl could not be read" in training_text.log(follower.state, 80, 9).plain


def test_a_run_whose_process_was_killed_says_so_and_what_to_do(recorded):
    state = RunState(run=recorded)
    for event in [started(), step(57), step(58)]:
        state.take(event)
    with processes.holding(recorded):
        assert "10 tok/s" in training_text.head(state, 80).plain and "0:01 left" in training_text.head(state, 80).plain
    head, log = training_text.head(state, 80).plain, training_text.log(state, 100, 9).plain
    assert "not finished" in head and "step 58/100" in head and "tok/s" not in head and "left" not in head
    assert "killed after step 58" in log and "R goes on from step 58" in log


@pytest.mark.parametrize("width", [40, 76, 80, 200])
def test_the_head_has_two_lines_and_the_log_one_for_each_entry(tmp_path, width):
    state = RunState(run=Run(path=tmp_path / ("a-very-long-name-of-a-run" * 4)))
    for event in [started(), *(step(number) for number in range(1, 90))]:
        state.take(event)
    state.log += ["word " * 60, "the last"]
    with processes.holding(state.run):
        lines = training_text.head(state, width).plain.split("\n")
        log = training_text.log(state, width, 2).plain.split("\n")
    assert len(lines) == 2 and all(len(line) <= width for line in lines)
    assert "step 89/100" in lines[0] and "loss 2.000" in lines[1]
    assert not lines[1].endswith("‖g‖")
    assert len(log) == 2 and len(log[0]) <= width and log[0].endswith("…") and log[1] == "the last"


def test_a_paused_run_offers_to_go_on_and_answers_k(recorded):
    with recorded.events.open("a") as file:
        file.write(json.dumps(started(50).to_json()) + "\n")
        file.write(json.dumps(step(51).to_json()) + '\n{"event": "RunPaused", "step": 51}\n')

    async def story(pilot):
        with processes.holding(recorded):
            await until(
                pilot, lambda: "space Go on" in screen_text(pilot.app) and "space Pause" not in screen_text(pilot.app)
            )
            await pilot.press("k")
            await until(pilot, lambda: "with its checkpoint saved" in screen_text(pilot.app))
            await pilot.press("space")
            assert "continue" in processes.taken(recorded)

    drive(MlxgptApp(page="train"), story)


def test_an_empty_page_has_no_empty_boxes():
    async def story(pilot):
        await until(pilot, lambda: "starts a run" in screen_text(pilot.app))
        assert "each layer" not in screen_text(pilot.app) and "─ log" not in screen_text(pilot.app)

    drive(MlxgptApp(page="train"), story)


def test_the_names_of_laid_over_runs_begin_with_the_one_that_is_followed(recorded):
    shutil.copytree(recorded.path, recorded.path.parent / ("another-" * 9))

    async def story(pilot):
        pilot.app.screen.follow(recorded, ["another-" * 9])
        await until(pilot, lambda: "━ recorded" in screen_text(pilot.app))

    drive(MlxgptApp(page="train"), story, (80, 40))
