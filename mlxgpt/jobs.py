"""Every verb of the program: the front ends' only door.  A verb is imported when it is called.

A verb that takes time is a job, a generator of events; one that answers at once returns a report.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxgpt.config import Settings
from mlxgpt.events import Event

if TYPE_CHECKING:
    from mlxgpt.backend.doctor import DoctorReport
    from mlxgpt.benchmark.config import ChunkingBenchmarkConfig
    from mlxgpt.chunking.analysis.model_scores import ModelScores
    from mlxgpt.chunking.analysis.subject import Findings, Subject
    from mlxgpt.chunking.config import ChunkConfig
    from mlxgpt.chunking.optimize import Search
    from mlxgpt.chunking.watching import Part
    from mlxgpt.convert.exporting import Exported
    from mlxgpt.convert.importing import Imported
    from mlxgpt.data.clean import CleanJobConfig
    from mlxgpt.data.config import BuildConfig
    from mlxgpt.data.fetch import FetchConfig
    from mlxgpt.data.stats import DatasetReport, Sample
    from mlxgpt.generation.chat import Chat
    from mlxgpt.inspection.code import Piece
    from mlxgpt.inspection.inspector import Inspector
    from mlxgpt.inspection.live import Watch
    from mlxgpt.inspection.reads import Reads
    from mlxgpt.inspection.reports import TrainingReport
    from mlxgpt.lessons.config import LessonConfig, NarrationConfig
    from mlxgpt.listing import Entry
    from mlxgpt.model.report import ModelReport
    from mlxgpt.quantization.report import QuantizationReport
    from mlxgpt.tokenizer.base import Tokenizer
    from mlxgpt.tokenizer.fast import FastTokenizer
    from mlxgpt.tokenizer.report import TokenizerReport
    from mlxgpt.tokenizer.spans import Merging, Spans
    from mlxgpt.training.config import TrainConfig


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


def presets() -> list[str]:
    """The names of the shipped presets."""
    from mlxgpt.model.config import presets

    return list(presets())


def train_tokenizer(
    paths: Sequence[str | Path],
    output: Path,
    settings: Settings,
    *,
    column: str | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Train a tokenizer on files, folders and patterns; see `data.tokenizing`."""
    from mlxgpt.config import build
    from mlxgpt.data.tokenizing import train
    from mlxgpt.tokenizer.config import TokenizerConfig

    config = build(TokenizerConfig, settings, where="tokenizer")
    return train(paths, output, config, column=column, stop=stop)


def tokenize(tokenizer: str, text: str, *, specials: bool = False) -> list[tuple[int, str]]:
    """The (id, piece) pairs of a text; with `specials`, "<EOS>" in it is that token."""
    loaded = _tokenizer(tokenizer)
    return [(token, loaded.token_text(token)) for token in loaded.encode(text, specials=specials)]


def detokenize(tokenizer: str, ids: Sequence[int], *, skip_specials: bool = False) -> str:
    """The text of ids; `TokenizerError` for one that the tokenizer does not have."""
    from mlxgpt.errors import TokenizerError

    loaded = _tokenizer(tokenizer)
    for token in ids:
        if not 0 <= token < loaded.vocab_size:
            raise TokenizerError(
                f"There is no token {token} in {tokenizer}.", hint=f"Its ids are 0 … {loaded.vocab_size - 1}."
            )
    return loaded.decode(ids, skip_specials=skip_specials)


def inspect_tokenizer(tokenizer: str, paths: Sequence[str | Path], *, column: str | None = None) -> "TokenizerReport":
    """How well a tokenizer suits a text."""
    from mlxgpt.data.tokenizing import measure

    return measure(_tokenizer(tokenizer), paths, column=column)


def compare_tokenizers(
    tokenizers: Sequence[str], paths: Sequence[str | Path], *, column: str | None = None
) -> "list[TokenizerReport]":
    """The reports of several tokenizers on the same text."""
    from mlxgpt.data.tokenizing import compare

    return compare([_tokenizer(word) for word in tokenizers], paths, column=column)


def open_tokenizer(word: str) -> "FastTokenizer":
    """The tokenizer in a folder, or of a model, without MLX; "byte" is the one that makes each byte a token."""
    from mlxgpt.tokenizer.simple import byte_tokenizer

    return byte_tokenizer() if word == "byte" else _tokenizer(word)


def token_spans(tokenizer: "FastTokenizer", text: str, *, specials: bool = False) -> "Spans":
    """The tokens of a text with their places in it; see `tokenizer.spans`."""
    from mlxgpt.tokenizer.spans import spans

    return spans(tokenizer, text, specials=specials)


def watch_merges(tokenizer: "FastTokenizer") -> "Merging":
    """How a tokenizer makes its entries and the tokens of a word, merge by merge."""
    from mlxgpt.tokenizer.spans import Merging

    return Merging(tokenizer)


def _tokenizer(word: str) -> "FastTokenizer":
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


def chunk_text(text: str, name: str, config: "ChunkConfig", output: Path, *, kind: str = "") -> Iterator[Event]:
    """Cut a text that is no file, and write its chunks as `chunk` does; `name` is what the file calls it."""
    from mlxgpt.chunking.output import chunk_text

    return chunk_text(text, name, _tokenizer(config.tokenizer), config, output, kind=kind)


def read_document(path: Path) -> str:
    """The text of a file in UTF-8; `DataError` says what is wrong with it."""
    from mlxgpt.chunking import sources

    sources.check_text(path, sources.Decoding(), str(path))
    return "".join(block.text for block in sources.read_blocks(path, sources.Decoding(), str(path)))


def watch_chunking(
    text: str, tokenizer: "Tokenizer", strategy: str, options: Settings, *, stop: threading.Event | None = None
) -> "Iterator[Part]":
    """The chunks of a text as they are made, with why each ends where it does; see `chunking.watching`."""
    from mlxgpt.chunking import registry
    from mlxgpt.chunking.watching import watch

    return watch(text, tokenizer, registry.create(strategy, **options), stop=stop)


def load_build_config(
    given: Settings, sources: Sequence[str] = (), *, column: str | None = None, recipe: Path | None = None
) -> "BuildConfig":
    """The settings of a build from a recipe, and what was given besides."""
    from mlxgpt.data.recipe import load_build_config

    return load_build_config(given, sources, column=column, recipe=recipe)


def build_dataset(
    config: "BuildConfig", *, restart: bool = False, stop: threading.Event | None = None
) -> Iterator[Event]:
    """Make shards to train from; see `data.build`."""
    from mlxgpt.data.build import build_dataset

    return build_dataset(config, _tokenizer(config.tokenizer), restart=restart, stop=stop)


def fetch(config: "FetchConfig", *, stop: threading.Event | None = None) -> Iterator[Event]:
    """Rows of a dataset of the Hugging Face Hub as a file; see `data.fetch`."""
    from mlxgpt.data.fetch import fetch

    return fetch(config, stop=stop)


def fetch_model(word: str, *, stop: threading.Event | None = None) -> Iterator[Event]:
    """Fetch a model of the Hub, hf:ORG/NAME, into the cache; see `hub`."""
    from mlxgpt import hub

    return hub.fetch(word, stop=stop)


def describe_dataset(path: Path) -> "DatasetReport":
    """The figures of a dataset, every byte of it checked."""
    from mlxgpt.data.stats import examine

    return examine(path)


def peek(path: Path, *, count: int, side: str, source: str, most_tokens: int) -> "tuple[Sample, ...]":
    """Documents of a dataset, as they are learned."""
    from mlxgpt.data.stats import peek

    return peek(path, count=count, side=side, source=source, most_tokens=most_tokens)


def clean(paths: Sequence[str], config: "CleanJobConfig", *, stop: threading.Event | None = None) -> Iterator[Event]:
    """Mend the documents of files, folders and patterns, and drop those that are none; see `data.clean`."""
    from mlxgpt.data.clean import clean

    return clean(paths, config, stop=stop)


def list_checkpoints(folder: Path | None = None) -> "list[Entry]":
    """Every model directory there is."""
    from mlxgpt.listing import list_checkpoints

    return list_checkpoints(folder)


def describe_checkpoint(word: str) -> "Entry":
    """What the files of the model that `word` means say."""
    from mlxgpt.listing import describe_checkpoint

    return describe_checkpoint(word)


def sibling_checkpoints(word: str) -> tuple[list[Path], int]:
    """The checkpoints of the run that the model belongs to, in order, and which of them it is; ([], 0) if it is of no run."""
    from mlxgpt import runs

    directory = runs.find_model(word).resolve()
    found = runs.siblings(directory)
    return found, found.index(directory) if directory in found else 0


def device(word: str = "auto") -> str:
    """The kind of device that `word` stands for here: metal, cuda or cpu; MLX is made ready on it."""
    from mlxgpt.backend import devices

    return devices.prepare(word).device


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
    loaded, tokenizer = checkpoint.load_to_run(directory, devices.prepare(device).device)
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
    loaded, tokenizer = checkpoint.load_to_run(directory, devices.prepare(device).device)
    size = chunk_size or max(
        1, loaded.config.context_length - min(config.max_tokens, loaded.config.context_length // 2)
    )
    chunks = list(chunkers.create(strategy, max_size=size).split(prompt, tokenizer))
    if len(chunks) > 1:
        pieces = f"{len(chunks)} chunks of at most {size} tokens ({strategy})"
        yield Noted(text=f"The prompt is {pieces}; the model continues the last.")
    text = chunks[-1].text if chunks else prompt
    yield from generation.generate(loaded, tokenizer, _prompt_ids(text, tokenizer), config, stop=stop)


def generate_with_draft(
    model: str,
    draft: str,
    prompt: str,
    settings: Settings,
    *,
    device: str = "auto",
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Continue a prompt greedily, with a small model of the same tokenizer that guesses ahead; see `generation.speculative`."""
    from mlxgpt import checkpoint, runs
    from mlxgpt.backend import devices
    from mlxgpt.errors import ConfigError
    from mlxgpt.generation.config import read
    from mlxgpt.generation.speculative import speculate

    config = read(settings)
    directories = runs.find_model(model), runs.find_model(draft)
    chosen = devices.prepare(device).device
    (loaded, tokenizer), (guesser, other) = (checkpoint.load_to_run(directory, chosen) for directory in directories)
    if other.fingerprint != tokenizer.fingerprint:
        raise ConfigError(f"{draft} has another tokenizer than {model}.", hint="A draft is trained with the same one.")
    return speculate(loaded, guesser, tokenizer, _prompt_ids(prompt, tokenizer), config, stop=stop)


def generate_many(
    model: str,
    prompts: Path | str | None,
    output: Path | None,
    settings: Settings,
    *,
    batch_size: int = 16,
    samples: int = 1,
    prefix: Path | None = None,
    prefix_cache: Path | None = None,
    device: str = "auto",
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Continue every prompt of a file (stdin when None), or the one prompt that a str is; see `generation.many`.

    `prefix` is a file with a beginning that all share; what the model remembers of it is kept in `prefix_cache`.
    """
    import json
    import sys

    from mlxgpt import checkpoint, runs
    from mlxgpt.backend import devices
    from mlxgpt.errors import ConfigError
    from mlxgpt.events import Noted
    from mlxgpt.generation import prefix as shared
    from mlxgpt.generation.config import read
    from mlxgpt.generation.many import write_texts
    from mlxgpt.generation.prompts import prompts as read_prompts

    kv_bits = read(settings).kv_bits  # raises for the command's own settings, which are nobody's line
    if batch_size < 1 or samples < 1:
        raise ConfigError("--batch-size and --num-samples are at least 1.")
    if isinstance(prompts, Path) and output and output.exists() and output.samefile(prompts):
        raise ConfigError(f"{output} would be written over what is read.", hint="Choose another --output.")
    if isinstance(prompts, str):
        lines = [json.dumps(prompts)]
    else:
        raw = sys.stdin.buffer.read() if prompts is None else prompts.read_bytes()
        lines = raw.decode("utf-8-sig", "replace").split("\n")
    asked = list(read_prompts(lines, settings, plain=isinstance(prompts, Path) and prompts.suffix == ".txt"))
    directory = runs.find_model(model)
    loaded, tokenizer = checkpoint.load_to_run(directory, devices.prepare(device).device)
    beginning = None
    if prefix:
        shared_text = prefix.read_text(encoding="utf-8")
        if shared_text.endswith(" "):
            yield Noted(
                text="The shared beginning ends in a space, which most tokenizers join to the word behind it: "
                "begin each prompt with the space instead."
            )
        ids = _prompt_ids(shared_text, tokenizer)
        if prefix_cache:
            beginning, known = shared.cached(prefix_cache, loaded, tokenizer, ids)
            yield Noted(text=f"The shared beginning of {len(ids)} tokens was {'known' if known else 'read and kept'}.")
        else:
            beginning = shared.Prefix.read(loaded, tokenizer, ids)
    yield from write_texts(
        loaded,
        tokenizer,
        asked,
        output,
        batch_size=batch_size,
        samples=samples,
        prefix=beginning,
        kv_bits=kv_bits,
        stop=stop,
    )


def generate_explained(
    model: str,
    prompt: str,
    settings: Settings,
    narration: "NarrationConfig",
    *,
    device: str = "auto",
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Continue a prompt as `generate` does, and explain it; see `lessons.narration`."""
    from mlxgpt import checkpoint, runs
    from mlxgpt.backend import devices
    from mlxgpt.generation import generate as generation
    from mlxgpt.generation.config import read
    from mlxgpt.lessons.narration import narrate_writing

    config = read({**settings, "show_tokens": True})
    directory = runs.find_model(model)
    loaded, tokenizer = checkpoint.load_to_run(directory, devices.prepare(device).device)
    checkpoint.require_inside(loaded)
    window = generation.open_window(loaded, config)
    events = generation.generate(loaded, tokenizer, _prompt_ids(prompt, tokenizer), config, window=window, stop=stop)
    return narrate_writing(events, narration, loaded, tokenizer, lambda: window.rows[0])


def answer_explained(
    chat: "Chat", text: str, narration: "NarrationConfig", *, stop: threading.Event | None = None
) -> Iterator[Event]:
    """The answer of a chat, explained."""
    from mlxgpt import checkpoint
    from mlxgpt.lessons.narration import narrate_writing

    checkpoint.require_inside(chat.model)
    usual, chat.config = chat.config, chat.config.with_(show_tokens=True)
    try:
        events = chat.say(text, stop=stop)
        yield from narrate_writing(events, narration, chat.model, chat.tokenizer, lambda: chat.window.rows[0])
    finally:
        chat.config = usual


def train_explained(
    config: "TrainConfig",
    model_changes: Settings,
    narration: "NarrationConfig",
    *,
    device: str = "auto",
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Train as `train` does, and explain it; with tensors, each layer is measured five times in the run."""
    from mlxgpt.lessons.narration import narrate_training, with_signals

    config = with_signals(config) if narration.show_tensors else config
    return narrate_training(train(config, model_changes, device=device, stop=stop), narration)


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
    loaded, tokenizer = checkpoint.load_to_run(directory, devices.prepare(device).device)
    knows_chats = checkpoint.read_record(directory).get("data", {}).get("chats", True)
    chat = Chat(loaded, tokenizer, config, system=system, mode="auto" if knows_chats else "completion")
    if state is not None:
        chat.go_on(state)
    return chat


def evaluate(
    tasks: Sequence[str],
    model: str,
    settings: Settings,
    *,
    compare: str = "",
    limit: int = 0,
    samples: int = 64,
    device: str = "auto",
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Ask one model, or two, the tasks of files; see `evaluation.job`.  `settings` are those of texts that are written."""
    from mlxgpt import checkpoint, runs
    from mlxgpt.backend import devices
    from mlxgpt.errors import ConfigError
    from mlxgpt.evaluation import job
    from mlxgpt.generation.config import read

    config = read(settings)
    if limit < 0 or samples < 1:
        raise ConfigError("--limit is at least 0, --samples at least 1.")
    asked = [job.read(task, limit, samples) for task in tasks]
    directories = [runs.find_model(word) for word in (model, compare) if word]
    chosen = devices.prepare(device).device
    contestants = []
    for word, directory in zip((model, compare), directories, strict=False):
        loaded, tokenizer = checkpoint.load_to_run(directory, chosen)
        contestants.append(job.Contestant(name=word, model=loaded, tokenizer=tokenizer))
    return job.evaluate(asked, contestants, config, stop=stop)


def describe_model(word: str) -> "ModelReport":
    """The parts, sizes and costs of a model, a preset, or a size that `--model-size` knows."""
    from mlxgpt import runs
    from mlxgpt.convert import huggingface
    from mlxgpt.model.config import SIZES, preset_of_size, presets
    from mlxgpt.model.report import examine, examine_preset

    if word.lower().partition("-v")[0] in SIZES:
        word = preset_of_size(word)

    if word in presets() or word.endswith(".toml"):
        return examine_preset(word)
    directory = runs.find_model(word, presets=[*presets(), *SIZES])
    return examine(huggingface.read_config(directory), about=huggingface.described_packing(directory))


def import_model(source: str, out: Path | None = None, *, tokenizer: str = "", dtype: str = "") -> "Imported":
    """Make a model directory from a foreign one, a checkpoint, or a model of the Hub; see `convert.importing`.

    `tokenizer` is a folder with a tokenizer.json, the name of a model, or nanoGPT's meta.pkl.
    """
    from mlxgpt import hub
    from mlxgpt.convert import importing, nanogpt

    chosen = None
    if tokenizer:
        chosen = nanogpt.read_meta(Path(tokenizer)) if tokenizer.endswith(".pkl") else _tokenizer(tokenizer)
    path = hub.find(source) if hub.is_hub(source) else Path(source).expanduser()
    return importing.import_model(path, out, chosen, name=hub.model_name(path) if path.is_dir() else "", dtype=dtype)


def export(model: str, out: Path, to: str, *, quantize: str = "", dtype: str = "") -> "Exported":
    """Write a model in the form that another program reads; see `convert.exporting`."""
    from mlxgpt import checkpoint, runs
    from mlxgpt.backend import devices
    from mlxgpt.convert import exporting, huggingface

    exporting.check(to, quantize, dtype)
    devices.prepare("cpu")  # nothing is computed that a GPU would be faster at
    directory = runs.find_model(model)
    loaded = huggingface.load(directory)
    tokenizer = (
        checkpoint.load_tokenizer(directory, loaded.config) if (directory / "tokenizer.json").is_file() else None
    )
    knows_chats = checkpoint.read_record(directory).get("data", {}).get("chats", True)
    return exporting.export(
        directory, loaded, tokenizer, out, to=to, quantize=quantize, dtype=dtype, knows_chats=knows_chats
    )


def quantize(
    model: str,
    out: Path,
    settings: Settings,
    *,
    text: Path | None = None,
    device: str = "auto",
    told: "Callable[[float], object]" = lambda share: None,
) -> "QuantizationReport":
    """A model in fewer bits, and what that costs; see `quantization.quantize`."""
    from mlxgpt import runs
    from mlxgpt.backend import devices
    from mlxgpt.config import build
    from mlxgpt.quantization.config import QuantizeConfig
    from mlxgpt.quantization.quantize import quantize

    config = build(QuantizeConfig, settings, where="quantize")
    return quantize(runs.find_model(model), out, config, text=text, device=devices.prepare(device).device, told=told)


def benchmark_chunking(
    path: Path, config: "ChunkingBenchmarkConfig", *, stop: threading.Event | None = None
) -> Iterator[Event]:
    """Measure chunk strategies, and other libraries, on a file; see `benchmark.chunking`."""
    from mlxgpt.benchmark.chunking import benchmark_chunking

    return benchmark_chunking(path, _tokenizer(config.tokenizer), config, stop)


def analyze_chunks(subject: "Subject", *, lang: str = "auto") -> "Findings":
    """The figures of some chunks."""
    from mlxgpt.chunking.analysis.subject import Findings

    return Findings(
        strategy=subject.strategy, options=subject.options, report=subject.report(lang), notes=subject.notes
    )  # fmt: skip


def cut_scorer(
    model: str, *, threshold: float = 0.1, ungated: bool = False, device: str = "auto"
) -> "Callable[[Subject, Callable[[float], object]], ModelScores]":
    """What asks a model about the cuts of a subject; its second argument hears how much of the work is done, 0 … 1."""
    from mlxgpt import runs
    from mlxgpt.backend import devices
    from mlxgpt.evaluation import boundaries

    directory = runs.find_model(model)
    devices.prepare(device)
    loaded, tokenizer = boundaries.load(directory)
    return lambda subject, told: boundaries.score(
        loaded, tokenizer, subject.documents, threshold=threshold, ungated=ungated, told=told
    )


def read_chunks(path: Path, tokenizer: str = "") -> "Subject":
    """The documents and chunks of a chunks file, to be analysed; `tokenizer` instead of the one that it names."""
    from mlxgpt.chunking.analysis.subject import read_subject

    return read_subject(path, _tokenizer, tokenizer)


def chunk_to_analyze(
    path: Path,
    strategy: str,
    options: Settings,
    tokenizer: str = "nano-pt",
    *,
    encoding: str = "utf-8",
    errors: str = "strict",
) -> "Subject":
    """The documents of a file or folder, chunked now and nowhere kept."""
    import dataclasses

    from mlxgpt.chunking import registry, sources
    from mlxgpt.chunking.analysis.subject import Subject
    from mlxgpt.chunking.output import text_files

    chunker = registry.create(strategy, **options)
    loaded, decoding = _tokenizer(tokenizer), sources.Decoding(encoding=encoding, errors=errors)
    texts = []
    for file in text_files(path) if path.is_dir() else [path]:
        sources.check_text(file, decoding, str(file))
        texts.append("".join(block.text for block in sources.read_blocks(file, decoding, str(file))))
    return Subject(
        documents=tuple((text, tuple(chunker.split(text, loaded))) for text in texts),
        source=str(path), strategy=strategy,
        options=dataclasses.asdict(chunker),  # type: ignore[call-overload]  # every strategy is a dataclass
        tokenizer_name=tokenizer, tokenizer=loaded,
    )  # fmt: skip


def suggest_chunking(
    subject: "Subject", *, budget_seconds: float = 20.0, stop: threading.Event | None = None
) -> "Search":
    """Better settings for the documents, each one measured; see `chunking.optimize`."""
    from mlxgpt.chunking.optimize import search

    texts = [text for text, _ in subject.documents]
    tokenizer = subject.require_tokenizer()
    return search(texts, tokenizer, subject.strategy, subject.options, budget_seconds=budget_seconds, stop=stop)


def teach(config: "LessonConfig", *, device: str = "auto", stop: threading.Event | None = None) -> Iterator[Event]:
    """Lessons about how a GPT works, computed on a live model; see `lessons.teach`."""
    from mlxgpt.lessons.teach import teach

    return teach(config, device=device, stop=stop)


def learning_path(lang: str = "pt") -> list[dict[str, Any]]:
    """Every lesson in order, with what the learner has done of it."""
    from mlxgpt.lessons import path, progress
    from mlxgpt.lessons.language import Catalogue

    done = progress.load().lessons
    entries = []
    for station in path.PATH:
        texts = Catalogue(station.name, lang)
        mine = done.get(station.name, progress.Done())
        entries.append(
            {
                "lesson": station.name, "level": station.level, "modules": station.modules,
                "title": texts.write("title"), "about": texts.write("about"),
                "read": mine.read, "seen": mine.seen, "right": mine.solved, "exercises": mine.exercises,
            }
        )  # fmt: skip
    return entries


def open_inspector(model: str, *, device: str = "auto") -> "Inspector":
    """A model opened to be looked into; each method of an `Inspector` returns a report."""
    from mlxgpt import runs
    from mlxgpt.backend import devices
    from mlxgpt.inspection.inspector import Inspector

    directory = runs.find_model(model)
    devices.prepare(device)
    return Inspector.open(directory)


def has_inside(chat: "Chat") -> bool:
    """Whether the model can be looked into: it is of our own making, not one that mlx_lm runs."""
    from mlxgpt.model.gpt import GPT

    return isinstance(chat.model, GPT)


def watch(chat: "Chat", name: str = "") -> "Watch":
    """What looks on while a chat writes, and at any of its steps again; the chat tells it from now on."""
    from mlxgpt import checkpoint
    from mlxgpt.inspection.live import Watch

    checkpoint.require_inside(chat.model)
    chat.watch = watcher = Watch(chat.model, chat.tokenizer, name)
    return watcher


def chunk_context(text: str, chat: "Chat") -> "Findings":
    """The figures of a conversation cut as its chat cuts one; where that is off, by sentences."""
    import dataclasses

    from mlxgpt.chunking import registry
    from mlxgpt.chunking.analysis.subject import Subject

    chunking = chat.chunking
    strategy = chunking.shown
    chunker = registry.create(strategy, max_size=chunking.size)
    subject = Subject(
        documents=((text, tuple(chunker.split(text, chat.tokenizer))),), source="conversation", strategy=strategy,
        options=dataclasses.asdict(chunker),  # type: ignore[call-overload]  # every strategy is a dataclass
        tokenizer_name="", tokenizer=chat.tokenizer,
    )  # fmt: skip
    return analyze_chunks(subject)


def inspect_chat(chat: "Chat") -> "Inspector":
    """The model of a conversation looked into as it runs, in its own number format."""
    from mlxgpt.inspection.inspector import Inspector

    return Inspector(chat.model, chat.tokenizer, chat.model.config.name)


def chat_beside(word: str, inspector: "Inspector", system: str = "") -> "Chat":
    """A conversation with a model that is open to be looked into, to see how it would read one."""
    from mlxgpt import checkpoint, runs
    from mlxgpt.generation.chat import Chat

    knows_chats = checkpoint.read_record(runs.find_model(word)).get("data", {}).get("chats", True)
    return Chat(inspector.model, inspector.tokenizer, system=system, mode="auto" if knows_chats else "completion")


def view_sources(view: str) -> "list[Piece]":
    """The source of the functions behind a view of inspection; see `inspection.code`."""
    from mlxgpt.inspection.code import sources

    return sources(view)


def inspect_training(run: str, *, device: str = "auto") -> "TrainingReport":
    """A run looked into: the signals of its layers, and its spikes with the batches that caused them."""
    from mlxgpt import runs
    from mlxgpt.inspection.signals import signals

    return signals(runs.find_run(run), device=device)


def what_was_read(chat: "Chat", ids: Sequence[int]) -> "Reads":
    """Whom the model read to choose what comes after `ids`."""
    from mlxgpt.inspection.reads import reads

    return reads(chat.model, ids)
