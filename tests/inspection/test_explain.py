"""Words: every number is found again from the model, no template holds a digit, and nothing is claimed without its score."""

import re
from string import Formatter

import numpy as np
import pytest

from mlxgpt.errors import ConfigError
from mlxgpt.inspection import facts
from mlxgpt.inspection.catalogue import SENTENCES, WORDS
from mlxgpt.inspection.explain import LANGUAGES, LEVELS, explain
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.recompute import MEASURES, Again
from mlxgpt.inspection.reports import InductionReport, RoleReport
from mlxgpt.inspection.sources import Figure, Token

TEXT = "Era uma vez um gato chamado Tico, que vivia num sítio."
OTHER = "Era uma vez um menino chamado Tico, que vivia num sítio."

# Each kind of report, at places that make different sentences true.
MAKE = {
    "attention": (
        lambda i: i.attention(TEXT),
        [Focus(), Focus(layer=2, head=5, position=4), Focus(layer=4, position=0)],
    ),
    "roles": (lambda i: i.roles, [Focus(), Focus(layer=1, head=0)]),
    "lens": (lambda i: i.lens(TEXT), [Focus(), Focus(position=8), Focus(position=3)]),
    "tokens": (lambda i: i.tokens(TEXT), [Focus(), Focus(position=0), Focus(position=3), Focus(position=5)]),
    "attribution": (lambda i: i.attribution(TEXT, position=4, token=" gato", against=" menino"), [Focus()]),
    "zero": (lambda i: i.ablation("um gato"), [Focus()]),
    "mean": (lambda i: i.ablation("um gato", kind="mean", point="ffn_out"), [Focus()]),
    "patch": (lambda i: i.patch("um gato era", "um menino era", token=" uma", against=" um"), [Focus()]),
    "nothing": (lambda i: i.patch("um gato era", "um gato era"), [Focus()]),
    "silence": (lambda i: i.silence(TEXT, [(2, 3), (2, 4), (4, 4)], position=4), [Focus()]),
    "silence mean": (lambda i: i.silence(TEXT, [(0, 2)], kind="mean", position=7), [Focus()]),
    "weights": (lambda i: i.tensors(), [Focus()]),
    "activations": (lambda i: i.tensors("activations", TEXT), [Focus()]),
    "gradients": (lambda i: i.tensors("gradients", TEXT), [Focus()]),
    "memory": (lambda i: i.memory(TEXT), [Focus()]),
    "embeddings": (lambda i: i.embeddings(["gato", "menino", "menina"]), [Focus()]),
}


@pytest.fixture(scope="module")
def made(nano):
    """Each report, made once."""
    return {name: make(nano) for name, (make, _) in MAKE.items()}


@pytest.mark.parametrize("name", MAKE)
def test_every_number_of_an_explanation_is_found_again_from_the_model(name, nano, made):
    report, seen, places = made[name], 0, MAKE[name][1]
    model = Again(nano, report)
    for focus in places:
        for _, named in facts.FACTS[type(report)](report, focus):
            for figure in (value for value in named.values() if isinstance(value, Figure)):
                again = model.value(figure.source)
                assert figure.value == pytest.approx(again, rel=2e-4, abs=2e-5), str(figure.source)
                seen += 1
    assert seen


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", MAKE)
def test_every_digit_of_a_sentence_belongs_to_a_figure_a_place_or_a_token(name, level, lang, made):
    report, places = made[name], MAKE[name][1]
    for focus in places:
        for (key, named), line in zip(
            facts.FACTS[type(report)](report, focus), explain(report, focus, level, lang), strict=True
        ):
            assert line.text and "{" not in line.text
            rest = SENTENCES[key][lang][LEVELS.index(level)]
            used = {field for _, field, _, _ in Formatter().parse(rest) if field}
            assert used <= named.keys() | {f"{name}_path" for name in named}, key
            assert all(figure in named.values() for figure in line.figures)
            known = [value for value in named.values() if isinstance(value, Figure)]
            assert len(line.figures) == sum(f"{{{name}}}" in rest for name, value in named.items() if value in known)


def test_no_template_and_no_word_holds_a_digit():
    texts = [text for languages in SENTENCES.values() for levels in languages.values() for text in levels]
    texts += [text for words in WORDS.values() for text in words.values()]
    for text in texts:
        assert not re.search(r"\d", re.sub(r"{\w+}", "", text)), text


def test_every_sentence_is_written_in_both_languages_at_three_levels():
    for key, languages in SENTENCES.items():
        assert set(languages) == set(LANGUAGES), key
        assert all(len(levels) == len(LEVELS) for levels in languages.values()), key
        fields = [
            [{field for _, field, _, _ in Formatter().parse(text) if field} for text in levels]
            for levels in languages.values()
        ]
        assert fields[0] == fields[1], key  # the same facts in both


def test_the_code_level_names_the_tensor_of_each_number(nano):
    lines = explain(nano.attention(TEXT), Focus(layer=0, head=3, position=5), "code")
    assert all(str(figure.source) in line.text for line in lines for figure in line.figures)
    assert "blocks.0.attn.pattern[0, 3, 5, 5]" in lines[0].text


def test_every_part_that_can_speak_has_a_name():
    kinds = ("token", "position", "head", "ffn", "attn bias", "ffn bias", "final bias", "channel mixing")
    assert all(WORDS[kind].keys() == set(LANGUAGES) for kind in kinds)


def test_the_loudest_parts_are_named_for_and_against(made):
    report = made["attribution"]
    said = dict(facts.FACTS[type(report)](report, Focus()))
    for key, i in (("attribution.for", report.shares.argmax()), ("attribution.against", report.shares.argmin())):
        part, word = report.parts[i], said[key]["part"]
        assert (word.key, word.layer, word.head) == (part.kind, part.layer, part.head)
        assert said[key]["share"].value == pytest.approx(float(report.shares[i]))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["attribution", "patch"])
def test_a_difference_of_two_logits_is_called_one_and_names_both(name, lang, level, made):
    report = made[name]
    first = explain(report, Focus(), level, lang)[0].text
    assert all(f"“{report.pieces[token]}”" in first for token in (report.token, report.against)), first
    assert any(word in first for word in ("difference", "diferença", "−")), first


def test_the_change_that_is_named_is_the_largest(made):
    report = made["patch"]
    ((_, named), *_) = facts.FACTS[type(report)](report, Focus())
    assert abs(report.delta[named["layer"].number, named["column"].number]) == np.abs(report.delta).max()


def test_portuguese_writes_a_comma(nano):
    assert re.search(r"\d,\d", explain(nano.tokens(TEXT), lang="pt")[0].text)


def test_a_head_without_a_clear_role_is_said_to_have_none(nano):
    text = " ".join(line.text for line in explain(nano.attention(TEXT), Focus(layer=2, head=5)))
    assert "no clear role" in text


def test_an_induction_head_is_claimed_only_where_there_is_one(nano):
    roles = nano.roles
    nobody = InductionReport(roles=roles, accuracy=0.5, first_accuracy=0.0, without=np.zeros((5, 6), np.float32))
    assert "No head" in explain(nobody)[-1].text
    high = RoleReport(
        scores={role: np.full((5, 6), 0.9 if role == "induction" else 0.1, np.float32) for role in roles.scores},
        chance=roles.chance, threshold=roles.threshold, probe=roles.probe,
    )  # fmt: skip
    somebody = InductionReport(roles=high, accuracy=0.5, first_accuracy=0.0, without=np.zeros((5, 6), np.float32))
    assert "strongest induction head" in explain(somebody)[-1].text


def test_control_characters_of_a_text_are_pictures_in_its_explanation(nano):
    text = explain(nano.tokens("um \x1b[31mgato"), Focus(position=2))
    assert "\x1b" not in "".join(line.text for line in text)
    assert isinstance(Token(text="x"), Token)


def test_an_unknown_level_language_or_report_is_refused(nano):
    report = nano.tokens(TEXT)
    for words in ({"level": "plian"}, {"lang": "fr"}):
        with pytest.raises(ConfigError):
            explain(report, **words)
    with pytest.raises(ConfigError, match="no words"):
        explain("not a report")


def test_every_measure_is_used_by_some_figure(made):
    used = set()
    for name, (_, places) in MAKE.items():
        report = made[name]
        for focus in places:
            for _, named in facts.FACTS[type(report)](report, focus):
                used |= {value.source.measure for value in named.values() if isinstance(value, Figure)}
    elsewhere = {"accuracy", "first_accuracy", "accuracy_without"}  # seen in test_causes
    elsewhere |= {"own", "reach", "state_norm", "state_rank", "config", "mean"}  # and these in test_rwkv_explain
    elsewhere |= {"half_life", "longest_half_life", "shortest_half_life"}
    assert MEASURES.keys() - used <= elsewhere
