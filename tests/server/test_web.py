"""`mlxgpt web`: only who knows the address gets the page, and no other page can open the app."""

import asyncio
import json
import re
import shlex
import socket
import subprocess
import sys

import pytest

from mlxgpt.errors import ConfigError
from mlxgpt.server.serve import listen
from mlxgpt.server.web import MOST_TABS, WebConfig, page, serve

aiohttp = pytest.importorskip("aiohttp")
pytest.importorskip("textual_serve")

# A small Textual app, so that the tests need no model; the protocol is the same.
SMALL = """
from textual.app import App
from textual.widgets import Label

class Small(App):
    def compose(self):
        yield Label("olá do app")

Small().run()
"""


def visit(story, host="127.0.0.1"):
    """Run `story(session, address, config)` beside the server."""

    async def run():
        config = WebConfig(command=shlex.join([sys.executable, "-c", SMALL]), host=host, port=0)
        listener = listen(host, 0)
        stop = asyncio.Event()
        server = asyncio.create_task(serve(config, listener, stop))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            async with aiohttp.ClientSession() as session:
                await asyncio.wait_for(story(session, address, config), 60)
        finally:
            stop.set()
            await server
            listener.close()

    asyncio.run(run())


def test_the_page_needs_the_secret_and_loads_nothing_from_elsewhere():
    async def story(session, address, config):
        for path in (
            "/",
            "/x/",
            "/static/js/textual.js",
            f"/{config.token[:-1]}/",
            f"/{config.token}x/",
            "//",
            f"/{config.token}",
        ):
            async with session.get(address + path) as response:
                assert response.status == 404, path
        async with session.get(f"{address}/{config.token}/") as response:
            text = await response.text()
            assert response.status == 200 and "textual-terminal" in text
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert not re.search(r"https?://(?!127\.0\.0\.1)", text)
        for wanted in re.findall(r'(?:href|src)="(static/[^"]+)"|url\("(static/[^"]+)"\)', text):
            async with session.get(f"{address}/{config.token}/{''.join(wanted)}") as response:
                assert response.status == 200, wanted
        async with session.get(f"{address}/{config.token}/static/") as response:
            assert response.status in (403, 404)  # no listing

    visit(story)


def test_another_name_of_the_server_is_refused():
    async def story(session, address, config):
        async with session.get(f"{address}/{config.token}/", headers={"Host": "evil.example"}) as response:
            assert response.status == 403

    visit(story)


def test_no_other_page_opens_the_app():
    async def story(session, address, config):
        for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": address + "0"}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(f"{address}/{config.token}/ws", headers=headers)
            assert caught.value.status == 403, headers
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"{address}/x/ws", headers={"Origin": address})
        assert caught.value.status == 404

    visit(story)


def test_our_page_gets_the_app_and_its_process_ends_with_the_tab():
    async def story(session, address, config):
        connect = f"{address}/{config.token}/ws?width=80&height=24"
        seen = b""
        async with session.ws_connect(connect, headers={"Origin": address}) as socket:
            while "olá do app".encode() not in seen:
                message = await socket.receive(timeout=30)
                seen += message.data if isinstance(message.data, bytes) else b""
            await socket.send_json(["ping", "1"])
            while True:
                message = await socket.receive(timeout=30)
                if message.type == aiohttp.WSMsgType.TEXT:
                    assert json.loads(message.data) == ["pong", "1"]
                    break
        for _ in range(100):
            running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
            if "olá do app" not in running:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the app still runs")

    visit(story)


def test_so_many_tabs_and_no_more():
    async def story(session, address, config):
        connect = f"{address}/{config.token}/ws"
        sockets = [await session.ws_connect(connect, headers={"Origin": address}) for _ in range(MOST_TABS)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(connect, headers={"Origin": address})
        assert caught.value.status == 503
        for opened in sockets:
            await opened.close()

    visit(story)


def test_where_it_listens_is_checked():
    with pytest.raises(ConfigError, match="no port"):
        WebConfig(port=70000)
    assert WebConfig().local and not WebConfig(host="0.0.0.0").local
    assert WebConfig().token != WebConfig().token and len(WebConfig().token) >= 22


def test_nothing_given_can_leave_the_page():
    assert "<script>" not in page('"><script>', "16")


def test_an_address_that_is_told_can_be_reached():
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname(), 5):
        pass
