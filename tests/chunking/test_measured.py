"""A block's places: every pre-token that begins between two characters, found either way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.chunking.boundaries import whole_mask
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.measured import measure_block
from mlxgpt.tokenizer.fast import train_bpe
from mlxgpt.tokenizer.scanner import scanner_for
from mlxgpt.tokenizer.simple import byte_tokenizer

PIECES = (
    "a casa ",
    "1.5",
    "\r\n",
    "\n\n",
    "e\u0301",
    " \u0301",
    "\u0302x",
    "👩\u200d👩",
    "🇧🇷🇧🇷",
    "“olá” ",
    "漢字",
    "각",
    "\u1161",
)


@pytest.mark.parametrize("tokenizer", [train_bpe(["a casa é azul " * 9], 270), byte_tokenizer()], ids=["bpe", "byte"])
@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=12))
def test_places_are_the_starts_that_split_no_character(tokenizer, pieces):
    text = "".join(pieces)
    scan = scanner_for(tokenizer).scan(text)
    wanted = whole_mask(scan.codes, scan.starts)
    wanted[0] = wanted[-1] = True
    block = measure_block(text, 0, tokenizer, Level.PART)
    assert block.index.tolist() == np.flatnonzero(wanted).tolist()
    assert block.positions.tolist() == scan.starts[wanted].tolist()
    assert block.totals.tolist() == scan.totals[wanted].tolist()
    assert block.arrivals.tolist() == (scan.totals + scan.tails)[wanted].tolist()
