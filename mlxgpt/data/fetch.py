"""Datasets of the Hugging Face Hub as JSON lines: streamed row by row, so that a few thousand rows of a terabyte cost seconds.

The `datasets` library does the work; it is an extra, and nothing else of mlxgpt needs the network.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxgpt import whole
from mlxgpt.config import setting
from mlxgpt.data.documents import no_column
from mlxgpt.errors import ConfigError, DataError, MissingExtra, nearest
from mlxgpt.events import DatasetFetched, Event, FetchProgressed, Noted

_SECONDS = 0.5  # between two reports of progress
_PREFIX = "hf://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A dataset with a name of its own here."""

    path: str
    config: str | None = None
    column: str = "text"
    split: str = "train"
    license: str
    about: str


KNOWN: Mapping[str, Known] = {
    "tinystories": Known(
        path="roneneldan/TinyStories",
        license="CDLA-Sharing-1.0",
        about="short stories in the words of small children, English",
    ),
    "wikipedia-pt": Known(
        path="wikimedia/wikipedia",
        config="20231101.pt",
        license="CC BY-SA 3.0 and GFDL",
        about="articles in Portuguese",
    ),
    "wikipedia-en": Known(
        path="wikimedia/wikipedia", config="20231101.en", license="CC BY-SA 3.0 and GFDL", about="articles in English"
    ),
    "fineweb2-pt": Known(
        path="HuggingFaceFW/fineweb-2",
        config="por_Latn",
        license="ODC-By 1.0",
        about="filtered web pages in Portuguese",
    ),
    "fineweb-edu": Known(
        path="HuggingFaceFW/fineweb-edu",
        config="sample-10BT",
        license="ODC-By 1.0",
        about="educational web pages, English",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchConfig:
    """Which rows of which dataset, and where to; what is None is the dataset's usual."""

    name: str = setting("", "a known name, or hf://org/dataset, or hf://org/dataset/config")
    output: Path | None = setting(None, "file of JSON lines; none: data/fetched/NAME.jsonl")
    split: str | None = setting(None, "part of the dataset")
    column: str | None = setting(None, "the column that holds the text, or messages")
    limit: int = setting(0, "most rows; 0: all")

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ConfigError(f"limit must not be negative, but is {self.limit}.")
        self.resolved  # noqa: B018  raises for a name that is none

    @property
    def resolved(self) -> Known:
        """The dataset that is meant."""
        if self.name in KNOWN:
            return KNOWN[self.name]
        parts = self.name.removeprefix(_PREFIX).split("/")
        if not self.name.startswith(_PREFIX) or len(parts) not in (2, 3) or not all(parts):
            raise ConfigError(
                f"{self.name!r} is no dataset that is known here.",
                hint=f"{nearest(self.name, KNOWN)} Any dataset of the Hub: hf://ORG/DATASET or hf://ORG/DATASET/CONFIG.",
            )
        return Known(path="/".join(parts[:2]), config=parts[2] if len(parts) == 3 else None, license="", about="")

    @property
    def target(self) -> Path:
        """The file to write."""
        return self.output or Path("data/fetched") / f"{self.name.removeprefix(_PREFIX).replace('/', '-')}.jsonl"


def fetch(config: FetchConfig, *, stop: threading.Event | None = None) -> Iterator[Event]:
    """Write rows of a dataset as {"text": …} (or {"messages": …}), whole or not at all.

    Raises `MissingExtra` without the library, and `DataError` when the Hub cannot be reached or has no such thing.
    """
    known, target = config.resolved, config.target
    if target.exists():
        raise ConfigError(f"{target} exists already.", hint="Choose another --output, or remove it.")
    load = _library()
    yield Noted(text=f"Asking the Hugging Face Hub for {known.path}" + (f" ({known.config})." if known.config else "."))
    began = told = time.monotonic()
    rows = bytes_written = 0
    stop = stop or threading.Event()
    with whole.draft(target) as (file, keep), _translated(known.path):
        for row in load(known.path, known.config, split=config.split or known.split, streaming=True):
            line = json.dumps(_document(row, config, known), ensure_ascii=False) + "\n"
            file.write(line)
            rows, bytes_written = rows + 1, bytes_written + len(line.encode(errors="replace"))
            if (now := time.monotonic()) - told > _SECONDS:
                told = now
                yield FetchProgressed(rows=rows, limit=config.limit, bytes=bytes_written, seconds=now - began)
            if rows == config.limit or stop.is_set():
                break
        if not rows:
            raise DataError(
                f"{known.path} has no rows in {config.split or known.split}.", hint="Choose another --split."
            )
        keep()
    yield DatasetFetched(
        name=known.path, path=str(target), rows=rows, bytes=bytes_written, license=known.license,
        seconds=time.monotonic() - began, stopped=stop.is_set(),
    )  # fmt: skip


def _document(row: Mapping[str, Any], config: FetchConfig, known: Known) -> dict[str, Any]:  # Any: JSON
    """What is kept of a row."""
    for name in [config.column] if config.column else [known.column, "messages"]:
        if name in row:
            kind = "messages" if isinstance(row[name], list) else "text"
            return {kind: row[name]}
    raise no_column(known.path, config.column or known.column, row)


def _library() -> Any:  # Any: a function of an optional package
    try:
        import datasets  # an extra, and slow to import
    except ImportError:
        raise MissingExtra(
            "Datasets of the Hub need the package datasets.", hint="Install it: MLXGPT_EXTRAS=hub ./scripts/mlxgpt …"
        ) from None
    datasets.logging.set_verbosity_error()  # it tells of every attempt; we tell of the result
    return datasets.load_dataset


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """What the library and the network raise, as errors that say what to do."""
    try:
        yield
    except (ConnectionError, TimeoutError) as error:
        raise DataError(
            f"The Hugging Face Hub cannot be reached, so {path} cannot be read: {_first_line(error)}",
            hint="Check the network (and HF_HUB_OFFLINE).  Or download the dataset's files elsewhere, copy them here, and give "
            "the folder to mlxgpt data build --source.",
        ) from error
    except FileNotFoundError as error:
        raise DataError(
            f"The Hub has no dataset {path} that may be read: {_first_line(error)}",
            hint="Check the name; if its licence has to be accepted, do so and log in with `hf auth login`.",
        ) from error
    except ValueError as error:
        raise DataError(
            f"{path} cannot be read like this: {_first_line(error)}",
            hint="Name a config with hf://ORG/DATASET/CONFIG, or a --split.",
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
