"""A dataset on a terminal: its figures as tables, its documents as text."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlxgpt.data.stats import DatasetReport, Sample
from mlxgpt.display.progress import size
from mlxgpt.text import visible


def dataset_tables(report: DatasetReport) -> list[RenderableType]:
    """What is in it, by side and by source."""
    sides = _table("", "documents", "tokens", "text", "shards", "on disk")
    lengths = _table("tokens of a document", "shortest", "median", "mean", "95 %", "longest")
    for side in report.sides:
        sides.add_row(
            *(side.side, f"{side.documents:,}", f"{side.tokens:,}", size(side.text_bytes), f"{side.shards:,}"),
            size(side.file_bytes),
        )
        lengths.add_row(
            *(side.side, f"{side.shortest:,}", f"{side.median:,.0f}", f"{side.mean:,.0f}", f"{side.p95:,.0f}"),
            f"{side.longest:,}",
        )
    sources = _table("source", "documents", "tokens", "share", "weight", "share of an epoch")
    for source in report.sources:
        sources.add_row(
            *(visible(source.name), f"{source.documents:,}", f"{source.tokens:,}", f"{source.share:.1%}"),
            *(f"{source.weight:g}", f"{source.share_in_epoch:.1%}"),
        )
    lines = [
        f"{report.bytes_per_token:.2f} bytes per token; {report.vocabulary_used:,} of {report.vocab_size:,} entries occur; "
        f"an epoch has {report.epoch_tokens:,} tokens.",
        f"Every byte is as it was written.  Tokenizer {report.tokenizer[:12]}…",
    ]
    if report.dropped:
        lines.append("Dropped: " + ", ".join(f"{visible(rule)} {count:,}" for rule, count in report.dropped) + ".")
    return [sides, lengths, sources, Text("\n".join(lines))]


def sample_text(sample: Sample) -> Group:
    """A document below a line that says where it stands."""
    head = f"{sample.side}, document {sample.document:,} of {visible(sample.shard)}, from {visible(sample.source)}: "
    words = visible(sample.text) + ("" if sample.complete else " …")
    indented = "".join(f"    {line}".rstrip() + "\n" for line in words.splitlines())
    return Group(Text(f"{head}{sample.tokens:,} tokens", style="bold"), Text(indented))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table
