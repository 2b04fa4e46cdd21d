"""../architectures/qwen2-llama3 as older repositories hold models: pickles of PyTorch 2.13, in two shards: `python make.py`.

legacy.bin is its first tensors in the form before PyTorch 1.6, a transposed view of one and one in bfloat16 among them.
"""

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
legacy = {name: tensors[name] for name in names[:4]} | {"half": tensors[names[1]].bfloat16()}
legacy["view"] = legacy[names[2]].T[1:]
torch.save(legacy, HERE / "legacy.bin", _use_new_zipfile_serialization=False)
(HERE / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": placed}))
