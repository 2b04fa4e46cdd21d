"""How the learning rate moves: a straight rise, then a schedule, both counted in steps.

With a budget in minutes the number of steps is an estimate that is renewed as training goes on, so that the schedule ends
when the time does.
"""

import math
from collections.abc import Callable

from mlxgpt.training.config import TrainConfig


def cosine(fall: float, config: TrainConfig) -> float:
    """Half a cosine from 1 to the final share (Loshchilov & Hutter 2017)."""
    low = config.final_learning_rate
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * fall))


def linear(fall: float, config: TrainConfig) -> float:
    """A straight line from 1 to the final share."""
    return 1 - (1 - config.final_learning_rate) * fall


def warmup_stable_decay(fall: float, config: TrainConfig) -> float:
    """1, then a straight line over the last `cooldown` of the budget (Hu et al. 2024, MiniCPM)."""
    return linear(max(0.0, 1 - (1 - fall) / config.cooldown), config) if config.cooldown else 1.0


def constant(fall: float, config: TrainConfig) -> float:
    """1 throughout."""
    return 1.0


SCHEDULES: dict[str, Callable[[float, TrainConfig], float]] = {
    "cosine": cosine,
    "linear": linear,
    "wsd": warmup_stable_decay,
    "constant": constant,
}


def learning_rate_share(step: int, steps: float, config: TrainConfig) -> float:
    """The learning rate of step 0, 1, 2 … as a share of its peak; the peak is reached at step `warmup * steps`.

    The rise is nanoGPT's, (step + 1) / (warmup steps + 1), so that no step is wasted on a rate of zero.
    """
    warmup = round(config.warmup * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    fall = (step - warmup) / max(1.0, steps - warmup)  # 0 at the peak, 1 at the end of the budget
    return SCHEDULES[config.schedule](min(fall, 1.0), config)
