"""Directories that others wrote, and damaged ones: read, or refused with the file and what to do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers

from mlxgpt.errors import ConfigError, TokenizerError
from mlxgpt.tokenizer.config import TokenizerConfig
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.registry import ALGORITHMS, load, train
from mlxgpt.tokenizer.report import report
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters

GOLDEN = Path(__file__).parent.parent / "golden" / "tokenizer"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the golden tokenizer, to be spoilt."""
    shutil.copytree(GOLDEN, tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def test_special_ids_may_come_from_generation_config(directory: Path) -> None:
    write(directory / "tokenizer_config.json", {})
    write(directory / "config.json", {"bos_token_id": 2, "eos_token_id": 0})
    write(directory / "generation_config.json", {"eos_token_id": [3, 4]})
    tokenizer = load(directory)
    assert (tokenizer.bos_id, tokenizer.eos_id, tokenizer.pad_id) == (2, 3, None)
    assert tokenizer.stop_ids == {3, 4}
    tokenizer.save(directory / "again")
    assert load(directory / "again").eos_id == 3


def test_tokens_may_be_objects_and_templates_may_have_names_or_a_file(directory: Path) -> None:
    named = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}]
    write(directory / "tokenizer_config.json", {"eos_token": {"content": "<EOS>"}, "chat_template": named})
    tokenizer = load(directory)
    assert (tokenizer.eos_id, tokenizer.chat_template) == (3, "yes")
    (directory / "chat_template.jinja").write_text("file", encoding="utf-8")
    assert load(directory).chat_template == "file"


def test_only_tokenizer_json_is_needed(directory: Path) -> None:
    (directory / "tokenizer_config.json").unlink()
    tokenizer = load(directory)
    assert (tokenizer.bos_id, tokenizer.stop_ids, tokenizer.chat_template) == (None, set(), None)
    assert tokenizer.decode(tokenizer.encode("olá")) == "olá"


def test_cutting_and_padding_that_a_file_asks_for_are_off(directory: Path) -> None:
    content = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    content["truncation"] = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    write(directory / "tokenizer.json", content)
    assert len(load(directory).encode("12345")) == 5


def test_sentencepiece_entries_are_bytes_too() -> None:
    vocab = {"<unk>": 0, "<0xC3>": 1, "<0xA9>": 2, "▁": 3, "t": 4, "▁t": 5}
    backend = Backend(models.BPE(vocab, [("▁", "t")], unk_token="<unk>", byte_fallback=True))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer = FastTokenizer(backend, {"unk_token": "<unk>"})
    ids = tokenizer.encode(" té")
    assert [tokenizer.token_bytes(token_id) for token_id in ids] == [b" t", b"\xc3", b"\xa9"]
    assert tokenizer.decode(ids) == " té"


def change(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update(changes)


def change_model(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["model"].update(changes)


HOSTILE = {
    "no model": change(model=None),
    "an empty vocabulary": change_model(vocab={}),
    "merges of nothing": change_model(merges=[["zz", "q"]]),
    "a negative id": lambda content: content["model"]["vocab"].update({"!": -1}),
    "an id of four billion": lambda content: content["model"]["vocab"].update({"!": 2**32 - 1}),
    "one id for two entries": lambda content: content["model"]["vocab"].update({"!": 7}),
    "a broken pattern": change(
        pre_tokenizer={"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": False}
    ),
    "an unknown kind": change(pre_tokenizer={"type": "Nothing"}),
    "a model that misses characters": change(
        model={"type": "WordLevel", "vocab": {"ab": 0}, "unk_token": "<none>"}, added_tokens=[]
    ),
    "a prefix that makes tokenizers panic": change_model(continuing_subword_prefix="ByteLevel" * 3),
    "a prefix that makes tokenizers abort": change_model(continuing_subword_prefix="x"),
    "no entry at all": change(model={"type": "BPE", "vocab": {}, "merges": []}, added_tokens=[]),
}


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_tokenizer_json_is_named(directory: Path, spoil: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    spoil(content)
    write(directory / "tokenizer.json", content)
    with pytest.raises(TokenizerError) as caught:
        load(directory)
    assert str(directory / "tokenizer.json") in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("spoilt", [b"", b"{", b"[]", b"\xff\xfe\x00", b"[" * 100_000, b"null", b'{"a": "\\ud800"}'])
def test_a_damaged_file_is_named(directory: Path, name: str, spoilt: bytes) -> None:
    (directory / name).write_bytes(spoilt)
    with pytest.raises(TokenizerError) as caught:
        load(directory)
    assert str(directory / name) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("kept", [1, 500, 7000, 15_000])
def test_a_truncated_tokenizer_json_is_named(directory: Path, kept: int) -> None:
    path = directory / "tokenizer.json"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(TokenizerError, match="damaged"):
        load(directory)


def test_missing_directories_and_files_say_what_next(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="There is no tokenizer directory"):
        load(tmp_path / "nowhere")
    with pytest.raises(TokenizerError, match=r"has no tokenizer\.json"):
        load(tmp_path)
    (tmp_path / "tokenizer.model").touch()
    with pytest.raises(TokenizerError, match=r"only the older tokenizer\.model") as caught:
        load(tmp_path)
    assert "transformers" in caught.value.hint


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_trains(algorithm: str, corpus: str) -> None:
    tokenizer = train([corpus], TokenizerConfig(algorithm=algorithm, vocab_size=300, min_frequency=1))
    assert tokenizer.decode(tokenizer.encode("the sho")) == "the sho"


def test_an_unknown_algorithm_names_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        train(["a"], TokenizerConfig(algorithm="bpr"))
    assert "'bpe'" in caught.value.hint


def test_a_report_counts() -> None:
    result = report(byte_tokenizer(), ["é a", "b"])
    assert (result.tokens, result.bytes, result.words, result.unknown) == (5, 5, 3, 0)
    assert result.bytes_per_token == 1.0
    assert result.tokens_per_word == pytest.approx(5 / 3)
    assert len(result.unused) == 256 - 5
    characters = report(train_characters(["ab"]), ["az", ""])
    assert (characters.tokens, characters.unknown, characters.unused) == (2, 1, (10,))
    nothing = report(byte_tokenizer(), [])
    assert (nothing.bytes_per_token, nothing.tokens_per_word) == (0.0, 0.0)
