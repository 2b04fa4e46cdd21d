"""A few kills at random moments; `scripts/kill_test.py` does thirty."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_killing_never_loses_or_spoils_a_checkpoint():
    command = [sys.executable, "scripts/kill_test.py", "--kills", "4", "--seed", "1"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 kills" in done.stdout
