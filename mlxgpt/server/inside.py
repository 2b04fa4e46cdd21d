"""A look inside over HTTP: the reports of `inspection` as JSON, and texts cut into chunks."""

import asyncio
import json
from typing import Any

from mlxgpt.chunking import registry as chunkers
from mlxgpt.errors import DataError, nearest
from mlxgpt.inspection.reports import plain
from mlxgpt.server.answers import Json
from mlxgpt.server.requests import flag, number
from mlxgpt.server.service import Service

FIELDS = {
    "tokens": ("model", "text", "top", "cut"),
    "attention": ("model", "text", "cut"),
    "lens": ("model", "text", "top", "cut"),
    "chunk": ("model", "text", "strategy", "options"),
}
MOST_ALTERNATIVES, MOST_ATTENTION = 50, 128  # 128 tokens are half a million weights in a model of 30 heads


async def look(service: Service, kind: str, body: Json) -> bytes:
    """The report of a kind on the text in a body, as JSON; it may be long, so it is written out in another thread."""
    report = await _look(service, kind, body)
    return await asyncio.to_thread(lambda: json.dumps(plain(report)).encode())


async def _look(service: Service, kind: str, body: Json) -> Any:  # Any: a report, or JSON
    if kind not in FIELDS:
        raise DataError(f"There is no report {kind!r}.", hint=nearest(kind, FIELDS))
    for name in body:
        if name not in FIELDS[kind]:
            raise DataError(f"There is no field {name!r}.", hint=nearest(name, FIELDS[kind]))
    text = body.get("text")
    if not isinstance(text, str):
        raise DataError("text is missing, or not a text.")
    if kind == "chunk":
        return await asyncio.to_thread(_chunk, service, text, body)
    cut, top = flag(body, "cut"), number(body.get("top", 5), "top", MOST_ALTERNATIVES)
    match kind:
        case "tokens":
            return await service.inspect(lambda model: model.tokens(text, top=top, cut=cut))
        case "lens":
            return await service.inspect(lambda model: model.lens(text, top=top, cut=cut))
        case _:
            length = len(service.tokenizer.encode(text))
            if length > MOST_ATTENTION:
                raise DataError(f"Attention is shown for at most {MOST_ATTENTION} tokens; the text has {length:,}.")
            return await service.inspect(lambda model: model.attention(text, cut=cut))


def _chunk(service: Service, text: str, body: Json) -> Json:
    """The chunks of a text, by any strategy; no MLX."""
    options = {} if body.get("options") is None else body["options"]
    if not isinstance(options, dict):
        raise DataError("options is not an object.")
    strategy = str(body.get("strategy") or "recursive")
    chunks = chunkers.create(strategy, **options).split(text, service.tokenizer)
    return {"strategy": strategy, "chunks": [
        {"text": chunk.text, "start": chunk.start, "end": chunk.end, "n_tokens": chunk.n_tokens} for chunk in chunks
    ]}  # fmt: skip
