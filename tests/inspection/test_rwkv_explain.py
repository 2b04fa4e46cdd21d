"""Words about recurrent models: every number is found again from the model; the rest of `explain` is in test_explain."""

import dataclasses

import numpy as np
import pytest

from mlxgpt.inspection import facts
from mlxgpt.inspection.explain import KINDS, LANGUAGES, LEVELS, explain
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.recompute import Again
from mlxgpt.inspection.sources import Figure

TEXT = "Era uma vez um gato."
PLACES = [Focus(), Focus(layer=1, head=0, position=0), Focus(layer=0, head=1, position=9)]
VIEWS = {
    "attention": (lambda i: i.effective_attention(TEXT), PLACES),
    "state": (lambda i: i.state(TEXT), PLACES),
    "decay": (lambda i: i.decay(TEXT), [Focus(), Focus(layer=1), Focus(layer=0, head=1)]),
    "shift": (lambda i: i.shift(TEXT), [Focus(), Focus(layer=1)]),
    "memory": (lambda i: i.memory(TEXT), [Focus()]),
    "attribution": (lambda i: i.attribution(TEXT), [Focus()]),
    "lens": (lambda i: i.lens(TEXT), [Focus(position=3)]),
    "ablation": (lambda i: i.ablation(TEXT), [Focus()]),
}

MEASURED = {  # what no other explanation is made of
    "attention": {"own", "reach"},
    "state": {"state_norm", "state_rank", "config"},
    "decay": {"half_life", "longest_half_life", "shortest_half_life"},
    "shift": {"mean"},
}


@pytest.mark.parametrize("name", VIEWS)
def test_every_number_about_a_recurrent_model_is_found_again(name, recurrent):
    make, places = VIEWS[name]
    report, used = make(recurrent), set()
    again = Again(recurrent, report)
    for focus in places:
        for _, named in facts.FACTS[type(report)](report, focus):
            for figure in (value for value in named.values() if isinstance(value, Figure)):
                assert figure.value == pytest.approx(again.value(figure.source), rel=1e-3, abs=1e-4), str(figure.source)
                used.add(figure.source.measure)
        for lang in LANGUAGES:
            for level in LEVELS:
                assert all(line.text and "{" not in line.text for line in explain(report, focus, level, lang))
    assert used >= MEASURED.get(name, set()) and used


def test_the_head_that_is_named_reaches_farthest_holds_most_or_remembers_longest(recurrent):
    for report, table in (
        (attention := recurrent.effective_attention(TEXT), attention.reach),
        (state := recurrent.state(TEXT), state.norm[..., -1]),
        (decay := recurrent.decay(TEXT), np.median(decay.usual, axis=-1)),
    ):
        ((_, named), *_) = facts.FACTS[type(report)](report, Focus())
        assert table[named["layer"].number, named["head"].number] == table.max()


def test_the_parts_that_are_named_see_most_and_least_of_the_token_before(recurrent):
    report = recurrent.shift(TEXT)
    means = dict(zip(report.parts, report.share[1].mean(axis=-1), strict=True))
    ((_, named),) = facts.FACTS[type(report)](report, Focus(layer=1))
    assert means[named["most_part"].key] == max(means.values())
    assert means[named["least_part"].key] == min(means.values())


def test_what_never_fades_is_said_to_last_for_ever(recurrent):
    report = recurrent.decay(TEXT)
    never = dataclasses.replace(report, usual=np.full_like(report.usual, np.inf))
    assert "∞" in explain(never)[0].text
    assert [KINDS["tokens"](value) for value in (2.34, 1234.5, 3e7)] == ["2.3", "1,234", "3.0e+07"]


def test_texts_longer_than_what_a_recurrent_model_was_trained_on_are_looked_at(recurrent):
    assert recurrent.model.config.context_length == 8
    assert len(recurrent.tokens("a" * 99).surprisal) == 100
