"""The learning path: every lesson in order, from beginner to advanced, and the modules that name them.  No MLX here."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlxgpt.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A lesson on the path.  Its code is `lessons/NAME.py`, its texts are `lessons/texts/NAME.toml`."""

    name: str
    level: str  # beginner | intermediate | advanced
    modules: tuple[str, ...]
    looks_at: str = "attention"  # or state, which only recurrent models have; empty for what all models have

    def suits(self, block: str) -> bool:
        """Whether the lesson can be given on a model of such blocks."""
        return self.looks_at in ("", "attention" if block == "transformer" else "state")


PATH = (
    Station(name="tokenization_process", level="beginner", modules=("tokenizer",), looks_at=""),
    Station(name="embeddings_explained", level="beginner", modules=("embeddings",), looks_at=""),
    Station(name="attention", level="beginner", modules=("attention",)),
    Station(name="transformer_architecture", level="beginner", modules=("transformer", "model")),
    Station(name="recurrent_memory", level="beginner", modules=("recurrent", "rwkv"), looks_at="state"),
    Station(name="inference_engine", level="intermediate", modules=("inference",), looks_at=""),
    Station(name="gradient_computation", level="intermediate", modules=("gradients",)),
    Station(name="optimization_techniques", level="intermediate", modules=("optimization",)),
    Station(name="training_system", level="intermediate", modules=("training",), looks_at=""),
    Station(name="chunking", level="intermediate", modules=("chunking",), looks_at=""),
    Station(name="memory_management", level="advanced", modules=("memory",)),
    Station(name="kernels", level="advanced", modules=("kernels",)),
    Station(name="benchmarks", level="advanced", modules=("benchmarks",), looks_at=""),
)
MODULES = {word: station for station in PATH for word in (station.name, *station.modules)}


def choose(modules: Sequence[str]) -> tuple[Station, ...]:
    """The lessons that `modules` name, in the order of the path; all for none.  `ConfigError` names the nearest."""
    for word in modules:
        if word not in MODULES:
            raise ConfigError(f"There is no lesson named {word!r}.", hint=nearest(word, MODULES))
    wanted = {MODULES[word].name for word in modules} or {station.name for station in PATH}
    return tuple(station for station in PATH if station.name in wanted)


def after(name: str, block: str = "transformer") -> str:
    """The lesson that follows on the path and suits a model of such blocks; empty after the last."""
    names = [station.name for station in PATH]
    later = PATH[names.index(name) + 1 :]
    return next((station.name for station in later if station.suits(block)), "")
