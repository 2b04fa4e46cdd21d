"""The list of conversations: searched, opened, renamed, exported and deleted with keys and the mouse."""

import asyncio
import json
from itertools import pairwise

import pytest

from tests.tui.conftest import SIZES, drive, screen_text, until
from tests.tui.test_store import keep, told
from tui.app import MlxgptApp
from tui.keeper import Keeper
from tui.modals.ask import Ask
from tui.modals.sessions import Sessions
from tui.store import Store


@pytest.fixture
def store(home):
    """Three kept conversations, in the place where the app looks."""
    store = Store(home / "mlxgpt.db")
    keep(Keeper(store), told("O dragão dorme na torre", "e sonha com pão"))
    keep(Keeper(store), told("\x1b[31mA lua[/]", "brilha"))
    keep(Keeper(store), told("O gato", "mia"))
    yield store
    store.close()


async def opened(pilot):
    await pilot.press("ctrl+s")
    await until(pilot, lambda: isinstance(pilot.app.screen, Sessions) and pilot.app.screen._entries != [])


@pytest.mark.parametrize("size", [*SIZES, (40, 12)])
def test_all_are_listed_the_newest_first_and_nothing_in_them_is_markup(store, size):
    async def story(pilot):
        await opened(pilot)
        text = screen_text(pilot.app)
        assert "O gato" in text
        if size[1] > 12:
            assert text.index("O gato") < text.index("␛[31mA lua[/]") < text.index("O dragão")
        assert "\x1b" not in text

    drive(MlxgptApp(), story, size)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
def test_a_long_name_of_a_model_gives_way_to_the_figures(home, size):
    store = Store(home / "mlxgpt.db")
    for number in range(12):  # more than fit: there is a scroll bar
        asyncio.run(Keeper(store).save(told(f"O gato {number}", "mia"), f"a-very-{'long' * 12}-name/step-00000025"))
    store.close()

    async def story(pilot):
        await opened(pilot)
        await pilot.pause()
        shown = screen_text(pilot.app).splitlines()
        facts = [text for text in shown if " · " in text and "20" in text]
        assert facts and all(" · a-very-l" in text and "… · 2 messages" in text for text in facts)
        titles = [number for number, text in enumerate(shown) if "O gato" in text]
        assert all(after - before == 2 for before, after in pairwise(titles))
        await pilot.resize_terminal(size[0] - 8, size[1])
        await until(pilot, lambda: screen_text(pilot.app).count("… · 2 messages") == len(facts))

    drive(MlxgptApp(), story, size)


def test_words_are_found_as_they_are_typed_and_enter_opens(store):
    async def story(pilot):
        await opened(pilot)
        await pilot.press(*"dragao")
        await until(pilot, lambda: [entry.title for entry in pilot.app.screen._entries] == ["O dragão dorme na torre"])
        await pilot.press("enter")
        await until(pilot, lambda: "e sonha com pão" in screen_text(pilot.app))
        assert len(pilot.app.chat_page.talk.messages) == 2

    drive(MlxgptApp(), story)


def test_one_is_renamed_exported_and_deleted(store, tmp_path):
    async def story(pilot):
        await opened(pilot)
        await pilot.press("down", "r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press("ctrl+u", *"Bicho", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Sessions) and "Bicho" in screen_text(pilot.app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        pilot.app.screen.query_one("Input").value = str(tmp_path / "gato.json")
        await pilot.press("enter")
        await until(pilot, lambda: "Written" in screen_text(pilot.app))
        assert [m["text"] for m in json.loads((tmp_path / "gato.json").read_text())["messages"]] == ["O gato", "mia"]
        await pilot.press("d")
        await until(pilot, lambda: "cannot be undone" in screen_text(pilot.app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, Sessions))
        assert len(store.entries()) == 3
        await pilot.press("d")
        await until(pilot, lambda: "cannot be undone" in screen_text(pilot.app))
        await pilot.press("y")
        await until(pilot, lambda: len(store.entries()) == 2)
        await pilot.press("escape")

    drive(MlxgptApp(), story)


def test_a_click_opens(store):
    async def story(pilot):
        await opened(pilot)
        await pilot.click("OptionList", offset=(5, 3))  # the second of two lines each
        await until(pilot, lambda: "brilha" in screen_text(pilot.app))

    drive(MlxgptApp(), story)


def test_the_last_one_goes_on_where_it_is_asked_for(store):
    async def story(pilot):
        await until(pilot, lambda: "mia" in screen_text(pilot.app))
        pilot.app.chat_page.talk.add("user", text="E o cão?")
        pilot.app.keep()
        await until(pilot, lambda: store.entries()[0].messages == 3)

    drive(MlxgptApp(session="last"), story)
    assert len(store.entries()) == 3


def test_an_answer_says_how_it_was_drawn_and_the_last_line_how_the_next_one_will_be(store):
    talk = told("Era uma vez", "um dragão")
    talk.path()[-1].settings = "T 0.2 · k 7"
    keep(Keeper(store), talk)

    async def story(pilot):
        await until(pilot, lambda: "um dragão" in screen_text(pilot.app) and "T 1.5" in screen_text(pilot.app))
        lines = screen_text(pilot.app).splitlines()
        assert any("mlxgpt" in line and "T 0.2 · k 7" in line for line in lines[1:])
        assert "T 1.5" in lines[-2] and "T 0.2" not in lines[-2]
        assert pilot.app.bridge.chat.config.sampling.temperature == 1.5

    drive(MlxgptApp(session="last", settings={"temperature": 1.5}), story)


def test_a_number_that_is_no_conversation_is_said(store):
    async def story(pilot):
        await until(pilot, lambda: "There is no conversation 99" in screen_text(pilot.app))

    drive(MlxgptApp(session="99"), story)


def test_what_was_said_last_is_kept_when_the_app_ends(store):
    async def story(pilot):
        pilot.app.chat_page.talk.add("user", text="tchau")

    drive(MlxgptApp(), story)
    assert store.entries()[0].title == "tchau"


def test_the_open_conversation_may_be_deleted(store):
    async def story(pilot):
        await until(pilot, lambda: "mia" in screen_text(pilot.app))
        await opened(pilot)
        await pilot.press("down", "d")
        await until(pilot, lambda: "cannot be undone" in screen_text(pilot.app))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, Sessions))
        await until(pilot, lambda: len(store.entries()) == 2)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.chat_page.talk.messages == {})

    drive(MlxgptApp(session="last"), story)
    assert len(store.entries()) == 2


def test_a_damaged_database_is_said_once_and_the_app_goes_on(home):
    home.mkdir()
    (home / "mlxgpt.db").write_bytes(b"x" * 5000)

    async def story(pilot):
        await until(pilot, lambda: "is no database" in screen_text(pilot.app))
        pilot.app.clear_notifications()
        pilot.app.chat_page.talk.add("user", text="oi")
        pilot.app.keep()
        await until(pilot, lambda: "not saved" in screen_text(pilot.app))
        await pilot.press("ctrl+s")
        await until(
            pilot, lambda: isinstance(pilot.app.screen, Sessions) and "is no database" in screen_text(pilot.app)
        )

    drive(MlxgptApp(), story)
    assert (home / "mlxgpt.db").read_bytes() == b"x" * 5000
