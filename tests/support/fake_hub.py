"""A hub on 127.0.0.1 for tests: the few addresses that huggingface_hub asks, over folders, with what may go wrong."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


class FakeHub:
    """Serves `repositories` (id -> folder); `asked` keeps the requests, `failing` says what goes wrong where.

    failing[id] is "gated", "private" or "down"; `cut` ends the first answer with a file of more than so many bytes there.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.failing: dict[str, str] = {}
        self.sizes: dict[str, int] = {}  # a lie about a file's size in the listing
        self.extra: list[str] = []  # names in the listing that lead nowhere
        self.cut = 0
        self.broken: set[str] = set()  # files that cannot be had
        self.asked: list[tuple[str, str, str]] = []  # (method, path, Range)
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self, body=True)

            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, body: bool) -> None:
        path = unquote(urlsplit(handler.path).path)
        self.asked.append((handler.command, path, handler.headers.get("Range", "")))
        found = re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/(revision|tree)/([^/]+))?", path)
        file = re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", path)
        match = found or file
        if match is None or match[1] not in self.repositories:
            return self._error(handler, 401, "RepoNotFound")
        failing = self.failing.get(match[1])
        if failing:
            return self._error(
                handler, *{"gated": (403, "GatedRepo"), "private": (401, "RepoNotFound")}.get(failing, (503, ""))
            )
        revision = match[3 if found else 2] or "main"
        if revision not in ("main", "v1", COMMIT):
            return self._error(handler, 404, "RevisionNotFound")
        folder = self.repositories[match[1]]
        if found:
            return self._listing(handler, match[1], folder, tree=match[2] == "tree")
        return self._file(handler, folder / match[3], body)

    def _listing(self, handler: BaseHTTPRequestHandler, name: str, folder: Path, tree: bool) -> None:
        files = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
        files |= dict.fromkeys(self.extra, 1)
        files = {file: self.sizes.get(file, size) for file, size in files.items()}
        oid = "0" * 40
        if tree:
            listed: object = [{"type": "file", "path": f, "size": n, "oid": oid} for f, n in files.items()]
        else:
            siblings = [{"rfilename": file, "size": size, "blobId": oid} for file, size in files.items()]
            listed = {"id": name, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings}
        self._send(handler, 200, json.dumps(listed).encode(), {"Content-Type": "application/json"})

    def _file(self, handler: BaseHTTPRequestHandler, path: Path, body: bool) -> None:
        if not path.is_file():
            return self._error(handler, 404, "EntryNotFound")
        if body and path.name in self.broken:
            return self._error(handler, 503, "")
        data = path.read_bytes()
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        begin = 0
        if wanted := re.match(r"bytes=(\d+)-", handler.headers.get("Range", "")):
            begin = int(wanted[1])
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        if body and self.cut and len(data) > self.cut and not begin:
            cut, self.cut = self.cut, 0
            return self._send(handler, 200, data[:cut], headers | {"Content-Length": str(len(data))}, close=True)
        return self._send(handler, 206 if begin else 200, data[begin:], headers, body=body)

    def _error(self, handler: BaseHTTPRequestHandler, status: int, code: str) -> None:
        self._send(handler, status, b"", {"X-Error-Code": code, "X-Error-Message": code} if code else {})

    def _send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        data: bytes,
        headers: dict[str, str],
        *,
        body: bool = True,
        close: bool = False,
    ) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        if body and handler.command != "HEAD":
            handler.wfile.write(data)
        if close:
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.shutdown(2)
