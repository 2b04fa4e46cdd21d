"""The thread that owns MLX: calls, jobs in turn, errors, and its end."""

import threading

import pytest

from mlxgpt.engine import Engine


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.stop()


def test_calls_run_on_one_thread_in_order(engine):
    names, order = [], []
    for number in range(5):
        engine.call(lambda number=number: (names.append(threading.current_thread().name), order.append(number)))
    engine.call(lambda: None).result()
    assert set(names) == {"mlxgpt-engine"}
    assert order == [0, 1, 2, 3, 4]


def test_arrays_live_across_calls(engine):
    import mlx.core as mx

    array = engine.call(lambda: mx.arange(4) * 2).result()
    assert engine.call(lambda: array.tolist()).result() == [0, 2, 4, 6]


def test_an_error_belongs_to_its_call_alone(engine):
    with pytest.raises(ZeroDivisionError):
        engine.call(lambda: 1 / 0).result()
    assert engine.call(lambda: 7).result() == 7


def test_jobs_go_on_in_turn_with_calls_between(engine):
    seen, gate = [], threading.Event()
    engine.call(gate.wait)  # both jobs are there before either begins
    jobs = [engine.play(lambda name=name: iter([name] * 3), seen.append) for name in "ab"]
    gate.set()
    for job in jobs:
        job.done.result(5)
    assert seen == ["a", "b", "a", "b", "a", "b"]


def test_a_job_is_closed_between_steps_and_cleans_up(engine):
    ended, steps = threading.Event(), threading.Semaphore(0)

    def forever():
        try:
            while True:
                yield 1
        finally:
            ended.set()

    job = engine.play(forever, lambda event: steps.release())
    assert steps.acquire(timeout=5)
    assert engine.call(lambda: "between").result(5) == "between"
    job.close()
    job.done.result(5)
    assert ended.is_set()


def test_a_job_that_fails_says_so_and_the_others_go_on(engine):
    def fails():
        yield 1
        raise ValueError("no")

    job = engine.play(fails, lambda event: None)
    with pytest.raises(ValueError, match="no"):
        job.done.result(5)
    assert engine.call(lambda: 1).result(5) == 1


def test_stopping_closes_jobs_and_refuses_more():
    engine, ended = Engine(), threading.Event()

    def forever():
        try:
            while True:
                yield 1
        finally:
            ended.set()

    begun = threading.Event()
    engine.play(forever, lambda event: begun.set())
    assert begun.wait(5)
    engine.stop()
    assert ended.is_set()
    with pytest.raises(RuntimeError, match="stopped"):
        engine.call(lambda: 1)
    engine.stop()
