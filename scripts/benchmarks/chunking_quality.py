"""How well passages are found in chunks: Chroma's evaluation of chunking, of our strategies and of other libraries.

    python scripts/benchmarks/chunking_quality.py --chroma FOLDER [--faquad PARAGRAPHS QUESTIONS] [--peers] [--minilm FOLDER]

FOLDER holds Chroma's corpora (.md) and `questions.csv`: 472 questions, each with the excerpts that answer it.  All chunks are
ranked for each question, by BM25 and by the embeddings of all-MiniLM-L6-v2, and of the characters t_r in the first five
chunks and t_e in the excerpts

    recall = |t_e ∩ t_r| / |t_e|      precision = |t_e ∩ t_r| / |t_r|      IoU = |t_e ∩ t_r| / |t_e ∪ t_r|

(Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", 2024; characters and not tokens, and chunks that share
text counted twice in t_r, as in their code).  Five chunks are more text where chunks are larger, so R@1k is the recall of the
first 1,024 tokens of the ranking, the last chunk cut off there.  Intact is the share of
excerpts that lie inside one chunk, which no ranking can change.

FaQuAD's paragraphs are joined to a document for each title; an answer's first place in its paragraph is the excerpt.

Differences to semchunk are paired over questions, with a 95 % interval of 10,000 bootstrap samples.  Needs `bm25s`, and
`sentence-transformers` for --minilm, which is a folder with the model's files; nothing is downloaded.
"""

import argparse
import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from mlxgpt.benchmark.peers import PEERS, texts_of
from mlxgpt.benchmark.quality import Span, locate
from mlxgpt.chunking.registry import create
from mlxgpt.chunking.sentences import sentences
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.fast import FastTokenizer

Numbers = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]  # (Q,), a number for each question
Asked = tuple[str, str, Sequence[Span]]  # a question, a document's name, and where in it the answers are

RETRIEVED, BUDGET, SAMPLES = 5, 1024, 10_000
STRATEGIES = "recursive,paragraph,sentence,markdown,semantic,adaptive,fixed"
BASELINE = "semchunk"
COMPARED = ("semchunk", "langchain recursive", "chonkie recursive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Documents, laid end to end to number their characters, and questions with the excerpts that answer them."""

    documents: Sequence[str]
    starts: Sequence[int]  # of the documents
    questions: Sequence[str]
    excerpts: Sequence[Sequence[Span]]  # of each question


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """All chunks of a task."""

    texts: Sequence[str]
    spans: Numbers  # (C, 2) characters
    sizes: Numbers  # (C,) tokens of each chunk encoded alone
    mid_sentence: float  # share of cuts inside a sentence, by our rules


def main() -> None:
    """Print a table for each task and retriever."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chroma", type=Path, help="Chroma's corpora and questions.csv")
    parser.add_argument("--faquad", type=Path, nargs=2, metavar=("PARAGRAPHS", "QUESTIONS"), help="two .jsonl files")
    parser.add_argument("--strategies", default=STRATEGIES)
    parser.add_argument("--peers", action="store_true", help="other libraries too, those that are installed")
    parser.add_argument("--max-size", type=int, default=256)
    parser.add_argument("--tokenizer", type=Path, default=Path("models/nano-pt"), help="folder of a tokenizer.json")
    parser.add_argument("--minilm", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--cache", type=Path, help="an .npz file to keep embeddings in")
    arguments = parser.parse_args()
    tokenizer = registry.load(arguments.tokenizer)
    tasks = {"Chroma": task_of(*chroma(arguments.chroma))} if arguments.chroma else {}
    tasks |= {"FaQuAD": task_of(*faquad(*arguments.faquad))} if arguments.faquad else {}
    for name, task in tasks.items():
        cuts = dict(cuts_of(task, arguments.strategies.split(","), arguments.peers, tokenizer, arguments.max_size))
        rankings = {"BM25": bm25} | ({"MiniLM": MiniLM(arguments.minilm, arguments.cache)} if arguments.minilm else {})
        for retriever, rank in rankings.items():
            print(f"\n{name}, {len(task.questions)} questions, {arguments.max_size} tokens, {retriever}")
            show({row: (cut, scores(task, cut, rank(cut.texts, task.questions))) for row, cut in cuts.items()})


def chroma(folder: Path) -> tuple[dict[str, str], Sequence[Asked]]:
    """Chroma's five corpora."""
    documents = {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.md"))}
    with (folder / "questions.csv").open(encoding="utf-8", newline="") as lines:
        rows = [(row["question"], row["corpus_id"], json.loads(row["references"])) for row in csv.DictReader(lines)]
    return documents, [
        (question, name, [(r["start_index"], r["end_index"]) for r in found]) for question, name, found in rows
    ]


def faquad(paragraphs: Path, questions: Path) -> tuple[dict[str, str], Sequence[Asked]]:
    """FaQuAD: reading comprehension in Portuguese."""
    documents: dict[str, str] = {}
    places: dict[str, tuple[str, int]] = {}  # where each paragraph is
    for row in map(json.loads, paragraphs.read_text(encoding="utf-8").splitlines()):
        before = documents[row["title"]] + "\n\n" if row["title"] in documents else ""
        places[row["text"]] = row["title"], len(before)
        documents[row["title"]] = before + row["text"]
    asked: list[Asked] = []
    for row in map(json.loads, questions.read_text(encoding="utf-8").splitlines()):
        prompt, answer = (message["content"] for message in row["messages"])
        paragraph, _, question = prompt.partition("Texto: ")[2].rpartition("\n\nPergunta: ")
        name, at = places[paragraph]
        start = at + paragraph.index(answer)
        asked.append((question, name, [(start, start + len(answer))]))
    return documents, asked


def task_of(documents: Mapping[str, str], asked: Sequence[Asked]) -> Task:
    """The task, its excerpts moved to where their documents are."""
    starts = np.cumsum([0, *map(len, documents.values())])[:-1].tolist()
    offset = dict(zip(documents, starts, strict=True))
    return Task(
        documents=list(documents.values()),
        starts=starts,
        questions=[question for question, _, _ in asked],
        excerpts=[[(offset[name] + start, offset[name] + end) for start, end in found] for _, name, found in asked],
    )


def cuts_of(
    task: Task, strategies: Sequence[str], peers: bool, tokenizer: FastTokenizer, max_size: int
) -> Iterator[tuple[str, Cut]]:
    """The chunks of each strategy, and of each library that is installed."""
    for name in strategies:
        chunker = create(name, max_size=max_size)
        found = [[(chunk.start, chunk.end) for chunk in chunker.split(text, tokenizer)] for text in task.documents]
        yield name, cut_of(task, found, tokenizer)
    for name in COMPARED if peers else ():
        if not PEERS[name].missing:
            run = PEERS[name].begin(tokenizer, max_size, task.documents[0])()
            yield name, cut_of(task, [locate(text, texts_of(run(text))) for text in task.documents], tokenizer)


def cut_of(task: Task, found: Sequence[Sequence[Span | None]], tokenizer: FastTokenizer) -> Cut:
    """The chunks of all documents from those of each; chunks that are not in their document (None) are left out."""
    texts: list[str] = []
    spans: list[Span] = []
    cuts = inside = 0
    for document, offset, places in zip(task.documents, task.starts, found, strict=True):
        kept = [place for place in places if place is not None]
        texts += [document[start:end] for start, end in kept]
        spans += [(offset + start, offset + end) for start, end in kept]
        printed = np.cumsum([0, *(not character.isspace() for character in document)])
        whole = {int(printed[end]) for _, end in sentences(document)}
        cuts += len(kept) - 1
        inside += sum(int(printed[end]) not in whole for _, end in kept[:-1])
    sizes = np.array([len(ids) for ids in tokenizer.encode_batch(texts)])
    return Cut(texts=texts, spans=np.array(spans), sizes=sizes, mid_sentence=inside / max(1, cuts))


def bm25(texts: Sequence[str], questions: Sequence[str]) -> Numbers:
    """Chunks from best to worst for each question, by BM25 as Lucene has it, without stop words or stemming.  (Q, C)"""
    words = partial(bm25s.tokenize, stopwords=None, show_progress=False)
    index = bm25s.BM25()
    index.index(words(texts), show_progress=False)
    order, _ = index.retrieve(words(questions), k=len(texts), show_progress=False)
    return np.asarray(order)


class MiniLM:
    """Chunks from best to worst for each question, by the cosine of their embeddings.

    Texts that differ in nothing but white space at their ends have the same embedding, so strategies share most of them.
    """

    def __init__(self, folder: Path, cache: Path | None) -> None:
        self._folder, self._cache = folder, cache
        kept = np.load(cache) if cache and cache.exists() else {"names": (), "vectors": ()}
        self._known: dict[bytes, Vector] = dict(zip(kept["names"], kept["vectors"], strict=True))

    def __call__(self, texts: Sequence[str], questions: Sequence[str]) -> Numbers:
        similarity = self._embed(questions) @ self._embed(texts).T  # (Q, C)
        return np.argsort(-similarity, axis=1, kind="stable")

    def _embed(self, texts: Sequence[str]) -> Vector:
        names = [
            hashlib.sha256(text.strip().encode()).digest()[:15] + b"." for text in texts
        ]  # NumPy drops zeros at an end
        new = {name: text for name, text in zip(names, texts, strict=True) if name not in self._known}
        if new:
            from sentence_transformers import SentenceTransformer  # takes seconds to import

            model = SentenceTransformer(str(self._folder), device="cpu")
            vectors = model.encode(list(new.values()), normalize_embeddings=True, show_progress_bar=False)
            self._known |= zip(new, vectors, strict=True)
            if self._cache:
                np.savez(self._cache, names=np.array(list(self._known)), vectors=np.array(list(self._known.values())))
        return np.array([self._known[name] for name in names])


def scores(task: Task, cut: Cut, ranking: Numbers) -> dict[str, Scores]:
    """Each measure for each question."""
    rows = []
    for excerpts, order in zip(task.excerpts, ranking, strict=True):
        wanted = np.unique(np.concatenate([np.arange(start, end) for start, end in excerpts]))
        holding = [np.any((cut.spans[:, 0] <= start) & (cut.spans[:, 1] >= end)) for start, end in excerpts]
        hits, read = overlap(wanted, cut.spans[order[:RETRIEVED]])
        rows.append(
            (
                hits / (read + len(wanted) - hits),
                hits / read,
                hits / len(wanted),
                overlap(wanted, beginning(cut, order))[0] / len(wanted),
                np.mean(holding),
            )
        )
    return dict(zip(MEASURES, np.array(rows).T, strict=True))


def beginning(cut: Cut, order: Numbers) -> Numbers:
    """The chunks of a ranking up to `BUDGET` tokens, the last one ended where they are used up.  (≤ C, 2)"""
    totals = np.cumsum(cut.sizes[order])
    last = min(int(np.searchsorted(totals, BUDGET)), len(order) - 1)
    spans = cut.spans[order[: last + 1]].copy()
    start, end = spans[-1]
    spans[-1, 1] = end - round(max(0, totals[last] - BUDGET) / cut.sizes[order[last]] * (end - start))
    return spans


def overlap(wanted: Numbers, spans: Numbers) -> tuple[int, int]:
    """How many of the wanted characters are in the spans, and the length of the spans together."""
    found = np.zeros(len(wanted), dtype=bool)
    for start, end in spans:
        found[np.searchsorted(wanted, start) : np.searchsorted(wanted, end)] = True
    return int(found.sum()), int((spans[:, 1] - spans[:, 0]).sum())


def show(rows: Mapping[str, tuple[Cut, Mapping[str, Scores]]]) -> None:
    """Print a line for each row, and the differences to the baseline below."""
    print(f"{'':22}{'chunks':>7}{'mean':>6}{'mid-sent':>9}", *(f"{measure:>7}" for measure in MEASURES))
    for name, (cut, measured) in rows.items():
        means = (f"{measured[measure].mean():7.4f}" for measure in MEASURES)
        print(f"{name:22}{len(cut.texts):7}{cut.sizes.mean():6.0f}{cut.mid_sentence:9.1%}", *means)
    for name, (_, measured) in rows.items() if BASELINE in rows else ():
        if name != BASELINE:
            pairs = {measure: measured[measure] - rows[BASELINE][1][measure] for measure in PAIRED}
            print(f"{name:22} - {BASELINE}: ", "  ".join(f"{measure} {interval(d)}" for measure, d in pairs.items()))


def interval(differences: Scores) -> str:
    """The mean of paired differences and its 95 % interval, with * when that leaves 0 out."""
    draws = np.random.default_rng(0).integers(len(differences), size=(SAMPLES, len(differences)))
    low, high = np.quantile(differences[draws].mean(axis=1), (0.025, 0.975))
    return f"{differences.mean():+.4f} [{low:+.4f}, {high:+.4f}]{'*' if low > 0 or high < 0 else ' '}"


MEASURES = ("IoU@5", "P@5", "R@5", "R@1k", "intact")
PAIRED = ("IoU@5", "R@5", "R@1k")


if __name__ == "__main__":
    main()
