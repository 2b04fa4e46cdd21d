"""Checkpoints of nanoGPT (github.com/karpathy/nanoGPT): the ckpt.pt of its train.py, and the meta.pkl of its data.

    ckpt.pt    {"model": a state dict, "model_args": n_layer … vocab_size, bias, "optimizer": …, "iter_num": …, …}
    meta.pkl   {"vocab_size": …, "stoi": character -> id, "itos": id -> character}

The model is GPT-2 with the exact GELU, with or without biases, and its matrices lie as in PyTorch (out, in).  Its text is
GPT-2's BPE, or, with a meta.pkl beside the data, one token a character.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from mlxgpt.config import build
from mlxgpt.convert.files import Json
from mlxgpt.convert.huggingface import check_tensors, settle_head, without_buffers
from mlxgpt.convert.keys import Fields, Keys
from mlxgpt.convert.names import LAYOUTS, Tensors, from_hf, slots
from mlxgpt.convert.pickles import read_plain_pickle, tensors_of
from mlxgpt.errors import CheckpointError, ConfigError, ConversionError, TokenizerError
from mlxgpt.model.config import ModelConfig
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.simple import characters

UNREAD = ("optimizer",)  # of a ckpt.pt
_PREFIXES = ("_orig_mod.", "module.")  # of torch.compile and of DistributedDataParallel


def is_nanogpt(value: Any) -> bool:  # Any: what `read_pickle` gave
    """Whether a checkpoint is one of nanoGPT's train.py."""
    return isinstance(value, Mapping) and isinstance(value.get("model_args"), Mapping) and "model" in value


def from_nanogpt(value: Mapping[str, Any], path: Path) -> tuple[ModelConfig, Tensors]:
    """The model in a checkpoint: its config, and its parameters under our names.

    Raises `CheckpointError` for one that is damaged, `ConversionError` for one that holds something else.
    """
    config = _config(dict(value["model_args"]), path)
    stored = {_bare(name): tensor for name, tensor in tensors_of(value, path).items()}
    arrays = {
        name: tensor.T if tensor.ndim == 2 and name.startswith("transformer.h.") else tensor  # GPT-2's are (in, out)
        for name, tensor in without_buffers(stored).items()
    }
    if config.n_layer > len(arrays):
        raise CheckpointError(
            f"{path}: model_args promises {config.n_layer} blocks, but there are only {len(arrays)} tensors.",
            hint="The checkpoint is damaged; take it from its source again.",
        )
    config = settle_head(config, "gpt2", arrays)
    check_tensors(path, arrays, slots(config, "gpt2"), LAYOUTS["gpt2"].prefix)
    return config, from_hf(config, arrays, "gpt2")


def _bare(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.partition(".")[2]
    return name


def _config(arguments: Json, path: Path) -> ModelConfig:
    keys = Keys(arguments, path)
    fields: Fields = {
        "name": path.stem,
        "vocab_size": keys.whole("vocab_size"),
        "context_length": keys.whole("block_size"),
        **{name: keys.whole(name) for name in ("n_layer", "n_head", "n_embd")},
        "ffn": "gelu",
        "norm": "layernorm",
        "norm_eps": 1e-5,
        "position": "learned",
        "bias": "all" if keys.flag("bias", True) else "none",
        "tie_embeddings": True,
        "init": "gpt2",
    }
    try:
        return build(ModelConfig, fields, where="model_args")
    except ConfigError as error:
        raise ConversionError(f"{path}: {error.message}", hint=error.hint or "The checkpoint is damaged.") from None


def read_meta(path: Path) -> FastTokenizer:
    """The tokenizer that a meta.pkl describes: one token a character, under the ids the model learned them by.

    It has no special tokens; a character that it does not know cannot be written.
    """
    value = read_plain_pickle(path)
    stoi = value.get("stoi") if isinstance(value, Mapping) else None
    if not _is_vocabulary(stoi):
        raise TokenizerError(
            f"{path} holds no table of characters: stoi must lead from each character to an id, 0, 1, 2 ….",
            hint="Give the meta.pkl that nanoGPT's prepare.py wrote, or a folder with tokenizer.json.",
        )
    return characters(stoi)


def _is_vocabulary(stoi: Any) -> TypeGuard[dict[str, int]]:  # Any: not checked yet
    if not isinstance(stoi, dict) or not all(isinstance(key, str) and len(key) == 1 for key in stoi):
        return False
    whole = all(type(token_id) is int for token_id in stoi.values())
    return bool(stoi) and whole and sorted(stoi.values()) == list(range(len(stoi)))
