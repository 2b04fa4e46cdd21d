"""Our tensor names and theirs.

A layout says how a published architecture calls our parts.  Where several of our parts have one name there, they are
stored as one matrix, laid one below the other (GPT-2's `c_attn` is q, k and v).  The same mapping serves whatever is
keyed by parameter names: weights, gradients, moments of an optimizer.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import mlx.core as mx

from mlxgpt.convert.rwkv import RWKV6, RWKV7, RwkvLayout
from mlxgpt.convert.targets import hf_target
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.packing import Packings, packed_shapes
from mlxgpt.model.shapes import Shape

Tensors = dict[str, mx.array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How an architecture names the parts of a model."""

    prefix: str = ""  # before every name but the head's; some files leave it out
    blocks: str = "blocks"
    top: Mapping[str, str] = field(default_factory=dict)  # our part -> theirs, around the blocks
    block: Mapping[str, str] = field(default_factory=dict)  # our part -> theirs, inside a block
    transposed: bool = False  # matrices of blocks are stored (in, out)

    def name(self, ours: str) -> str:
        """Their name for one of our parameters, without the prefix."""
        part, _, kind = ours.rpartition(".")
        if part.startswith("blocks."):
            _, layer, part = part.split(".", 2)
            return f"{self.blocks}.{layer}.{self.block.get(part, part)}.{kind}"
        return f"{self.top.get(part, part)}.{kind}"

    def stored(self, ours: str, shape: Shape) -> tuple[Shape, bool]:
        """The shape that a parameter of ours is stored in, and whether it is transposed."""
        transposed = self.transposed and len(shape) == 2 and ours.startswith("blocks.")
        return (shape[::-1] if transposed else shape), transposed


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One stored tensor: the parameters of ours that it holds, their rows and shape together, and its own shape."""

    name: str
    ours: tuple[str, ...]
    rows: tuple[int, ...]
    whole: Shape
    shape: Shape
    transposed: bool

    def join(self, parts: list[mx.array]) -> mx.array:
        """Their tensor from ours."""
        whole = parts[0] if len(parts) == 1 else mx.concatenate(parts, axis=0)
        return mx.contiguous(whole.T) if self.transposed else whole.reshape(self.shape)

    def split(self, whole: mx.array) -> list[mx.array]:
        """Our tensors from theirs."""
        whole = whole.T if self.transposed else whole.reshape(self.whole)
        if len(self.rows) == 1:
            return [mx.contiguous(whole)]
        ends = list(itertools.accumulate(self.rows))
        return [mx.contiguous(part) for part in mx.split(whole, ends[:-1], axis=0)]


def slots(config: ModelConfig, model_type: str, packings: Packings | None = None) -> list[Slot]:
    """What a file of this architecture stores for this model, with some matrices packed."""
    layout = LAYOUTS[model_type]
    groups: dict[str, list[tuple[str, Shape]]] = {}
    for ours, shape in packed_shapes(config, packings or {}).items():
        name = layout.name(ours)
        name = name if ours.startswith("head.") else layout.prefix + name
        groups.setdefault(name, []).append((ours, shape))
    return [_slot(name, group, layout) for name, group in groups.items()]


def _slot(name: str, group: list[tuple[str, Shape]], layout: Layout | RwkvLayout) -> Slot:
    rows = tuple(shape[0] for _, shape in group)
    whole = (sum(rows), *group[0][1][1:])
    shape, transposed = layout.stored(group[0][0], whole)
    return Slot(
        name=name,
        ours=tuple(ours for ours, _ in group),
        rows=rows,
        whole=whole,
        shape=shape,
        transposed=transposed,
    )


def to_hf(
    config: ModelConfig, tensors: Mapping[str, mx.array], model_type: str = "", packings: Packings | None = None
) -> Tensors:
    """Their tensors from ours; parameters that `tensors` does not have are left out.

    Without `model_type`, in the architecture that `save` would choose.
    """
    model_type = model_type or hf_target(config).model_type
    held = _held((slot.ours, slot) for slot in slots(config, model_type, packings))
    _refuse_strangers(tensors, held)
    return {
        slot.name: slot.join([tensors[ours] for ours in slot.ours])
        for slot in dict.fromkeys(held.values())
        if any(ours in tensors for ours in slot.ours)
    }


def from_hf(
    config: ModelConfig, tensors: Mapping[str, mx.array], model_type: str = "", packings: Packings | None = None
) -> Tensors:
    """Our tensors from theirs, whose names may lack the architecture's prefix."""
    model_type = model_type or hf_target(config).model_type
    prefix = LAYOUTS[model_type].prefix
    held = _held(((slot.name, slot.name.removeprefix(prefix)), slot) for slot in slots(config, model_type, packings))
    _refuse_strangers(tensors, held)
    ours: Tensors = {}
    for name, tensor in tensors.items():
        ours |= zip(held[name].ours, held[name].split(tensor), strict=True)
    return ours


def _held(names: Iterable[tuple[tuple[str, ...], Slot]]) -> dict[str, Slot]:
    return {name: slot for group, slot in names for name in group}


def _refuse_strangers(tensors: Mapping[str, mx.array], known: Mapping[str, Slot]) -> None:
    if strangers := [name for name in tensors if name not in known]:
        raise ValueError(f"not parameters of this model: {', '.join(strangers[:5])}")


# ---- the layouts -----------------------------------------------------------------------------------------------------

_ATTENTION = {
    f"attn.{part}": f"self_attn.{part}" for part in ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")
}
_FFN = {f"ffn.{part}": f"mlp.{part}" for part in ("gate_proj", "up_proj", "down_proj")}
_BEFORE = {"attn_norm.before": "input_layernorm", "ffn_norm.before": "post_attention_layernorm"}
_AFTER = {"attn_norm.after": "post_attention_layernorm", "ffn_norm.after": "post_feedforward_layernorm"}
_BOTH = _AFTER | {"attn_norm.before": "input_layernorm", "ffn_norm.before": "pre_feedforward_layernorm"}


def _decoder(*parts: Mapping[str, str]) -> Layout:
    """What nearly all architectures since Llama share."""
    return Layout(
        prefix="model.",
        blocks="layers",
        top={"embedding": "embed_tokens", "final_norm": "norm", "head": "lm_head"},
        block={ours: theirs for part in (_ATTENTION, _FFN, *parts) for ours, theirs in part.items()},
    )


_GPT2 = Layout(
    prefix="transformer.",
    blocks="h",
    top={"embedding": "wte", "positions": "wpe", "final_norm": "ln_f", "head": "lm_head"},
    block={
        **{f"attn.{part}_proj": "attn.c_attn" for part in "qkv"},
        "attn.o_proj": "attn.c_proj",
        "ffn.up_proj": "mlp.c_fc",
        "ffn.down_proj": "mlp.c_proj",
        "attn_norm.before": "ln_1",
        "ffn_norm.before": "ln_2",
    },
    transposed=True,
)
_LLAMA = _decoder(_BEFORE)
_GEMMA2 = _decoder(_BOTH)
_OLMO2 = _decoder(_AFTER)

LAYOUTS: dict[str, Layout | RwkvLayout] = {
    "mlxgpt": Layout(),
    "rwkv6": RWKV6,
    "rwkv7": RWKV7,
    "gpt2": _GPT2,
    "gpt2-packed": replace(_GPT2, prefix="model.", transposed=False),  # as mlx-lm writes it once it is quantised
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "smollm3": _LLAMA,
    "gemma": _LLAMA,
    "gemma2": _GEMMA2,
    "gemma3_text": _GEMMA2,
    "olmo2": _OLMO2,
    "olmo3": _OLMO2,
    "phi3": _decoder(
        _BEFORE,
        {f"attn.{part}_proj": "self_attn.qkv_proj" for part in "qkv"},
        {"ffn.gate_proj": "mlp.gate_up_proj", "ffn.up_proj": "mlp.gate_up_proj"},
    ),
    "starcoder2": _decoder(_BEFORE, {"ffn.up_proj": "mlp.c_fc", "ffn.down_proj": "mlp.c_proj"}),
}
