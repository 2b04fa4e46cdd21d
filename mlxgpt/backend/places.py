"""Where things live: what mlxgpt ships (corpus, presets, small model) and what it writes (runs).

In a checkout everything sits beside the package, as in the README's tree.  Installed from a wheel, the shipped files
are in `mlxgpt/_bundled`, and runs go to the data folder of the platform.  `MLXGPT_HOME` moves what is written, in both
cases.
"""

import os
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def checkout() -> Path | None:
    """The repository this package runs from; None when it was installed from a wheel."""
    root = _PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "models").is_dir() else None


def shipped() -> Path:
    """The folder that holds the shipped `data/` and `models/`."""
    return checkout() or _PACKAGE / "_bundled"


def corpus() -> Path:
    """The bundled Portuguese corpus, one text file."""
    return shipped() / "data" / "corpus_pt_br.txt"


def models() -> Path:
    """The folder of shipped models, each a model directory."""
    return shipped() / "models"


def presets() -> Path:
    """The folder of model presets, one TOML file each."""
    return models() / "presets"


def shipped_model() -> Path:
    """The small model that `mlxgpt chat` talks to before anything was trained."""
    return models() / "nano-pt"


def runs() -> Path:
    """Where training writes: `$MLXGPT_HOME/runs`, else `models/runs` of a writable checkout, else the data folder.

    The folder may not exist yet; who writes makes it.
    """
    if home := os.environ.get("MLXGPT_HOME"):
        return Path(home).expanduser().absolute() / "runs"
    root = checkout()
    if root and os.access(root / "models", os.W_OK):
        return root / "models" / "runs"
    return user_data() / "runs"


def imported() -> Path:
    """Where `mlxgpt import` writes, beside the runs.  The folder may not exist yet; who writes makes it."""
    return runs().with_name("imported")


def caches() -> Path:
    """What can be made again: `$MLXGPT_HOME/cache`, else the platform's folder for caches.  It may not exist yet."""
    if home := os.environ.get("MLXGPT_HOME"):
        return Path(home).expanduser().absolute() / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mlxgpt"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlxgpt"


def user_data() -> Path:
    """The folder this platform gives to a program for a user's data."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "mlxgpt"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "mlxgpt"


def progress() -> Path:
    """What a learner has done so far: `$MLXGPT_HOME/lessons.json`, else in the platform's data folder."""
    home = os.environ.get("MLXGPT_HOME")
    return (Path(home).expanduser().absolute() if home else user_data()) / "lessons.json"


def database() -> Path:
    """Where the app keeps its conversations: `$MLXGPT_HOME/mlxgpt.db`, else in the platform's data folder."""
    home = os.environ.get("MLXGPT_HOME")
    return (Path(home).expanduser().absolute() if home else user_data()) / "mlxgpt.db"


def settings() -> Path:
    """What the user set, keys and theme: `$MLXGPT_HOME/config.toml`, else in the platform's folder for settings."""
    if home := os.environ.get("MLXGPT_HOME"):
        return Path(home).expanduser().absolute() / "config.toml"
    if sys.platform == "darwin":
        return user_data() / "config.toml"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "mlxgpt" / "config.toml"
