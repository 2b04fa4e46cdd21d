"""`mlxgpt analyze`: what can be said about chunks in numbers, and better settings that were measured."""

import dataclasses
import os
from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(analyze)


def analyze(
    chunks: Annotated[Path | None, typer.Option(help="A file of `mlxgpt chunk`, .json or .jsonl.")] = None,
    file: Annotated[Path | None, typer.Option(help="Or a text, or a folder of texts, to chunk now.")] = None,
    strategy: Annotated[str | None, typer.Option(help="How to chunk --file.  [default: recursive]")] = None,
    max_size: Annotated[int | None, typer.Option(help="Most tokens in a chunk of --file.")] = None,
    min_size: Annotated[int | None, typer.Option(help="Fewest tokens in a chunk of --file.")] = None,
    overlap: Annotated[float | None, typer.Option(help="Share that chunks of --file repeat.")] = None,
    tokenizer: Annotated[
        str, typer.Option(help="Folder of a tokenizer, or a model.  [default: the file's, else nano-pt]")
    ] = "",
    show_stats: Annotated[
        bool, typer.Option("--show-stats", help="Also percentiles, spans, density and examples.")
    ] = False,
    suggest_optimizations: Annotated[
        bool, typer.Option("--suggest-optimizations", help="Search for better settings on these documents.")
    ] = False,
    budget_seconds: Annotated[float, typer.Option(help="Time for the search.")] = 20.0,
    model: Annotated[str, typer.Option("--model", "-m", help="A model that judges the cuts too.")] = "",
    stickiness_threshold: Annotated[float, typer.Option(help="K: how much a chunk must lean on another.")] = 0.1,
    ungated: Annotated[
        bool, typer.Option("--ungated", help="Show the model's scores whatever they are worth.")
    ] = False,
    encoding: Annotated[str, typer.Option(help="How --file is encoded.")] = "utf-8",
    errors: Annotated[str, typer.Option(help="For bytes that are no text: strict, replace, ignore.")] = "strict",
    lang: Annotated[str, typer.Option(help="Words that point back: auto, pt or en.")] = "auto",
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Measure chunks: sizes, cuts, context, cohesion, density.

    docs/chunking.md has the formula of every figure.
    """
    from mlxgpt import jobs
    from mlxgpt.chunking import registry
    from mlxgpt.cli import output
    from mlxgpt.display.chunks import findings_view, model_view, search_view
    from mlxgpt.errors import ConfigError

    if (chunks is None) == (file is None):
        raise ConfigError("analyze needs --chunks FILE or --file TEXT, one of them.", hint="mlxgpt analyze --help")
    sizes = {"max_size": max_size, "min_size": min_size, "overlap_ratio": overlap}
    making = {name: value for name, value in sizes.items() if value is not None}
    if chunks is not None:
        if strategy is not None or making:
            name = "strategy" if strategy is not None else next(iter(making))
            raise ConfigError(
                f"{registry.flag_of(name)} says how to chunk --file; {chunks} is chunked already.", hint="Leave it out."
            )
        subject = jobs.read_chunks(chunks, tokenizer)
    else:
        assert file is not None
        subject = jobs.chunk_to_analyze(
            file, strategy or "recursive", making, tokenizer or "nano-pt", encoding=encoding, errors=errors
        )
    for note in subject.notes:
        output.narrator().print(note, style="yellow", highlight=False, markup=False)
    scorer = None
    if model:
        scorer = jobs.cut_scorer(model, threshold=stickiness_threshold, ungated=ungated, device=device)
    if suggest_optimizations:
        subject.require_tokenizer()
    findings = jobs.analyze_chunks(subject, lang=lang)
    if not json:  # what is known at once
        output.printer().print(findings_view(findings, detailed=show_stats))
    if scorer is not None:
        with output.progress("the model reads what is around the cuts") as told:
            scores = scorer(subject, told)
        findings = dataclasses.replace(findings, model=scores)
        if not json:
            output.printer().print(model_view(scores))
    search = jobs.suggest_chunking(subject, budget_seconds=budget_seconds) if suggest_optimizations else None
    if json:
        output.print_json(findings.to_json() | ({} if search is None else {"search": search.to_json()}))
    elif search is not None:
        program = os.environ.get("MLXGPT_COMMAND", "mlxgpt")
        output.printer().print(search_view(search, subject.source, subject.tokenizer_name, program))
