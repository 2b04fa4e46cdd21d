"""Settings: a TOML file and a few overrides become one frozen dataclass, or an error that names the nearest right word.

A config is an ordinary frozen dataclass whose fields are made with `setting(default, doc)`.  The documentation of a field
lives beside its default and feeds `--help`, the TUI's forms and the error messages.
"""

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from mlxgpt.errors import ConfigError, nearest

T = TypeVar("T")
Settings = Mapping[str, Any]  # Any: what a TOML file holds


def setting(default: Any, doc: str) -> Any:  # Any: a dataclass field stands in for a value of the field's own type
    """A dataclass field with a default and one line of documentation."""
    return dataclasses.field(default=default, metadata={"doc": doc})


def read_toml(path: Path) -> dict[str, Any]:
    """The contents of a TOML file; `ConfigError` says where it is wrong."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist.", hint="Check the path of the config file.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def build(cls: type[T], *layers: Settings, where: str = "config") -> T:
    """An instance of the dataclass `cls`; later layers win; `None` in a layer means "not given".

    Raises `ConfigError` for an unknown key (naming the nearest) and for a value of the wrong type.
    """
    hints = typing.get_type_hints(cls)
    known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]  # T is a dataclass
    chosen: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if key not in known:
                raise ConfigError(f"{where}: there is no setting named {key!r}.", hint=nearest(key, known))
            if value is not None:
                chosen[key] = convert(value, hints[key], f"{where}: {key}")
    try:
        return cls(**chosen)
    except TypeError as error:  # a field without a default was not given
        raise ConfigError(f"{where}: {error}") from None


def convert(value: Any, wanted: Any, where: str) -> Any:
    """`value` as type `wanted` (int, float, bool, str, Path, tuple[X, ...], X | None), or a `ConfigError`."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is types.UnionType:
        if value is None and type(None) in arguments:
            return None
        return convert(value, next(kind for kind in arguments if kind is not type(None)), where)
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(convert(item, arguments[0], where) for item in value)
    if wanted is Path and isinstance(value, (str, Path)):
        return Path(value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if dataclasses.is_dataclass(wanted) and type(value) is wanted:  # built before
        return value
    if wanted in (int, float, bool, str) and type(value) is wanted:
        return value
    raise ConfigError(f"{where} must be {_name(wanted)}, not {value!r}.")


def _name(wanted: Any) -> str:
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a string", Path: "a path"}
    return names.get(wanted, str(wanted))


def to_toml(tables: Mapping[str, Settings]) -> str:
    """A TOML file of several tables, as `read_toml` reads it; values that are None are left out."""
    blocks = []
    for name, table in tables.items():
        lines = [f"{key} = {toml_value(value)}" for key, value in table.items() if value is not None]
        blocks.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(blocks) + "\n"


def toml_value(value: Any) -> str:
    """One value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case tuple() | list():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case _:
            escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
            return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
