"""Decoding speed, one stream: mlxgpt's `generate` beside `mlx_lm.stream_generate`'s core, same weights, same process.

    python scripts/benchmarks/generate.py [--tokens 64] [--rounds 15] [--layers 8 --width 256 --vocab 8192]

Both write the same number of tokens from the same prompt, taking turns, so that a busy machine slows both; the ratios
are of the medians and of the best rounds.  Tokens per second count those after the first.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

from mlxgpt.backend import blas

blas.use_fast()  # before MLX multiplies anything: both sides get it

import mlx.core as mx  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402
from mlx_lm.generate import generate_step  # noqa: E402
from mlx_lm.models import llama  # noqa: E402
from mlx_lm.sample_utils import make_sampler  # noqa: E402

from mlxgpt.events import GenerationFinished  # noqa: E402
from mlxgpt.generation import config as settings  # noqa: E402
from mlxgpt.generation.generate import generate  # noqa: E402
from mlxgpt.model.config import ModelConfig  # noqa: E402
from mlxgpt.model.gpt import GPT  # noqa: E402
from mlxgpt.model.initialize import build  # noqa: E402
from mlxgpt.tokenizer.simple import byte_tokenizer  # noqa: E402

SAMPLERS = {"greedy": {"temperature": 0.0}, "top-p 0.95": {"temperature": 0.8, "top_p": 0.95}}
NAMES = {"embedding": "model.embed_tokens", "final_norm": "model.norm"}
TOKENIZER = byte_tokenizer()
PARTS = {
    "attn.": "self_attn.",
    "ffn.": "mlp.",
    "attn_norm.before": "input_layernorm",
    "ffn_norm.before": "post_attention_layernorm",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (
        ("tokens", 200),
        ("rounds", 5),
        ("layers", 8),
        ("width", 256),
        ("vocab", 8192),
        ("prompt", 64),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    model = build(
        ModelConfig(
            vocab_size=args.vocab, n_layer=args.layers, n_head=args.width // 64, n_embd=args.width, context_length=1024,
            position="rope", norm="rmsnorm", ffn="swiglu", bias="none",
        )
    )  # fmt: skip
    theirs = as_mlx_lm(model)
    prompt = [9 + i % 256 for i in range(args.prompt)]
    tokens = mx.array([prompt])
    difference = mx.abs(model(tokens) - theirs(tokens)).max().item()
    print(f"{mx.default_device()}, BLAS {blas.use_fast().name}; same logits within {difference:.1e}")
    for name, chosen in SAMPLERS.items():
        plain = settings.read({"max_tokens": args.tokens, "seed": 1}, chosen)
        judged = plain.with_(show_tokens=True)
        runs: dict[str, Callable[[], float]] = {
            "mlx_lm": partial(mlx_lm_rate, theirs, prompt, args.tokens, chosen),
            "mlxgpt": partial(mlxgpt_rate, model, prompt, plain),
            "mlxgpt, show tokens": partial(mlxgpt_rate, model, prompt, judged),
        }
        rates: dict[str, list[float]] = {label: [] for label in runs}
        for turn in range(args.rounds + 1):
            for label, run in runs.items():
                rate = run()
                if turn:  # the first round warms up
                    rates[label].append(rate)
        base = rates["mlx_lm"]
        for label, seen in rates.items():
            medians, bests = (value(seen) / value(base) for value in (statistics.median, max))
            print(
                f"{name:12} {label:20} median {statistics.median(seen):7.1f} tokens/s {medians:5.2f}x"
                f"   best {max(seen):7.1f} {bests:5.2f}x"
            )


def mlxgpt_rate(model: GPT, prompt: list[int], config: settings.GenerateConfig) -> float:
    """Tokens per second of the whole road: sampling, text, events."""
    *_, last = generate(model, TOKENIZER, prompt, config, stop_ids=frozenset())
    assert isinstance(last, GenerationFinished)
    return last.tokens_per_second


def mlx_lm_rate(model: llama.Model, prompt: list[int], tokens: int, chosen: dict[str, float]) -> float:
    """Tokens per second of mlx_lm's decoding loop, without its text."""
    sampler = make_sampler(temp=chosen["temperature"], top_p=chosen.get("top_p", 0.0))
    first = last = 0.0
    for i, _ in enumerate(generate_step(mx.array(prompt), model, max_tokens=tokens, sampler=sampler)):
        last = time.perf_counter()
        first = first if i else last
    return (tokens - 1) / (last - first)


def as_mlx_lm(model: GPT) -> llama.Model:
    """mlx_lm's Llama with the very arrays of `model`."""
    config = model.config
    twin = llama.Model(
        llama.ModelArgs(
            model_type="llama", hidden_size=config.n_embd, num_hidden_layers=config.n_layer,
            intermediate_size=config.ffn_width, num_attention_heads=config.n_head, rms_norm_eps=config.norm_eps,
            vocab_size=config.vocab_size, rope_theta=config.rope_theta, tie_word_embeddings=True,
        )
    )  # fmt: skip
    twin.load_weights([(llama_name(name), array) for name, array in tree_flatten(model.parameters())])
    return twin


def llama_name(name: str) -> str:
    """Our name of a parameter as Llama calls it."""
    part, _, rest = name.partition(".")
    if part in NAMES:
        return f"{NAMES[part]}.{rest}"
    name = "model.layers." + rest
    for ours, their in PARTS.items():
        name = name.replace(f".{ours}", f".{their}")
    return name


if __name__ == "__main__":
    main()
