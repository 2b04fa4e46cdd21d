"""The full-screen app in a browser: textual-serve runs it, one process a tab, behind a page of our own.

Whoever can type into the app can read and write files as its user.  So the address holds a secret path, websockets are
opened for no page but ours (a foreign page carries another `Origin`), the page loads nothing from elsewhere, and only this
machine is listened to unless somebody asks for more.
"""

import asyncio
import hmac
import html
import logging
import secrets
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlxgpt.config import setting
from mlxgpt.errors import ConfigError, MissingExtra
from mlxgpt.server.config import LOOPBACK_NAMES, is_local

END_SECONDS = 5.0  # for an app to end by itself
MOST_TABS = 4  # each holds a model of its own
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the path is the secret
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """Where the app can be reached, under which secret path, and the command that runs it."""

    command: str = setting("", "what a tab runs, for a shell")
    host: str = setting("127.0.0.1", "the address to listen at")
    port: int = setting(8000, "the port; 0 takes a free one")
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16), metadata={"doc": "the secret path"})

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"There is no port {self.port}.", hint="Ports are 0 to 65535; 0 takes a free one.")

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_local(self.host)


def make_app(config: WebConfig) -> Any:  # Any: an aiohttp application, of the extra `web`
    """The web application; `MissingExtra` without textual-serve."""
    try:
        import textual_serve.server
        from aiohttp import web
        from textual_serve.app_service import AppService
    except ImportError:
        raise MissingExtra("The app in a browser needs textual-serve.", hint="pip install 'mlxgpt[web]'") from None

    inner = textual_serve.server.Server(config.command, title="mlxgpt")
    sockets: set[web.WebSocketResponse] = set()
    tabs = 0

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:  # Any: aiohttp's handler
        """Who may come in; a wrong path is a page that is not there."""
        if refusal := refused(request.headers, request.path, config, websocket=request.path.endswith("/ws")):
            return web.Response(status=refusal[0], text=refusal[1], headers=HEADERS)
        response: web.StreamResponse = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def index(request: web.Request) -> web.Response:
        size = request.query.get("fontsize", "16")
        size = size if size.isdecimal() and 6 <= int(size) <= 40 else "16"
        address = f"ws://{request.host}/{config.token}/ws"
        return web.Response(text=page(address, size), content_type="text/html")

    async def websocket(request: web.Request) -> web.StreamResponse:
        nonlocal tabs
        if tabs >= MOST_TABS:
            return web.Response(status=503, text=f"{MOST_TABS} tabs are open already: close one of them.")
        tabs += 1
        socket = web.WebSocketResponse(heartbeat=15, max_msg_size=1 << 20)

        async def close() -> None:
            await socket.close()

        try:
            await socket.prepare(request)
            tab = AppService(
                f"exec {config.command}", write_bytes=socket.send_bytes, write_str=socket.send_str, close=close,
                download_manager=inner.download_manager,
            )  # fmt: skip
            size = (request.query.get(name, "") for name in ("width", "height"))
            await tab.start(*(min(int(each), 1000) if each.isdecimal() else 80 for each in size))
            sockets.add(socket)
            try:
                await inner._process_messages(socket, tab)
            finally:
                sockets.discard(socket)
                await end(tab)
            return socket
        finally:
            tabs -= 1

    async def close_all(_: web.Application) -> None:
        for socket in list(sockets):
            await socket.close()

    app = web.Application(middlewares=[guard])
    app.on_shutdown.append(close_all)
    base = f"/{config.token}"
    app.add_routes(
        [
            web.get(f"{base}/", index),
            web.get(f"{base}/ws", websocket),
            web.static(f"{base}/static", Path(str(files("textual_serve").joinpath("static")))),
        ]
    )
    return app


async def end(tab: Any) -> None:  # Any: an AppService of textual-serve
    """Ask a tab's app to end, and see to it."""
    process = tab._process
    try:
        await asyncio.wait_for(tab.stop(), END_SECONDS)
        await asyncio.wait_for(process.wait(), END_SECONDS)
    except (TimeoutError, OSError):
        pass
    finally:  # also when the server ends meanwhile
        if process.returncode is None:
            process.kill()
            await process.wait()
        process._transport.close()  # its pipes too: asyncio leaves those open that were not read to their end


def refused(headers: Any, path: str, config: WebConfig, *, websocket: bool) -> tuple[int, str] | None:  # Any: a mapping
    """Status and reason for what may not come in; None for what may."""
    given = path.split("/", 2)[1] if path.startswith("/") else ""
    if not hmac.compare_digest(given.encode(), config.token.encode()):
        return 404, "Not found"
    host = headers.get("Host", "")
    if config.local and urlsplit(f"//{host}").hostname not in {name.strip("[]") for name in LOOPBACK_NAMES}:
        return 403, "This server has another name."  # "DNS rebinding": a page's owner points his own name here
    origin = headers.get("Origin")
    if origin is None and websocket:
        return 403, "Only the page of this server may open this."
    if origin is not None and (urlsplit(origin).scheme not in ("http", "https") or urlsplit(origin).netloc != host):
        return 403, "Another page may not open this."
    return None


async def serve(config: WebConfig, listener: Any, stop: asyncio.Event) -> None:  # Any: a socket
    """Serve at a socket until `stop` is set; then every tab's app is ended."""
    app = make_app(config)
    from aiohttp import web

    logging.getLogger("textual-serve").setLevel(logging.CRITICAL)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3 * END_SECONDS)  # no log: the path is the secret
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        await stop.wait()
    finally:
        await runner.cleanup()


def page(websocket: str, font_size: str) -> str:
    """The page around the terminal; nothing in it is from another server."""
    return _PAGE.format(websocket=html.escape(websocket, quote=True), font_size=font_size)


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>mlxgpt</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static/css/xterm.css">
<style>
@font-face {{ font-family: "Roboto Mono"; src: url("static/fonts/RobotoMono-VariableFont_wght.ttf"); font-weight: 100 700 }}
@font-face {{ font-family: "Roboto Mono"; src: url("static/fonts/RobotoMono-Italic-VariableFont_wght.ttf");
  font-weight: 100 700; font-style: italic }}
body {{ margin: 0; background: #0f1218; color: #e3e6ec; font: 16px "Roboto Mono", monospace }}
.note {{ position: absolute; inset: 0; display: flex; gap: 1em; align-items: center; justify-content: center; z-index: 10 }}
.note a {{ color: #7cb2ff }}
.closed-dialog, body.-first-byte .intro-dialog {{ display: none }}
body.-closed .closed-dialog {{ display: flex; background: #0f1218cc }}
</style>
<script src="static/js/textual.js"></script>
<body>
<div class="note intro-dialog">mlxgpt starts …</div>
<div class="note closed-dialog"><span>The app has ended.</span> <a href="">Start it again</a></div>
<div id="terminal" class="textual-terminal" data-session-websocket-url="{websocket}" data-font-size="{font_size}"></div>
</body>
</html>
"""
