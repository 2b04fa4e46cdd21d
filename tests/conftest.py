"""A workplace: a small corpus, a tiny preset and a home for runs, all in the test's own folder; and the command line."""

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PRESET = """
[model]
n_layer = 2
n_head = 2
n_embd = 16
context_length = 16
norm = "rmsnorm"
position = "rope"
ffn = "swiglu"
bias = "none"

[tokenizer]
algorithm = "byte"

[train]
batch_size = 4
learning_rate = 1e-2
warmup = 0.1
sample_every = -1
"""
WORDS = (
    *("a", "casa", "o", "rio", "uma", "menina", "abriu", "olhou", "viu", "cantou", "porta", "janela", "mar", "azul"),
    *("grande", "pequena", "e", "de", "com", "para"),
)


def document(number: int) -> str:
    """A few sentences that no other number gives."""
    words = [WORDS[(number * 7 + place * place * (number % 5 + 1)) % len(WORDS)] for place in range(40)]
    return f"Texto {number}. " + " ".join(words) + "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where a test trains."""

    path: Path
    corpus: Path
    preset: Path

    @property
    def runs(self) -> Path:
        """The folder that new runs go to."""
        return self.path / "runs"

    def start(self, stop: threading.Event | None = None, **settings: Any) -> Iterator[Any]:
        """A training job of the tiny preset; with `resume`, of that run."""
        from mlxgpt import jobs

        usual = (
            {} if "resume" in settings else {"data": self.corpus, "preset": str(self.preset), "out": self.path / "run"}
        )
        return jobs.train(*jobs.load_train_config(usual | settings), device="cpu", stop=stop)

    def train(self, **settings: Any) -> list[Any]:
        """All events of a run."""
        return list(self.start(**settings))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path))
    place = Workplace(path=tmp_path, corpus=tmp_path / "corpus.txt", preset=tmp_path / "tiny.toml")
    place.corpus.write_text("\n\n\n".join(map(document, range(60))), encoding="utf-8")
    place.preset.write_text(PRESET, encoding="utf-8")
    return place


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command gave back; `err` without the frame of a panel and its line breaks."""

    code: int
    out: str
    err: str


@pytest.fixture
def mlxgpt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs a command line in this process."""
    from mlxgpt.cli.main import run

    def call(*arguments: object) -> Answer:
        monkeypatch.setenv("COLUMNS", "1000")
        monkeypatch.setattr(sys, "argv", ["mlxgpt", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run()
        seen = capsys.readouterr()
        code = ended.value.code or 0
        return Answer(code=int(code), out=seen.out, err=" ".join(seen.err.replace("│", " ").split()))

    return call
