"""What is drawn from lines that were kept is what would be drawn anew, after whatever happened to a widget."""

import random

import pytest
from textual.app import App
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Static

from mlxgpt.events import TokenGenerated
from tests.tui.conftest import drive
from tui.conversation import Conversation
from tui.themes import THEMES
from tui.widgets.kept import KeptStatic, KeptVertical
from tui.widgets.transcript import Transcript


def anew(widget):
    """The lines of a widget with nothing kept."""
    widget._set_dirty()
    return widget.render_lines(widget.outer_size.region)


def drawn(widget):
    """Its lines as the compositor takes them, as text and style of each cell."""
    return [[(s.text, s.style) for s in strip.simplify()] for strip in widget.render_lines(widget.outer_size.region)]


def same(widget) -> bool:
    """Whether what is kept is what would be drawn anew."""
    kept = drawn(widget)
    anew(widget)
    return kept == drawn(widget)


class Two(App[None]):
    """A text twice, once kept."""

    CSS = "Static { height: 4; border: round $accent; padding: 0 1; }"

    def compose(self):
        with KeptVertical():
            yield KeptStatic("one", id="kept")
            yield Static("one", id="plain")


def test_a_kept_text_is_drawn_as_one_that_is_not():
    async def story(pilot):
        kept, plain = pilot.app.query_one("#kept"), pilot.app.query_one("#plain")
        steps = [
            lambda each: each.update("another\ntext"),
            lambda each: each.refresh(Region(0, 1, 9, 1)),
            lambda each: setattr(each.styles, "background", "blue"),
            lambda each: setattr(each, "border_title", "title"),
            lambda each: setattr(each.styles, "height", 6),
            lambda each: each.update("x", layout=False),
        ]
        for step in steps:
            step(kept), step(plain)
            await pilot.pause()
            assert drawn(kept) == drawn(plain)
        for theme in ("textual-light", "nord"):
            pilot.app.theme = theme
            await pilot.pause()
            assert drawn(kept) == drawn(plain)
            assert same(pilot.app.query_one(KeptVertical))
        await pilot.resize_terminal(50, 9)
        assert drawn(kept) == drawn(plain)

    drive(Two(), story)


def test_only_lines_that_were_marked_are_drawn_again(monkeypatch):
    asked = []
    monkeypatch.setattr(
        Widget, "render_lines", lambda self, crop, old=Widget.render_lines: asked.append(crop) or old(self, crop)
    )

    async def story(pilot):
        kept = pilot.app.query_one("#kept")
        await pilot.pause()
        whole = kept.outer_size.region
        kept.render_lines(whole)
        asked.clear()
        kept.render_lines(whole)
        assert asked == []
        kept.refresh(Region(0, 0, 5, 1))  # the first line inside the frame
        kept.render_lines(whole)
        assert asked == [Region(0, 1, whole.width, 1)]

    drive(Two(), story)


class Talking(App[None]):
    """A transcript alone."""

    def __init__(self):
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)

    def compose(self):
        yield Transcript()


@pytest.mark.parametrize("seed", range(6))
def test_a_transcript_whatever_happens_to_it(seed):
    chance, talk = random.Random(seed), Conversation()
    talk.add("user", text="Olá, «mundo»?")
    answer = talk.add("assistant")

    def written() -> TokenGenerated:
        text = chance.choice([" casa", "ção", "\n", " ", "日本", "\t", " uma palavra bem comprida", "", "\x1b[31m"])
        return TokenGenerated(id=1, text=text, token=text, probability=chance.choice([0.9, 0.2, 0.01]))

    async def story(pilot):
        view = pilot.app.query_one(Transcript)
        view.show(talk)
        for _ in range(60):
            match chance.randrange(8):
                case 0 | 1 | 2:
                    answer.tokens += [written() for _ in range(chance.randrange(1, 25))]
                    view.grow()
                case 3:
                    view.scroll_to(y=chance.randrange(40), animate=False, immediate=True)
                case 4:
                    view.move(chance.choice([-1, 1]), 0) if chance.random() < 0.5 else view.select(None, None)
                case 5:
                    answer.notes.append("something happened")
                    view.show(talk)
                case 6:
                    pilot.app.theme = chance.choice(["textual-light", *(theme.name for theme in THEMES)])
                case 7:
                    await pilot.resize_terminal(chance.randrange(20, 90), chance.randrange(5, 30))
            await pilot.pause()
            assert same(view)

    drive(Talking(), story, size=(60, 12))
