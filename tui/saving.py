"""A report as a file: a picture or its numbers, as the ending of the name says."""

import json
from pathlib import Path
from typing import Any

from mlxgpt import whole
from mlxgpt.display import pictures
from mlxgpt.errors import ConfigError
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import plain


def save(report: Any, focus: Focus, name: str) -> Path:  # Any: one of `inspection.reports`
    """Write a report; `ConfigError` for an ending that says nothing."""
    path = Path(name.strip()).expanduser().absolute()
    kind = path.suffix.lower().removeprefix(".")
    match kind:
        case "svg" | "png":
            pictures.save(report, focus, path, kind)
        case "json":
            whole.write_bytes(path, json.dumps(plain(report), ensure_ascii=False).encode())
        case _:
            raise ConfigError(f"{path.name} does not say what to write.", hint="End it in .svg, .png or .json.")
    return path
