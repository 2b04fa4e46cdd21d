"""What a job says while it works: frozen, JSON-safe facts in the past tense, with units in their names.

A job is an ordinary generator of events.  `list(job)` tests it, `for event in job` shows it, `record(job, path)` keeps it,
`.close()` cancels it.  A front end folds events into pictures; `replay` gives it the same events from a file, so a live
run, another process's run and last month's run are one piece of code.
"""

import dataclasses
import json
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, get_args, get_origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The base of all events; the class name is the event's name in JSON."""

    kinds: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super(Event, cls).__init_subclass__(**kwargs)
        Event.kinds[cls.__name__] = cls  # dataclass(slots=True) rebuilds the class: the later one wins

    def to_json(self) -> dict[str, Any]:
        """`{"event": name, field: value, …}` with plain values only."""
        return {"event": type(self).__name__, **dataclasses.asdict(self)}


# ---- training --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """Training begins: what is trained, on what, for how long."""

    run: str
    device: str
    parameters: int
    train_tokens: int
    validation_tokens: int
    steps: int
    batch_tokens: int
    resumed_from_step: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished(Event):
    """One optimizer step.  `loss` is nats per token, `smoothed_loss` its exponential moving average."""

    step: int
    steps: int
    epoch: float
    loss: float
    smoothed_loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    tokens_seen: int
    seconds_left: float
    peak_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFinished(Event):
    """The loss on held-out documents."""

    step: int
    loss: float
    perplexity: float
    bits_per_byte: float
    best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsMeasured(Event):
    """What the next step after `step` does in each layer: L2 norms of its gradient (before clipping), of its weights, and
    of their change; `update_ratios` is change / weights."""

    step: int
    layers: tuple[str, ...]
    gradient_norms: tuple[float, ...]
    weight_norms: tuple[float, ...]
    update_ratios: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDrawn(Event):
    """What the model writes at this moment of training."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved(Event):
    """A whole checkpoint is on the disk."""

    step: int
    path: str
    best: bool
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """Training ended; `reason` is completed, out of time, early stop or interrupted."""

    run: str
    reason: str
    step: int
    loss: float
    validation_loss: float | None
    seconds: float
    tokens_seen: int
    tokens_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused(Event):
    """Training waits after `step`, until it is told to go on."""

    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContinued(Event):
    """Training goes on, after `seconds` of waiting."""

    step: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """Something a person may want to know, in one sentence: a choice made, a fallback taken."""

    text: str


# ---- inspection ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LensStepFinished(Event):
    """A step of tuning a lens: `divergence` is the mean KL, in nats, from the final prediction to the lens."""

    step: int
    steps: int
    divergence: float


# ---- tokenizer -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeLearned(Event):
    """BPE training joined its most frequent pair: `left` and `right`, seen `count` times, become the entry `new_id`.

    The texts are for showing; an entry that is part of a character reads as an escape such as "\\xc3".
    """

    rank: int
    left: int
    right: int
    new_id: int
    left_text: str
    right_text: str
    text: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerProgressed(Event):
    """So much of the corpus was read; when it is all, the merges are being learned."""

    documents: int
    corpus_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerTrained(Event):
    """A tokenizer was trained and saved; `bytes_per_token` is that of the first 4 million characters."""

    path: str
    algorithm: str
    vocab_size: int
    corpus_bytes: int
    bytes_per_token: float
    seconds: float


# ---- chunking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkingStarted(Event):
    """So many files are about to be cut, by so many processes."""

    files: int
    bytes: int
    strategy: str
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkingProgressed(Event):
    """`path` is being cut; the counts are those of all files so far."""

    path: str
    bytes: int
    total_bytes: int
    chunks: int
    tokens_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChunked(Event):
    """A file was cut to its end; `cached` when its chunks were known from before."""

    path: str
    chunks: int
    n_tokens: int
    characters: int
    bytes: int
    seconds: float
    cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRefused(Event):
    """A file could not be read; the others go on."""

    path: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkingFinished(Event):
    """All files were cut or refused; or the job was `stopped`, and the last one is not complete."""

    files: int
    refused: int
    cache_hits: int
    chunks: int
    n_tokens: int
    bytes: int
    seconds: float
    stopped: bool


# ---- benchmarks ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkStarted(Event):
    """Ways of chunking one file are about to be measured, one of `rows` after the other, each in a process of its own."""

    path: str
    bytes: int
    characters: int
    tokenizer: str
    max_size: int
    iterations: int
    warmup: int
    max_seconds: float
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRowStarted(Event):
    """The next measurement of `cells` began; `growth` when it is that of the cost against the size of the text."""

    row: str
    number: int
    cells: int
    growth: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRowMeasured(Event):
    """What one row did with the first `bytes` of the file: all of it, unless it is too slow for the time it has.

    `kind` is floor, strategy or peer.  `cold_seconds` is the first run in a fresh process, with an empty table of
    counts; the spreads are over `iterations` runs after it, a megabyte being 10⁶ bytes.  In these runs the process had
    `processor_share` of a core: below 1, others wanted it too.  `peak_bytes` is the resident memory of the process at its
    highest: interpreter, libraries, tokenizer, text and chunks.  Sizes are tokens of each chunk encoded alone, shares are
    of all cuts; a floor makes no chunks.  `altered` chunks are not in the text.
    """

    row: str
    kind: str
    version: str
    bytes: int
    tokens: int
    iterations: int
    cold_seconds: float
    megabytes_per_second: float
    megabytes_per_second_sd: float
    megabytes_per_second_p5: float
    megabytes_per_second_p50: float
    megabytes_per_second_p95: float
    tokens_per_second: float
    tokens_per_second_sd: float
    tokens_per_second_p5: float
    tokens_per_second_p50: float
    tokens_per_second_p95: float
    processor_share: float
    peak_bytes: int
    chunks: int = 0
    mean_size: float = 0.0
    largest: int = 0
    fill: float = 0.0
    over_limit: int = 0
    mid_sentence: float = 0.0
    mid_word: float = 0.0
    altered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRowFailed(Event):
    """A row has no figures: its library is not installed, or it failed.  The others go on."""

    row: str
    message: str
    hint: str = ""
    growth: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkGrowthMeasured(Event):
    """What texts of so many bytes took; `exponent` is the slope of log seconds over log bytes, 1 when cost is linear.

    It is None for a row that only finished one of them in its time.
    """

    row: str
    bytes: tuple[int, ...]
    seconds: tuple[float, ...]
    exponent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkFinished(Event):
    """Everything was measured, or the job was `stopped`; `recommended` is a strategy, chosen by the rule in `reason`."""

    recommended: str
    reason: str
    seconds: float
    stopped: bool


# ---- cleaning --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningStarted(Event):
    """So many files are about to be cleaned."""

    files: int
    bytes: int
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningProgressed(Event):
    """How far it is: `documents` of the pass that is going on, `share` of both, characters that were read so far."""

    documents: int
    share: float
    characters: int
    characters_per_second: float
    seconds_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDropped(Event):
    """A document was dropped by a rule, with what was measured."""

    source: str
    place: str
    rule: str
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningFinished(Event):
    """All is written; or the job was `stopped`, and nothing is.

    `changed` and `dropped` count documents by rule; `memory_bytes` were held to find duplicates.
    """

    documents: int
    kept: int
    refused: int
    changed: dict[str, int]
    dropped: dict[str, int]
    characters: int
    characters_kept: int
    memory_bytes: int
    seconds: float
    stopped: bool


# ---- datasets --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildStarted(Event):
    """So many files of `sources` sources are about to become shards; with `resumed_documents` an earlier build goes on."""

    path: str
    sources: int
    files: int
    bytes: int
    workers: int
    resumed_documents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildProgressed(Event):
    """Counts since the beginning, rates of this process; `bytes` are those of the text that was read."""

    path: str
    documents: int
    dropped: int
    tokens: int
    bytes: int
    share: float
    documents_per_second: float
    bytes_per_second: float
    tokens_per_second: float
    seconds_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardWritten(Event):
    """A shard is complete; it appears at its place with all the others."""

    file: str
    documents: int
    tokens: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFinished(Event):
    """The dataset is at `path`; or the job was `stopped`, and the same command goes on from here.

    `known` when it was there already, made from the same sources with the same settings.
    """

    path: str
    documents: int
    dropped: int
    refused: int
    train_documents: int
    train_tokens: int
    validation_documents: int
    validation_tokens: int
    bytes: int
    seconds: float
    stopped: bool = False
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgressed(Event):
    """Rows of a dataset of the Hub so far; `limit` is how many are wanted, 0 for all."""

    rows: int
    limit: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFetched(Event):
    """The rows are in a file; `stopped` when more were wanted.  `license` is empty where it is not known here."""

    name: str
    path: str
    rows: int
    bytes: int
    license: str
    seconds: float
    stopped: bool


# ---- models of the Hub -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFetchProgressed(Event):
    """Bytes of a model of the Hub so far, of those that were not in the cache."""

    name: str
    bytes: int
    total_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFetched(Event):
    """A model of the Hub is in the cache, `bytes` of it new; `commit` is what `revision` means today."""

    name: str
    revision: str
    commit: str
    path: str
    bytes: int
    seconds: float


# ---- generation ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRead(Event):
    """The prompt of `tokens` tokens went through the model, all but its last token, which the first step of writing reads.

    `dropped_tokens` of it did not fit the context and were left out; `reused_tokens` were still known from before.
    `left_out` are the numbers, from 0, of the messages of a conversation that the model does not see.
    """

    tokens: int
    dropped_tokens: int
    seconds: float
    reused_tokens: int = 0
    left_out: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGenerated(Event):
    """One token: its id, the text that became certain with it, and the token alone as it is shown (`token`).

    `text` is empty while a character or a possible stop text is incomplete, and for the token that ends the text; the
    texts of all tokens together are the text written.  Probability and rank (1 = most likely) are those of the token in
    softmax(logits), the model's own distribution before temperature, penalty and filters; None unless asked for.
    So are its `entropy` in nats, before the token was known, and the `alternatives`, the likeliest tokens and their
    probabilities, the best first.

    `draw` is the random number in [0, 1) that chose the token: it fell into the token's `slice` of the distribution that
    was drawn from, with penalty, temperature and filters (from, to); `slices` are those of the alternatives, as wide as
    their chances were, empty where a filter ruled one out.  None of them for a token that no number chose: a greedy one,
    or one that was given.
    """

    id: int
    text: str
    token: str = ""
    probability: float | None = None
    rank: int | None = None
    entropy: float | None = None
    draw: float | None = None
    slice: tuple[float, float] | None = None
    alternatives: tuple[tuple[int, float], ...] = ()
    slices: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationFinished(Event):
    """Writing ended; `reason` is eos (the model ended it), stop (a stop text), length (enough tokens) or stopped.

    `tokens` counts all that were generated, an ending one included; `tokens_per_second` those after the first, from the
    first on, 0 when there is only one; `seconds_to_first_token` includes reading the prompt.  `seed` repeats the text.
    """

    reason: str
    text: str
    tokens: int
    tokens_per_second: float
    seconds_to_first_token: float
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsStarted(Event):
    """So many texts are about to be written, `batch_size` side by side; `skipped` were there from before."""

    total: int
    skipped: int
    batch_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWritten(Event):
    """One text of many: sample number `sample` of the prompt `id`; `reason` as in `GenerationFinished`."""

    id: str | int
    sample: int
    prompt: Any  # Any: a text, or a list of messages
    text: str
    reason: str
    tokens: int
    prompt_tokens: int
    seed: int
    metadata: Any = None  # Any: JSON of the user's


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRefused(Event):
    """A line of a file of prompts cannot be continued; the others go on."""

    line: int
    id: str | int | None
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsProgressed(Event):
    """How far the texts are; `tokens_per_second` is that of all of them together."""

    done: int
    total: int
    tokens: int
    tokens_per_second: float
    seconds_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TextsFinished(Event):
    """All texts were written or refused; or the job was `stopped`, and the same command goes on with the rest."""

    written: int
    skipped: int
    refused: int
    tokens: int
    seconds: float
    tokens_per_second: float
    stopped: bool


# ---- evaluation ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted(Event):
    """A model is about to be asked the items of a task."""

    task: str
    kind: str
    model: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgressed(Event):
    """How many items of the task are done."""

    task: str
    model: str
    done: int
    items: int
    seconds_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricMeasured(Event):
    """A figure over `items`, and its bounds of 95% confidence by `method`; `group` names a part of the task, "" is all.

    `seconds` is what the whole task took, 0 for a group.
    """

    task: str
    model: str
    metric: str
    group: str
    value: float
    low: float
    high: float
    method: str
    items: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCompared(Event):
    """A figure of two models over the same items: the difference a - b, its bounds, and how probable it is by chance."""

    task: str
    metric: str
    model_a: str
    model_b: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float
    test: str
    items: int


# ---- lessons ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonStarted(Event):
    """A lesson begins, number `number` of the `lessons` that were asked for; `lang` is the language of its texts."""

    lesson: str
    number: int
    lessons: int
    level: str
    title: str
    about: str
    model: str
    lang: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonStep(Event):
    """The base of what a lesson shows: the `key` of its text, the line of our code that showed it, and when (seconds from
    the lesson's beginning)."""

    lesson: str
    key: str
    source: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IdeaTold(LessonStep):
    """A paragraph under an optional heading.  Every number in it is in `numbers`, unrounded, under its template's name."""

    heading: str
    text: str
    numbers: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorShown(LessonStep):
    """The beginning of a tensor, `values` (rows of numbers), of all its `shape`; the rest are figures of the whole tensor."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: tuple[tuple[float, ...], ...]
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    mean: float
    deviation: float
    smallest: float
    largest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShown(LessonStep):
    """Rows under columns; `formats` says how the numbers of each column are written (".3f")."""

    title: str
    columns: tuple[str, ...]
    formats: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarsDrawn(LessonStep):
    """One bar for each label."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvesDrawn(LessonStep):
    """Several curves in one frame: curve `names[i]` goes through the points (`xs[i]`, `ys[i]`)."""

    title: str
    x_label: str
    y_label: str
    names: tuple[str, ...]
    xs: tuple[tuple[float, ...], ...]
    ys: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapDrawn(LessonStep):
    """A matrix as colours and numbers."""

    title: str
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceDrawn(LessonStep):
    """A landscape seen from above, `heights` (rows along y, columns along x), and the paths (x, y) that walkers took."""

    title: str
    x_label: str
    y_label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    heights: tuple[tuple[float, ...], ...]
    names: tuple[str, ...]
    paths: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsDrawn(LessonStep):
    """A map: each of `names` stands at its (x, y)."""

    title: str
    x_label: str
    y_label: str
    names: tuple[str, ...]
    xs: tuple[float, ...]
    ys: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeShown(LessonStep):
    """The project's own lines that did what was just shown."""

    title: str
    name: str
    path: str
    first_line: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseAsked(LessonStep):
    """A question whose answer was just computed: a number within `tolerance`, or, with `choices`, the index of one.

    With `percent` the answer is a share of one that people write as a percentage.
    """

    number: int
    question: str
    hint: str
    why: str
    answer: float
    tolerance: float
    choices: tuple[str, ...]
    numbers: dict[str, Any]
    percent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonFinished(Event):
    """The lesson is over; `following` is the next one of the path, or empty."""

    lesson: str
    exercises: int
    seconds: float
    following: str


# ---- keeping and replaying -------------------------------------------------------------------------------------------


def from_json(line: dict[str, Any]) -> Event | None:
    """The event a JSON object stands for; None for a kind this version does not know, `TypeError` for a wrong value."""
    kind = Event.kinds.get(line.get("event", ""))
    if kind is None:
        return None
    types = {field.name: field.type for field in dataclasses.fields(kind)}
    event = kind(**{key: _frozen(value) for key, value in line.items() if key in types})
    for name, wanted in types.items():
        if not _fits(getattr(event, name), wanted):
            raise TypeError(f"{kind.__name__}.{name} cannot be {getattr(event, name)!r}")
    return event


def _fits(value: Any, wanted: Any) -> bool:  # Any: JSON, and a type as it is written at a field
    """Whether a value is of a field's type, as far as numbers, words and tuples of them go."""
    if wanted in (int, float, str, bool):
        return isinstance(value, int | float if wanted is float else wanted)
    if isinstance(wanted, UnionType):
        return any(_fits(value, each) for each in get_args(wanted))
    if wanted is NoneType:
        return value is None
    if get_origin(wanted) is tuple:
        inner = get_args(wanted)
        if not isinstance(value, tuple):
            return False
        inner = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return len(inner) == len(value) and all(map(_fits, value, inner))
    return True


def _frozen(value: Any) -> Any:  # Any: JSON
    """Lists as tuples, inside one another too."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def record(job: Iterable[Event], path: Path) -> Iterator[Event]:
    """Pass the events of `job` on, each one appended to `path` as a JSON line with the time first.

    Closing it closes the job.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A lone surrogate, as in a file name that is not UTF-8, becomes its escape, which is JSON too.
    with path.open("a", encoding="utf-8", buffering=1, errors="backslashreplace") as file:
        if _cut_off(path):
            file.write("\n")
        try:
            for event in job:
                file.write(json.dumps({"time": round(time.time(), 3), **event.to_json()}, ensure_ascii=False) + "\n")
                yield event
        finally:
            if isinstance(job, Generator):
                job.close()


def _cut_off(path: Path) -> bool:
    """Whether the last line of a file has no end: a crash came in between."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1))
        return file.read() not in (b"", b"\n")


def replay(path: Path, *, follow: bool = False, poll_seconds: float = 0.2) -> Iterator[Event]:
    """The events of a recorded run; with `follow`, those still to come too."""
    tail = Tail(path)
    try:
        yield from tail.read()
        while follow:
            time.sleep(poll_seconds)
            yield from tail.read()
    finally:
        tail.close()


class Tail:
    """A file of events that may still be growing.

    A last line that was cut off by a crash is not an event; unknown kinds are skipped, and so are damaged lines, which
    `damaged` counts.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open(encoding="utf-8", errors="replace")
        self._pending = ""
        self.damaged = 0

    def read(self) -> Iterator[Event]:
        """The events that came since the last time."""
        while chunk := self._file.readline():
            self._pending += chunk
            if not self._pending.endswith("\n"):
                continue
            line, self._pending = self._pending, ""
            try:
                event = from_json(json.loads(line))
            except (ValueError, TypeError, AttributeError, RecursionError):  # no JSON, or not an event's
                self.damaged += bool(line.strip())
                continue
            if event is not None:
                yield event

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
