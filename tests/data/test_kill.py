"""A few kills of a real process at random moments; `scripts/kill_build.py` does twenty."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_killed_build_goes_on_to_the_same_bytes():
    command = [sys.executable, "scripts/kill_build.py", "--kills", "3", "--megabytes", "2", "--seed", "1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equal to those of a build that was left alone" in done.stdout
