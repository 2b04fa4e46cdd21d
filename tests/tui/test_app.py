"""The frame around the pages: digits lead to them, the model arrives behind the first picture."""

from tests.tui.conftest import SIZES, drive, screen_text, until
from tui.app import MlxgptApp
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


def test_a_model_that_is_not_there_is_said_and_the_app_goes_on():
    async def story(pilot):
        await until(pilot, lambda: "no-such-model" in screen_text(pilot.app))
        assert pilot.app.bridge.opened is None

    drive(MlxgptApp("no-such-model"), story)
