"""Pictures in the terminal: any width, with and without colour, always with numbers, never with what could steer it."""

import io

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from mlxgpt.display.bars import Bars, bar, spark
from mlxgpt.display.colours import DIVERGING, GLYPHS, SEQUENTIAL, glyph, ink, shade
from mlxgpt.display.drawing import Drawing, svg
from mlxgpt.display.heatmap import Heatmap, MiniMap, Scale, gathered, half_blocks, shrunk
from mlxgpt.display.labels import fitted
from mlxgpt.display.plane import Plane
from mlxgpt.display.strip import Strip
from mlxgpt.display.table import Cells, Ledger

HOSTILE = "\x1b[2Ja\u202e\nb"
VALUES = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.1, 0.2, 0.7]], dtype=np.float32)
PIECES = [" um", HOSTILE, "🐈 gato"]
PICTURES = {
    "heatmap": Heatmap(values=VALUES, rows=PIECES, notes=["1.00", "0.50", "0.70"], header=True),
    "signed": Heatmap(values=VALUES - 0.5, rows=PIECES, notes=["0.50", "0.00", "0.20"], low=-1.0),
    "map": MiniMap(values=VALUES, caption=HOSTILE, note="H 0.50"),
    "strip": Strip(pieces=PIECES, values=[float("nan"), 2.5, 0.1], high=3.0),
    "bars": Bars(labels=PIECES, values=[1.0, -0.5, float("nan")], texts=["+1.00", "-0.50", "–"]),
    "cells": Cells(columns=PIECES, rows=["a", "b"], cells=[[(piece, 0.5) for piece in PIECES]] * 2, footer=PIECES),
    "ledger": Ledger(header=["", "a", "b"], rows=[["name" * 9, "1.5", "-2"]], expendable=["a"]),
    "scale": Scale(size=40),
    "plane": Plane(points=VALUES[:, :2], labels=PIECES),
}
TERMINALS = {
    "24 bit": {"color_system": "truecolor", "force_terminal": True},
    "256": {"color_system": "256", "force_terminal": True},
    "none": {"no_color": True, "force_terminal": True},
    "pipe": {},
}


def printed(picture, width=60, **terminal):
    file = io.StringIO()
    Console(file=file, width=width, legacy_windows=False, **terminal).print(picture)
    return file.getvalue()


def plain(text):
    return Text.from_ansi(text).plain


@pytest.mark.parametrize("width", [0, 1, 2, 5, 11, 40, 200])
@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_fits_every_window(name, terminal, width):
    text = printed(PICTURES[name], width, **TERMINALS[terminal])
    for line in plain(text).splitlines():
        assert Text(line).cell_len <= max(width, 1)


@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("name", PICTURES)
def test_no_control_character_of_a_text_reaches_the_terminal(name, terminal):
    text = plain(printed(PICTURES[name], 80, **TERMINALS[terminal]))
    assert not {"\x1b", "\u202e"} & set(text)


@pytest.mark.parametrize("name", ["heatmap", "signed", "strip", "bars", "cells"])
def test_a_number_stands_beside_every_colour(name):
    numbers = {"heatmap": "0.70", "signed": "0.20", "strip": "2.5", "bars": "-0.50", "cells": "50"}
    for terminal in TERMINALS.values():
        assert numbers[name] in plain(printed(PICTURES[name], 80, **terminal))


def test_colours_are_24_bit_256_or_none_as_the_terminal_can():
    def picture(largest):  # rich remembers the codes of a style, whatever the next terminal can: other values each time
        return Heatmap(values=VALUES * largest, rows=PIECES, notes=["", "", ""])

    full, fewer = printed(picture(0.9), **TERMINALS["24 bit"]), printed(picture(0.8), **TERMINALS["256"])
    assert "48;2;" in full
    assert "48;5;" in fewer
    for name in ("none", "pipe"):
        text = printed(picture(1.0), **TERMINALS[name])
        assert "48;" not in text and "█" in text


def test_without_colour_more_is_a_fuller_glyph():
    order = [GLYPHS.index(glyph(value)) for value in np.linspace(0, 1, 20)]
    assert order == sorted(order) and order[0] == 0 and order[-1] == len(GLYPHS) - 1


def test_more_is_brighter_and_the_ink_can_be_read_on_every_colour():
    def light(colour):
        return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]

    ramp = [light(shade(value)) for value in np.linspace(0, 1, 50)]
    assert ramp == sorted(ramp)
    for stops in (SEQUENTIAL, DIVERGING):
        for value in np.linspace(0, 1, 50):
            colour = shade(float(value), stops)
            assert abs(light(colour) - light(ink(colour))) > 80
    assert shade(float("nan")) == (96, 96, 96)


def test_half_blocks_show_two_rows_a_line():
    (first, second) = half_blocks(VALUES, True)
    assert first.plain == second.plain == "▀▀▀"
    assert len(first.spans) == 3


def test_a_map_that_is_too_large_keeps_its_largest_values():
    values = np.zeros((100, 100), np.float32)
    values[57, 31] = 1.0
    small = shrunk(values, 16)
    assert small.shape == (15, 15) and small.max() == 1.0 and (small > 0).sum() == 1
    assert shrunk(VALUES, 16) is VALUES


def test_what_does_not_fit_is_said():
    wide = Heatmap(values=np.ones((1, 100), np.float32), rows=["a"], notes=["1"])
    assert "a cell is the largest of 3 columns" in printed(wide, 80)
    ledger = Ledger(header=["", "a", "b"], rows=[["name", "1.5", "-2"]], expendable=["a", "b"])
    assert "No room here for: a." in printed(ledger, 8).replace(" \n", " ") and "1.5" in printed(ledger, 80)
    small = printed(Scale(size=40), 200, **TERMINALS["none"])
    assert "a cell is 3×3 numbers" in small and " ".join(GLYPHS) in small


def test_a_row_that_is_too_wide_keeps_its_largest_values():
    values = np.zeros((2, 100), np.float32)
    values[1, 57] = -1.0
    small = gathered(values, 3)
    assert small.shape == (2, 34) and small[1, 19] == -1.0 and (small != 0).sum() == 1


@pytest.mark.parametrize(("share", "length"), [(0.0, 0), (0.5, 4), (1.0, 8), (2.0, 8), (-1.0, 0)])
def test_a_bar_is_as_long_as_its_share(share, length):
    assert bar(share, 8).count("█") == length and len(bar(share, 8)) == 8


def test_a_histogram_shows_every_bin_that_is_not_empty():
    assert spark([0, 1, 10_000]) == " ▁█"
    assert spark([0, 0]) == "  "


def test_labels_are_cut_to_their_width_in_cells():
    assert fitted(" gato", 10) == "·gato     "
    assert fitted("paralelepípedo", 5) == "para…"
    assert Text(fitted("猫猫猫猫", 5)).cell_len == 5
    assert fitted("x", 0) == ""


def test_texts_in_a_drawing_are_escaped_and_safe():
    picture = Drawing()
    picture.words(0, 0, "<&\x1b>")
    text = svg(picture)
    assert "&lt;&amp;␛&gt;" in text and "\x1b" not in text
