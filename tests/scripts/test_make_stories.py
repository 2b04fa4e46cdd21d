"""The story generator: the same seed gives the same bytes, and what it writes holds together."""

import hashlib
import importlib.util
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_stories.py"


@pytest.fixture(scope="module")
def make_stories():
    spec = importlib.util.spec_from_file_location("make_stories", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_stories"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_stories"]


@pytest.fixture(scope="module")
def told(make_stories):
    return list(itertools.islice(make_stories.stories(7), 400))


@pytest.mark.parametrize("form", ["txt", "jsonl"])
def test_a_seed_and_a_size_give_the_same_bytes_whatever_the_hash_seed(tmp_path, form):
    hashes = []
    for number in ("1", "2"):
        out = tmp_path / number
        command = [
            sys.executable,
            str(SCRIPT),
            "--bytes",
            "60KB",
            "--seed",
            "3",
            "--format",
            form,
            "--output",
            str(out),
        ]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": number, "PYTHONUTF8": "1"})
        hashes.append(hashlib.sha256(out.read_bytes()).hexdigest())
        assert 50_000 < out.stat().st_size <= 60_000
    assert hashes[0] == hashes[1]


def test_other_seeds_tell_other_stories(make_stories, told):
    others = {story.text for story in itertools.islice(make_stories.stories(8), 400)}
    assert len(others & {story.text for story in told}) < 4


def test_no_story_is_told_twice_and_all_plots_are_told(make_stories, told):
    assert len({story.text for story in told}) == len(told)
    assert {story.plot for story in told} == {plot.__name__ for plot, _ in make_stories.PLOTS}


def test_nothing_of_the_templates_shows(told):
    for story in told:
        asked = " ".join(question + " " + answer for question, answer in story.qa)
        assert not re.search(r"[{}\[\]|~]|  | [,.!?;:]|(?<!\.)\.\.(?!\.)|None", story.text + " " + asked), story.text


def test_contractions_are_made(told):
    text = "\n".join(story.text for story in told)
    found = re.findall(r"\b(?:de|em|a|por) [oa]s? (?:rio|praia|mata|parque|praça|quintal|floresta|lago)\b", text)
    assert not [phrase for phrase in found if not phrase.startswith("a ")], found[:5]


def test_lengths_are_as_promised(make_stories, told):
    assert all(make_stories.MIN_WORDS <= story.words <= make_stories.MAX_WORDS for story in told)
    assert all(2 <= story.text.count("\n") + 1 <= make_stories.MAX_PARAGRAPHS for story in told)


def test_chats_alternate_and_answer_from_the_story(make_stories):
    for chat in itertools.islice(make_stories.chats(5), 300):
        roles = [message["role"] for message in chat["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(message["content"].strip() == message["content"] != "" for message in chat["messages"])
        json.dumps(chat)


def test_names_asked_for_are_in_the_story(make_stories):
    for story in itertools.islice(make_stories.stories(11), 100):
        assert story.hero.split()[-1] in story.text
        assert story.hero.split()[-1] in story.request


def test_sums_are_right(make_stories):
    import random

    for seed in range(200):
        asked, answered = make_stories.sum_turn(random.Random(seed))
        a, b = map(int, re.findall(r"\d+", asked))
        minus = "-" in asked or "menos" in asked or "comi" in asked
        assert int(re.findall(r"\d+", answered)[-1]) == (a - b if minus else a + b)
