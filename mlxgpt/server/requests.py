"""What clients ask for, in OpenAI's words, checked and turned into ours.  No MLX here.

Fields that would change the answer and that we cannot honour are refused rather than overlooked; those that do not are
listed in `OVERLOOKED`.  https://platform.openai.com/docs/api-reference
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlxgpt.errors import DataError, nearest
from mlxgpt.generation.config import GenerateConfig, read

Json = Mapping[str, Any]  # Any: JSON

SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "repetition_window", "seed")
COMMON = ("model", "n", "stream", "stream_options", "stop", "max_tokens", "logprobs", *SAMPLING)
KNOWN = {
    "completions": (*COMMON, "prompt", "echo"),
    "chat": (*COMMON, "messages", "max_completion_tokens", "top_logprobs"),
    "embeddings": ("model", "input", "encoding_format"),
}
OVERLOOKED = (
    "user",
    "store",
    "metadata",
    "service_tier",
    "prompt_cache_key",
    "safety_identifier",
    "parallel_tool_calls",
)
# What we cannot do, and the values that do not ask for it.
NEUTRAL: dict[str, tuple[Any, ...]] = {  # Any: JSON
    "frequency_penalty": (0,), "presence_penalty": (0,), "logit_bias": ({},), "best_of": (1,), "suffix": ("",),
    "tools": ([],), "tool_choice": ("none", "auto"), "functions": ([],), "response_format": ({"type": "text"},),
    "modalities": (["text"],), "dimensions": (),
}  # fmt: skip
MOST_CHOICES, MOST_PROMPTS, MOST_STOPS, MOST_LOGPROBS = 16, 64, 16, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for texts; `prompts` are texts or ids, or `messages` is a conversation."""

    kind: str  # completions | chat
    prompts: tuple[str | tuple[int, ...], ...]
    messages: tuple[Any, ...]  # Any: checked by the chat form
    n: int
    stream: bool
    include_usage: bool
    echo: bool
    logprobs: bool
    max_tokens: int | None
    config: GenerateConfig


def asked(kind: str, body: Json, most_tokens: int) -> Asked:
    """The request in a body; `DataError` or `ConfigError` says what is wrong with it."""
    check_fields(kind, body)
    logprobs, alternatives = _logprobs(kind, body)
    settings = {name: body[name] for name in SAMPLING if body.get(name) is not None}
    for name in ("temperature", "top_p", "min_p", "repetition_penalty"):
        if isinstance(settings.get(name), int) and not isinstance(settings[name], bool):
            settings[name] = float(settings[name])
    if isinstance(settings.get("seed"), int):
        settings["seed"] %= 2**32
    stop = [] if body.get("stop") is None else body["stop"]
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or not all(isinstance(each, str) for each in stop) or len(stop) > MOST_STOPS:
        raise DataError(f"stop is a text, or a list of at most {MOST_STOPS}.")
    wanted = body.get("max_completion_tokens", body.get("max_tokens"))
    max_tokens = 16 if wanted is None and kind == "completions" else wanted
    judging = logprobs and flag(body, "echo") and max_tokens == 0  # of a prompt; nothing is written
    if max_tokens is not None and not judging:
        number(max_tokens, "max_tokens", most_tokens, "; serve --max-tokens sets the most")
    stream_options = {} if body.get("stream_options") is None else body["stream_options"]
    if not isinstance(stream_options, dict):
        raise DataError("stream_options is not an object.")
    return Asked(
        kind=kind,
        prompts=() if kind == "chat" else texts(body.get("prompt", ""), "prompt"),
        messages=_messages(body) if kind == "chat" else (),
        n=number(1 if body.get("n") is None else body["n"], "n", MOST_CHOICES),
        stream=flag(body, "stream"),
        include_usage=flag(stream_options, "include_usage"),
        echo=flag(body, "echo"),
        logprobs=logprobs,
        max_tokens=max_tokens,
        config=read(
            settings
            | {
                "stop": tuple(stop),
                "max_tokens": max_tokens or None,
                "alternatives": alternatives,
                "show_tokens": logprobs,
            },
            where="request",
        ),
    )


def check_fields(kind: str, body: Json) -> None:
    """`DataError` for a field that is not known, or that asks for what we cannot do."""
    for name, value in body.items():
        if name in NEUTRAL:
            if value is not None and value not in NEUTRAL[name]:
                raise DataError(f"{name} is not supported.", hint="Leave it out.")
        elif name not in KNOWN[kind] and name not in OVERLOOKED:
            raise DataError(f"There is no field {name!r}.", hint=nearest(name, KNOWN[kind]))


def texts(value: Any, name: str) -> tuple[str | tuple[int, ...], ...]:  # Any: JSON
    """One or several prompts, each a text or ids."""
    match value:
        case str():
            found: list[Any] = [value]
        case [int(), *_]:
            found = [value]
        case list():
            found = value
        case _:
            found = []
    if not 1 <= len(found) <= MOST_PROMPTS:
        raise DataError(f"{name} is a text, a list of ids, or a list of at most {MOST_PROMPTS} of them.")
    for each in found:
        ids = isinstance(each, list) and each and all(type(token) is int and abs(token) < 2**31 for token in each)
        if not isinstance(each, str) and not ids:
            raise DataError(f"{name} has something in it that is neither a text nor a list of ids.")
    return tuple(each if isinstance(each, str) else tuple(each) for each in found)


def number(value: Any, name: str, most: int = 1_000_000, why: str = "") -> int:  # Any: JSON
    """A whole number from 1."""
    if type(value) is not int or not 1 <= value <= most:
        raise DataError(f"{name} is a whole number from 1 to {most:,}{why}.")
    return value


def flag(body: Json, name: str) -> bool:
    """true or false; false when it is not there."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise DataError(f"{name} is true or false.")
    return bool(value)


def _logprobs(kind: str, body: Json) -> tuple[bool, int]:
    """Whether log probabilities are wanted, and of how many other tokens."""
    if kind == "chat":
        top, wanted = body.get("top_logprobs") or 0, flag(body, "logprobs")
        if top and not wanted:
            raise DataError("top_logprobs needs logprobs: true.")
    else:
        value = body.get("logprobs")
        top, wanted = value or 0, value is not None and value is not False
        if wanted and body.get("echo") and body.get("stream"):
            raise DataError("echo with logprobs is not streamed.", hint="Leave stream out.")
    if type(top) is not int or not 0 <= top <= MOST_LOGPROBS:
        raise DataError(f"Log probabilities are given of 0 to {MOST_LOGPROBS} other tokens.")
    return wanted, top


def _messages(body: Json) -> tuple[Any, ...]:  # Any: checked by the chat form
    """The conversation; content in parts is joined where all parts are texts."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
        raise DataError("messages is a list of messages.", hint='[{"role": "user", "content": "…"}]')
    plain = []
    for turn, message in enumerate(messages, start=1):
        role, content = message.get("role"), message.get("content")
        if isinstance(content, list):
            if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
                raise DataError(f"Message {turn} has parts that are not texts.")
            content = "".join(part["text"] for part in content)
        plain.append({"role": "system" if role == "developer" else role, "content": content})
    return tuple(plain)
