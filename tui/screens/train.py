"""Runs, live and finished: start, follow, pause, stop; curves, gradients, samples, the batch behind a spike.

Training is a process of its own that writes events.jsonl; this page reads along (`train_view`), and says words to it through
the run's directory: here are the keys.  Closing the app stops nothing.
"""

from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from mlxgpt import jobs, processes, runs
from mlxgpt.display.inspection import view
from mlxgpt.errors import MlxgptError, TrainingError
from mlxgpt.inspection.focus import Focus
from mlxgpt.runs import Run
from tui import training_text
from tui.modals.new_run import NewRunModal
from tui.modals.reading import Reading
from tui.modals.runs import RunsModal
from tui.page import Request
from tui.screens.train_view import TrainView
from tui.training import METRICS, SMOOTHINGS, WINDOWS

KEYS_OF_A_RUN = {
    *("pause", "go_on", "ask", "resume", "metric", "logarithm", "smooth", "zoom", "earlier", "later", "batch", "level"),
    *("language", "chat", "inspect"),
}


class TrainPage(TrainView):
    """Screen 5."""

    NAME = "train"
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
