"""What a learner asks for.  No MLX here."""

from dataclasses import dataclass

from mlxgpt.config import setting
from mlxgpt.errors import ConfigError, nearest

LANGUAGES = ("pt", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonConfig:
    """Which lessons, in which language, on which model, and how much of what is inside is shown."""

    modules: tuple[str, ...] = setting((), "lessons or modules, in the order of the path; none: all")
    lang: str = setting("pt", "language of the texts: pt or en")
    model: str = setting("nano-pt", "the model that is looked into")
    show_tensors: bool = setting(False, "show the tensors behind each step")
    show_attention_maps: bool = setting(False, "show the attention of every head where a lesson meets attention")
    benchmarks: bool = setting(False, "end with what this machine does in a second")
    seed: int = setting(0, "seed of everything drawn at random")

    def __post_init__(self) -> None:
        if self.lang not in LANGUAGES:
            raise ConfigError(f"lessons: lang = {self.lang!r} is not known.", hint=nearest(self.lang, LANGUAGES))


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrationConfig:
    """How `train`, `generate` and `chat` explain themselves."""

    lang: str = setting("pt", "language of the explanations: pt or en")
    show_tensors: bool = setting(False, "what each layer held, or how each layer learns")
    show_attention: bool = setting(False, "where the model looked")

    def __post_init__(self) -> None:
        if self.lang not in LANGUAGES:
            raise ConfigError(f"lang = {self.lang!r} is not known.", hint=nearest(self.lang, LANGUAGES))
