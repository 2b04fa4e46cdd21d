"""What all views of `mlxgpt inspect` share: the options that say where to look and how to show it.

A view is a function (inspector, its own options) -> report.  `command` adds the shared options to its signature, so that
they are written once.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from mlxgpt.cli import options

SAMPLE = "Era uma vez um gato chamado Tico, que vivia num sítio. Tico era muito curioso."
View = Callable[..., Any]  # Any: the report, one of `inspection.reports`

Text = Annotated[str, typer.Option("--text", "-t", help="The text to read; - reads stdin.")]
Cut = Annotated[bool, typer.Option("--cut", help="Read only as much of a long text as the model sees at a time.")]
Top = Annotated[int, typer.Option("--top", min=1, max=50, help="How many alternatives.")]
Token = Annotated[str, typer.Option(help='The token asked about, such as " casa"; empty: the best guess.')]
Against = Annotated[str, typer.Option(help="Another token: the difference of both is asked about.")]


def shared(
    model: options.Model = "nano-pt",
    layer: Annotated[int | None, typer.Option("--layer", "-l", help="From 0; -1 is the last.")] = None,
    head: Annotated[int | None, typer.Option("--head", help="From 0.")] = None,
    position: Annotated[
        int | None, typer.Option("--position", "-p", help="Of a token, from 0; -1 is the last.")
    ] = None,
    json: options.Json = False,
    svg: Annotated[Path | None, typer.Option("--svg", help="Draw into this file.")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="Draw into this file (needs the extra `pictures`).")] = None,
    explain: Annotated[str, typer.Option("--explain", help="Say it in words: plain, maths or code.")] = "",
    lang: Annotated[str, typer.Option("--lang", help="Of the words: en or pt.")] = "en",
    device: options.Device = "auto",
) -> None:
    """The signature of the options that every view has."""


def command(view: View) -> Callable[..., None]:
    """A view as a command with the shared options."""
    own = [p for name, p in inspect.signature(view).parameters.items() if name not in ("inspector", "place")]
    common = list(inspect.signature(shared).parameters.values())

    def run(**given: Any) -> None:  # Any: what Typer parsed
        settings = {parameter.name: given[parameter.name] for parameter in own}
        show(view, settings, **{parameter.name: given[parameter.name] for parameter in common})

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *common)]
    run.__name__, run.__doc__ = view.__name__, view.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def show(
    view: View, settings: dict[str, Any], *, model: str, layer: int | None, head: int | None, position: int | None,
    json: bool, svg: Path | None, png: Path | None, explain: str, lang: str, device: str,
) -> None:  # fmt: skip
    """Make the report and print it, or write it as a picture or as data."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.inspection import view as drawn
    from mlxgpt.errors import ConfigError
    from mlxgpt.inspection.explain import check
    from mlxgpt.inspection.explain import explain as explained
    from mlxgpt.inspection.focus import Focus, extent
    from mlxgpt.inspection.reports import plain

    check(explain, lang)
    for path in (svg, png):
        if path is not None and path.is_dir():
            raise ConfigError(f"{path} is a folder.", hint=f"Name a file in it, such as {path / view.__name__}.svg.")
    if "text" in settings and settings["text"] == "-":
        settings["text"] = sys.stdin.read()
    place = Focus(layer=layer, head=head, position=position)
    needs_place = "place" in inspect.signature(view).parameters
    inspector = jobs.open_inspector(model, device=device)
    report = view(inspector, **settings, **({"place": place} if needs_place else {}))
    place = place.within(**extent(report))
    if settings.get("cut") and getattr(report, "passage", report) is not None:  # None: these numbers need no text
        passage = inspector.passage(settings["text"], cut=True)
        if passage.left_out:
            output.narrator().print(
                f"The text was cut: its first {len(passage):,} tokens are looked at, {passage.left_out:,} are left out.",
                highlight=False,
            )
    for path, save in ((svg, "svg"), (png, "png")):
        if path is not None:
            from mlxgpt.display import pictures

            pictures.save(report, place, path, save)
            output.narrator().print(f"Drawn: {path}", markup=False, highlight=False)
    if json:
        output.print_json(plain(report))
    elif explain:
        for line in explained(report, place, explain, lang):
            output.printer().print(line.text, markup=False)
    elif svg is None and png is None:
        for drawing in drawn(report, place):
            output.views().print(drawing, markup=False)
