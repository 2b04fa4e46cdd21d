"""`python -m mlxgpt`: the command line."""

from mlxgpt.cli.main import run

run()
