"""`mlxgpt demo` as a learner meets it."""

import io
import json

import pytest

from mlxgpt.backend import places
from mlxgpt.lessons.path import PATH


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path))


@pytest.fixture
def demo(mlxgpt, models):
    """`mlxgpt demo` on a small model, one lesson unless told otherwise."""

    def call(*arguments, lesson="gradients"):
        return mlxgpt("demo", "--module", lesson, "--model", models["modern"], "--device", "cpu", *arguments)

    return call


def type_in(monkeypatch, *lines):
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_a_lesson_is_a_page_on_stdout(demo):
    answer = demo()
    assert answer.code == 0
    assert "Gradientes: para que lado mudar" in answer.out
    assert "Exercício 1" in answer.out and "Resposta:" in answer.out
    assert "slopes_by_hand" in answer.out
    assert "\x1b" not in answer.out


def test_english_is_as_complete(demo):
    answer = demo("--lang", "en", "--educational-logs")
    assert "Gradients: which way to change" in answer.out
    assert "mlxgpt/lessons/gradient_computation.py:" in answer.out
    assert "Exercício" not in answer.out


def test_json_gives_the_events(demo):
    answer = demo("--json")
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert events[0]["event"] == "LessonStarted"
    assert events[-1]["event"] == "LessonFinished"
    assert {"IdeaTold", "TableShown", "CodeShown", "CurvesDrawn", "ExerciseAsked"} <= {
        event["event"] for event in events
    }


def test_exercises_are_asked_and_remembered(demo, mlxgpt, monkeypatch):
    events = [json.loads(line) for line in demo("--json").out.splitlines()]
    asked = [event for event in events if event["event"] == "ExerciseAsked"]
    lines = []
    for event in events:
        if event["event"] == "IdeaTold" and event["heading"] and event is not events[1]:
            lines.append("")  # go on
        if event["event"] == "ExerciseAsked":
            right = "abcdefgh"[int(event["answer"])] if event["choices"] else f"{event['answer']:.6g}".replace(".", ",")
            lines += ["?", "não sei", right] if event is asked[0] else [right]
    type_in(monkeypatch, *lines)
    answer = demo("--interactive")
    assert answer.code == 0
    assert answer.out.count("Certo!") == len(asked)
    assert "Dica:" in answer.out and "Não entendi." in answer.out
    assert f"Você acertou {len(asked)} de {len(asked)} exercícios." in answer.out
    listed = mlxgpt("demo", "--list", "--json")
    mine = next(
        entry for entry in map(json.loads, listed.out.splitlines()) if entry["lesson"] == "gradient_computation"
    )
    assert (mine["read"], mine["right"]) == (1, len(asked))


def test_enter_shows_the_solution(demo, monkeypatch):
    type_in(monkeypatch)
    answer = demo("--interactive")
    assert answer.code == 0
    assert "Você acertou 0 de" in answer.out
    assert "Resposta:" in answer.out


def test_a_learner_may_leave(demo, monkeypatch):
    type_in(monkeypatch, "s")
    answer = demo("--interactive")
    assert answer.code == 0
    assert "Fim da aula" not in answer.out
    assert not places.progress().exists()


@pytest.mark.parametrize("word", ["s", "Sair", "q", "quit"])
def test_a_learner_may_leave_at_an_answer_and_has_not_done_the_lesson(demo, mlxgpt, monkeypatch, word):
    type_in(monkeypatch, *[""] * 3, word)
    answer = demo("--interactive")
    assert answer.code == 0
    assert "s sai" in answer.out and "Exercício" in answer.out
    assert "Fim da aula" not in answer.out and "Não entendi" not in answer.out
    assert "feita" not in mlxgpt("demo", "--list").out


def test_what_was_only_shown_is_not_done(demo, mlxgpt, monkeypatch):
    monkeypatch.setenv("MLXGPT_COMMAND", "./scripts/mlxgpt")
    assert "A próxima: ./scripts/mlxgpt demo --module" in " ".join(demo().out.split())
    assert "vista 1×, 0 de " in mlxgpt("demo", "--list").out
    type_in(monkeypatch, "")  # then there is nobody
    assert "Fim da aula" in demo("--interactive").out
    listed = mlxgpt("demo", "--list").out
    assert "vista 2×" in listed and "feita" not in listed


def test_the_path_is_listed_in_order(mlxgpt):
    answer = mlxgpt("demo", "--list")
    assert answer.code == 0
    places_of = [answer.out.index(f" {station.modules[0]} ") for station in PATH]
    assert places_of == sorted(places_of)
    assert "ainda não" in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--module", "atention"), "attention"),
        (("--lang", "fr"), "lang"),
        (("--model", "nothing-of-the-kind"), "nothing-of-the-kind"),
    ],
)
def test_wrong_words_are_answered(mlxgpt, arguments, said):
    answer = mlxgpt("demo", *arguments)
    assert answer.code != 0
    assert said in answer.err
    assert answer.out == ""
