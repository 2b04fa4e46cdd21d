"""The settings file: which key does what, and the theme.  What is wrong in it is said, and the rest of it holds.

    [tui]
    theme = "mlxgpt-light"

    [keys]
    "chat.stop" = "escape,ctrl+x"

Every binding of the app has an id; `mlxgpt tui --keys` lists them.
"""

import importlib
import pkgutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.binding import Binding, BindingError, BindingsMap
from textual.dom import DOMNode
from textual.keys import Keys, format_key, key_to_character
from textual.screen import Screen

from mlxgpt.errors import nearest

MODIFIERS = ("ctrl", "shift", "alt", "super", "meta", "hyper")
_NAMED = {key.value for key in Keys if "+" not in key.value and not key.value.startswith("<")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A binding as it is without a settings file."""

    id: str
    keys: tuple[str, ...]
    help: str
    where: str  # the class it belongs to


@dataclass(slots=True, kw_only=True)
class Settings:
    """What the file says; `notices` are what is wrong in it, each a sentence."""

    keys: dict[str, str] = field(default_factory=dict)  # id -> keys with commas, as Textual's keymap has them
    theme: str = ""
    notices: list[str] = field(default_factory=list)


class Remapped(Screen[Any]):  # Any: whatever the screen is dismissed with
    """A screen whose keys are those of the app's settings.

    Textual's own `set_keymap` takes a key away from all actions that share it when one of them gets another (8.2).
    """

    @property
    def _binding_chain(self) -> list[tuple[DOMNode, BindingsMap]]:
        chain = super()._binding_chain
        settings: Settings | None = getattr(self.app, "settings", None)
        if settings is None or not settings.keys:
            return chain
        return [
            (node, _remapped(bindings, settings.keys, [above for above, _ in chain[:number]]))
            for number, (node, bindings) in enumerate(chain)
        ]


def _remapped(bindings: BindingsMap, keys: Mapping[str, str], above: list[DOMNode]) -> BindingsMap:
    """The same bindings under other keys; what was moved comes first.  What the nodes `above` take as text is no key."""
    moved: dict[str, list[Binding]] = {}
    kept: dict[str, list[Binding]] = {}
    for key, group in bindings.key_to_bindings.items():
        for binding in group:
            if binding.id not in keys:
                kept.setdefault(key, []).append(binding)
                continue
            for other in keys[binding.id or ""].split(","):
                new = binding.with_key(key=other, key_display=None)
                taken = any(node.check_consume_key(other, key_to_character(other)) for node in above)
                if not taken and new not in moved.setdefault(other, []):
                    moved[other].append(new)
    result = BindingsMap()
    for key in (*moved, *kept):
        result.key_to_bindings[key] = [*moved.get(key, []), *kept.get(key, [])]
    return result


def read(path: Path, themes: Mapping[str, object]) -> Settings:
    """The settings in a file; none when there is no file."""
    settings = Settings()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return settings
    except (OSError, ValueError) as error:
        settings.notices.append(f"{path} cannot be read: {error}.  The usual keys and colours are used.")
        return settings
    known = {"keys": None, "tui": ("theme",)}
    for name, table in content.items():
        if name not in known or not isinstance(table, dict):
            settings.notices.append(f"[{name}] means nothing here.  {nearest(name, known)}")
    tui = content.get("tui", {})
    for name, value in tui.items() if isinstance(tui, dict) else ():
        if name != "theme":
            settings.notices.append(f"[tui] has no {name!r}.  {nearest(name, ('theme',))}")
        elif value not in themes:
            settings.notices.append(f"There is no theme {value!r}.  {nearest(str(value), themes)}")
        else:
            settings.theme = value
    keys = content.get("keys", {})
    if isinstance(keys, dict):
        _read_keys(keys, settings)
    return settings


def _read_keys(table: Mapping[str, Any], settings: Settings) -> None:
    """Take the keys that make sense; say what is wrong with the others."""
    known = bindings()
    for name, value in table.items():
        if name not in known:
            settings.notices.append(f"No key is called {name!r}.  {nearest(name, known)}")
            continue
        if not isinstance(value, str):
            settings.notices.append(f"{name}: a key is a text such as {known[name].keys[0]!r}, not {value!r}.")
            continue
        keys = [normal(key.strip()) for key in value.split(",")]
        wrong = [given for given, key in zip(value.split(","), keys, strict=True) if not key]
        if wrong:
            settings.notices.append(
                f"{name}: there is no key {wrong[0].strip()!r}.  Keys are letters, digits, signs, f1, enter, escape, tab, "
                "up …, alone or after ctrl+, shift+, alt+."
            )
            continue
        settings.keys[name] = ",".join(keys)
    settings.notices += conflicts(settings.keys, known)


def conflicts(changed: Mapping[str, str], known: Mapping[str, Known]) -> Iterator[str]:
    """A sentence for each key that does two things in one place, where it did not before."""
    now = {name: tuple(changed[name].split(",")) if name in changed else each.keys for name, each in known.items()}
    for name in changed:
        for other, each in known.items():
            if other == name or (other in changed and other < name):
                continue  # a pair is said once
            same_place = _place(name) == _place(other) or "app" in (_place(name), _place(other))
            for key in now[name]:
                if same_place and key in now[other] and not (key in known[name].keys and key in each.keys):
                    yield f"{key} is {name} ({known[name].help}) and {other} ({each.help}): only one of them will hear it."


def bindings() -> dict[str, Known]:
    """Every binding of the app that has an id, in the order of the ids."""
    import tui

    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        importlib.import_module(module.name)
    found: dict[str, Known] = {}
    for node in _subclasses(DOMNode):
        if not node.__module__.startswith("tui."):
            continue
        for given in node.__dict__.get("BINDINGS", ()):
            if isinstance(given, Binding) and given.id:
                keys = tuple(binding.key for binding in Binding.make_bindings([given]))
                before = found.get(given.id)
                keys = tuple(dict.fromkeys((*before.keys, *keys))) if before else keys  # one id, several bindings
                found[given.id] = Known(id=given.id, keys=keys, help=given.description, where=node.__name__)
    return dict(sorted(found.items()))


def normal(key: str) -> str:
    """A key as Textual names it: "?" is question_mark; empty for what is no key."""
    *modifiers, base = key.split("+") if key != "+" else ["+"]
    if len(base) == 1 or base in _NAMED or (base.isascii() and len(key_to_character(base) or "") == 1):
        if any(modifier not in MODIFIERS for modifier in modifiers):
            return ""
        try:
            return next(iter(Binding.make_bindings([("+".join([*modifiers, base]), "x", "")]))).key
        except BindingError:
            return ""
    return ""


def listing(settings: Settings) -> list[tuple[str, str, str]]:
    """Rows of id, keys as they are now, and help."""
    rows = []
    for known in bindings().values():
        keys = settings.keys[known.id].split(",") if known.id in settings.keys else known.keys
        rows.append((known.id, " ".join(format_key(key) if len(key) > 1 else key for key in keys), known.help))
    return rows


def _place(name: str) -> str:
    return name.partition(".")[0]


def _subclasses(cls: type) -> Iterator[type]:
    each: type
    for each in cls.__subclasses__():
        yield each
        yield from _subclasses(each)
