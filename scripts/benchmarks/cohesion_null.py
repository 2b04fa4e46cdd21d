"""Where a text's sentence gaps are, and how cohesive it is there: why chance, in `mlxgpt analyze`, is lower in some texts.

    python scripts/benchmarks/cohesion_null.py FILE...

For each quarter of the gaps, by how many words lie around them, and for gaps at tables, at other short lines and in prose:
their share of all gaps, the share of the words that lie around them, and mean g (see `analysis/cohesion.py`).
"""

import sys
from pathlib import Path

import numpy as np

from mlxgpt.chunking.analysis.cohesion import GapScores
from mlxgpt.chunking.analysis.view import DocumentView

SHORT = 80  # characters of a line


def main() -> None:
    for name in sys.argv[1:]:
        document = DocumentView(Path(name).read_text(encoding="utf-8"))
        scores = GapScores(document, with_compression=False)
        places, g = scores._places, scores.lexical
        words = np.diff(np.concatenate([[0], places, [len(document.words.starts)]]))
        around = (words[:-1] + words[1:]) / 2  # half of the sentences on both sides
        print(f"{name}: {len(g)} gaps, mean g {g.mean():.4f}, {np.average(g, weights=around):.4f} by words around")
        quarters = np.searchsorted(np.quantile(around, [0.25, 0.5, 0.75]), around)
        kinds = np.array([kind_of(document.text, int(document.words.starts[place])) for place in places])
        for label, chosen in [(f"quarter {n + 1}", quarters == n) for n in range(4)] + [
            (kind, kinds == kind) for kind in np.unique(kinds)
        ]:
            share, text = chosen.mean(), around[chosen].sum() / around.sum()
            print(f"  {label:12}{share:6.1%} of the gaps {text:6.1%} of the words  g {g[chosen].mean():.4f}")


def kind_of(text: str, at: int) -> str:
    """What kind of gap is before a word."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : end if end >= 0 else len(text)].strip()
    before = text[text.rfind("\n", 0, max(0, start - 1)) + 1 : start].strip()
    if "|" in line or "|" in before:
        return "table"
    if text[start:at].strip():
        return "prose"
    return "short line" if min(len(line), len(before)) < SHORT else "line"


if __name__ == "__main__":
    main()
