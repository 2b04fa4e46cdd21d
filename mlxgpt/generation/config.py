"""How text is drawn from a model: what is asked for, and within which ranges.  No MLX here.

`RANGES` is the one table of allowed values; the checks, the slash commands and the forms read it.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from mlxgpt.config import Settings, build, setting
from mlxgpt.errors import ConfigError, nearest

KV_BITS = (0, 8, 4)
OVERFLOWS = ("auto", "rotating", "chunked")

# Lowest and highest value of each number, and what "off" is where there is one.
RANGES: dict[str, tuple[float, float, str]] = {
    "temperature": (0.0, 10.0, "0 is greedy"),
    "top_k": (0, 1_000_000, "0 is off"),
    "top_p": (0.0, 1.0, "0 or 1 is off"),
    "min_p": (0.0, 1.0, "0 is off"),
    "repetition_penalty": (0.1, 10.0, "1 is off"),
    "repetition_window": (1, 65_536, ""),
    "seed": (0, 2**32 - 1, ""),
    "max_tokens": (1, 1_000_000, ""),
    "sink_tokens": (0, 1024, ""),
    "prefill_tokens": (1, 65_536, ""),
    "alternatives": (0, 100, "0 is off"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingConfig:
    """How one token is chosen from the model's scores; see `sampling` for the order and the formulas."""

    temperature: float = setting(0.8, "scores are divided by this: below 1 safer, above 1 wilder; 0: always the best")
    top_k: int = setting(0, "only the k best tokens stay; 0: off")
    top_p: float = setting(0.95, "only the best tokens that hold this share of probability together stay; 0 or 1: off")
    min_p: float = setting(0.0, "only tokens at least this share as likely as the best stay; 0: off")
    repetition_penalty: float = setting(1.0, "scores of recent tokens are lowered by this factor; 1: off")
    repetition_window: int = setting(64, "how many recent tokens the repetition penalty looks at")
    seed: int | None = setting(None, "the same seed gives the same text; not given: another one each time")

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateConfig:
    """What to write: how much, until what, drawn how, and what to do when the context is full; see `window`."""

    max_tokens: int = setting(200, "most tokens to write")
    stop: tuple[str, ...] = setting((), "writing ends before any of these texts")
    sampling: SamplingConfig = field(default_factory=SamplingConfig, metadata={"doc": "how each token is chosen"})
    overflow: str = setting(
        "auto", "when the context is full: rotating, chunked, or auto, the one that suits the model"
    )
    sink_tokens: int = setting(4, "first tokens of the text that a full context never forgets")
    kv_bits: int = setting(0, "bits of each number in the cache of keys and values: 8 or 4; 0: as they are computed")
    prefill_tokens: int = setting(512, "tokens of the prompt that go through the model at once")
    show_tokens: bool = setting(False, "report the probability and rank of each token")
    alternatives: int = setting(0, "so many of the likeliest tokens are reported beside each")

    def __post_init__(self) -> None:
        _check(self)
        if self.overflow not in OVERFLOWS:
            raise ConfigError(f"overflow = {self.overflow!r} is not known.", hint=nearest(self.overflow, OVERFLOWS))
        if self.kv_bits not in KV_BITS:
            raise ConfigError(f"kv_bits = {self.kv_bits} cannot be had.", hint="It may be 8 or 4; 0 is off.")
        if self.kv_bits and self.overflow == "rotating":
            raise ConfigError(
                "A cache of few bits does not rotate.",
                hint="Choose overflow 'chunked' or 'auto', or leave kv_bits out.",
            )
        if "" in self.stop:
            raise ConfigError("stop: an empty text stops everything.", hint="Leave it out, or give it a character.")

    @property
    def judges(self) -> bool:
        """Whether anything is said of a token beside its text."""
        return self.show_tokens or self.alternatives > 0

    def with_(self, **changes: Any) -> "GenerateConfig":  # Any: each field's own type
        """A copy with some fields changed, those of `sampling` too: `config.with_(temperature=0.0, max_tokens=9)`."""
        own, sampling = _split(changes)
        if sampling:
            own["sampling"] = dataclasses.replace(own.get("sampling", self.sampling), **sampling)
        return dataclasses.replace(self, **own)


def read(*layers: Settings, where: str = "generation") -> GenerateConfig:
    """A config from flat settings, later layers first: `read({"temperature": 0.5, "max_tokens": 100})`."""
    own: dict[str, Any] = {}
    sampling: dict[str, Any] = {}
    known = {each.name for each in (*dataclasses.fields(GenerateConfig), *dataclasses.fields(SamplingConfig))} - {
        "sampling"
    }
    for layer in layers:
        for key in layer:
            if key not in known:
                raise ConfigError(f"{where}: there is no setting named {key!r}.", hint=nearest(key, known))
        mine, drawn = _split(layer)
        own |= {key: value for key, value in mine.items() if value is not None}
        sampling |= {key: value for key, value in drawn.items() if value is not None}
    config = build(GenerateConfig, own, where=where)
    return dataclasses.replace(config, sampling=build(SamplingConfig, sampling, where=where))


def allowed(name: str) -> str:
    """The range of a setting in words: "from 0 to 10; 0 is greedy"."""
    low, high, off = RANGES[name]
    return f"from {_number(low)} to {_number(high)}" + (f"; {off}" if off else "")


def _number(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) and value == int(value) else f"{value:g}"


def _check(config: SamplingConfig | GenerateConfig) -> None:
    """Raise `ConfigError` for a number outside its range."""
    for name in (each.name for each in dataclasses.fields(config)):
        value = getattr(config, name)
        if name not in RANGES or value is None:
            continue
        low, high, _ = RANGES[name]
        if math.isnan(value) or not low <= value <= high:
            raise ConfigError(f"{name} = {_number(value)} is out of range.", hint=f"It may be {allowed(name)}.")


def _split(settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of `GenerateConfig`, and those of its `sampling`."""
    inner = {each.name for each in dataclasses.fields(SamplingConfig)}
    own = {key: value for key, value in settings.items() if key not in inner}
    return own, {key: value for key, value in settings.items() if key in inner}
