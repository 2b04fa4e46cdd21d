"""The chunks page: a document is cut again with every setting, chunks are chosen, explained, opened, written."""

import json

import pytest
from textual.widgets import Input

from mlxgpt import jobs
from mlxgpt.errors import DataError
from tests.tui.conftest import SIZES, check_snapshot, drive, screen_text, until
from tui.app import MlxgptApp
from tui.chunk_layout import Layout, drawn, fold
from tui.chunk_settings import carried, defaults, next_size, offers, parsed
from tui.chunk_view import Cutting, curve, explain, histogram, short
from tui.page import Request
from tui.screens.chunks import ChunksPage
from tui.widgets.chunk_list import ChunkList
from tui.widgets.chunk_map import ChunkMap


@pytest.fixture(autouse=True)
def no_times(monkeypatch):
    """What took how long is not said."""
    monkeypatch.setattr("tui.screens.chunks_view.TELL_SECONDS", 1e9)


def ready(page):
    return page._cutter._run > 0 and not page._cutter.busy and page.cutting.done == len(page._text)


def open_page(story, size=SIZES[1]):
    """Drive an app that shows the chunks page, once its document is cut."""

    async def run(pilot):
        page = pilot.app.screen
        assert isinstance(page, ChunksPage)
        await until(pilot, lambda: pilot.app.bridge.opened is not None and ready(page))
        await pilot.pause()
        await story(pilot, page)

    drive(MlxgptApp(page="chunks", device="cpu"), run, size)


async def again(pilot, page, *keys):
    """Press keys that start anew, and wait for the end."""
    run = page._cutter._run
    await pilot.press(*keys)
    await until(pilot, lambda: page._cutter._run > run and ready(page))
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
def test_the_page_at_every_size(size):
    async def story(pilot, page):
        await pilot.press("right", "right")
        await pilot.pause()
        check_snapshot(pilot.app, f"chunks-{size[0]}x{size[1]}")
        if size[0] < 100:
            for name in ("list", "figures"):
                await pilot.press("tab")
                await pilot.pause(0.1)
                check_snapshot(pilot.app, f"chunks-{name}-{size[0]}x{size[1]}")

    open_page(story, size)


def test_every_setting_cuts_again_and_the_place_stays():
    async def story(pilot, page):
        await pilot.press("right", "right", "right", "right", "right")
        place = page.cutting.chunks[5].chunk.start
        await again(pilot, page, "minus")
        assert page.options["max_size"] == 96
        chunk = page.cutting.chunks[page.chosen].chunk
        assert chunk.start <= place < chunk.end
        await again(pilot, page, "right_square_bracket", "right_square_bracket")
        assert page.options["overlap_ratio"] == 0.1
        assert any(entry.overlap_tokens for entry in page.cutting.chunks)
        await again(pilot, page, "s", "s", "s")
        assert page.strategy == "adaptive" and page.options["max_size"] == 96 and page.options["overlap_ratio"] == 0.1
        await again(pilot, page, "t")
        assert page.options["information_density_threshold"] == 0.6
        await again(pilot, page, "S")
        assert not page.check_action("threshold", ())

    open_page(story)


def test_a_click_on_a_strategy_a_row_and_the_map():
    async def story(pilot, page):
        run = page._cutter._run
        await pilot.click("StrategyBar", offset=(4, 0))
        await until(pilot, lambda: page._cutter._run > run and ready(page))
        await pilot.pause()
        assert page.strategy == "fixed" and "size · word" in screen_text(pilot.app)
        await pilot.click("#list", offset=(10, 4))
        await pilot.pause()
        assert page.chosen == 2 and "why chunk 3 ends here" in screen_text(pilot.app)
        await pilot.click("#map", offset=(20, 1))
        await pilot.pause()
        assert page.query_one(ChunkList).chosen == page.query_one(ChunkMap).chosen == page.chosen

    open_page(story)


def test_the_form_says_the_range_and_applies():
    async def story(pilot, page):
        await pilot.press("m")
        await until(pilot, lambda: "settings of recursive" in screen_text(pilot.app))
        pilot.app.screen.query_one("#overlap_ratio", Input).value = "1.5"
        await pilot.press("enter")
        await until(pilot, lambda: "must be in [0, 1)" in screen_text(pilot.app))
        pilot.app.screen.query_one("#overlap_ratio", Input).value = "0,2"
        pilot.app.screen.query_one("#max_size", Input).value = "64"
        await again(pilot, page, "enter")
        assert page.options == {"max_size": 64, "min_size": 0, "overlap_ratio": 0.2}
        await pilot.press(*["left_square_bracket"] * 6)  # more than there is
        await until(pilot, lambda: page.options["overlap_ratio"] == 0.0)

    open_page(story)


def test_the_optimiser_offers_what_it_measured_and_enter_applies_it(monkeypatch):
    monkeypatch.setattr("tui.screens.chunks.SEARCH_SECONDS", 3.0)

    async def story(pilot, page):
        page._apply("fixed", {"max_size": 200})
        await until(pilot, lambda: ready(page))
        await pilot.press("o")
        await until(pilot, lambda: "other settings measured" in screen_text(pilot.app))
        assert "sentences whole" in screen_text(pilot.app) and "now" in screen_text(pilot.app)
        search = pilot.app.screen._search
        assert (search.current.strategy, search.current.figures.chunks) == ("fixed", len(page.cutting.chunks))
        offer = offers(search)[0]
        await again(pilot, page, "enter")
        assert (page.strategy, page.options) == (offer.strategy, carried(offer.strategy, offer.options))
        assert len(page.cutting.chunks) == offer.figures.chunks

    open_page(story)


def test_a_file_is_read_cut_opened_and_written(tmp_path):
    file, output = tmp_path / "um.txt", tmp_path / "um.json"
    file.write_text("Primeira frase aqui. Segunda frase ali.\n\nTerceira, em outro parágrafo.\n", encoding="utf-8")

    async def story(pilot, page):
        page._apply("sentence", carried("sentence", {"max_size": 16}))
        await pilot.press("f")
        await until(pilot, lambda: "a file to cut" in screen_text(pilot.app))
        pilot.app.screen.query_one(Input).value = str(file)
        await again(pilot, page, "enter")
        assert page.cutting.text == file.read_text(encoding="utf-8") and "um.txt" in screen_text(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: "characters 0–" in screen_text(pilot.app))
        await pilot.press("escape", "w")
        await until(pilot, lambda: "write the chunks" in screen_text(pilot.app))
        pilot.app.screen.query_one(Input).value = str(output)
        await pilot.press("enter")
        await until(pilot, output.exists)
        written = json.loads(output.read_text(encoding="utf-8"))
        texts = [chunk["text"] for chunk in (written.get("documents") or [written])[0]["chunks"]]
        assert texts == [entry.chunk.text for entry in page.cutting.chunks] and len(texts) > 1
        await pilot.press("w")
        pilot.app.screen.query_one(Input).value = str(output)
        await pilot.press("enter")
        await until(pilot, lambda: "Write over it" in screen_text(pilot.app))

    open_page(story)


def test_a_text_is_handed_over_and_a_chunk_handed_on():
    async def story(pilot, page):
        page.receive(Request(text="Uma frase. " * 60, word="sentence"))
        await until(pilot, lambda: ready(page) and page.cutting.text.startswith("Uma frase"))
        await pilot.press("right", "i")
        await until(pilot, lambda: pilot.app.screen.NAME == "inspect")

    open_page(story)


def test_files_that_cannot_be_cut_are_said(tmp_path):
    (tmp_path / "bad.bin").write_bytes(b"ol\xe1 mundo")
    (tmp_path / "empty.txt").write_bytes(b"")

    async def story(pilot, page):
        before = page.cutting.text
        for path, said in (("no-file.txt", "does not exist"), ("bad.bin", "is not utf-8"), ("empty.txt", "is empty")):
            page.receive(Request(path=str(tmp_path / path)))
            await until(pilot, lambda said=said: said in screen_text(pilot.app).replace("\n", " ").lower())
            assert page.cutting.text == before

    open_page(story, (300, 40))


def test_an_unknown_strategy_names_the_nearest():
    async def story(pilot, page):
        page.receive(Request(word="semantik"))
        await until(
            pilot, lambda: "semantic" in screen_text(pilot.app) and "no chunk strategy" in screen_text(pilot.app)
        )
        assert page.strategy == "recursive"

    open_page(story)


def test_hostile_text_is_drawn_as_pictures():
    hostile = "Uma\x1b]52;c;eA==\x07 frase.\x9b31m Outra\u202e [b]aqui[/b].\r\n\tFim \0.\n" * 20

    async def story(pilot, page):
        page.receive(Request(text=hostile))
        await until(pilot, lambda: ready(page) and page.cutting.text == hostile)
        await pilot.press("enter")
        await pilot.pause()
        for _ in range(2):
            shown = screen_text(pilot.app)
            assert not any(character in shown for character in "\x1b\x07\x9b\u202e\0\r\t") and "␛]52" in shown
            await pilot.press("escape")

    open_page(story)


def test_a_long_text_is_stopped_and_a_new_setting_drops_what_was_on_its_way():
    text = "Uma casa azul perto do rio. Outra casa, mais longe dali.\n" * 20_000

    async def story(pilot, page):
        page.receive(Request(text=text))
        assert page._cutter.busy
        page.action_stop()
        await until(pilot, lambda: "stopped at" in screen_text(pilot.app))
        assert page.cutting.done < len(text)
        run = page._cutter._run
        await pilot.press("minus", "minus")
        await until(pilot, lambda: page._cutter._run > run + 1 and ready(page))
        chunks = [entry.chunk for entry in page.cutting.chunks]
        assert "".join(chunk.text for chunk in chunks) == text and max(c.n_tokens for c in chunks) <= 64
        await pilot.press("tab", "end")
        assert page.chosen == len(chunks) - 1
        await pilot.resize_terminal(90, 30)
        await until(pilot, lambda: page._layout_of.width == page.query_one(ChunkMap).text_width)

    open_page(story)


def test_nothing_to_cut_says_what_to_do_and_no_size_raises():
    async def story(pilot, page):
        page._set_text("", "nada")
        page._start()
        await until(pilot, lambda: ready(page) and "nothing to cut" in screen_text(pilot.app))
        await pilot.press("enter", "o", "w", "i", "y", "right", "plus", "tab")
        page.receive(Request(text="Uma frase. Outra frase aqui."))
        for size in ((20, 8), (40, 12), (300, 100)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.1)
            await pilot.press("tab", "s")

    open_page(story)


# ---- without a screen ----


def test_lines_are_the_text_and_keep_the_width():
    text = "uma casa azul, muito longa\n\n日本語の文章 e\u0301 fim" + "x" * 30
    for width in (4, 7, 20):
        spans = list(fold(text, 0, len(text), width))
        assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
        assert (spans[0][0], spans[-1][1]) == (0, len(text))
    assert drawn("\x1b\t") == "␛⇥"


def cut(text, strategy, **options):
    cutting = Cutting(text=text)
    for part in jobs.watch_chunking(text, jobs.open_tokenizer("byte"), strategy, options):
        cutting.add(part)
    return cutting


def test_what_two_chunks_share_is_shown_once():
    text = "Uma frase aqui. Outra frase ali. Mais uma frase. " * 8
    cutting = cut(text, "overlapping", max_size=60, overlap_ratio=0.3)
    layout = Layout(text, 30)
    layout.add([entry.chunk for entry in cutting.chunks])
    lines = [text[layout.starts[i] : layout.ends[i]] for i in range(len(layout))]
    assert "".join(lines) == text
    assert sum(layout.is_cut(i) for i in range(len(layout))) == len(cutting.chunks)


def test_each_kind_of_cut_is_told_with_its_numbers():
    text = "Uma frase aqui. Outra frase ali, longa. Mais uma.\n\nNovo parágrafo, com mais uma frase. Fim.\n\n" * 6
    told = {}
    for strategy in ("fixed", "recursive", "paragraph", "semantic", "adaptive", "hierarchical"):
        cutting = cut(text, strategy, max_size=70)
        for number, entry in enumerate(cutting.chunks):
            told[entry.cut.kind] = " ".join(explain(cutting, number))
            assert short(entry.cut)
    assert {"end", "size", "fill", "subject", "density", "unit"} <= set(told)
    assert "and 70 fit" in told["size"] and "standard deviations" in told["subject"]


def test_pictures_of_sizes_and_cohesion():
    cutting = cut("Uma frase aqui. Outra frase ali. Mais uma frase. " * 8, "sentence", max_size=60)
    lines = histogram(cutting.sizes, 60, 30, 2)
    assert [len(line) for line in lines] == [30, 30, 30] and lines[-1].startswith("0") and lines[-1].endswith("60")
    drawing = curve(cutting, 1, 40, 2)
    assert drawing[-1].plain.count("▲") == 1 and "×" in drawing[-1].plain


def test_settings_are_read_stepped_and_carried_over():
    assert (next_size(128, 1), next_size(129, -1), next_size(9000, 1)) == (192, 128, 9512)
    assert (parsed("0,5", 0.1), parsed("7", 3), parsed("x", 3)) == (0.5, 7, "x")
    assert carried("fixed", {"max_size": 7, "min_size": 3}) == {"max_size": 7}
    assert defaults("semantic")["compared"] == 6


def test_keys_stop_at_the_ends_of_their_ranges_and_say_no_error():
    async def story(pilot, page):
        await pilot.press(*["left_square_bracket"] * 12)
        assert page.options["overlap_ratio"] == 0
        await pilot.press(*["right_square_bracket"] * 30)
        assert page.options["overlap_ratio"] == 0.5
        await pilot.press(*["minus"] * 40)
        await until(pilot, lambda: not page._cutter.busy and page.cutting.chunks)
        assert page.options["max_size"] == 8
        assert not pilot.app._notifications

    open_page(story)


def test_threshold_is_offered_where_there_is_one():
    async def story(pilot, page):
        assert not page.check_action("threshold", ())
        await pilot.press("t")  # does nothing
        page.receive(Request(word="adaptive"))
        await pilot.pause()
        assert page.check_action("threshold", ()) and not pilot.app._notifications

    open_page(story)


def test_settings_that_cannot_cut_give_way_to_the_last_that_could(monkeypatch):
    async def story(pilot, page):
        before, cut = dict(page.options), len(page.cutting.chunks)
        watch = jobs.watch_chunking

        def fails(text, tokenizer, strategy, options, **more):
            if options["max_size"] == 96:
                raise DataError("Too small.")
            return watch(text, tokenizer, strategy, options, **more)

        monkeypatch.setattr(jobs, "watch_chunking", fails)
        await pilot.press("minus")
        await until(pilot, lambda: "Too small." in screen_text(pilot.app) and not page._cutter.busy)
        assert page.options == before and len(page.cutting.chunks) == cut

    open_page(story)


def test_no_error_names_an_option_of_the_command_line(tmp_path):
    (tmp_path / "utf16.txt").write_text("olá " * 50, encoding="utf-16")

    async def story(pilot, page):
        for path in (tmp_path / "utf16.txt", tmp_path):
            page.receive(Request(path=str(path)))
            await until(pilot, lambda: "takes folders" in " ".join(n.message for n in pilot.app._notifications))
            assert not any("--" in note.message for note in pilot.app._notifications)
            pilot.app.clear_notifications()

    open_page(story)
