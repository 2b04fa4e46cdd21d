"""One optimizer step: forward, backward, update, compiled as a whole with its state passed in and out.

Nothing here looks at a value: the caller evaluates once, at the step's end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.data.loader import Batch
from mlxgpt.errors import CheckpointError
from mlxgpt.model.gpt import GPT
from mlxgpt.training.losses import next_token_loss
from mlxgpt.training.optimizers import Now, Optimizer, State, Tree, clip_by_norm

# inputs (B, T), targets (B, T), weights (B, T) or None, the part's share of the whole loss (), a key for dropout or None
Part = tuple[mx.array, mx.array, mx.array | None, mx.array, mx.array | None]


class Stepper:
    """Holds the float32 master weights and the optimizer's state, and moves both one step at a time."""

    def __init__(
        self, model: GPT, optimizer: Optimizer, *, dtype: mx.Dtype = mx.float32, compiled: bool = True
    ) -> None:
        self.model, self.optimizer, self.dtype = model, optimizer, dtype
        self.parameters: Tree = dict(tree_flatten(model.trainable_parameters()))
        self.state: State = optimizer.start(self.parameters)
        self.steps = 0
        wrap = mx.compile if compiled else lambda function: function
        self._whole_step, self._gradients, self._update = map(
            wrap, (self._trace_step, self._trace_gradients, self._apply)
        )

    def step(
        self, batches: Sequence[Batch], rate: float, muon_rate: float, key: mx.array | None = None
    ) -> tuple[mx.array, mx.array]:
        """Take one step on the union of `batches`; returns its loss and gradient norm, not yet evaluated.

        Several batches are accumulated, and give what one batch of all their rows would.
        """
        scalars = self.optimizer.scalars(self.steps + 1, rate, muon_rate)
        parts = self._parts(batches, key)
        if len(parts) == 1:
            loss, norm, self.parameters, self.state = self._whole_step(self.parameters, self.state, parts[0], scalars)
        else:
            loss, gradients = mx.array(0.0), None
            for part in parts:
                more, gradients = self._gradients(self.parameters, part, gradients)
                loss = loss + more
                mx.async_eval(loss, gradients)  # else the graphs of all batches are held at once
            norm, self.parameters, self.state = self._update(self.parameters, gradients, self.state, scalars)
        self.steps += 1
        return loss, norm

    def measure(
        self, batches: Sequence[Batch], rate: float, muon_rate: float, key: mx.array | None = None
    ) -> tuple[Tree, Tree]:
        """The gradients of `batches`, not clipped, and the weights as `step` would leave them; nothing changes.

        Not compiled: it is for looking now and then, and compiling it would cost more than it saves.
        """
        gradients: Tree | None = None
        for part in self._parts(batches, key):
            _, gradients = self._trace_gradients(self.parameters, part, gradients)
        assert gradients is not None
        scalars = self.optimizer.scalars(self.steps + 1, rate, muon_rate)
        _, parameters, _ = self._apply(self.parameters, gradients, self.state, scalars)
        mx.eval(gradients, parameters)
        return gradients, parameters

    def evaluate(self, *arrays: mx.array) -> None:
        """Compute what the step described: the only place where training waits."""
        mx.eval(*arrays, self.parameters, self.state)

    def is_finite(self) -> bool:
        """Whether every weight and all of the optimizer's state is a number."""
        arrays = [*self.parameters.values(), *(value for slots in self.state.values() for value in slots.values())]
        return bool(mx.all(mx.stack([mx.isfinite(array).all() for array in arrays])).item())

    def restore(self, model: GPT, arrays: Mapping[str, mx.array], steps: int) -> None:
        """Continue from saved weights and optimizer state ("parameter/slot" -> array), after `steps` steps.

        Raises `CheckpointError` when they belong to another model or optimizer.
        """
        weights = dict(tree_flatten(model.parameters()))
        parameters = {name: weights[name] for name in self.parameters if name in weights}
        state: State = {name: {} for name in self.state}
        for label, value in arrays.items():
            name, _, slot = label.rpartition("/")
            state.setdefault(name, {})[slot] = value
        fits = _shapes(parameters) == _shapes(self.parameters) and set(state) == set(self.state)
        if not fits or any(_shapes(state[name]) != _shapes(slots) for name, slots in self.state.items()):
            raise CheckpointError(
                "The checkpoint's weights or optimizer state do not fit the run's settings.",
                hint="Its model or optimizer was changed after it was saved; restore config.toml of the run.",
            )
        self.model.update(tree_unflatten(list(weights.items())))  # what does not learn as well
        self.parameters = {name: parameters[name] for name in self.parameters}
        self.state = {name: state[name] for name in self.state}
        self.steps = steps
        self.evaluate()

    def write_back(self) -> GPT:
        """The model, holding the current weights."""
        self.model.update(tree_unflatten(list(self.parameters.items())))
        return self.model

    # ---- the traced functions: pure, everything comes in and goes out ------------------------------------------------

    def _trace_step(self, parameters: Tree, state: State, part: Part, scalars: mx.array) -> Any:
        loss, gradients = self._gradients_of(parameters, part)
        norm, parameters, state = self._apply(parameters, gradients, state, scalars)
        return loss, norm, parameters, state

    def _trace_gradients(self, parameters: Tree, part: Part, added: Tree | None) -> Any:
        loss, gradients = self._gradients_of(parameters, part)
        if added is not None:
            gradients = {name: added[name] + g for name, g in gradients.items()}
        return loss, gradients

    def _gradients_of(self, parameters: Tree, part: Part) -> Any:
        return mx.value_and_grad(lambda parameters: self._loss(parameters, part))(parameters)

    def _loss(self, parameters: Tree, part: Part) -> mx.array:
        inputs, targets, weights, share, key = part
        if self.dtype != mx.float32:
            parameters = {name: p.astype(self.dtype) for name, p in parameters.items()}
        self.model.update(tree_unflatten(list(parameters.items())))
        return next_token_loss(self.model, inputs, targets, weights, key) * share

    def _apply(self, parameters: Tree, gradients: Tree, state: State, scalars: mx.array) -> Any:
        gradients, norm = clip_by_norm(gradients, self.optimizer.clip)
        parameters, state = self.optimizer.update(parameters, gradients, state, Now.of(scalars))
        return norm, parameters, state

    def _parts(self, batches: Sequence[Batch], key: mx.array | None) -> list[Part]:
        """The batches as arrays, each with its share of the weighted targets of all."""
        counts = [float(batch.inputs.size if batch.weights is None else batch.weights.sum()) for batch in batches]
        total = sum(counts) or 1.0
        keys = [None] * len(batches) if key is None else list(mx.random.split(key, len(batches)))
        return [
            (
                mx.array(batch.inputs),
                mx.array(batch.targets),
                None if batch.weights is None else mx.array(batch.weights),
                mx.array(count / total),
                part_key,
            )
            for batch, count, part_key in zip(batches, counts, keys, strict=True)
        ]


def _shapes(tree: Mapping[str, mx.array]) -> dict[str, tuple[tuple[int, ...], mx.Dtype]]:
    return {name: (value.shape, value.dtype) for name, value in tree.items()}
