"""What to train, on what, for how long.  No MLX here.

A run's settings come from a preset's `[train]` table, then a TOML file's, then the command line; what nobody gave is
chosen for the device (`backend.defaults`) and said aloud when the run starts.
"""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

from mlxgpt.config import setting
from mlxgpt.errors import ConfigError, nearest

WORDS: dict[str, tuple[str, ...]] = {
    "optimizer": ("adamw", "muon"),
    "schedule": ("cosine", "linear", "wsd", "constant"),
    "precision": ("auto", "float32", "bfloat16"),
    "tune": ("all", "state"),
}

NEVER_NEGATIVE = (
    *("steps", "epochs", "minutes", "batch_size", "context_length", "chunk_size", "vocab_size", "learning_rate"),
    *("muon_learning_rate", "final_learning_rate", "clip", "weight_decay", "patience", "eval_every", "eval_tokens"),
    *("checkpoint_every", "signals_every", "seed", "adam_eps"),
)
SHARES = {"warmup": (0, 1), "cooldown": (0, 1), "validation_share": (0, 0.9), "beta1": (0, 1), "beta2": (0, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """The settings of a training run.  Exactly one of `steps`, `epochs` and `minutes` is the budget."""

    data: Path = setting(
        Path("data/corpus_pt_br.txt"), "text to learn from, a dataset of data build, or a file of ids (*.bin)"
    )
    val_data: Path | None = setting(None, "file or folder held out instead of a share of the data")
    preset: str = setting("modern-nano", "preset of models/presets, or a TOML file with a [model] table")
    base: Path | None = setting(None, "model to go on from, with its tokenizer, instead of the preset's initial values")
    tune: str = setting("all", "what learns: all, or of a recurrent base model only the state that texts begin with")
    tokenizer: Path | None = setting(None, "folder of a trained tokenizer; none: one is trained on the data")
    algorithm: str = setting("bpe", "kind of tokenizer to train: bpe, byte or char")
    vocab_size: int = setting(0, "entries of the tokenizer to train; 0: chosen from the size of the corpus")
    out: Path | None = setting(None, "folder of the run; none: a new one under models/runs")
    resume: Path | None = setting(None, "folder of a run to continue")

    steps: int = setting(0, "budget in optimizer steps")
    epochs: float = setting(0.0, "budget in passes over the training text")
    minutes: float = setting(0.0, "budget in minutes of training; the schedule is planned on the clock")

    batch_size: int = setting(0, "sequences in one forward pass; 0: chosen for the device")
    grad_accum: int = setting(1, "forward passes added up before one optimizer step")
    context_length: int = setting(0, "tokens in a sequence; 0: the preset's")
    chunk_strategy: str = setting("none", "how long documents are cut before packing; none: not at all")
    chunk_size: int = setting(0, "tokens in a chunk; 0: context_length")

    packing: str = setting("concat", "what fills a row: concat, best-fit (whole documents together) or pad (one alone)")

    source_weights: tuple[str, ...] = setting((), "weights of a dataset's sources instead of its own, as livros=2")

    optimizer: str = setting("adamw", "adamw for all, or muon for matrices and adamw for the rest")
    learning_rate: float = setting(0.0, "peak learning rate of AdamW; 0: chosen for the device")
    muon_learning_rate: float = setting(0.02, "peak learning rate of Muon")
    schedule: str = setting("cosine", "how the learning rate moves after the warm-up")
    warmup: float = setting(0.02, "share of the budget spent rising to the peak")
    cooldown: float = setting(0.4, "wsd: share of the budget spent falling at the end")
    final_learning_rate: float = setting(0.1, "learning rate at the end, as a share of the peak")
    beta1: float = setting(0.9, "AdamW: memory of the mean gradient")
    beta2: float = setting(0.95, "AdamW: memory of the mean squared gradient")
    adam_eps: float = setting(1e-8, "AdamW: added to the root of the mean squared gradient")
    weight_decay: float = setting(0.1, "pull of matrices towards zero; vectors and gains are left alone")
    clip: float = setting(1.0, "largest norm of the whole gradient; 0: no limit")
    reset_documents: bool = setting(False, "recurrent models: the state is emptied after each document")
    precision: str = setting("auto", "number format of the forward and backward pass; weights stay float32")
    dropout: float | None = setting(None, "dropout rate; none: the preset's")

    validation_share: float = setting(0.1, "share of the documents held out")
    eval_every: int = setting(0, "steps between evaluations; 0: ten in a run")
    eval_tokens: int = setting(200_000, "most tokens of held-out text in one evaluation; 0: all")
    patience: int = setting(0, "stop after so many evaluations without improvement; 0: never")
    sample_every: int = setting(0, "steps between samples; 0: at the start, the middle and the end; -1: never")
    sample_prompt: str = setting("", "text a sample starts from; empty: the beginning of a document")
    sample_tokens: int = setting(60, "length of a sample")
    checkpoint_every: int = setting(
        0, "steps between checkpoints, besides the best ones; 0: each epoch, or ten in a run"
    )
    signals_every: int = setting(0, "steps between measurements of each layer's gradient and update; 0: never")
    keep: int = setting(3, "checkpoints kept besides the best and the last")
    seed: int = setting(0, "seed of initial values, data order, dropout and samples")

    def __post_init__(self) -> None:
        for name, words in WORDS.items():
            word = getattr(self, name)
            if word not in words:
                raise ConfigError(f"train: {name} = {word!r} is not known.", hint=nearest(word, words))
        budgets = [name for name in ("steps", "epochs", "minutes") if getattr(self, name)]
        if len(budgets) > 1:
            raise ConfigError(f"train: give one budget, not {' and '.join(budgets)}.", hint="Keep the one you mean.")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"train: {field.name} must be a finite number, not {value}.")
        for name in NEVER_NEGATIVE:
            if getattr(self, name) < 0:
                raise ConfigError(f"train: {name} must not be negative, but is {getattr(self, name)}.")
        for name, (low, high) in SHARES.items():
            if not low <= getattr(self, name) < high:
                raise ConfigError(f"train: {name} must be in [{low}, {high}), not {getattr(self, name)}.")
        for name in ("grad_accum", "keep", "sample_tokens"):
            if getattr(self, name) < 1:
                raise ConfigError(f"train: {name} must be at least 1, not {getattr(self, name)}.")
        if self.seed >= 2**32:
            raise ConfigError(f"train: seed must be below 2^32, not {self.seed}.")
        if self.tune == "state" and not self.base:
            raise ConfigError("train: tune = 'state' needs a model to tune.", hint="Give one with --base MODEL.")
        if self.resume and self.out:
            raise ConfigError("train: a run is continued in its own folder.", hint="Leave --out or --resume out.")
