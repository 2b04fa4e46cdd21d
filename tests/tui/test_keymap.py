"""Keys and colours from the settings file; what is wrong in it is said; both themes can be read."""

import itertools

import pytest
from textual.color import Color

from mlxgpt.backend import places
from tests.tui.conftest import drive, screen_text, until
from tui import keymap, terminal
from tui.app import MlxgptApp
from tui.modals.sessions import Sessions
from tui.themes import DARK, LIGHT, THEMES

NAMES = {theme.name: theme for theme in THEMES}


def write(text):
    places.settings().parent.mkdir(parents=True, exist_ok=True)
    places.settings().write_text(text, encoding="utf-8")


def notices(text):
    write(text)
    return " ".join(keymap.read(places.settings(), NAMES).notices)


def test_no_file_means_the_usual_keys():
    assert keymap.read(places.settings(), NAMES) == keymap.Settings()


def test_a_key_does_what_the_file_says_and_the_footer_shows_it():
    write('[keys]\n"app.sessions" = "ctrl+l"\n"chat.new" = "f9, ctrl+b"\n')

    async def story(pilot):
        await until(pilot, lambda: "^l Sessions" in screen_text(pilot.app))
        assert "^s" not in screen_text(pilot.app)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Sessions)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Sessions))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Sessions))
        await pilot.press("f1")
        await until(pilot, lambda: "HelpPanel" in str(pilot.app.screen.query("HelpPanel")))
        await pilot.pause()
        help_text = screen_text(pilot.app)
        assert "f9" in help_text and "^n" not in help_text

    drive(MlxgptApp(), story, (140, 60))


def test_other_actions_on_the_old_key_keep_it():
    write('[keys]\n"chat.stop" = "ctrl+x"\n')

    async def story(pilot):
        page = pilot.app.chat_page
        await pilot.press("escape")
        await until(pilot, lambda: page.focused is page.query_one("#transcript"))
        await pilot.press("escape")
        await until(pilot, lambda: page.focused is page.query_one("#prompt"))

    drive(MlxgptApp(), story)


def test_what_is_wrong_is_said_with_the_nearest_and_the_rest_holds():
    assert "'chat.stop'" in notices('[keys]\n"chat.stopp" = "x"')
    assert "there is no key 'strg+x'" in notices('[keys]\n"chat.stop" = "strg+x"')
    assert "a key is a text" in notices('[keys]\n"chat.stop" = 3')
    assert "'keys'" in notices("[key]\na = 1")
    assert "mlxgpt-light" in notices('[tui]\ntheme = "mlxgpt-lite"')
    assert "'theme'" in notices('[tui]\nthem = "x"')
    assert "cannot be read" in notices("[keys\n")
    write('[keys]\n"chat.stop" = "nokey"\n"chat.new" = "f10"\n[tui]\ntheme = "mlxgpt-light"')
    settings = keymap.read(places.settings(), NAMES)
    assert settings.keys == {"chat.new": "f10"} and settings.theme == "mlxgpt-light"


def test_two_actions_on_one_key_are_said_once():
    said = notices('[keys]\n"chat.new" = "f11"\n"chat.stop" = "f11"')
    assert said.count("only one of them") == 1 and "chat.new" in said and "chat.stop" in said
    assert "app.sessions" in notices('[keys]\n"chat.new" = "ctrl+s"')
    assert "app.chat_key" in notices('[keys]\n"chat.new" = "f2"')
    assert notices('[keys]\n"sessions.rename" = "ctrl+n"') == ""  # another place


@pytest.mark.parametrize("key, name", [("?", "question_mark"), ("/", "slash"), ("ctrl+x", "ctrl+x"), ("F", "F"),
                                       ("f12", "f12"), ("escape", "escape"), ("left_square_bracket", "left_square_bracket"),
                                       ("strg+x", ""), ("", ""), ("ctrl+", ""), ("nokey", ""), ("f99", "")])  # fmt: skip
def test_keys_are_told_from_other_words(key, name):
    assert keymap.normal(key) == name


def test_every_binding_has_help_and_the_app_starts_without_conflicts():
    known = keymap.bindings()
    assert {"app.sessions", "chat.stop", "sessions.rename"} <= set(known)
    assert all(each.help for each in known.values())


def test_wrong_settings_do_not_keep_the_app_from_starting():
    write('[keys]\n"chat.stopp" = "x"')

    async def story(pilot):
        await until(pilot, lambda: "chat.stopp" in screen_text(pilot.app))

    drive(MlxgptApp(), story)


# ---- colours ---------------------------------------------------------------------------------------------------------


def luminance(colour):
    """WCAG 2.2, relative luminance."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_text_can_be_read_on_every_ground(theme):
    colours = theme.to_color_system().generate() | theme.variables
    texts = ("foreground", "text-muted", "primary", "secondary", "accent", "warning", "error", "success")
    for text, ground in itertools.product(texts, ("background", "surface", "panel")):
        found = contrast(Color.parse(colours[text]), Color.parse(colours[ground]))
        assert found >= 4.5, f"{text} on {ground}: {found:.2f}"
    for ground in ("background", "surface", "panel"):
        assert contrast(Color.parse(colours["text-disabled"]), Color.parse(colours[ground])) >= 3
    cursor = Color.parse(colours["block-cursor-background"]), Color.parse(colours["block-cursor-foreground"])
    assert contrast(*cursor) >= 4.5


def test_the_themes_are_there_and_one_can_be_chosen():
    write('[tui]\ntheme = "mlxgpt-light"')
    assert MlxgptApp().theme == LIGHT.name
    write("")
    assert MlxgptApp().theme == DARK.name


def test_a_terminal_is_told_once_what_it_lacks():
    apple = {"TERM_PROGRAM": "Apple_Terminal"}
    assert len(terminal.new_hints(apple, 256)) == 2
    assert terminal.new_hints(apple, 256) == []
    assert "NO_COLOR" in terminal.new_hints({"NO_COLOR": ""}, 1)[0]
    assert terminal.new_hints({}, 1 << 24) == []
