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


def whole(app):
    """Whether the last line ends in help, and holds nothing but names of keys that do something now."""
    line = screen_text(app).splitlines()[-1]
    known = {binding.description for _, binding, _, _ in app.screen.active_bindings.values()}
    names = [line[start:end].strip() for start, end, _ in app.screen.query_one(Keys)._spans]
    return line.endswith("f1 Help") and all(any(name.endswith(f" {each}") for each in known) for name in names)


@pytest.mark.parametrize("size", [(30, 10), *SIZES])
def test_the_last_line_holds_whole_keys_and_help_on_every_page(size):
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        for name in PAGES:
            await pilot.app.go(name)
            await until(pilot, lambda: whole(pilot.app))  # keys change as models and jobs come and go

    drive(MlxgptApp(), story, size)


@pytest.mark.parametrize("size", SIZES)
def test_where_one_writes_the_first_key_is_the_one_that_sends(size):
    async def story(pilot):
        await until(pilot, lambda: screen_text(pilot.app).splitlines()[-1].startswith(" ⏎ Send  ↑↓ History  ⇧⏎"))

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
