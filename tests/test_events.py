"""What a job says is kept line by line, and read again by anyone: the same run, another process's, last month's."""

import json
import threading

import pytest

from mlxgpt.events import (
    EvaluationFinished,
    Event,
    GenerationFinished,
    Noted,
    RunStarted,
    from_json,
    record,
    replay,
)


def notes(*texts):
    return [Noted(text=text) for text in texts]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "events.jsonl"


def test_recording_passes_the_events_on_and_keeps_them(path):
    events = notes("um", "dois\nlinhas", "\x1b[31m\u2028")
    assert list(record(events, path)) == events
    assert list(replay(path)) == events


def test_every_line_has_its_time_and_its_name(path):
    list(record(notes("um"), path))
    line = json.loads(path.read_text())
    assert list(line) == ["time", "event", "text"]
    assert line["event"] == "Noted"


def test_an_event_is_on_the_disk_before_it_is_passed_on(path):
    for event in record(notes("um", "dois"), path):
        assert list(replay(path))[-1] == event


def test_recording_again_appends(path):
    list(record(notes("um"), path))
    list(record(notes("dois"), path))
    assert list(replay(path)) == notes("um", "dois")


@pytest.mark.parametrize("tail", ['{"time": 1, "event": "No', "{", "\xff"])
def test_a_line_cut_off_by_a_crash_costs_no_other_line(path, tail):
    list(record(notes("um"), path))
    with path.open("a", encoding="latin-1") as file:
        file.write(tail)
    assert list(replay(path)) == notes("um")
    list(record(notes("dois"), path))
    assert list(replay(path)) == notes("um", "dois")


@pytest.mark.parametrize(
    "line", ["[]", "3", "null", '{"event": "FromTheFuture"}', '{"event": "Noted"}', '{"event": []}']
)
def test_lines_that_are_no_events_are_skipped(path, line):
    path.parent.mkdir()
    path.write_text(line + '\n{"event": "Noted", "text": "um", "new_field": 1}\n')
    assert list(replay(path)) == notes("um")


def test_tuples_and_missing_values_come_back(path):
    events = [
        RunStarted(
            run="r", device="cpu", parameters=1, train_tokens=2, validation_tokens=3, steps=4, batch_tokens=5,
            notes=("a", "b"),
        ),
        EvaluationFinished(step=1, loss=0.1 + 0.2, perplexity=1e300, bits_per_byte=1.0, best=True),
        GenerationFinished(reason="eos", text="", tokens=1, tokens_per_second=0.0, seconds_to_first_token=0.1),
    ]  # fmt: skip
    list(record(events, path))
    assert list(replay(path)) == events


def test_a_name_that_is_not_utf_8_is_recorded_too(path):
    list(record(notes("a\udcff"), path))
    assert list(replay(path)) == notes("a\udcff")


def test_closing_the_record_closes_the_job(path):
    ended = []

    def job():
        try:
            yield Noted(text="um")
            yield Noted(text="dois")
        finally:
            ended.append(True)

    recording = record(job(), path)
    next(recording)
    recording.close()
    assert ended == [True]
    assert list(replay(path)) == notes("um")


def test_following_sees_what_another_writer_adds(path):
    list(record(notes("um"), path))
    following = replay(path, follow=True, poll_seconds=0.001)
    assert next(following) == Noted(text="um")
    line = json.dumps(Noted(text="dois").to_json()) + "\n"

    def write():
        with path.open("a") as file:
            file.write(line[:10])
            file.flush()
            file.write(line[10:])

    timer = threading.Timer(0.02, write)
    timer.start()
    assert next(following) == Noted(text="dois")
    timer.join()
    following.close()


def test_every_kind_of_event_is_known_by_its_name():
    assert Event.kinds["Noted"] is Noted
    assert all(kind.__name__ == name and issubclass(kind, Event) for name, kind in Event.kinds.items())
    assert from_json({}) is None
