"""Where a training step's time goes on this CPU, part by part, with MLX's own functions and with ours.

    python scripts/benchmarks/step_parts.py

The setting is that of `train.py`: 4 layers, 4 heads, 128 wide, block 64, batch 12.  Each part runs forward and backward at its
real shapes, compiled, on one stream with one BLAS thread; figures are milliseconds of processor time (so a busy machine
matters little), times the number of such parts in a step.  The last line is the whole step, measured the same way.
"""

import statistics
import time
from collections.abc import Callable

import mlx.core as mx
import numpy as np

from mlxgpt.backend import blas, devices, jit
from mlxgpt.data.loader import Batch
from mlxgpt.model import attention, functional, initialize
from mlxgpt.model.config import ModelConfig
from mlxgpt.training.optimizers import AdamW, Now, Optimizer
from mlxgpt.training.step import Stepper

B, T, C, H, L, V = 12, 64, 128, 4, 4, 65
CONFIG = ModelConfig(
    vocab_size=V,
    n_layer=L,
    n_head=H,
    n_embd=C,
    context_length=T,
    ffn="gelu",
    norm="layernorm",
    position="learned",
    bias="none",
)
ROUNDS, REPEAT = 5, 20


def main() -> None:
    devices.prepare("cpu")
    jit.precompile_header()
    blas.set_threads(1)
    ours = measure()
    functional._WORTH_IT = 1 << 60  # never: MLX's own functions everywhere
    theirs = measure()
    total, other = sum(ours.values()), sum(theirs.values())
    print(f"{'part':<34} {'MLX':>9} {'share':>6} {'ours':>9} {'share':>6}")
    for part, milliseconds in ours.items():
        own, share = theirs[part], theirs[part] / other
        print(f"{part:<34} {own:>6.2f} ms {share:>6.1%} {milliseconds:>6.2f} ms {milliseconds / total:>6.1%}")
    print(f"{'sum':<34} {other:>6.2f} ms {'':>6} {total:>6.2f} ms")
    whole_theirs = whole_step()
    functional._WORTH_IT = 16_384
    print(f"{'the whole step':<34} {whole_theirs:>6.2f} ms {'':>6} {whole_step():>6.2f} ms")


def measure() -> dict[str, float]:
    """Milliseconds a step spends in each part."""
    x, weight = rand(B, T, C), rand(C)
    wide = rand(B, T, 4 * C)
    heads = [rand(B, H, T, C // H) for _ in range(3)]
    flat = rand(B * T, C)
    logits, targets = rand(B * T, V), mx.random.randint(0, V, (B * T,), key=mx.random.key(1))
    tokens = mx.random.randint(0, V, (B, T), key=mx.random.key(2))
    table = rand(V, C)
    matrices = {"q, k, v": rand(3 * C, C), "attention out": rand(C, C), "up": rand(4 * C, C), "down": rand(C, 4 * C)}

    def attend(q: mx.array, k: mx.array, v: mx.array) -> mx.array:
        return attention.fused(q, k, v, scale=0.2, mask="causal")

    def heads_of(x: mx.array) -> mx.array:
        return mx.contiguous(attention.split_heads(x, H))

    return {
        "products: projections and head": sum(
            timed(lambda x, w: x @ w.T, rand(B * T, w.shape[1]), w) * L for w in matrices.values()
        )
        + timed(lambda x, w: x @ w.T, flat, table),
        "attention (scores, softmax, sum)": timed(attend, *heads) * L,
        "heads split and merged": timed(heads_of, x) * 4 * L,
        "GELU": timed(functional.gelu, wide) * L,
        "LayerNorm": timed(lambda x, w: functional.layer_norm(x, w, None, 1e-5), x, weight) * (2 * L + 1),
        "residual additions": timed(lambda x, y: x + y, x, x) * 2 * L,
        "embedding": timed(lambda table: table[tokens], table),
        "cross-entropy": timed(lambda logits: functional.cross_entropy(logits, targets).mean(), logits),
        "clip and AdamW": optimizer_time(),
    }


def timed(function: Callable[..., mx.array], *arguments: mx.array) -> float:
    """Processor milliseconds of one forward and backward pass."""
    shape = function(*arguments).shape
    upstream = rand(*shape)  # evaluated: a lazy one would be drawn anew in every call

    def both(*arguments: mx.array) -> object:
        return mx.vjp(function, list(arguments), [upstream])

    compiled = mx.compile(both)
    mx.eval(compiled(*arguments))
    return median_of(lambda: mx.eval(compiled(*arguments)))


def optimizer_time() -> float:
    stepper = Stepper(initialize.build(CONFIG), Optimizer(adamw=AdamW()))
    gradients = {name: mx.random.normal(p.shape) for name, p in stepper.parameters.items()}
    update = mx.compile(stepper._apply)
    scalars = stepper.optimizer.scalars(1, 1e-3, 0.0)
    assert isinstance(Now.of(scalars), Now)
    mx.eval(gradients, update(stepper.parameters, gradients, stepper.state, scalars))
    return median_of(lambda: mx.eval(update(stepper.parameters, gradients, stepper.state, scalars)))


def whole_step() -> float:
    """Processor milliseconds of a step of one stream."""
    stepper = Stepper(initialize.build(CONFIG), Optimizer(adamw=AdamW()))
    ids = np.random.default_rng(0).integers(0, V, (B, T + 1)).astype(np.int32)
    batch = Batch(inputs=ids[:, :-1], targets=ids[:, 1:], weights=None, epoch=0.0)

    def step() -> None:
        stepper.evaluate(*stepper.step([batch], 1e-3, 0.0))

    step()
    return median_of(step)


def median_of(work: Callable[[], object]) -> float:
    """The median over rounds of the mean processor milliseconds of `work`."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(REPEAT):
            work()
        rounds.append(1000 * (time.process_time() - began) / REPEAT)
    return statistics.median(rounds)


def rand(*shape: int) -> mx.array:
    array = mx.random.normal(shape, key=mx.random.key(sum(shape)))
    mx.eval(array)
    return array


if __name__ == "__main__":
    main()
