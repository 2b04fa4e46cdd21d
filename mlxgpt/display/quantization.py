"""What quantising cost, as tables."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlxgpt.display.progress import size
from mlxgpt.quantization.report import QuantizationReport
from mlxgpt.text import visible

WORST = 10


def show(console: Console, report: QuantizationReport) -> None:
    """Print a report: before beside after, then the worst matrices."""
    console.print(_figures(report))
    console.print()
    console.print(
        f"measured on {report.tokens:,} tokens of {visible(report.text)}; "
        f"{report.divergence:.4g} nats of divergence a token, the same best token in {report.agreement:.1%} of the places",
        markup=False,
    )
    if report.dense:
        some = ", ".join(report.dense[:3]) + (" …" if len(report.dense) > 3 else "")
        console.print(
            f"{len(report.dense)} matrices stay as they are, their rows are no whole groups: {some}", markup=False
        )
    console.print()
    console.print(_matrices(report))
    console.print(f"\n{visible(report.path)} is written; mlxgpt and mlx-lm read it.", markup=False)


def _figures(report: QuantizationReport) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "before", "after"):
        table.add_column(heading, justify="right" if heading else "left")
    pairs = {
        "size of the weights": (size(report.bytes_before), size(report.bytes_after)),
        "bits a number": (f"{8 * report.bytes_before / report.parameters:.2f}", f"{report.bits:.2f}"),
        "perplexity": (f"{report.perplexity_before:.3f}", f"{report.perplexity_after:.3f}"),
        "bits per byte": (f"{report.bits_per_byte_before:.4f}", f"{report.bits_per_byte_after:.4f}"),
        "tokens a second": (f"{report.tokens_per_second_before:.0f}", f"{report.tokens_per_second_after:.0f}"),
    }
    for what, (before, after) in pairs.items():
        table.add_row(what, before, after)
    return table


def _matrices(report: QuantizationReport) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in (f"worst of {report.packed} matrices", "bits", "error of its answers", "error of its numbers"):
        table.add_column(heading, justify="left" if heading.startswith("worst") else "right")
    for error in report.matrices[:WORST]:
        answers = "looked up" if error.output_error is None else f"{error.output_error:.2%}"
        table.add_row(*map(Text, (error.name, str(error.bits), answers, f"{error.weight_error:.2%}")))
    return table
