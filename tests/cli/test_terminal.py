"""Commands that need a terminal, without one; a port that is printed, before anything else is done with it."""

import socket

from mlxgpt.server.serve import listen


def test_the_app_without_a_terminal_says_so_and_ends(mlxgpt):
    result = mlxgpt("tui")
    assert result.returncode == 2
    assert "needs a terminal" in result.stderr and not result.stdout
