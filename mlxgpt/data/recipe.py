"""A recipe: a TOML file that names the sources of a dataset, how much of each to take, and the settings of the build.

tokenizer = "nano-pt"
output = "data/built/misto"
clean = true
dedup = ["exact", "near"]

[[source]]
name = "livros"
paths = ["livros/*.txt"]          # beside the recipe
weight = 2.0                      # an epoch passes twice over it
license = "public domain"
"""

from collections.abc import Sequence
from pathlib import Path

from mlxgpt.config import Settings, build, read_toml
from mlxgpt.data.config import BuildConfig, SourceConfig
from mlxgpt.data.sources import STDIN
from mlxgpt.errors import ConfigError


def load_build_config(
    given: Settings, sources: Sequence[str] = (), *, column: str | None = None, recipe: Path | None = None
) -> BuildConfig:
    """The settings of a build from its recipe and what was `given`, which wins; `sources` are paths besides the recipe's.

    Raises `ConfigError` for an unknown or impossible setting, and when there is no source at all.
    """
    table = read_toml(recipe) if recipe is not None else {}
    listed = table.pop("source", [])
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise ConfigError(f"{recipe}: `source` is no list of tables.", hint="Write [[source]] above each one.")
    found = [
        build(SourceConfig, _beside(entry, recipe), where=f"{recipe}: source {number}")
        for number, entry in enumerate(listed, start=1)
    ]
    found += [SourceConfig(paths=(path,), column=column) for path in sources]
    own = {"sources": tuple(found), "recipe": recipe, "given": tuple(sources)}
    return build(BuildConfig, table, given, own, where=str(recipe or "build"))


def _beside(entry: Settings, recipe: Path | None) -> Settings:
    """The paths of a source as they are meant: from the folder of the recipe."""
    folder = recipe.parent if recipe else Path()
    paths = entry.get("paths")
    if isinstance(paths, str):
        paths = [paths]
    if isinstance(paths, list) and all(isinstance(path, str) for path in paths):
        paths = [path if path == STDIN else str(folder / path) for path in paths]
    return {**entry, "paths": paths}
