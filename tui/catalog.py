"""What the Model page lists: the models there are, by where they come from, and the parameters of one as a tree."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlxgpt.display.architecture import count
from mlxgpt.display.progress import size
from mlxgpt.inspection.reports import TensorSummary
from mlxgpt.listing import Entry

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "uint32": 4, "uint8": 1, "int8": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the list: the head of a group, or a model."""

    title: str
    entry: Entry | None = None


def listed(entries: Sequence[Entry]) -> list[Row]:
    """The models that are there, then the checkpoints of each run under its name."""
    rows: list[Row] = []
    group = ""
    for entry in entries:
        run, _, step = entry.name.rpartition("/")
        if (run or "models") != group or not rows:
            group = run or "models"
            rows.append(Row(title=f"run {run}" if run else "shipped and imported"))
        rows.append(Row(title=step, entry=entry))
    return rows


def figures(entry: Entry) -> str:
    """A model in figures: size, and how far it was trained."""
    if entry.problem:
        return f"unusable: {entry.problem}"
    parts = [f"{count(entry.parameters)} parameters", size(entry.bytes)]
    if entry.step is not None:
        parts.append(f"step {entry.step:,}")
    if entry.validation_loss is not None:
        parts.append(f"validation loss {entry.validation_loss:.3f}")
    if entry.tokens_seen is not None:
        parts.append(f"{count(entry.tokens_seen)} tokens seen")
    return " · ".join([*parts, *([entry.saved] if entry.saved else [])])


def is_open(entry: Entry, directory: Path | None) -> bool:
    """Whether a model is the one in a directory."""
    return directory is not None and Path(entry.path).resolve() == directory.resolve()


@dataclass(slots=True, kw_only=True)
class Node:
    """A module, or the tensor that it is; the numbers of a module are those of all below it."""

    name: str  # the last word
    path: str  # all of them
    parameters: int = 0
    bytes: int = 0
    tensor: TensorSummary | None = None
    children: dict[str, "Node"] = field(default_factory=dict)


def grown(tensors: Sequence[TensorSummary]) -> Node:
    """The tree of parameters that are called "blocks.0.attn.q_proj.weight"."""
    root = Node(name="", path="")
    for tensor in tensors:
        number = math.prod(tensor.shape)
        node, words = root, tensor.name.split(".")
        for depth in range(len(words) + 1):
            node.parameters += number
            node.bytes += number * BYTES.get(tensor.dtype, 4)
            if depth < len(words):
                path = ".".join(words[: depth + 1])
                node = node.children.setdefault(words[depth], Node(name=words[depth], path=path))
        node.tensor = tensor
    return _shortened(root)


def _shortened(node: Node) -> Node:
    """The same with modules that hold one thing only written as that: "attn_norm.before.weight"."""
    children = [_shortened(child) for child in node.children.values()]
    node.children = {child.name: child for child in children}
    if len(children) == 1 and node.name:
        (child,) = children
        child.name = f"{node.name}.{child.name}"
        return child
    return node


def visible_nodes(root: Node, open_paths: set[str]) -> Iterator[tuple[int, Node]]:
    """The lines of the tree, with their depths: children only where their module is open."""
    for node in root.children.values():
        yield from _lines(node, 0, open_paths)


def _lines(node: Node, depth: int, open_paths: set[str]) -> Iterator[tuple[int, Node]]:
    yield depth, node
    if node.path in open_paths:
        for child in node.children.values():
            yield from _lines(child, depth + 1, open_paths)


def node_line(node: Node, total: int) -> str:
    """Parameters, share, bytes."""
    return f"{node.parameters:>13,} {node.parameters / max(total, 1):6.1%} {size(node.bytes):>9} "
