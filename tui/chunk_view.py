"""What the chunks page says of chunks: why each ends, their sizes and the curve of cohesion; plain, without Textual."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from rich.text import Text

from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.watching import Cut, Part, WatchedChunk
from mlxgpt.display.bars import EIGHTHS

Numbers = npt.NDArray[np.int64]
BARS = " ▁▂▃▄▅▆▇█"
UNITS = {
    Level.INSIDE: "inside",
    Level.WORD: "word",
    Level.CLAUSE: "clause",
    Level.SENTENCE: "sentence",
    Level.LINE: "line",
    Level.PARAGRAPH: "paragraph",
    Level.SECTION: "section",
    Level.CHAPTER: "chapter",
    Level.PART: "part",
}


@dataclass(slots=True, kw_only=True)
class Cutting:
    """A document while it is cut and when it is; `add` takes in what comes."""

    text: str
    chunks: list[WatchedChunk] = field(default_factory=list)
    gaps: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # (G,) characters
    cohesion: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # (G,)
    sizes: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # (C,) tokens of each chunk
    ends: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # (C,) characters
    at_cuts: list[float] = field(default_factory=list)  # the cohesion of each cut that is a sentence gap
    done: int = 0  # characters

    def add(self, part: Part) -> None:
        """More chunks."""
        self.chunks += part.chunks
        self.sizes = np.append(self.sizes, [entry.chunk.n_tokens for entry in part.chunks]).astype(np.int64)
        self.ends = np.append(self.ends, [entry.chunk.end for entry in part.chunks]).astype(np.int64)
        self.at_cuts += [entry.cut.cohesion for entry in part.chunks if entry.cut.cohesion is not None]
        if len(part.gaps):
            self.gaps = np.concatenate([self.gaps, part.gaps])
            self.cohesion = np.concatenate([self.cohesion, part.cohesion])
        self.done = part.done

    def chunk_at(self, character: int) -> int:
        """The chunk that a place of the text is in; the first of them where chunks overlap."""
        return min(int(np.searchsorted(self.ends, character, side="right")), max(0, len(self.chunks) - 1))


# ---- reasons ----


def short(cut: Cut) -> str:
    """Why a chunk ends, in a few words: the place, and what made it end there."""
    place = UNITS[cut.level]
    match cut.kind:
        case "end":
            return "end of text"
        case "block":
            return "end of block"
        case "size" | "fill":
            return f"size · {place}"
        case "subject":
            return f"subject {cut.cohesion:.2f} · {place}" if cut.cohesion is not None else f"subject · {place}"
        case "density":
            return f"density {cut.wanted} · {place}"
        case "unit":
            return place
        case "piece":
            return "no place to cut"
        case _:
            return f"{cut.kind} · {place}"


def explain(cutting: Cutting, number: int) -> Iterator[str]:
    """Sentences about one chunk, from what was computed for it."""
    entry = cutting.chunks[number]
    cut, chunk = entry.cut, entry.chunk
    unit, place = UNITS[cut.unit], _place(cut)
    match cut.kind:
        case "end":
            yield "It ends where the text ends."
        case "block":
            yield (
                "It ends where a block of about a million characters ends: long documents are cut block by block, and "
                f"blocks end at the strongest place near, here a {place}."
            )
        case "size":
            yield (
                f"Closed by size. With the next {unit} it would have {cut.would:,} tokens, and {cut.limit:,} fit. "
                f"{_of_place(cut)}"
            )
        case "fill":
            more = f" with one more it would have {cut.would:,}." if cut.would is not None else ""
            yield f"As full as it gets with whole words: it has {chunk.n_tokens:,} of {cut.limit:,} tokens;{more}"
            if cut.level < Level.SENTENCE:
                yield "The cut is inside a sentence: this strategy does not look at what the text says."
        case "apart":
            yield (
                f"It is the rest of a {unit} that has {cut.would:,} tokens, more than the {cut.limit:,} of a chunk, so it "
                "was cut inside. What follows is another one, and begins a chunk of its own."
            )
        case "even":
            yield (
                f"With the next {unit} it would have {cut.would:,} tokens, and {cut.limit:,} fit; but the chunk behind it "
                "would be a crumb, so the cut was moved to the middle of the two."
            )
        case "subject":
            yield (
                f"The subject turns here: of {_number(cut.candidates, UNITS[cut.unit] + ' gap')} between {cut.least:,} and "
                f"{cut.limit:,} tokens this one has the best score, {cut.score or 0:+.2f} standard deviations"
                f"{' with what its ' + place + ' adds' if cut.level > Level.SENTENCE else ''}."
            )
        case "density":
            yield (
                f"The passage asks for {cut.wanted:,} of at most {cut.limit:,} tokens, because of how dense it is; the "
                f"chunk ends at the strongest place in the last third before, a {place}."
            )
        case "unit":
            yield f"One chunk for each sentence; a {place} ends here."
        case "piece":
            yield "Something without a place to cut is longer than a chunk, so it was cut between two of its tokens."
    if cut.cohesion is not None and len(cutting.cohesion):
        mean = float(cutting.cohesion.mean())
        inside = "" if entry.cohesion is None else f", {entry.cohesion:.2f} inside the chunk"
        turn = "less" if cut.cohesion < mean else "more"
        yield (
            f"Cohesion at the cut is {cut.cohesion:.2f}{inside}, {mean:.2f} in the whole text: the two sides have {turn} "
            "in common than those of most gaps."
        )
    if entry.overlap_tokens:
        yield f"It begins with {_number(entry.overlap_tokens, 'token')} that the chunk before has too."
    if number + 1 < len(cutting.chunks) and cutting.chunks[number + 1].overlap_tokens:
        yield f"Its last {_number(cutting.chunks[number + 1].overlap_tokens, 'token')} are repeated in the next chunk."


def _of_place(cut: Cut) -> str:
    if cut.level < Level.SENTENCE:
        return f"No sentence fits whole, so the cut is at a {_place(cut)}."
    verb = "begins" if cut.level >= Level.SECTION else "ends"
    return f"A {_place(cut)} {verb} here, which is the strongest place that fits."


def _place(cut: Cut) -> str:
    return "place inside a phrase" if cut.level is Level.INSIDE else UNITS[cut.level]


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


# ---- rows and pictures ----


def row(cutting: Cutting, number: int, width: int, limit: int) -> str:
    """A line of the list of chunks: number, tokens, characters, cohesion inside, why it ends, a bar of its size."""
    entry = cutting.chunks[number]
    chunk = entry.chunk
    cohesion = "   –" if entry.cohesion is None else f"{entry.cohesion:4.2f}"
    line = f"{number + 1:>5} {chunk.n_tokens:>6,} {chunk.end - chunk.start:>6,} {cohesion}  {short(entry.cut):<24}"
    room = width - len(line) - 1
    return f"{line} {bar(chunk.n_tokens / max(1, limit), room)}" if room >= 4 else line


HEADER = "    # tokens  chars  coh  cut because              size"


def bar(share: float, width: int) -> str:
    """A bar of so many columns for a share of 0 … 1."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (EIGHTHS[rest] if rest else "")


def size_line(sizes: Numbers) -> str:
    """The sizes in numbers."""
    if not len(sizes):
        return "no chunks"
    return (
        f"mean {sizes.mean():,.0f} · σ {sizes.std():,.0f} · p95 {np.percentile(sizes, 95):,.0f} · "
        f"{sizes.min():,}–{sizes.max():,} tokens"
    )


def histogram(sizes: Numbers, limit: int, width: int, height: int) -> list[str]:
    """How many chunks have each size from 0 to `limit`, as rows from the top, the scale last; heights are square roots."""
    counts, _ = np.histogram(sizes, bins=width, range=(0, max(1, limit)))
    shares = np.sqrt(counts / max(1, counts.max(initial=0)))
    levels = np.where(counts > 0, np.maximum(1, np.rint(shares * height * 8)), 0).astype(int)
    rows = [
        "".join(BARS[min(8, max(0, level - 8 * (height - 1 - line)))] for level in levels) for line in range(height)
    ]
    marks = {0: "0", width // 2: f"{limit // 2:,}"}
    scale = list(" " * width)
    for at, text in marks.items():
        scale[at : at + len(text)] = text
    last = f"{limit:,}"
    scale[width - len(last) :] = last
    return [*rows, "".join(scale)[:width]]


def curve(cutting: Cutting, number: int, width: int, height: int) -> list[Text]:
    """Cohesion at the sentence gaps around the end of a chunk: a column a gap, cuts marked under it, this one apart."""
    gaps, g = cutting.gaps, cutting.cohesion
    if not len(gaps):
        return [Text("Less than two sentences: nothing to compare.", "dim")]
    ends = cutting.ends
    here = int(np.searchsorted(gaps, ends[number])) if len(ends) else 0
    first = min(max(0, here - width // 2), max(0, len(gaps) - width))
    part, places = g[first : first + width], gaps[first : first + width]
    top = max(float(g.max()), 1e-9)
    levels = np.maximum(1, np.rint(part / top * height * 8)).astype(int)
    rows = [
        Text("".join(BARS[min(8, max(0, level - 8 * (height - 1 - line)))] for level in levels))
        for line in range(height)
    ]
    near = ends[np.searchsorted(ends, places[0]) : np.searchsorted(ends, places[-1], side="right")]
    cuts = np.isin(places, near)
    marks = "".join("▲" if end == ends[number] else "×" if cut else "·" for end, cut in zip(places, cuts, strict=True))
    return [*rows, Text(marks)]


def curve_line(cutting: Cutting) -> str:
    """The cohesion of the whole text in numbers."""
    if not len(cutting.cohesion):
        return ""
    cuts = f" · at the cuts {np.mean(cutting.at_cuts):.2f}" if cutting.at_cuts else ""
    return f"mean {cutting.cohesion.mean():.2f}{cuts} · 0 … {cutting.cohesion.max():.2f}"
