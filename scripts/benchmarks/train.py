"""Training speed, side by side: PyTorch, mlxgpt, and a bare MLX loop of the same model, interleaved in one run.

    pip install torch  # in the same environment, or name another with --torch-python
    python scripts/benchmarks/train.py TINYSHAKESPEARE.txt              # speed and memory of one setting, medians
    python scripts/benchmarks/train.py TINYSHAKESPEARE.txt --recipe     # and: time to PyTorch's validation loss

The setting is nanoGPT's shakespeare_char on a CPU (see torch_baseline.py); every way reads the same text, is split at the
same character and scored on the same windows.  Each way runs in a process of its own; the first steps, which compile, are
left out of tokens/s and counted in seconds.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
WARM = 5
SETTING: dict[str, Any] = {
    "batch_size": 12,
    "learning_rate": 1e-3,
    "beta2": 0.99,
    "warmup": 0.05,
    "final_learning_rate": 0.1,
    "precision": "float32",
}
MODEL: dict[str, Any] = {
    "n_layer": 4,
    "n_head": 4,
    "n_embd": 128,
    "context_length": 64,
    "ffn": "gelu",
    "norm": "layernorm",
    "position": "learned",
    "bias": "none",
}
RECIPE = "modern-char"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--steps", type=int, default=200, help="steps of a speed run")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--recipe", action="store_true", help="train to PyTorch's loss after 2,000 steps")
    parser.add_argument("--recipe-steps", type=int, default=0, help="0: the preset's")
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--way", choices=sorted(WAYS), help="run one way in this process and print its figures as JSON")
    args = parser.parse_args()
    if args.way:
        print(json.dumps(WAYS[args.way](args)))
        return
    if not args.recipe:
        report({way: [] for way in ("torch", "mlxgpt", "bare")}, args)
    else:
        report({way: [] for way in ("torch-2000", "recipe")}, args)


def report(found: dict[str, list[dict[str, float]]], args: argparse.Namespace) -> None:
    """Run the ways in turn, `repeat` times, and print the medians and the ratios to the first way."""
    for number in range(args.repeat):
        for way, results in found.items():
            results.append(run(way, args))
            print(f"round {number + 1} {way:<11} {json.dumps(results[-1])}", file=sys.stderr, flush=True)
    medians = {
        way: {key: statistics.median(result[key] for result in results) for key in results[0]}
        for way, results in found.items()
    }
    for way, figures in medians.items():
        print(
            f"{way:<11} {figures['tokens_per_second']:>9,.0f} tok/s  {figures['seconds']:>7.1f} s  "
            f"validation {figures['validation_loss']:.4f}  peak {figures['peak_bytes'] / 2**20:,.0f} MiB"
        )
    names = list(medians)
    for other in names[1:]:
        for way in names:
            if way != other:
                pairs = zip(found[way], found[other], strict=True)
                ratios = [one["tokens_per_second"] / two["tokens_per_second"] for one, two in pairs]
                walls = [one["seconds"] / two["seconds"] for one, two in zip(found[way], found[other], strict=True)]
                memory = medians[way]["peak_bytes"] / medians[other]["peak_bytes"]
                print(
                    f"{way} / {other}: speed {statistics.median(ratios):.2f}x, time {statistics.median(walls):.2f}x, "
                    f"memory {memory:.2f}x"
                )


def run(way: str, args: argparse.Namespace) -> dict[str, float]:
    """One way in a process of its own."""
    if way.startswith("torch"):
        steps = 2000 if way == "torch-2000" else args.steps
        command = [args.torch_python, str(HERE.with_name("torch_baseline.py")), str(args.text), "--steps", str(steps)]
    else:
        command = [sys.executable, str(HERE), str(args.text), "--way", way, "--steps", str(args.steps)]
        command += ["--recipe-steps", str(args.recipe_steps)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    return result


# ---- the ways --------------------------------------------------------------------------------------------------------


def characters(text: Path) -> tuple[Any, Any, int]:
    """Training ids, validation ids and the number of characters: cut at 90 % of the text, as the baseline does."""
    import numpy as np

    content = text.read_text(encoding="utf-8")
    table = {c: i for i, c in enumerate(sorted(set(content)))}
    ids = np.array([table[c] for c in content], dtype=np.uint16)
    cut = int(0.9 * len(ids))
    return ids[:cut], ids[cut:], len(table)


def score(model: Any, ids: Any, T: int) -> float:
    """Mean loss over all whole windows of the validation text."""
    import mlx.core as mx

    from mlxgpt.model import functional

    k = (len(ids) - 1) // T
    x, y = ids[: k * T].reshape(k, T).astype("int32"), ids[1 : k * T + 1].reshape(k, T).astype("int32")
    total = 0.0
    for i in range(0, k, 128):
        losses = functional.cross_entropy(model(mx.array(x[i : i + 128])), mx.array(y[i : i + 128]))
        total += losses.sum().item()
    return total / (k * T)


def mlxgpt_way(args: argparse.Namespace) -> dict[str, float]:
    """The whole framework: the training job over the file, its events, its checkpoints."""
    from mlxgpt.config import to_toml

    with tempfile.TemporaryDirectory() as folder:
        preset = Path(folder, "nanogpt.toml")
        preset.write_text(to_toml({"model": MODEL}), encoding="utf-8")
        return trained(args.text, {**SETTING, "preset": str(preset), "steps": args.steps})


def recipe_way(args: argparse.Namespace) -> dict[str, float]:
    """What mlxgpt recommends for this text: its preset, Muon, its schedule."""
    config: dict[str, Any] = {"preset": RECIPE}
    if args.recipe_steps:
        config["steps"] = args.recipe_steps
    return trained(args.text, config)


def trained(text: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Figures of a run of `mlxgpt train` on the first 90 % of a text."""
    from mlxgpt import jobs, runs
    from mlxgpt.convert import huggingface
    from mlxgpt.events import RunFinished, StepFinished

    content = text.read_text(encoding="utf-8")
    train_ids, _, _ = characters(text)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder, "train.txt")
        part.write_text(content[: len(train_ids)], encoding="utf-8")
        given = {
            "data": part,
            "algorithm": "char",
            "out": Path(folder, "run"),
            "validation_share": 0.0,
            "sample_every": -1,
            **settings,
        }
        config, changes = jobs.load_train_config(given)
        rates, peak = [], 0
        began = time.perf_counter()
        for event in jobs.train(config, changes):
            if isinstance(event, StepFinished):
                rates.append(event.tokens_per_second)
                peak = event.peak_bytes
            if isinstance(event, RunFinished):
                seconds = event.seconds
        whole = time.perf_counter() - began
        loaded = huggingface.load(runs.Run(path=Path(folder, "run")).last)
        tokenizer = jobs._tokenizer(str(Path(folder, "run", "tokenizer")))
        ids = tokenizer.encode_batch([content[len(train_ids) :]])[0]
        loss = score(loaded, ids, loaded.config.context_length)
    return {
        "tokens_per_second": statistics.median(rates[WARM:]),
        "seconds": seconds,
        "whole_seconds": whole,
        "validation_loss": loss,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "mlx_peak_bytes": peak,
    }


def bare_way(args: argparse.Namespace) -> dict[str, float]:
    """The same model and optimizer in the shortest MLX loop that a person would write: no run, no events."""
    from functools import partial

    import mlx.core as mx
    import mlx.nn as nn
    import mlx.optimizers as optim
    import numpy as np

    from mlxgpt.backend import devices
    from mlxgpt.model import functional, initialize
    from mlxgpt.model.config import ModelConfig

    devices.prepare()
    train, validation, vocab = characters(args.text)
    model = initialize.build(ModelConfig(vocab_size=vocab, **MODEL))
    optimizer = optim.AdamW(learning_rate=1e-3, betas=[0.9, 0.99], weight_decay=0.1, bias_correction=True)
    state = [model.state, optimizer.state]

    @partial(mx.compile, inputs=state, outputs=state)
    def step(x: mx.array, y: mx.array) -> mx.array:
        loss, gradients = nn.value_and_grad(model, lambda m: functional.cross_entropy(m(x), y).mean())(model)
        gradients, _ = optim.clip_grad_norm(gradients, 1.0)
        optimizer.update(model, gradients)
        return loss

    random = np.random.default_rng(0)
    T, B = MODEL["context_length"], SETTING["batch_size"]
    durations = []
    began = time.perf_counter()
    for _ in range(args.steps):
        start = time.perf_counter()
        at = random.integers(0, len(train) - T, B)[:, None] + np.arange(T + 1)
        rows = train[at].astype(np.int32)
        loss = step(mx.array(rows[:, :-1]), mx.array(rows[:, 1:]))
        mx.eval(loss, state)
        durations.append(time.perf_counter() - start)
    seconds = time.perf_counter() - began
    return {
        "tokens_per_second": B * T / statistics.median(durations[WARM:]),
        "seconds": seconds,
        "validation_loss": score(model, validation, T),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "mlx_peak_bytes": mx.get_peak_memory(),
    }


WAYS = {"mlxgpt": mlxgpt_way, "recipe": recipe_way, "bare": bare_way}

if __name__ == "__main__":
    main()
