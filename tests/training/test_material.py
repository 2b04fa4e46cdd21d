"""Training from shards and from raw files of ids, and what is refused before the first step."""

import numpy as np
import pytest

from mlxgpt import jobs
from mlxgpt.errors import CheckpointError, ConfigError, DataError, TokenizerError
from mlxgpt.events import RunStarted, StepFinished
from mlxgpt.tokenizer.simple import byte_tokenizer


@pytest.fixture
def tokenizer(workplace):
    byte_tokenizer().save(workplace.path / "bytes")
    return workplace.path / "bytes"


def dataset(workplace, tokenizer, **settings):
    given = {"tokenizer": str(tokenizer), "output": workplace.path / "dataset", "val": 0.1, "shard_size": "4kB"}
    return list(jobs.build_dataset(jobs.load_build_config(given | settings, [str(workplace.corpus)])))


def losses(events):
    return [event.loss for event in events if isinstance(event, StepFinished)]


def test_a_run_learns_from_shards_and_goes_on_bit_for_bit(workplace, tokenizer):
    dataset(workplace, tokenizer)
    data = workplace.path / "dataset"
    whole = workplace.train(data=data, steps=6, schedule="constant", warmup=0.0)
    (started,) = [event for event in whole if isinstance(event, RunStarted)]
    assert started.train_tokens > started.validation_tokens > 0
    assert "documents to learn from" in started.notes[0]
    part = workplace.path / "part"
    first = workplace.train(data=data, steps=3, schedule="constant", warmup=0.0, out=part)
    second = workplace.train(resume=part, steps=6)
    assert losses(first) + losses(second) == losses(whole)


@pytest.mark.parametrize("packing", ["best-fit", "pad"])
def test_packed_rows_train(workplace, tokenizer, packing):
    dataset(workplace, tokenizer)
    events = workplace.train(data=workplace.path / "dataset", steps=25, packing=packing)
    assert losses(events)[-1] < losses(events)[0] - 0.5


def test_a_run_does_not_go_on_with_another_dataset(workplace, tokenizer):
    dataset(workplace, tokenizer)
    workplace.train(data=workplace.path / "dataset", steps=2)
    list(
        jobs.build_dataset(
            jobs.load_build_config(
                {"tokenizer": str(tokenizer), "output": workplace.path / "dataset", "val": 0.3}, [str(workplace.corpus)]
            ),
            restart=True,
        )
    )
    with pytest.raises(CheckpointError, match="is not the text"):
        workplace.train(resume=workplace.path / "run", steps=4)


def test_another_tokenizer_than_the_shards_is_refused(workplace, tokenizer):
    dataset(workplace, tokenizer)
    with pytest.raises(TokenizerError, match="was built with another tokenizer"):
        workplace.train(data=workplace.path / "dataset", tokenizer="models/nano-pt", steps=1)
    assert not (workplace.path / "run").exists()


def test_tokens_are_not_chunked_any_more(workplace, tokenizer):
    dataset(workplace, tokenizer)
    with pytest.raises(ConfigError, match="which are not cut any more"):
        workplace.train(data=workplace.path / "dataset", chunk_strategy="sentence", steps=1)


def test_raw_files_train_as_the_text_does(workplace, tokenizer):
    ids = byte_tokenizer().encode(workplace.corpus.read_text())
    for name, part in (("train", ids[:4000]), ("val", ids[4000:5000])):
        np.array(part, dtype=np.uint16).tofile(workplace.path / f"{name}.bin")
    files = {"data": workplace.path / "train.bin", "val_data": workplace.path / "val.bin"}
    with pytest.raises(DataError, match="does not say which tokenizer"):
        workplace.train(**files, steps=1)
    events = workplace.train(**files, tokenizer=tokenizer, steps=2)
    (started,) = [event for event in events if isinstance(event, RunStarted)]
    assert (started.train_tokens, started.validation_tokens) == (4000, 1000)


@pytest.mark.parametrize("missing", ["train", "val"])
def test_a_missing_file_of_ids_is_said_before_its_tokenizer(workplace, missing):
    files = {name: workplace.path / f"{name}.bin" for name in ("train", "val")}
    for name, path in files.items():
        if name != missing:
            np.zeros(400, dtype=np.uint16).tofile(path)
    with pytest.raises(DataError, match=f"There is no file .*{missing}.bin"):
        workplace.train(data=files["train"], val_data=files["val"], steps=1)


def test_validation_text_may_be_a_file_of_its_own(workplace):
    other = workplace.path / "other.txt"
    other.write_text("Um texto que ninguém viu antes, sobre o mar e o vento.", encoding="utf-8")
    events = workplace.train(val_data=other, steps=2)
    (started,) = [event for event in events if isinstance(event, RunStarted)]
    assert started.validation_tokens == len(other.read_bytes()) + 1
