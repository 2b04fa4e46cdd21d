"""Reading a tokenizer's directory, ours or anyone's.

tokenizer.json holds the vocabulary.  Which of its entries are BOS, EOS and so on stands in tokenizer_config.json, in
older directories in special_tokens_map.json, or only as ids in generation_config.json or config.json.  All of it is
untrusted.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from mlxgpt.errors import TokenizerError
from mlxgpt.tokenizer.fast import UNKNOWN, FastTokenizer

_NAMES = ("bos_token", "eos_token", "pad_token", "unk_token")
Json = dict[str, Any]  # Any: JSON


def read(directory: Path) -> FastTokenizer:
    """The tokenizer in `directory`; `TokenizerError` names the file that is missing or damaged."""
    backend = _read_backend(directory)
    settings = {**_read_json(directory / "special_tokens_map.json"), **_read_json(directory / "tokenizer_config.json")}
    model = {**_read_json(directory / "config.json"), **_read_json(directory / "generation_config.json")}
    for name in _NAMES:
        token = _token(settings.get(name)) or _token_of_id(backend, _ids(model.get(f"{name}_id")))
        settings.pop(name, None)
        if token is not None:
            settings[name] = token
    template = _template(directory, settings.pop("chat_template", None))
    if template is not None:
        settings["chat_template"] = template
    return FastTokenizer(backend, settings, stop_ids=_ids(model.get("eos_token_id")))


def _read_backend(directory: Path) -> Backend:
    path = directory / "tokenizer.json"
    if not path.is_file():
        raise _missing(directory)
    content = _read_json(path)
    _check_prefix(path, content.get("model"))
    try:
        backend = Backend.from_str(json.dumps(content))  # what was checked, were there a key twice in the file
        backend.encode("a é🙂\n")  # some damage shows only when the tokenizer is used
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # tokenizers raises bare Exception, and its Rust may panic
        characters_only = UNKNOWN in str(error) and all(len(entry) == 1 for entry in backend.get_vocab())
        if not characters_only:  # such a tokenizer is whole, and says so when it is given others
            raise TokenizerError(
                f"{path} is damaged or not a tokenizer: {error}",
                hint="Copy the file again, or train the tokenizer again.",
            ) from error
    ids = backend.get_vocab(with_added_tokens=True).values()
    gaps = not ids or max(ids) > 2 * len(ids) + 1000  # an embedding gets a row for every id up to the largest
    if gaps or len(set(ids)) < len(ids):
        raise TokenizerError(
            f"{path} is damaged: it has {len(ids):,} entries with {len(set(ids)):,} different ids "
            f"up to {max(ids, default=0):,}.",
            hint="Copy the file again, or train the tokenizer again.",
        )
    return backend


def _check_prefix(path: Path, model: object) -> None:
    """Refuse the one damage that makes `tokenizers` abort the whole process: a prefix which merges do not have.

    WordPiece-like BPE marks what continues a word, as in "##ing", and cuts the mark off without looking.
    """
    prefix = model.get("continuing_subword_prefix") if isinstance(model, dict) else None
    if not isinstance(model, dict) or not isinstance(prefix, str) or not isinstance(model.get("merges"), list):
        return
    for pair in model["merges"]:  # "a b" in older files, ["a", "b"] in newer ones
        sides = pair.split(" ") if isinstance(pair, str) else pair
        right = sides[-1] if isinstance(sides, list) and sides else None
        if not (isinstance(right, str) and right.startswith(prefix)):
            raise TokenizerError(
                f"{path} is damaged: the merge {pair!r} lacks the continuing_subword_prefix {prefix!r}.",
                hint="Copy the file again, or train the tokenizer again.",
            )


def _missing(directory: Path) -> TokenizerError:
    if not directory.is_dir():
        return TokenizerError(f"There is no tokenizer directory {directory}.", hint="Check the path.")
    older = [name for name in ("tokenizer.model", "vocab.json", "vocab.txt") if (directory / name).exists()]
    if older:
        return TokenizerError(
            f"{directory} has no tokenizer.json, only the older {older[0]}.",
            hint="Convert it once with transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR).",
        )
    return TokenizerError(
        f"{directory} has no tokenizer.json.", hint="Name a directory that a tokenizer or a model was saved to."
    )


def _read_json(path: Path) -> Json:
    """The object in a JSON file; {} when there is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(content, ensure_ascii=False).encode("utf-8")  # an escaped lone surrogate could not be saved again
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:  # not Unicode, not JSON, or nested without end
        raise TokenizerError(f"{path} is damaged, not valid JSON: {error}", hint="Copy the file again.") from None
    if not isinstance(content, dict):
        raise TokenizerError(f"{path} holds a {type(content).__name__}, not an object.", hint="Copy the file again.")
    return content


def _token(value: object) -> str | None:
    """A token as text; it is written as a string or as an object with its `content`."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) and value else None


def _ids(value: object) -> list[int]:
    """Token ids, written as one number or as a list."""
    values = value if isinstance(value, list) else [value]
    return [token_id for token_id in values if type(token_id) is int and 0 <= token_id < 2**32]


def _token_of_id(backend: Backend, ids: list[int]) -> str | None:
    return backend.id_to_token(ids[0]) if ids else None


def _template(directory: Path, value: object) -> str | None:
    """The chat template: since transformers 4.52 a file of its own, before that one string or a list of named ones."""
    path = directory / "chat_template.jinja"
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise TokenizerError(f"{path} is not UTF-8: {error}", hint="Copy the file again.") from None
    if isinstance(value, list):
        named = {entry.get("name"): entry.get("template") for entry in value if isinstance(entry, dict)}
        value = named.get("default")
    return value if isinstance(value, str) else None
