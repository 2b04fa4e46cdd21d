"""`mlxgpt data clean`: texts mended, and those that are none dropped with a reason."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(clean)


def clean(
    sources: Annotated[list[str], typer.Argument(help="Files, folders and patterns of text; - is stdin.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for the documents, .jsonl or .txt.  [default: stdout]")
    ] = None,
    rejects: Annotated[Path | None, typer.Option(help="File (.jsonl) for what is dropped, with the reasons.")] = None,
    column: Annotated[str | None, typer.Option(help="Column or key of the text, in tables and JSON lines.")] = None,
    languages: Annotated[str, typer.Option(help="Languages that are kept, with commas between; empty: all.")] = "pt,en",
    skip: Annotated[str, typer.Option(help="Rules to leave out, with commas between.")] = "",
    mask_personal: Annotated[
        bool, typer.Option("--mask-personal", help="Replace e-mail addresses, CPF, CNPJ, telephones, CEP and IP.")
    ] = False,
    dedup: Annotated[str, typer.Option(help="Drop duplicates: exact, near, or exact,near.")] = "",
    similarity: Annotated[float, typer.Option(help="Near duplicates: Jaccard similarity of 5-grams of words.")] = 0.7,
    workers: Annotated[int, typer.Option(help="Processes; 0 chooses by the amount of text.")] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="What happens as JSON lines: on stdout, or stderr if the documents go there.")
    ] = False,
) -> None:
    """Mend texts (encodings, mojibake, HTML, pages of PDF, menus) and drop what is none, with a reason for each.

    docs/data.md has the rules and their thresholds.
    """
    from mlxgpt import jobs
    from mlxgpt.cli.output import INTERRUPTED, narrator, print_json, stop_on_interrupt
    from mlxgpt.data.clean import CleanJobConfig
    from mlxgpt.data.cleaning.config import CleaningConfig
    from mlxgpt.display.cleaning import CleaningView
    from mlxgpt.events import FileRefused

    target = None if output is None or str(output) == "-" else output
    config = CleanJobConfig(
        cleaning=CleaningConfig(skip=_words(skip), languages=_words(languages), mask_personal=mask_personal),
        column=column,
        dedup=_words(dedup),
        similarity=similarity,
        output=target,
        rejects=rejects,
        workers=workers,
    )
    refused = False
    with stop_on_interrupt() as stop, CleaningView(narrator()) as view:
        for event in jobs.clean(sources, config, stop=stop):
            refused |= isinstance(event, FileRefused)
            if json:
                print_json(event.to_json(), sys.stderr if target is None else sys.stdout)
            else:
                view.show(event)
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)
    if refused:
        raise typer.Exit(1)


def _words(text: str) -> tuple[str, ...]:
    """The words of a list with commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
