"""The card of a dataset: what went in, what happened to it, what came out.  card.md is for people, card.json and
dataset.json say the same to programs.

Nothing in them depends on when or how fast it was built, so the same build gives the same bytes.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlxgpt import whole
from mlxgpt.data import dataset
from mlxgpt.data.building import Journal
from mlxgpt.data.config import BuildConfig
from mlxgpt.data.counts import total
from mlxgpt.data.dataset import SIDES, Json
from mlxgpt.data.shards import Shard, open_shard
from mlxgpt.text import visible
from mlxgpt.tokenizer.base import Tokenizer

_EXAMPLES = 3  # dropped documents shown for each rule
_SAMPLES, _SAMPLE_TOKENS = 3, 120
_MOST_FILES = 40  # named in card.md


# ---- writing ---------------------------------------------------------------------------------------------------------


def write(folder: Path, config: BuildConfig, tokenizer: Tokenizer, journal: Journal) -> None:
    """Write card.json, card.md and, last, dataset.json, which makes the folder a dataset."""
    shards = {side: [open_shard(folder / entry["file"]) for entry in journal.shards[side]] for side in SIDES}
    counts = total(journal.counts)
    sources: list[Json] = [
        {"name": source.label, "weight": source.weight, "license": source.license, "url": source.url, "note": source.note,
         "paths": list(source.paths), "counts": part}
        for source, part in zip(config.sources, journal.counts, strict=True)
    ]  # fmt: skip
    mixed = sum(source["weight"] * source["counts"]["train"]["tokens"] for source in sources)
    for source in sources:
        tokens = source["counts"]["train"]["tokens"]
        source["share"] = round(tokens / max(1, counts["train"]["tokens"]), 6)
        source["share_in_epoch"] = round(source["weight"] * tokens / mixed, 6) if mixed else 0.0
    values: Json = {
        "command": config.command,
        "tokenizer": {
            "name": config.tokenizer, "fingerprint": tokenizer.fingerprint, "vocab_size": tokenizer.vocab_size,
            **vocabulary_use([*shards["train"], *shards["validation"]], tokenizer.vocab_size),
        },
        "sources": sources,
        "counts": counts,
        "bytes_per_token": round(_ratio(counts, "text_bytes", "tokens"), 4),
        "files": [{name: entry[name] for name in ("path", "source", "bytes", "sha256")} for entry in journal.files],
        "samples": [sample(shard, number, tokenizer) for shard, number in chosen(shards["train"], _SAMPLES)],
    }  # fmt: skip
    whole.write_text(folder / "card.json", _json(values))
    whole.write_text(folder / "card.md", markdown(values))
    manifest: Json = {
        "format": dataset.FORMAT,
        "version": dataset.VERSION,
        "tokenizer": {"fingerprint": tokenizer.fingerprint, "vocab_size": tokenizer.vocab_size},
        "sources": [{"name": source["name"], "weight": float(source["weight"])} for source in sources],
        **{side: {**counts[side], "shards": journal.shards[side]} for side in SIDES},
        "counts": [{**part, "examples": {}, "refusals": []} for part in journal.counts],
        "files": [{**entry, "modified": 0} for entry in journal.files],
        "settings": journal.settings,
    }
    whole.write_text(folder / dataset.MANIFEST, _json(manifest))


def _json(values: Json) -> str:
    return json.dumps(values, ensure_ascii=False, indent=1) + "\n"


def _ratio(counts: Json, above: str, below: str) -> float:
    sums = [sum(counts[side][name] for side in SIDES) for name in (above, below)]
    return float(sums[0] / max(1, sums[1]))


def vocabulary_use(shards: Sequence[Shard], vocab_size: int) -> Json:
    """How many entries of the vocabulary occur, and how often the most frequent 1 % of them do."""
    seen = np.zeros(vocab_size, dtype=np.int64)
    for shard in shards:
        ids = shard.tokens()
        for first in range(0, len(ids), 1 << 22):
            seen += np.bincount(ids[first : first + (1 << 22)], minlength=vocab_size)
    frequent = np.sort(seen)[::-1][: max(1, vocab_size // 100)]
    return {
        "used": int((seen > 0).sum()), "rare": int(((seen > 0) & (seen < 100)).sum()),
        "share_of_most_frequent": round(float(frequent.sum() / max(1, seen.sum())), 4),
    }  # fmt: skip


def chosen(shards: Sequence[Shard], count: int, source: int | None = None) -> list[tuple[Shard, int]]:
    """Documents spread evenly over all, or over those of one source: (shard, number in it)."""
    if source is not None:
        theirs = [(shard, int(n)) for shard in shards for n in np.flatnonzero(shard.index()["source"] == source)]
        return [theirs[(2 * i + 1) * len(theirs) // (2 * count)] for i in range(min(count, len(theirs)))]
    numbers = np.cumsum([0, *(shard.header.documents for shard in shards)])
    total_documents = int(numbers[-1])
    picked = sorted({(2 * i + 1) * total_documents // (2 * count) for i in range(count)}) if total_documents else []
    found = []
    for number in picked:
        at = int(np.searchsorted(numbers, number, side="right")) - 1
        found.append((shards[at], number - int(numbers[at])))
    return found


def sample(shard: Shard, number: int, tokenizer: Tokenizer, most_tokens: int = _SAMPLE_TOKENS) -> Json:
    """A document of a shard as it is learned: its first tokens as text, specials spelled out."""
    index = shard.index()
    start = int(index["end"][number - 1]) if number else 0
    end = int(index["end"][number])
    ids = shard.tokens()[start : min(end, start + most_tokens)]
    return {
        "shard": shard.path.name, "document": number, "source": int(index["source"][number]), "tokens": end - start,
        "text": tokenizer.decode(ids.tolist(), skip_specials=False), "whole": end - start <= most_tokens,
    }  # fmt: skip


# ---- for people ------------------------------------------------------------------------------------------------------


def markdown(values: Json) -> str:
    """card.md from what card.json says."""
    counts, tokenizer = values["counts"], values["tokenizer"]
    train, validation = counts["train"], counts["validation"]
    dropped = sum(counts["dropped"].values())
    lines = [
        "# Dataset card", "",
        f"{train['tokens']:,} tokens in {train['documents']:,} documents to learn from, {validation['tokens']:,} tokens in "
        f"{validation['documents']:,} held out.  {values['bytes_per_token']:.2f} bytes of text per token.", "",
        "```sh", visible(values["command"]), "```", "",
        "## Sources", "",
        "| source | licence | documents | text | left out | to learn | tokens | share | weight | share of an epoch |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for source in values["sources"]:
        own = source["counts"]
        name = f"[{_cell(source['name'])}]({_cell(source['url'])})" if source["url"] else _cell(source["name"])
        lines.append(
            f"| {name} | {_cell(source['license']) or 'not stated'} | {own['documents']:,} | {own['bytes']:,} B "
            f"| {sum(own['dropped'].values()):,} | {own['train']['documents']:,} | {own['train']['tokens']:,} "
            f"| {source['share']:.1%} | {source['weight']:g} | {source['share_in_epoch']:.1%} |"
        )
    notes = [f"- {_cell(s['name'])}: {_cell(s['note'])}" for s in values["sources"] if s["note"]]
    lines += [
        "",
        *notes,
        *[""] * bool(notes),
        "## What was done",
        "",
        "| step | documents |",
        "|---|---:|",
        f"| read | {counts['documents']:,} |",
    ]
    lines += [f"| mended: {_cell(rule)} | {n:,} |" for rule, n in sorted(counts["changed"].items())]
    lines += [f"| dropped: {_cell(rule)} | {n:,} |" for rule, n in sorted(counts["dropped"].items())]
    lines += [f"| left | {counts['documents'] - dropped:,} |", ""]
    if counts["refused"]:
        lines += [f"{counts['refused']:,} files or rows could not be read:", ""]
        lines += [f"- {_cell(text)}" for source in values["sources"] for text in source["counts"]["refusals"]]
        lines.append("")
    lines += _examples(values["sources"])
    lines += [
        "## Vocabulary", "",
        f"{tokenizer['used']:,} of {tokenizer['vocab_size']:,} entries of `{_cell(tokenizer['name'])}` occur "
        f"({tokenizer['used'] / tokenizer['vocab_size']:.1%}), {tokenizer['rare']:,} of them fewer than 100 times; the most "
        f"frequent hundredth of the vocabulary is {tokenizer['share_of_most_frequent']:.1%} of the text.  "
        f"Fingerprint `{tokenizer['fingerprint']}`.", "",
        "## Samples", "",
    ]  # fmt: skip
    for number in values["samples"]:
        name = _cell(values["sources"][number["source"]]["name"])
        lines += [f"From {name}, {number['tokens']:,} tokens:", "", *_quoted(number), ""]
    lines += ["## Files", "", "| file | bytes | SHA-256 |", "|---|---:|---|"]
    files = values["files"]
    lines += [f"| {_cell(f['path'])} | {f['bytes']:,} | `{f['sha256'][:16]}…` |" for f in files[:_MOST_FILES]]
    if len(files) > _MOST_FILES:
        lines.append(f"| and {len(files) - _MOST_FILES:,} more, in card.json | | |")
    return "\n".join(lines) + "\n"


def _examples(sources: Sequence[Json]) -> list[str]:
    """Dropped documents, by rule."""
    found: dict[str, list[Json]] = {}
    for source in sources:
        for rule, examples in source["counts"]["examples"].items():
            found.setdefault(rule, []).extend(examples)
    if not found:
        return []
    lines = ["## Dropped", ""]
    for rule in sorted(found):
        lines += [f"**{_cell(rule)}**", ""]
        lines += [f"- {_cell(e['where'])} ({_cell(e['reason'])}): {_cell(e['text'])}" for e in found[rule][:_EXAMPLES]]
        lines.append("")
    return lines


def _quoted(sample: Json) -> list[str]:
    text = visible(sample["text"]) + ("" if sample["whole"] else " …")
    return [f"> {_inert(line)}".rstrip() for line in text.splitlines()]


def _cell(text: Any) -> str:  # Any: what JSON holds
    """Text on one line that Markdown and a terminal take as text."""
    return _inert(" ".join(visible(str(text)).split())).replace("|", "\\|")


def _inert(text: str) -> str:
    return text.replace("<", "&lt;").replace("`", "'")
