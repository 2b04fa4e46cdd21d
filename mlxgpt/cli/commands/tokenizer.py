"""`mlxgpt tokenizer`: train one, see what it does to a text."""

from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Train a tokenizer, or see what one does to a text.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command()(train)
    group.command()(encode)
    group.command()(inspect)
    app.add_typer(group, name="tokenizer")


def train(
    corpus: Annotated[Path, typer.Option(help="File or folder of text.")],
    output: Annotated[Path, typer.Option(help="Folder for the tokenizer's files.")],
    vocab_size: Annotated[int, typer.Option(help="Entries, specials included.")] = 4096,
    min_frequency: Annotated[int, typer.Option(help="How often a pair must occur to be merged.")] = 2,
    algorithm: Annotated[str, typer.Option(help="bpe, byte or char.")] = "bpe",
    json: options.Json = False,
) -> None:
    """Train a tokenizer on a text."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import narrator, print_json
    from mlxgpt.display.progress import describe_event

    settings = {"algorithm": algorithm, "vocab_size": vocab_size, "min_frequency": min_frequency}
    for event in jobs.train_tokenizer(corpus, output, settings):
        if json:
            print_json(event.to_json())
        elif sentence := describe_event(event):
            narrator().print(sentence, highlight=False, markup=False)


def encode(
    text: Annotated[str, typer.Argument(help="The text.")],
    tokenizer: Annotated[str, typer.Option(help="Folder of a tokenizer, or a model.")] = "nano-pt",
    json: options.Json = False,
) -> None:
    """Show the tokens of a text: ids and pieces."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import print_json
    from mlxgpt.text import visible

    pieces = jobs.tokenize(tokenizer, text)
    if json:
        print_json([{"id": token, "text": piece} for token, piece in pieces])
        return
    for token, piece in pieces:
        print(f"{token:>7}  {visible(piece)!r}")


def inspect(
    corpus: Annotated[Path, typer.Argument(help="File or folder of text.")],
    tokenizer: Annotated[str, typer.Option(help="Folder of a tokenizer, or a model.")] = "nano-pt",
    json: options.Json = False,
) -> None:
    """Measure how well a tokenizer suits a text."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import print_json

    report = jobs.inspect_tokenizer(tokenizer, corpus)
    figures = {
        "vocab_size": report.vocab_size,
        "bytes": report.bytes,
        "tokens": report.tokens,
        "words": report.words,
        "bytes_per_token": round(report.bytes_per_token, 4),
        "tokens_per_word": round(report.tokens_per_word, 4),
        "unknown": report.unknown,
        "unused_entries": len(report.unused),
    }
    if json:
        print_json(figures)
        return
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<16} {value:>14,}")
