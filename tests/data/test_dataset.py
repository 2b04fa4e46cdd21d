"""A dataset is opened whole or refused with a reason; raw files of ids give the same streams."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlxgpt.data.config import SourceConfig
from mlxgpt.data.dataset import open_dataset, read_bin
from mlxgpt.data.loader import Loader
from mlxgpt.data.stats import examine, peek
from mlxgpt.errors import ConfigError, DataError, TokenizerError
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.simple import byte_tokenizer

from .conftest import Build, text


@pytest.fixture
def dataset(build: Build, corpus: Path, tmp_path: Path) -> Path:
    sources = tuple(
        SourceConfig(name=f"parte {n}", paths=(str(corpus / f"{n}.txt"),), weight=weight)
        for n, weight in enumerate((1.0, 3.0, 0.5))
    )
    build(sources=sources)
    return tmp_path / "out"


def test_sources_keep_their_stretches_and_weights(dataset: Path) -> None:
    stream = open_dataset(dataset).stream("train")
    assert [source.weight for source in stream.sources] == [1.0, 3.0, 0.5]
    assert [source.start for source in stream.sources] == [0, *[source.stop for source in stream.sources[:-1]]]
    assert stream.sources[-1].stop == len(stream.ids)
    sizes = [source.stop - source.start for source in stream.sources]
    assert Loader(stream, 16, 4).windows == sum(round(w * (n // 16)) for w, n in zip((1, 3, 0.5), sizes, strict=True))


def test_other_weights_may_be_given_for_a_run(dataset: Path) -> None:
    built = open_dataset(dataset)
    stream = built.weighted(["parte 1=0", "parte 2=2.5"]).stream("train")
    assert [source.weight for source in stream.sources] == [1.0, 0.0, 2.5]
    assert built.weighted([]).fingerprint == built.fingerprint != built.weighted(["parte 0=7"]).fingerprint
    for word, reason in (
        ("parte 9=1", "no source 'parte 9'"),
        ("parte 1=muito", "gives no weight"),
        ("parte 1=-1", "no weight"),
    ):
        with pytest.raises(ConfigError, match=reason):
            built.weighted([word])


def test_another_tokenizer_is_refused(dataset: Path, tokenizer: FastTokenizer) -> None:
    built = open_dataset(dataset)
    built.require(tokenizer)
    with pytest.raises(TokenizerError, match="was built with another tokenizer") as caught:
        built.require(byte_tokenizer())
    assert str(dataset / "tokenizer") in caught.value.hint


def change(dataset: Path, **values: Any) -> None:
    path = dataset / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_another_version_and_another_format_are_said(dataset: Path) -> None:
    change(dataset, version=9)
    with pytest.raises(DataError, match="a dataset of version 9; this mlxgpt reads version 1"):
        open_dataset(dataset)
    change(dataset, format="parquet")
    with pytest.raises(DataError, match="is damaged, or describes no dataset"):
        open_dataset(dataset)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "mlxgpt-dataset", "version": 1}', "nonsense", "\xff"])
def test_damage_to_the_manifest_is_said(dataset: Path, content: str) -> None:
    (dataset / "dataset.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=r"dataset\.json is damaged"):
        open_dataset(dataset)


def test_a_manifest_cannot_point_outside(dataset: Path) -> None:
    values = json.loads((dataset / "dataset.json").read_text())
    values["train"]["shards"][0]["file"] = "../secret.shard"
    change(dataset, **values)
    with pytest.raises(DataError, match="is damaged"):
        open_dataset(dataset)


def test_a_shard_that_is_missing_swapped_or_changed_is_named(dataset: Path) -> None:
    first, second = (dataset / f"train-0000{n}.shard" for n in range(2))
    kept = first.read_bytes()
    first.unlink()
    with pytest.raises(DataError, match=r"train-00000\.shard cannot be read"):
        open_dataset(dataset)
    shutil.copy(second, first)
    with pytest.raises(DataError, match=r"train-00000\.shard is a whole shard, but not the one"):
        open_dataset(dataset)
    first.write_bytes(kept[:400] + bytes([kept[400] ^ 1]) + kept[401:])
    open_dataset(dataset, verify=False)
    with pytest.raises(DataError, match="its checksum is not the one"):
        open_dataset(dataset)


def test_figures_are_those_of_the_streams(dataset: Path, tokenizer: FastTokenizer) -> None:
    report = examine(dataset)
    built = open_dataset(dataset)
    for side in report.sides:
        stream = built.stream(side.side)
        lengths = np.diff(stream.ends, prepend=0)
        assert (side.documents, side.tokens, side.text_bytes) == (len(lengths), len(stream.ids), stream.text_bytes)
        assert (side.shortest, side.longest, side.median) == (lengths.min(), lengths.max(), np.median(lengths))
    assert sum(source.share for source in report.sources) == pytest.approx(1)
    tokens = [source.tokens for source in report.sources]
    assert report.epoch_tokens == round(tokens[0] + 3 * tokens[1] + tokens[2] / 2)
    whole = np.concatenate([built.stream(side).ids[:] for side in ("train", "validation")])
    assert report.vocabulary_used == len(set(whole.tolist()))
    assert report.vocab_size == tokenizer.vocab_size


def test_peeking_shows_documents_of_a_side_or_a_source(dataset: Path) -> None:
    found = peek(dataset, count=4, source="parte 1", most_tokens=10_000)
    assert len(found) == 4
    texts = {text(number) for number in range(40, 80)}
    for sample in found:
        assert sample.complete
        assert sample.text.removesuffix("<EOS>") in texts
        assert sample.source == "parte 1"
    (short,) = peek(dataset, count=1, side="validation", most_tokens=5)
    assert (short.complete, short.side) == (False, "validation")


@pytest.mark.parametrize(
    ("settings", "reason"), [({"side": "test"}, "no side 'test'"), ({"source": "parte"}, "no source 'parte'")]
)
def test_peeking_at_what_is_not_there_names_what_is(dataset: Path, settings: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        peek(dataset, **settings)  # type: ignore[arg-type]


def test_a_folder_without_a_dataset_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no dataset"):
        examine(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        examine(tmp_path / "no")


# ---- raw files -------------------------------------------------------------------------------------------------------


def test_a_raw_file_gives_ids_documents_and_bytes(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    ids = [*tokenizer.encode("olá"), 3, *tokenizer.encode("mar"), 3, *tokenizer.encode("ab")]
    np.array(ids, dtype=np.uint16).tofile(tmp_path / "train.bin")
    stream = read_bin(tmp_path / "train.bin", tokenizer)
    assert stream.ids[:].tolist() == ids
    assert stream.ends.tolist() == [5, 9, 11]
    assert stream.byte_ends.tolist() == [4, 7, 9]
    assert Loader(stream, 4, 2, packing="best-fit").batch(0).inputs.shape == (2, 4)


def test_a_raw_file_of_another_tokenizer_or_none_is_refused(tmp_path: Path) -> None:
    np.array([5, 300, 7], dtype=np.uint16).tofile(tmp_path / "a.bin")
    with pytest.raises(TokenizerError, match="token 1 is 300, and the tokenizer has 265 entries"):
        read_bin(tmp_path / "a.bin", byte_tokenizer())
    (tmp_path / "odd.bin").write_bytes(b"123")
    with pytest.raises(DataError, match="has 3 bytes"):
        read_bin(tmp_path / "odd.bin", byte_tokenizer())
    with pytest.raises(DataError, match="cannot be read"):
        read_bin(tmp_path / "no.bin", byte_tokenizer())
