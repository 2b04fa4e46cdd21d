"""A model's parts and costs as lines of text."""

from mlxgpt.display.progress import size
from mlxgpt.model.report import ModelReport
from mlxgpt.text import visible


def report_lines(report: ModelReport) -> list[str]:
    """The tree, then what the model costs; figures are aligned."""
    lines = [visible(report.about)] if report.about else []
    for part in report.tree:
        name = "  " * part.depth + part.name + (f" × {part.times}" if part.times > 1 and part.depth == 1 else "")
        held = f"{part.parameters:>13,}" if part.parameters else " " * 13
        lines.append(f"{visible(name):<18} {held}  {part.shape:<24} {part.what}".rstrip())
    total = max(1, report.parameters)
    lines += ["", f"{'parameters':<18} {report.parameters:>13,}"]
    lines += [
        f"  {part:<16} {number:>13,}  {number / total:6.1%}" for part, number in report.parameters_by_part.items()
    ]
    lines += ["", f"at its full context of {report.context_length:,} tokens:"]
    run, train = count(report.flops_per_token), count(report.training_flops_per_token)
    lines.append(f"  {'operations per token':<22} {run} to run, {train} to train")
    for name, formats in (("KV cache per token", report.cache_bytes_per_token), ("state", report.state_bytes)):
        if formats:
            held = ", ".join(f"{size(number)} ({word})" for word, number in formats.items())
            lines.append(f"  {name:<22} {held}" + (", however long the text" if name == "state" else ""))
    running = ", ".join(f"{size(number)} ({word})" for word, number in report.running_bytes.items())
    lines.append(f"  {'memory to run':<22} {running}")
    parts = ", ".join(f"{part} {size(number)}" for part, number in report.training_bytes.items() if part != "total")
    lines.append(
        f"  {'memory to train':<22} {size(report.training_bytes['total'])} in float32, batch of {report.batch_size}: {parts}"
    )
    return lines


def count(number: float) -> str:
    """A large number with a fitting unit: 1_500_000 -> "1.5 M"."""
    for unit in ("", " k", " M", " G"):
        if number < 1000:
            return f"{number:.0f}" if not unit else f"{number:.1f}{unit}"
        number /= 1000
    return f"{number:.1f} T"
