"""A recipe gives sources and settings; what is given besides wins, and the card's command builds the same again."""

import shlex
from pathlib import Path

import pytest

from mlxgpt.data.recipe import load_build_config
from mlxgpt.errors import ConfigError

RECIPE = """
tokenizer = "tok"
val = 0.2
dedup = ["exact"]

[[source]]
name = "livros"
paths = ["livros/*.txt", "-"]
weight = 2.0
license = "domínio público"

[[source]]
paths = "notas.md"
limit = 5
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "misto.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_sources_and_settings_are_read(recipe: Path) -> None:
    config = load_build_config({"val": None, "seed": 3}, ["mais.txt"], recipe=recipe)
    assert [source.label for source in config.sources] == ["livros", f"{recipe.parent}/notas.md", "mais.txt"]
    assert config.sources[0].paths == (f"{recipe.parent}/livros/*.txt", "-")
    assert [source.weight for source in config.sources] == [2.0, 1.0, 1.0]
    assert (config.val, config.seed, config.dedup, config.tokenizer) == (0.2, 3, ("exact",), "tok")


def test_what_is_given_wins(recipe: Path) -> None:
    assert load_build_config({"val": 0.5}, recipe=recipe).val == 0.5


def test_the_command_on_the_card_means_the_same(recipe: Path) -> None:
    config = load_build_config({"clean": True, "languages": ("pt",)}, ["a b.txt"], column="corpo", recipe=recipe)
    words = shlex.split(config.command)
    assert words[:5] == ["mlxgpt", "data", "build", "--recipe", str(recipe)]
    assert words[5:9] == ["--source", "a b.txt", "--column", "corpo"]
    assert "--clean" in words
    assert words[words.index("--languages") + 1] == "pt"
    assert "--workers" not in words


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("vall = 0.1\n[[source]]\npaths = ['a']", "no setting named 'vall'"),
        ("[[source]]\npath = 'a'", "source 1: there is no setting named 'path'"),
        ("[[source]]\nname = 'x'", "The source 'x' has no paths"),
        ("[[source]]\npaths = ['a']\nweight = -1", "weight of -1"),
        ("[[source]]\npaths = ['a']\nweight = 'muito'", "weight must be a number"),
        ("source = 3", "`source` is no list of tables"),
        ("tokenizer = 'x'", "There is nothing to build from"),
        ("[[source", "is not valid TOML"),
    ],
)
def test_a_wrong_recipe_says_where(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=reason):
        load_build_config({}, recipe=path)
