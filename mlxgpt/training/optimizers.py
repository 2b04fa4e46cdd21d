"""Optimizers as pure functions: (parameters, gradients, state) in, (parameters, state) out.

State is explicit, so that a whole step compiles and a checkpoint holds everything.  Trees are flat dictionaries from a
parameter's name to its array; the state of a parameter is a dictionary of its own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx

from mlxgpt.training.config import TrainConfig

Tree = dict[str, mx.array]
State = dict[str, dict[str, mx.array]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What changes from step to step; scalars, as arrays, because they enter compiled functions."""

    rate: mx.array
    muon_rate: mx.array
    correction1: mx.array  # 1 - beta1^t
    correction2: mx.array  # 1 - beta2^t

    @staticmethod
    def of(scalars: mx.array) -> "Now":
        """The numbers that `Optimizer.scalars` put into one array."""
        return Now(rate=scalars[0], muon_rate=scalars[1], correction1=scalars[2], correction2=scalars[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW:
    """Adam with bias correction and decoupled weight decay (Kingma & Ba 2015; Loshchilov & Hutter 2019).

    m = b1 m + (1 - b1) g        v = b2 v + (1 - b2) g g
    p = p - lr (decay p + m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps))
    """

    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-8
    decay: float = 0.1

    def start(self, p: mx.array) -> dict[str, mx.array]:
        """The state of a parameter before the first step."""
        return {"m": mx.zeros(p.shape), "v": mx.zeros(p.shape)}

    def step(
        self, p: mx.array, g: mx.array, state: dict[str, mx.array], now: "Now", decays: bool, times: float = 1.0
    ) -> tuple[mx.array, dict[str, mx.array]]:
        """One update, at `times` the learning rate."""
        rate = now.rate if times == 1.0 else now.rate * times
        m = self.beta1 * state["m"] + (1 - self.beta1) * g
        v = self.beta2 * state["v"] + (1 - self.beta2) * (g * g)
        if decays:
            p = p * (1 - rate * self.decay)
        return p - rate * (m / now.correction1) / (mx.sqrt(v / now.correction2) + self.eps), {"m": m, "v": v}


@dataclass(frozen=True, slots=True, kw_only=True)
class Muon:
    """Momentum, orthogonalised: every direction of a matrix is updated by the same amount (Jordan et al. 2024).

    u = g + momentum m (Nesterov);  p = p (1 - lr decay) - lr sqrt(max(1, rows / columns)) orthogonal(u)
    """

    momentum: float = 0.95
    decay: float = 0.0
    iterations: int = 5

    def start(self, p: mx.array) -> dict[str, mx.array]:
        """The state of a matrix before the first step."""
        return {"m": mx.zeros(p.shape)}

    def step_together(
        self, ps: list[mx.array], gs: list[mx.array], states: list[dict[str, mx.array]], rate: mx.array
    ) -> list[tuple[mx.array, dict[str, mx.array]]]:
        """One update of matrices that share a shape; they are orthogonalised in one batch."""
        m = self.momentum * mx.stack([state["m"] for state in states]) + mx.stack(gs) * (1 - self.momentum)
        u = (1 - self.momentum) * mx.stack(gs) + self.momentum * m
        rows, columns = ps[0].shape
        update = orthogonalize(u, self.iterations) * math.sqrt(max(1.0, rows / columns))
        return [(p * (1 - rate * self.decay) - rate * update[i], {"m": m[i]}) for i, p in enumerate(ps)]


def orthogonalize(x: mx.array, iterations: int = 5) -> mx.array:
    """The nearest semi-orthogonal matrix, roughly: singular values end between 0.7 and 1.2.  (…, R, C) -> (…, R, C).

    Newton-Schulz: x <- a x + (b A + c A A) x with A = x x', a polynomial chosen to lift small singular values fast
    (Keller Jordan's coefficients).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = x.shape[-2] <= x.shape[-1]
    x = x if wide else x.swapaxes(-1, -2)
    x = x / (mx.sqrt((x * x).sum(axis=(-2, -1), keepdims=True)) + 1e-7)
    for _ in range(iterations):
        A = x @ x.swapaxes(-1, -2)
        x = a * x + (b * A + c * (A @ A)) @ x
    return x if wide else x.swapaxes(-1, -2)


def is_matrix(name: str, p: mx.array) -> bool:
    """Whether a parameter is the matrix of a layer or an embedding: what weight decay pulls on.

    Biases and gains are not, nor are RWKV's thin matrices and its numbers by head, whose names do not end in "weight".
    """
    return p.ndim >= 2 and name.endswith("weight")


def rate_of(name: str) -> float:
    """How much faster than the others a parameter learns: twice for the decays of RWKV, which are far apart."""
    return 2.0 if name.endswith((".time_decay", ".att.w0")) else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    """Decides who updates what: `adamw` everything, or `muon` the matrices inside the blocks and `adamw` the rest."""

    adamw: AdamW
    muon: Muon | None = None
    clip: float = 1.0
    decays: Callable[[str, mx.array], bool] = is_matrix

    def is_muon(self, name: str, p: mx.array) -> bool:
        """Whether Muon updates this parameter: matrices of blocks; not embeddings, heads, gains or biases."""
        return self.muon is not None and name.startswith("blocks.") and is_matrix(name, p)

    def start(self, parameters: Tree) -> State:
        """The state before the first step."""
        return {
            name: (self.muon if self.muon and self.is_muon(name, p) else self.adamw).start(p)
            for name, p in parameters.items()
        }

    def scalars(self, t: int, rate: float, muon_rate: float) -> mx.array:
        """The numbers of step t = 1, 2, … for `Now.of`, in one array (4,)."""
        return mx.array([rate, muon_rate, 1 - self.adamw.beta1**t, 1 - self.adamw.beta2**t])

    def update(self, parameters: Tree, gradients: Tree, state: State, now: Now) -> tuple[Tree, State]:
        """Parameters and state after one step; `parameters` may be a part of the tree."""
        updated: Tree = {}
        after: State = {}
        shapes: dict[tuple[int, ...], list[str]] = {}
        for name, p in parameters.items():
            if self.is_muon(name, p):
                shapes.setdefault(p.shape, []).append(name)
            else:
                decays = self.decays(name, p)
                updated[name], after[name] = self.adamw.step(
                    p, gradients[name], state[name], now, decays, rate_of(name)
                )
        for names in shapes.values():
            assert self.muon is not None
            ps, gs, ss = ([tree[name] for name in names] for tree in (parameters, gradients, state))
            for name, (p, s) in zip(names, self.muon.step_together(ps, gs, ss, now.muon_rate), strict=True):
                updated[name], after[name] = p, s
        # in the order they came: sums over the tree must add up in the same order after a resume
        return {name: updated[name] for name in parameters}, {name: after[name] for name in parameters}


def clip_by_norm(gradients: Tree, limit: float) -> tuple[Tree, mx.array]:
    """Gradients scaled so that their common L2 norm is at most `limit` (0: no limit), and the norm before."""
    norm = mx.sqrt(sum(((g * g).sum() for g in gradients.values()), mx.array(0.0)))
    if not limit:
        return gradients, norm
    factor = mx.minimum(1.0, limit / (norm + 1e-6))
    return {name: g * factor for name, g in gradients.items()}, norm


def from_config(config: TrainConfig) -> Optimizer:
    """The optimizer a run asks for."""
    adamw = AdamW(beta1=config.beta1, beta2=config.beta2, eps=config.adam_eps, decay=config.weight_decay)
    return Optimizer(adamw=adamw, muon=Muon() if config.optimizer == "muon" else None, clip=config.clip)
