"""`mlxgpt chat`: talk to a model, on the whole screen or line by line."""

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
        bool, typer.Option("--plain", help="Plain lines, as in a pipe; with --state and explanations always.")
    ] = False,
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
    kv_bits: options.KvBits = None,
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
    from mlxgpt.commands import registry
    from mlxgpt.commands.talk import Talk
    from mlxgpt.display.tokens import TokenPrinter
    from mlxgpt.errors import MlxgptError, describe
    from mlxgpt.generation import commands
    from mlxgpt.text import visible

    settings = {"max_tokens": max_tokens, "temperature": temperature, "top_p": top_p, "seed": seed, "kv_bits": kv_bits}
    narration = options.narration(educational, show_tensors, show_attention, lang)
    if not plain and state is None and narration is None and sys.stdin.isatty() and sys.stdout.isatty():
        from tui.app import MlxgptApp

        MlxgptApp(model, device=device, settings=settings, system=system).run()
        return
    session: Any = jobs.open_chat(model, settings, system=system, state=state, device=device)
    inspectors: dict[str, Any] = {}

    def inspector(word: str) -> Any:
        word = word or talk.word
        if word not in inspectors:
            inspectors[word] = jobs.open_inspector(word, device=device)
        return inspectors[word]

    talk = Talk(session, model, inspector)
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
            job = None
            if commands.is_command(line):
                reply = registry.run(talk, line)
                if reply.model:
                    other = Talk(jobs.open_chat(reply.model, {}, device=device), reply.model, inspector)
                    other.take_over(talk)
                    talk, session = other, other.chat
                for view in reply.views:
                    output.views().print(view, markup=False)
                if reply.text:
                    say.print(visible(reply.text), highlight=False, markup=False)
                if reply.exit:
                    break
                if reply.job is None:
                    continue
                job = reply.job
            printer = TokenPrinter(output.printer(), say, show_tokens=session.config.show_tokens, show_rate=interactive)
            if job is None:
                printer.begin(line if session.completes else "")
            with output.stop_on_interrupt() as stop:
                said = commands.unescaped(line)
                if job is not None:
                    events = job(stop)
                elif narration:
                    events = jobs.answer_explained(session, said, narration, stop=stop)
                else:
                    events = session.say(said, stop=stop)
                for event in events:
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
