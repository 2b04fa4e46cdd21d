"""The model in models/nano-pt: small, whole, and able to do what its README says."""

import importlib.util
import itertools
import math
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt import checkpoint, jobs
from mlxgpt.backend import places
from mlxgpt.events import TokenGenerated
from mlxgpt.model import functional
from mlxgpt.tokenizer.chat import chat_example

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def shipped():
    return checkpoint.load(places.shipped_model(), dtype=mx.float32)


@pytest.fixture(scope="module")
def unseen_chats():
    spec = importlib.util.spec_from_file_location("make_stories", ROOT / "scripts" / "make_stories.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_stories"] = module
    spec.loader.exec_module(module)
    yield list(itertools.islice(module.chats(seed=987_654), 60))
    del sys.modules["make_stories"]


def test_it_is_small_and_stored_as_bfloat16():
    folder = places.shipped_model()
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 12_000_000
    weights = mx.load(str(folder / "model.safetensors"))
    assert {value.dtype for value in weights.values()} == {mx.bfloat16}


def test_it_says_where_it_comes_from_and_names_no_folder_of_its_maker():
    record = checkpoint.read_record(places.shipped_model())
    assert record["data"]["chats"] is True
    assert not Path(record["data"]["path"]).is_absolute()
    assert (places.shipped_model() / "README.md").is_file()


def test_it_predicts_answers_it_has_not_seen(shipped, unseen_chats):
    """Fewer than 4 equally likely tokens at each one of the answers, out of a few thousand."""
    model, tokenizer = shipped
    nats = tokens = 0.0
    for chat in unseen_chats:
        example = chat_example(tokenizer, chat["messages"])
        ids, mask = np.array(example.ids)[:256], np.array(example.mask)[:256]
        losses = functional.cross_entropy(model(mx.array(ids[None, :-1])), mx.array(ids[None, 1:]))
        nats += (losses[0] * mx.array(mask[1:].astype(np.float32))).sum().item()
        tokens += mask[1:].sum()
    assert math.exp(nats / tokens) < 4.0


def test_it_answers_in_chat(shipped):
    chat = jobs.open_chat(str(places.shipped_model()), {"temperature": 0.0, "max_tokens": 60})
    assert not chat.completes
    answer = "".join(event.text for event in chat.say("Quem é você?") if isinstance(event, TokenGenerated))
    assert "modelo" in answer or "programa" in answer, answer
