import subprocess
import sys

import pytest

from mlxgpt.errors import ConfigError
from mlxgpt.generation.config import RANGES, GenerateConfig, SamplingConfig, allowed, read


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1}, {"temperature": float("nan")}, {"temperature": float("inf")}, {"top_k": -1},
        {"top_p": 1.1}, {"min_p": -0.1}, {"repetition_penalty": 0.0}, {"repetition_window": 0}, {"seed": -1},
        {"seed": 2**32}, {"max_tokens": 0}, {"sink_tokens": -1}, {"prefill_tokens": 0},
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused_with_the_range(wrong):
    (name,) = wrong
    with pytest.raises(ConfigError) as caught:
        read(wrong)
    assert name in caught.value.message
    assert allowed(name) in caught.value.hint


def test_every_range_belongs_to_a_setting_whose_default_is_inside():
    config = GenerateConfig()
    for name, (low, high, _) in RANGES.items():
        value = getattr(config, name) if hasattr(config, name) else getattr(config.sampling, name)
        assert value is None or low <= value <= high


def test_flat_settings_reach_both_parts_and_later_layers_win():
    config = read({"temperature": 0.5, "max_tokens": 9}, {"temperature": 0.25, "max_tokens": None, "stop": ["a"]})
    assert (config.sampling.temperature, config.max_tokens, config.stop) == (0.25, 9, ("a",))
    assert config.with_(top_k=3, overflow="chunked").sampling == SamplingConfig(temperature=0.25, top_k=3)


def test_an_unknown_word_names_the_nearest():
    with pytest.raises(ConfigError, match="temprature") as caught:
        read({"temprature": 1.0})
    assert "'temperature'" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        GenerateConfig(overflow="rotate")
    assert "'rotating'" in caught.value.hint


def test_an_empty_stop_text_is_refused():
    with pytest.raises(ConfigError, match="empty"):
        GenerateConfig(stop=("",))


def test_configs_and_commands_do_not_load_mlx():
    code = "import sys, mlxgpt.generation.config, mlxgpt.generation.commands; sys.exit('mlx.core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
