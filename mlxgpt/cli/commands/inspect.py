"""`mlxgpt inspect …`: a model from inside, each view a command.  The options that all of them have are in `cli.inspecting`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlxgpt.cli import options
from mlxgpt.cli.inspecting import SAMPLE, Against, Cut, Text, Token, Top, command


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="See inside a model: attention, predictions, causes, tensors.", no_args_is_help=True, rich_markup_mode=None
    )
    for view in (
        attention,
        rollout,
        heads,
        state,
        decay,
        shift,
        lens,
        tokens,
        attribution,
        patch,
        silence,
        tensors,
        embeddings,
        memory,
    ):
        group.command()(command(view))
    group.command()(tune_lens)
    group.command()(training)
    app.add_typer(group, name="inspect")


def attention(inspector: Any, text: Text = SAMPLE, cut: Cut = False) -> Any:
    """Who looks at whom: all heads, or one with --layer and --head; of a recurrent model, who takes what of whom."""
    if inspector.model.config.recurrent:
        return inspector.effective_attention(text, cut=cut)
    return inspector.attention(text, cut=cut)


def rollout(inspector: Any, text: Text = SAMPLE, cut: Cut = False) -> Any:
    """How much of each token has reached each position, if attention alone moved it."""
    return inspector.rollout(text, cut=cut)


def heads(inspector: Any) -> Any:
    """What each head does on repeated random tokens, and what is lost without it."""
    return inspector.induction()


def state(inspector: Any, text: Text = SAMPLE, cut: Cut = False) -> Any:
    """Recurrent models: how full the state of each head is after each token, and in how many directions."""
    return inspector.state(text, cut=cut)


def decay(inspector: Any, text: Text = SAMPLE, cut: Cut = False) -> Any:
    """Recurrent models: after how many tokens each channel has forgotten half."""
    return inspector.decay(text, cut=cut)


def shift(inspector: Any, text: Text = SAMPLE, cut: Cut = False) -> Any:
    """Recurrent models: how much of the token before each part sees."""
    return inspector.shift(text, cut=cut)


def lens(
    inspector: Any,
    text: Text = SAMPLE,
    top: Top = 5,
    tuned: Annotated[Path | None, typer.Option(help="A file of `mlxgpt inspect tune-lens`.")] = None,
    cut: Cut = False,
) -> Any:
    """What the model would predict if it stopped after each layer."""
    return inspector.lens(text, top=top, tuned=tuned, cut=cut)


def tokens(inspector: Any, text: Text = SAMPLE, top: Top = 5, cut: Cut = False) -> Any:
    """How much each token surprises the model, and what it would rather have read."""
    return inspector.tokens(text, top=top, cut=cut)


def attribution(
    inspector: Any, place: Any, text: Text = SAMPLE, token: Token = "", against: Against = "", cut: Cut = False
) -> Any:
    """Which part of the model speaks for a token; the parts add up to its logit."""
    at = -1 if place.position is None else place.position
    return inspector.attribution(text, position=at, token=token, against=against, cut=cut)


def patch(
    inspector: Any,
    place: Any,
    text: Text = SAMPLE,
    corrupt: Annotated[
        str, typer.Option(help="A text of as many tokens, into which values are put; else: ablation.")
    ] = "",
    what: Annotated[str, typer.Option(help="attn.z (heads), resid_pre, resid_mid, attn_out or ffn_out.")] = "",
    ablation: Annotated[str, typer.Option(help="Without --corrupt: zero or mean.")] = "zero",
    token: Token = "",
    against: Against = "",
    cut: Cut = False,
) -> Any:
    """What a logit becomes when one value inside is taken away, or taken from another text."""
    asked = {
        "position": -1 if place.position is None else place.position,
        "token": token,
        "against": against,
        "cut": cut,
    }
    if corrupt:
        return inspector.patch(text, corrupt, point=what or "resid_pre", **asked)
    return inspector.ablation(text, point=what or "attn.z", kind=ablation, **asked)


def silence(
    inspector: Any,
    place: Any,
    heads: Annotated[str, typer.Option(help='Heads as layer.head, such as "2.3 4.1"; all are silenced at once.')],
    text: Text = SAMPLE,
    ablation: Annotated[str, typer.Option(help="zero or mean.")] = "zero",
    top: Top = 5,
    cut: Cut = False,
) -> Any:
    """What would come next with some heads silenced, all at once."""
    at = -1 if place.position is None else place.position
    return inspector.silence(text, heads, kind=ablation, position=at, top=top, cut=cut)


def tensors(
    inspector: Any,
    kind: Annotated[
        str, typer.Option(help="weights, activations (on the text) or gradients (of its loss).")
    ] = "weights",
    text: Text = SAMPLE,
    cut: Cut = False,
) -> Any:
    """Every tensor in numbers: shape, mean, spread, range, norm, what is not finite, histogram."""
    return inspector.tensors(kind, text, cut=cut)


def embeddings(
    inspector: Any,
    text: Text = "gato cachorro menina menino casa rio",
    top: Top = 8,
    analogies: Annotated[
        Path | None, typer.Option(help="File of questions `a b c d`; sections begin with `: name`.")
    ] = None,
) -> Any:
    """Words as vectors: the nearest, similarities, a map; or how many analogies come out right."""
    return inspector.analogies(analogies) if analogies else inspector.embeddings(text.split(), top=top)


def memory(inspector: Any, text: Text = SAMPLE, cut: Cut = False) -> Any:
    """Bytes by part, reckoned and measured: weights, KV cache or state, gradients, optimizer, activations."""
    return inspector.memory(text, cut=cut)


def tune_lens(
    data: Annotated[Path, typer.Option(help="File or folder of text.")],
    out: Annotated[Path, typer.Option(help="File for the lens.")],
    model: options.Model = "nano-pt",
    steps: Annotated[int, typer.Option(min=1, help="Optimizer steps.")] = 100,
    json: options.Json = False,
    device: options.Device = "auto",
) -> None:
    """Train a tuned lens: a map for each layer that brings its prediction near the final one."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.events import LensStepFinished

    for event in jobs.open_inspector(model, device=device).tune_lens(data, out, steps=steps):
        if json:
            output.print_json(event.to_json())
        elif isinstance(event, LensStepFinished) and event.step % max(1, steps // 10) == 0:
            output.narrator().print(
                f"step {event.step}/{steps}  KL to the end {event.divergence:.4f} nats", highlight=False
            )


def training(
    run: Annotated[str, typer.Argument(help="A run: its folder or its name.")],
    json: options.Json = False,
    device: options.Device = "auto",
) -> None:
    """A run's layers: gradient norms and updates; its loss spikes, with the rows that caused them."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.inspection import view
    from mlxgpt.inspection.focus import Focus
    from mlxgpt.inspection.reports import plain

    report = jobs.inspect_training(run, device=device)
    if json:
        output.print_json(plain(report))
        return
    for drawing in view(report, Focus()):
        output.views().print(drawing, markup=False)
