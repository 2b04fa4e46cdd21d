"""`mlxgpt benchmark`: how fast and how good, measured on this machine and this text."""

from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Measure speed and quality on this machine.", no_args_is_help=True, rich_markup_mode=None)
    group.callback()(_group)
    group.command()(chunking)
    app.add_typer(group, name="benchmark")


def _group() -> None:
    """Measure speed and quality on this machine."""  # with a callback it stays a group, also while it has one command


def chunking(
    file: Annotated[Path, typer.Option(help="A file of text (UTF-8).")],
    strategies: Annotated[str, typer.Option(help="Some strategies, as in fixed,semantic.  [default: all]")] = "",
    all_strategies: Annotated[bool, typer.Option("--all-strategies", help="All of them.")] = False,
    iterations: Annotated[int, typer.Option(help="Measured runs of each row.")] = 100,
    warmup: Annotated[int, typer.Option(help="Runs before, not measured.")] = 5,
    max_size: Annotated[int, typer.Option(help="Most tokens in a chunk.")] = 512,
    tokenizer: Annotated[str, typer.Option(help="Folder of a tokenizer, or a model.")] = "nano-pt",
    max_seconds: Annotated[float, typer.Option(help="A row ends after so long, with fewer runs.")] = 20.0,
    detailed: Annotated[bool, typer.Option("--detailed", help="Show percentiles, sizes and versions, too.")] = False,
    show_memory: Annotated[bool, typer.Option("--show-memory", help="Show the peak of memory, too.")] = False,
    peers: Annotated[bool, typer.Option("--peers", help="Measure other libraries that are installed, too.")] = False,
    growth: Annotated[bool, typer.Option("--growth", help="Measure the cost of 1, 4 and 16 MB, too.")] = False,
    json: options.Json = False,
) -> None:
    """Measure chunk strategies on a text: speed, limits kept, what the cuts go through.

    Every row runs in a fresh process on one thread; docs/chunking.md explains the columns.
    """
    from mlxgpt import jobs
    from mlxgpt.benchmark.config import ChunkingBenchmarkConfig
    from mlxgpt.chunking.registry import CHUNKERS
    from mlxgpt.cli.output import INTERRUPTED, narrator, print_json, printer, stop_on_interrupt
    from mlxgpt.display.benchmark import BenchmarkView
    from mlxgpt.errors import ConfigError

    if all_strategies and strategies:
        raise ConfigError("--all-strategies and --strategies exclude each other.", hint="Give one of them.")
    names = [name.strip() for name in strategies.split(",")] if strategies else list(CHUNKERS)
    config = ChunkingBenchmarkConfig(
        strategies=tuple(names),
        tokenizer=tokenizer,
        max_size=max_size,
        iterations=iterations,
        warmup=warmup,
        max_seconds=max_seconds,
        peers=peers,
        growth=growth,
    )
    with stop_on_interrupt() as stop, BenchmarkView(narrator(), detailed=detailed, memory=show_memory) as view:
        for event in jobs.benchmark_chunking(file, config, stop=stop):
            view.show(event)
            if json:
                print_json(event.to_json())
    if not json:
        for part in view.report():
            printer().print(part)
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)
