"""Writing many texts: mlxgpt's batches beside `mlx_lm.batch_generate` and one text after another, same weights, same process.

    OPENBLAS_NUM_THREADS=1 python scripts/benchmarks/batch.py [--model models/nano-pt] [--batch-size 16] [--prompts 32]

All write greedily from the same ragged prompts until <EOS> or `--tokens`, in float32, taking turns in each round, so that a
busy machine slows all.  Texts are compared: the same tokens are counted for all.  Times are of the processor ("cpu", what
counts on a busy machine) and of the wall; the ratio is the median of the rounds' ratios by processor time.  On a busy CPU,
give OpenBLAS one thread: more wait for each other by spinning.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from mlxgpt.backend import devices

device = devices.prepare("auto").device  # before MLX multiplies anything: both sides get it

import mlx.core as mx  # noqa: E402
from mlx_lm import batch_generate  # noqa: E402
from mlx_lm.utils import load_model, load_tokenizer  # noqa: E402

from mlxgpt import checkpoint  # noqa: E402
from mlxgpt.events import TokenGenerated  # noqa: E402
from mlxgpt.generation.batch import Batcher  # noqa: E402
from mlxgpt.generation.config import read  # noqa: E402
from mlxgpt.generation.generate import begin_id, generate  # noqa: E402

BEGINNINGS = (
    "Era uma vez",
    "O gato",
    "A menina abriu a janela e",
    "No verão",
    "Quando chegou a noite, o menino",
    "Um dia",
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time writing many texts.")
    parser.add_argument("--model", type=Path, default=Path("models/nano-pt"))
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    model, tokenizer = checkpoint.load(arguments.model, dtype=mx.float32)
    theirs, _ = load_model(arguments.model)
    theirs.set_dtype(mx.float32)
    wrapper = load_tokenizer(arguments.model)
    config = read({"temperature": 0.0, "max_tokens": arguments.tokens, "seed": 0})
    begin = begin_id(tokenizer)
    prompts = [
        [
            *([] if begin is None else [begin]),
            *tokenizer.encode(BEGINNINGS[i % len(BEGINNINGS)] + " muito" * (i // 6 % 8)),
        ]
        for i in range(arguments.prompts)
    ]
    ends = frozenset(wrapper.eos_token_ids)

    def one_by_one() -> list[list[int]]:
        return [
            [
                event.id
                for event in generate(model, tokenizer, ids, config, stop_ids=ends)
                if isinstance(event, TokenGenerated)
            ]
            for ids in prompts
        ]

    def batched() -> list[list[int]]:
        batcher = Batcher(model, tokenizer, batch_size=arguments.batch_size)
        texts = [batcher.submit(ids, config, stop_ids=ends) for ids in prompts]
        written: dict[int, list[int]] = {id(text): [] for text in texts}
        for happened in batcher.run():
            for text, event in happened:
                if isinstance(event, TokenGenerated):
                    written[id(text)].append(event.id)
        return [written[id(text)] for text in texts]

    def mlx_lm() -> list[list[int]]:
        done = batch_generate(
            theirs, wrapper, prompts, max_tokens=arguments.tokens, return_token_ids=True,
            completion_batch_size=arguments.batch_size, prefill_batch_size=min(8, arguments.batch_size),
        )  # fmt: skip
        return [list(ids) for ids in done.token_ids or []]

    rows: dict[str, Callable[[], list[list[int]]]] = {
        f"mlxgpt, {arguments.batch_size} side by side": batched,
        f"mlx_lm.batch_generate, {arguments.batch_size}": mlx_lm,
        "mlxgpt, one by one": one_by_one,
    }
    cut = [[token for token in row if token not in ends] for row in one_by_one()]
    count = sum(map(len, cut))
    for name, work in rows.items():
        same = sum(
            [token for token in row if token not in ends] == right for row, right in zip(work(), cut, strict=True)
        )
        print(f"{name}: {same} of {len(prompts)} texts are those written one by one")
    cpu: dict[str, list[float]] = {name: [] for name in rows}
    wall: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(arguments.rounds):
        for name, work in rows.items():
            began, processor = time.perf_counter(), time.process_time()
            work()
            cpu[name].append(time.process_time() - processor)
            wall[name].append(time.perf_counter() - began)
    print(
        f"{arguments.model} in float32 on {device}: {len(prompts)} prompts, {count} tokens, {arguments.rounds} rounds"
    )
    print(f"{'':38} {'tok/s, cpu':>12} {'tok/s, wall':>12}   ours is … times as fast")
    ours = next(iter(rows))
    for name in rows:
        ratio = statistics.median(other / mine for mine, other in zip(cpu[ours], cpu[name], strict=True))
        rates = (count / statistics.median(cpu[name]), count / statistics.median(wall[name]))
        print(f"{name:38} {rates[0]:12,.0f} {rates[1]:12,.0f}   {ratio:.2f}")


if __name__ == "__main__":
    main()
