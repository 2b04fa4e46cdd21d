"""`mlxgpt generate`: continue a prompt."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(generate)


def generate(
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="Text to continue; - reads standard input.")] = "",
    model: options.Model = "nano-pt",
    max_tokens: Annotated[int | None, typer.Option(help="Most tokens to write.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="0 always takes the likeliest; below 1 safer, above 1 wilder.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from the k most likely tokens; 0: off.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw from the tokens that hold this share; 0: off.")] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Drop tokens less likely than this share of the best; 0: off.")
    ] = None,
    repetition_penalty: Annotated[float | None, typer.Option(help="Lower the scores of recent tokens; 1: off.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same text.")] = None,
    stop: Annotated[list[str] | None, typer.Option(help="Stop before this text; may be given several times.")] = None,
    overflow: Annotated[
        str | None,
        typer.Option(help="When the context is full: rotating (sink and newest tokens) or chunked (read again)."),
    ] = None,
    kv_bits: options.KvBits = None,
    state: Annotated[
        Path | None,
        typer.Option(help="A file to keep the text and the model's memory of it in; go on from it (RWKV)."),
    ] = None,
    chunk_strategy: Annotated[
        str | None,
        typer.Option(help="Cut a long prompt into chunks and continue the last: recursive, fixed …; see mlxgpt chunk."),
    ] = None,
    chunk_size: Annotated[int, typer.Option(help="Tokens in a chunk; 0: what the context holds.")] = 0,
    show_tokens: Annotated[
        bool, typer.Option("--show-tokens", help="Id, text, probability and rank of each token.")
    ] = False,
    draft: Annotated[
        str,
        typer.Option(
            callback=options.fetched,
            help="A smaller model of the same tokenizer that guesses ahead; with --temperature 0.",
        ),
    ] = "",
    prompts: Annotated[
        str | None,
        typer.Option(help="A file of prompts, JSON lines or .txt, all to be continued; - is standard input."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where their texts go, JSON lines; what it holds already is not written again.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Most texts side by side.  [default: 16]")] = None,
    num_samples: Annotated[int | None, typer.Option(help="Texts for each prompt, as JSON lines.")] = None,
    prefix: Annotated[Path | None, typer.Option(help="A file with the beginning that all prompts share.")] = None,
    prefix_cache: Annotated[Path | None, typer.Option(help="A folder that keeps what was computed for it.")] = None,
    educational: options.Educational = False,
    show_tensors: options.ShowTensors = False,
    show_attention: options.ShowAttention = False,
    lang: options.Lang = "pt",
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Continue a prompt with a model, or every prompt of a file."""
    from mlxgpt import jobs
    from mlxgpt.cli import output as terminal
    from mlxgpt.display.tokens import TokenPrinter

    if prompt == "-":
        prompt = sys.stdin.read()
    given: dict[str, Any] = {
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
        "seed": seed,
        "stop": tuple(stop) if stop else None,
        "overflow": overflow,
        "kv_bits": kv_bits,
        "show_tokens": show_tokens or None,
    }
    narration = options.narration(educational, show_tensors, show_attention, lang)
    for_many = {
        "--prompts": prompts is not None, "--num-samples": num_samples is not None, "--output": output,
        "--prefix": prefix, "--prefix-cache": prefix_cache, "--batch-size": batch_size is not None,
    }  # fmt: skip
    ways = {
        "--educational": narration, "--chunk-strategy": chunk_strategy, "--state": state, "--draft": draft,
        "--show-tokens": show_tokens and any(for_many.values()),
    }  # fmt: skip
    _require_one_way(for_many, ways, prompt)
    if any(for_many.values()):
        source = prompt if prompts is None else None if prompts == "-" else Path(prompts)
        _many(
            jobs.generate_many, model, source, output, given,
            json=json and output is not None,  # without a file, the texts themselves are JSON lines
            batch_size=16 if batch_size is None else batch_size, samples=1 if num_samples is None else num_samples,
            prefix=prefix, prefix_cache=prefix_cache, device=device,
        )  # fmt: skip
    with terminal.stop_on_interrupt() as wanted:
        if narration:
            events = jobs.generate_explained(model, prompt, given, narration, device=device, stop=wanted)
        elif chunk_strategy:
            events = jobs.generate_in_chunks(
                model, prompt, given, chunk_strategy, chunk_size, device=device, stop=wanted
            )
        elif draft:
            events = jobs.generate_with_draft(model, draft, prompt, given, device=device, stop=wanted)
        else:
            events = jobs.generate(model, prompt, given, state=state, device=device, stop=wanted)
        if json:
            for _ in terminal.print_events(events):
                pass
        else:
            printer = TokenPrinter(terminal.printer(), terminal.narrator(), show_tokens=show_tokens)
            printer.begin(prompt)
            explain = terminal.explainer(narration)
            for event in events:
                printer.show(event)
                explain(event)
    if wanted.is_set():
        raise typer.Exit(terminal.INTERRUPTED)


def _require_one_way(for_many: Mapping[str, object], ways: Mapping[str, object], prompt: str) -> None:
    """`ConfigError` for options that do not go together: none is passed over in silence."""
    from mlxgpt.errors import ConfigError

    many, one = ([flag for flag, given in flags.items() if given] for flags in (for_many, ways))
    if many and one:
        raise ConfigError(f"{many[0]} writes many texts, and {one[0]} is for one.", hint="Leave one of them out.")
    if len(one) > 1:
        raise ConfigError(f"{one[0]} and {one[1]} do not go together.", hint="Leave one of them out.")
    if "--prompts" in many and prompt:
        raise ConfigError("--prompt and --prompts are both given.", hint="Write the prompt into the file.")
    if many == ["--batch-size"]:
        raise ConfigError("--batch-size is for several texts.", hint="Give --prompts, or --num-samples.")
    if "--prefix-cache" in many and "--prefix" not in many:
        raise ConfigError("--prefix-cache keeps what --prefix names.", hint="Give --prefix, or leave it out.")


def _many(
    job: Callable[..., Iterator[Any]], *given: Any, json: bool, **options: Any
) -> None:  # Any: what the job takes
    """Show a job over many prompts; 1 is the exit code when any was refused."""
    from mlxgpt.cli import output as terminal
    from mlxgpt.display.texts import TextsView
    from mlxgpt.events import TextsFinished

    with terminal.stop_on_interrupt() as wanted, TextsView(terminal.narrator()) as view:
        refused = 0
        for event in job(*given, **options, stop=wanted):
            if json:
                terminal.print_json(event.to_json())
            else:
                view.show(event)
            if isinstance(event, TextsFinished):
                refused = event.refused
    raise typer.Exit(terminal.INTERRUPTED if wanted.is_set() else min(refused, 1))
