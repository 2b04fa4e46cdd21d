"""Markdown's headings and the spans that are kept whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.chunking.characters import codes_of
from mlxgpt.chunking.markdown import Block, structure

DOCUMENT = """# Título

Texto com `código` e | barra.

## Lista e código ##

- um
- dois
  continua
preguiçoso

  - dentro

      fundo
1. três

```python
# não é título

| nem | tabela |
```

| a | b |
|---|---|
| 1 | 2 |

> citação
> mais

a | b
--|--
1 | 2

<div>
html
</div>

####### não
#não
    # código
#### Quatro
~~~
aberto
## até o fim
"""

SPANS = [
    (Block.ITEM, "- um"),
    (Block.ITEM, "- dois\n  continua\npreguiçoso"),
    (Block.ITEM, "- dentro\n\n      fundo"),
    (Block.ITEM, "1. três"),
    (Block.CODE, "```python\n# não é título\n\n| nem | tabela |\n```"),
    (Block.TABLE, "| a | b |\n|---|---|\n| 1 | 2 |"),
    (Block.QUOTE, "> citação\n> mais"),
    (Block.TABLE, "a | b\n--|--\n1 | 2"),
    (Block.HTML, "<div>\nhtml\n</div>"),
    (Block.CODE, "~~~\naberto\n## até o fim"),
]


def spans_of(text: str) -> list[tuple[Block, str]]:
    found = structure(text)
    return [
        (Block(block), text[start:end])
        for (start, end), block in zip(found.spans.tolist(), found.blocks.tolist(), strict=True)
    ]


def test_headings_have_place_depth_and_title() -> None:
    found = structure(DOCUMENT)
    assert found.heading_titles == ("Título", "Lista e código", "Quatro")
    assert found.heading_depths.tolist() == [1, 2, 4]
    assert [DOCUMENT[at : at + 6] for at in found.heading_positions.tolist()] == ["# Títu", "## Lis", "#### Q"]


def test_spans_are_the_blocks_of_the_document() -> None:
    assert spans_of(DOCUMENT) == SPANS


def test_a_longer_fence_holds_a_shorter_one() -> None:
    assert spans_of("````\n```\na\n```\n````\n\nfim") == [(Block.CODE, "````\n```\na\n```\n````")]


def test_a_fence_with_words_behind_it_closes_nothing() -> None:
    assert spans_of("```\na\n``` b\nc\n```\nd") == [(Block.CODE, "```\na\n``` b\nc\n```")]


def test_fences_and_lists_may_end_lines_with_crlf() -> None:
    assert spans_of("- a\r\n- b\r\n\r\n```\r\n# c\r\n```\r\n") == [
        (Block.ITEM, "- a"),
        (Block.ITEM, "- b"),
        (Block.CODE, "```\r\n# c\r\n```"),
    ]


@pytest.mark.parametrize(
    "text", ["", "\n", "texto", "a | b", "-5 graus", "3.14 é pi", "<3", "2020. Foi assim", "#", "##"]
)
def test_what_only_looks_like_a_block_is_none(text: str) -> None:
    assert spans_of(text) == []


@given(st.text(alphabet="ab #-*>|`~<1.\n\r ", max_size=80))
def test_spans_are_whole_lines_in_order(text: str) -> None:
    found = structure(text)
    edges = found.spans.ravel().tolist()
    assert edges == sorted(edges) and found.spans.shape == (len(found.blocks), 2)
    for start, end in found.spans.tolist():
        assert start < end and not text[start].isspace() and not text[end - 1].isspace()
        assert text[:start].rstrip(" ")[-1:] in ("", "\n", "\r") and text[end:].lstrip(" ")[:1] in ("", "\n", "\r")


def test_text_and_its_code_points_have_one_structure() -> None:
    one, other = structure(DOCUMENT), structure(codes_of(DOCUMENT))
    assert np.array_equal(one.spans, other.spans) and one.heading_titles == other.heading_titles
