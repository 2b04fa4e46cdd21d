"""What became of the documents of each source, counted as they pass: plain values, which the journal of a build keeps."""

from collections.abc import Sequence

from mlxgpt.data.dataset import Json
from mlxgpt.data.preparing import Fate

_EXAMPLES = 3  # dropped documents kept for each rule
_REFUSED = 20  # unreadable files and rows named


def no_counts() -> Json:
    """The counts of one source, before the first document; `bytes` are those of its text as it was read."""
    side = {"documents": 0, "tokens": 0, "text_bytes": 0}
    return {
        "documents": 0, "bytes": 0, "characters": 0, "chats": 0, "tokens": 0, "refused": 0, "dropped": {}, "changed": {},
        "train": dict(side), "validation": dict(side), "examples": {}, "refusals": [],
    }  # fmt: skip


def add_document(counts: Json, fate: Fate, side: str, where: str) -> None:
    """Count a document that went to a `side`, or was dropped."""
    counts["documents"] += 1
    for rule in fate.changed:
        counts["changed"][rule] = counts["changed"].get(rule, 0) + 1
    if not side:
        counts["dropped"][fate.rule] = counts["dropped"].get(fate.rule, 0) + 1
        examples = counts["examples"].setdefault(fate.rule, [])
        if len(examples) < _EXAMPLES:
            examples.append({"where": where, "reason": fate.reason, "text": fate.excerpt})
        return
    counts["characters"] += fate.characters
    counts["chats"] += fate.chat
    counts["tokens"] += fate.tokens
    counts[side]["documents"] += 1
    counts[side]["tokens"] += fate.tokens
    counts[side]["text_bytes"] += fate.text_bytes


def add_refused(counts: Json, refused: Sequence[str]) -> None:
    """Count files and rows that could not be read."""
    counts["refused"] += len(refused)
    counts["refusals"] += refused[: _REFUSED - len(counts["refusals"])]


def total(counts: Sequence[Json]) -> Json:
    """The sum over all sources."""
    summed = no_counts()
    for part in counts:
        _add(summed, {name: value for name, value in part.items() if name not in ("examples", "refusals")})
    return summed


def _add(into: Json, part: Json) -> None:
    for name, value in part.items():
        if isinstance(value, dict):
            _add(into.setdefault(name, {}), value)
        else:
            into[name] = into.get(name, 0) + value
