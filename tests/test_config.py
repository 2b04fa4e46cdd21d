"""Settings from layers of tables: typed, checked, and written back as they were."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.config import build, convert, read_toml, setting, to_toml
from mlxgpt.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bread:
    """Something to configure."""

    name: str = setting("pão", "what it is called")
    slices: int = setting(8, "how many")
    weight: float = setting(0.5, "kilograms")
    sliced: bool = setting(False, "cut already")
    where: Path | None = setting(None, "on which shelf")
    grains: tuple[str, ...] = setting(("trigo",), "made of")


def test_later_layers_win_and_none_means_not_given():
    assert build(Bread, {"slices": 2, "name": "a"}, {"slices": 3, "name": None}) == Bread(name="a", slices=3)


def test_an_unknown_key_names_the_nearest_and_the_place():
    with pytest.raises(ConfigError, match="shelf: there is no setting named 'slice'") as caught:
        build(Bread, {"slice": 2}, where="shelf")
    assert "'slices'" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("slices", "8", "slices must be a whole number, not '8'"),
        ("slices", 8.0, "slices must be a whole number, not 8.0"),
        ("slices", True, "slices must be a whole number, not True"),
        ("weight", "heavy", "weight must be a number, not 'heavy'"),
        ("weight", False, "weight must be a number, not False"),
        ("sliced", 1, "sliced must be true or false, not 1"),
        ("name", 3, "name must be a string, not 3"),
        ("where", 3, "where must be a path, not 3"),
        ("grains", "trigo", "grains must be"),
        ("grains", [1], "grains must be a string, not 1"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(key, value, says):
    with pytest.raises(ConfigError, match=says):
        build(Bread, {key: value})


def test_what_toml_cannot_say_is_converted():
    bread = build(Bread, {"weight": 2, "where": "shelf/2", "grains": ["a", "b"]})
    assert (bread.weight, bread.where, bread.grains) == (2.0, Path("shelf/2"), ("a", "b"))
    assert isinstance(bread.weight, float)
    assert convert(None, Path | None, "where") is None


def test_a_setting_without_a_default_must_be_given():
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Needy:
        amount: int

    with pytest.raises(ConfigError, match="amount"):
        build(Needy, {})


VALUES = {
    "name": st.text(st.characters(exclude_categories=["Cs"])),
    "slices": st.integers(-(2**63), 2**63 - 1),
    "weight": st.floats(allow_nan=False),
    "sliced": st.booleans(),
    "where": st.none() | st.text("ab/ \\\"'\x1b\u009b\U000e0001é", min_size=1).map(Path),
    "grains": st.lists(st.text(st.characters(exclude_categories=["Cs"]))).map(tuple),
}


@given(st.fixed_dictionaries(VALUES))
def test_what_is_written_is_read_again(values):
    bread = build(Bread, values)
    text = to_toml({"bread": values, "empty": {}})
    tables = tomllib.loads(text)
    assert tables["empty"] == {}
    assert build(Bread, tables["bread"]) == bread
    assert text.replace("\n", "").isprintable()


def test_a_file_that_is_no_toml_says_where(tmp_path):
    path = tmp_path / "a.toml"
    with pytest.raises(ConfigError, match=r"a\.toml does not exist"):
        read_toml(path)
    for content in (b"a = ", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"a\.toml is not valid TOML"):
            read_toml(path)
