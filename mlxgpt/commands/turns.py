"""Commands that write: again, on, from a file, with another model; and one that measures how fast."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlxgpt.commands.talk import Talk
from mlxgpt.errors import ConfigError, DataError
from mlxgpt.events import Event, GenerationFinished, PromptRead
from mlxgpt.generation.commands import Command, Reply, Value

if TYPE_CHECKING:
    from mlxgpt.runs import Run

MOST_BYTES = 1 << 20  # of a file that becomes a message
BENCH_TOKENS = 64


def retry(talk: Talk) -> Reply:
    """The last message answered anew; another seed, unless one is fixed, gives another answer."""
    chat = talk.chat
    talk.text  # noqa: B018  # raises when there is none
    asked = chat.messages[:-1]
    if chat.completes and not asked[-1]["content"]:
        raise DataError(
            "The last message went on with a text: there is nothing to answer anew.", hint="Write a beginning."
        )
    return Reply(text="", job=lambda stop: chat.write(asked, stop=stop))


def go_on(talk: Talk) -> Reply:
    """The last answer, longer."""
    chat = talk.chat
    text, asked = talk.text, chat.messages[:-1]
    if chat.completes:
        return Reply(text="", job=lambda stop: chat.say("", stop=stop))
    kept = chat.tokenizer.encode(text)
    return Reply(text="", job=lambda stop: chat.write(asked, kept=kept, stop=stop))


def load(talk: Talk, value: Value) -> Reply:
    """A text file as the next message."""
    text = read_text(value)
    return Reply(text=f"{len(text):,} characters", job=lambda stop: talk.chat.say(text, stop=stop))


def read_text(value: Value) -> str:
    """The text of a file that is to become a message."""
    if value is None:
        raise ConfigError("/load needs a file.", hint="Type /load FILE, for example /load carta.txt.")
    path = Path(str(value)).expanduser()
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from None
    if len(raw) > MOST_BYTES:
        raise DataError(f"{path} is longer than {MOST_BYTES >> 20} MiB.", hint="Chunk it: mlxgpt chunk --file FILE.")
    if not (text := raw.decode("utf-8-sig", "replace").strip()):
        raise DataError(f"{path} is empty.")
    return text


def model(talk: Talk, value: Value) -> Reply:
    """Another model for the same conversation."""
    from mlxgpt import runs

    if value is None:
        known = ", ".join(entry for entry in words() if "/" not in entry)
        return Reply(text=f"The model is {talk.word} (a path, the name of a run, or one of: {known})")
    runs.find_model(str(value))  # raises for one that there is not
    return Reply(text=f"The model is now {value}, was {talk.word}", model=str(value))


def words() -> list[str]:
    """What `/model` may be, of what is here."""
    from mlxgpt import runs

    trained = runs.all_runs()
    shipped = [path.name for path in runs.model_directories() if not path.name.startswith("step-")]
    checkpoints = [f"{run.path.name}/step-{step:08d}" for run in trained for step in run.steps()]
    return [*shipped, *(["best", "last"] if trained else []), *(run.path.name for run in trained), *checkpoints]


def checkpoint(talk: Talk, value: Value) -> Reply:
    """Another checkpoint of the same run."""
    try:
        run, now = _run_of(talk.word)
    except DataError as error:
        if value is not None:
            raise
        return Reply(text=f"{error.message}  {error.hint}")
    steps = run.steps()
    if value is None:
        return Reply(text=f"The checkpoint is {now} of {run.path.name} ({', '.join(map(str, steps))})")
    if value not in steps:
        closest = min(steps, key=lambda step: abs(step - int(value)))
        raise ConfigError(
            f"{run.path.name} has no checkpoint of step {value}.",
            hint=f"Steps are {', '.join(map(str, steps))}; the nearest is {closest}.  Now it is {now}.",
        )
    word = f"{run.path.name}/step-{int(value):08d}"
    return Reply(
        text=f"The checkpoint is now {value}, was {now}",
        model=word if _known(word) else str(run.checkpoint(int(value))),
    )


def _known(word: str) -> bool:
    return word in words()


def _run_of(word: str) -> "tuple[Run, int]":
    """The run that a model belongs to, and the step of its checkpoint."""
    from mlxgpt import runs

    path = runs.find_model(word).resolve()
    run = runs.Run(path=path.parent.parent)
    if not run.config.is_file() or not path.name.startswith("step-"):
        raise DataError(
            f"{word} is no checkpoint of a run.", hint="Open one with /model RUN; `mlxgpt list` shows them."
        )
    return run, int(path.name.removeprefix("step-"))


def bench(talk: Talk) -> Reply:
    """How fast this model reads and writes here; the conversation is not touched."""
    from mlxgpt.generation.generate import generate

    chat = talk.chat
    length = max(2, min(chat.model.config.context_length // 2, 256))
    prompt = [(number * 7919) % chat.model.config.vocab_size for number in range(length)]  # any ids take as long
    config = chat.config.with_(max_tokens=BENCH_TOKENS, temperature=0.0, stop=(), show_tokens=False, alternatives=0)
    read, finished = _measured(generate(chat.model, chat.tokenizer, prompt, config, stop_ids=frozenset()))
    return Reply(
        text=f"reading  {read.tokens / read.seconds:10,.0f} tokens/s   {read.tokens} tokens in {read.seconds * 1000:,.1f} ms\n"
        f"writing  {finished.tokens_per_second:10,.1f} tokens/s   {finished.tokens} tokens, the first after "
        f"{finished.seconds_to_first_token * 1000:,.1f} ms"
    )


def _measured(job: Iterator[Event]) -> tuple[PromptRead, GenerationFinished]:
    events = list(job)
    read = next(event for event in events if isinstance(event, PromptRead))
    finished = next(event for event in events if isinstance(event, GenerationFinished))
    return read, finished


def undo(talk: Talk) -> Reply:
    """Settings as they were before the last command that changed them; says which."""
    before = _by_name(talk)
    if not talk.undo():
        raise DataError("There is nothing to take back.", hint="/undo takes back changes of settings.")
    changed = [
        f"{name} is {value} again, was {before[name]}"
        for name, value in _by_name(talk).items()
        if value != before[name]
    ]
    return Reply(text="Taken back: " + "; ".join(changed))


def _by_name(talk: Talk) -> dict[str, str]:
    """The settings that commands change, as they are typed and shown."""
    from mlxgpt.generation.commands import BASIC, current, shown

    found = {command.name: shown(current(talk.config, command.setting)) for command in BASIC if command.setting}
    chunking = talk.chat.chunking
    return found | {
        "show-tokens": "on" if talk.config.show_tokens else "off",
        "chunk-strategy": chunking.strategy,
        "chunk-size": str(chunking.size),
        "system": repr(talk.chat.system) if talk.chat.system else "off",
    }


TURNS: tuple[Command, ...] = (
    Command(name="retry", kind="none", run=lambda talk, _: retry(talk), help="answer the last message anew"),
    Command(name="continue", kind="none", run=lambda talk, _: go_on(talk), help="go on with the last answer"),
    Command(name="load", kind="path", argument="FILE", run=load, help="a text file as the next message"),
    Command(
        name="model", kind="text", argument="PATH", run=model, choices=words,
        help="another model for the same conversation",
    ),
    Command(name="ckpt", kind="whole", argument="STEP", run=checkpoint, help="another checkpoint of the same run"),
    Command(name="bench", kind="none", run=lambda talk, _: bench(talk), help="how fast the model reads and writes here"),
    Command(name="undo", kind="none", run=lambda talk, _: undo(talk), help="take the last change of a setting back"),
)  # fmt: skip
