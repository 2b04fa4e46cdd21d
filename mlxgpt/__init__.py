"""mlxgpt: train a GPT, talk to it and see it think."""

__version__ = "0.1.0"
