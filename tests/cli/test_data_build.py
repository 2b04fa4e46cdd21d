"""`mlxgpt data build`, `stats` and `peek` as a person calls them."""

import json

import pytest


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path))
    path = tmp_path / "textos.txt"
    path.write_text("\n\n\n".join(f"Texto {n}: o rio \x1b[31m desce {n * n} vezes até o mar." for n in range(50)))
    return path


def test_a_dataset_is_built_shown_and_peeked_at(mlxgpt, source, tmp_path):
    out = tmp_path / "dataset"
    done = mlxgpt("data", "build", "--source", source, "--output", out, "--val", "0.2")
    assert (done.code, done.out) == (0, "")
    assert "50 documents" in done.err
    assert f"mlxgpt train --data {out}" in done.err
    shown = mlxgpt("data", "stats", out)
    assert shown.code == 0
    assert "Every byte is as it was written" in shown.out
    figures = json.loads(mlxgpt("data", "stats", out, "--json").out)
    assert sum(side["documents"] for side in figures["sides"]) == 50
    seen = mlxgpt("data", "peek", out, "--n", 2)
    assert seen.out.count("tokens\n") == 2
    assert "\x1b" not in seen.out
    assert len(json.loads(mlxgpt("data", "peek", out, "-n", 3, "--json").out)) == 3


def test_events_are_json_lines(mlxgpt, source, tmp_path):
    done = mlxgpt("data", "build", "--source", source, "--output", tmp_path / "d", "--json")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert [event["event"] for event in events] == ["BuildStarted", "ShardWritten", "BuildFinished"] or [
        event["event"] for event in events
    ] == ["BuildStarted", "ShardWritten", "ShardWritten", "BuildFinished"]
    assert events[-1]["documents"] == 50
    assert done.err == ""


def test_the_name_from_before_works(mlxgpt, source, tmp_path):
    done = mlxgpt("build-dataset", "--source", source, "--output", tmp_path / "d", "--dedup", "exact", "--workers", 1)
    assert done.code == 0
    assert (tmp_path / "d" / "dataset.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--output", "x"], 2, "There is nothing to build from"),
        (["--source", "não-há.txt"], 1, "não-há.txt does not exist"),
        (["--source", "{source}", "--dedup", "exat"], 2, "Did you mean 'exact'?"),
        (["--source", "{source}", "--clean", "--skip", "htm"], 2, "Did you mean 'html'?"),
        (["--source", "{source}", "--shard-size", "grande"], 2, "'grande' is no size"),
        (["--source", "{source}", "--chunk-strategy", "sentense"], 2, "Did you mean 'sentence'?"),
        (["--source", "{source}", "--similarity", "0.1"], 2, "similarity = 0.1"),
    ],
)
def test_what_cannot_be_is_refused(mlxgpt, source, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    done = mlxgpt("data", "build", *[argument.format(source=source) for argument in arguments])
    assert (done.code, message in done.err) == (code, True), done.err
    assert not (tmp_path / "data").exists() or not any((tmp_path / "data" / "built").iterdir())


def test_training_is_told_where_a_dataset_is_not(mlxgpt, source, tmp_path):
    mlxgpt("data", "build", "--source", source, "--output", tmp_path / "d")
    done = mlxgpt("train", "--data", tmp_path / "d", "--tokenizer", tmp_path, "--steps", 1)
    assert done.code == 1
    assert "has no tokenizer.json" in done.err


def test_one_bad_file_among_many_stops_nothing_when_asked(mlxgpt, source, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "a.txt").write_bytes(source.read_bytes())
    (folder / "gone.txt").symlink_to(folder / "nowhere.txt")
    refused = mlxgpt("data", "build", "--source", folder, "--output", tmp_path / "d")
    assert "gone.txt cannot be read" in refused.err
    assert "--skip-unreadable" in refused.err
    done = mlxgpt("data", "build", "--source", folder, "--output", tmp_path / "d", "--skip-unreadable", "--restart")
    assert "50 documents" in done.err


def test_a_build_that_began_with_a_mistake_is_not_in_the_way(mlxgpt, tmp_path, source):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"corpo": f"Texto {n} sobre o mar."}) + "\n" for n in range(9)), encoding="utf-8"
    )
    assert "corpo" in mlxgpt("data", "build", "--source", rows, "--output", tmp_path / "d").err
    assert mlxgpt("data", "build", "--source", rows, "--column", "corpo", "--output", tmp_path / "d").code == 0


def test_what_is_no_whole_dataset_is_not_taken_for_text(mlxgpt, source, tmp_path):
    out = tmp_path / "d"
    mlxgpt("data", "build", "--source", source, "--output", out)
    shard = next(out.glob("*.shard"))
    assert "is a shard" in mlxgpt("train", "--data", shard, "--steps", 1).err
    (out / "tokenizer" / "tokenizer.json").write_bytes(
        (out / "tokenizer" / "tokenizer.json").read_bytes().replace(b"o", b"0")
    )
    assert mlxgpt("data", "stats", out).code != 0
    (out / "dataset.json").unlink()
    assert "holds shards, but no dataset.json" in mlxgpt("train", "--data", out, "--steps", 1).err
