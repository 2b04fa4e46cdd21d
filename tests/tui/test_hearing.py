"""One answer, seen from everywhere: Chat, Live, Inspect and the commands look at the ids that the model read, and agree."""

import math

import numpy as np
import pytest
from textual.widgets import Input

from tests.tui.conftest import drive, screen_text, until
from tui.app import MlxgptApp
from tui.hearing import hearing
from tui.look import finished
from tui.screens.inspect import InspectPage
from tui.widgets.transcript import Transcript


async def chatting(pilot, system="Responda em português."):
    """The chat page with a model that reads conversations, after two turns, the second long enough to be drawn apart."""
    page = pilot.app.chat_page
    await until(pilot, lambda: page.bridge.opened is not None and page.live.watch is not None)
    chat = page.bridge.chat
    chat.completes, chat.system = False, system
    for text in ("Oi.", "Conte uma história."):
        page.ask(text)
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1].role == "assistant")
    await until(pilot, lambda: not page.live.state.loading)
    return page, page.talk.path()[-1]


def app(**settings):
    return MlxgptApp("nano-pt", device="cpu", settings={"max_tokens": 10, "seed": 5, "temperature": 0.9} | settings)


async def inspected(pilot):
    """The Inspect page, once it has read all."""
    await until(pilot, lambda: isinstance(pilot.app.screen, InspectPage) and pilot.app.screen.look.stream is not None)
    await pilot.pause()
    return pilot.app.screen


def test_a_token_has_the_same_numbers_on_every_page():
    async def story(pilot):
        page, answer = await chatting(pilot)
        token = answer.tokens[4]
        ids, _, _ = page.bridge.chat.prompt(
            page.bridge.chat.messages[:-1]
        )  # the system message, both turns, their layout
        page.query_one(Transcript).focus()
        page.query_one(Transcript).select(answer, 4)
        await until(pilot, lambda: page.live.state.step is not None and page.live.state.step.drawn == token.id)
        await until(pilot, lambda: not page.live.state.loading)
        step = page.live.state.step
        assert step.passage.ids == (*ids, *(each.id for each in answer.tokens[:4]))
        assert step.probability == pytest.approx(token.probability, abs=1e-4)
        await page.action_inspect()
        look = (await inspected(pilot)).look
        assert look.passage.ids == (*step.passage.ids, token.id) and look.at == look.length - 2
        assert math.exp(-look.tokens.surprisal[-1]) == pytest.approx(token.probability, abs=1e-4)
        assert look.tokens.rank[-1] == token.rank == step.rank
        head_row = look.heads.pattern[step.layer][:, look.at, :-1]
        np.testing.assert_allclose(head_row, step.weights, atol=1e-4)
        np.testing.assert_allclose(look.lens.top_probability[:, look.at, 0], step.top_probability, atol=1e-4)
        assert look.tokens.loss == pytest.approx(
            sum(-math.log(each.probability) for each in answer.tokens[:5]) / 5, abs=1e-4
        )
        assert "as the chat read it" in screen_text(pilot.app)

    drive(app(), story, (160, 45))


def test_the_loss_of_the_answer_is_the_mean_that_live_shows_and_other_versions_have_their_own():
    async def story(pilot):
        page, answer = await chatting(pilot)
        page.action_regenerate()
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1] is not answer)
        for message in (page.talk.path()[-1], answer):
            page.talk.show(message)
            nats = [-math.log(each.probability) for each in message.tokens]
            path = [{"role": each.role, "content": each.text} for each in page.talk.path()]
            shown = hearing(page.bridge, page.talk, message)
            reply = await page.bridge.ask(
                lambda path=path, shown=shown: page.commands._reply("/explain loss", path, shown)
            )
            assert f"{sum(nats) / len(nats):.2f} nats" in reply.text

    drive(app(), story)


def test_an_edited_text_is_a_document_again_and_one_that_was_not_stays_what_it_is():
    async def story(pilot):
        page, answer = await chatting(pilot)
        await page.run_command("/inspect")
        inspect = await inspected(pilot)
        heard = inspect.look.heard
        assert heard is not None and inspect.look.passage.ids == heard.ids
        assert heard.ids[-len(answer.tokens) :] == tuple(each.id for each in answer.tokens)
        inspect.query_one(Input).focus()
        await pilot.press("enter")
        assert inspect.look.heard is heard
        inspect.query_one(Input).value = "Era uma vez um gato"
        inspect.query_one(Input).focus()
        await pilot.press("enter")
        await inspected(pilot)
        assert inspect.look.heard is None and inspect.look.passage.text == "Era uma vez um gato"
        assert "as a document" in screen_text(pilot.app)

    drive(app(), story)


def test_the_other_text_of_patching_has_the_layout_of_the_conversation_too():
    async def story(pilot):
        page, _ = await chatting(pilot)
        await page.run_command("/inspect")
        inspect = await inspected(pilot)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        line = pilot.app.focused
        assert line.value.startswith("<BOS><SYSTEM>") and "<USER>Oi.<END>" in line.value
        line.value = line.value.replace("Oi.", "De.")
        await pilot.press("enter")
        await until(pilot, lambda: inspect.look.patch is not None and finished(inspect.look.patch))
        report = inspect.look.patch
        changed = [
            i for i, (old, new) in enumerate(zip(report.passage.ids, report.corrupt.ids, strict=True)) if old != new
        ]
        assert report.passage.ids == inspect.look.heard.ids and 1 <= len(changed) <= 3
        await pilot.pause()
        assert "into «<BOS><SYSTEM>" in screen_text(pilot.app)
        assert f"{changed[0]} «De" in screen_text(pilot.app)

    drive(app(), story, (100, 40))
