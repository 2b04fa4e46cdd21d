"""How much a token surprised the model, in numbers and in words."""

import math

from mlxgpt.events import TokenGenerated
from mlxgpt.text import visible

BOUNDS = (1.0, 3.0)  # nats: calm below the first, wild from the last on


def surprisal(token: TokenGenerated) -> float | None:
    """-ln p, in nats; None when the probability is not known."""
    if token.probability is None:
        return None
    return abs(math.log(max(token.probability, 1e-30)))


def level(nats: float) -> int:
    """0 calm, 1 odd, 2 wild."""
    return sum(nats >= bound for bound in BOUNDS)


def quoted(token: TokenGenerated | str) -> str:
    """A token as it is named: « kite», with newlines and tabs to be seen."""
    text = token if isinstance(token, str) else token.token or token.text
    return "«" + visible(text).replace("\n", "⏎").replace("\t", "⇥") + "»"


def brief(token: TokenGenerated) -> str:
    """The figures of a token in a few words."""
    parts = [quoted(token)]
    if token.probability is not None:
        nats = surprisal(token)
        parts += [f"p {share(token.probability)}", f"rank {token.rank}", f"s {nats:.2f} nats"]
    if token.entropy is not None:
        parts.append(f"H {token.entropy:.2f}")
    return "  ".join(parts)


def share(probability: float) -> str:
    """A probability with three figures that matter: 0.171, 0.0042, 3e-07."""
    return f"{probability:.3f}" if probability >= 0.01 else f"{probability:.2g}"
