"""The command line: every command is a job from `jobs`, shown.  This file holds the app and the one error boundary.

Nothing heavy is imported here or at the top of a command's file, so that `mlxgpt --help` answers at once.
"""

import io
import os
import sys

import typer

from mlxgpt.cli.commands import (
    analyze,
    benchmark,
    chat,
    chunk,
    data,
    demo,
    doctor,
    evaluate,
    export,
    generate,
    import_model,
    inspect,
    inspect_model,
    logits,
    models,
    quantize,
    quickstart,
    serve,
    tokenizer,
    train,
    tui,
    web,
)
from mlxgpt.text import writes_unicode

app = typer.Typer(
    name="mlxgpt",
    help="Train a GPT, talk to it and see it think.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = (  # in the order of the help
    *(tui, quickstart, demo, chat, train, generate, serve, web),
    *(chunk, analyze, evaluate, benchmark, tokenizer, data),
    *(models, import_model, export, quantize, inspect_model, inspect, logits, doctor),
)
for module in _COMMANDS:
    module.register(app)


@app.callback()
def main(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", help="Print the version.", is_eager=True, callback=lambda v: _version(v)
    ),
    offline: bool = typer.Option(
        False, "--offline", help="Models of the Hub from the cache only, anywhere on the line; as HF_HUB_OFFLINE=1."
    ),
) -> None:
    """Train a GPT, talk to it and see it think."""
    if context.invoked_subcommand is None:
        if sys.stdin.isatty() and sys.stdout.isatty():
            context.invoke(tui.tui, model="nano-pt", page="chat", session="new", keys=False, device="auto")
        else:
            print(context.get_help())


def _version(wanted: bool) -> None:
    if wanted:
        from mlxgpt import __version__

        print(f"mlxgpt {__version__}")
        raise typer.Exit


def run() -> None:
    """Run the command line; any error becomes a panel on stderr and an exit code."""
    if sys.stdout is None or sys.stderr is None:  # closed by who started us
        sys.exit(
            "mlxgpt: standard output or standard error is closed; send it to /dev/null instead." if sys.stderr else 2
        )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not writes_unicode(stream):
            stream.reconfigure(errors="replace")  # a "?" is better than no answer
    words = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
    if "--offline" in words:  # every command may come to need a model, so no command has to say that it knows this
        sys.argv.remove("--offline")
        os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        app()
    except SystemExit:
        raise
    except BaseException as error:
        if os.environ.get("MLXGPT_DEBUG") == "1":
            raise
        from mlxgpt.cli.output import narrator
        from mlxgpt.display.problems import problem_panel
        from mlxgpt.errors import describe

        problem = describe(error)
        if mark := os.environ.get("MLXGPT_PROBLEM"):  # another program reads it, after this word: see processes
            print(f"{mark}{problem.message}\n{problem.hint}", file=sys.stderr)
        else:
            narrator().print(problem_panel(problem))
        sys.exit(problem.exit_code)
