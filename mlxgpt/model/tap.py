"""Looking inside: a tap is called with the name and value of an activation and returns the value to go on with.

`x = tap("resid_mid", x + tap("attn_out", …))` reads as labels on tensors.  `NO_TAP` is the default and does nothing, so
watching costs nothing when nobody watches.  Names are TransformerLens's without "hook_".
"""

from typing import Protocol

import mlx.core as mx


class Tap(Protocol):
    """Watches activations, and may replace them."""

    def __call__(self, name: str, value: mx.array) -> mx.array:
        """The value to go on with."""
        ...

    def wants(self, name: str) -> bool:
        """Whether `name` is watched.  Asked before computing what the fused kernels never materialise."""
        ...


class _NoTap:
    def __call__(self, name: str, value: mx.array) -> mx.array:
        return value

    def wants(self, name: str) -> bool:
        return False


class _Inside:
    """A tap that puts the name of a part before every name it hears."""

    def __init__(self, tap: Tap, part: str) -> None:
        self.tap, self.prefix = tap, part + "."

    def __call__(self, name: str, value: mx.array) -> mx.array:
        return self.tap(self.prefix + name, value)

    def wants(self, name: str) -> bool:
        return self.tap.wants(self.prefix + name)


NO_TAP: Tap = _NoTap()


def inside(tap: Tap, part: str) -> Tap:
    """`tap` as seen from within `part`: what is called "q" there arrives as "part.q"."""
    return tap if tap is NO_TAP else _Inside(tap, part)
