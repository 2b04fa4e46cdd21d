"""Going on from a model that was trained before: all of it, or only the state that its texts begin with.

State tuning is RWKV's small fine-tuning: what a recurrent model holds in its memory before the first token is zero, and
may be learned instead, while every weight stays as it was.  It is less than one per cent of the numbers, costs nothing
when writing, and acts like a prompt that takes no tokens.
"""

import dataclasses
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxgpt.config import Settings, build
from mlxgpt.convert import huggingface, packed
from mlxgpt.convert.files import read_json
from mlxgpt.errors import ConfigError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT

WHOLE, STATE = "all", "state"


def config_of(directory: Path, changes: Settings, tune: str) -> ModelConfig:
    """What the model in `directory` is, with some settings changed and, to tune states, with states that learn.

    `ConfigError` for a quantised one: its numbers come in steps, which learning is finer than.
    """
    if packed.is_packed(read_json(directory / "config.json")):
        raise ConfigError(
            f"{directory} is quantised, and cannot be trained.",
            hint=f"Train the original, or `mlxgpt export {directory} --to mlx-lm --dtype float32 --out NEW`, and train that.",
        )
    shape = build(ModelConfig, dataclasses.asdict(huggingface.read_config(directory)), changes, where="model")
    if tune == STATE and not shape.recurrent:
        raise ConfigError(f"{directory} is no recurrent model: it has no state to tune.", hint="Leave --tune out.")
    return shape.with_(learned_state=True) if tune == STATE else shape


def start_from(directory: Path, shape: ModelConfig, tune: str) -> GPT:
    """The model in `directory` as `shape` says, in float32; what `tune` leaves out is frozen."""
    model, weights = GPT(shape), tree_flatten(huggingface.load(directory, dtype=mx.float32).parameters())
    known = {name: parameter.shape for name, parameter in tree_flatten(model.parameters())}
    stored = {name for name, value in weights if known.get(name) == value.shape}
    own = {name for name in known if not name.endswith(".time_state")}  # zero at first, when it is new
    if len(stored) != len(weights) or not own <= stored:
        raise ConfigError(f"{directory} does not fit the settings of the model.", hint="Change fewer of its settings.")
    model.load_weights(weights, strict=False)
    if tune == STATE:
        model.freeze()
        model.unfreeze(keys="time_state", strict=False)
    mx.eval(model.parameters())
    return model
