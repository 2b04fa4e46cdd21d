"""The HTTP interface: OpenAI's completions, chat and embeddings, and a look inside.

GET  /health   /v1/models   /v1/runs   /v1/runs/{name}/events
POST /v1/completions   /v1/chat/completions   /v1/embeddings   /v1/inspect/{tokens,attention,lens,chunk}
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mlxgpt.errors import CheckpointError, DataError, MissingExtra, MlxgptError, describe
from mlxgpt.events import GenerationFinished, TokenGenerated
from mlxgpt.generation.embed import embed
from mlxgpt.generation.judge import judge
from mlxgpt.server import inside, requests, watching
from mlxgpt.server.answers import DONE, Answer, Json, Shown, sse, usage
from mlxgpt.server.config import ServeConfig
from mlxgpt.server.guard import Guard, refuse
from mlxgpt.server.requests import Asked
from mlxgpt.server.service import Busy, Service, Stream
from mlxgpt.tokenizer.base import begin_id
from mlxgpt.tokenizer.chat import ROLES, chat_ids

Written = tuple[list[TokenGenerated], GenerationFinished]
NOTHING = GenerationFinished(
    reason="length", text="", tokens=0, tokens_per_second=0.0, seconds_to_first_token=0.0, seed=0
)  # of a request that only has its prompt judged
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def build(service: Service, config: ServeConfig) -> Starlette:
    """The application for a service."""
    api = Api(service, config)
    paths: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("GET", "/health", api.health),
        ("GET", "/v1/models", api.models),
        ("GET", "/v1/models/{name:path}", api.model),
        ("POST", "/v1/completions", api.completions),
        ("POST", "/v1/chat/completions", api.chat),
        ("POST", "/v1/embeddings", api.embeddings),
        ("POST", "/v1/inspect/{kind}", api.inspect),
        ("GET", "/v1/runs", watching.list_runs),
        ("GET", "/v1/runs/{name}/events", watching.events),
    ]
    middleware = [Middleware(Guard, config=config)]
    if config.cors_origins:
        middleware.append(Middleware(
            CORSMiddleware, allow_origins=config.cors_origins, allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        ))  # fmt: skip
    return Starlette(
        routes=[Route(path, handler, methods=[method]) for method, path, handler in paths],
        middleware=middleware,
        exception_handlers={MlxgptError: _problem, HTTPException: _http, Exception: _problem},
    )


class Api:
    """The answers that need the model."""

    def __init__(self, service: Service, config: ServeConfig) -> None:
        self.service, self.config = service, config

    # ---- texts -------------------------------------------------------------------------------------------------------

    async def completions(self, request: Request) -> Response:
        body = await self._read(request)
        asked = requests.asked("completions", body, self.config.max_tokens)
        prompts = [self._ids(prompt) for prompt in asked.prompts]
        return await self._answer(request, asked, prompts, self.service.tokenizer.stop_ids)

    async def chat(self, request: Request) -> Response:
        body, tokenizer = await self._read(request), self.service.tokenizer
        if not self.service.chats:
            raise DataError(
                f"{self.service.name} was only trained on texts and cannot answer.", hint="POST to /v1/completions."
            )
        asked = requests.asked("chat", body, self.config.max_tokens)
        roles = {token for token in map(tokenizer.id_of, ROLES.values()) if token is not None}
        return await self._answer(request, asked, [chat_ids(tokenizer, asked.messages)], tokenizer.stop_ids | roles)

    async def _answer(
        self, request: Request, asked: Asked, prompts: list[list[int]], stop_ids: frozenset[int]
    ) -> Response:
        shape = self.service.model.config
        context = shape.context_length
        for ids in prompts:
            if len(ids) > context and not shape.recurrent:
                return refuse(
                    400, f"The prompt has {len(ids):,} tokens, and the model sees {context:,}.",
                    code="context_length_exceeded",
                )  # fmt: skip
        texts = []
        for ids in prompts:
            tokens = (
                asked.config.max_tokens if asked.max_tokens else max(1, min(self.config.max_tokens, context - len(ids)))
            )
            for i in range(asked.n):
                seed = asked.config.sampling.seed
                own = {} if seed is None else {"seed": (seed + i) % 2**32}
                texts.append((ids, asked.config.with_(max_tokens=tokens, **own)))
        read_tokens = await self._read_tokens(asked, prompts)
        streams = self.service.write([] if asked.max_tokens == 0 else texts, stop_ids)
        answer = Answer(asked.kind, self.service.name, self.service.tokenizer, logprobs=asked.logprobs)
        echoes = [self._echo(asked, number // asked.n) for number in range(len(texts))]
        read = sum(map(len, prompts))
        if asked.stream:
            pieces = self._stream(request, asked, answer, streams, echoes, read)
            return StreamingResponse(pieces, media_type="text/event-stream", headers=STREAM_HEADERS)
        collected = await while_there(request, streams)
        if collected is None:
            return Response(status_code=499)  # nobody will read it
        if asked.max_tokens == 0:
            collected = [([], NOTHING)] * len(texts)
        choices = [
            answer.whole(index, echoes[index], tokens, end, read_tokens[index // asked.n])
            for index, (tokens, end) in enumerate(collected)
        ]  # fmt: skip
        return JSONResponse(
            answer.body(choices, usage(read, sum(end.tokens for _, end in collected)), stream=False)
        )  # fmt: skip

    async def _stream(
        self, request: Request, asked: Asked, answer: Answer, streams: list[Stream], echoes: list[str], read: int
    ) -> AsyncIterator[bytes]:
        """The pieces of all choices as they come; closing it, as when the client leaves, ends the writing."""

        def piece(*choices: Json) -> bytes:
            return sse(answer.body(list(choices), None, stream=True))

        written = 0
        merged: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()  # Any: an event, or what went wrong
        leaving = asyncio.create_task(gone(request))
        leaving.add_done_callback(lambda _: merged.put_nowait((0, None)))
        pumps = [asyncio.create_task(_pump(index, stream, merged)) for index, stream in enumerate(streams)]
        try:
            for index, echo in enumerate(echoes):
                if asked.kind == "chat":
                    yield piece(answer.opening(index))
                elif echo:
                    yield piece(answer.piece(index, echo, [], None))
            shown = [Shown(self.service.tokenizer) for _ in streams]
            left = len(streams)
            while left:
                index, event = await merged.get()
                match event:
                    case TokenGenerated():
                        tokens = shown[index].push(event)
                        if event.text:
                            yield piece(answer.piece(index, event.text, tokens, None))
                    case GenerationFinished():
                        left -= 1
                        written += event.tokens
                        yield piece(answer.piece(index, "", shown[index].rest(event), event))
                    case None:
                        return
                    case BaseException():
                        yield sse(_error_body(event))
                        return
            if asked.include_usage:
                yield sse(answer.body([], usage(read, written), stream=True))
            yield DONE
        finally:
            for task in (leaving, *pumps):
                task.cancel()
            for stream in streams:
                stream.close()

    def _ids(self, prompt: str | tuple[int, ...]) -> list[int]:
        """A text as the beginning of a document, or ids as they are."""
        if not isinstance(prompt, str):
            return list(prompt)
        begin = begin_id(self.service.tokenizer)
        return [*([] if begin is None else [begin]), *self.service.tokenizer.encode(prompt)]

    async def _read_tokens(self, asked: Asked, prompts: list[list[int]]) -> list[list[TokenGenerated]]:
        """The tokens of each prompt with what the model gave them, where they are to be echoed.

        The one that a text begins after is not of the prompt.
        """
        if not (asked.echo and asked.logprobs):
            return [[] for _ in prompts]
        judged = [
            await self.service.call(partial(judge, ids=ids, alternatives=asked.config.alternatives)) for ids in prompts
        ]
        begun = begin_id(self.service.tokenizer) is not None
        return [
            tokens[1:] if begun and isinstance(given, str) else tokens
            for given, tokens in zip(asked.prompts, judged, strict=True)
        ]

    def _echo(self, asked: Asked, number: int) -> str:
        prompt = asked.prompts[number] if asked.echo else ""
        return prompt if isinstance(prompt, str) else self.service.tokenizer.decode(prompt)

    # ---- the rest ----------------------------------------------------------------------------------------------------

    async def health(self, request: Request) -> Response:
        active, kept = self.service.memory
        return JSONResponse({
            "status": "ok", "model": self.service.name, "texts": self.service.waiting, "active_bytes": active,
            "kept_bytes": kept,
        })  # fmt: skip

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        self._check_model(request.path_params["name"])
        return JSONResponse(self._model())

    async def embeddings(self, request: Request) -> Response:
        body = await self._read(request)
        requests.check_fields("embeddings", body)
        kind = body.get("encoding_format") or "float"
        if kind not in ("float", "base64"):
            raise DataError("encoding_format is float or base64.")
        rows = [self._ids(text) for text in requests.texts(body.get("input"), "input")]
        vectors = await self.service.call(lambda model, tokenizer: embed(model, tokenizer, rows))
        read = sum(map(len, rows))
        data = [
            {"object": "embedding", "index": index,
             "embedding": vector.tolist() if kind == "float" else base64.b64encode(vector.tobytes()).decode()}
            for index, vector in enumerate(vectors)
        ]  # fmt: skip
        return JSONResponse({
            "object": "list", "model": self.service.name, "data": data,
            "usage": {"prompt_tokens": read, "total_tokens": read},
        })  # fmt: skip

    async def inspect(self, request: Request) -> Response:
        report = await inside.look(self.service, request.path_params["kind"], await self._read(request))
        return Response(report, media_type="application/json")

    async def _read(self, request: Request) -> Json:
        """The object in a body, for the model that is served."""
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError) as error:
            raise DataError(f"The body is not JSON: {error}.") from None
        if not isinstance(body, dict):
            raise DataError("The body is not a JSON object.")
        if body.get("model") is not None:
            self._check_model(body["model"])
        return body

    def _check_model(self, name: object) -> None:
        if name != self.service.name:
            raise CheckpointError(
                f"There is no model {str(name)[:100]!r} here.", hint=f"Ask for {self.service.name!r}."
            )

    def _model(self) -> Json:
        service = self.service
        return {
            "id": service.name, "object": "model", "created": service.modified, "owned_by": "mlxgpt",
            "context_length": service.model.config.context_length, "chat": service.chats,
        }  # fmt: skip


async def _collect(stream: Stream) -> Written:
    """All tokens of a text, and its end."""
    tokens = []
    async for event in stream:
        if isinstance(event, TokenGenerated):
            tokens.append(event)
        elif isinstance(event, GenerationFinished):
            return tokens, event
    raise RuntimeError("a text ended without saying so")


async def _pump(index: int, stream: Stream, merged: "asyncio.Queue[tuple[int, Any]]") -> None:
    try:
        async for event in stream:
            merged.put_nowait((index, event))
    except Exception as error:
        merged.put_nowait((index, error))


async def gone(request: Request) -> None:
    """Waits until the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def while_there(request: Request, streams: list[Stream]) -> list[Written] | None:
    """All texts, or None when the client leaves before; then nothing is written on."""

    async def everything() -> list[Written]:
        return await asyncio.gather(*map(_collect, streams))

    work, leaving = asyncio.create_task(everything()), asyncio.create_task(gone(request))
    try:
        await asyncio.wait([work, leaving], return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else None
    finally:
        work.cancel()
        leaving.cancel()
        for stream in streams:
            stream.close()
        await asyncio.gather(work, leaving, return_exceptions=True)


# ---- what went wrong -------------------------------------------------------------------------------------------------


def _problem(request: Request, error: Exception) -> Response:
    if isinstance(error, Busy):
        return refuse(429, f"{error.message} {error.hint}", kind="rate_limit_error", code="queue_full")
    if isinstance(error, CheckpointError):
        return refuse(404, f"{error.message} {error.hint}".strip(), code="model_not_found")
    if isinstance(error, MlxgptError) and not isinstance(error, MissingExtra):
        return refuse(400, f"{error.message} {error.hint}".strip())
    return JSONResponse(_error_body(error), status_code=500)


def _error_body(error: BaseException) -> Json:
    problem = describe(error)
    return {"error": {"message": problem.message, "type": "server_error", "param": None, "code": None}}


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, f"{error.detail}: {request.method} {request.url.path[:100]}")
