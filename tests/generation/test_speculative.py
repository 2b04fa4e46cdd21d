"""A draft changes the speed of a text and nothing else."""

import pytest

from mlxgpt.errors import ConfigError
from mlxgpt.events import GenerationFinished, Noted, TokenGenerated
from mlxgpt.generation.config import read
from mlxgpt.generation.generate import generate
from mlxgpt.generation.speculative import speculate

PROMPT = [80, 90, 100, 110, 120]
NEVER = frozenset()
CONFIG = read({"temperature": 0.0, "max_tokens": 40, "seed": 1})


def ids_of(events):
    return [event.id for event in events if isinstance(event, TokenGenerated)]


def end(events):
    (event,) = [event for event in events if isinstance(event, GenerationFinished)]
    return event.reason, event.text, event.tokens


@pytest.fixture(scope="module")
def model(make):
    return make(context_length=64)


@pytest.mark.parametrize("guesses", [1, 2, 3, 7])
@pytest.mark.parametrize("words", [{}, {"position": "none"}, {"n_layer": 1}, {"sliding_window": 4}], ids=str)
def test_the_text_is_the_models_own_whatever_the_draft_guesses(make, model, tokenizer, words, guesses):
    draft = make(**({"context_length": 64} | words))
    expected = list(generate(model, tokenizer, PROMPT, CONFIG, stop_ids=NEVER))
    events = list(speculate(model, draft, tokenizer, PROMPT, CONFIG, guesses=guesses, stop_ids=NEVER))
    assert ids_of(events) == ids_of(expected)
    assert end(events) == end(expected)


def test_the_model_itself_guesses_right_always(model, tokenizer):
    events = list(speculate(model, model, tokenizer, PROMPT, CONFIG, stop_ids=NEVER))
    assert isinstance(events[-1], Noted)
    assert "(100%)" in events[-1].text


@pytest.mark.parametrize("tokens", [1, 2, 5])
def test_it_ends_where_it_should(model, tokenizer, tokens):
    config = CONFIG.with_(max_tokens=tokens)
    assert ids_of(speculate(model, model, tokenizer, PROMPT, config, stop_ids=NEVER)) == (
        ids_of(generate(model, tokenizer, PROMPT, config, stop_ids=NEVER))
    )
    expected = list(generate(model, tokenizer, PROMPT, CONFIG, stop_ids=NEVER))
    ends = frozenset(ids_of(expected)[6:7])
    assert end(speculate(model, model, tokenizer, PROMPT, CONFIG, stop_ids=ends)) == (
        end(generate(model, tokenizer, PROMPT, CONFIG, stop_ids=ends))
    )


@pytest.mark.parametrize(
    "settings",
    [{"temperature": 0.5}, {"temperature": 0.0, "repetition_penalty": 1.2}, {"temperature": 0.0, "max_tokens": 60}],
)
def test_what_a_draft_cannot_do_is_refused(model, tokenizer, settings):
    with pytest.raises(ConfigError):
        list(speculate(model, model, tokenizer, PROMPT, read(settings)))


def test_the_command_takes_a_draft(mlxgpt):
    options = ("--prompt", "Era uma vez", "--temperature", 0, "--max-tokens", 20)
    answer = mlxgpt("generate", *options, "--draft", "nano-pt")
    assert answer.code == 0
    assert answer.out == mlxgpt("generate", *options).out
    assert "100%" in answer.err
