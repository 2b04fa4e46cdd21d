"""`mlxgpt demo`: lessons about how a GPT works, computed on a live model."""

from typing import Annotated, Any

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    module: Annotated[
        list[str] | None,
        typer.Option(
            help="A lesson: tokenizer, embeddings, attention, transformer (or model), recurrent (of a model such as RWKV), "
            "inference, gradients, optimization, training, chunking, memory, kernels, benchmarks.  "
            "May be given several times.  [default: all]"
        ),
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Pause at each step and ask the exercises.")
    ] = False,
    show_tensors: Annotated[bool, typer.Option("--show-tensors", help="Show the tensors behind each step.")] = False,
    show_attention_maps: Annotated[
        bool, typer.Option("--show-attention-maps", help="Show the attention of every head where it is met.")
    ] = False,
    benchmarks: Annotated[
        bool, typer.Option("--benchmarks", help="End with what this machine does in a second.")
    ] = False,
    educational_logs: Annotated[
        bool,
        typer.Option(
            "--educational-logs", help="Under each step: the line that computed it, when, and its exact numbers."
        ),
    ] = False,
    lang: Annotated[str, typer.Option(help="Language of the lessons: pt or en.")] = "pt",
    list_: Annotated[bool, typer.Option("--list", help="Show the learning path and what you have done of it.")] = False,
    model: options.Model = "nano-pt",
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Lessons about how a GPT works: every number is computed while you watch.

    Portuguese is the first language; --lang en is as complete.
    """
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.lessons.config import LessonConfig

    config = LessonConfig(
        modules=tuple(module or ()), lang=lang, model=model, show_tensors=show_tensors,
        show_attention_maps=show_attention_maps, benchmarks=benchmarks,
    )  # fmt: skip
    if list_:
        from mlxgpt.display.lessons import path_view

        entries = jobs.learning_path(lang)
        if json:
            for entry in entries:
                output.print_json(entry)
        else:
            output.pages().print(path_view(entries, lang))
        return
    if interactive and not json:  # somebody who is asked may leave at once
        show_lessons(jobs.teach(config, device=device), config, educational_logs, interactive=True)
        return
    with output.stop_on_interrupt() as stop:
        events = jobs.teach(config, device=device, stop=stop)
        if json:
            for _ in output.print_events(events):
                pass
        else:
            show_lessons(events, config, educational_logs, interactive=False)
    if stop.is_set():
        raise typer.Exit(output.INTERRUPTED)


def show_lessons(events: Any, config: Any, logs: bool, interactive: bool) -> None:
    """Draw the events of lessons; with `interactive`, pause after each idea and ask the exercises."""
    from mlxgpt.cli import output
    from mlxgpt.display.lessons import LessonView
    from mlxgpt.events import ExerciseAsked, IdeaTold, LessonFinished, LessonStarted
    from mlxgpt.lessons import progress

    page = output.pages()
    view = LessonView(page, config.lang, logs=logs, answers=not interactive)
    done = progress.load()
    learner = Learner(view)
    solved = 0
    begun = False  # the first idea of a lesson needs no pause before it
    for event in events:
        turns = isinstance(event, LessonStarted) and event.number > 1
        turns = turns or (isinstance(event, IdeaTold) and bool(event.heading) and begun)
        if interactive and turns:
            learner.pause()
            if learner.left:
                break
        begun = begun or isinstance(event, IdeaTold)
        view.show(event)
        if interactive and isinstance(event, ExerciseAsked):
            right = learner.ask(event)
            if learner.left:
                break
            solved += right
            done.answered(event.lesson, event.key, right)
            done.save()
        if isinstance(event, LessonFinished):
            if interactive and not learner.gone:
                done.finished(event.lesson, event.exercises)
            else:
                done.shown(event.lesson, event.exercises)
            done.save()
            if interactive:
                view.score(solved, event.exercises)
            solved, begun = 0, False


LEAVES = ("s", "sair", "q", "quit")  # in either language


class Learner:
    """Whoever sits at the keyboard.  `left`: asked to leave; `gone`: no longer there, and the lesson goes on alone."""

    def __init__(self, view: Any) -> None:
        self.view = view
        self.left = self.gone = False

    def pause(self) -> None:
        """Wait for Enter."""
        self.left = self._type("pause").casefold() in LEAVES

    def ask(self, exercise: Any) -> bool:
        """Ask until it is right, or the learner wants to leave or to see the solution; whether it was solved."""
        from mlxgpt.lessons.answers import is_right, is_understood

        while answer := self._type("prompt"):
            if answer.casefold() in LEAVES:
                self.left = True
                return False
            if answer == "?":
                self.view.hint(exercise)
            elif is_right(exercise, answer):
                self.view.right(exercise)
                return True
            else:
                self.view.wrong(exercise, understood=is_understood(exercise, answer))
        self.view.solution(exercise)
        return False

    def _type(self, prompt: str) -> str:
        """A line that was typed; empty at the end of the input."""
        try:
            return input(self.view.words.write(prompt)).strip()
        except EOFError:
            self.gone = True
            print()
            return ""
