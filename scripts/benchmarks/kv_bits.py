"""What keys and values in few bits cost and save: loss on a text, bytes, and processor time for a token.

    OPENBLAS_NUM_THREADS=1 python scripts/benchmarks/kv_bits.py --context 4096

The loss is a model's own, on what is held out of the bundled corpus, read through the cache 16 tokens at a time as long as
its context lasts; bytes and time are those of a preset with random weights, whose context is made as long as asked.
"""

import argparse
import statistics
import time

from mlxgpt.backend import devices, places

devices.prepare("cpu")

import mlx.core as mx  # noqa: E402  # after the BLAS is chosen

from mlxgpt import checkpoint, runs  # noqa: E402
from mlxgpt.data.documents import read_documents  # noqa: E402
from mlxgpt.data.packing import pack  # noqa: E402
from mlxgpt.data.split import split  # noqa: E402
from mlxgpt.generation.window import decode, memories, prefill  # noqa: E402
from mlxgpt.model.config import load_preset  # noqa: E402
from mlxgpt.model.gpt import GPT  # noqa: E402
from mlxgpt.model.initialize import build  # noqa: E402

BITS = (0, 8, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano-pt")
    parser.add_argument("--preset", default="modern-small")
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--texts", type=int, default=8)
    arguments = parser.parse_args()
    model, tokenizer = checkpoint.load(runs.find_model(arguments.model), mx.float32)
    stream = pack(split(list(read_documents(places.corpus()))).validation, tokenizer)
    T = model.config.context_length
    texts = [stream.ids[i * T : (i + 1) * T].tolist() for i in range(min(arguments.texts, len(stream.ids) // T))]
    losses = {bits: losses_of(model, texts, bits) for bits in BITS}
    print("| bits | loss | difference | cache, MiB | ms a token |\n|---|---|---|---|---|")
    shape = load_preset(arguments.preset, {"vocab_size": 4096}).with_(context_length=arguments.context)
    long = build(shape, 0)
    held = {bits: filled(long, arguments.context - 16, bits) for bits in BITS}
    times = {bits: [decoding(long, held[bits]) for _ in range(6)][1:] for bits in BITS}
    for bits in BITS:
        size = sum(cache.nbytes for cache in held[bits]) / 2**20
        loss, gap = statistics.mean(losses[bits]), statistics.mean(losses[bits]) - statistics.mean(losses[0])
        print(f"| {bits or 'off'} | {loss:.4f} | {gap:+.4f} | {size:.1f} | {statistics.median(times[bits]):.1f} |")


def losses_of(model: GPT, texts: list[list[int]], bits: int) -> list[float]:
    """The mean loss of each text, read through a cache."""
    means = []
    for ids in texts:
        caches, total = memories(model, bits), 0.0
        for start in range(0, len(ids) - 1, 16):
            piece = ids[start : start + 17]
            logits = model(mx.array([piece[:-1]]), caches)[0]
            picked = mx.take_along_axis(logits, mx.array(piece[1:])[:, None], axis=-1).squeeze(-1)
            total += (mx.logsumexp(logits, axis=-1) - picked).sum().item()
        means.append(total / (len(ids) - 1))
    return means


def filled(model: GPT, length: int, bits: int) -> list:
    """Memories of `length` tokens."""
    caches = memories(model, bits)
    prefill(model, mx.arange(length)[None] % model.config.vocab_size, caches, 256)
    return caches


def decoding(model: GPT, caches: list) -> float:
    """Milliseconds of processor time for a token."""
    began = time.process_time()
    mx.eval(decode(model, mx.array([[7]]), caches))
    spent = time.process_time() - began
    for cache in caches:
        cache.trim(1)
    return 1000 * spent


if __name__ == "__main__":
    main()
