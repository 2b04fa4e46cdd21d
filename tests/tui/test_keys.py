"""The last line holds whole keys and always Help; the keys of every box over a page can be changed."""

import importlib
import pkgutil

import pytest
from textual.screen import ModalScreen

import tui
from mlxgpt.backend import places
from tests.tui.conftest import SIZES, drive, screen_text, until
from tui import keymap
from tui.app import MlxgptApp
from tui.modals.modal import Modal
from tui.modals.reading import Reading
from tui.widgets.keys import Keys
from tui.widgets.tabs import PAGES


def subclasses(cls):
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_box_takes_its_keys_from_the_settings():
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        importlib.import_module(module.name)
    boxes = [each for each in subclasses(ModalScreen) if each.__module__.startswith("tui.") and each is not Modal]
    assert len(boxes) >= 9
    assert all(issubclass(each, Modal) for each in boxes)
    assert {"modal.leave", "reading.copy", "runs.mark", "search.apply", "picker.list"} <= set(keymap.bindings())


@pytest.mark.parametrize("size", [(30, 10), *SIZES])
def test_the_last_line_holds_whole_keys_and_help_on_every_page(size):
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        for name in PAGES:
            await pilot.app.go(name)
            await pilot.pause(0.1)
            line = screen_text(pilot.app).splitlines()[-1]
            assert line.endswith("f1 Help"), line
            known = {binding.description for _, binding, _, _ in pilot.app.screen.active_bindings.values()}
            keys = pilot.app.screen.query_one(Keys)
            for start, end, _ in keys._spans:
                assert any(line[start:end].strip().endswith(f" {each}") for each in known), line[start:end]

    drive(MlxgptApp(), story, size)


def test_a_click_on_a_key_presses_it():
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        await pilot.app.go("model")
        await pilot.pause(0.2)
        line = screen_text(pilot.app).splitlines()[-1]
        await pilot.click(Keys, offset=(line.index("View"), 0))
        await until(pilot, lambda: pilot.app.screen.view == "parameters")

    drive(MlxgptApp(), story)


def test_a_key_of_a_box_can_be_changed():
    places.settings().parent.mkdir(parents=True, exist_ok=True)
    places.settings().write_text('[keys]\n"reading.close" = "f9"', encoding="utf-8")

    async def story(pilot):
        box = Reading("a title", "some \x1b[31mtext")
        pilot.app.push_screen(box)
        await until(pilot, lambda: "some" in screen_text(pilot.app))
        await pilot.press("escape", "q")
        await pilot.pause(0.1)
        assert pilot.app.screen is box and "f9 Close" in screen_text(pilot.app)
        await pilot.press("f9")
        await until(pilot, lambda: pilot.app.screen is not box)

    drive(MlxgptApp(), story)
