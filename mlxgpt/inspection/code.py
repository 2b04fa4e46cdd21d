"""Which functions a view of inspection was computed by, and their source as Python has it."""

import importlib
import inspect
from dataclasses import dataclass
from pathlib import Path

from mlxgpt.errors import ConfigError, nearest

# view -> functions, the one that does the work first
FUNCTIONS = {
    "heads": ("model.attention.explicit", "inspection.attention.attention", "inspection.roles.role_scores"),
    "recurrent": ("inspection.rwkv.effective_attention", "inspection.rwkv.own", "inspection.rwkv.reach"),
    "silence": ("inspection.silence.silence", "inspection.trace.zeroed", "inspection.trace._with"),
    "lens": ("inspection.lens.lens", "inspection.lens.decode", "inspection.lens.describe"),
    "tokens": ("inspection.surprisal.surprisal", "inspection.lens.log_softmax"),
    "tensors": ("inspection.walk.steps", "model.gpt.TransformerBlock.__call__", "inspection.tensors.summary"),
    "attribution": ("inspection.attribution.attribution", "inspection.attribution.stream_parts"),
    "patch": ("inspection.patching.patch_live", "inspection.patching._metric", "inspection.trace.replaced"),
    "state": ("inspection.rwkv.state", "inspection.rwkv.fullness", "inspection.rwkv.half_lives"),
    "explain": ("inspection.explain.explain", "inspection.facts.attention"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The source of one function."""

    name: str
    file: str  # inside the package
    line: int
    text: str


def sources(view: str) -> list[Piece]:
    """The functions behind a view; `ConfigError` for one that there is not."""
    if view not in FUNCTIONS:
        raise ConfigError(f"There is no view {view!r}.", hint=nearest(view, FUNCTIONS))
    return [_piece(name) for name in FUNCTIONS[view]]


def _piece(name: str) -> Piece:
    parts = ["mlxgpt", *name.split(".")]
    found = importlib.import_module(".".join(parts[:3]))
    file = Path(inspect.getfile(found))
    for part in parts[3:]:
        found = getattr(found, part)
    lines, first = inspect.getsourcelines(found)
    return Piece(name=name, file=f"mlxgpt/{file.parent.name}/{file.name}", line=first, text="".join(lines).rstrip())
