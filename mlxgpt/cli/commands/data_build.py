"""`mlxgpt data build`: sources become a dataset of shards."""

from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(group: typer.Typer, app: typer.Typer) -> None:
    """Add the command, and its name from before."""
    group.command()(build)
    app.command("build-dataset", hidden=True)(build)


def build(
    source: Annotated[
        list[str] | None, typer.Option(help="File, folder or pattern of text; - is stdin; may be given again.")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="TOML file of sources with weights, and settings.")] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Folder of a tokenizer, or a model.  [default: nano-pt]")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for the dataset.  [default: data/built/dataset]")] = None,
    column: Annotated[str | None, typer.Option(help="Column or key of the text, in tables and JSON lines.")] = None,
    clean: Annotated[bool | None, typer.Option("--clean/--no-clean", help="Mend texts, drop what is none.")] = None,
    skip: Annotated[str | None, typer.Option(help="Rules of cleaning to leave out, with commas between.")] = None,
    languages: Annotated[str | None, typer.Option(help="Languages that cleaning keeps.  [default: pt,en]")] = None,
    mask_personal: Annotated[
        bool | None, typer.Option("--mask-personal", help="Let cleaning replace e-mail addresses, CPF, telephones.")
    ] = None,
    dedup: Annotated[str | None, typer.Option(help="Drop duplicates: exact, near, or exact,near.")] = None,
    similarity: Annotated[float | None, typer.Option(help="Near duplicates: from this on.  [default: 0.7]")] = None,
    val: Annotated[float | None, typer.Option(help="Share of the documents to hold out.  [default: 0.01]")] = None,
    shard_size: Annotated[str | None, typer.Option(help="Bytes of tokens in a file.  [default: 100MB]")] = None,
    chunk_strategy: Annotated[
        str | None, typer.Option(help="Cut long documents, with <CHUNK> between: a strategy of mlxgpt chunk.")
    ] = None,
    chunk_size: Annotated[int | None, typer.Option(help="Tokens in a chunk.  [default: 512]")] = None,
    seed: Annotated[int | None, typer.Option(help="Which documents are held out.  [default: 0]")] = None,
    skip_unreadable: Annotated[
        bool | None, typer.Option("--skip-unreadable", help="Go on after files and rows that cannot be read.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; 0 chooses by the amount of text.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--restart", help="Go on where an interrupted build stopped, or begin anew.")
    ] = True,
    json: options.Json = False,
) -> None:
    """Make a dataset for `mlxgpt train --data` from texts: shards, a card, the tokenizer.

    An interrupted build goes on when the command is given again; docs/data.md explains it all.
    """
    from mlxgpt import jobs
    from mlxgpt.cli import output as out
    from mlxgpt.display.building import BuildView

    given = {
        "tokenizer": tokenizer,
        "output": output,
        "clean": clean,
        "skip": words(skip),
        "languages": words(languages),
        "mask_personal": mask_personal,
        "dedup": words(dedup),
        "similarity": similarity,
        "val": val,
        "shard_size": shard_size,
        "chunk_strategy": chunk_strategy,
        "chunk_size": chunk_size,
        "seed": seed,
        "skip_unreadable": skip_unreadable,
        "workers": workers,
    }
    config = jobs.load_build_config(given, source or [], column=column, recipe=recipe)
    with out.stop_on_interrupt() as stop, BuildView(out.narrator(), silent=json) as view:
        events = jobs.build_dataset(config, restart=not resume, stop=stop)
        for event in out.print_events(events) if json else events:
            view.show(event)
    if stop.is_set() and view.stopped:
        raise typer.Exit(out.INTERRUPTED)


def words(text: str | None) -> tuple[str, ...] | None:
    """The words of a list with commas; none in an empty one."""
    return None if text is None else tuple(word.strip() for word in text.split(",") if word.strip())
