"""Random models of architectures that only mlx_lm knows."""

import importlib
import json
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten, tree_map

from mlxgpt.convert import nanogpt

META = Path(__file__).parents[1] / "golden" / "nanogpt" / "meta.pkl"
BASE = {"vocab_size": 48, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
BASE |= {"num_key_value_heads": 2, "max_position_embeddings": 32, "rms_norm_eps": 1e-3, "tie_word_embeddings": True}
GRANITE = BASE | {"model_type": "granite", "rope_theta": 300.0, "attention_multiplier": 0.3, "logits_scaling": 2.0}
GRANITE |= {"embedding_multiplier": 2.0, "residual_multiplier": 0.5, "attention_bias": False, "mlp_bias": False}
COHERE = BASE | {"model_type": "cohere", "rope_theta": 300.0, "layer_norm_eps": 1e-3, "logit_scale": 0.5}
MAMBA = {"model_type": "mamba", "vocab_size": 48, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
MAMBA |= {"state_size": 8, "conv_kernel": 4, "use_bias": False, "use_conv_bias": True, "time_step_rank": 4}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8}
STRETCHED = BASE | {"model_type": "llama", "rope_theta": 300.0, "rope_scaling": YARN}
KINDS = {"granite": GRANITE, "cohere": COHERE, "mamba": MAMBA, "stretched": STRETCHED}


def make(directory: Path, values: dict, quantize: bool = False) -> Path:
    """A directory with a random model of mlx_lm, large values in it, and a tokenizer of characters."""
    from mlx_lm.utils import quantize_model

    module = importlib.import_module(f"mlx_lm.models.{values['model_type']}")
    model = module.Model(module.ModelArgs.from_dict(values))
    keys = iter(mx.random.split(mx.random.key(1), len(tree_flatten(model.parameters()))))
    model.update(tree_map(lambda p: p + mx.random.normal(p.shape, key=next(keys)) * 0.1, model.parameters()))
    if quantize:
        model, values = quantize_model(model, dict(values), group_size=32, bits=4)
    directory.mkdir(parents=True)
    mx.save_safetensors(str(directory / "model.safetensors"), dict(tree_flatten(model.parameters())))
    (directory / "config.json").write_text(json.dumps(values))
    nanogpt.read_meta(META).save(directory)
    return directory
