"""A search over settings: every figure is one that was measured, and what is called better is."""

import itertools
import shlex

import pytest

from mlxgpt.chunking import optimize, registry
from mlxgpt.chunking.analysis.report import Analysis
from mlxgpt.chunking.optimize import GOALS, Bench, Figures, Tried, candidates, command_line, gains, search
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.fast import train_bpe

WORDS = ("o", "barco", "saiu", "cedo", "do", "porto", "e", "voltou", "tarde", "com", "peixe", "vento", "mar", "calmo")


def prose(paragraphs):
    """Paragraphs of sentences of different lengths, a heading before every fourth."""
    number = itertools.count()
    parts = []
    for paragraph in range(paragraphs):
        if paragraph % 4 == 0:
            parts.append(f"# Parte {paragraph}")
        sentences = [
            " ".join(
                WORDS[(next(number) * 7 + i * i) % len(WORDS)] for i in range(4 + (paragraph + line) % 7)
            ).capitalize()
            for line in range(3 + paragraph % 4)
        ]
        parts.append(". ".join(sentences) + ".")
    return "\n\n".join(parts)


TEXT = prose(24)


@pytest.fixture(scope="module")
def tokenizer():
    return train_bpe([TEXT], 300)


@pytest.fixture(scope="module")
def found(tokenizer):
    return search([TEXT], tokenizer, "fixed", {"max_size": 60}, budget_seconds=600)


def figures(**changes):
    usual = {
        "sentences_whole": 0.5, "paragraphs_whole": 0.5, "headings_found": 0.5, "drop_z": 1.0, "fill": 0.5,
        "duplication": 1.2, "chunks": 10, "mean": 20.0,
    }  # fmt: skip
    return Figures(**(usual | changes))


def test_the_figures_of_a_trial_are_those_of_the_report(tokenizer):
    options = {"max_size": 60, "min_size": 30, "overlap_ratio": 0.1}
    tried = Bench([TEXT], tokenizer, 60).measure("recursive", options)
    analysis = Analysis(max_size=60)
    analysis.add(TEXT, list(registry.create("recursive", **options).split(TEXT, tokenizer)))
    report = analysis.report()
    assert tried.figures == Figures(
        sentences_whole=report.context.sentences_whole, paragraphs_whole=report.context.paragraphs_whole,
        headings_found=report.structure.found, drop_z=report.cohesion.drop_z, fill=report.sizes.fill,
        duplication=report.coverage.duplication, chunks=report.sizes.chunks, mean=report.sizes.mean,
    )  # fmt: skip


def test_every_setting_is_tried_when_there_is_time(found):
    assert found.tried == found.candidates > 50
    assert found.characters == found.all_characters == len(TEXT)


def test_what_is_found_measures_the_same_again(found, tokenizer):
    bench = Bench([TEXT], tokenizer, 60)
    for entry in (found.current, *found.better, *found.trades):
        assert bench.measure(entry.strategy, entry.options) == entry


def test_better_settings_are_worse_in_nothing_and_trades_come_without_them(found):
    for entry in found.better:
        change = gains(entry.figures, found.current.figures).values()
        assert min(change) >= 0 < max(change)
    for entry in found.trades:
        change = gains(entry.figures, found.current.figures).values()
        assert max(change) > 0
        assert min(change) < 0
    assert bool(found.better) != bool(found.trades)


def test_overlap_that_keeps_nothing_together_is_improved(tokenizer):
    found = search([TEXT], tokenizer, "recursive", {"max_size": 60, "overlap_ratio": 0.3}, budget_seconds=600)
    assert found.better
    assert found.current.figures.duplication > 1.2
    assert found.better[0].figures.duplication == 1.0
    assert found.better[0].figures.paragraphs_whole > found.current.figures.paragraphs_whole


def test_settings_that_nothing_beats_are_on_the_front(tokenizer, monkeypatch):
    worse = [("overlapping", {"max_size": 60, "overlap_ratio": 0.5}), ("sliding", {"max_size": 40, "stride": 20})]
    monkeypatch.setattr(optimize, "candidates", lambda *_: iter(worse))
    found = search([TEXT], tokenizer, "paragraph", {"max_size": 60}, budget_seconds=600)
    assert (found.tried, found.better) == (2, ())


def test_without_time_nothing_is_tried_and_nothing_suggested(tokenizer):
    found = search([TEXT], tokenizer, "fixed", {"max_size": 60}, budget_seconds=0)
    assert (found.tried, found.better, found.trades) == (0, (), ())


def test_only_the_beginning_of_long_documents_is_searched(tokenizer, monkeypatch):
    monkeypatch.setattr(optimize, "MOST_CHARACTERS", 500)
    found = search([TEXT[:300], TEXT, TEXT], tokenizer, "fixed", {"max_size": 60}, budget_seconds=0)
    assert (found.characters, found.all_characters) == (500, 300 + 2 * len(TEXT))


def test_a_strategy_that_is_not_known_cannot_be_compared(tokenizer):
    with pytest.raises(ConfigError, match="cleverest"):
        search([TEXT], tokenizer, "cleverest", {"max_size": 60})


def test_candidates_keep_the_limit_and_differ():
    rows = list(candidates(100, "adaptive", {"max_size": 100, "information_density_threshold": 0.3}))
    assert {name for name, _ in rows} == set(registry.CHUNKERS)
    assert all(options["max_size"] <= 100 for _, options in rows)
    assert len(rows) == len({(name, str(sorted(options.items()))) for name, options in rows})
    assert all(options["information_density_threshold"] == 0.3 for name, options in rows if name == "adaptive")
    assert rows[0][1]["max_size"] == 100


@pytest.mark.parametrize("name", GOALS)
def test_a_gain_has_the_sign_of_its_goal_and_small_ones_are_none(name):
    goal = GOALS[name]
    before = getattr(figures(), name)
    better = before + (2 if goal.higher_is_better else -2) * goal.notable
    assert gains(figures(**{name: better}), figures())[name] > 0
    assert gains(figures(), figures(**{name: better}))[name] < 0
    assert gains(figures(**{name: before + goal.notable / 2}), figures())[name] == 0


def test_a_command_line_says_everything_and_survives_the_shell():
    tried = Tried(
        strategy="adaptive", figures=figures(),
        options={
            "max_size": 256, "min_size": 0, "overlap_ratio": 0.1, "preserve_sentences": True, "preserve_paragraphs": False,
        },
    )  # fmt: skip
    assert shlex.split(command_line(tried, "my file.txt", "nano-pt", "chunks.json")) == [
        *(
            "chunk",
            "--file",
            "my file.txt",
            "--strategy",
            "adaptive",
            "--max-size",
            "256",
            "--overlap",
            "0.1",
        ),
        *("--preserve-sentences", "--cut-paragraphs", "--tokenizer", "nano-pt", "--output", "chunks.json"),
    ]
