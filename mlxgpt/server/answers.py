"""What clients get back, in OpenAI's words: whole answers, pieces of a stream, errors.  No MLX here."""

import json
import math
import time
import uuid
from collections import deque
from collections.abc import Sequence
from typing import Any

from mlxgpt import __version__
from mlxgpt.events import GenerationFinished, TokenGenerated
from mlxgpt.tokenizer.base import Tokenizer

Json = dict[str, Any]  # Any: JSON

REASONS = {"eos": "stop", "stop": "stop", "length": "length", "stopped": "stop"}
_OBJECTS = {
    ("completions", False): "text_completion", ("completions", True): "text_completion",
    ("chat", False): "chat.completion", ("chat", True): "chat.completion.chunk",
}  # fmt: skip


class Answer:
    """One answer, or the pieces of one: they share an id, a time and a model."""

    def __init__(self, kind: str, model: str, tokenizer: Tokenizer, *, logprobs: bool) -> None:
        self.kind, self.model, self.tokenizer, self.logprobs = kind, model, tokenizer, logprobs
        self._id = ("chatcmpl-" if kind == "chat" else "cmpl-") + uuid.uuid4().hex
        self._created = int(time.time())

    def body(self, choices: list[Json], usage: Json | None, *, stream: bool) -> Json:
        """The frame around choices."""
        frame = {
            "id": self._id, "object": _OBJECTS[self.kind, stream], "created": self._created, "model": self.model,
            "system_fingerprint": f"mlxgpt-{__version__}", "choices": choices,
        }  # fmt: skip
        return frame if usage is None else frame | {"usage": usage}

    def whole(
        self,
        index: int,
        echo: str,
        tokens: Sequence[TokenGenerated],
        end: GenerationFinished,
        read: Sequence[TokenGenerated] = (),
    ) -> Json:
        """A choice that is complete; `read` are the tokens of the prompt, where it is to be echoed with them."""
        shown = Shown(self.tokenizer)
        tokens = [*read, *(ready for token in tokens for ready in shown.push(token)), *shown.rest(end)]
        text: Json = {"text": echo + end.text}
        if self.kind == "chat":
            text = {"message": {"role": "assistant", "content": end.text}}
        return {"index": index, **text, **self._odds(tokens), "finish_reason": REASONS[end.reason]}

    def opening(self, index: int) -> Json:
        """The first piece of a chat choice: who speaks."""
        return {"index": index, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}

    def piece(self, index: int, text: str, tokens: Sequence[TokenGenerated], end: GenerationFinished | None) -> Json:
        """A piece of a choice; the last one says why it ended."""
        words: Json = {"text": text}
        if self.kind == "chat":
            words = {"delta": {"content": text} if text else {}}
        return {
            "index": index,
            **words,
            **self._odds(tokens),
            "finish_reason": REASONS[end.reason] if end else None,
        }

    def _odds(self, tokens: Sequence[TokenGenerated]) -> Json:
        if not self.logprobs:
            return {"logprobs": None}
        if self.kind == "chat":
            return {"logprobs": {"content": [
                {**self._odd(token.id, token.probability), "top_logprobs": [self._odd(*each) for each in token.alternatives]}
                for token in tokens
            ]}}  # fmt: skip
        offsets, at = [], 0
        for token in tokens:
            offsets.append(at)
            at += len(token.text)
        return {"logprobs": {
            "tokens": [token.token for token in tokens],
            "token_logprobs": [logprob(token.probability) for token in tokens],
            "top_logprobs": [
                None if token.probability is None
                else {self.tokenizer.token_text(i): logprob(p) for i, p in token.alternatives}
                for token in tokens
            ],
            "text_offset": offsets,
        }}  # fmt: skip

    def _odd(self, token: int, probability: float | None) -> Json:
        data = list(self.tokenizer.token_bytes(token))
        return {"token": self.tokenizer.token_text(token), "logprob": logprob(probability), "bytes": data}


class Shown:
    """The tokens of a text whose beginning was shown.  Those behind it wait: a stop text may take them back."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._waiting: deque[tuple[int, TokenGenerated]] = deque()
        self._begin = self._shown = 0  # bytes of tokens, and of text

    def push(self, token: TokenGenerated) -> list[TokenGenerated]:
        """Take in the next token; gives those that can be told of now."""
        self._waiting.append((self._begin, token))
        self._begin += len(self._tokenizer.token_bytes(token.id))
        self._shown += len(token.text.encode())
        ready = []
        while self._waiting and self._waiting[0][0] < self._shown:
            ready.append(self._waiting.popleft()[1])
        return ready

    def rest(self, end: GenerationFinished) -> list[TokenGenerated]:
        """Those that are left at the end: none of a stop text, nor the token that ends a text."""
        if end.reason == "stop":
            return []
        left = [token for _, token in self._waiting]
        return left[:-1] if end.reason == "eos" else left


def logprob(probability: float | None) -> float | None:
    """Its logarithm; -9999 for what float32 knows as impossible, as OpenAI does; None for what is not known."""
    if probability is None:
        return None
    return math.log(probability) if probability else -9999.0


def usage(prompt_tokens: int, completion_tokens: int) -> Json:
    """What was read and written."""
    return {
        "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }  # fmt: skip


def error(
    message: str, *, kind: str = "invalid_request_error", code: str | None = None, param: str | None = None
) -> Json:
    """An error as OpenAI's clients read it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def sse(value: Any, event: str = "") -> bytes:  # Any: JSON
    """A server-sent event."""
    return (f"event: {event}\n" if event else "").encode() + b"data: " + json.dumps(value).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
