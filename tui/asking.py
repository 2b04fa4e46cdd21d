"""What the Inspect page asks of a model: a name, words for the state line, and a function that runs on the engine's thread."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tui.look import Look

if TYPE_CHECKING:
    from mlxgpt.inspection.inspector import Inspector

Ask = Callable[["Inspector", Look], Any]  # Any: the report that the field of `Look` holds


def _heads(inspector: "Inspector", look: Look) -> Any:  # Any: as above
    if inspector.model.config.recurrent:
        return inspector.effective_attention(look.reading, cut=True)
    return inspector.attention(look.reading, cut=True)


# About the whole text, in this order, so that the first is seen soon.
READ: dict[str, tuple[str, Ask]] = {
    "tokens": ("surprisal", lambda inspector, look: inspector.tokens(look.reading, cut=True)),
    "lens": ("lens", lambda inspector, look: inspector.lens(look.reading, cut=True)),
    "heads": ("heads and their roles", _heads),
    "stream": (
        "residual stream",
        lambda inspector, look: inspector.tensors("activations", look.reading, cut=True).stream_norms,
    ),
}
RECURRENT: dict[str, tuple[str, Ask]] = {
    "decay": ("half-lives", lambda inspector, look: inspector.decay(look.reading, cut=True)),
    "shift": ("token shift", lambda inspector, look: inspector.shift(look.reading, cut=True)),
    "state": ("states", lambda inspector, look: inspector.state(look.reading, cut=True)),
}


def silence(kind: str) -> Ask:
    """What comes next without the silenced heads."""
    return lambda inspector, look: inspector.silence(
        look.reading, look.silenced, kind=kind, position=look.at, top=8, cut=True
    )


def attribution(second: bool) -> Ask:
    """Who speaks for the best guess at the cursor, or for it rather than for the second."""

    def ask(inspector: "Inspector", look: Look) -> Any:  # Any: as above
        against: int | str = ""
        if second and look.lens is not None and look.lens.top.shape[-1] > 1:
            against = int(look.lens.top[-1, look.at, 1])
        return inspector.attribution(look.reading, position=look.at, against=against, cut=True)

    return ask


def walk(kind: str, layer: int | None) -> Ask:
    """The tensors of a kind in a layer, or outside all of them."""
    return lambda inspector, look: inspector.walk(look.reading, layer, kind=kind, cut=True)


def values(kind: str, name: str) -> Ask:
    """The numbers of one tensor."""
    return lambda inspector, look: inspector.values(
        name, look.reading, kind=kind, head=look.head, position=look.at, cut=True
    )
