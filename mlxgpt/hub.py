"""Models of the Hugging Face Hub, written `hf:ORG/NAME` or `hf:ORG/NAME@REVISION` wherever a model is asked for.

`huggingface_hub` does the work, into the cache that all programs share ($HF_HOME): what is there is not fetched again,
and what was interrupted goes on.  Only what a model directory needs is taken; nothing that is fetched is ever run.

    find(word)    the directory, fetched if need be        fetch(word)    the same as events, for a bar
"""

import errno
import json
import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxgpt.errors import CheckpointError, ConfigError, DataError, ResourceError
from mlxgpt.events import Event, ModelFetched, ModelFetchProgressed

PREFIX = "hf:"
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9_])?", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9](?:[\w./+-]{0,198}[\w+-])?", re.ASCII)
_SECONDS = 0.2  # between two reports of progress
_WEIGHTS = [  # forms of the weights, the best first
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"model\.safetensors",
        r"model-[\w-]+\.safetensors",
        r"pytorch_model\.bin",
        r"pytorch_model-[\w-]+\.bin",
    )
]
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A model on the Hub; `revision` is a branch, a tag or a commit."""

    id: str
    revision: str

    @property
    def word(self) -> str:
        """How it is written here."""
        return f"{PREFIX}{self.id}" + ("" if self.revision == "main" else f"@{self.revision}")

    @property
    def name(self) -> str:
        """Its last name."""
        return self.id.rpartition("/")[2]


def is_hub(word: str) -> bool:
    """Whether a word means a model of the Hub."""
    return word.startswith(PREFIX)


def parse(word: str) -> Repository:
    """The repository that a word means; `ConfigError` for names that cannot be, tricks with paths among them."""
    named, at, revision = word.removeprefix(PREFIX).removeprefix("//").partition("@")
    parts = named.split("/")
    sound = len(parts) in (1, 2) and all(_NAME.fullmatch(part) for part in parts) and (not at or revision)
    if not sound or (revision and not _REVISION.fullmatch(revision)) or any(two in word for two in ("..", "--")):
        raise ConfigError(
            f"{word!r} is no name of a model on the Hub.",
            hint="Write hf:ORG/NAME, or hf:ORG/NAME@REVISION with a branch, a tag or a commit.",
        )
    return Repository(id=named, revision=revision or "main")


def is_offline() -> bool:
    """Whether only the cache may be used: `--offline`, or HF_HUB_OFFLINE."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def model_name(directory: Path) -> str:
    """What a model directory is called: its own name, in the cache (models--ORG--NAME/snapshots/COMMIT) the repository's."""
    directory = directory.resolve()
    above = directory.parent.parent.name
    in_cache = directory.parent.name == "snapshots" and above.startswith("models--")
    return above.rpartition("--")[2] if in_cache else directory.name


_found: dict[str, Path] = {}  # what this process has asked for: the Hub is asked once


def find(word: str) -> Path:
    """The directory of a model of the Hub, fetched if it is not in the cache; see `fetch` for what is raised."""
    for _ in fetch(word):
        pass
    return _found[word]


def fetch(word: str, *, stop: threading.Event | None = None) -> Iterator[Event]:
    """Fetch what is missing of a model: yields ModelFetchProgressed now and then, at the end ModelFetched.

    Without a network a whole copy in the cache is enough.  Raises `CheckpointError` when there is no such model, revision
    or permission, `DataError` when the network fails, `ResourceError` when the disk is too small.
    """
    repository = parse(word)
    if word in _found and _found[word].is_dir():
        return
    began = time.monotonic()
    cached = _cached(repository)
    commit = re.fullmatch(r"[0-9a-f]{40}", repository.revision)
    if cached and (commit or is_offline()):
        path, size = cached, 0
    elif is_offline():
        raise DataError(
            f"{repository.word} is not in the cache, or not whole, and the network may not be used (--offline).",
            hint="Fetch it once without --offline and HF_HUB_OFFLINE, or give a directory.",
        )
    else:
        told = logging.getLogger("huggingface_hub")
        level = told.level
        told.setLevel(logging.CRITICAL)  # it tells of every attempt; we tell of the result
        try:
            names, size = _asked(repository)
            path = yield from _download(repository, names, size, began, stop or threading.Event())
        except _Unreachable as error:
            if not cached:
                raise _unreachable(repository, error) from error
            path, size = cached, 0
        finally:
            told.setLevel(level)
    _found[word] = path
    yield ModelFetched(
        name=repository.id, revision=repository.revision, commit=path.name, path=str(path), bytes=size,
        seconds=time.monotonic() - began,
    )  # fmt: skip


def wanted(names: Sequence[str]) -> list[str]:
    """Of a repository's files those of a model directory: settings, tokenizer, and one form of the weights.

    Nothing in folders, so that no name can lead out of one.
    """
    top = [name for name in names if re.fullmatch(r"[\w.-]+", name, re.ASCII) and not name.startswith(".")]
    forms = ([name for name in top if pattern.fullmatch(name)] for pattern in _WEIGHTS)
    weights = next((form for form in forms if form), [])
    indexes = [name for name in _INDEXES if name in top and weights and weights[0] != "model.safetensors"]
    settings = [name for name in top if name.endswith((".json", ".jinja")) and not name.endswith(".index.json")]
    return settings + weights + indexes[:1] if weights and "config.json" in top else []


# ---- the library, its progress and its failures ----------------------------------------------------------------------


class _Unreachable(Exception):
    """The network failed."""


class _Stopped(Exception):
    """The download was told to stop."""


def _cached(repository: Repository) -> Path | None:
    """The whole model in the cache, if it is there."""
    from huggingface_hub import try_to_load_from_cache  # a second, and only who asks for such a model needs it

    found = try_to_load_from_cache(repository.id, "config.json", revision=repository.revision)
    if not isinstance(found, str):
        return None
    directory = Path(found).parent
    held = {path.name for path in directory.iterdir() if path.exists()}
    for index in _INDEXES:
        if index.removesuffix(".index.json") in held:
            return directory
        if index in held:
            return directory if _placed(directory / index) <= held else None
    return None


def _placed(index: Path) -> set[str]:
    """The files that an index names; none when it is damaged, which who reads the model will say better."""
    try:
        return set(map(str, json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return set()


def _asked(repository: Repository) -> tuple[list[str], int]:
    """The files to have, and the bytes of those that are not in the cache."""
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.constants import HF_HUB_CACHE

    with _translated(repository):
        info = HfApi().model_info(repository.id, revision=repository.revision, files_metadata=True)
    sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or []}
    names, commit = wanted(list(sizes)), str(info.sha)
    if not names:
        shown = ", ".join(sorted(sizes)[:5]) or "nothing"
        raise CheckpointError(
            f"{repository.word} holds no model that can be read: it has {shown} …",
            hint="A model is a config.json with safetensors or pytorch_model.bin.  GGUF files and adapters are not read.",
        )
    missing = [
        name for name in names if not isinstance(try_to_load_from_cache(repository.id, name, revision=commit), str)
    ]
    size = sum(sizes[name] for name in missing)
    place = next(path for path in (Path(HF_HUB_CACHE), *Path(HF_HUB_CACHE).parents) if path.exists())
    free = shutil.disk_usage(place).free
    if size > free:
        raise ResourceError(
            f"{repository.word} needs {size / 1e9:.1f} GB on the disk of {place}, which has {free / 1e9:.1f} GB left.",
            hint="Free some space, or put the cache elsewhere with HF_HOME.",
        )
    return names, size


def _download(
    repository: Repository, names: list[str], size: int, began: float, stop: threading.Event
) -> Generator[Event, None, Path]:
    """Fetch files into the cache, in a thread of its own so that this one can tell how far it is; gives the directory."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import tqdm as usual_bar

    counted = [0]

    class Bar(usual_bar):
        """Counts bytes instead of drawing, and ends the download when it is told to stop."""

        def __init__(self, *args: Any, **options: Any) -> None:
            name = str(options.get("name", ""))
            self.counts = options.get("unit") == "B" and not name.endswith(".transfer")
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> None:
            if stop.is_set():
                raise _Stopped
            if self.counts:
                counted[0] += int(n or 0)

    outcome: Future[str] = Future()

    def work() -> None:
        try:
            outcome.set_result(
                snapshot_download(repository.id, revision=repository.revision, allow_patterns=names, tqdm_class=Bar)
            )
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=work, name="hub", daemon=True).start()
    try:
        while not wait([outcome], timeout=_SECONDS).done:
            yield ModelFetchProgressed(
                name=repository.id, bytes=min(counted[0], size), total_bytes=size, seconds=time.monotonic() - began
            )
    except GeneratorExit:
        stop.set()
        raise
    with _translated(repository):
        return Path(outcome.result())


@contextmanager
def _translated(repository: Repository) -> Iterator[None]:
    """What the library and the network raise, as errors that say what to do."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/{repository.id}"
    try:
        yield
    except _Stopped:
        raise KeyboardInterrupt from None
    except errors.GatedRepoError as error:
        raise CheckpointError(
            f"{repository.word} is gated: its authors want their licence accepted first.",
            hint=f"Accept it on {page}, then log in with `hf auth login` (or set HF_TOKEN).",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(
            f"{repository.id} has no branch, tag or commit {repository.revision!r}.",
            hint=f"{page}/tree/main shows them; without @REVISION it is main.",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise CheckpointError(
            f"The Hub has no model {repository.id}, or it is private.",
            hint="Check the spelling, ORG/NAME.  If it is private, log in with `hf auth login` (or set HF_TOKEN).",
        ) from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", 0)
        if status in (401, 403):
            raise CheckpointError(
                f"The Hub does not let you read {repository.id} ({status}).",
                hint="Log in with `hf auth login` (or set HF_TOKEN) with a token that may read it.",
            ) from error
        raise _Unreachable(f"it answers {status}" if status else _first_line(error)) from error
    except OSError as error:
        if error.errno in _DISK:
            raise  # `errors.describe` knows what to say
        raise _Unreachable(_first_line(error)) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _NETWORK:
            raise
        raise _Unreachable(_first_line(error)) from error


_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
_NETWORK = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "requests",
    "urllib3",
    "hf_xet",
)  # what the library may be built on


def _unreachable(repository: Repository, error: _Unreachable) -> DataError:
    return DataError(
        f"The Hugging Face Hub cannot be reached, so {repository.word} could not be fetched: {error}",
        hint="Check the network and try again: complete files are kept.  Without a network, give a directory.",
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
