"""RWKV's figures, as ratios of one run: the operators against their recurrence, training against a transformer, memory.

    python scripts/benchmarks/rwkv.py                       # all parts; about ten minutes on a quiet machine
    python scripts/benchmarks/rwkv.py operator training     # some of them
    python scripts/benchmarks/rwkv.py --quick               # shorter texts and fewer rounds, to see that it works

What is compared runs in turns, and medians of processor time are compared, so that a busy machine disturbs less.  Products
use one BLAS thread unless --threads says otherwise: threads that wait for each other spin, and count as work.  The goals of
issue 8, which were set that way, stand beside the figures.
"""

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable

import mlx.core as mx
import numpy as np

from mlxgpt.backend import blas, devices
from mlxgpt.data.loader import Batch
from mlxgpt.events import TokenGenerated
from mlxgpt.generation.config import GenerateConfig, SamplingConfig
from mlxgpt.generation.generate import generate, open_window
from mlxgpt.generation.window import prefill
from mlxgpt.model import wkv6, wkv7
from mlxgpt.model.attention import fused
from mlxgpt.model.config import ModelConfig, load_preset
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build
from mlxgpt.model.rwkv7 import FASTEST
from mlxgpt.tokenizer.simple import byte_tokenizer
from mlxgpt.training.optimizers import AdamW, Optimizer
from mlxgpt.training.step import Stepper

B, H, N = 4, 4, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}; all without")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="BLAS threads")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    backend = devices.prepare(args.device)
    blas.set_threads(args.threads)
    print(
        f"{backend.name} ({backend.device}), MLX {mx.__version__}, {args.rounds} rounds, {args.threads} BLAS threads, "
        "medians of processor seconds"
    )
    for part in args.parts or PARTS:
        print(f"\n== {part}", flush=True)
        PARTS[part](args)


def in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median processor seconds of each way; the first call of each, which compiles, is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            began = time.process_time()
            way()
            if number:
                seconds[name].append(time.process_time() - began)
    return {name: statistics.median(each) for name, each in seconds.items()}


# ---- the operators ---------------------------------------------------------------------------------------------------


def operator(args: argparse.Namespace) -> None:
    """Forward and backward, chunks against the recurrence and against fused attention."""
    print("goals: the recurrence takes 10 times as long as chunks at T = 256, 30 times at T = 1024")
    for T in (256,) if args.quick else (256, 1024):
        r, k, v, w = (mx.random.normal((B, H, T, N), key=key) * 0.3 for key in mx.random.split(mx.random.key(0), 4))
        u, kk = mx.full((H, N), 0.3), k / mx.linalg.norm(k, axis=-1, keepdims=True)
        lw = FASTEST * mx.sigmoid(w)
        six, seven = (r, k, v, w * 3 - 2, u), (r, lw, k, v, -kk, kk * 0.5)
        ways = {
            "wkv6": gradient(wkv6.wkv6, six),
            "wkv7": gradient(wkv7.wkv7, seven),
            "attention": gradient(lambda q, k, v: (fused(q, k, v, scale=N**-0.5, mask="causal"),), (r, k, v)),
        }
        fast = in_turns(ways, args.rounds)
        slow = {
            name: recurrence(module, name, inputs)
            for name, module, inputs in (("wkv6", wkv6, six), ("wkv7", wkv7, seven))
        }
        for name, seconds in fast.items():
            beside = (
                f"   recurrence {slow[name] * 1e3:8.1f} ms, {slow[name] / seconds:5.1f} times" if name in slow else ""
            )
            print(f"T {T:5}  {name:<10} {seconds * 1e3:8.1f} ms{beside}", flush=True)


def gradient(function: Callable[..., tuple[mx.array, ...]], inputs: tuple[mx.array, ...]) -> Callable[[], object]:
    """A call of forward and backward, compiled."""
    step = mx.compile(
        mx.value_and_grad(lambda *given: function(*given)[0].square().sum(), argnums=tuple(range(len(inputs))))
    )
    return lambda: mx.eval(step(*inputs))


def recurrence(module: object, name: str, inputs: tuple[mx.array, ...]) -> float:
    """Processor seconds of forward and backward, token after token (eager: its graph is too large to compile)."""
    quick, module.chunked = module.chunked, module.recurrent  # type: ignore[attr-defined]
    try:
        step = mx.value_and_grad(
            lambda *given: getattr(module, name)(*given)[0].square().sum(), argnums=tuple(range(len(inputs)))
        )
        times = []
        for _ in range(2):
            began = time.process_time()
            mx.eval(step(*inputs))
            times.append(time.process_time() - began)
        mx.clear_cache()
        return min(times)
    finally:
        module.chunked = quick  # type: ignore[attr-defined]


# ---- training --------------------------------------------------------------------------------------------------------


def models(T: int) -> dict[str, ModelConfig]:
    """A transformer and both RWKVs of one depth and width, and a transformer with as many parameters as RWKV-6."""
    common = ModelConfig(vocab_size=512, n_layer=4, n_embd=256, n_head=4, context_length=T, tie_embeddings=False)
    gpt = common.with_(norm="rmsnorm", position="rope", ffn="relu2", bias="none", init="modern")
    return {
        "transformer": gpt,
        "wider": gpt.with_(d_ffn=1392),
        "rwkv6": common.with_(block="rwkv6", position="none"),
        "rwkv7": common.with_(block="rwkv7", position="none"),
    }


def training(args: argparse.Namespace) -> None:
    """Tokens a processor second of whole training steps, 2,048 tokens each."""
    print(
        "goals: rwkv6 reaches 0.7 of the transformer's speed at T = 256, 1.0 at 1024, 1.8 at 2048; rwkv7 0.65, 1.0, 1.5"
    )
    for T in (256,) if args.quick else (256, 1024, 2048):
        ways, sizes = {}, {}
        for name, config in models(T).items():
            stepper = Stepper(build(config), Optimizer(adamw=AdamW()))
            sizes[name] = sum(parameter.size for parameter in stepper.parameters.values())
            ways[name] = training_step(stepper, T)
        seconds = in_turns(ways, args.rounds)
        for name, each in seconds.items():
            ratio = seconds["transformer"] / each
            print(
                f"T {T:5}  {name:<12} {sizes[name] / 1e6:5.2f} M parameters {2048 / each:7.0f} tokens/s"
                f" {ratio:5.2f} of the transformer, {seconds['wider'] / each:5.2f} of the wider one",
                flush=True,
            )


def training_step(stepper: Stepper, T: int) -> Callable[[], object]:
    """A call that takes one step on 2,048 tokens."""
    ids = np.random.default_rng(0).integers(0, 512, (2048 // T, T + 1)).astype(np.int32)
    batch = Batch(inputs=ids[:, :-1], targets=ids[:, 1:], weights=None, epoch=0.0)
    return lambda: stepper.evaluate(*stepper.step([batch], 1e-3, 1e-3))


# ---- memory ----------------------------------------------------------------------------------------------------------


def memory(args: argparse.Namespace) -> None:
    """Active memory and time a token of `generate`, with the usual sampling."""
    print("goal: the same bytes after 1,000 and 100,000 tokens")
    marks = (100, 1_000) if args.quick else (1_000, 10_000, 100_000)
    tokenizer = byte_tokenizer()
    for name in ("rwkv-nano", "rwkv7-nano"):
        model = build(load_preset(name, {"vocab_size": tokenizer.vocab_size}))
        config = GenerateConfig(max_tokens=marks[-1] + 1, sampling=SamplingConfig(seed=1))
        window, written, last, began = open_window(model, config), 0, 0, time.process_time()
        for event in generate(model, tokenizer, tokenizer.encode("A"), config, stop_ids=frozenset(), window=window):
            written += isinstance(event, TokenGenerated)
            if isinstance(event, TokenGenerated) and written in marks:
                # the next token is being computed, and the last layer's state after it is not even asked for
                mx.eval([cache.state for cache in window.caches])
                mx.synchronize()
                now = time.process_time()
                print(
                    f"{name} after {written:7,} tokens: {mx.get_active_memory():,} bytes active, "
                    f"{1e3 * (now - began) / (written - last):.2f} ms a token",
                    flush=True,
                )
                began, last = now, written


def reading(args: argparse.Namespace) -> None:
    """The same text read in pieces and token by token."""
    print("goal: logits within 1e-5, state within 1e-5 of its size, 15 times as fast")
    length = 1_000 if args.quick else 20_000
    for name in ("rwkv6", "rwkv7"):
        model = noisy(build(dataclasses.replace(models(256)[name], n_layer=2)))
        ids = mx.random.randint(0, 512, (1, length), key=mx.random.key(3))
        fast, slow = model.make_cache(), model.make_cache()
        began = time.process_time()
        prefill(model, ids, fast)
        middle = time.process_time()
        for t in range(length):
            model(ids[:, t : t + 1], slow)
            mx.eval([layer.state for layer in slow])
        ended = time.process_time()
        one, other = (model(mx.array([[5]]), cache) for cache in (fast, slow))
        states = [
            (mx.abs(a - b).max() / mx.abs(b).max()).item()
            for x, y in zip(fast, slow, strict=True)
            for a, b in zip(x.state, y.state, strict=True)
        ]
        print(
            f"{name} after {length:,} tokens: logits differ by {mx.abs(one - other).max().item():.1e}, "
            f"states by {max(states):.1e}, {(ended - middle) / (middle - began):.1f} times as fast",
            flush=True,
        )


def noisy(model: GPT) -> GPT:
    """A model whose branches are not zero."""
    for layer in model.layers:
        for part, name in (("att", "output"), ("ffn", "value")):
            weight = layer[part][name].weight
            layer[part][name].weight = mx.random.normal(weight.shape, key=mx.random.key(weight.size)) * 0.05
    return model


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "operator": operator,
    "training": training,
    "memory": memory,
    "reading": reading,
}

if __name__ == "__main__":
    main()
