"""Small models of every architecture we read, made with transformers 5.23 and PyTorch 2.13: `python make.py [DIR]`.

Each directory has what `save_pretrained` writes (config.json, model.safetensors) and expected.safetensors: `ids`, and
the `logits` that transformers computes for them in float32 with eager attention.  The hyper-parameters are unusual on
purpose: a reader that ignores a key is seen.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

BASE = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 4}
BASE |= {"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 40, "rms_norm_eps": 1e-3}
BASE |= {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
GPT2 = {
    "vocab_size": 32,
    "n_embd": 16,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 40,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
LINEAR = {"rope_type": "linear", "factor": 2.5, "rope_theta": 300.0}
LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "rope_theta": 1000.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LLAMA3 |= {"original_max_position_embeddings": 16}
PLAIN = {"rope_type": "default", "rope_theta": 70.0}
GEMMA = BASE | {"head_dim": 12, "query_pre_attn_scalar": 20, "sliding_window": 5}
FULL, SLIDING = "full_attention", "sliding_attention"

CASES = {
    "gpt2-relu": ("gpt2", GPT2 | {"n_inner": 50, "activation_function": "relu", "layer_norm_epsilon": 0.01}),
    "gpt2-untied": ("gpt2", GPT2 | {"tie_word_embeddings": False, "activation_function": "gelu"}),
    "gpt2-unscaled": ("gpt2", GPT2 | {"scale_attn_weights": False, "activation_function": "silu"}),
    "llama-biases": (
        "llama",
        BASE | {"head_dim": 24, "attention_bias": True, "mlp_bias": True, "rope_parameters": LINEAR},
    ),
    "llama-geglu": ("llama", BASE | {"hidden_act": "gelu", "tie_word_embeddings": True, "rope_parameters": LLAMA3}),
    "llama-reglu": ("llama", BASE | {"hidden_act": "relu", "rope_parameters": PLAIN}),
    "mistral-window": ("mistral", BASE | {"sliding_window": 5}),
    "mistral-full": ("mistral", BASE | {"sliding_window": None, "head_dim": 12, "rope_parameters": PLAIN}),
    "qwen2-window": ("qwen2", BASE | {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 2}),
    "qwen2-llama3": ("qwen2", BASE | {"rope_parameters": LLAMA3, "tie_word_embeddings": True}),
    "qwen3-window": (
        "qwen3",
        BASE
        | {"head_dim": 12, "attention_bias": True}
        | {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    ),
    "gemma": ("gemma", BASE | {"head_dim": 12, "attention_bias": True, "hidden_act": "gelu", "rope_parameters": PLAIN}),
    "gemma2-caps": ("gemma2", GEMMA | {"attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0}),
    "gemma2-uncapped": (
        "gemma2",
        GEMMA
        | {"attn_logit_softcapping": None, "final_logit_softcapping": None, "hidden_activation": "gelu"}
        | {"layer_types": [FULL, FULL, SLIDING, FULL]},
    ),
    "gemma3-cap": ("gemma3_text", GEMMA | {"layer_types": [SLIDING, FULL] * 2, "final_logit_softcapping": 5.0}),
    "gemma3-stretched": (
        "gemma3_text",
        GEMMA | {"sliding_window_pattern": 3, "rope_parameters": {FULL: LINEAR, SLIDING: PLAIN}},
    ),
    "olmo2": ("olmo2", BASE | {"attention_bias": True, "rope_parameters": LINEAR}),
    "olmo3": ("olmo3", BASE | {"sliding_window": 5}),
    "olmo3-stretched": (
        "olmo3",
        BASE | {"sliding_window": 5, "rope_parameters": {FULL: LLAMA3, SLIDING: PLAIN | {"rope_theta": 1000.0}}},
    ),
    "phi3": ("phi3", BASE | {"original_max_position_embeddings": 40, "sliding_window": 6, "rope_parameters": PLAIN}),
    "smollm3": ("smollm3", BASE | {"no_rope_layers": [1, 1, 1, 1], "attention_bias": True}),
    "starcoder2": ("starcoder2", BASE | {"norm_epsilon": 0.01, "sliding_window": 6, "rope_parameters": PLAIN}),
}


def make(directory: Path, model_type: str, keys: dict, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    config = AutoConfig.for_model(model_type, **keys)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.25)
            else:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
        ids = torch.randint(0, 32, (2, 24), generator=generator)
        logits = model(ids).logits
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink(missing_ok=True)
    save_file({"ids": ids.to(torch.int32), "logits": logits.contiguous()}, directory / "expected.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    for seed, (name, (model_type, keys)) in enumerate(CASES.items()):
        make(root / name, model_type, keys, seed)
