"""Commands that need a terminal, without one."""


def test_the_app_without_a_terminal_says_so_and_ends(mlxgpt):
    answer = mlxgpt("tui")
    assert answer.code == 2
    assert "needs a terminal" in answer.err and not answer.out
