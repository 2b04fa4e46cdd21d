"""Words as vectors: who is near, what a − b + c gives, and a map of them.

V vocab · C channels · W words
"""

from collections.abc import Sequence
from pathlib import Path

import mlx.core as mx
import numpy as np

from mlxgpt.errors import DataError
from mlxgpt.inspection.reports import AnalogyReport, EmbeddingsReport, Neighbours, Numbers
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer


class Space:
    """The embeddings of a model, centred on nothing and scaled to length one: a product is a cosine."""

    def __init__(self, model: GPT, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        vectors = np.array(model.embedding.weight.astype(mx.float32))
        self.vectors: Numbers = vectors[: tokenizer.vocab_size]  # (V, C); rows beyond belong to no token
        self.unit = unit(self.vectors)
        self.is_text = np.array([bool(tokenizer.token_bytes(i)) for i in range(len(self.vectors))])

    def tokens(self, word: str) -> tuple[int, ...]:
        """The ids of a word as it stands in running text: after a space, when that makes it fewer tokens."""
        spaced, bare = self.tokenizer.encode(" " + word), self.tokenizer.encode(word)
        ids = spaced if len(spaced) <= len(bare) else bare
        if not word.strip() or not ids:
            raise DataError("A word without tokens has no vector.", hint="Give words separated by spaces.")
        return tuple(ids)

    def vector(self, word: str) -> Numbers:
        """The embedding of a word, the mean of its tokens', (C,)."""
        return np.asarray(self.vectors[list(self.tokens(word))].mean(axis=0), dtype=np.float32)

    def nearest(self, vector: Numbers, k: int, without: Sequence[int] = ()) -> tuple[np.ndarray, Numbers]:
        """The k tokens of text nearest to a vector by cosine, and the cosines; `without` some."""
        cosines = self.unit @ unit(vector)
        cosines[~self.is_text] = -np.inf
        cosines[list(without)] = -np.inf
        order = np.argsort(-cosines, kind="stable")[:k]
        return order.astype(np.int64), cosines[order]


def embeddings(model: GPT, tokenizer: Tokenizer, name: str, words: Sequence[str], *, top: int = 8) -> EmbeddingsReport:
    """Neighbours, similarities and a map of some words."""
    if not words:
        raise DataError("There is no word to look at.", hint='Give some: --text "gato cachorro casa".')
    space = Space(model, tokenizer)
    vectors = np.stack([space.vector(word) for word in words])  # (W, C)
    plane, explained = principal_plane(vectors)
    return EmbeddingsReport(
        model=name,
        words=tuple(words),
        neighbours=tuple(_neighbours(space, word, vector, top) for word, vector in zip(words, vectors, strict=True)),
        similarity=unit(vectors) @ unit(vectors).T,
        plane=plane,
        explained=explained,
    )


def _neighbours(space: Space, word: str, vector: Numbers, top: int) -> Neighbours:
    tokens = space.tokens(word)
    near, cosines = space.nearest(vector, top, without=tokens)
    pieces = tuple(space.tokenizer.token_text(int(token)) for token in near)
    return Neighbours(word=word, tokens=tokens, near=near, pieces=pieces, cosines=cosines)


def unit(vectors: Numbers) -> Numbers:
    """Each row divided by its length; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def principal_plane(vectors: Numbers) -> tuple[Numbers, Numbers]:
    """The two directions along which vectors (W, C) differ most: coordinates (W, 2), and each one's share of the variance."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    plane, explained = np.zeros((len(vectors), 2), np.float32), np.zeros(2, np.float32)
    total = float(np.square(sizes).sum())
    n = min(2, len(sizes)) if total else 0
    plane[:, :n] = left[:, :n] * sizes[:n]
    explained[:n] = np.square(sizes[:n]) / total if total else 0.0
    return plane, explained


# ---- analogies -------------------------------------------------------------------------------------------------------


def analogies(
    model: GPT, tokenizer: Tokenizer, name: str, questions: dict[str, list[tuple[str, ...]]]
) -> AnalogyReport:
    """How many of "a is to b as c is to d" come out right (Mikolov et al. 2013): d is nearest to b - a + c, among all tokens
    but a, b and c.  Only questions whose four words are one token each are asked; `sections` says how many there were."""
    space = Space(model, tokenizer)
    found: dict[str, int | None] = {}

    def token(word: str) -> int | None:
        if word not in found:
            ids = space.tokens(word)
            found[word] = ids[0] if len(ids) == 1 else None
        return found[word]

    sections: dict[str, tuple[int, int, int]] = {}
    examples = []
    for section, rows in questions.items():
        asked = right = 0
        for row in rows:
            ids = [token(word) for word in row]
            if None in ids:
                continue
            a, b, c, d = (int(i) for i in ids if i is not None)
            answer, _ = space.nearest(space.unit[b] - space.unit[a] + space.unit[c], 1, without=(a, b, c))
            if not asked:
                examples.append((row[0], row[1], row[2], row[3], tokenizer.token_text(int(answer[0])).strip()))
            asked, right = asked + 1, right + (int(answer[0]) == d)
        sections[section] = (len(rows), asked, right)
    return AnalogyReport(model=name, sections=sections, examples=tuple(examples))


def read_analogies(path: Path) -> dict[str, list[tuple[str, ...]]]:
    """Sections of questions: a line ": name", then lines of four words.  Raises `DataError` for any other line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text.") from None
    sections: dict[str, list[tuple[str, ...]]] = {}
    rows = sections.setdefault("", [])
    for number, line in enumerate(lines, start=1):
        words = tuple(line.split())
        if line.startswith(":"):
            rows = sections.setdefault(line[1:].strip(), [])
        elif len(words) == 4:
            rows.append(words)
        elif words:
            raise DataError(
                f"{path}, line {number}: a question has four words, this has {len(words)}.",
                hint='Write "a b c d", meaning a is to b as c is to d; a section begins with ": name".',
            )
    return {name: rows for name, rows in sections.items() if rows}
