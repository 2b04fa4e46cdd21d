"""The settings of a build: sources, what is done to them, and how the shards are cut."""

import dataclasses
import math
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from mlxgpt.config import setting
from mlxgpt.errors import ConfigError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """Files that belong together.  An epoch of training passes `weight` times over what they give."""

    name: str = setting("", "what it is called; empty: its first path")
    paths: tuple[str, ...] = setting((), "files, folders and patterns; - is standard input")
    column: str | None = setting(None, "the column or key that holds the text")
    weight: float = setting(1.0, "passes over it in an epoch: 2 repeats it, 0.5 takes half of it, 0 none")
    limit: int = setting(0, "most documents to read; 0: all")
    license: str = setting("", "terms under which it may be used")
    url: str = setting("", "where it comes from")
    note: str = setting("", "what else there is to say")

    def __post_init__(self) -> None:
        if not self.paths:
            raise ConfigError(f"The source {self.name!r} has no paths.", hint='Write paths = ["folder/*.txt"].')
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ConfigError(f"The source {self.label!r} has a weight of {self.weight}.", hint="Give 0 or more.")
        if self.limit < 0:
            raise ConfigError(f"The source {self.label!r} has a limit of {self.limit}.", hint="Give 0 or more.")

    @property
    def label(self) -> str:
        """What it is called."""
        return self.name or self.paths[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildConfig:
    """The settings of `data build`; those of `decisive` decide what comes out."""

    sources: tuple[SourceConfig, ...]
    tokenizer: str = setting("nano-pt", "folder of a tokenizer, or a model")
    output: Path = setting(Path("data/built/dataset"), "folder that will hold the dataset")
    clean: bool = setting(False, "mend texts and drop what is none")
    skip: tuple[str, ...] = setting((), "rules of cleaning that are not applied")
    languages: tuple[str, ...] = setting(("pt", "en"), "languages that cleaning keeps; none keeps all")
    mask_personal: bool = setting(False, "let cleaning replace e-mail addresses, CPF, telephone numbers")
    dedup: tuple[str, ...] = setting((), "exact, near, or both")
    similarity: float = setting(0.7, "near: documents are the same from this Jaccard similarity on")
    val: float = setting(0.01, "share of the documents held out")
    shard_size: str = setting("100MB", "most bytes of tokens in a file, unless one document has more")
    chunk_strategy: str = setting("none", "how long documents are cut, with <CHUNK> between; none: not at all")
    chunk_size: int = setting(512, "tokens in a chunk")
    seed: int = setting(0, "which documents are held out")
    skip_unreadable: bool = setting(False, "go on after a file or row that cannot be read")
    workers: int = setting(0, "processes; 0 chooses by the amount of text")
    recipe: Path | None = setting(None, "the file that these settings are from, to be named on the card")
    given: tuple[str, ...] = setting((), "the paths that were given besides the recipe")

    def __post_init__(self) -> None:
        if not self.sources:
            raise ConfigError("There is nothing to build from.", hint="Give --source PATH, or --recipe FILE.toml.")
        if not 0 <= self.val < 1:
            raise ConfigError(f"val = {self.val} is no share of the documents.", hint="Give 0 or more, below 1.")
        labels = [source.label for source in self.sources]
        if len(set(labels)) < len(labels):
            twice = next(label for label in labels if labels.count(label) > 1)
            raise ConfigError(f"Two sources are called {twice!r}.", hint="Give each a `name` of its own.")
        if self.shard_bytes < 1:
            raise ConfigError("shard_size must be more than 0.")
        if self.workers < 0:
            raise ConfigError(f"workers must not be negative, but is {self.workers}.")

    @property
    def shard_bytes(self) -> int:
        """`shard_size` as a number."""
        return parse_size(self.shard_size)

    @property
    def decisive(self) -> dict[str, object]:
        """The settings that decide what comes out, as plain values."""
        values = dataclasses.asdict(self)
        for name in ("output", "workers", "tokenizer", "skip_unreadable", "recipe", "given"):
            del values[name]  # of the tokenizer, the fingerprint decides
        return values

    @property
    def command(self) -> str:
        """The command line that builds it again, without what does not matter to the result."""
        words = ["mlxgpt", "data", "build"]
        if self.recipe is not None:
            words += ["--recipe", str(self.recipe)]
        for path in self.given if self.recipe else [path for source in self.sources for path in source.paths]:
            words += ["--source", path]
        columns = {source.column for source in self.sources if source.column and not source.name}
        words += [word for column in sorted(columns) for word in ("--column", column)]
        words += ["--tokenizer", self.tokenizer, "--output", str(self.output)]
        usual = BuildConfig(sources=self.sources)
        for name in ("clean", "skip", "languages", "mask_personal", "dedup", "similarity", "val", "shard_size",
                     "chunk_strategy", "chunk_size", "seed", "skip_unreadable"):  # fmt: skip
            value = getattr(self, name)
            if value == getattr(usual, name):
                continue
            option = "--" + name.replace("_", "-")
            match value:
                case bool():
                    words.append(option)
                case tuple():
                    words += [option, ",".join(value)]
                case _:
                    words += [option, str(value)]
        return shlex.join(words)


def parse_size(text: str) -> int:
    """Bytes from a number with a unit: "100MB" is 100,000,000; "1.5 GB", "500k" and "4096" are understood too."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ConfigError(f"{text!r} is no size.", hint="Write it as 100MB, 500k or 2GB.")
    return round(float(found[1]) * _UNITS[found[2].upper()])
