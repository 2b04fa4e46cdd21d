"""`mlxgpt tokenizer`: train one, see what it does to a text, compare it with others."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options

Tokenizer = Annotated[str, typer.Option("--tokenizer", help="Folder of a tokenizer, or a model.")]
Corpus = Annotated[list[str], typer.Argument(help="Files, folders and patterns of text; - is stdin.")]
Column = Annotated[str | None, typer.Option(help="Column or key of the text, in tables and JSON lines.")]


def register(app: typer.Typer) -> None:
    """Add the commands, and the name that training had before."""
    group = typer.Typer(
        help="Train a tokenizer, or see what one does to a text.", no_args_is_help=True, rich_markup_mode=None
    )
    for command in (train, encode, decode, inspect, compare):
        group.command()(command)
    app.add_typer(group, name="tokenizer")
    app.command("train-tokenizer", hidden=True)(train)


def train(
    corpus: Annotated[list[str], typer.Option(help="File, folder or pattern of text; - is stdin; may be given again.")],
    output: Annotated[Path, typer.Option(help="Folder for the tokenizer's files.")],
    vocab_size: Annotated[int, typer.Option(help="Entries, specials included.")] = 4096,
    min_frequency: Annotated[int, typer.Option(help="How often a pair must occur to be merged.")] = 2,
    algorithm: Annotated[str, typer.Option(help="bpe, byte or char.")] = "bpe",
    special: Annotated[list[str] | None, typer.Option(help="A special token of your own; may be given again.")] = None,
    column: Column = None,
    json: options.Json = False,
) -> None:
    """Train a tokenizer on a text of any size."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import INTERRUPTED, narrator, print_json, stop_on_interrupt
    from mlxgpt.display.tokenizers import TokenizerView

    settings = {
        "algorithm": algorithm,
        "vocab_size": vocab_size,
        "min_frequency": min_frequency,
        "special": special or (),
    }
    with stop_on_interrupt() as stop, TokenizerView(narrator()) as view:
        for event in jobs.train_tokenizer(corpus, output, settings, column=column, stop=stop):
            if json:
                print_json(event.to_json())
            else:
                view.show(event)
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)


def encode(
    text: Annotated[str, typer.Argument(help="The text; - reads it from stdin.")],
    tokenizer: Tokenizer = "nano-pt",
    specials: Annotated[bool, typer.Option("--specials", help="Let <EOS> in the text be that token.")] = False,
    json: options.Json = False,
) -> None:
    """Show the tokens of a text: ids and pieces."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import print_json
    from mlxgpt.text import visible

    content = sys.stdin.read() if text == "-" else text
    pieces = jobs.tokenize(tokenizer, content, specials=specials)
    if json:
        print_json([{"id": token, "text": piece} for token, piece in pieces])
        return
    for token, piece in pieces:
        print(f"{token:>7}  {visible(piece)!r}")


def decode(
    ids: Annotated[list[str], typer.Argument(help="Ids, with spaces or commas between; - reads them from stdin.")],
    tokenizer: Tokenizer = "nano-pt",
    skip_specials: Annotated[bool, typer.Option("--skip-specials", help="Leave special tokens out.")] = False,
    json: options.Json = False,
) -> None:
    """Show the text of ids."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import print_json
    from mlxgpt.errors import ConfigError
    from mlxgpt.text import visible

    words = (sys.stdin.read() if ids == ["-"] else " ".join(ids)).replace(",", " ").strip("[] \n").split()
    strange = next((word for word in words if not (word.isascii() and word.isdigit())), None)
    if strange is not None:
        raise ConfigError(
            f"{strange!r} is no id.", hint="Ids are whole numbers, as `mlxgpt tokenizer encode` shows them."
        )
    text = jobs.detokenize(tokenizer, [int(word) for word in words], skip_specials=skip_specials)
    if json:
        print_json({"text": text})
    else:
        print(visible(text))


def inspect(
    corpus: Corpus, tokenizer: Tokenizer = "nano-pt", column: Column = None, json: options.Json = False
) -> None:
    """Measure how well a tokenizer suits a text."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import print_json
    from mlxgpt.display.tokenizers import figures

    measured = figures(jobs.inspect_tokenizer(tokenizer, corpus, column=column))
    if json:
        print_json(measured)
        return
    for name, value in measured.items():
        print(f"{name.replace('_', ' '):<16} {value:>14,}")


def compare(
    corpus: Corpus,
    tokenizer: Annotated[list[str], typer.Option(help="Folder of a tokenizer, or a model; to be given twice or more.")],
    column: Column = None,
    json: options.Json = False,
) -> None:
    """Measure several tokenizers on one text: tokens, bytes per token, tokens per word, entries that are not used."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import print_json, printer
    from mlxgpt.display.tokenizers import comparison_table, figures
    from mlxgpt.errors import ConfigError

    if len(tokenizer) < 2:
        raise ConfigError("There is nothing to compare with.", hint="Give --tokenizer twice or more.")
    if "-" in corpus:
        raise ConfigError("Standard input can be read only once.", hint="Save the text in a file to compare on it.")
    reports = jobs.compare_tokenizers(tokenizer, corpus, column=column)
    if json:
        print_json([{"tokenizer": name, **figures(report)} for name, report in zip(tokenizer, reports, strict=True)])
        return
    printer().print(comparison_table(tokenizer, reports))
