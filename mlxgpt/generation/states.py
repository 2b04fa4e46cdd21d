"""A text as a file: the tokens, and the states of a recurrent model that has read them.

A conversation of any length is so many bytes as the model's states, about as much as a small picture, and goes on where
it ended without being read again.  A state belongs to the weights it was computed with, so the file says which.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxgpt.convert.files import read_header
from mlxgpt.errors import CheckpointError, ConfigError
from mlxgpt.events import Event, TokenGenerated
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.generate import beginning, generate, open_window
from mlxgpt.generation.window import Window
from mlxgpt.model.gpt import GPT
from mlxgpt.model.recurrent import RecurrentState
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.chat import Message

FORMAT = "mlxgpt-state/2"
BEFORE = "mlxgpt-state/1"  # without a checksum
AGAIN = "Take a copy of it, or begin anew with the name of another file."
PARTS = ("att_shift", "wkv", "ffn_shift")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a state file holds besides the states: the ids of a text, and the turns of a conversation if it was one."""

    ids: list[int]
    system: str = ""
    messages: list[Message] = field(default_factory=list)


def go_on(
    model: GPT,
    tokenizer: Tokenizer,
    prompt: str,
    config: GenerateConfig,
    state: Path,
    *,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """`generate` for a text that is kept in a file with the model's states: it begins there, or goes on if it exists.

    A text that goes on is not read again: only `prompt` is.  The file is written when the writing ends, however it does.
    """
    require_recurrent(model)
    require_place(state)
    window = open_window(model, config)
    known = load(state, window).ids if state.exists() else []
    ids = known + (tokenizer.encode(prompt) if known else beginning(prompt, tokenizer))
    try:
        for event in generate(model, tokenizer, ids, config, window=window, stop=stop):
            if isinstance(event, TokenGenerated) and event.id not in tokenizer.stop_ids:
                ids.append(event.id)
            yield event
    finally:
        save(state, window, Text(ids=ids))


def save(path: Path, window: Window, text: Text) -> int:
    """Write the states after all of `text` but its last token; returns the bytes written.  What is not read yet is read.

    Raises `ConfigError` when the model of the window is not recurrent or there is no text.
    """
    require_recurrent(window.model)
    if not text.ids:
        raise ConfigError("There is no text yet whose state could be saved.")
    window.open([text.ids])
    arrays = {"ids": mx.array(text.ids, mx.int32)}
    for layer, state in enumerate(window.caches):
        arrays |= {f"{layer}.{part}": array for part, array in zip(PARTS, state.state, strict=False)}
    words = {"system": text.system, "messages": json.dumps(text.messages, ensure_ascii=False)}
    about = {"format": FORMAT, "model": fingerprint(window.model), **words}
    about["checksum"] = checksum(arrays, about)
    aside = path.with_name(f".{path.name}.safetensors")  # MLX insists on the suffix
    try:
        mx.save_safetensors(str(aside), arrays, metadata=about)
        aside.replace(path)
    except (OSError, RuntimeError) as error:  # MLX raises the latter
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path} cannot be written: {why}.", hint="Choose another place.") from None
    finally:
        aside.unlink(missing_ok=True)
    return path.stat().st_size


def load(path: Path, window: Window) -> Text:
    """Put the states of a file into `window` and return the text.

    Raises `CheckpointError` when the file is damaged or was made with other weights.
    """
    require_recurrent(window.model)
    arrays, about = _read(path)
    if about.get("model") != fingerprint(window.model):
        raise CheckpointError(
            f"{path} was made with another model, or with other weights of it.", hint="Load it with that model."
        )
    states = [_state(layer, arrays, window.model, path) for layer in range(window.model.config.n_layer)]
    ids: Any = arrays["ids"].tolist() if "ids" in arrays and arrays["ids"].ndim == 1 else []  # Any: ids, if it is whole
    V = window.model.config.vocab_size
    if not ids or not all(isinstance(token, int) and 0 <= token < V for token in ids):
        raise _damaged(path, "its ids are not those of a text")
    window.clear()
    for state in states:
        state.offset = len(ids) - 1
    window.caches, window.rows = list(states), [ids[:-1]]
    return Text(ids=ids, system=about.get("system", ""), messages=_messages(about.get("messages", "[]"), path))


def _read(path: Path) -> tuple[dict[str, mx.array], dict[str, str]]:
    """The arrays and the words of a state file, which its checksum vouches for."""
    try:
        read_header(path)
        arrays, about = mx.load(str(path), format="safetensors", return_metadata=True)
    except CheckpointError as error:
        raise CheckpointError(
            f"{path} is no state file, or a damaged one.", hint=f"{AGAIN}  ({error.message})"
        ) from None
    except (RuntimeError, ValueError, TypeError) as error:  # MLX, of metadata that is no table of words
        raise _damaged(path, str(error)) from None
    if about.get("format") not in (FORMAT, BEFORE):
        raise CheckpointError(f"{path} is no state file of this program.", hint="Give one that --state has written.")
    if (about["format"] == FORMAT or "checksum" in about) and about.pop("checksum", "") != checksum(arrays, about):
        raise _damaged(path, "its content is not what was written, as its checksum shows")
    return arrays, about


def checksum(arrays: dict[str, mx.array], about: dict[str, str]) -> str:
    """A hash of every word and number of a state file."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(memoryview(mx.contiguous(array).view(mx.uint8)).tobytes())
    return digest.hexdigest()


def require_recurrent(model: GPT) -> None:
    """Raise `ConfigError` for a model whose memory is a cache that grows."""
    if not model.config.recurrent:
        raise ConfigError(
            f"Block {model.config.block!r} has no state of fixed size to keep in a file.",
            hint="Train a recurrent model, for example with --preset rwkv-nano.",
        )


def require_place(path: Path) -> None:
    """Raise `ConfigError` where no file can be written: before anything is said that would be lost."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder.", hint=f"Name a file in it, as in {path / 'conversation.state'}.")
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent} does not exist.", hint="Make the folder first, or choose another place.")


def fingerprint(model: GPT) -> str:
    """A hash of the model's config and of all its vectors, which no two trainings share."""
    digest = hashlib.sha256(repr(model.config.with_(name="", context_length=1)).encode())
    for name, parameter in sorted(tree_flatten(model.parameters())):
        if parameter.ndim == 1:
            digest.update(name.encode() + memoryview(parameter.astype(mx.float32)).tobytes())
    return digest.hexdigest()


def _state(layer: int, arrays: dict[str, mx.array], model: GPT, path: Path) -> RecurrentState:
    """The state of one block, its shapes checked; empty when the file holds none, because nothing was read yet."""
    config, state = model.config, RecurrentState()
    found = [arrays[name] for part in PARTS if (name := f"{layer}.{part}") in arrays]
    if not found:
        return state
    C, H, N = config.n_embd, config.n_head, config.head_width
    if [array.shape for array in found] != [(1, C), (1, H, N, N), (1, C)]:
        raise _damaged(path, f"the state of block {layer} has another shape")
    if not all(mx.isfinite(array).all().item() for array in found):
        raise _damaged(path, f"the state of block {layer} holds what is no number")
    state.state = found
    return state


def _messages(words: str, path: Path) -> list[Message]:
    try:
        messages = json.loads(words)
    except (ValueError, RecursionError):
        raise _damaged(path, "its conversation is not valid JSON") from None
    if not isinstance(messages, list) or not all(_is_turn(message) for message in messages):
        raise _damaged(path, "its conversation is not a list of turns")
    return [Message(role=message["role"], content=message["content"]) for message in messages]


def _is_turn(message: object) -> bool:
    return isinstance(message, dict) and all(isinstance(message.get(key), str) for key in ("role", "content"))


def _damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"{path} is damaged: {what}.", hint=AGAIN)
