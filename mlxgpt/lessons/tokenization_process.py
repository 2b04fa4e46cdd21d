"""How text becomes numbers: pieces, bytes, and byte-pair encoding, merge by merge.

The first lesson: it presupposes nothing, so it begins with what a language model does.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import mlx.core as mx

from mlxgpt.errors import TokenizerError
from mlxgpt.events import Event, MergeLearned
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import SENTENCE, Subject, dotted
from mlxgpt.tokenizer import bpe
from mlxgpt.tokenizer.fast import SMALLEST_BPE, FastTokenizer
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters

OPENING = "Era uma vez um"
WORD = "coração"
MERGES = 12
CHARACTERS = 4000  # of the corpus, to learn merges from
HELD_OUT = 2000  # characters at its end, to compare tokenizers on


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    yield from _guess(board, subject)
    yield from _pieces(board, subject, config)
    yield from _bytes(board)
    yield from _training(board, subject)
    yield from _encoding(board, subject)
    yield from _compared(board, subject)


def best_guesses(subject: Subject, text: str, count: int = 5) -> tuple[list[str], list[float]]:
    """The likeliest next pieces after a text, and their probabilities."""
    logits = subject.model(mx.array([subject.ids(text)]))[0, -1]
    probabilities = mx.softmax(logits, axis=-1)
    best = mx.argsort(-probabilities)[:count]
    return subject.pieces(best.tolist()), probabilities[best].tolist()


def shown(piece: str) -> str:
    """A piece as this lesson writes it: spaces as dots, and bytes that are no letter yet by their numbers.

    >>> shown("a \\\\xc3")
    'a·‹195›'
    """
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: f"‹{int(match[1], 16)}›", dotted(piece))


def _guess(board: Board, subject: Subject) -> Iterator[Event]:
    guesses, shares = best_guesses(subject, OPENING)
    yield board.tell("guess", text=OPENING)
    yield board.bars("guess_bars", guesses, shares, ".1%", text=OPENING)
    yield board.tell(
        "guess_after", best=guesses[0], share=shares[0], together=sum(shares), entries=subject.model.config.vocab_size
    )
    yield board.code("code.guess", best_guesses)
    order = sorted(range(3), key=lambda i: guesses[i])
    yield board.ask("guess", order.index(0), choices=[guesses[i] for i in order], text=OPENING, share=shares[0])


def _pieces(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    ids = subject.tokenizer.encode(SENTENCE)
    pieces = subject.pieces(ids)
    yield board.tell("pieces", text=SENTENCE, tokens=len(ids), characters=len(SENTENCE))
    yield board.table(
        "pieces_table",
        [(place, piece, i) for place, (piece, i) in enumerate(zip(pieces, ids, strict=True), 1)],
        ("d", "", "d"),
    )
    back = subject.tokenizer.decode(ids)
    yield board.tell("back_same" if back == SENTENCE else "back_other", back=back)
    if config.show_tensors:
        yield board.tensor("ids", mx.array(ids), columns=pieces)
    yield board.ask("number", ids[1], second=pieces[1])


def _bytes(board: Board) -> Iterator[Event]:
    rows = [(c, len(c.encode()), " ".join(map(str, c.encode()))) for c in WORD]
    size = len(WORD.encode())
    yield board.tell("bytes", word=WORD, letters=len(WORD), bytes=size)
    yield board.table("bytes_table", rows, ("", "d", ""))
    yield board.ask("bytes", len("pão".encode()), word="pão", letters=len("pão"))


# ---- byte-pair encoding ----------------------------------------------------------------------------------------------


def pair_counts(text: str) -> Counter[tuple[int, int]]:
    """How often each pair of neighbouring bytes stands in the words of a text."""
    words = [[bpe.BYTE_IDS[byte] for byte in word] for word in bpe.split(text)]
    return Counter(pair for word in words for pair in pairwise(word))


def lengths(text: str, merges: list[MergeLearned]) -> list[int]:
    """How many pieces a text has at first, and after each merge."""
    words = [[bpe.BYTE_IDS[byte] for byte in word] for word in bpe.split(text)]
    sizes = [sum(map(len, words))]
    for event in merges:
        words = [bpe.merge(word, (event.left, event.right), event.new_id) for word in words]
        sizes.append(sum(map(len, words)))
    return sizes


def _training(board: Board, subject: Subject) -> Iterator[Event]:
    text = subject.corpus[:CHARACTERS]
    counts = pair_counts(text)
    names = {i: shown(bytes([byte]).decode(errors="backslashreplace")) for byte, i in enumerate(bpe.BYTE_IDS)}
    common = counts.most_common(6)
    yield board.tell("bpe", characters=len(text), beginning=text[:60].replace("\n", " "))
    yield board.bars("pair_bars", [f"{names[a]} {names[b]}" for (a, b), _ in common], [n for _, n in common], ",.0f")
    merges = list(bpe.train([text], SMALLEST_BPE + MERGES))
    sizes = lengths(text, merges)
    rows = [(e.rank + 1, *map(shown, (e.left_text, e.right_text, e.text)), e.count, sizes[e.rank + 1]) for e in merges]
    yield board.tell("merging", merges=len(merges))
    yield board.table("merges", rows, ("d", "", "", "", ",", ","), before=sizes[0])
    yield board.curves("shrinking", {board.word("pieces_left"): (range(len(sizes)), sizes)})
    first = merges[0]
    left, right = shown(first.left_text), shown(first.right_text)
    yield board.ask("shrink", sizes[0] - sizes[1], left=left, right=right, count=first.count, before=sizes[0])
    yield board.code("code.train", bpe.train)
    longest = max(merges, key=lambda event: len(event.text))
    yield board.tell(
        "merged",
        longest=shown(longest.text),
        before=sizes[0],
        after=sizes[-1],
        saved=1 - sizes[-1] / sizes[0],
    )


def _encoding(board: Board, subject: Subject) -> Iterator[Event]:
    tokenizer = subject.tokenizer
    try:
        merges = bpe.Merges.of(tokenizer) if isinstance(tokenizer, FastTokenizer) else None
    except TokenizerError:
        merges = None
    if not merges or not merges.new_ids:
        yield board.tell("no_merges")
        return
    accented = next(letter for letter in WORD if not letter.isascii())
    loose = f"‹{accented.encode()[0]}›"
    yield board.tell("encoding", merges=len(merges.new_ids), word=WORD, accented=accented, loose=loose)
    rows = []
    for step in bpe.steps(WORD, merges):
        left, right = map(shown, subject.pieces(list(step.pair)))
        rows.append((left, right, " | ".join(map(shown, subject.pieces(step.ids)))))
    start = subject.pieces([merges.byte_ids[byte] for byte in WORD.encode()])
    yield board.table("encoding_table", rows, word=WORD, start=" | ".join(map(shown, start)))
    yield board.code("code.encode", bpe.steps)
    final = tokenizer.encode(WORD)
    yield board.tell(
        "encoded",
        word=WORD,
        bytes=len(WORD.encode()),
        steps=len(rows),
        tokens=len(final),
        same=board.word("same" if bpe.encode(WORD, merges) == final else "other"),
    )
    other = "coraçãozinho"
    yield board.ask(
        "merges_left",
        len(list(bpe.steps(other, merges))),
        word=other,
        bytes=len(other.encode()),
        tokens=len(tokenizer.encode(other)),
    )


def _compared(board: Board, subject: Subject) -> Iterator[Event]:
    known, unseen = subject.corpus[:-HELD_OUT], subject.corpus[-HELD_OUT:]
    words = set(bpe.split(known))
    cut = bpe.split(unseen)
    characters = train_characters([known])
    size = len(unseen.encode())
    rows: list[tuple[str, int, int, float, int]] = [
        (board.word("kinds.word"), len(words), len(cut), size / len(cut), sum(word not in words for word in cut))
    ]
    for kind, tokenizer in (("char", characters), ("byte", byte_tokenizer()), ("bpe", subject.tokenizer)):
        ids = tokenizer.encode(unseen)
        unknown = ids.count(tokenizer.unk_id) if tokenizer.unk_id is not None else 0
        rows.append((board.word(f"kinds.{kind}"), tokenizer.vocab_size, len(ids), size / len(ids), unknown))
    yield board.tell("compare", characters=len(unseen), bytes=size)
    yield board.table("compare_table", rows, ("", ",", ",", ".2f", ","))
    yield board.tell(
        "compared", words=rows[0][1], unknown=rows[0][4], bytes=rows[2][2], bpe=rows[3][2],
        listed=rows[2][1], values=len(bpe.BYTE_IDS), special=rows[2][1] - len(bpe.BYTE_IDS),
    )  # fmt: skip
    yield board.ask("compare", rows[3][3], tolerance=0.05, bytes=size, tokens=rows[3][2])
    yield board.tell("end")
