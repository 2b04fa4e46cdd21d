"""The baseline of `train.py`: nanoGPT's shakespeare_char CPU setting as a plain PyTorch GPT.  Needs torch; prints JSON.

4 layers, 4 heads, 128 wide, block 64, batch 12, no biases, exact GELU, LayerNorm, learned positions, tied head,
AdamW (1e-3, 0.9, 0.99, decay 0.1 on matrices), clip 1.0, 100 steps of warm-up, cosine to 1e-4.
"""

import argparse
import json
import math
import resource
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

L, H, C, T, B = 4, 4, 128, 64, 12


class LayerNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, (C,), self.weight, None, 1e-5)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln1, self.ln2 = LayerNorm(), LayerNorm()
        self.qkv, self.proj = nn.Linear(C, 3 * C, bias=False), nn.Linear(C, C, bias=False)
        self.up, self.down = nn.Linear(C, 4 * C, bias=False), nn.Linear(4 * C, C, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, _ = x.shape
        q, k, v = (a.view(b, t, H, C // H).transpose(1, 2) for a in self.qkv(self.ln1(x)).split(C, 2))
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(z.transpose(1, 2).reshape(b, t, C))
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class GPT(nn.Module):
    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab_size, C), nn.Embedding(T, C)
        self.blocks = nn.ModuleList(Block() for _ in range(L))
        self.ln = LayerNorm()
        for name, p in self.named_parameters():
            if p.dim() == 2:
                end = name.endswith(("proj.weight", "down.weight"))
                nn.init.normal_(p, 0, 0.02 / math.sqrt(2 * L) if end else 0.02)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        h = self.wte(x) + self.wpe(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return F.cross_entropy((self.ln(h) @ self.wte.weight.T).flatten(0, 1), y.flatten())


def learning_rate(i: int, total: int) -> float:
    if i < 100:
        return 1e-3 * (i + 1) / 101
    return 1e-4 + 0.5 * (1 + math.cos(math.pi * (i - 100) / (total - 100))) * 9e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--schedule-steps", type=int, default=2000)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(1337)
    text = Path(args.text).read_text(encoding="utf-8")
    chars = sorted(set(text))
    ids = _encode(text, chars)
    n = int(0.9 * len(ids))
    train, val = torch.from_numpy(ids[:n]), torch.from_numpy(ids[n:])
    model = GPT(len(chars))
    ps = list(model.parameters())
    groups = [{"params": [p for p in ps if p.dim() > 1], "weight_decay": 0.1}]
    groups += [{"params": [p for p in ps if p.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
    warm = 5
    began = time.perf_counter()
    for i in range(args.steps):
        if i == warm:
            timed = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(i, args.schedule_steps)
        at = torch.randint(len(train) - T, (B,))
        x = torch.stack([train[j : j + T] for j in at])
        y = torch.stack([train[j + 1 : j + 1 + T] for j in at])
        loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(ps, 1.0)
        optimizer.step()
    ended = time.perf_counter()
    with torch.no_grad():
        k = (len(val) - 1) // T
        x, y = val[: k * T].view(k, T), val[1 : k * T + 1].view(k, T)
        score = sum(model(x[i : i + 128], y[i : i + 128]).item() * len(x[i : i + 128]) for i in range(0, k, 128)) / k
    result = {
        "tokens_per_second": B * T * (args.steps - warm) / (ended - timed),
        "seconds": ended - began,
        "validation_loss": score,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(result))


def _encode(text: str, chars: list[str]) -> np.ndarray:
    table = {c: i for i, c in enumerate(chars)}
    return np.array([table[c] for c in text], dtype=np.int64)


if __name__ == "__main__":
    main()
