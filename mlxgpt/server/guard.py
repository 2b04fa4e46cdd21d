"""Who may come in: everything that is decided before a request is looked at.

A server on one's own machine can be called by every web page one looks at.  So a page's requests (they carry `Origin`) are
refused unless the page was named, names of the server that are not this machine's are refused, because a page's owner can
point his own name here ("DNS rebinding"), and bodies must say that they are JSON, which a page cannot without asking.
"""

import asyncio
import hmac
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlxgpt.server.answers import error
from mlxgpt.server.config import LOOPBACK_NAMES, ServeConfig

BODY_SECONDS = 30.0  # a body that takes longer is not waited for


class Guard:
    """The outermost layer: refuses, or lets a request through with its body at most so long."""

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        self._app, self._config = app, config
        self._hosts = {*LOOPBACK_NAMES, *config.allowed_hosts} if config.local or config.allowed_hosts else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if refusal := self._refusal(scope, Headers(scope=scope)):
            await refusal(scope, receive, send)
            return
        body = await self._body(receive) if scope["method"] == "POST" else b""
        if isinstance(body, JSONResponse):
            await body(scope, receive, send)
            return
        given = False

        async def once() -> Message:
            nonlocal given
            if given:
                return await receive()  # what comes now is that the client has left
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, once, send)

    def _refusal(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        if self._hosts is not None and urlsplit(f"//{host}").hostname not in {each.strip("[]") for each in self._hosts}:
            return refuse(403, f"This server is not called {host[:100]!r}.", code="host_not_allowed")
        origin = headers.get("origin")
        if origin is not None and origin not in self._config.cors_origins and urlsplit(origin).netloc != host:
            return refuse(403, f"Pages of {origin[:100]!r} may not call this server.", code="origin_not_allowed")
        if scope["path"] == "/health" or scope["method"] == "OPTIONS":
            return None
        if self._config.api_key and not self._knows_key(headers.get("authorization", "")):
            return refuse(401, "The API key is missing or wrong.", code="invalid_api_key", kind="authentication_error")
        if scope["method"] == "POST":
            if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
                return refuse(415, "The body must be JSON: send Content-Type: application/json.")
            length = headers.get("content-length", "0")
            if not length.isascii() or not length.isdigit() or int(length[:20]) > self._config.max_body_bytes:
                return self._too_large()
        return None

    def _knows_key(self, authorization: str) -> bool:
        """Compared in constant time, so that it cannot be guessed letter by letter."""
        scheme, _, key = authorization.partition(" ")
        wanted = self._config.api_key.encode()
        return scheme.lower() == "bearer" and hmac.compare_digest(key.strip().encode(), wanted)

    async def _body(self, receive: Receive) -> bytes | JSONResponse:
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return refuse(400, "The request was not complete.")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self._config.max_body_bytes:
                        return self._too_large()
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            return refuse(408, "The body did not come in time.")

    def _too_large(self) -> JSONResponse:
        return refuse(
            413, f"The request is larger than {self._config.max_body_bytes:,} bytes.", code="request_too_large"
        )


def refuse(status: int, message: str, **words: Any) -> JSONResponse:  # Any: those of `error`
    """An error as an answer."""
    headers = {"Retry-After": "1"} if status == 429 else {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(error(message, **words), status_code=status, headers=headers)
