"""Every initial value of a model, in one place.

A family answers one question: how is this matrix drawn?  Biases are zero, and norms keep the gain of one that they are
built with.  RWKV blocks have a file of their own, `initialize_rwkv.py`.  Each parameter's key is derived from its name,
so adding a layer changes no other.
"""

import math
import zlib

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize_rwkv import rwkv

_BRANCH_ENDS = ("o_proj.weight", "down_proj.weight")  # what a branch adds to the residual stream


def gpt2(name: str, shape: tuple[int, ...], config: ModelConfig, key: mx.array) -> mx.array:
    """N(0, 0.02), and N(0, 0.02 / sqrt(2 n_layer)) at branch ends: the stream does not grow with depth (GPT-2)."""
    deviation = 0.02 / math.sqrt(2 * config.n_layer) if name.endswith(_BRANCH_ENDS) else 0.02
    return mx.random.normal(shape, key=key) * deviation


def modern(name: str, shape: tuple[int, ...], config: ModelConfig, key: mx.array) -> mx.array:
    """Branch ends at zero, so that each block starts as the identity; other matrices uniform with deviation
    1/sqrt(fan in); embeddings N(0, 0.02) when tied, else N(0, 1) with a head at zero (nanochat), so that at first every
    token is about as likely as any other.

    Not for norms after a branch: the gradient of a norm at zero is 1/sqrt(norm_eps).
    """
    if name.endswith(_BRANCH_ENDS) or name == "head.weight":
        return mx.zeros(shape)
    if name == "embedding.weight":
        return mx.random.normal(shape, key=key) * (0.02 if config.tie_embeddings else 1.0)
    if name == "positions.weight":
        return mx.random.normal(shape, key=key) * 0.02
    bound = math.sqrt(3.0 / shape[1])
    return mx.random.uniform(-bound, bound, shape, key=key)


def vaswani(name: str, shape: tuple[int, ...], config: ModelConfig, key: mx.array) -> mx.array:
    """Glorot uniform, bound sqrt(6 / (fan in + fan out)), and embeddings N(0, 1/sqrt(n_embd)) (Vaswani et al. 2017)."""
    if name in ("embedding.weight", "positions.weight", "head.weight"):
        return mx.random.normal(shape, key=key) * shape[1] ** -0.5
    bound = math.sqrt(6.0 / (shape[0] + shape[1]))
    return mx.random.uniform(-bound, bound, shape, key=key)


INITS = {"gpt2": gpt2, "modern": modern, "vaswani": vaswani}


def initialize(model: GPT, seed: int) -> GPT:
    """Give every matrix of `model` its initial value; the same seed gives the same model on every platform's CPU."""
    config, root = model.config, mx.random.key(seed)
    draw = rwkv if config.recurrent else INITS[config.init]
    values = []
    for name, parameter in tree_flatten(model.parameters()):
        if parameter.ndim >= 2 or config.recurrent:
            low = mx.array(zlib.crc32(name.encode()), mx.uint32)
            value = draw(name, parameter.shape, config, mx.stack([root[0] ^ low, root[1] + low]))
            values += [] if value is None else [(name, value)]
        elif name.endswith(".bias"):
            values.append((name, mx.zeros(parameter.shape)))  # nn.Linear draws its bias from the global random state
    model.update(tree_unflatten(values))
    mx.eval(model.parameters())
    return model


def build(config: ModelConfig, seed: int = 0) -> GPT:
    """A new model with initial values."""
    return initialize(GPT(config), seed)
