"""Models of the Hub: fetched once and only what is needed, gone on with after an interruption, every failure in plain words."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import mlx.core as mx
import pytest
from fake_hub import COMMIT, FakeHub

from mlxgpt import hub, jobs, runs
from mlxgpt.convert import huggingface
from mlxgpt.errors import CheckpointError, ConfigError, DataError, MlxgptError, ResourceError, describe
from mlxgpt.events import ModelFetched, ModelFetchProgressed

GOLDEN = Path(__file__).parent / "golden"
TINY = "hf:org/Tiny"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub with one model, org/Tiny, in three shards, and a cache of its own."""
    from huggingface_hub import constants

    fake = FakeHub()
    for name, value in (
        ("ENDPOINT", fake.url),
        ("HUGGINGFACE_CO_URL_TEMPLATE", fake.url + "/{repo_id}/resolve/{revision}/{filename}"),
        ("HF_HUB_CACHE", str(tmp_path / "cache")),
        ("HF_HUB_DISABLE_XET", True),
        ("HF_HUB_DISABLE_TELEMETRY", True),
        ("HF_TOKEN_PATH", str(tmp_path / "token")),
    ):
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(hub, "_found", {})
    folder = fake.repositories["org/Tiny"] = tmp_path / "served"
    folder.mkdir()
    shutil.copy(GOLDEN / "llama" / "config.json", folder)
    tensors = mx.load(str(GOLDEN / "llama" / "model.safetensors"))
    placed = {}
    for i in range(3):
        part = sorted(tensors)[i::3]
        file = f"model-{i + 1:05d}-of-00003.safetensors"
        mx.save_safetensors(str(folder / file), {name: tensors[name] for name in part})
        placed |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))
    for other in ("README.md", "consolidated.safetensors", "pytorch_model.bin", "run_me.py", "model.gguf"):
        (folder / other).write_text("never wanted")
    (folder / "original").mkdir()
    (folder / "original" / "model.safetensors").write_text("never wanted")
    yield fake
    fake.close()


def forget():
    """As a new process would begin."""
    hub._found.clear()


def files_asked(server):
    return [path.rpartition("/")[2] for method, path, _ in server.asked if "/resolve/" in path and method == "GET"]


def test_only_what_a_model_needs_is_fetched_and_only_once(server):
    events = list(jobs.fetch_model(TINY))
    done = events[-1]
    assert isinstance(done, ModelFetched) and done.commit == COMMIT and done.bytes > 100_000
    assert all(isinstance(event, ModelFetchProgressed) and event.total_bytes == done.bytes for event in events[:-1])
    assert sorted(files_asked(server)) == sorted(
        ["config.json", "model.safetensors.index.json", *(f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3))]
    )
    ids = mx.array([[5, 6, 7]])
    assert mx.array_equal(huggingface.load(runs.find_model(TINY))(ids), huggingface.load(GOLDEN / "llama")(ids))
    assert huggingface.read_config(runs.find_model(TINY)).name == "Tiny"
    server.asked.clear()
    forget()
    assert [event.bytes for event in jobs.fetch_model(TINY)] == [0]
    assert not files_asked(server)


def test_a_commit_in_the_cache_needs_no_network_and_neither_does_a_name_when_there_is_none(server):
    path = hub.find(TINY)
    forget()
    server.asked.clear()
    assert hub.find(f"{TINY}@{COMMIT}") == path
    assert not server.asked
    server.failing["org/Tiny"] = "down"
    assert hub.find(TINY) == path
    forget()
    server.close()
    assert hub.find(TINY) == path


def test_pickles_are_taken_only_without_safetensors():
    both = ["config.json", "pytorch_model.bin", "model.safetensors", "tokenizer.json", "pytorch_model.bin.index.json"]
    assert hub.wanted(both) == ["config.json", "tokenizer.json", "model.safetensors"]
    assert hub.wanted(both[:2]) == ["config.json", "pytorch_model.bin"]
    assert hub.wanted(["config.json", "model.gguf"]) == hub.wanted(["pytorch_model.bin"]) == []


def test_offline_uses_the_cache_and_says_when_it_lacks_something(server, monkeypatch):
    path = hub.find(TINY)
    forget()
    server.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert hub.find(TINY) == path
    forget()
    (path / "model-00002-of-00003.safetensors").unlink()
    for word in (TINY, "hf:org/other", TINY + "@v1"):
        with pytest.raises(DataError, match="not in the cache, or not whole"):
            hub.find(word)
    assert not server.asked


def test_a_connection_that_breaks_is_gone_on_with_where_it_was(server, capfd, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    big = server.repositories["org/Tiny"] / "model-00002-of-00003.safetensors"
    server.cut = big.stat().st_size - 1
    path = hub.find(TINY)
    assert (path / big.name).read_bytes() == big.read_bytes()
    (asked,) = [asked for _, _, asked in server.asked if asked]
    assert int(asked.removeprefix("bytes=").removesuffix("-")) > 20_000
    assert capfd.readouterr().err == ""


def test_after_an_interruption_only_what_is_missing_is_fetched(server):
    server.broken = {"model-00002-of-00003.safetensors"}
    with pytest.raises(DataError, match="cannot be reached") as caught:
        hub.find(TINY)
    assert "complete files are kept" in caught.value.hint
    before, broken = set(files_asked(server)), server.broken  # those that had their turn before the break
    server.asked.clear()
    server.broken = set()
    hub.find(TINY)
    assert broken <= set(files_asked(server))
    assert not (set(files_asked(server)) - broken) & before


def test_stopping_ends_the_download(server):
    stop = threading.Event()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        list(jobs.fetch_model(TINY, stop=stop))
    assert hub.find(TINY).is_dir()


@pytest.mark.parametrize(
    ("word", "failing", "error", "what"),
    [
        ("hf:org/none", "", CheckpointError, "no model org/none, or it is private"),
        (TINY, "private", CheckpointError, "no model org/Tiny, or it is private"),
        (TINY, "gated", CheckpointError, "is gated"),
        (TINY + "@v9", "", CheckpointError, "no branch, tag or commit 'v9'"),
        (TINY, "down", DataError, "cannot be reached"),
    ],
)
def test_what_the_hub_refuses_is_said_in_plain_words(word, failing, error, what, server):
    server.failing["org/Tiny"] = failing
    with pytest.raises(error, match=what) as caught:
        hub.find(word)
    assert caught.value.hint


def test_no_network(server):
    server.close()
    with pytest.raises(DataError, match="cannot be reached") as caught:
        hub.find("hf:org/elsewhere")
    assert "Check the network" in caught.value.hint


def test_a_disk_that_is_too_small(server, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    with pytest.raises(ResourceError, match="on the disk of"):
        hub.find(TINY)


def test_a_full_disk_while_writing_is_told_as_such(server, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("huggingface_hub.snapshot_download", full)
    with pytest.raises(OSError) as caught:
        hub.find(TINY)
    assert describe(caught.value).title == "Disk full"


def test_a_repository_without_a_model_says_what_it_has(server):
    for file in server.repositories["org/Tiny"].glob("*.safetensors"):
        file.unlink()
    (server.repositories["org/Tiny"] / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match=r"holds no model .* it has README\.md"):
        hub.find(TINY)


def test_names_that_lead_elsewhere_are_never_fetched(server):
    server.extra = [
        "../escaped.json",
        "/etc/passwd.json",
        "a/../../x.json",
        ".hidden.json",
        "a\\b.json",
        "model-x.safetensors\n",
    ]
    hub.find(TINY)
    assert not any("passwd" in path or "escaped" in path or "hidden" in path for _, path, _ in server.asked)


@pytest.mark.parametrize(
    "word",
    [
        *(
            "hf:",
            "hf:/",
            "hf:..",
            "hf:../x",
            "hf:org/..",
            "hf:org/x/y",
            "hf:org/x@",
            "hf:org/x@../../y",
            "hf:org/x@/etc",
        ),
        *(
            "hf:org/ x",
            "hf:org/x\0",
            "hf:-org/x",
            "hf:org/.x",
            "hf:org/x--y",
            "hf:" + "a" * 200,
            "hf:ção/x",
            "hf:org/x@a b",
        ),
    ],
)
def test_names_that_cannot_be_are_refused_before_anything_is_asked(word, server):
    with pytest.raises(ConfigError, match="is no name of a model on the Hub"):
        hub.find(word)
    assert not server.asked


def test_names_that_can_be():
    assert hub.parse("hf:gpt2").id == "gpt2"
    assert hub.parse("hf://org/a_b-c.d@refs/pr/1").revision == "refs/pr/1"
    assert hub.parse("hf:Qwen/Qwen3-0.6B@main").word == "hf:Qwen/Qwen3-0.6B"


def test_commands_take_such_a_name(server, mlxgpt):
    assert "Tiny" in mlxgpt("info", TINY).out
    imported = mlxgpt("import", TINY)
    assert imported.code == 0 and "--out" not in imported.err
    assert runs.find_model("Tiny").parent.name == "imported"
    missing = mlxgpt("generate", "--model", "hf:org/none", "--prompt", "a")
    assert missing.code == 1 and "no model org/none" in missing.err
    assert "Write hf:org/Tiny" in mlxgpt("generate", "--model", "org/Tiny", "--prompt", "a").err


def test_offline_may_stand_anywhere_on_the_line(server, mlxgpt, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")  # restored afterwards
    for line in (("--offline", "info", TINY), ("info", TINY, "--offline")):
        answer = mlxgpt(*line)
        assert answer.code == 1 and "--offline" in answer.err
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert not server.asked


@pytest.mark.slow
def test_the_environment_of_huggingface_is_respected(server, tmp_path):
    """HF_ENDPOINT and HF_HOME, in a process of its own, where nothing is patched."""
    environment = os.environ | {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "mlxgpt", "info", TINY]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "hf" / "hub" / "models--org--Tiny").is_dir()


def test_every_refusal_has_a_hint(server):
    for word in ("hf:org/none", "hf:..", TINY + "@v9"):
        with pytest.raises(MlxgptError) as caught:
            hub.find(word)
        assert caught.value.hint
