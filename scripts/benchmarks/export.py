"""Exports beside the programs they are for: mlx-lm, transformers and llama.cpp on the same tokens as mlxgpt.

    pip install 'mlxgpt[oracles]'
    python scripts/benchmarks/export.py nano-pt modern-softcap rwkv-nano

A word is a model or a preset; a preset gets random weights, large enough that its best token is clear.  The table gives the
largest difference of any logit, and how many of 40 greedy tokens are the same before the first that differs.  A quantised
export is compared with the original, so there the difference is what quantising costs.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from mlxgpt.backend import devices

devices.prepare("cpu")

import mlx.core as mx  # noqa: E402  # after the BLAS is chosen
import numpy as np  # noqa: E402
from mlx.utils import tree_map  # noqa: E402

from mlxgpt import checkpoint, jobs, runs  # noqa: E402
from mlxgpt.convert import huggingface  # noqa: E402
from mlxgpt.errors import MlxgptError  # noqa: E402
from mlxgpt.model.config import load_preset, presets  # noqa: E402
from mlxgpt.model.gpt import GPT  # noqa: E402
from mlxgpt.model.initialize import build  # noqa: E402

TOKENS = 40
Logits = Callable[[list[int]], np.ndarray]  # ids -> (T, V)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--no-quantized", action="store_true", help="leave the quantised exports out")
    arguments = parser.parse_args()
    print("| model | read by | numbers | largest difference | same greedy tokens |\n|---|---|---|---|---|")
    for word in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            source = stored(word, Path(folder) / "model")
            for program, to, read in PROGRAMS:
                for quantize in ("", "q8", "q4") if to != "hf" and not arguments.no_quantized else ("",):
                    out = Path(folder) / f"{program}{quantize}.gguf"
                    try:
                        dtype = "" if quantize and to == "gguf" else "float32"  # there the bits say it all
                        jobs.export(str(source), out, to, quantize=quantize, dtype=dtype)
                        row = compared(source, read(out))
                    except (MlxgptError, ImportError) as error:
                        row = f"{str(error).splitlines()[0][:90]} | "
                    print(f"| {word} | {program} | {quantize or 'float32'} | {row} |", flush=True)


def stored(word: str, path: Path) -> Path:
    """The directory of a model, or of a preset with random weights."""
    if word not in presets():
        return runs.find_model(word)
    tokenizer = checkpoint.load_tokenizer(found := runs.find_model("nano-pt"), huggingface.read_config(found))
    config = load_preset(word, {"vocab_size": tokenizer.vocab_size})
    model = build(config, 1)
    factor = 1.0 if config.recurrent else 4.0
    model.update(tree_map(lambda array: array * factor if array.ndim == 2 else array, model.parameters()))
    checkpoint.save(path, model, tokenizer, {})
    return path


def compared(source: Path, theirs: Logits) -> str:
    """Two cells of the table."""
    model, tokenizer = checkpoint.load(source, mx.float32)
    ids = tokenizer.encode("Era uma vez")
    wanted, logits = greedy(ours(model), ids)
    written, _ = greedy(theirs, ids)
    difference = np.abs(theirs(wanted[:-1]) - logits).max()
    same = next((i for i, (a, b) in enumerate(zip(wanted, written, strict=True)) if a != b), len(wanted)) - len(ids)
    return f"{difference:.1e} | {same} of {TOKENS}"


def greedy(logits_of: Logits, ids: list[int]) -> tuple[list[int], np.ndarray]:
    """`ids` with the likeliest tokens after them, and the logits of all but the last."""
    ids = list(ids)
    for _ in range(TOKENS):
        logits = logits_of(ids)
        ids.append(int(logits[-1].argmax()))
    return ids, logits


# ---- the programs ----------------------------------------------------------------------------------------------------


def ours(model: GPT) -> Logits:
    return lambda ids: np.array(model(mx.array([ids]))[0].astype(mx.float32))


def mlx_lm(path: Path) -> Logits:
    from mlx_lm.utils import load_model

    model = load_model(path, trust_remote_code=True)[0]
    return lambda ids: np.array(model(mx.array([ids]))[0].astype(mx.float32))


def transformers(path: Path) -> Logits:
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(path, attn_implementation="eager", dtype=torch.float32)

    def logits(ids: list[int]) -> np.ndarray:
        with torch.no_grad():
            return model(torch.tensor([ids])).logits[0].numpy()

    return logits


def llama_cpp(path: Path) -> Logits:
    import llama_cpp as library

    usual = library.llama_model_default_params
    params = usual()
    params.use_extra_bufts = False  # its repacked weights need instructions that virtual machines announce and lack
    library.llama_cpp.llama_model_default_params = lambda: params
    model = library.Llama(
        str(path), n_ctx=64, n_batch=64, logits_all=True, type_k=0, type_v=0, flash_attn=False, n_threads=1,
        n_threads_batch=1, verbose=False,
    )  # fmt: skip
    library.llama_cpp.llama_model_default_params = usual

    def logits(ids: list[int]) -> np.ndarray:
        model.reset()
        model.eval(ids)
        return np.array(model.scores[: len(ids)])

    return logits


PROGRAMS = (("mlx-lm", "mlx-lm", mlx_lm), ("transformers", "hf", transformers), ("llama.cpp", "gguf", llama_cpp))

if __name__ == "__main__":
    main()
