"""`mlxgpt tokenizer` on the command line: training from sources, special tokens, there and back, comparing."""

import json

import pytest

WORDS = "a casa o rio uma menina abriu olhou viu cantou porta janela mar azul grande pequena e de com para"
TEXT = "\n\n\n".join(f"{WORDS} número {number}, {WORDS[::-1]}" for number in range(40))


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "corpus" / "b.csv").write_text(f'text\n"{WORDS}, e fim"\n', encoding="utf-8")
    return tmp_path / "corpus"


@pytest.fixture
def trained(corpus, tmp_path, mlxgpt):
    folder = tmp_path / "bpe"
    answer = mlxgpt(
        *("tokenizer", "train", "--corpus", corpus, "--output", folder, "--vocab-size", 300),
        *("--special", "<CODE>", "--special", "<FIM>"),
    )
    assert answer.code == 0
    return folder


def values(answer):
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_special_tokens_have_the_last_ids(trained, mlxgpt):
    plain = values(mlxgpt("tokenizer", "encode", "oi<CODE>", "--tokenizer", trained, "--json"))
    assert 298 not in [piece["id"] for piece in plain]
    pieces = values(mlxgpt("tokenizer", "encode", "oi<CODE><FIM>", "--tokenizer", trained, "--specials", "--json"))
    assert [piece["id"] for piece in pieces[-2:]] == [298, 299]
    assert pieces[-1]["text"] == "<FIM>"


def test_ids_become_the_text_again(trained, mlxgpt):
    text = "a menina viu o mar, ação ☃"
    ids = [piece["id"] for piece in values(mlxgpt("tokenizer", "encode", text, "--tokenizer", trained, "--json"))]
    assert values(mlxgpt("tokenizer", "decode", *ids, "--tokenizer", trained, "--json")) == {"text": text}
    assert mlxgpt("tokenizer", "decode", ",".join(map(str, ids)), "--tokenizer", trained).out == f"{text}\n"
    assert mlxgpt("tokenizer", "decode", ids[0], 3, "--tokenizer", trained).out.endswith("<EOS>\n")
    assert "<EOS>" not in mlxgpt("tokenizer", "decode", ids[0], 3, "--tokenizer", trained, "--skip-specials").out


@pytest.mark.parametrize(("ids", "says"), [(["300"], "There is no token 300"), (["x"], "'x' is no id")])
def test_ids_that_are_none_are_refused(trained, mlxgpt, ids, says):
    answer = mlxgpt("tokenizer", "decode", *ids, "--tokenizer", trained)
    assert answer.code
    assert says in answer.err


def test_tokenizers_are_compared_on_one_text(trained, corpus, tmp_path, mlxgpt):
    assert mlxgpt("train-tokenizer", "--corpus", corpus, "--output", tmp_path / "byte", "--algorithm", "byte").code == 0
    arguments = ("tokenizer", "compare", corpus, "--tokenizer", trained, "--tokenizer", tmp_path / "byte")
    first, second = values(mlxgpt(*arguments, "--json"))
    assert second["bytes_per_token"] == 1.0
    assert first["bytes"] == second["bytes"] == second["tokens"]
    assert first["tokens"] < second["tokens"]
    assert first["words"] == second["words"]
    assert first["unused_entries"] > 0
    table = mlxgpt(*arguments)
    assert str(trained) in table.out
    assert "bytes/tok" in table.out


def test_one_tokenizer_is_no_comparison(trained, corpus, mlxgpt):
    answer = mlxgpt("tokenizer", "compare", corpus, "--tokenizer", trained)
    assert (answer.code, answer.out) == (2, "")
    assert "Give --tokenizer twice or more" in answer.err


def test_a_comparison_agrees_with_an_inspection(trained, corpus, mlxgpt):
    inspected = values(mlxgpt("tokenizer", "inspect", corpus, "--tokenizer", trained, "--json"))
    compared = values(mlxgpt("tokenizer", "compare", corpus, "--tokenizer", trained, "--tokenizer", trained, "--json"))
    assert [{"tokenizer": str(trained), **inspected}] * 2 == compared


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--special", "<EOS>"], "is there already"),
        (["--special", "two words"], "cannot be a special token"),
        (["--algorithm", "bpr"], "Did you mean 'bpe'?"),
        (["--vocab-size", "270", "--special", "<A>", "--special", "<B>", "--special", "<C>"], None),
        (["--vocab-size", "266", "--special", "<A>", "--special", "<B>"], "has no room"),
    ],
)
def test_settings_that_cannot_be_are_refused(corpus, tmp_path, mlxgpt, options, says):
    output = tmp_path / "tokenizer"
    answer = mlxgpt("tokenizer", "train", "--corpus", corpus, "--output", output, "--vocab-size", 300, *options)
    assert output.exists() == (says is None)
    assert says is None or says in answer.err
