"""Figures of chunks as lines of at most 80 columns: a name, a value with its unit, and what to hold it against."""

import math
from collections.abc import Iterator

from rich.console import Group
from rich.text import Text

from mlxgpt.chunking.analysis.chance import Compared
from mlxgpt.chunking.analysis.context import SPANS
from mlxgpt.chunking.analysis.model_scores import FEWEST_HEADINGS, ModelScores
from mlxgpt.chunking.analysis.report import Report
from mlxgpt.chunking.analysis.sizes import PERCENTILES
from mlxgpt.chunking.analysis.subject import Findings
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.optimize import GOALS, Search, Tried, command_line, gains
from mlxgpt.text import visible

Row = tuple[str, str, str]
NAME, VALUE = 20, 9  # columns; the rest of the line is the note


def findings_view(findings: Findings, *, detailed: bool = False) -> Group:
    """A report, family by family; `detailed` adds percentiles, the curve, density and examples."""
    report = findings.report
    families = [
        ("Sizes", _sizes(report, detailed)),
        ("Coverage", _coverage(report)),
        ("Cuts", _cuts(report, detailed)),
        ("Context", _context(report, detailed)),
        ("Cohesion", _cohesion(report)),
        ("Structure", _structure(report)),
    ]
    if detailed:
        families.append(("Density", _density(report)))
    options = ", ".join(f"{name} {_option(value)}" for name, value in findings.options.items())
    lines = [Text(visible(f"{findings.strategy}: {options}" if options else findings.strategy), style="bold")]
    for title, rows in families:
        lines.append(Text(title, style="bold"))
        lines += [_line(row) for row in rows]
    return Group(*lines)


def search_view(search: Search, source: str, tokenizer: str, program: str = "mlxgpt") -> Group:
    """What a search found: the current figures, and for each suggestion before, after and what to type.

    What has no `source` cannot be chunked from the command line.
    """
    tried = f"{search.tried} of {search.candidates} other settings tried in {search.seconds:.1f} s"
    lines = [Text(f"Suggestions: {tried}", style="bold")]
    if search.characters < search.all_characters:
        part = f"the first {search.characters:,} of {search.all_characters:,} characters"
        lines.append(Text(f"  Measured on {part}."))
    if search.better:
        lines.append(Text("  Better in what is marked +, worse in nothing:"))
    else:
        lines.append(Text("  Your settings are on the front: none tried is better without being worse elsewhere."))
        if search.trades:
            lines.append(Text("  Not suggestions but trades, better in + and worse in -:"))
    for entry in search.better or search.trades:
        lines += _comparison(entry, search.current)
        if source:
            words = command_line(entry, source, tokenizer, "better.json")
            lines.append(Text(f"    {visible(f'{program} {words}')}", style="cyan"))
    return Group(*lines)


def model_view(scores: ModelScores) -> Group:
    """What a model says."""
    return Group(Text("Model", style="bold"), *map(_line, _model(scores)))


def _comparison(entry: Tried, current: Tried) -> Iterator[Text]:
    options = ", ".join(f"{name} {_option(value)}" for name, value in entry.options.items())
    yield Text(f"  {entry.strategy}: {options}", style="bold")
    yield Text(f"    {'':<20}{'now':>10}{'then':>10}", style="dim")
    found = gains(entry.figures, current.figures)
    for name, goal in GOALS.items():
        before, after = (_figure(name, getattr(tried.figures, name)) for tried in (current, entry))
        sign = "+" if found[name] > 0 else "-" if found[name] < 0 else " "
        yield Text(f"    {goal.label:<20}{before:>10}{after:>10} {sign}".rstrip())
    yield Text(f"    {'chunks':<20}{current.figures.chunks:>10,}{entry.figures.chunks:>10,}")
    yield Text(f"    {'mean, tokens':<20}{current.figures.mean:>10.1f}{entry.figures.mean:>10.1f}")


def _sizes(report: Report, detailed: bool) -> Iterator[Row]:
    sizes, coverage = report.sizes, report.coverage
    documents = "1 document" if coverage.documents == 1 else f"{coverage.documents:,} documents"
    yield "chunks", f"{sizes.chunks:,}", f"of {documents}, {coverage.characters:,} characters"
    yield "tokens", f"{sizes.tokens:,}", "each chunk encoded alone"
    yield "mean", f"{sizes.mean:.1f}", f"tokens, sd {sizes.sd:.1f}, from {sizes.smallest} to {sizes.largest}"
    if detailed:
        yield "sd / mean", f"{sizes.variation:.3f}", "variation of the sizes"
        for percent, size in zip(PERCENTILES, sizes.percentiles, strict=True):
            yield f"percentile {percent}", f"{size:.0f}", "tokens"
    if sizes.fill is not None:
        yield "fill", _share(sizes.fill), f"mean / limit; {sizes.waste:,} tokens unused"
    if sizes.below_min is not None:
        yield "below min_size", _share(sizes.below_min), "of the chunks"


def _coverage(report: Report) -> Iterator[Row]:
    coverage = report.coverage
    if coverage.over_limit is None:
        yield "over the limit", "?", "no limit is known"
    else:
        yield "over the limit", f"{coverage.over_limit:,}", "chunks; must be 0"
    if coverage.miscounted:
        yield "miscounted", f"{coverage.miscounted:,}", "chunks with another count in the file"
    if coverage.mismatched:
        yield "another text", f"{coverage.mismatched:,}", "chunks whose text is not the document's"
    yield "lost", f"{coverage.lost:,}", f"characters in no chunk, {coverage.lost_solid:,} besides white space"
    yield "duplication", f"{coverage.duplication:.3f}", "characters of chunks / of documents; 1 is none"
    yield "overlap", f"{coverage.overlap:.1f}", "tokens shared with the chunk before, mean"
    if coverage.repeated:
        yield "repeated", f"{coverage.repeated:,}", "chunks with the same text as another"


def _cuts(report: Report, detailed: bool) -> Iterator[Row]:
    boundaries = report.boundaries
    yield "cuts", f"{boundaries.cuts:,}", "the ends of documents are none"
    for level in reversed(Level):
        if boundaries.counts[level] or detailed:
            yield _LEVELS[level], _share(boundaries.share(level)), f"{boundaries.counts[level]:,} cuts"
    yield "mid-sentence", _share(boundaries.mid_sentence), "of the cuts: clause, word and inside"
    dangling = report.dangling
    beside = f"of the starts, {dangling.chunks:,}; of all sentences {dangling.sentences_share:.1%}"
    yield "dangling starts", _share(dangling.share), beside
    if detailed:
        yield from (("", "", f"“{example}”") for example in dangling.examples)


def _context(report: Report, detailed: bool) -> Iterator[Row]:
    context = report.context
    yield "sentences whole", _share(context.sentences_whole), f"of {context.sentences:,}"
    yield "paragraphs whole", _share(context.paragraphs_whole), f"of {context.paragraphs:,}"
    for length, share in zip(SPANS, context.spans_whole, strict=True):
        if share is not None and (detailed or length in (64, 256)):
            yield f"{length} tokens whole", _share(share), "of the spans of that length; grows with size"


def _cohesion(report: Report) -> Iterator[Row]:
    cohesion = report.cohesion
    if cohesion.lexical is None or cohesion.drop is None:
        yield "cohesion drop", "none", "no cut with sentence gaps around"
    else:
        yield "cohesion drop", f"{cohesion.drop:+.4f}", f"at {cohesion.lexical.value:.4f}, {_chance(cohesion.lexical)}"
        yield _z(cohesion.drop_z)
    if cohesion.compression is not None:
        compared = cohesion.compression
        yield "new after the cut", f"{compared.value:.4f}", f"zlib; {_chance(compared)}"
        yield _z(compared.z)


def _structure(report: Report) -> Iterator[Row]:
    structure = report.structure
    if structure is None:
        yield "headings", "none", "no headings, so no Pk and no WindowDiff"
        return
    found = f"of {structure.headings:,} begin a chunk; by chance {structure.found_by_chance:.1%}"
    yield "headings", _share(structure.found), found
    yield "Pk", f"{structure.pk:.3f}", f"error against headings; by chance {structure.pk_by_chance:.3f}"
    yield "WindowDiff", f"{structure.window_diff:.3f}", f"the same; by chance {structure.window_diff_by_chance:.3f}"


def _density(report: Report) -> Iterator[Row]:
    density = report.density
    if density.type_token_ratio is not None:
        yield "different tokens", _share(density.type_token_ratio), "of all tokens; falls with length"
    yield "different words", _share(density.moving_ratio), "in 100 words, mean over windows (MATTR)"
    yield "deflated", _share(density.compression_ratio), "of the bytes"
    if density.bits_per_character is not None:
        yield "bits / character", f"{density.bits_per_character:.3f}", "of a unigram model of the tokens"
    if density.chunk_bits is not None:
        low, middle, high = density.chunk_bits
        yield "over chunks", f"{middle:.3f}", f"median; 5 % below {low:.3f}, 5 % above {high:.3f}"


def _model(scores: ModelScores) -> Iterator[Row]:
    chunks = f"nats, over {scores.chunks_read:,} chunks"
    yield "loss per token", f"{scores.nats_per_token:.3f}", chunks
    if scores.chunk_nats:
        low, middle, high = scores.chunk_nats
        yield "loss of a chunk", f"{middle:.3f}", f"median; 5 % below {low:.3f}, 5 % above {high:.3f}"
    yield "bits / character", f"{scores.bits_per_character:.3f}", "of the model"
    gate = scores.gate
    if gate.clarity_auc is None or gate.lexical_auc is None:
        yield "gate", "not run", f"{gate.headings} headings; it takes {FEWEST_HEADINGS} and gaps beside them"
    else:
        verdict = "passed" if gate.passed else "failed"
        yield "gate", verdict, f"AUC on {gate.headings} headings {gate.clarity_auc:.3f}, words' {gate.lexical_auc:.3f}"
    if not scores.shown:
        yield "", "", "The model's scores are held back; --ungated shows them."
        return
    if scores.clarity is not None:
        yield "boundary clarity", f"{scores.clarity.value:.4f}", f"1: independent; {_chance(scores.clarity)}"
        yield _z(scores.clarity.z)
    if (sticky := scores.stickiness) is not None:
        bits = "none" if sticky.bits is None else f"{sticky.bits:.2f}"
        yield "stickiness", bits, f"bits, of at most {math.log2(max(1, sticky.chunks)):.2f}; low is good"
        yield (
            "  edges",
            f"{sticky.edges:,}",
            f"of {sticky.pairs:,} pairs in {sticky.chunks:,} chunks, K = {sticky.threshold:g}",
        )


_LEVELS = {level: f"at a {level.name.lower()}" for level in Level} | {Level.INSIDE: "inside a word"}


def _chance(compared: Compared) -> str:
    digits = 4 if abs(compared.chance) < 100 else 1
    return f"random cuts {compared.chance:.{digits}f} ± {compared.chance_sd:.{digits}f}"


def _z(z: float | None) -> Row:
    return ("  z", "none", "every sentence gap is a cut") if z is None else ("  z", f"{z:+.1f}", "sd of random cuts")


def _share(share: float) -> str:
    return f"{share:.1%}"


def _option(value: bool | int | float | str) -> str:
    return visible(f"{value:g}" if isinstance(value, float) else str(value))


def _figure(name: str, value: float) -> str:
    match name:
        case "drop_z":
            return f"{value:+.1f}"
        case "duplication":
            return f"{value:.3f}"
        case _:
            return _share(value)


def _line(row: Row) -> Text:
    name, value, note = row
    if not name and not value:
        return Text(f"      {note}", style="dim")
    line = Text(f"  {name:<{NAME}}{value:>{VALUE}}  ")
    return line.append(note, style="dim") if note else line
