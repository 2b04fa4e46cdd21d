"""`mlxgpt inspect …`: every view on the shipped model and on others, as picture and as data, and what is refused."""

import json

import pytest

from mlxgpt.backend import places
from mlxgpt.convert import huggingface
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig
from mlxgpt.tokenizer.simple import byte_tokenizer

TEXT = "Era uma vez um gato."
VIEWS = ("attention", "rollout", "heads", "lens", "tokens", "attribution", "patch", "tensors", "embeddings", "memory")
WITHOUT_TEXT = ("heads",)

# Published architectures: what `huggingface.save` writes for them is a directory of that architecture.
FOREIGN = {
    "gpt2": {},
    "llama": {"norm": "rmsnorm", "position": "rope", "ffn": "swiglu", "bias": "none", "n_kv_head": 1},
    "qwen2": {"norm": "rmsnorm", "position": "rope", "ffn": "swiglu", "bias": "qkv"},
    "olmo2": {
        "norm": "rmsnorm", "position": "rope", "ffn": "swiglu", "bias": "none", "norm_placement": "post",
        "qk_norm": "width", "tie_embeddings": False,
    },
    "mlxgpt": {"norm": "rmsnorm", "norm_placement": "residual", "position": "none"},
}  # fmt: skip


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Directories of tiny models of each architecture, by name."""
    folder = tmp_path_factory.mktemp("foreign")
    tokenizer = byte_tokenizer()
    for name, words in FOREIGN.items():
        config = ModelConfig(
            name=name, vocab_size=tokenizer.vocab_size, n_layer=2, n_embd=16, n_head=2, context_length=32, **words
        )
        assert huggingface.save(initialize.build(config, 0), folder / name, tokenizer) == name
        tokenizer.save(folder / name)
    return folder


def asked(view, *more):
    return ("inspect", view, *(() if view in WITHOUT_TEXT else ("--text", TEXT)), *more)


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_works_on_imported_models(view, name, foreign, mlxgpt):
    answer = mlxgpt(*asked(view, "--model", foreign / name))
    assert answer.code == 0, answer.err
    assert answer.out.strip()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_data_too(view, foreign, mlxgpt):
    answer = mlxgpt(*asked(view, "--json", "--model", foreign / "gpt2"))
    value = json.loads(answer.out)
    assert isinstance(value, dict) and answer.code == 0
    assert "NaN" not in answer.out


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_drawn_as_svg_and_png(view, foreign, mlxgpt, tmp_path):
    import xml.etree.ElementTree as Tree

    from PIL import Image

    svg, png = tmp_path / "a.svg", tmp_path / "a.png"
    answer = mlxgpt(*asked(view, "--model", foreign / "llama", "--svg", svg, "--png", png))
    assert answer.code == 0, answer.err
    assert answer.out == ""
    assert Tree.parse(svg).getroot().tag.endswith("svg")
    with Image.open(png) as picture:
        assert min(picture.size) > 50
        assert len(picture.resize((64, 64)).getcolors(64 * 64)) > 8


@pytest.mark.parametrize("level", ["plain", "maths", "code"])
@pytest.mark.parametrize("view", [view for view in VIEWS if view not in ("rollout",)])
def test_every_view_is_said_in_words(view, level, foreign, mlxgpt):
    for lang in ("en", "pt"):
        answer = mlxgpt(*asked(view, "--model", foreign / "gpt2", "--explain", level, "--lang", lang))
        assert answer.code == 0, answer.err
        assert answer.out.strip()


def test_the_shipped_model_and_text_are_what_is_looked_at_when_nothing_is_said(mlxgpt):
    assert "Tico" in mlxgpt("inspect", "tokens").out


def test_text_can_come_from_a_pipe(mlxgpt, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("um gato preto"))
    assert "·gato ·pre" in mlxgpt("inspect", "tokens", "--text", "-").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("attention", "--text", ""), "no text to look at"),
        (("tokens", "--text", ""), "--text -"),
        (("rollout", "--explain", "plain"), "has no words"),
        (("tokens", "--svg", "."), "is a folder"),
        (("attention", "--layer", "9"), "no layer 9: there are 5. Give 0 to 4"),
        (("attention", "--head", "6"), "no head 6: there are 6. Give 0 to 5"),
        (("lens", "--position", "99"), "no position 99: there are 19. Give 0 to 18"),
        (("attribution", "--position", "99"), "no position 99"),
        (("tokens", "--layer", "1"), "no layers to choose from"),
        (("tokens", "--text", "a " * 400), "--cut"),
        (("attribution", "--token", "paralelepípedo"), "tokens"),
        (("patch", "--what", "atn.z"), "attn.z"),
        (("patch", "--ablation", "zeros"), "zero"),
        (("patch", "--corrupt", "um"), "as many in both"),
        (("tensors", "--kind", "weight"), "weights"),
        (("embeddings", "--text", " "), "no word"),
        (("embeddings", "--analogies", "none.txt"), "does not exist"),
        (("lens", "--tuned", "none.safetensors"), "none.safetensors"),
        (("tokens", "--explain", "plian"), "plain"),
        (("tokens", "--explain", "plain", "--lang", "fr"), "'fr'"),
        (("tokens", "--model", "nano-tp"), "nano-pt"),
        (("training", "nothing"), "not a run"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(words, said, mlxgpt):
    answer = mlxgpt("inspect", *words)
    assert answer.code in (1, 2)
    assert said in answer.err, answer.err
    assert "defect" not in answer.err
    assert answer.out == ""


def test_a_long_text_is_cut_when_asked_and_only_what_was_read_is_counted(mlxgpt):
    answer = mlxgpt("inspect", "tokens", "--json", "--cut", "--text", "um gato " * 400)
    report = json.loads(answer.out)
    assert len(report["rank"]) == 256
    assert ("um gato " * 400).startswith(report["passage"]["text"])
    assert report["text_bytes"] == len(report["passage"]["text"].encode()) < 400 * len("um gato ")


@pytest.mark.parametrize("view", ["memory", "attention", "tokens"])
def test_that_a_text_was_cut_is_said(view, foreign, mlxgpt):
    words = ("inspect", view, "--cut", "--model", foreign / "gpt2", "--text")
    assert "its first 32 tokens" in mlxgpt(*words, TEXT * 9).err
    assert "cut" not in mlxgpt(*words, TEXT).err


@pytest.mark.parametrize("view", ["attention", "tokens", "lens", "attribution", "patch"])
def test_control_characters_in_the_text_never_reach_the_terminal(view, foreign, mlxgpt):
    for more in ((), ("--json",), ("--explain", "plain")):
        answer = mlxgpt("inspect", view, "--model", foreign / "gpt2", "--text", "\x1b[31mgato\x07 \u202epreto", *more)
        assert answer.code == 0, answer.err
        assert not {"\x1b", "\x07", "\u202e"} & set(answer.out)


def test_a_run_is_looked_into(workplace, mlxgpt):
    workplace.train(steps=3)
    answer = mlxgpt("inspect", "training", workplace.path / "run")
    assert "blocks.1" in answer.out and "No loss of its 3 steps" in answer.out
    assert json.loads(mlxgpt("inspect", "training", workplace.path / "run", "--json").out)["steps"] == [1, 2, 3]


def test_a_lens_is_tuned_and_looked_through(foreign, mlxgpt, tmp_path):
    corpus = tmp_path / "text.txt"
    corpus.write_text("Era uma vez um gato chamado Tico. " * 20, encoding="utf-8")
    lens, model = tmp_path / "lens.safetensors", foreign / "gpt2"
    answer = mlxgpt("inspect", "tune-lens", "--data", corpus, "--out", lens, "--model", model, "--steps", 3)
    assert answer.code == 0 and "step 3/3" in answer.err
    assert "tuned lens" in mlxgpt("inspect", "lens", "--model", model, "--text", TEXT, "--tuned", lens).out


@pytest.mark.parametrize(
    "words", [(view,) for view in VIEWS] + [("lens", "-p", "5"), ("attention", "-l", "0", "--head", "1")]
)
@pytest.mark.parametrize("width", [60, 80])
def test_every_view_fits_the_terminal(words, width, foreign):
    from rich.cells import cell_len
    from typer.testing import CliRunner

    from mlxgpt.cli.main import app

    long = () if words[0] in WITHOUT_TEXT else ("--text", "Era uma vez um gato que era.")
    answer = CliRunner().invoke(
        app, ["inspect", *words, *long, "--model", str(foreign / "gpt2")], env={"COLUMNS": str(width)}
    )
    assert answer.exit_code == 0
    assert max(map(cell_len, answer.stdout.splitlines())) <= width


def test_a_lens_under_any_name_can_be_read_again(foreign, mlxgpt, tmp_path):
    corpus, model = tmp_path / "text.txt", foreign / "gpt2"
    corpus.write_text("Era uma vez um gato chamado Tico. " * 20, encoding="utf-8")
    lens = tmp_path / "lens.st"
    assert mlxgpt("inspect", "tune-lens", "--data", corpus, "--out", lens, "--model", model, "--steps", 1).code == 0
    assert "tuned lens" in mlxgpt("inspect", "lens", "--model", model, "--text", TEXT, "--tuned", lens).out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_characters_gets_what_it_can_show(encoding, foreign, monkeypatch):
    import io
    import sys

    from mlxgpt.cli.main import run

    for more in ((), ("--json",)):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
        words = ("inspect", "tokens", "--model", str(foreign / "gpt2"), "--text", "pão 🐈", *more)
        monkeypatch.setattr(sys, "argv", ["mlxgpt", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        sys.stdout.flush()
        assert not ended.value.code
        answer = written.getvalue().decode(encoding)
        if more:
            assert json.loads(answer)["passage"]["text"] == "pão 🐈"
        else:
            assert " nats " in answer


def test_info_is_still_there(mlxgpt):
    assert "attention" in mlxgpt("info", places.models() / "nano-pt").out
