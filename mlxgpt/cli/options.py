"""Options that several commands share."""

from typing import Annotated, Any

import typer


def fetched(word: str | None) -> str | None:
    """A word for a model, which is fetched first, with a bar, when it is one of the Hub."""
    if word and word.startswith("hf:"):
        from mlxgpt.cli import fetching

        fetching.fetch(word)
    return word


Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        callback=fetched,
        help="A model directory, a run, a shipped or imported model, best | last of the newest run, or hf:ORG/NAME.",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, metal, cuda or cpu.")]
KvBits = Annotated[
    int | None, typer.Option("--kv-bits", help="8 or 4: keys and values in so few bits, for long contexts; 0: off.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Educational = Annotated[bool, typer.Option("--educational", help="Explain what happens, with the figures of this run.")]
ShowTensors = Annotated[bool, typer.Option("--show-tensors", help="Explain, with what each layer holds or learns.")]
ShowAttention = Annotated[bool, typer.Option("--show-attention", help="Explain, with where the model looked.")]
Lang = Annotated[str, typer.Option("--lang", help="Language of the explanations: pt or en.")]


def narration(educational: bool, show_tensors: bool, show_attention: bool, lang: str) -> Any:
    """What the four options above ask for; None when nothing is to be explained."""
    if not (educational or show_tensors or show_attention):
        return None
    from mlxgpt.lessons.config import NarrationConfig

    return NarrationConfig(lang=lang, show_tensors=show_tensors, show_attention=show_attention)
