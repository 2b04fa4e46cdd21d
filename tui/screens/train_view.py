"""What the Train page shows: a run that is read along, with others laid over it; the keys are in `train`."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Static

from mlxgpt import processes, runs
from mlxgpt.errors import TrainingError
from mlxgpt.runs import Run
from mlxgpt.text import visible
from tui import training_text
from tui.page import Page
from tui.training import COLOURS, METRICS, SMOOTHINGS, WINDOWS, Follower, curves
from tui.widgets.chart import ChartBox

EMPTY = """Nothing is trained here yet.

  n   starts a run (the Portuguese corpus and a small preset will do)
  r   shows the runs there are

A run is a process of its own: closing this program does not stop it."""


class TrainView(Page):
    """Head, chart, layers, samples, words and log; `follower` is the run they are about."""

    DEFAULT_CSS = """
    TrainView #head { height: 2; padding: 0 1; }
    TrainView #chart { border: round $border-blurred; width: 3fr; min-height: 6; }
    TrainView #aside { width: 2fr; }
    TrainView #signals, TrainView #sample, TrainView #words, TrainView #log { border: round $border-blurred; padding: 0 1; }
    TrainView #signals { height: auto; max-height: 50%; }
    TrainView #sample { height: 1fr; }
    TrainView #words { height: auto; max-height: 8; }
    TrainView #log { height: 7; text-wrap: nowrap; text-overflow: ellipsis; }
    TrainView #main { height: 1fr; }
    TrainView.-narrow #main { layout: vertical; }
    TrainView.-narrow #chart { width: 100%; height: 1fr; }
    TrainView.-narrow #aside { width: 100%; height: auto; max-height: 9; }
    TrainView.-narrow #signals, TrainView.-narrow #sample, TrainView.-narrow #words, TrainView.-narrow #log {
        border: none; border-top: solid $border-blurred; height: auto; max-height: 4;
    }
    TrainView.-narrow #words { display: none; }
    TrainView.-narrow #log { height: 4; }
    TrainView.-empty #head, TrainView.-empty #aside, TrainView.-empty #log { display: none; }
    """

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
