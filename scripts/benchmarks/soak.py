"""A server under many clients for a while: good requests, cancelled ones and malformed ones, all at once.

    OPENBLAS_NUM_THREADS=1 python scripts/benchmarks/soak.py [--minutes 10] [--clients 32] [--model nano-pt]

Starts `mlxgpt serve` and lets every client do one thing after another, drawn with a seed.  Good answers are compared with
those the same prompt got when the server was idle; refusals must be 4xx; at the end nothing may be under way, the process
may not have grown in the last quarter of the time by more than `--growth` MB (without what MLX keeps of freed memory, which is
limited), and it must end by itself at Ctrl-C.  Otherwise the reasons are printed, and the exit code is 1.
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx2 as httpx

PROMPTS = [
    f"{begin} {word}" for begin in ("Era uma vez um", "A menina viu o", "O gato e o") for word in ("mar", "rio", "pato")
]
MALFORMED: list[tuple[str, bytes]] = [
    ("/v1/completions", b"{"), ("/v1/completions", b"[" * 3000), ("/v1/completions", b'{"prompt": 3}'),
    ("/v1/completions", b'{"prompt": "a", "max_tokens": -1}'), ("/v1/completions", b'{"prompt": [99999999]}'),
    ("/v1/completions", b'{"prompt": "' + b"a" * 2_000_000 + b'"}'), ("/v1/completions", b'{"prompt": "\\ud800"}'),
    ("/v1/chat/completions", b'{"messages": [{"role": "x", "content": "y"}]}'), ("/v1/nothing", b"{}"),
    ("/v1/embeddings", b'{"input": []}'), ("/v1/inspect/lens", b'{"text": 1}'),
]  # fmt: skip


class Soak:
    """What happened so far."""

    def __init__(self, client: httpx.AsyncClient, end: float) -> None:
        self.client, self.end = client, end
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.expected: dict[str, str] = {}

    async def text(self, prompt: str) -> str:
        answer = await self.client.post("/v1/completions", json={"prompt": prompt, "max_tokens": 24, "temperature": 0})
        if answer.status_code == 429:
            return ""
        return str(answer.json()["choices"][0]["text"])

    async def work(self, number: int) -> None:
        """One client, until the end."""
        draw = random.Random(number)
        while time.monotonic() < self.end:
            kind = draw.choices(("text", "stream", "leave", "time out", "malformed", "embed"), (40, 15, 15, 5, 20, 5))[
                0
            ]
            try:
                await self.do(kind, draw)
                self.counts[kind] += 1
            except Exception as error:
                self.wrong.append(f"{kind}: {type(error).__name__}: {error}"[:300])

    async def do(self, kind: str, draw: random.Random) -> None:
        prompt = draw.choice(PROMPTS)
        body = {"prompt": prompt, "max_tokens": 24, "temperature": 0}
        if kind == "text":
            if (found := await self.text(prompt)) not in ("", self.expected[prompt]):
                self.wrong.append(f"{prompt!r} gave {found!r}, not {self.expected[prompt]!r}")
            self.counts["busy (429)"] += found == ""
        elif kind in ("stream", "leave"):
            long = {"max_tokens": 400, "temperature": 1.2} if kind == "leave" else {}
            pieces: list[str] = []
            async with self.client.stream("POST", "/v1/completions", json=body | long | {"stream": True}) as answer:
                if answer.status_code == 429:
                    self.counts["busy (429)"] += 1
                    return
                async for line in answer.aiter_lines():
                    if kind == "leave" and len(pieces) > draw.randrange(8):
                        return
                    if line.startswith("data: {"):
                        pieces.append(json.loads(line[6:])["choices"][0]["text"])
            if kind == "stream" and "".join(pieces) != self.expected[prompt]:
                self.wrong.append(f"{prompt!r} streamed {''.join(pieces)!r}")
        elif kind == "time out":
            try:
                await self.client.post("/v1/completions", json=body | {"max_tokens": 400, "n": 2}, timeout=0.05)
            except httpx.TimeoutException:
                return
        elif kind == "malformed":
            path, content = draw.choice(MALFORMED)
            answer = await self.client.post(path, content=content, headers={"Content-Type": "application/json"})
            if not 400 <= answer.status_code < 500:
                self.wrong.append(f"{path} {content[:60]!r} gave {answer.status_code}")
        else:
            answer = await self.client.post("/v1/embeddings", json={"input": [prompt, "outro texto"]})
            if answer.status_code != 200:
                self.wrong.append(f"embeddings gave {answer.status_code}")


def resident_megabytes(pid: int) -> float:
    """The memory of a process, as `ps` says; in MB."""
    return (
        int(subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout)
        / 1e3
    )


async def soak(address: str, pid: int, minutes: float, clients: int, growth: float) -> list[str]:
    """Everything that was wrong."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        state = Soak(client, time.monotonic() + minutes * 60)
        for prompt in PROMPTS:
            state.expected[prompt] = await state.text(prompt)
        began, sizes = time.monotonic(), []
        work = [asyncio.create_task(state.work(number)) for number in range(clients)]
        while any(not task.done() for task in work):
            await asyncio.sleep(2)
            kept = (await client.get("/health")).json()["kept_bytes"] / 1e6
            sizes.append((time.monotonic() - began, resident_megabytes(pid) - kept))
        for _ in range(100):
            if (await client.get("/health")).json()["texts"] == 0:
                break
            await asyncio.sleep(0.1)
        else:
            state.wrong.append("texts are still under way though every client has left")
        for prompt in PROMPTS:
            if await state.text(prompt) != state.expected[prompt]:
                state.wrong.append(f"{prompt!r} is answered otherwise than before")
    print(
        f"{clients} clients, {minutes:g} minutes: "
        + ", ".join(f"{n:,} {kind}" for kind, n in state.counts.most_common())
    )
    peaks = [
        max((size for at, size in sizes if i / 4 <= at / sizes[-1][0] <= (i + 1) / 4), default=0.0) for i in range(4)
    ]
    print(
        f"memory: {resident_megabytes(pid):.0f} MB at the end; without what MLX keeps for later, "
        + ", ".join(f"{size:.0f}" for size in peaks)
        + " MB at most in each quarter of the time"
    )
    if peaks[3] > max(peaks[:3]) + growth:
        state.wrong.append(f"memory still grew in the last quarter, to {peaks[3]:.0f} MB")
    return state.wrong


def main() -> None:
    """Run it, and say what was wrong."""
    parser = argparse.ArgumentParser(description="Soak the server.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--model", default="nano-pt")
    parser.add_argument("--growth", type=float, default=30.0)
    arguments = parser.parse_args()
    command = [
        str(Path(sys.executable).parent / "mlxgpt"),
        "serve",
        "--model",
        arguments.model,
        "--port",
        "0",
        "--json",
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        address = json.loads(server.stdout.readline())["address"]
        wrong = asyncio.run(soak(address, server.pid, arguments.minutes, arguments.clients, arguments.growth))
        server.send_signal(signal.SIGINT)
        if (code := server.wait(30)) != 0:
            wrong.append(f"the server ended with {code}")
    finally:
        server.kill()
    for line, n in Counter(wrong).most_common(20):
        print(f"WRONG ({n} times): {line}")
    print("nothing was wrong" if not wrong else f"{len(wrong)} things were wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
