"""Cuts lie at white space, never inside a character, and say what they separate."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.chunking.boundaries import is_whole
from mlxgpt.chunking.characters import KINDS, Kind, codes_of, kinds_of
from mlxgpt.chunking.layout import Layout
from mlxgpt.chunking.levels import Cuts, Level, find_cuts

SPACE = "[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"  # \s of the tokenizers

hard_texts = st.text(
    alphabet=st.one_of(
        st.sampled_from("AaIé.!?…,;:()\"'“”—-1 \n\r\t\xa0\u2028#*>|`。、」\u0301\u200d🇧🇷👍🏽각\u1161"),
        st.characters(codec="utf-8"),
    ),
    max_size=80,
)

WRAPPED = """It was the best of times, it was the worst of times, it was the age
of wisdom, it was the age of foolishness, it was the epoch of belief.
It was the season of Light, it was the season of Darkness, it was the
spring of hope.
  - we had everything before us, we had nothing before us, we were all
going direct to Heaven, we were all going direct the other way.

In short, the period was so far like the present period, that some of
its noisiest authorities insisted on its being received, for good or
for evil.
"""

VERSE = """Minha terra tem palmeiras,
Onde canta o Sabiá;
As aves, que aqui gorjeiam,
Não gorjeiam como lá.
Nosso céu tem mais estrelas,
Nossas várzeas têm mais flores,
"""


def cuts_of(text: str) -> Cuts:
    return find_cuts(codes_of(text))


def level_before(text: str, what: str) -> Level:
    """The level of the cut in front of the first `what`, whether its space is before or behind the cut."""
    cuts = cuts_of(text)
    at = text.index(what)
    found = cuts.levels[(cuts.positions == at) | (cuts.positions == at - 1)]
    assert len(found) == 1
    return Level(int(found[0]))


@given(hard_texts)
def test_cuts_are_inside_in_order_and_split_no_character(text: str) -> None:
    cuts = cuts_of(text)
    positions = cuts.positions.tolist()
    assert positions == sorted(set(positions))
    assert all(0 < at < len(text) and is_whole(text, at) for at in positions)
    assert cuts.positions.dtype == np.int64 and cuts.levels.dtype == np.uint8
    assert len(cuts.levels) == len(positions) and all(level in list(Level) for level in cuts.levels.tolist())


@given(hard_texts)
def test_each_run_of_white_space_has_one_cut_behind_it_or_before_its_last_space(text: str) -> None:
    runs = [found.span() for found in re.finditer(SPACE + "+", text)]
    expected = [end - (text[end - 1] == " ") for start, end in runs if start > 0 and end < len(text)]
    found = [at for at in cuts_of(text).positions.tolist() if re.match(SPACE, text[at - 1]) or text[at] == " "]
    assert found == [at for at in expected if is_whole(text, at)]


@given(hard_texts)
def test_cuts_are_the_same_each_time(text: str) -> None:
    first, second = cuts_of(text), cuts_of(text)
    assert np.array_equal(first.positions, second.positions) and np.array_equal(first.levels, second.levels)


@pytest.mark.parametrize(
    ("text", "what", "level"),
    [
        ("um dois", "dois", Level.WORD),
        ("um, dois", "dois", Level.CLAUSE),
        ("um; dois", "dois", Level.CLAUSE),
        ("um (dois)", "(", Level.CLAUSE),
        ("um — dois", "—", Level.CLAUSE),
        ("um — dois", "dois", Level.WORD),
        ("frio de -5 graus", "-5", Level.WORD),
        ("Sim! disse ele", "disse", Level.CLAUSE),
        ("Sr. Silva", "Silva", Level.WORD),
        ("10\u00a0000", "000", Level.INSIDE),
        ("uma palavra , outra", ",", Level.INSIDE),
        ("Um. Dois", "Dois", Level.SENTENCE),
        ("Um.\nDois", "Dois", Level.LINE),
        ("Um.\r\nDois", "Dois", Level.LINE),
        ("Um.\n\nDois", "Dois", Level.PARAGRAPH),
        ("Um.\r\n \r\nDois", "Dois", Level.PARAGRAPH),
        ("Um.\n\n# Dois", "# Dois", Level.PART),
        ("Um.\n\n## Dois\n\nTrês.", "## Dois", Level.CHAPTER),
        ("Um.\n\n### Dois\n\nTrês.", "### Dois", Level.SECTION),
        ("Um.\n\n###### Dois\n\nTrês.", "######", Level.SECTION),
        ("Um.\n\n#Dois três", "#Dois", Level.PARAGRAPH),
        ("Um.\n\n```\n# Dois\n```\n\nTrês", "# Dois", Level.LINE),
        ("Um.\n\n## Dois\n\nTrês.", "Três", Level.SENTENCE),
        ("Um.\n= Dois =\nTrês.", "= Dois", Level.PART),
        ("Um.\n== Dois ==\nTrês.", "== Dois", Level.CHAPTER),
        ("Um.\n== Dois ==\nTrês.", "Três", Level.SENTENCE),
        ("Um. \n = = = Dois = = = \n Três.", "= = = Dois", Level.SECTION),
        ("Um.\n=== Dois\nTrês.", "=== Dois", Level.SECTION),
        ("Um.\n= 2\nTrês.", "= 2", Level.LINE),
        ("Um.\n== Dois =\nTrês.", "== Dois", Level.LINE),
        ("Um.\n======\nTrês.", "======", Level.LINE),
        ("Fim.\n\nDa noite\n" + "Era tarde. " * 20, "Da", Level.SECTION),
        ("Fim.\n\nDa noite\n" + "Era tarde. " * 2, "Da", Level.PARAGRAPH),
        ("Fim.\n\nCAPÍTULO II\n\nEra tarde.", "CAP", Level.CHAPTER),
        ("Fim.\n\nCAPÍTULO II\nDO LIVRO\n\nEra tarde.", "CAP", Level.CHAPTER),
        ("Fim.\n\nCAPÍTULO II\nDO LIVRO\n\nEra tarde.", "DO", Level.SENTENCE),
        ("Fim.\n\nA MISSA\nCAPÍTULO PRIMEIRO\n\nEra tarde.", "A MISSA", Level.CHAPTER),
        ("Fim.\n\nCHAPTER I. Down the Rabbit-Hole\n\nAlice was tired.", "CHAPTER", Level.CHAPTER),
        ("Fim.\n\nCHAPTER I. The Rabbit-Hole\n\nAlice was tired.", "The", Level.CLAUSE),
        ("Fim.\n\nPARTE DOIS\n\nEra tarde.", "PARTE", Level.PART),
        ("Fim.\n\nTERCEIRA PARTE\n\nEra tarde.", "TERC", Level.PART),
        ("Fim.\n\nCapítulo L\n\nEra tarde.", "Cap", Level.CHAPTER),
        ("Fim.\n\nTítulo II: Dos Direitos\n\nEra tarde.", "Título", Level.PART),
        ("Fim.\n\nSeção III\n\nEra tarde.", "Seção", Level.SECTION),
        ("Fim.\n\nXIV\n\nEra tarde.", "XIV", Level.CHAPTER),
        ("Fim.\n\nII – Desmaio\n\nEra tarde.", "II", Level.CHAPTER),
        ("são:\n\nI - a soberania;\n\nII - a cidadania;", "II", Level.PARAGRAPH),
        ("Fim.\n\nArt. 5º Todos são iguais perante a lei.", "Art", Level.SECTION),
        ("Fim.\n\nPRÓLOGO\n\nEra tarde.", "PRÓ", Level.CHAPTER),
        ("Fim.\n\nA CARTOMANTE\n\nEra tarde.", "A CART", Level.SECTION),
        ("Fim.\n\nROMEO:\nSpeak!", "ROMEO", Level.PARAGRAPH),
        ("Fim.\n\nNÃO!\n\nEra tarde.", "NÃO", Level.PARAGRAPH),
        ("Fim.\n\nA volta para casa\n\nEra tarde quando voltamos para casa.", "A volta", Level.SECTION),
        ("Fim.\n\nA volta para casa.\n\nEra tarde quando voltamos.", "A volta", Level.PARAGRAPH),
        ("eram\n\nA volta para casa\n\nEra tarde quando voltamos para casa.", "A volta", Level.PARAGRAPH),
        ("Parte da turma saiu.\n\nParte da turma ficou.", "Parte da turma f", Level.PARAGRAPH),
        ("猫。犬", "犬", Level.SENTENCE),
        ("猫、犬", "犬", Level.CLAUSE),
    ],
)
def test_levels_say_what_a_cut_separates(text: str, what: str, level: Level) -> None:
    assert level_before(text, what) == level


@pytest.mark.parametrize(
    ("what", "level"),
    [
        ("of wisdom", Level.WORD),
        ("It was the season", Level.SENTENCE),
        ("spring", Level.WORD),
        ("- we had", Level.LINE),
        ("going", Level.WORD),
        ("In short", Level.PARAGRAPH),
        ("for evil", Level.WORD),
    ],
)
def test_line_breaks_of_filled_text_are_spaces(what: str, level: Level) -> None:
    assert level_before(WRAPPED, what) == level


def test_line_breaks_of_verse_are_meant() -> None:
    assert level_before(VERSE, "As aves") == level_before(VERSE, "Não") == Level.LINE


def test_a_layout_that_is_given_is_not_guessed() -> None:
    meant = find_cuts(codes_of(WRAPPED), Layout(width=0, lowered=False))
    assert meant.levels[meant.positions == WRAPPED.index("of wisdom")] == Level.LINE


def test_a_break_before_a_mark_is_no_place_to_cut() -> None:
    assert cuts_of("a\n\u0301b c").positions.tolist() == [4]


def test_every_code_point_has_the_kind_that_python_sees() -> None:
    codes = np.concatenate([np.arange(0xD800), np.arange(0xE000, 0x110000)]).astype(np.uint32)
    kinds = kinds_of(codes)
    assert kinds.max() < KINDS
    text = codes.tobytes().decode("utf-32-le")
    for code, (character, kind) in enumerate(zip(text, kinds.tolist(), strict=True)):
        if kind <= Kind.BREAK:
            assert re.match(SPACE, character), hex(code)
        elif kind in (Kind.LOWER, Kind.UPPER):
            assert character.islower() or character.isupper()
        elif kind == Kind.DIGIT:
            assert character.isdigit()
    spaces = re.findall(SPACE, text)
    assert len(spaces) == np.count_nonzero(kinds <= Kind.BREAK)
    assert kinds_of(codes_of("aÇ漢7")).tolist() == [Kind.LOWER, Kind.UPPER, Kind.LETTER, Kind.DIGIT]
