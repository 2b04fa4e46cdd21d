"""Figures of chunks against the same figures written out by hand, one number at a time."""

import math
import re
import zlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxgpt.chunking import registry
from mlxgpt.chunking.analysis import boundaries as cuts_against_headings
from mlxgpt.chunking.analysis.chance import ComparedTally, auc
from mlxgpt.chunking.analysis.cohesion import GapScores, compression
from mlxgpt.chunking.analysis.context import SPANS
from mlxgpt.chunking.analysis.density import moving_ratio
from mlxgpt.chunking.analysis.report import Analysis
from mlxgpt.chunking.analysis.view import ChunkView, DocumentView
from mlxgpt.chunking.analysis.words import word_hashes, words_of
from mlxgpt.chunking.characters import codes_of, kinds_of
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.levels import Level
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.simple import byte_tokenizer

SEA = "O barco saiu do porto. O mar estava calmo; o vento, fraco. As ondas batiam no barco. "
KITCHEN = "A cozinha cheirava a pão. O forno assava o pão e o bolo. A farinha cobria a mesa. "
TEXT = f"# Mar\n\n{SEA * 2}\n\n{SEA}\n\n# Cozinha\n\n{KITCHEN * 2}\n\n{KITCHEN}"


def cut(text, *ends, overlap=0):
    """Chunks of `text` that end at `ends` and at its end, of one token a byte."""
    edges = [0, *ends, len(text)]
    return [
        Chunk(
            text=text[max(0, start - overlap) : end], start=max(0, start - overlap), end=end,
            n_tokens=len(text[max(0, start - overlap) : end].encode()), overlap=min(start, overlap),
        )
        for start, end in pairwise(edges)
    ]  # fmt: skip


def report(text, *ends, overlap=0, **options):
    analysis = Analysis(**options)
    analysis.add(text, cut(text, *ends, overlap=overlap))
    return analysis.report()


def at(word, text=TEXT, number=0):
    """Where `word` begins, the place of that number."""
    return [match.start() for match in re.finditer(re.escape(word), text)][number]


# ---- sizes and coverage ----------------------------------------------------------------------------------------------


def test_sizes_are_those_of_numpy():
    found = report("a" * 100, 10, 40, 45, max_size=60, min_size=10).sizes
    sizes = [10, 30, 5, 55]
    assert (found.chunks, found.tokens, found.smallest, found.largest) == (4, 100, 5, 55)
    assert (found.mean, found.sd) == (25.0, pytest.approx(np.std(sizes)))
    assert found.variation == pytest.approx(np.std(sizes) / 25)
    assert found.percentiles == tuple(np.percentile(sizes, (5, 25, 50, 75, 95)))
    assert (found.fill, found.waste, found.below_min) == (pytest.approx(25 / 60), 140, 0.25)


def test_without_a_limit_nothing_is_said_about_it():
    found = report("a" * 100, 50)
    assert (found.sizes.fill, found.sizes.waste, found.sizes.below_min, found.coverage.over_limit) == (None,) * 4


def test_chunks_are_counted_again_by_the_tokenizer():
    text = "é" * 10  # two bytes each
    chunks = [Chunk(text=text[:5], start=0, end=5, n_tokens=10), Chunk(text=text[5:], start=5, end=10, n_tokens=5)]
    analysis = Analysis(max_size=9, tokenizer=byte_tokenizer())
    analysis.add(text, chunks)
    found = analysis.report()
    assert (found.coverage.over_limit, found.coverage.miscounted, found.sizes.tokens) == (2, 1, 20)


def test_gaps_overlaps_and_repetition_are_seen():
    text = "aaaa    bbbb" + "cccc" + "cccc"
    places = [(0, 4), (8, 12), (10, 16), (16, 20)]
    chunks = [Chunk(text=text[s:e], start=s, end=e, n_tokens=e - s) for s, e in places]
    analysis = Analysis()
    analysis.add(text, chunks)
    found = analysis.report().coverage
    assert (found.lost, found.lost_solid, found.mismatched, found.repeated) == (4, 0, 0, 0)
    assert found.duplication == pytest.approx(18 / 20)
    assert found.overlap == pytest.approx(2 / 4)  # characters are tokens here
    analysis.add("xxxx", [Chunk(text="cccc", start=0, end=3, n_tokens=3)])
    found = analysis.report().coverage
    assert (found.lost, found.lost_solid, found.mismatched, found.repeated, found.documents) == (5, 1, 1, 2, 2)


# ---- cuts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place, level",
    [
        (at("# Cozinha"), Level.PART),
        (at("# Cozinha") - 1, Level.PART),  # inside the white space before
        (at(SEA, number=2), Level.PARAGRAPH),
        (at(" O mar"), Level.SENTENCE),
        (at("O mar"), Level.SENTENCE),
        (at(" o vento"), Level.CLAUSE),
        (at("estava"), Level.WORD),
        (at("estava") + 2, Level.INSIDE),
    ],
)
def test_a_cut_has_the_level_of_its_place_whatever_white_space_is_around(place, level):
    found = report(TEXT, place).boundaries
    assert found.cuts == 1
    assert found.share(level) == 1.0
    assert found.mid_sentence == (1.0 if level < Level.SENTENCE else 0.0)


def test_the_end_of_a_document_is_no_cut():
    assert report(TEXT).boundaries.cuts == 0
    assert report("Um. Dois. \n", 10).boundaries.cuts == 0


def test_pk_and_window_diff_are_their_definitions():
    rng = np.random.default_rng(1)
    for _ in range(20):
        words = int(rng.integers(12, 40))
        reference = np.sort(rng.choice(np.arange(1, words), 2, replace=False))
        found = np.sort(rng.choice(np.arange(1, words), 5, replace=False))
        k = int(rng.integers(2, 6))
        segments = [cuts_against_headings._segments(places, words) for places in (reference, found)]
        between = [
            [sum(i < place <= i + k for place in places) for i in range(words - k)] for places in (reference, found)
        ]
        pk = np.mean([(a == 0) != (b == 0) for a, b in zip(*between, strict=True)])
        window_diff = np.mean([a != b for a, b in zip(*between, strict=True)])
        assert cuts_against_headings._errors(*segments, k) == (pytest.approx(pk), pytest.approx(window_diff))


def test_cuts_at_all_headings_and_nowhere_else_are_without_error():
    found = report(TEXT, at("# Cozinha")).structure
    assert (found.headings, found.found, found.pk, found.window_diff) == (1, 1.0, 0.0, 0.0)
    assert found.pk_by_chance > 0.1
    wrong = report(TEXT, at(" O mar")).structure
    assert (wrong.found, wrong.pk > 0.1) == (0.0, True)


def test_without_headings_there_is_no_structure():
    assert report(SEA, 24).structure is None


# ---- cohesion --------------------------------------------------------------------------------------------------------


def by_hand(text, place, words=150):
    """The cosine of the bags on both sides of a place, term by term."""
    view = DocumentView(text)
    spans = [(m.start(), m.group().lower()) for m in re.finditer(r"\w+", text)]
    gaps = view.gaps.tolist()
    sentence = [sum(gap <= start for gap in gaps) for start, _ in spans]
    having = Counter(word for _, word in {(s, word) for s, (_, word) in zip(sentence, spans, strict=True)})
    idf = {word: math.log((len(gaps) + 1) / count) for word, count in having.items()}
    middle = sum(start < place for start, _ in spans)
    left = Counter(word for _, word in spans[max(0, middle - words) : middle])
    right = Counter(word for _, word in spans[middle : middle + words])
    dot = sum(left[w] * right[w] * idf[w] ** 2 for w in left)
    norms = [math.sqrt(sum((count * idf[w]) ** 2 for w, count in bag.items())) for bag in (left, right)]
    return dot / (norms[0] * norms[1]) if norms[0] * norms[1] else 0.0


def test_cohesion_is_the_cosine_written_out():
    text = TEXT * 3
    scores = GapScores(DocumentView(text))
    places = np.array([at("O mar", text), at("# Cozinha", text), at("estava", text, 4), at("farinha", text, 2)])
    assert scores.lexical_at(places) == pytest.approx([by_hand(text, place) for place in places])
    assert scores.lexical[:5] == pytest.approx([by_hand(text, place) for place in DocumentView(text).gaps[:5]])


def test_cosines_do_not_depend_on_how_many_are_computed_at_once(monkeypatch):
    scores = GapScores(DocumentView(TEXT * 5)).lexical
    monkeypatch.setattr("mlxgpt.chunking.analysis.cohesion._BLOCK", 500)
    assert GapScores(DocumentView(TEXT * 5)).lexical == pytest.approx(scores)


def test_a_cut_where_the_subject_turns_has_a_drop_and_one_elsewhere_has_not():
    turning = report(TEXT * 2, at("# Cozinha", TEXT * 2)).cohesion
    elsewhere = report(TEXT * 2, at(KITCHEN, TEXT * 2, 1)).cohesion
    assert turning.drop > 0.1 > elsewhere.drop
    assert turning.drop_z > 1 > elsewhere.drop_z
    assert turning.drop == pytest.approx(turning.lexical.chance - by_hand(TEXT * 2, at("# Cozinha", TEXT * 2)))


@pytest.mark.parametrize("number", [5, 40])
def test_random_segmentations_have_the_mean_and_spread_of_drawing_without_putting_back(number):
    values = np.random.default_rng(3).gamma(2.0, size=120)
    tally = ComparedTally()
    tally.add(values[:number], values)
    found = tally.result()
    expected = math.sqrt(values.var(ddof=1) / number * (1 - number / len(values)))
    assert found.value == pytest.approx(values[:number].mean())
    assert found.chance == pytest.approx(values.mean(), abs=4 * expected / math.sqrt(200))
    assert found.chance_sd == pytest.approx(expected, rel=0.2)
    assert found.z == pytest.approx((found.value - found.chance) / found.chance_sd)


def test_where_every_gap_is_a_cut_there_is_no_z():
    view = DocumentView(SEA * 3)
    found = report(SEA * 3, *view.gaps.tolist()).cohesion.lexical
    assert found.z is None
    assert found.value == pytest.approx(found.chance)


def test_the_same_text_has_the_same_figures():
    assert report(TEXT, 40, 300) == report(TEXT, 40, 300)


def test_compression_is_the_ratio_written_out():
    text = TEXT * 5
    place = at("# Cozinha", text, 2)

    def size(part):
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        return len(packer.compress(part.encode()) + packer.flush())

    d, q = text[place - 1000 : place], text[place : place + 1000]
    expected = (size(d + q) - size(d)) / size(q)
    assert compression(DocumentView(text), np.array([10, place])) == pytest.approx([expected])  # 10: too near the start


def test_the_area_under_the_curve_counts_pairs():
    rng = np.random.default_rng(0)
    positive, negative = rng.integers(0, 6, 30).astype(float), rng.integers(0, 5, 40).astype(float)
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert auc(positive, negative) == pytest.approx(np.mean(pairs))


# ---- context ---------------------------------------------------------------------------------------------------------


def test_a_sentence_is_whole_when_one_chunk_holds_all_of_it():
    text = "Um dia veio. Dois dias foram. Três dias ficaram."
    for ends, overlap, whole in (([12], 0, 3), ([13], 0, 3), ([20], 0, 2), ([20], 7, 3), ([5, 20, 40], 0, 0)):
        found = report(text, *ends, overlap=overlap).context
        assert (found.sentences, found.sentences_whole) == (3, pytest.approx(whole / 3)), (ends, overlap)


def test_paragraphs_are_lines_where_no_line_is_blank():
    assert report("um a\ndois b\ntrês c", 6).context.paragraphs == 3
    found = report("um a\ndois b\n\ntrês c", 6).context
    assert (found.paragraphs, found.paragraphs_whole) == (2, 0.5)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.data())
def test_whole_spans_are_those_that_counting_every_place_finds(sizes, data):
    text = "a" * sum(sizes)
    ends = np.cumsum(sizes)[:-1].tolist()
    overlap = data.draw(st.integers(0, min(sizes)))
    chunks = cut(text, *ends, overlap=overlap)
    analysis = Analysis()
    analysis.add(text, chunks)
    for length, share in zip(SPANS, analysis.report().context.spans_whole, strict=True):
        places = range(len(text) - length + 1)
        whole = [any(chunk.start <= p and p + length <= chunk.end for chunk in chunks) for p in places]
        assert share == (pytest.approx(np.mean(whole)) if whole else None)


@pytest.mark.parametrize(
    "chunk, lang, dangles",
    [
        ("Isso não foi tudo.", "auto", True),
        ("— Porém, foi.", "pt", True),
        ("No entanto, foi.", "pt", True),
        ("No entento, foi.", "pt", False),
        ("However, it rained.", "en", True),
        ("However, it rained.", "pt", False),
        ("In addition, it rained.", "auto", True),
        ("Maria chegou.", "auto", False),
        ("“ELE veio.”", "auto", True),
    ],
)
def test_a_first_word_that_points_back_dangles(chunk, lang, dangles):
    text = f"Era uma vez. {chunk}"
    found = report(text, 13, lang=lang).dangling
    assert (found.starts, found.chunks, found.share) == (1, int(dangles), float(dangles))
    assert found.sentences_share == float(dangles)
    assert found.examples == ((chunk,) if dangles else ())


def test_the_rest_of_a_word_does_not_dangle():
    assert report("Aquele e outro.", 4).dangling.chunks == 0


def test_examples_cannot_steer_a_terminal():
    assert report("Era uma vez. Ela \x1b[31mveio.", 13).dangling.examples == ("Ela ␛[31mveio.",)


def test_an_unknown_language_names_the_known():
    with pytest.raises(ConfigError) as found:
        Analysis(lang="portuguese")
    assert "pt" in found.value.hint


# ---- density ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 12))
def test_the_moving_ratio_is_the_mean_over_windows(words, window):
    total, windows = moving_ratio(np.array(words, dtype=np.int64), window)
    size = min(window, len(words))
    expected = [len(set(words[i : i + size])) / size for i in range(len(words) - size + 1)] if words else []
    assert windows == len(expected)
    assert total == pytest.approx(sum(expected))


def test_bits_are_those_of_the_documents_own_tokens():
    text = "aaab aab"
    found = report(text, 4, tokenizer=byte_tokenizer()).density
    share = {character: count / 8 for character, count in Counter(text).items()}
    bits = [-math.log2(share[character]) for character in text]
    assert found.bits_per_character == pytest.approx(np.mean(bits))
    assert found.chunk_bits[1] == pytest.approx(np.median([np.mean(bits[:4]), np.mean(bits[4:])]))
    assert found.type_token_ratio == pytest.approx(3 / 8)


def test_without_a_tokenizer_nothing_is_said_about_tokens():
    found = report(SEA, 24).density
    assert (found.type_token_ratio, found.bits_per_character, found.chunk_bits) == (None, None, None)
    assert 0 < found.compression_ratio < 1
    assert 0 < found.moving_ratio < 1


# ---- words and the whole report --------------------------------------------------------------------------------------


def test_the_same_word_has_the_same_id_whatever_its_case():
    text = "Ação, AÇÃO ação acao x1 Ω ω " + "palavra" * 40 + " " + "palavra" * 40
    found = words_of(codes_of(text), kinds_of(codes_of(text)))
    assert found.ids[0] == found.ids[1] == found.ids[2] != found.ids[3]
    assert found.ids[5] == found.ids[6]
    assert found.ids[7] == found.ids[8]
    assert found.kinds == len(set(found.ids)) == 5
    assert word_hashes(["AÇÃO", "Ω"]).tolist() == [found.hashes[0], found.hashes[5]]


def test_documents_add_up_one_by_one():
    whole, step = Analysis(max_size=300), Analysis(max_size=300)
    for text in (TEXT, SEA * 4, KITCHEN * 3):
        whole.add(text, cut(text, 24, 60))
        step.add(text, cut(text, 24, 60))
        step.report()  # looking changes nothing
    assert whole.report() == step.report()
    assert whole.report().coverage.characters == len(TEXT) + len(SEA * 4) + len(KITCHEN * 3)


@pytest.mark.parametrize("strategy", registry.CHUNKERS)
@pytest.mark.parametrize("text", ["a", "\n", "😀" * 30, "日本語。" * 9, TEXT, "A.\r\n\r\nb. " * 20], ids=ascii)
def test_every_strategy_keeps_its_limit_and_loses_nothing(strategy, text):
    tokenizer = byte_tokenizer()
    analysis = Analysis(max_size=64, tokenizer=tokenizer)
    analysis.add(text, list(registry.create(strategy, max_size=64).split(text, tokenizer)))
    found = analysis.report()
    assert (found.coverage.over_limit, found.coverage.miscounted) == (0, 0)
    assert (found.coverage.lost, found.coverage.mismatched) == (0, 0)
    assert found.to_json()["sizes"]["chunks"] == found.sizes.chunks


def test_no_chunks_at_all_are_reported_as_none():
    analysis = Analysis(max_size=8, tokenizer=byte_tokenizer())
    assert analysis.report().to_json()["sizes"]["chunks"] == 0
    analysis.add("", [])
    analysis.add("Um texto.", [])
    found = analysis.report()
    assert (found.coverage.lost, found.context.sentences_whole) == (9, 0.0)
    assert found.to_json()["cohesion"]["drop_z"] is None


def test_a_chunk_view_knows_overlaps_in_tokens():
    view = ChunkView(DocumentView("a" * 20), cut("a" * 20, 10, overlap=5))
    assert view.overlaps.tolist() == [0, 5]
    assert view.overlap_tokens.tolist() == [0.0, 5.0]
