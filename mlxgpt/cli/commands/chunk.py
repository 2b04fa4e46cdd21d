"""`mlxgpt chunk`: texts cut into pieces of so many tokens."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(chunk)


def chunk(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders of text; - is stdin.")] = None,
    file: Annotated[list[Path] | None, typer.Option(help="A file of text; may be given again.")] = None,
    dir_: Annotated[list[Path] | None, typer.Option("--dir", help="A folder of text files.")] = None,
    strategy: Annotated[
        str,
        typer.Option(
            help="fixed, sliding, overlapping, sentence, paragraph, recursive, markdown, semantic, adaptive, hierarchical."
        ),
    ] = "recursive",
    max_size: Annotated[int | None, typer.Option(help="Most tokens in a chunk.  [default: 512]")] = None,
    min_size: Annotated[int | None, typer.Option(help="Fewest tokens, where the strategy can.")] = None,
    overlap: Annotated[float | None, typer.Option(help="Share of a chunk that repeats the one before.")] = None,
    stride: Annotated[int | None, typer.Option(help="Tokens from window to window (sliding).")] = None,
    preserve_sentences: Annotated[
        bool | None, typer.Option("--preserve-sentences/--cut-sentences", help="Cut no sentence that fits.")
    ] = None,
    preserve_paragraphs: Annotated[
        bool | None, typer.Option("--preserve-paragraphs/--cut-paragraphs", help="Cut no paragraph that fits.")
    ] = None,
    information_density_threshold: Annotated[
        float | None, typer.Option(help="Rank of density from which chunks shrink (adaptive).")
    ] = None,
    compared: Annotated[int | None, typer.Option(help="Sentences compared at a gap (semantic).")] = None,
    tokenizer: Annotated[str, typer.Option(help="Folder of a tokenizer, or a model.")] = "nano-pt",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File of chunks.  [default: stdout]")] = None,
    format_: Annotated[str, typer.Option("--format", help="json, jsonl or txt.  [default: by the file's name]")] = "",
    text: Annotated[bool, typer.Option(help="Write the texts too, not only where they are.")] = True,
    stream: Annotated[bool, typer.Option("--stream", help="Write each chunk as it comes, as jsonl.")] = False,
    encoding: Annotated[str, typer.Option(help="How the files are encoded.")] = "utf-8",
    errors: Annotated[str, typer.Option(help="For bytes that are no text: strict, replace, ignore.")] = "strict",
    workers: Annotated[int, typer.Option(help="Processes; 0 chooses by the amount of text.")] = 0,
    cache: Annotated[bool, typer.Option(help="Remember results, and use them again.")] = True,
    json: Annotated[
        bool, typer.Option("--json", help="What happens as JSON lines: on stdout, or stderr if the chunks go there.")
    ] = False,
) -> None:
    """Cut texts into chunks that keep a limit of tokens, at places where the text allows it.

    No chunk has more tokens than --max-size, and offsets are exact; docs/chunking.md explains the strategies.
    A file is one text: rows and separators inside it are not looked at.
    """
    from mlxgpt import jobs
    from mlxgpt.chunking.config import ChunkConfig, given_options
    from mlxgpt.cli.output import INTERRUPTED, narrator, print_json, stop_on_interrupt
    from mlxgpt.display.chunking import ChunkingView
    from mlxgpt.errors import ConfigError
    from mlxgpt.events import FileRefused

    sources = [*(paths or []), *(file or []), *(dir_ or [])]
    if not sources:
        raise ConfigError("There is nothing to cut.", hint="mlxgpt chunk FILE, or --dir FOLDER, or - for stdin.")
    config = ChunkConfig(
        strategy=strategy,
        options=given_options(
            {
                "max_size": max_size,
                "min_size": min_size,
                "overlap_ratio": overlap,
                "stride": stride,
                "preserve_sentences": preserve_sentences,
                "preserve_paragraphs": preserve_paragraphs,
                "information_density_threshold": information_density_threshold,
                "compared": compared,
            }
        ),
        tokenizer=tokenizer,
        encoding=encoding,
        errors=errors,
        workers=workers,
        cached=cache,
    )
    target = None if output is None or str(output) == "-" else output
    kind = format_ or ("jsonl" if stream else "")
    refused = False
    mixed = target is None and sys.stdout is not None and sys.stdout.isatty()  # a bar would be drawn into the chunks
    with stop_on_interrupt() as stop, ChunkingView(narrator(), quiet=mixed) as view:
        for event in jobs.chunk(sources, config, target, kind=kind, with_text=text, at_once=stream, stop=stop):
            refused |= isinstance(event, FileRefused)
            if json:
                print_json(event.to_json(), sys.stderr if target is None else sys.stdout)
            else:
                view.show(event)
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)
    if refused:
        raise typer.Exit(1)
