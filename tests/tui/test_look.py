"""What the Inspect page folds: places that stay inside the text, heads silenced and heard, lines that say their figures."""

import numpy as np
import pytest
from rich.cells import cell_len

from mlxgpt.inspection.explain import LANGUAGES, LEVELS
from mlxgpt.inspection.reports import Passage, PatchReport
from tui import asking
from tui.look import Figures, Look, checkpoint_line, finished, head_line, note, silence_line, token_line, told
from tui.widgets.head_grid import thumbnail
from tui.widgets.passage_strip import broken
from tui.widgets.picture import window

TEXT = "Era uma vez um gato chamado Tico."


@pytest.fixture(scope="module")
def nano():
    from mlxgpt import jobs

    return jobs.open_inspector("nano-pt", device="cpu")


@pytest.fixture(scope="module")
def look(nano):
    """Everything that can be known of a text."""
    found = Look(text=TEXT, name="nano")
    for field, (_, ask) in asking.READ.items():
        found = found.but(**{field: ask(nano, found)})
    return found


def test_places_stay_inside(look):
    layers, heads = look.shape
    end = look.moved(position=99, layer=99, head=99)
    assert (end.at, end.layer, end.head) == (look.length - 1, layers - 1, heads - 1)
    start = end.moved(position=-99, layer=-99, head=-99)
    assert (start.at, start.layer, start.head) == (0, 0, 0)
    assert Look(layer=4).moved(position=3, layer=2).layer == 4  # nothing is known yet


def test_a_head_is_silenced_and_heard_again(look):
    both = look.switched((2, 1)).switched((0, 3))
    assert both.silenced == ((0, 3), (2, 1))
    assert both.switched((2, 1)).silenced == ((0, 3),)


def test_a_look_afresh_keeps_the_place_and_forgets_the_reports(look):
    other = look.but(layer=3, silenced=((1, 1),)).afresh(text="outro")
    assert (other.layer, other.silenced, other.text) == (3, ((1, 1),), "outro")
    assert other.tokens is None and other.heads is None and other.lens is None


def test_the_line_of_a_token_says_its_figures(look):
    at = look.but(position=5)
    line = token_line(at)
    assert f"«{at.passage.pieces[5].replace(' ', '·')}»" in line and f"id {at.passage.ids[5]}" in line
    assert f"s {at.tokens.surprisal[5]:.2f} nats" in line and f"rank {at.tokens.rank[5]}" in line
    assert " → ".join(f"{norm:.1f}" for norm in at.stream[:, 5]) in line
    assert "nothing comes before it" in token_line(look.but(position=0))
    assert token_line(Look()) == head_line(Look()) == ""


def test_the_line_of_a_head_names_the_three_largest_weights(look):
    at = look.but(layer=2, head=1, position=6)
    row = at.heads.pattern[2, 1, 6]
    line = head_line(at)
    for s in np.argsort(-row)[:3]:
        assert f"{row[s]:.2f}" in line


def test_the_line_of_silence_says_before_and_after(nano, look):
    at = look.switched((4, 4))
    assert "…" in silence_line(at)
    at = at.but(silence=asking.silence("zero")(nano, at))
    token, old, new = at.silence.tokens[0], at.silence.before[0], at.silence.after[0]
    assert f"{old:.1%} → {new:.1%}" in silence_line(at) and at.silence.pieces[int(token)].strip() in silence_line(at)


@pytest.mark.parametrize("width", [40, 78, 118, 198])
def test_lines_leave_out_whole_parts_and_keep_what_matters(nano, look, width):
    silenced = look.switched((4, 4))
    silenced = silenced.but(silence=asking.silence("zero")(nano, silenced))
    for at in (look, look.but(layer=2, head=1, position=6), silenced):
        parts = {part for line in (token_line(at), head_line(at)) for part in line.split(" · ")}
        first, second = note(at, width).split("\n")
        for line in (token_line(at, width), first):
            assert set(line.split(" · ")) <= parts and (cell_len(line) <= width or " · " not in line)
        assert at is silenced or second == silence_line(at) or set(second.split(" · ")) <= parts
    assert f"KL {silenced.silence.divergence:.2f}" in note(silenced, width)
    assert "role" in note(look, width)  # in the second line where the first is full


def test_roles_are_found_from_the_selected_head_on(look):
    some = list(look.with_role("self"))
    assert some and all(look.role(*head) == "self" for head in some)
    assert next(look.but(layer=some[0][0], head=some[0][1]).with_role("self")) == some[(1) % len(some)]
    assert list(look.with_role("")) == [] and list(look.with_role("zebra")) == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("level", LEVELS)
def test_what_the_view_is_about_is_said_first(look, level, lang):
    assert told(look, level, lang, "lens")[0][0] == "what comes next"
    assert all(lines for _, lines in told(look, level, lang))


def test_two_checkpoints_are_compared_at_one_place():
    then = Figures(name="step-1", loss=3.0, probability=0.25, rank=4, guess=" a", guess_probability=0.5)
    now = Figures(name="step-2", loss=2.5, probability=0.5, rank=1, guess=" b", guess_probability=0.75)
    line = checkpoint_line(now, then)
    for part in ("step-1 → step-2", "3.000 → 2.500", "0.250 → 0.500", "rank 4 → 1", "«·a» 50% → «·b» 75%"):
        assert part in line


def test_a_patch_is_finished_when_no_layer_is_missing():
    values = np.zeros((2, 3), np.float32)
    passage = Passage(model="", text="", ids=(1, 2, 3), pieces=("a", "b", "c"))
    report = {"passage": passage, "corrupt": None, "kind": "zero", "point": "attn.z", "columns": "heads", "position": 0}
    report |= {"token": 0, "against": None, "pieces": {0: "a"}, "clean": 1.0, "corrupted": 1.0}
    assert finished(PatchReport(**report, values=values))
    values[1] = np.nan
    assert not finished(PatchReport(**report, values=values))


@pytest.mark.parametrize("size", [1, 3, 8, 19, 700])
def test_a_thumbnail_has_its_size_and_loses_no_attention(size):
    pattern = np.tril(np.random.default_rng(size).random((size, size))).astype(np.float32)
    pattern /= pattern.sum(axis=-1, keepdims=True)
    small = thumbnail(pattern, 8, 10)
    assert small.shape == (8, 10) and np.isfinite(small).all() and small.max() == pytest.approx(1.0)
    if size >= 10:
        squares = small**2 / (small**2).sum(axis=-1, keepdims=True)  # a row is a distribution again
        rows = [
            pattern[a:b].mean(axis=0)
            for a, b in zip(np.arange(8) * size // 8, np.arange(1, 9) * size // 8, strict=True)
        ]
        sums = np.add.reduceat(np.stack(rows), np.arange(10) * size // 10, axis=1)
        assert squares == pytest.approx(sums, abs=1e-5)


def test_lines_of_tokens_hold_all_of_them_once():
    pieces = ["a", "bb" * 30, "c", "", "dd"] * 5
    for width in (1, 5, 20, 200):
        lines = broken(pieces, width)
        assert [t for line in lines for t in line] == list(range(len(pieces)))


def test_a_window_holds_the_cursor():
    for count in (0, 1, 5, 40):
        for cursor in range(count):
            for room in (1, 3, 100):
                seen = window(cursor, room, count)
                assert cursor in seen and len(seen) == min(room, count) and seen.start >= 0 and seen.stop <= count
    assert len(window(0, 5, 0)) == 0
