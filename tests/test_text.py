"""Nothing that a terminal would act on is shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.text import visible


@pytest.mark.parametrize("text", ["", "pão de queijo", "a\tb\nc", "é🙂👩\u200d🚀", "中文", "नमस्\u200cते"])
def test_ordinary_text_stays_as_it_is(text):
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "␛[31m"),
        ("a\rb\x00", "a␍b␀"),
        ("\x7f", "␡"),
        ("\u009b31m", "\ufffd31m"),
        ("\u202eabc\u2066", "\ufffdabc\ufffd"),
        ("\u2028", "\ufffd"),
        ("\udc80", "\ufffd"),
        ("\U000e0041", "\ufffd"),
    ],
)
def test_what_steers_a_terminal_becomes_a_picture(text, shown):
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_what_is_shown_is_safe_and_as_long(text):
    shown = visible(text)
    assert len(shown) == len(text)
    assert all(c in "\n\t\u200c\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co") for c in shown)
    assert visible(shown) == shown
    shown.encode("utf-8")
