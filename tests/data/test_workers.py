"""Workers hand results back in order, raise here what was raised there, and end when either side does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlxgpt.data.workers import Workers
from mlxgpt.errors import DataError, ResourceError

ROOT = Path(__file__).resolve().parents[2]


def squared(number: int) -> tuple[int, int]:
    if number == -1:
        raise DataError("minus one", hint="give another")
    if number == -2:
        raise ZeroDivisionError("minus two")
    if number == -9:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number, os.getpid()


def numbered(numbers: list[int]) -> Iterator[tuple[str, int]]:
    return ((str(number), number) for number in numbers)


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_order_with_what_came_along(count: int) -> None:
    with Workers(squared, count) as crew:
        found = list(crew.map(numbered(list(range(20)))))
    assert [(along, result) for along, (result, _) in found] == [(str(n), n * n) for n in range(20)]
    assert len({process for _, (_, process) in found}) == count


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_there_is_raised_here(count: int) -> None:
    with Workers(squared, count) as crew:
        results = crew.map(numbered([1, -1, 3]))
        assert next(results)[1][0] == 1
        with pytest.raises(DataError, match="minus one") as caught:
            next(results)
    assert caught.value.hint == "give another"


def test_a_defect_there_says_where_it_was() -> None:
    with Workers(squared, 2) as crew, pytest.raises(ZeroDivisionError) as caught:
        list(crew.map(numbered([-2])))
    assert "in squared" in "".join(caught.value.__notes__)


def test_a_worker_that_dies_is_an_error_and_not_a_wait() -> None:
    with Workers(squared, 2) as crew, pytest.raises(ResourceError, match="ended unexpectedly"):
        list(crew.map(numbered([1, -9, 3, 4, 5, 6, 7])))


def test_large_batches_do_not_wait_for_each_other() -> None:
    with Workers(len, 2) as crew:
        found = list(crew.map((n, b"x" * 3_000_000) for n in range(8)))
    assert found == [(n, 3_000_000) for n in range(8)]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_workers_end_with_the_process_that_made_them() -> None:
    code = (
        "import sys, time\n"
        "from mlxgpt.data.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    with Workers(abs, 2) as crew:\n"
        "        list(crew.map((0, n) for n in range(4)))\n"
        "        print(*(process.pid for process in crew._processes), flush=True)\n"
        "        time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    workers = [int(word) for word in parent.stdout.readline().split()]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 20
    while any(alive(worker) for worker in workers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(alive(worker) for worker in workers)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
