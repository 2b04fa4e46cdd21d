"""`mlxgpt eval`: how good a model is at tasks and texts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("eval")(evaluate)


def evaluate(
    tasks: Annotated[
        list[str],
        typer.Argument(help="Files: questions, minimal pairs, analogies, lm-eval YAML, texts; or: diversity."),
    ],
    model: options.Model = "nano-pt",
    compare: Annotated[str, typer.Option(callback=options.fetched, help="A second model, compared item by item.")] = "",
    limit: Annotated[int, typer.Option(help="Only the first items of each; 0: all.")] = 0,
    samples: Annotated[int, typer.Option(help="Texts to write for diversity.")] = 64,
    max_tokens: Annotated[int | None, typer.Option(help="Most tokens of such a text.")] = None,
    temperature: Annotated[float | None, typer.Option(help="How such a text is drawn.")] = None,
    seed: Annotated[int, typer.Option(help="Of such texts.")] = 0,
    groups: Annotated[bool, typer.Option("--groups", help="Show the parts of tasks too.")] = False,
    output: Annotated[Path | None, typer.Option(help="A file for the figures, as JSON lines.")] = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Measure how good a model is, with 95% confidence intervals; two models with a paired test."""
    from mlxgpt import jobs, whole
    from mlxgpt.cli import output as terminal
    from mlxgpt.display.evaluation import table
    from mlxgpt.display.progress import duration
    from mlxgpt.events import Event, MetricCompared, MetricMeasured, Noted, TaskProgressed
    from mlxgpt.text import visible

    settings: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    kept: list[Event] = []
    narrator = terminal.narrator()
    with terminal.stop_on_interrupt() as wanted, narrator.status("reading") as status:
        for event in jobs.evaluate(
            tasks, model, settings, compare=compare, limit=limit, samples=samples, device=device, stop=wanted
        ):
            match event:
                case MetricMeasured() | MetricCompared():
                    kept.append(event)
                    if json:
                        terminal.print_json(event.to_json())
                case TaskProgressed():
                    line = f"{event.task}: {event.done:,}/{event.items:,}, {duration(event.seconds_left)} left"
                    status.update(visible(line))
                case Noted():
                    narrator.print(visible(event.text), style="dim", highlight=False, markup=False)
    if not json:
        terminal.printer().print(table(kept, groups=groups))
    if output is not None:
        import json as writing

        lines = [writing.dumps(event.to_json(), ensure_ascii=False) + "\n" for event in kept]
        output.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(output, "".join(lines))
    if wanted.is_set():
        raise typer.Exit(terminal.INTERRUPTED)
