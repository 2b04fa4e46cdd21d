"""What is to be analysed: texts, their chunks, and what is known of how they were made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxgpt.chunking.analysis.model_scores import ModelScores
from mlxgpt.chunking.analysis.report import Analysis, Report
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.files import ChunkedDocument
from mlxgpt.chunking.reading import chunks_of, read, text_of
from mlxgpt.errors import CheckpointError, DataError, TokenizerError
from mlxgpt.tokenizer.base import Tokenizer

Options = Mapping[str, bool | int | float | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Documents with their chunks.  `tokenizer` is None when the one that made them is not here; `notes` say what is odd."""

    documents: tuple[tuple[str, tuple[Chunk, ...]], ...]
    source: str
    strategy: str
    options: Options
    tokenizer_name: str
    tokenizer: Tokenizer | None
    notes: tuple[str, ...] = ()

    def require_tokenizer(self) -> Tokenizer:
        """The tokenizer, without which other settings cannot be tried."""
        if self.tokenizer is None:
            raise TokenizerError(
                f"Settings cannot be compared without the tokenizer {self.tokenizer_name}.",
                hint="Give one with --tokenizer.",
            )
        return self.tokenizer

    def report(self, lang: str = "auto") -> Report:
        """The figures of the chunks."""
        analysis = Analysis(
            max_size=_limit(self.options, "max_size"), min_size=_limit(self.options, "min_size"),
            tokenizer=self.tokenizer, lang=lang,
        )  # fmt: skip
        for text, chunks in self.documents:
            analysis.add(text, chunks)
        return analysis.report()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A report on a subject, with what a model says when one was asked."""

    strategy: str
    options: Options
    report: Report
    model: ModelScores | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Plain values."""
        return {
            "strategy": self.strategy,
            "options": dict(self.options),
            "notes": list(self.notes),
            "report": self.report.to_json(),
            "model": None if self.model is None else self.model.to_json(),
        }


def read_subject(path: Path, load: Callable[[str], Tokenizer], tokenizer: str = "") -> Subject:
    """The documents of a chunks file.  `load` finds a tokenizer by its name: the file's, or `tokenizer` if given.

    A tokenizer that is not there, or is another one than the file's, is a note; one that was asked for must be there.
    """
    stored = list(read(path))
    first = stored[0].provenance
    notes: list[str] = []
    found = load(tokenizer) if tokenizer else _found(first.tokenizer, load, notes)
    if found is not None and found.fingerprint != first.fingerprint:
        what = f"{tokenizer or first.tokenizer} is not the tokenizer that the chunks were made with"
        notes.append(f"{what}: they were counted again, and the limit may mean something else.")
    settings = {(document.provenance.strategy, str(dict(document.provenance.options))) for document in stored}
    if len(settings) > 1:
        notes.append(
            f"The documents were chunked in {len(settings)} ways; limits are those of the first, {first.source}."
        )
    return Subject(
        documents=tuple(_with_text(document, path) for document in stored), source=first.source,
        strategy=first.strategy, options=first.options, tokenizer_name=tokenizer or first.tokenizer, tokenizer=found,
        notes=tuple(notes),
    )  # fmt: skip


def _found(name: str, load: Callable[[str], Tokenizer], notes: list[str]) -> Tokenizer | None:
    try:
        return load(name)
    except (CheckpointError, TokenizerError):
        what = f"The tokenizer {name} is not here: token counts are those of the file, and figures of token ids are left out."
        notes.append(f"{what}  --tokenizer gives one.")
        return None


def _with_text(document: ChunkedDocument, path: Path) -> tuple[str, tuple[Chunk, ...]]:
    text = text_of(document, path)
    if not document.chunks:
        raise DataError(f"{path}: {document.provenance.source} has no chunks.", hint="Chunk a file with text in it.")
    return text, tuple(chunks_of(document, text))


def _limit(options: Options, name: str) -> int | None:
    value = options.get(name)
    return value if type(value) is int and value > 0 else None
