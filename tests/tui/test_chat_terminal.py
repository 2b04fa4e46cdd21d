"""The app in a real terminal: nothing of a hostile text reaches it, and the program ends well."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from mlxgpt.backend import places
from tests.tui.chatting import EVIL, RAW, save_endless, token
from tui.conversation import Conversation
from tui.keeper import Keeper
from tui.store import Store
from tui.widgets.tabs import PAGES

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from terminal import Terminal, mlxgpt

# What Textual itself says to a terminal: cursor, colours, modes, the mouse's shape, and questions about what it can do.
SPOKEN = re.compile(r"\x1b(\[[0-9;:?<>=$ ]*[A-Za-z@`~]|[78=>()][B0]?|\]22;[a-z-]*\x07|P[^\x1b]*\x1b\\|_[^\x1b]*\x1b\\)")
COPIED = re.compile(r"\x1b\]52;c;[A-Za-z0-9+/=]*\x07")  # copying by the terminal, where there is no other way


def app(place, home, *more, **variables):
    return Terminal(
        mlxgpt("tui", "--model", place, "--device", "cpu", *more),
        size=(100, 30),
        environment={"MLXGPT_HOME": str(home), "TEXTUAL_ANIMATIONS": "none", **variables},
    )


def saw(terminal, pattern, start=0):
    assert terminal.read(60, lambda: terminal.shows(pattern, start)), re.sub(" +", " ", terminal.text(start))[-3000:]


@pytest.fixture
def place(tmp_path, home):
    """A home with a hostile conversation, and a model that writes any bytes."""

    async def keep(talk):
        store = Store(places.database())
        assert await Keeper(store).save(talk) == ""
        store.close()

    talk = Conversation(title=EVIL)
    talk.add("user", text=EVIL)
    answer = talk.add("assistant", text=EVIL * 3)
    answer.notes, answer.model, answer.settings, answer.reason = [EVIL], EVIL, EVIL, "stopped"
    answer.tokens = [token(EVIL, draw=0.2), token("\x1b", draw=0.1), token("]52;c;ZXZpbA==\x07", draw=0.1)]
    asyncio.run(keep(talk))
    return save_endless(tmp_path)


def test_nothing_of_a_text_steers_the_terminal_and_the_program_ends_well(place, home):
    with app(place, home, "--session", "last") as terminal:
        saw(terminal, r"T 0\.8")
        saw(terminal, r"\[b\]e\[/b\]")
        terminal.type("\x1b")  # to the tokens
        saw(terminal, "Branch")
        terminal.type("\r")  # the card
        saw(terminal, "drawn from")
        for key in "hhy":
            terminal.type(key)
            terminal.read(0.4)
        start = len(terminal.output)
        terminal.type("/")  # back to the prompt
        saw(terminal, "Complete", start)
        terminal.type("seed 5\r/top-k 20\r")
        saw(terminal, r"k 20 · p 0\.95 · seed 5")
        start = len(terminal.output)
        terminal.type("\x1b[200~pasted \x9b31m\u202e\u200b[b]x[/b]\x1b[201~")
        saw(terminal, "pasted", start)
        terminal.type("\r")
        saw(terminal, "[●○] [0-9]{2,} tok", start)  # of noise
        terminal.type("\x1b")
        saw(terminal, "○ [0-9]+ tok", start)
        terminal.type("\x11")
        assert terminal.wait() == 0
        assert terminal.restored
        said = SPOKEN.sub("", terminal.output.decode("utf-8", "replace"))
    assert len(COPIED.findall(said)) <= 1
    said = COPIED.sub("", said)
    assert "␛]52;c;ZXZpbA==␇" in said
    assert not [raw for raw in RAW if raw in said]
    assert not re.search("[\x80-\x9f\x1b\u202a-\u202e\u2066-\u2069\u200b]", said)


def test_without_colours_every_page_is_drawn(place, home):
    with app(place, home, NO_COLOR="1") as terminal:
        saw(terminal, r"T 0\.8")
        terminal.type("/tokens 12\r")
        terminal.read(0.3)
        terminal.type("Era\r")
        saw(terminal, "○ 12 tok")
        terminal.type("\x1b")  # to the tokens: digits are no text there
        saw(terminal, "Branch")
        for digit in [*range(2, len(PAGES) + 1), 1]:
            start = len(terminal.output)
            terminal.type(str(digit))
            saw(terminal, f"▐{digit} ", start)
            terminal.type("\x1b")  # out of an input that has the focus
            terminal.read(0.3)
        terminal.type("\x11")
        assert terminal.wait() == 0, terminal.text()[-3000:]
        assert "Traceback" not in terminal.text()
