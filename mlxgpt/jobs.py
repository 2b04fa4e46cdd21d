"""Every verb of the program: the front ends' only door.  A verb is imported when it is called.

A verb that takes time is a job, a generator of events; one that answers at once returns a report.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlxgpt.config import Settings
from mlxgpt.events import Event

if TYPE_CHECKING:
    from mlxgpt.backend.doctor import DoctorReport
    from mlxgpt.benchmark.config import ChunkingBenchmarkConfig
    from mlxgpt.chunking.analysis.subject import Findings, Subject
    from mlxgpt.chunking.config import ChunkConfig
    from mlxgpt.chunking.optimize import Search
    from mlxgpt.generation.chat import Chat
    from mlxgpt.listing import Entry
    from mlxgpt.model.report import ModelReport
    from mlxgpt.tokenizer.base import Tokenizer
    from mlxgpt.tokenizer.report import TokenizerReport
    from mlxgpt.training.config import TrainConfig

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def load_train_config(given: Settings, file: Path | None = None) -> "tuple[TrainConfig, Settings]":
    """The settings of a run from its preset, a TOML file and what was given; and the changes to the preset's model."""
    from mlxgpt.training.prepare import load_config

    return load_config(given, file)


def train(
    config: "TrainConfig", model_changes: Settings, *, device: str = "auto", stop: threading.Event | None = None
) -> Iterator[Event]:
    """Train a model; see `training.train`."""
    from mlxgpt.training.train import train

    return train(config, model_changes, device=device, stop=stop)


def train_tokenizer(corpus: Path, output: Path, settings: Settings) -> Iterator[Event]:
    """Train a tokenizer on a file or folder of text and save it at `output`, whole or not at all."""
    import time

    from mlxgpt import whole
    from mlxgpt.config import build
    from mlxgpt.data.documents import read_documents
    from mlxgpt.errors import ConfigError
    from mlxgpt.events import TokenizerTrained
    from mlxgpt.tokenizer import registry
    from mlxgpt.tokenizer.config import TokenizerConfig

    config = build(TokenizerConfig, settings, where="tokenizer")
    strangers = {path.name for path in output.iterdir()} - {*TOKENIZER_FILES} if output.is_dir() else {}
    if strangers:
        raise ConfigError(
            f"{output} holds other files, such as {min(strangers)}.", hint="Choose a new folder for the tokenizer."
        )
    began = time.monotonic()
    texts = [text for document in read_documents(corpus) for text in document.texts]
    tokenizer = registry.train(texts, config)
    whole.write_directory(output, tokenizer.save)
    corpus_bytes = sum(len(text.encode()) for text in texts)
    yield TokenizerTrained(
        path=str(output),
        algorithm=config.algorithm,
        vocab_size=tokenizer.vocab_size,
        corpus_bytes=corpus_bytes,
        bytes_per_token=corpus_bytes / max(1, sum(map(len, tokenizer.encode_batch(texts)))),
        seconds=time.monotonic() - began,
    )


def tokenize(tokenizer: str, text: str) -> list[tuple[int, str]]:
    """The (id, piece) pairs of a text."""
    loaded = _tokenizer(tokenizer)
    return [(token, loaded.token_text(token)) for token in loaded.encode(text)]


def inspect_tokenizer(tokenizer: str, corpus: Path) -> "TokenizerReport":
    """How well a tokenizer suits a text."""
    from mlxgpt.data.documents import read_documents
    from mlxgpt.tokenizer.report import report

    return report(_tokenizer(tokenizer), (text for document in read_documents(corpus) for text in document.texts))


def _tokenizer(word: str) -> "Tokenizer":
    """The tokenizer in a folder, or of a model."""
    from mlxgpt import runs
    from mlxgpt.tokenizer import registry

    folder = Path(word)
    return registry.load(folder if (folder / "tokenizer.json").is_file() else runs.find_model(word))


def chunk(
    paths: Sequence[Path],
    config: "ChunkConfig",
    output: Path | None,
    *,
    kind: str = "",
    with_text: bool = True,
    at_once: bool = False,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Cut files, and the text files of folders, and write their chunks to `output` or, when it is None, to stdout.

    `-` among the paths is stdin.  `kind` is json, jsonl or txt, else what the name of `output` says.  `output` appears when
    all is done, unless `at_once` writes it as the chunks come.
    """
    from mlxgpt.chunking.output import chunk_paths

    return chunk_paths(
        paths, _tokenizer(config.tokenizer), config, output, kind=kind, with_text=with_text, at_once=at_once, stop=stop
    )


def list_checkpoints(folder: Path | None = None) -> "list[Entry]":
    """Every model directory there is."""
    from mlxgpt.listing import list_checkpoints

    return list_checkpoints(folder)


def describe_checkpoint(word: str) -> "Entry":
    """What the files of the model that `word` means say."""
    from mlxgpt.listing import describe_checkpoint

    return describe_checkpoint(word)


def examine_machine(device: str = "auto") -> "DoctorReport":
    """The machine as mlxgpt sees it."""
    from mlxgpt.backend.doctor import examine

    return examine(device)


def write_logits(model: str, ids: Path, out: Path, *, with_loss: bool, device: str = "auto") -> None:
    """Write the logits of a model for given ids; see `evaluation.logits`."""
    from mlxgpt import runs
    from mlxgpt.backend import devices
    from mlxgpt.evaluation.logits import write_logits

    devices.prepare(device)
    write_logits(runs.find_model(model), ids, out, with_loss=with_loss)


def generate(
    model: str,
    prompt: str,
    settings: Settings,
    *,
    state: Path | None = None,
    device: str = "auto",
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Continue a prompt; `settings` are those of `generation.config`, flat.

    With `state`, the text of that file goes on, if there is one, and is kept there (recurrent models).
    """
    from mlxgpt import checkpoint, runs
    from mlxgpt.backend import devices
    from mlxgpt.generation import generate as generation
    from mlxgpt.generation.config import read

    config = read(settings)
    directory = runs.find_model(model)
    devices.prepare(device)
    loaded, tokenizer = checkpoint.load(directory)
    if state is not None:
        from mlxgpt.generation import states

        return states.go_on(loaded, tokenizer, prompt, config, state, stop=stop)
    return generation.generate(loaded, tokenizer, _prompt_ids(prompt, tokenizer), config, stop=stop)


def generate_in_chunks(
    model: str,
    prompt: str,
    settings: Settings,
    strategy: str,
    chunk_size: int,
    *,
    device: str = "auto",
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Continue a prompt that was first cut to its last chunk by a chunk strategy, for prompts beyond the context."""
    from mlxgpt import checkpoint, runs
    from mlxgpt.backend import devices
    from mlxgpt.chunking import registry as chunkers
    from mlxgpt.events import Noted
    from mlxgpt.generation import generate as generation
    from mlxgpt.generation.config import read

    config = read(settings)
    directory = runs.find_model(model)
    devices.prepare(device)
    loaded, tokenizer = checkpoint.load(directory)
    size = chunk_size or max(
        1, loaded.config.context_length - min(config.max_tokens, loaded.config.context_length // 2)
    )
    chunks = list(chunkers.create(strategy, max_size=size).split(prompt, tokenizer))
    if len(chunks) > 1:
        pieces = f"{len(chunks)} chunks of at most {size} tokens ({strategy})"
        yield Noted(text=f"The prompt is {pieces}; the model continues the last.")
    text = chunks[-1].text if chunks else prompt
    yield from generation.generate(loaded, tokenizer, _prompt_ids(text, tokenizer), config, stop=stop)


def _prompt_ids(prompt: str, tokenizer: "Tokenizer") -> list[int]:
    """A prompt as the beginning of a document: after the token that a text begins after."""
    from mlxgpt.generation.generate import beginning

    return beginning(prompt, tokenizer)


def open_chat(
    model: str, settings: Settings, *, system: str = "", state: Path | None = None, device: str = "auto"
) -> "Chat":
    """A conversation with a model; one that was only trained on texts completes instead of answering.

    With `state`, the conversation of that file goes on, if there is one (recurrent models); `Chat.keep` writes it.
    """
    from mlxgpt import checkpoint, runs
    from mlxgpt.backend import devices
    from mlxgpt.generation.chat import Chat
    from mlxgpt.generation.config import read

    config = read(settings)
    directory = runs.find_model(model)
    devices.prepare(device)
    loaded, tokenizer = checkpoint.load(directory)
    knows_chats = checkpoint.read_record(directory).get("data", {}).get("chats", True)
    chat = Chat(loaded, tokenizer, config, system=system, mode="auto" if knows_chats else "completion")
    if state is not None:
        chat.go_on(state)
    return chat


def describe_model(word: str) -> "ModelReport":
    """The parts, sizes and costs of a model or a preset."""
    from mlxgpt import runs
    from mlxgpt.convert import huggingface
    from mlxgpt.model.config import presets
    from mlxgpt.model.report import examine, examine_preset

    if word in presets() or word.endswith(".toml"):
        return examine_preset(word)
    return examine(huggingface.read_config(runs.find_model(word)))


def import_model(source: Path, out: Path, tokenizer: str = "") -> "ModelReport":
    """Make a model directory from a foreign checkpoint; see `convert.importing`."""
    from mlxgpt.convert.importing import import_model
    from mlxgpt.model.report import examine

    return examine(import_model(source, out, _tokenizer(tokenizer) if tokenizer else None))


def benchmark_chunking(
    path: Path, config: "ChunkingBenchmarkConfig", *, stop: threading.Event | None = None
) -> Iterator[Event]:
    """Measure chunk strategies, and other libraries, on a file; see `benchmark.chunking`."""
    from mlxgpt.benchmark.chunking import benchmark_chunking

    return benchmark_chunking(path, _tokenizer(config.tokenizer), config, stop)


def analyze_chunks(
    subject: "Subject",
    *,
    lang: str = "auto",
    model: str = "",
    threshold: float = 0.1,
    ungated: bool = False,
    device: str = "auto",
) -> "Findings":
    """The figures of some chunks; with a `model`, what it says about the cuts."""
    from mlxgpt.chunking.analysis.subject import Findings

    report = subject.report(lang)
    scores = None
    if model:
        from mlxgpt import runs
        from mlxgpt.backend import devices
        from mlxgpt.evaluation import boundaries

        directory = runs.find_model(model)
        devices.prepare(device)
        loaded, tokenizer = boundaries.load(directory)
        scores = boundaries.score(loaded, tokenizer, subject.documents, threshold=threshold, ungated=ungated)
    return Findings(
        strategy=subject.strategy, options=subject.options, report=report, model=scores, notes=subject.notes
    )  # fmt: skip


def read_chunks(path: Path, tokenizer: str = "") -> "Subject":
    """The documents and chunks of a chunks file, to be analysed; `tokenizer` instead of the one that it names."""
    from mlxgpt.chunking.analysis.subject import read_subject

    return read_subject(path, _tokenizer, tokenizer)


def chunk_to_analyze(path: Path, strategy: str, options: Settings, tokenizer: str = "nano-pt") -> "Subject":
    """The documents of a file or folder, chunked now and nowhere kept."""
    import dataclasses

    from mlxgpt.chunking import registry, sources
    from mlxgpt.chunking.analysis.subject import Subject
    from mlxgpt.chunking.output import text_files

    chunker = registry.create(strategy, **options)
    loaded = _tokenizer(tokenizer)
    texts = []
    for file in text_files(path) if path.is_dir() else [path]:
        sources.check_text(file, sources.Decoding(), str(file))
        texts.append("".join(block.text for block in sources.read_blocks(file, sources.Decoding(), str(file))))
    return Subject(
        documents=tuple((text, tuple(chunker.split(text, loaded))) for text in texts),
        source=str(path), strategy=strategy,
        options=dataclasses.asdict(chunker),  # type: ignore[call-overload]  # every strategy is a dataclass
        tokenizer_name=tokenizer, tokenizer=loaded,
    )  # fmt: skip


def suggest_chunking(subject: "Subject", *, budget_seconds: float = 20.0) -> "Search":
    """Better settings for the documents, each one measured; see `chunking.optimize`."""
    from mlxgpt.chunking.optimize import search
    from mlxgpt.errors import TokenizerError

    if subject.tokenizer is None:
        raise TokenizerError(
            f"Settings cannot be compared without the tokenizer {subject.tokenizer_name}.",
            hint="Give one with --tokenizer.",
        )
    texts = [text for text, _ in subject.documents]
    return search(texts, subject.tokenizer, subject.strategy, subject.options, budget_seconds=budget_seconds)
