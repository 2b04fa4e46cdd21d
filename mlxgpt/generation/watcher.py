"""Whoever looks on while a text is written: which steps to look at is theirs to say, and no token changes by it."""

from typing import Protocol

import mlx.core as mx

from mlxgpt.generation.window import Window
from mlxgpt.model.tap import Tap


class Watcher(Protocol):
    """Told of each step when it is asked for and again when its token is known, which is a step later: see `decoded`."""

    def begin(self) -> None:
        """A text begins."""
        ...

    def before(self, window: Window) -> Tap:
        """What hears the coming step; `NO_TAP` lets it pass unseen."""
        ...

    def after(self, window: Window, token: mx.array, drawn: mx.array) -> None:
        """`token` (B, 1) was given to the window; its step, and the draw of the next token (B, 1), were submitted."""
        ...

    def drawn(self) -> None:
        """The next token has become known, so the step that it was drawn from is computed."""
        ...
