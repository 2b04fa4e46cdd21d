"""`mlxgpt inspect …` on recurrent models: its own views and the common ones, as picture and as data, and what is refused."""

import json
import xml.etree.ElementTree as Tree

import pytest
from PIL import Image

from mlxgpt.convert import huggingface
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig
from mlxgpt.tokenizer.simple import byte_tokenizer

TEXT = "Era uma vez um gato."
OWN = ("attention", "state", "decay", "shift")
COMMON = ("lens", "tokens", "attribution", "patch", "tensors", "embeddings", "memory")
BLOCKS = ("rwkv6", "rwkv7")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Directories of tiny models by block, trained on 8 tokens at a time."""
    folder = tmp_path_factory.mktemp("recurrent")
    tokenizer = byte_tokenizer()
    shape = {"vocab_size": tokenizer.vocab_size, "n_layer": 2, "n_embd": 32, "n_head": 2, "context_length": 8}
    for block in BLOCKS:
        config = ModelConfig(name=block, block=block, position="none", **shape)
        huggingface.save(initialize.build(config, 0), folder / block, tokenizer)
        tokenizer.save(folder / block)
    return folder


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("view", OWN + COMMON)
def test_every_view_works_on_recurrent_models(view, block, tiny, mlxgpt):
    answer = mlxgpt("inspect", view, "--model", tiny / block, "--text", TEXT)
    assert answer.code == 0, answer.err
    assert answer.out.strip()
    value = json.loads(mlxgpt("inspect", view, "--model", tiny / block, "--text", TEXT, "--json").out)
    assert isinstance(value, dict)


PLACES = ((), ("--layer", 1), ("--layer", 0, "--head", 1), ("--head", 1))


@pytest.mark.parametrize(
    ("view", "place"),
    [
        (view, place) for view in OWN for place in (PLACES[:2] if view == "shift" else PLACES)
    ],  # it comes before the heads
)
def test_every_view_is_seen_and_drawn_at_every_place(view, place, tiny, mlxgpt, tmp_path):
    svg, png = tmp_path / "a.svg", tmp_path / "a.png"
    asked = ("inspect", view, "--model", tiny / "rwkv7", "--text", TEXT, *place)
    assert mlxgpt(*asked).out
    answer = mlxgpt(*asked, "--svg", svg, "--png", png)
    assert answer.code == 0 and answer.out == "", answer.err
    assert Tree.parse(svg).getroot().tag.endswith("svg")
    with Image.open(png) as picture:
        assert len(picture.resize((64, 64)).getcolors(64 * 64)) > 8


def test_the_numbers_that_are_shown_are_those_of_the_data(tiny, mlxgpt):
    data = json.loads(mlxgpt("inspect", "state", "--model", tiny / "rwkv6", "--text", TEXT, "--json").out)
    line = mlxgpt("inspect", "state", "--model", tiny / "rwkv6", "--text", TEXT, "-l", 1, "--head", 0).out.splitlines()[
        4
    ]
    norm, rank = data["norm"][1][0][3], data["rank"][1][0][3]
    assert f"{norm:.2f}  rank {rank:.1f} of 16" in line
    states = mlxgpt("inspect", "state", "--model", tiny / "rwkv6", "--text", TEXT, "-p", 3).out.splitlines()
    assert f"{norm:.2f}  rank {rank:.1f} of 16" in states[3]


def test_attention_says_that_it_is_none(tiny, mlxgpt):
    assert "There is no attention here" in mlxgpt("inspect", "attention", "--model", tiny / "rwkv7", "--text", TEXT).out


def test_memory_is_that_of_a_state(tiny, mlxgpt):
    short, long = (
        mlxgpt("inspect", "memory", "--model", tiny / "rwkv6", "--text", text).out for text in ("um", TEXT * 9)
    )
    state = 2 * (4 * 32 * 16 + 2 * 32 * 4)  # two layers: a matrix of 16 by 16 a head, and two tokens as they were seen
    for out in (short, long):
        assert f"the state takes {state / 1000:.1f} kB, however many" in out
        assert "KV cache" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rollout",), "inspect state"),
        (("heads",), "inspect state"),
        (("shift", "--head", 0), "no heads to choose from"),
        (("decay", "--position", 0), "no positions to choose from"),
        (("state", "--layer", 2), "no layer 2"),
        (("state", "--text", "a" * 1024), "has 1,025 tokens, but 1,024 can be looked at"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(words, said, tiny, mlxgpt):
    answer = mlxgpt("inspect", *words, "--model", tiny / "rwkv6")
    assert answer.code in (1, 2) and said in answer.err, answer.err


@pytest.mark.parametrize("view", ["state", "decay", "shift"])
def test_a_transformer_is_told_to_show_its_attention(view, mlxgpt):
    answer = mlxgpt("inspect", view, "--text", "um gato")
    assert answer.code == 1 and "not a state" in answer.err and "inspect attention" in answer.err
    assert "defect" not in answer.err


@pytest.mark.parametrize("view", ["attention", "state"])
def test_control_characters_in_the_text_never_reach_the_terminal(view, tiny, mlxgpt):
    for more in ((), ("--json",), ("--explain", "plain"), ("--layer", 0, "--head", 0)):
        answer = mlxgpt("inspect", view, "--model", tiny / "rwkv6", "--text", "\x1b[31mgato\x07 \u202epreto", *more)
        assert answer.code == 0, answer.err
        assert not {"\x1b", "\x07", "\u202e"} & set(answer.out)


def test_colours_say_the_sign_and_without_them_the_size(tiny, mlxgpt):
    """What stands in a map on a terminal with colours is a colour for each number; without, a block."""
    import io

    import numpy as np
    from rich.console import Console

    from mlxgpt.display.heatmap import MiniMap

    small = MiniMap(values=np.array([[-1.0, 1.0], [0.0, 0.5]], np.float32), caption="", note="", low=-1.0)

    def drawn(**how):
        console = Console(file=io.StringIO(), width=20, force_terminal=True, **how)
        console.print(small)
        return console.file.getvalue()

    assert "38;2;88;178;255" in drawn(color_system="truecolor") and "38;2;255;160;60" in drawn(color_system="truecolor")
    assert "██" in drawn(no_color=True, color_system=None)
