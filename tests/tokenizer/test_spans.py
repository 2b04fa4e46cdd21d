"""Tokens with their places: the pieces are the text, the steps end at the tokens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxgpt import jobs
from mlxgpt.backend import places
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters
from mlxgpt.tokenizer.spans import Merging, spans, spelled

SHIPPED = registry.load(places.shipped_model())


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(derandomize=True, max_examples=60, deadline=None)
def test_the_bytes_up_to_each_token_end_where_it_says(text):
    for tokenizer in (SHIPPED, byte_tokenizer()):
        found = spans(tokenizer, text)
        data = b"".join(spelled(tokenizer, int(token)) for token in found.ids)
        assert found.exact and found.returns and data == text.encode()
        assert found.byte_ends.tolist() == [
            len(b"".join(spelled(tokenizer, int(token)) for token in found.ids[: i + 1])) for i in range(len(found.ids))
        ]
        for start, end, byte_end in zip(found.starts, found.ends, found.byte_ends, strict=True):
            assert len(text[:start].encode()) < byte_end <= len(text[:end].encode())


def test_the_steps_of_each_word_end_at_its_tokens():
    text = "Era uma vez um coração de ação, 1999\n\n  e \N{ROCKET}."
    found, merging = spans(SHIPPED, text), Merging(SHIPPED)
    for position in range(len(found.ids)):
        start, end = found.word_at(position)
        steps = merging.steps(text[start:end])
        assert not steps.problem
        assert list(steps.stages[-1]) == [int(found.ids[i]) for i in found.tokens_in(start, end)]
        assert b"".join(SHIPPED.token_bytes(i) for i in steps.stages[0]) == text[start:end].encode()
    assert [len(list(steps.joined(i))) for i in range(len(steps.stages))] == [len(s) for s in steps.stages]


def test_an_entry_comes_from_the_merge_that_made_it():
    merging = Merging(SHIPPED)
    (token,) = SHIPPED.encode(" uma")
    origin = merging.origin(token)
    assert SHIPPED.token_bytes(origin.left) + SHIPPED.token_bytes(origin.right) == b" uma"
    assert list(SHIPPED.merges)[origin.rank] == (origin.left, origin.right)
    assert merging.origin(SHIPPED.bos_id) is None


@pytest.mark.parametrize("tokenizer", [byte_tokenizer(), train_characters(["banana é"])])
def test_a_tokenizer_without_merges_says_so(tokenizer):
    merging = Merging(tokenizer)
    assert merging.none and merging.steps("nada").problem == merging.none


def test_unknown_characters_keep_their_places():
    found = spans(train_characters(["banana"]), "nãb")
    assert (found.starts.tolist(), found.ends.tolist()) == ([0, 1, 2], [1, 2, 3])
    assert (found.exact, found.returns, found.report.unknown) == (False, False, 1)
    assert found.byte_ends.tolist() == [1, 3, 4]


def test_boundaries_of_two_tokenizers_are_compared_by_bytes():
    one, two = spans(SHIPPED, "coração"), spans(byte_tokenizer(), "coração")
    assert not one.differing(two).any()
    assert two.differing(one).sum() == len(two.ids) - len(one.ids)


def test_specials_are_tokens_only_when_asked_for():
    plain, parsed = (jobs.token_spans(SHIPPED, "a<EOS>b", specials=on) for on in (False, True))
    assert len(plain.ids) > len(parsed.ids) == 3 and parsed.ids[1] == SHIPPED.eos_id
    assert parsed.byte_ends.tolist() == [1, 6, 7] and parsed.exact and parsed.returns


def foreign(kind, folder):
    """Small tokenizers as others make them: pieces with ▁, and words of a list in lower case."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    if kind == "unigram":
        pieces = [("<unk>", 0.0), ("▁casa", -1.0), ("▁", -2.0), ("a", -3.0), ("zul", -3.0), ("s", -4.0), ("o", -4.0)]
        backend = Tokenizer(models.Unigram(pieces, unk_id=0))
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        backend.decoder = decoders.Metaspace()
    else:
        vocab = {"[UNK]": 0, "casa": 1, "azul": 2, "##s": 3}
        backend = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
        backend.normalizer = normalizers.Lowercase()
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
        backend.decoder = decoders.WordPiece()
    folder.mkdir(exist_ok=True)
    backend.save(str(folder / "tokenizer.json"))
    return jobs.open_tokenizer(str(folder))


@pytest.mark.parametrize("kind", ["unigram", "wordpiece"])
def test_foreign_tokenizers_keep_their_places_and_say_what_cannot_be_shown(kind, tmp_path):
    tokenizer = foreign(kind, tmp_path / kind)
    text = "casa Azul casas ñ"
    found, merging = spans(tokenizer, text), Merging(tokenizer)
    assert len(found.ids) > 3 and not found.exact
    assert (found.starts <= found.ends).all() and int(found.byte_ends[-1]) == len(text.encode())
    assert text[found.starts[0] : found.ends[0]].strip() == "casa"
    for position in range(len(found.ids)):
        start, end = found.word_at(position)
        assert start <= found.starts[position] and found.ends[position] <= end
    assert merging.none and merging.origin(1) is None and merging.steps("casa").problem
