"""The catalogues: both languages whole, and no figure recited."""

import re
import string
from pathlib import Path

import pytest

from mlxgpt.lessons import language
from mlxgpt.lessons.path import PATH

NAMES = sorted(path.stem for path in (Path(language.__file__).parent / "texts").glob("*.toml"))
# Names that happen to hold a digit: variables of a formula, and formats of numbers.
ALLOWED = re.compile(r"\b[a-z]\d\b|\bb?float(16|32)\b|\bGPT-2\b")


def entries(name):
    """(key, language, text) of every text of a file."""

    def walk(table, prefix):
        for key, value in table.items():
            path = f"{prefix}.{key}" if prefix else key
            if isinstance(value, dict):
                yield from walk(value, path)
            else:
                yield prefix, key, value

    yield from walk(language.read(name), "")


def fields(text):
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_every_lesson_has_a_file_of_texts_and_every_file_a_use():
    assert set(NAMES) == {station.name for station in PATH} | {"path", "narration"}


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_there_in_both_languages(name):
    found = {}
    for key, lang, text in entries(name):
        found.setdefault(key, {})[lang] = text
    for key, texts in found.items():
        assert set(texts) == {"pt", "en"}, key
        assert texts["pt"].strip() and texts["en"].strip(), key


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_are_filled_with_the_same_numbers(name):
    found = {}
    for key, lang, text in entries(name):
        found.setdefault(key, {})[lang] = fields(text)
    for key, texts in found.items():
        assert texts["pt"] == texts["en"], key


@pytest.mark.parametrize("name", NAMES)
def test_no_text_holds_a_digit_of_its_own(name):
    for key, lang, text in entries(name):
        written = "".join(literal for literal, *_ in string.Formatter().parse(text))
        bare = ALLOWED.sub("", written)
        assert not re.search(r"\d", bare), f"{name}: [{key}] {lang}: {bare.strip()[:80]}"


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_has_a_hint_and_a_reason(name):
    keys = {key for key, _, _ in entries(name)}
    for key in keys:
        if re.fullmatch(r"ask\.\w+", key):
            assert {f"{key}.hint", f"{key}.why"} <= keys, key


@pytest.mark.parametrize("name", [station.name for station in PATH])
def test_portuguese_is_portuguese(name):
    """Common words that have accents are written with them, and no English sentence slipped in."""
    text = " ".join(text for _, lang, text in entries(name) if lang == "pt").casefold()
    assert not re.search(r"\b(nao|voce|tambem|sao|numero|media|ate|tres|so|atencao|funcao|maquina|memoria)\b", text)
    assert not re.search(r"\b(the|and|which|with|from)\b", re.sub(r"mlxgpt [\w -]+|\{[^}]*\}", "", text))


def test_portuguese_swaps_point_and_comma():
    assert language.number(1234.5, ",.2f", "pt") == "1.234,50"
    assert language.number(1234.5, ",.2f", "en") == "1,234.50"
    assert language.number(0.125, ".1%", "pt") == "12,5%"


def test_words_in_a_text_cannot_steer_the_terminal():
    assert "\x1b" not in language.Catalogue("path", "pt").write("welcome", model="a\x1b[31mb")
