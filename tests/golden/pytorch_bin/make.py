"""../architectures/qwen2-llama3 as older repositories hold models: pickles of PyTorch 2.13, in two shards: `python make.py`."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent
tensors = load_file(HERE.parent / "architectures" / "qwen2-llama3" / "model.safetensors")
names, placed = sorted(tensors), {}
for i, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), 1):
    file = f"pytorch_model-{i:05d}-of-00002.bin"
    torch.save({name: tensors[name].clone() for name in part}, HERE / file)
    placed |= dict.fromkeys(part, file)
(HERE / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": placed}))
