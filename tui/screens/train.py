"""Runs, live and finished: start, follow, pause, stop; curves, gradients, samples, the batch behind a spike.

Training is a process of its own that writes events.jsonl; this page reads along, and says words to it through the run's
directory.  Closing the app stops nothing.
"""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Static

from mlxgpt import jobs, processes, runs
from mlxgpt.display.inspection import view
from mlxgpt.errors import MlxgptError, TrainingError
from mlxgpt.inspection.focus import Focus
from mlxgpt.runs import Run
from mlxgpt.text import visible
from tui import training_text
from tui.modals.new_run import NewRunModal
from tui.modals.reading import Reading
from tui.modals.runs import RunsModal
from tui.page import Page, Request
from tui.training import COLOURS, METRICS, SMOOTHINGS, WINDOWS, Follower, curves
from tui.widgets.chart import ChartBox

EMPTY = """Nothing is trained here yet.

  n   starts a run (the Portuguese corpus and a small preset will do)
  r   shows the runs there are

A run is a process of its own: closing this program does not stop it."""


KEYS_OF_A_RUN = {
    *("pause", "go_on", "ask", "resume", "metric", "logarithm", "smooth", "zoom", "earlier", "later", "batch", "level"),
    *("language", "chat", "inspect"),
}


class TrainPage(Page):
    """Screen 5."""

    NAME = "train"
    DEFAULT_CSS = """
    TrainPage #head { height: 2; padding: 0 1; }
    TrainPage #chart { border: round $border-blurred; width: 3fr; min-height: 6; }
    TrainPage #aside { width: 2fr; }
    TrainPage #signals, TrainPage #sample, TrainPage #words, TrainPage #log { border: round $border-blurred; padding: 0 1; }
    TrainPage #signals { height: auto; max-height: 50%; }
    TrainPage #sample { height: 1fr; }
    TrainPage #words { height: auto; max-height: 8; }
    TrainPage #log { height: 7; text-wrap: nowrap; text-overflow: ellipsis; }
    TrainPage #main { height: 1fr; }
    TrainPage.-narrow #main { layout: vertical; }
    TrainPage.-narrow #chart { width: 100%; height: 1fr; }
    TrainPage.-narrow #aside { width: 100%; height: auto; max-height: 9; }
    TrainPage.-narrow #signals, TrainPage.-narrow #sample, TrainPage.-narrow #words, TrainPage.-narrow #log {
        border: none; border-top: solid $border-blurred; height: auto; max-height: 4;
    }
    TrainPage.-narrow #words { display: none; }
    TrainPage.-narrow #log { height: 4; }
    TrainPage.-empty #head, TrainPage.-empty #aside, TrainPage.-empty #log { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New", id="train.new"),
        Binding("r", "runs", "Runs", id="train.runs"),
        Binding("space", "pause", "Pause", id="train.pause"),
        Binding("space", "go_on", "Go on", id="train.go_on"),
        Binding("k", "ask('checkpoint')", "Save", id="train.checkpoint"),
        Binding("s", "ask('sample')", "Sample", id="train.sample"),
        Binding("x", "ask('stop')", "Stop", id="train.stop"),
        Binding("R", "resume", "Resume", id="train.resume"),
        Binding("v", "metric", "Curve", id="train.metric"),
        Binding("y", "logarithm", "Log", id="train.log"),
        Binding("m", "smooth", "Smooth", id="train.smooth"),
        Binding("z", "zoom", "Zoom", id="train.zoom"),
        Binding("left_square_bracket", "earlier", "Sample before", id="train.earlier", show=False),
        Binding("right_square_bracket", "later", "Sample after", id="train.later", show=False),
        Binding("b", "batch", "Batch", id="train.batch"),
        Binding("e", "level", "Explain", id="train.explain"),
        Binding("l", "language", "pt/en", id="train.language", show=False),
        Binding("c", "chat", "Chat", id="train.chat"),
        Binding("i", "inspect", "Inspect", id="train.inspect"),
    ]
    HELP = """Follow a run: `n` starts one, `r` chooses one; `space`, `k`, `s` and `x` speak to it while it trains.
`b` reads what the run read at its spikes; `[` and `]` go through its samples."""

    def __init__(self) -> None:
        super().__init__()
        self.follower: Follower | None = None
        self.laid_over: list[Follower] = []
        self.metric, self.logarithmic, self.smoothing, self.window = "loss", False, 1, 0
        self.sample: int | None = None  # which one is shown; None: the newest
        self.level, self.lang = 0, "en"
        self._started: dict[str, processes.Started] = {}
        self._timer: Timer | None = None
        self._at_work = self._paused = False

    def body(self) -> ComposeResult:
        """Head, curves, and beside them what layers and samples say."""
        yield Static(id="head", markup=False)
        with Horizontal(id="main"):
            yield ChartBox()
            with Vertical(id="aside"):
                yield Static(id="signals", markup=False)
                yield Static(id="sample", markup=False)
                yield Static(id="words", markup=False)
        yield Static(id="log", markup=False)

    def on_mount(self) -> None:
        """Follow the newest run, if there is one."""
        for name, title in (("signals", "each layer"), ("sample", "sample"), ("words", "explain"), ("log", "log")):
            self.query_one(f"#{name}").border_title = title
        found = runs.all_runs()
        at_work = [run for run in found if processes.trainer(run) is not None]
        if found:
            self.follow((at_work or found)[-1])
        else:
            self.query_one(ChartBox).empty = EMPTY
            self.add_class("-empty")
        self._timer = self.set_interval(0.25, self.look)

    def on_unmount(self) -> None:
        """Let go of the files, and of the processes: they go on."""
        self._let_go()
        for started in self._started.values():
            started.leave()

    def _let_go(self) -> None:
        for follower in [self.follower, *self.laid_over]:
            if follower is not None:
                follower.close()

    def on_screen_suspend(self) -> None:
        """Another page is shown: look away."""
        if self._timer is not None:
            self._timer.pause()

    def on_screen_resume(self) -> None:
        """This page is shown again."""
        if self._timer is not None:
            self._timer.resume()

    def on_resize(self) -> None:
        """Everything again, once the boxes have their sizes."""
        self.call_after_refresh(self.draw)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Words are for runs that train, going on is for those that do not; what does nothing now is not in the footer."""
        state = self.follower.state if self.follower else None
        if action in ("new", "runs") or action not in KEYS_OF_A_RUN:
            return True
        if state is None:
            return False
        if action in ("pause", "go_on"):
            return self._at_work and state.paused == (action == "go_on")
        if action == "ask":
            return self._at_work
        return not self._at_work if action == "resume" else True

    def receive(self, request: Request) -> None:
        """Follow the run that is named."""
        try:
            self.follow(runs.find_run(request.path or request.word))
        except MlxgptError as error:
            self.show_problem(error)

    # ---- following ---------------------------------------------------------------------------------------------------

    def follow(self, run: Run, over: list[str] | None = None) -> None:
        """Read along with a run, with others laid over it."""
        self._let_go()
        self.remove_class("-empty")
        self.follower, self.sample = Follower(run), None
        self.laid_over = [Follower(runs.find_run(name)) for name in over or [] if name != run.path.name]
        self.look(always=True)
        self.refresh_bindings()

    def look(self, always: bool = False) -> None:
        """Take in what the runs said, and draw it."""
        if self.follower is None:
            return
        state = self.follower.state
        self._complain(state.name)
        news = sum(follower.read() for follower in [self.follower, *self.laid_over])
        if news or always or not state.finished:
            self.draw()

    def _complain(self, name: str) -> None:
        started = self._started.get(name)
        if started is not None and (problem := started.problem()):
            del self._started[name]
            self.show_problem(TrainingError(visible(problem), hint="Start it again with n."))

    def draw(self) -> None:
        """Everything on the page, from what is known."""
        if self.follower is None:
            return
        state = self.follower.state
        standing = processes.trainer(state.run) is not None, state.paused
        if standing != (self._at_work, self._paused):
            self._at_work, self._paused = standing
            self.refresh_bindings()
        width = max(self.query_one("#head").content_size.width, 20)
        self.query_one("#head", Static).update(training_text.head(state, width), layout=False)
        self._draw_chart()
        self.query_one("#signals", Static).update(
            training_text.layers(state, self.query_one("#signals").content_size.width or 40)
        )
        shown = training_text.sample(state, self.sample)
        self.query_one("#sample", Static).update(shown, layout=False)
        level = training_text.LEVELS[self.level]
        words = self.query_one("#words", Static)
        words.border_title = f"explain · {level} · {self.lang}"
        words.update(training_text.explain(state, level, self.lang))
        log = self.query_one("#log", Static)
        width, height = max(log.content_size.width, 20), max(log.content_size.height, 1)
        log.update(training_text.log(state, width, height), layout=False)
        self.say(self._choices())

    def _draw_chart(self) -> None:
        assert self.follower is not None
        alone, drawn = not self.laid_over, []
        for i, follower in enumerate([*self.laid_over, self.follower]):
            colour = COLOURS[0 if follower is self.follower else 1 + i % (len(COLOURS) - 1)]
            drawn += curves(
                follower.state, self.metric, smoothing=SMOOTHINGS[self.smoothing], window=WINDOWS[self.window],
                colour=colour, alone=alone,
            )  # fmt: skip
        title, _, form = METRICS[self.metric]
        chart = self.query_one("#chart", ChartBox)
        chart.empty = "No step yet: the data are read, and a tokenizer may be trained first."
        chart.border_title = title + (" (logarithmic)" if self.logarithmic else "")
        chart.draw(drawn, logarithmic=self.logarithmic, form=form, top_first=not alone)

    def _choices(self) -> str:
        smoothing, window = SMOOTHINGS[self.smoothing], WINDOWS[self.window]
        return (
            f"curve: {METRICS[self.metric][0]} · smoothing {smoothing:g} · the newest {window:.0%} of the steps"
            + (f" · with {', '.join(follower.state.name for follower in self.laid_over)}" if self.laid_over else "")
        )  # fmt: skip

    # ---- keys --------------------------------------------------------------------------------------------------------

    @work
    async def action_new(self) -> None:
        """Ask what to train, and start it."""
        chosen = await self.app.push_screen_wait(NewRunModal(jobs.presets()))
        if chosen is not None:
            run, words = chosen
            self._start(run, words)

    def _start(self, run: Run, words: list[str]) -> None:
        try:
            self._started[run.path.name] = processes.start(run, words)
        except OSError as error:
            self.show_problem(error)
            return
        self.follow(run)

    @work
    async def action_runs(self) -> None:
        """Choose a run."""
        name = self.follower.state.name if self.follower else ""
        over = [follower.state.name for follower in self.laid_over]
        chosen = await self.app.push_screen_wait(RunsModal(name, over))
        if chosen is not None and chosen != (name, over):
            self.follow(runs.find_run(chosen[0]), chosen[1])

    def action_ask(self, word: str) -> None:
        """Say a word to the process that trains the run."""
        if self.follower is None:
            return
        try:
            processes.ask(self.follower.state.run, word)
        except MlxgptError as error:
            self.show_problem(error)
            return
        told = {
            "checkpoint": "A checkpoint is asked for.",
            "sample": "A sample is asked for.",
            "stop": "It stops after this step.",
        }
        if self.follower.state.paused:
            told["checkpoint"] = "It is paused, with its checkpoint saved: space goes on."
            told["sample"] = "It is paused: the sample is drawn when it goes on, with space."
        if word in told:
            self.app.notify(told[word], timeout=3)

    def action_pause(self) -> None:
        """Stand still after this step."""
        self.action_ask("pause")

    def action_go_on(self) -> None:
        """Go on after a pause."""
        self.action_ask("continue")

    def action_resume(self) -> None:
        """Go on with a run that has ended before its budget."""
        if self.follower is None:
            return
        state = self.follower.state
        if processes.trainer(state.run) is not None:
            self.app.notify("It is being trained.", timeout=3)
        elif not state.run.steps():
            self.show_problem(
                TrainingError("This run has no checkpoint to go on from.", hint="Start a new one with n.")
            )
        else:
            self._start(state.run, ["--resume", str(state.run.path)])

    def action_metric(self) -> None:
        """The next curve."""
        names = list(METRICS)
        self.metric = names[(names.index(self.metric) + 1) % len(names)]
        self.draw()

    def action_logarithm(self) -> None:
        """A logarithmic y axis, or not."""
        self.logarithmic = not self.logarithmic
        self.draw()

    def action_smooth(self) -> None:
        """More smoothing, or none again."""
        self.smoothing = (self.smoothing + 1) % len(SMOOTHINGS)
        self.draw()

    def action_zoom(self) -> None:
        """Only the newest steps, or all again."""
        self.window = (self.window + 1) % len(WINDOWS)
        self.draw()

    def action_earlier(self) -> None:
        """The sample before."""
        self._turn(-1)

    def action_later(self) -> None:
        """The sample after."""
        self._turn(+1)

    def _turn(self, by: int) -> None:
        if self.follower is None or not self.follower.state.samples:
            return
        last = len(self.follower.state.samples) - 1
        at = last if self.sample is None else self.sample
        place = min(max(at + by, 0), last)
        self.sample = None if place == last else place
        self.draw()

    def action_level(self) -> None:
        """Plain, maths, code."""
        self.level = (self.level + 1) % len(training_text.LEVELS)
        self.draw()

    def action_language(self) -> None:
        """Portuguese or English."""
        self.lang = "pt" if self.lang == "en" else "en"
        self.draw()

    @work(exclusive=True)
    async def action_batch(self) -> None:
        """Read the batches of the highest spikes, made again from the run's seed."""
        if self.follower is None:
            return
        state = self.follower.state
        self.say("reading the run's batches …")
        try:
            report = await self.bridge.ask(
                lambda: jobs.inspect_training(str(state.run.path), device=self.bridge.device)
            )
        except Exception as error:  # the run's files may be anything
            self.say(self._choices())
            self.show_problem(error)
            return
        self.say(self._choices())
        self.app.push_screen(Reading("read again, from the run's own seed", views=tuple(view(report, Focus()))))

    async def action_chat(self) -> None:
        """Open the best checkpoint so far, and talk to it."""
        if word := self._checkpoint():
            self.host.open_model(word)
            await self.host.go("chat")

    async def action_inspect(self) -> None:
        """Look inside the best checkpoint so far; the model that is talked to stays."""
        if word := self._checkpoint():
            await self.host.go("inspect", Request(word=word))

    def _checkpoint(self) -> str:
        if self.follower is None:
            return ""
        if not self.follower.state.run.steps():
            self.show_problem(TrainingError("There is no checkpoint yet.", hint="k asks for one."))
            return ""
        return str(self.follower.state.run.path)
