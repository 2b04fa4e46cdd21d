"""Two small checkpoints in the form of nanoGPT's train.py, made with PyTorch 2.13: `python make.py`.

The model is written out here after nanoGPT's paper words (GPT-2 with exact GELU, LayerNorm with or without bias, a tied
head), with its parameter names; the checkpoint holds what train.py saves, an AdamW state included.  expected.npz has,
for each file, `ids`, the `logits` that PyTorch computes in float32, and 12 greedy tokens after the first 6 ids.
"""

import math
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
CHARACTERS = "\n !,.:;?ABCDEFabcdefghijklmnopqrstuvxyzáãçéíóõú"


class LayerNorm(nn.Module):
    def __init__(self, width, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Attention(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.heads = a["n_head"]
        self.c_attn = nn.Linear(a["n_embd"], 3 * a["n_embd"], bias=a["bias"])
        self.c_proj = nn.Linear(a["n_embd"], a["n_embd"], bias=a["bias"])
        size = a["block_size"]
        self.register_buffer("bias", torch.tril(torch.ones(size, size)).view(1, 1, size, size))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (part.view(B, T, self.heads, -1).transpose(1, 2) for part in self.c_attn(x).split(C, dim=2))
        scores = q @ k.transpose(-2, -1) / math.sqrt(C // self.heads)
        scores = scores.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf"))
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))


class MLP(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.c_fc = nn.Linear(a["n_embd"], 4 * a["n_embd"], bias=a["bias"])
        self.c_proj = nn.Linear(4 * a["n_embd"], a["n_embd"], bias=a["bias"])

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.ln_1, self.attn = LayerNorm(a["n_embd"], a["bias"]), Attention(a)
        self.ln_2, self.mlp = LayerNorm(a["n_embd"], a["bias"]), MLP(a)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class NanoGPT(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(a["vocab_size"], a["n_embd"]),
                "wpe": nn.Embedding(a["block_size"], a["n_embd"]),
                "h": nn.ModuleList([Block(a) for _ in range(a["n_layer"])]),
                "ln_f": LayerNorm(a["n_embd"], a["bias"]),
            }
        )
        self.lm_head = nn.Linear(a["n_embd"], a["vocab_size"], bias=False)
        self.transformer.wte.weight = self.lm_head.weight

    def forward(self, ids):
        x = self.transformer.wte(ids) + self.transformer.wpe(torch.arange(ids.shape[1]))
        for block in self.transformer.h:
            x = block(x)
        return self.lm_head(self.transformer.ln_f(x))


def make(name, prefix, bias, vocab_size, seed):
    torch.manual_seed(seed)
    arguments = {"n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 20, "bias": bias}
    arguments |= {"vocab_size": vocab_size, "dropout": 0.0}
    model = NanoGPT(arguments)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    ids = torch.randint(0, len(CHARACTERS), (2, 20))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    optimizer.step()
    checkpoint = {
        "model": {prefix + key: value for key, value in model.state_dict().items()},
        "optimizer": optimizer.state_dict(),
        "model_args": arguments,
        "iter_num": 1,
        "best_val_loss": loss.detach(),
        "config": {"out_dir": "out", "dataset": "letters", "learning_rate": 1e-3, "compile": True},
    }
    torch.save(checkpoint, HERE / f"{name}.pt")
    with torch.no_grad():
        greedy = ids[:1, :6]
        for _ in range(12):
            greedy = torch.cat([greedy, model(greedy)[:, -1:].argmax(-1)], dim=1)
        return {"ids": ids.numpy(), "logits": model(ids).numpy(), "greedy": greedy[0].numpy()}


expected = {}
for case in (("ckpt", "", True, len(CHARACTERS), 1), ("compiled", "_orig_mod.module.", False, 64, 2)):
    expected |= {f"{case[0]}.{key}": value for key, value in make(*case).items()}
np.savez(HERE / "expected.npz", **expected)
stoi = {character: i for i, character in enumerate(CHARACTERS)}
meta = {"vocab_size": len(stoi), "itos": dict(enumerate(CHARACTERS)), "stoi": stoi}
(HERE / "meta.pkl").write_bytes(pickle.dumps(meta))
