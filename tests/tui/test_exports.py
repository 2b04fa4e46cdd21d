"""A conversation as a file: the path for people, the whole tree for programs; nothing hostile in it, nothing overwritten."""

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from mlxgpt.errors import ConfigError, DataError
from mlxgpt.events import TokenGenerated, from_json
from tui.conversation import Conversation
from tui.exports import KINDS, export, file_name

HOSTILE = "\x1b]52;c;aGk=\x07<script>alert(1)</script> [red]a & b\u202e"


@pytest.fixture
def talk():
    talk = Conversation(title="O gato \x1b[31m & <b>")
    talk.add("user", text=HOSTILE)
    answer = talk.add("assistant", text="Oi mundo")
    answer.model, answer.settings = "nano-pt", "T 0.8"
    answer.tokens = [
        TokenGenerated(
            id=7, text="Oi", token="Oi", probability=0.5, rank=1, entropy=1.5, alternatives=((7, 0.5), (9, 0.25))
        ),
        TokenGenerated(id=8, text=" mundo", token=" mundo", probability=0.001, rank=40),
    ]
    talk.sibling(answer).text = "Outra"
    talk.show(answer)
    return talk


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_holds_the_path_and_no_control_character(talk, kind, tmp_path):
    path = export(talk, tmp_path / f"a.{kind}")
    text = path.read_text(encoding="utf-8")
    assert "mundo" in text and "nano-pt" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    with pytest.raises(DataError, match="exists already"):
        export(talk, path)


def test_json_gives_the_tree_back(talk):
    value = json.loads(KINDS["json"](talk))
    assert value["leaf"] == talk.leaf and len(value["messages"]) == 3
    assert value["messages"][0]["text"] == HOSTILE
    assert [from_json(token) for token in value["messages"][1]["tokens"]] == talk.messages[2].tokens


def test_the_page_needs_nothing_from_elsewhere_and_shows_figures(talk):
    page = KINDS["html"](talk)
    assert "<script" not in page and "http:" not in page and "https:" not in page
    assert 'title="p 0.5000 · rank 1 · surprisal 0.69 nats · id 7"' in page
    assert "Outra" not in page


def test_the_picture_is_xml_without_a_foreign_font(talk):
    svg = KINDS["svg"](talk)
    ElementTree.fromstring(svg)
    assert "@font-face" not in svg and "cdnjs" not in svg


def test_what_cannot_be_written_is_said(talk, tmp_path):
    with pytest.raises(ConfigError, match=r"There is no kind 'doc'"):
        export(talk, tmp_path / "a.doc")
    with pytest.raises(ConfigError, match="says no kind"):
        export(talk, tmp_path / "a")
    with pytest.raises(DataError, match="cannot be written"):
        export(talk, tmp_path / "nowhere" / "a.md")
    assert file_name(talk) == "o-gato-31m-b"
