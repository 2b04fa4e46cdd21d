"""The TUI in a real terminal (a pty, 120×40) beside the command line: same model, taking turns on a busy machine.

    OPENBLAS_NUM_THREADS=1 python scripts/benchmarks/tui.py [--rounds 5] [--tokens 400] [--exits 20] [--wide] [--json]

- first picture: from exec to the end of the first whole picture, while the model is not loaded yet; beside the wall time,
  the processor time until then, which a busy machine does not change
- speed: tokens per second that the engine counted, beside `mlxgpt generate` of the round; "open" with the live panel, "closed"
  without; and, to know what of the difference is the machine's, `mlxgpt generate` beside a process of its own that only works
  4 ms thirty times a second, which is what drawing takes
- pictures per second between the first token and the last, by the marks of synchronized output
- echo: from a key pressed in the prompt, while the model writes, until it is on the terminal
- exits: answers begun and left with Ctrl+Q, and the exit codes
- sizes: every size on the way from 20×8 to 300×100 while the model writes

The model is nano-pt that never ends a text: its head makes the special tokens unlikely, so that each run is as long.  Its
step is 250 small operations, of which the engine's thread prepares one while MLX computes another: on two cores nothing is
left for drawing.  `--wide` takes 91 million parameters drawn at random instead, which MLX computes longer.
"""

import argparse
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from terminal import ROOT, Terminal, mlxgpt

PROMPT = "Era uma vez"
LETTERS = "бвгджзийклмнптуфхцчшщыэюя"  # the model does not write Cyrillic, so an echo is an echo
READY, RATE, QUIT = r"· (cpu|gpu|metal|cuda)\b", r"([\d,]+) tok/s", "\x11"


@dataclass(slots=True)
class Figures:
    """What was measured; seconds unless said otherwise."""

    first_picture: list[float] = field(default_factory=list)
    first_picture_cpu: list[float] = field(default_factory=list)
    rates: dict[str, list[float]] = field(default_factory=lambda: {"cli": [], "beside": [], "open": [], "closed": []})
    pictures_per_second: list[float] = field(default_factory=list)
    echo: list[float] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    sizes: int = 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 5), ("tokens", 400), ("exits", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--model", help="another model than the endless nano-pt")
    parser.add_argument("--wide", action="store_true", help="91 million parameters, drawn at random")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = Figures()
    with tempfile.TemporaryDirectory() as home:
        os.environ["MLXGPT_HOME"] = home
        os.environ["PYTHONPATH"] = str(ROOT)
        model = args.model or str(endless(Path(home) / "endless", wide=args.wide))
        for turn in range(args.rounds + 1):
            rates = {"cli": command_line(model, args.tokens)}
            with working(0.004):
                rates["beside"] = command_line(model, args.tokens)
            for panel in ("open", "closed"):
                rates[panel] = app(model, args.tokens, panel, found if turn else Figures())
            if turn:  # the first round warms up
                for name, rate in rates.items():
                    found.rates[name].append(rate)
        found.codes = [leave(model) for _ in range(args.exits)]
        found.sizes = resized(model)
    print(json.dumps(asdict(found), indent=1) if args.json else table(found))


def endless(directory: Path, *, wide: bool = False) -> Path:
    """A copy of nano-pt whose ending tokens are hardly ever drawn; or twelve layers of 768 with its tokenizer."""
    code = (
        "import json, shutil, sys; from dataclasses import replace; from pathlib import Path; import mlx.core as mx\n"
        "from mlxgpt import checkpoint, runs; from mlxgpt.model.initialize import build\n"
        "source, out = runs.find_model('nano-pt'), Path(sys.argv[1])\n"
        "if sys.argv[2:]:\n"
        "    model, tokenizer = checkpoint.load(source)\n"
        "    shape = dict(n_layer=12, n_head=12, n_kv_head=12, n_embd=768, init='gpt2')\n"
        "    checkpoint.save(out, build(replace(model.config, name='wide', **shape)), tokenizer, {})\n"
        "else:\n"
        "    shutil.copytree(source, out)\n"
        "weights = mx.load(str(out / 'model.safetensors'))\n"
        "head = mx.array(weights['model.embed_tokens.weight'])\n"
        "head[:9] = head[9:].mean(axis=0)  # the special tokens get the mean logit, which is at most a chance of 1 / V\n"
        "mx.save_safetensors(str(out / 'model.safetensors'), {**weights, 'lm_head.weight': head}, {'format': 'pt'})\n"
        "config = json.loads((out / 'config.json').read_text())\n"
        "config['tie_word_embeddings'] = config['mlxgpt']['tie_embeddings'] = False\n"
        "(out / 'config.json').write_text(json.dumps(config))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(directory), *["wide"] * wide], check=True, cwd=ROOT)
    return directory


def command_line(model: str, tokens: int) -> float:
    """Tokens per second of `mlxgpt generate`."""
    arguments = ["generate", "--model", model, "--prompt", PROMPT, "--max-tokens", str(tokens), "--seed", "1", "--json"]
    output = subprocess.run(mlxgpt(*arguments), cwd=ROOT, check=True, capture_output=True, text=True).stdout
    events = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return float(next(event["tokens_per_second"] for event in reversed(events) if "tokens_per_second" in event))


@contextmanager
def working(seconds: float) -> Iterator[None]:
    """Another process that works so long thirty times a second."""
    code = (
        "import sys, time\n"
        "while True:\n"
        "    time.sleep(1 / 30 - float(sys.argv[1])); began = time.thread_time()\n"
        "    while time.thread_time() - began < float(sys.argv[1]): pass\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(seconds)]) as process:
        try:
            yield
        finally:
            process.kill()


@contextmanager
def opened(model: str, found: Figures | None = None) -> Iterator[Terminal]:
    """The app with its model loaded, in a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"MLXGPT_HOME": home}
        with Terminal(mlxgpt("tui", "--model", model), environment=environment) as terminal:
            terminal.home = Path(home)
            expect(terminal, lambda: bool(terminal.frames) and terminal.shows("Palette"))
            if found is not None:
                found.first_picture.append(terminal.frames[-1] - terminal.started)
                found.first_picture_cpu.append(terminal.processor_seconds)
            expect(terminal, lambda: terminal.shows(READY))
            yield terminal


def expect(terminal: Terminal, so: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait until something is so, or say what the terminal showed last."""
    if not terminal.read(seconds, so):
        raise SystemExit(f"It never came; the terminal shows:\n{terminal.text()[-3000:]}")


def enter(terminal: Terminal, line: str) -> None:
    """Type a line and enter."""
    terminal.type(line)
    terminal.read(0.3)
    terminal.type("\r")
    terminal.read(0.3)


def reason(terminal: Terminal) -> str:
    """Why the answer ended, as it was kept; empty while it is written."""
    database = terminal.home / "mlxgpt.db"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as kept:
        row = kept.execute("SELECT reason FROM message WHERE role = 'assistant' ORDER BY row DESC").fetchone()
    return str(row[0]) if row else ""


def app(model: str, tokens: int, panel: str, found: Figures) -> float:
    """Tokens per second of one answer in the app, and with the panel open pictures and echoes."""
    with opened(model, found) as terminal:
        for line in (f"/tokens {tokens}", "/seed 1"):
            enter(terminal, line)
        if panel == "closed":
            terminal.type("\t")  # panel -> off
            terminal.read(0.3)
        terminal.type(PROMPT)
        terminal.read(0.5)
        place, letters = len(terminal.output), iter(LETTERS)
        before = len(terminal.frames)
        terminal.type("\r")
        terminal.read(0.2)
        while not reason(terminal):
            letter = next(letters, None) if panel == "open" else None
            if letter is not None:
                found.echo.append(echo(terminal, letter))
            terminal.read(0.1)
        if panel == "open":
            frames = terminal.frames[before:]
            found.pictures_per_second.append((len(frames) - 1) / (frames[-1] - frames[0]))
        expect(terminal, lambda: terminal.shows(RATE, place))
        terminal.read(0.5)
        rates = re.findall(RATE, terminal.text(place))
        terminal.type(QUIT)
        terminal.wait()
        return float(rates[-1].replace(",", ""))


def echo(terminal: Terminal, letter: str) -> float:
    """Seconds from a key to its picture."""
    place, began, wanted = len(terminal.output), time.perf_counter(), letter.encode()
    terminal.type(letter)
    expect(terminal, lambda: wanted in terminal.output[place:], 10)
    return time.perf_counter() - began


def leave(model: str) -> int:
    """The exit code after an answer was begun and left."""
    with opened(model) as terminal:
        enter(terminal, PROMPT)
        terminal.read(0.5)
        terminal.type(QUIT)
        return terminal.wait()


def resized(model: str) -> int:
    """How many sizes were gone through while the model wrote; it stops where the app ended."""
    widths = [*range(20, 301, 7), *range(300, 19, -7)]
    with opened(model) as terminal:
        enter(terminal, "/tokens 100000")
        enter(terminal, PROMPT)
        for count, width in enumerate(widths):
            height = round(8 + (width - 20) / 280 * 92)
            terminal.resize(width, height)
            if terminal.read(0.05) or terminal.over:
                return count
        terminal.type(QUIT)
        return len(widths) if terminal.wait() == 0 else 0


def table(found: Figures) -> str:
    """The figures beside what is asked for."""
    median = statistics.median
    rows = [
        ("first picture", f"{median(found.first_picture):.2f} s", "at most 1.0 s"),
        ("  processor time of it", f"{median(found.first_picture_cpu):.2f} s", ""),
        ("command line", f"{median(found.rates['cli']):.0f} tok/s", ""),
    ]
    for name, rate, target in (
        ("  beside another process", "beside", ""),
        ("panel open", "open", "at least 0.90"),
        ("panel closed", "closed", "at least 0.97"),
    ):
        ratios = [mine / theirs for mine, theirs in zip(found.rates[rate], found.rates["cli"], strict=True)]
        spread = " ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
        rows.append((name, f"{median(found.rates[rate]):.0f} tok/s = {median(ratios):.2f} ({spread})", target))
    echoes = sorted(1000 * seconds for seconds in found.echo)
    rows += [
        ("pictures while writing", f"{median(found.pictures_per_second):.1f} a second", "at least 25"),
        (
            "echo of a key",
            f"p50 {median(echoes):.0f} ms, p99 {echoes[int(0.99 * (len(echoes) - 1))]:.0f} ms",
            "p99 50 ms",
        ),
        ("exits", f"{found.codes.count(0)} of {len(found.codes)} with code 0", "all"),
        ("sizes while writing", f"{found.sizes}", "all 82"),
    ]
    return "\n".join(f"{name:24} {value:44} {target}" for name, value, target in rows)


if __name__ == "__main__":
    main()
