"""`mlxgpt chat`: talk to a model, line by line."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(chat)


def chat(
    model: options.Model = "nano-pt",
    plain: Annotated[
        bool, typer.Option("--plain", help="Plain lines (the only way until the full-screen chat).")
    ] = True,
    system: Annotated[str, typer.Option(help="A message the conversation begins with.")] = "",
    max_tokens: Annotated[int, typer.Option(help="Most tokens of an answer.")] = 200,
    temperature: Annotated[
        float, typer.Option(help="0 always takes the likeliest; below 1 safer, above 1 wilder.")
    ] = 0.7,
    top_p: Annotated[float | None, typer.Option(help="Draw from the tokens that hold this share; 0: off.")] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="A file to keep the conversation and the model's memory of it in; go on from it (RWKV)."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same text.")] = None,
    educational: options.Educational = False,
    show_tensors: options.ShowTensors = False,
    show_attention: options.ShowAttention = False,
    lang: options.Lang = "pt",
    device: options.Device = "auto",
) -> None:
    """Talk to a model.  /help lists the commands; Ctrl-C stops an answer, Ctrl-D ends the chat."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.tokens import TokenPrinter
    from mlxgpt.errors import MlxgptError, describe
    from mlxgpt.generation import commands
    from mlxgpt.text import visible

    settings = {"max_tokens": max_tokens, "temperature": temperature, "top_p": top_p, "seed": seed}
    narration = options.narration(educational, show_tensors, show_attention, lang)
    session: Any = jobs.open_chat(model, settings, system=system, state=state, device=device)
    say, explain = output.narrator(), output.explainer(narration)
    kind = "It continues what you write: it was never taught to answer." if session.completes else "Write to it."
    say.print(f"{visible(model)}: {kind}  /help lists the commands, Ctrl-D ends.", highlight=False, markup=False)
    interactive = sys.stdin.isatty()
    if interactive:
        import readline  # noqa: F401  # gives `input` editing and history
    while True:
        try:
            line = input("\n> " if interactive else "")
        except EOFError:
            break
        except KeyboardInterrupt:
            say.print("\nCtrl-D ends the chat.", highlight=False)
            continue
        try:
            if commands.is_command(line):
                reply = commands.run(session, line)
                say.print(visible(reply.text), highlight=False, markup=False)
                if reply.exit:
                    break
                continue
            printer = TokenPrinter(output.printer(), say, show_tokens=session.config.show_tokens, show_rate=interactive)
            printer.begin(line if session.completes else "")
            with output.stop_on_interrupt() as stop:
                said = commands.unescaped(line)
                explained = narration and jobs.answer_explained(session, said, narration, stop=stop)
                for event in explained or session.say(said, stop=stop):
                    printer.show(event)
                    explain(event)
        except MlxgptError as error:
            problem = describe(error)
            say.print(f"{problem.message}  {problem.hint}", style="red", highlight=False, markup=False)
    if state is not None:
        existed, size = state.exists(), session.keep(state)
        if size:
            say.print(f"The conversation is in {visible(str(state))}, {size:,} bytes.", highlight=False)
        elif existed:
            say.print(f"{visible(str(state))} is gone: the conversation in it was reset.", highlight=False)
