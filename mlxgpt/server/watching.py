"""Training runs over HTTP: which there are, and what one says while it trains, as server-sent events.

A run is followed in its file, so it may be this machine's, another process's, or over long ago.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from mlxgpt import runs
from mlxgpt.errors import CheckpointError, DataError
from mlxgpt.events import RunFinished, Tail
from mlxgpt.server.answers import sse

POLL_SECONDS, ALIVE_SECONDS = 0.2, 15.0


async def list_runs(request: Request) -> Response:
    """The names of all runs, the newest last."""
    return JSONResponse({"object": "list", "data": [{"id": run.path.name} for run in runs.all_runs()]})


async def events(request: Request) -> Response:
    """The events of a run; with ?follow=1 those still to come, until it is over."""
    name = request.path_params["name"]
    run = next((run for run in runs.all_runs() if run.path.name == name), None)  # a name, never a path
    if run is None:
        raise CheckpointError(f"There is no run {name[:100]!r}.", hint="GET /v1/runs lists them.")
    if not run.events.is_file():
        raise DataError(f"{name} has no events yet.")
    follow = request.query_params.get("follow", "0") not in ("0", "", "false")
    return StreamingResponse(
        _told(run.events, follow), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _told(path: Path, follow: bool) -> AsyncIterator[bytes]:
    tail, quiet = Tail(path), 0.0
    try:
        while True:
            for event in tail.read():
                quiet = 0.0
                yield sse(event.to_json(), type(event).__name__)
                if isinstance(event, RunFinished) and follow:
                    return
            if not follow:
                return
            await asyncio.sleep(POLL_SECONDS)
            quiet += POLL_SECONDS
            if quiet >= ALIVE_SECONDS:
                quiet = 0.0
                yield b": still here\n\n"
    finally:
        tail.close()
