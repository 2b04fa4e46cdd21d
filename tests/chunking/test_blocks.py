"""A text is the same blocks however it arrives."""

import random

import pytest

from mlxgpt.chunking import blocks
from mlxgpt.chunking.blocks import split_blocks
from mlxgpt.chunking.boundaries import is_whole

TEXTS = {
    "prose": "O rio subiu três metros.\nE agora? Ninguém soube dizer.\n\n" * 200,
    "one line": "palavra " * 1500,
    "no space": "漢字" * 5000,
    "marks": "e\u0301" * 5000,
    "CRLF": "linha\r\n\r\n" * 1200,
    "newlines": "\n" * 9000,
    "families": "👨\u200d👩\u200d👧\u200d👦" * 1500,
    "short": "abc",
    "empty": "",
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_CHARACTERS", 1000)
    monkeypatch.setattr(blocks, "_CONTEXT", 50)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_blocks_tile_the_text_and_do_not_depend_on_how_it_arrives(text: str) -> None:
    whole = list(split_blocks([text]))
    assert "".join(whole) == text
    assert all(0 < len(block) <= 1050 for block in whole)
    draw = random.Random(3)
    for _ in range(5):
        pieces, at = [], 0
        while at < len(text):
            step = draw.choice([1, 7, 400, 3000])
            pieces.append(text[at : at + step])
            at += step
        assert list(split_blocks(pieces)) == whole


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "short"])
def test_no_block_ends_inside_a_character(name: str) -> None:
    text, at = TEXTS[name], 0
    for block in split_blocks([text]):
        at += len(block)
        assert is_whole(text, at)


def test_blocks_end_at_blank_lines() -> None:
    assert all(block.endswith("dizer.\n\n") for block in split_blocks([TEXTS["prose"]]))
