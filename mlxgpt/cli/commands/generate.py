"""`mlxgpt generate`: continue a prompt."""

import sys
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
    educational: options.Educational = False,
    show_tensors: options.ShowTensors = False,
    show_attention: options.ShowAttention = False,
    lang: options.Lang = "pt",
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Continue a prompt with a model."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.tokens import TokenPrinter
    from mlxgpt.errors import ConfigError

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
        "show_tokens": show_tokens or None,
    }
    narration = options.narration(educational, show_tensors, show_attention, lang)
    if narration and (chunk_strategy or state):
        what = "prompts in chunks" if chunk_strategy else "texts that go on from a file"
        flag = "--chunk-strategy" if chunk_strategy else "--state"
        raise ConfigError(f"--educational does not explain {what}.", hint=f"Leave {flag} out.")
    with output.stop_on_interrupt() as wanted:
        if narration:
            events = jobs.generate_explained(model, prompt, given, narration, device=device, stop=wanted)
        elif chunk_strategy and state is None:
            events = jobs.generate_in_chunks(
                model, prompt, given, chunk_strategy, chunk_size, device=device, stop=wanted
            )
        else:
            events = jobs.generate(model, prompt, given, state=state, device=device, stop=wanted)
        if json:
            for _ in output.print_events(events):
                pass
        else:
            printer = TokenPrinter(output.printer(), output.narrator(), show_tokens=show_tokens)
            printer.begin(prompt)
            explain = output.explainer(narration)
            for event in events:
                printer.show(event)
                explain(event)
    if wanted.is_set():
        raise typer.Exit(output.INTERRUPTED)
