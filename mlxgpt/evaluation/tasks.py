"""What a model can be asked: items with options of which one is right, read from the files they come in.  No MLX here.

    {"question": "…", "options": ["…", "…"], "answer": "B"}          multiple choice (ENEM, OAB)
    {"certa": "…", "errada": "…", "fenomeno": "…"}                   minimal pairs; also sentence_good, sentence_bad (BLiMP)
    : capital-pais ⏎ Assunção Paraguai Atenas Grécia                 analogies
    task.yaml                                                        an lm-eval task on a local file, see `lm_eval`

Every option is judged by how probable the model finds it after the context; so also a model that follows no instructions
can be asked.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxgpt.errors import DataError

QUESTION, LETTERS = "Pergunta: {question}\nResposta:", "ABCDEFGHIJ"
MOST_OPTIONS = len(LETTERS)
ANALOGY_OPTIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question: the option at `answer` is right.  Options begin with the space that separates them from the context."""

    id: str
    context: str
    options: tuple[str, ...]
    answer: int
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Items of one kind.  `sampled` says that a text is written and compared, `pairs` that whole sentences are."""

    name: str
    kind: str  # choice | pairs | analogies | loglikelihood | generate
    items: tuple[Item, ...]
    max_tokens: int = 0  # of what is written, for generate
    stop: tuple[str, ...] = ()


def read_task(path: Path) -> Task | None:
    """The task in a file; None for a text, on which perplexity is measured.

    Raises `DataError` for a file that begins as a task and has a line that is none.
    """
    if path.is_dir() or not path.exists():
        return None
    if path.suffix in (".yaml", ".yml"):
        from mlxgpt.evaluation.lm_eval import read_yaml  # it needs PyYAML and Jinja

        return read_yaml(path)
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    if first.startswith(": ") and path.suffix == ".txt":
        return Task(name=path.stem, kind="analogies", items=tuple(_analogies(path)))
    if path.suffix != ".jsonl":
        return None
    if not first.strip() and not any(lines(path)):
        raise DataError(f"{path} is empty.", hint="Give a text, or a task: a JSON object a line.")
    keys = _object(first, path, 1).keys()
    for kind, read in READERS.items():
        if keys & MARKS[kind]:
            return Task(name=path.stem, kind=kind, items=tuple(_items(path, read)))
    return None


def _items(path: Path, read: Callable[[Mapping[str, Any], str], Item]) -> Iterator[Item]:
    for number, line in lines(path):
        try:
            yield read(_object(line, path, number), f"{path.stem}-{number}")
        except (KeyError, TypeError, ValueError) as error:
            what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
            raise DataError(
                f"{path}, line {number}: {what}.", hint="Every line of a task has the same fields."
            ) from None


def _choice(given: Mapping[str, Any], name: str) -> Item:
    options = [str(option) for option in given["options"]]
    answer = given["answer"]
    place = LETTERS.find(answer) if isinstance(answer, str) and len(answer) == 1 else answer
    if not 2 <= len(options) <= MOST_OPTIONS or type(place) is not int or not 0 <= place < len(options):
        raise ValueError(f"the answer {answer!r} is not one of {len(options)} options")
    return Item(
        id=str(given.get("id", name)), context=QUESTION.format(question=str(given["question"]).strip()),
        options=tuple(f" {option.strip()}" for option in options), answer=place, group=str(given.get("group", "")),
    )  # fmt: skip


def _pair(given: Mapping[str, Any], name: str) -> Item:
    good, bad = ("certa", "errada") if "certa" in given else ("sentence_good", "sentence_bad")
    group = given.get("fenomeno", given.get("UID", given.get("phenomenon", "")))
    return Item(
        id=str(given.get("id", name)),
        context="",
        options=(str(given[good]), str(given[bad])),
        answer=0,
        group=str(group),
    )


READERS: dict[str, Callable[[Mapping[str, Any], str], Item]] = {"choice": _choice, "pairs": _pair}
MARKS = {"choice": {"options"}, "pairs": {"certa", "sentence_good"}}


def _analogies(path: Path) -> Iterator[Item]:
    """a is to b as c is to: the right d among others of its section, drawn with a seed that is the line's number."""
    section, found = "", []
    for number, line in lines(path):
        if line.startswith(":"):
            section = line[1:].strip()
        elif len(words := line.split()) == 4:
            found.append((number, section, words))
        else:
            raise DataError(
                f"{path}, line {number}, has {len(words)} words, not 4.", hint="a b c d, and a : before names."
            )
    answers: dict[str, list[str]] = {}
    for _, section, words in found:
        answers.setdefault(section, []).append(words[3])
    for number, section, (a, b, c, d) in found:
        others = sorted(set(answers[section]) - {d, b})
        if len(others) < ANALOGY_OPTIONS - 1:
            continue  # too few words to choose from
        options = [d, *random.Random(number).sample(others, ANALOGY_OPTIONS - 1)]
        yield Item(
            id=f"{path.stem}-{number}", context=f"{a} : {b} :: {c} :", options=tuple(f" {word}" for word in options),
            answer=0, group=section,
        )  # fmt: skip


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not empty, with their numbers."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line.strip()


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, line {number}, is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}, line {number}, is not an object.")
    return value
