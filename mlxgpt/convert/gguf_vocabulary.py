"""A tokenizer as llama.cpp wants it: entries, their kinds, merges, and the name of the rule that splits text first.

llama.cpp knows splitting rules by name only, so a tokenizer with a rule of its own has no counterpart there.  Characters
have one all the same: each is its UTF-8 bytes, merged.
"""

import json
from collections.abc import Iterator
from typing import Any

from mlxgpt.convert.gguf import Value
from mlxgpt.errors import ConversionError
from mlxgpt.tokenizer.base import Tokenizer, begin_id
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.symbols import SYMBOLS

NORMAL, UNKNOWN, CONTROL, OWN, UNUSED = 1, 2, 3, 4, 5  # llama.cpp's kinds of entries

# What splits text before merging -> llama.cpp's name for it.  GPT-2's rule is the one inside ByteLevel.
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
RULES = {
    ("ByteLevel",): "gpt-2",
    ("Digits", "ByteLevel"): "smollm",
    (_CONTRACTIONS + r"\p{N}{1,3}" + _REST,): "llama-bpe",
    (_CONTRACTIONS + r"\p{N}" + _REST,): "qwen2",
}


def vocabulary_keys(tokenizer: Tokenizer, vocab_size: int) -> dict[str, Value]:
    """The keys under `tokenizer.`; ids that the model knows and the tokenizer does not are marked as unused.

    Raises `ConversionError` for a tokenizer that llama.cpp has no counterpart for.
    """
    if not isinstance(tokenizer, FastTokenizer):
        raise ConversionError("The model has no tokenizer.json.", hint="Export with --to hf, which keeps its files.")
    content = tokenizer.content
    added = {entry["id"]: entry for entry in content["added_tokens"]}
    rule, merges = _rule(content), _merges(content)
    begin = begin_id(tokenizer)
    entries, kinds = [], []
    for i in range(vocab_size):
        entry, kind = _entry(tokenizer, added, i)
        entries.append(entry)
        kinds.append(kind)
    keys: dict[str, Value] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": rule,
        "tokenizer.ggml.tokens": entries,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.add_bos_token": begin is not None,
        "tokenizer.ggml.add_space_prefix": False,
    }
    ends = sorted(tokenizer.stop_ids - {tokenizer.eos_id})
    special = {
        "bos": begin,
        "eos": tokenizer.eos_id,
        "eot": ends[0] if ends else None,
        "unknown": tokenizer.unk_id,
        "padding": tokenizer.pad_id,
    }
    keys |= {f"tokenizer.ggml.{name}_token_id": token for name, token in special.items() if token is not None}
    if tokenizer.chat_template:
        keys["tokenizer.chat_template"] = _own_bos(tokenizer, begin) + tokenizer.chat_template
    return keys


def _own_bos(tokenizer: FastTokenizer, begin: int | None) -> str:
    """For a chat template: llama.cpp's `bos_token` begins texts, which is not ours where chats begin with another."""
    if tokenizer.bos_id is None or tokenizer.bos_id == begin:
        return ""
    return "{%- set bos_token = " + json.dumps(tokenizer.token_text(tokenizer.bos_id)) + " -%}"


def _entry(tokenizer: FastTokenizer, added: dict[int, Any], token: int) -> tuple[str, int]:  # Any: JSON
    """How an id is written, and its kind."""
    if token in added:
        entry = added[token]
        kind = UNKNOWN if token == tokenizer.unk_id else CONTROL if entry["special"] else OWN
        return entry["content"], kind
    raw = tokenizer.token_bytes(token)
    return ("".join(SYMBOLS[byte] for byte in raw), NORMAL) if raw else (f"[PAD{token}]", UNUSED)


def _rule(content: dict[str, Any]) -> str:
    """llama.cpp's name for what splits texts into words."""
    kind, steps = content["model"]["type"], list(_steps(content["pre_tokenizer"]))
    if kind == "WordLevel" and steps == [r"[\s\S]"] and not content["normalizer"]:
        return "gpt-2"  # characters: no merge goes beyond one, so any rule will do
    if kind == "BPE" and not content["normalizer"]:
        rule = RULES.get(tuple(steps)) or RULES.get(tuple(steps[:-1]) if steps[-1:] == ["no rule"] else ())
        if rule and bool(content["model"].get("ignore_merges")) == (rule == "llama-bpe"):  # the name implies it
            return rule
    raise ConversionError(
        f"llama.cpp has no counterpart for this tokenizer ({kind}, with its own way to split text).",
        hint="Tokenizers trained here (bpe, byte, char) can be exported, and those with the rule of GPT-2, Llama 3, "
        "Qwen 2 or SmolLM; or export with --to hf or --to mlx-lm.",
    )


def _steps(step: Any) -> Iterator[str]:  # Any: JSON
    """The pre-tokenizers of a tokenizer.json, one word or pattern each."""
    match step:
        case {"type": "Sequence", "pretokenizers": parts}:
            for part in parts:
                yield from _steps(part)
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": regex}:
            yield "ByteLevel" if regex else "no rule"
        case {"type": "Digits", "individual_digits": True}:
            yield "Digits"
        case {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}:
            yield pattern
        case _:
            yield f"another: {step}"


def _merges(content: dict[str, Any]) -> list[str]:
    """ "a b" for each merge, in order."""
    if content["model"]["type"] == "WordLevel":
        return list(dict.fromkeys(pair for entry in content["model"]["vocab"] for pair in _byte_merges(entry)))
    return [pair if isinstance(pair, str) else " ".join(pair) for pair in content["model"]["merges"]]


def _byte_merges(character: str) -> Iterator[str]:
    """The merges that make one character of its bytes, from the left."""
    if len(character) > 1:  # a special token
        return
    symbols = [SYMBOLS[byte] for byte in character.encode("utf-8")]
    for i in range(1, len(symbols)):
        yield f"{''.join(symbols[:i])} {symbols[i]}"
