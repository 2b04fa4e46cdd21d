"""The frame around the pages: digits lead to them, the model arrives behind the first picture."""

import re
import threading

import pytest

from mlxgpt import jobs
from mlxgpt.errors import CheckpointError
from tests.tui.conftest import SIZES, drive, screen_text, until
from tui.app import MlxgptApp
from tui.widgets.prompt import Prompt
from tui.widgets.tabs import PAGES


def test_every_digit_leads_to_its_page():
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        for digit, name in enumerate(PAGES, 1):
            await pilot.app.go(name)
            await pilot.pause()
            assert name == pilot.app.screen.NAME
            assert f"▐{digit} " in screen_text(pilot.app)

    drive(MlxgptApp(), story, SIZES[1])


def test_f2_to_f8_lead_to_the_pages_while_one_writes_and_the_digits_are_text():
    async def story(pilot):
        app = pilot.app
        await until(pilot, lambda: app.bridge.opened is not None)
        await pilot.press(*"as 7 vidas")
        for number, name in enumerate(PAGES, 2):
            await pilot.press(f"f{number}")
            await until(pilot, lambda name=name: name == app.screen.NAME)
        await pilot.press("f4", "e")  # an editor, which has an f6 and an f7 of its own
        await until(pilot, lambda: app.screen.NAME == "tokens" and app.focused is not None)
        await pilot.press("f7")
        await until(pilot, lambda: app.screen.NAME == "model")
        await pilot.press("f3", "i", "f2")
        await until(pilot, lambda: app.screen.NAME == "chat")
        assert app.chat_page.query_one(Prompt).text == "as 7 vidas" and isinstance(app.focused, Prompt)

    drive(MlxgptApp(), story)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_what_is_said_stands_above_the_prompt_however_tall_it_is(size):
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        prompt = pilot.app.chat_page.query_one(Prompt)
        pilot.app.notify("One line,\nand another.", timeout=60)
        for count in (6, 1, 3, 30):
            prompt.text = "\n".join(f"line {i}" for i in range(count))
            await until(pilot, lambda: "and another" in screen_text(pilot.app).splitlines()[prompt.region.y - 1])

    drive(MlxgptApp(), story, size)


def test_a_model_that_is_not_there_is_said_and_the_app_goes_on():
    async def story(pilot):
        await until(pilot, lambda: "no-such-model" in screen_text(pilot.app))
        assert pilot.app.bridge.opened is None

    drive(MlxgptApp("no-such-model"), story)


def test_without_a_model_every_page_says_so_and_where_they_are(tmp_path):
    async def story(pilot):
        app = pilot.app
        await until(pilot, lambda: app.bridge.failed and "no model" in screen_text(app).splitlines()[0])
        for name in ("chat", "inspect", "model", "learn"):
            await app.go(name)
            await until(pilot, lambda: "No model is open: page 6 lists them all." in screen_text(app), 5)
            assert not re.search(r"loading|being (looked at|counted)", screen_text(app))
        await app.go("model")
        await until(pilot, lambda: "nano-pt" in screen_text(app))

    drive(MlxgptApp(str(tmp_path / "nowhere")), story)


def test_pages_that_were_open_before_hear_that_there_is_no_model(monkeypatch):
    asked = threading.Event()

    def refuse(*_, **__):
        asked.wait(30)
        raise CheckpointError("It is damaged.")

    monkeypatch.setattr(jobs, "open_chat", refuse)

    async def story(pilot):
        app = pilot.app
        for name in ("inspect", "learn", "chat"):
            await app.go(name)
        await until(pilot, lambda: "The model is loading" in screen_text(app))
        asked.set()
        for name in ("chat", "inspect", "learn"):
            await app.go(name)
            await until(pilot, lambda: "No model is open" in screen_text(app), 5)

    drive(MlxgptApp(), story)
