"""What a checkpoint says of its training: the tables of mlxgpt.toml, and the state a run continues from."""

import dataclasses
import time
from typing import Any

import mlxgpt
from mlxgpt.checkpoint import TrainingState
from mlxgpt.training.prepare import Plan


def tables(plan: Plan) -> dict[str, dict[str, Any]]:
    """Where the model comes from, as tables of plain values."""
    config, progress = plan.config, plan.progress
    return {
        "checkpoint": {
            "mlxgpt": mlxgpt.__version__,
            "saved": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "run": plan.run.path.name,
            "step": progress.step,
            "epoch": round(progress.step * config.grad_accum / plan.loader.steps_per_epoch, 4),
            "tokens_seen": progress.tokens_seen,
            "loss": progress.smoothed_loss,
            "validation_loss": progress.validation_loss,
            "best_loss": progress.best_loss,
        },
        "performance": {
            "device": plan.backend.name,
            "seconds": round(progress.seconds, 3),
            "tokens_per_second": round(progress.tokens_seen / progress.seconds, 1) if progress.seconds else 0.0,
        },
        "data": {
            "path": str(config.data),
            "fingerprint": plan.data_fingerprint,
            "chats": plan.train.mask is not None,
        },
        "chunking": {"strategy": config.chunk_strategy, "size": config.chunk_size or config.context_length},
        "tokenizer": {"fingerprint": plan.tokenizer.fingerprint, "vocab_size": plan.tokenizer.vocab_size},
        "train": dataclasses.asdict(config),
        "model": dataclasses.asdict(plan.model.config),
    }


def state(plan: Plan) -> TrainingState:
    """Everything that the next step depends on; data order and random keys follow from the seed and the step."""
    arrays = {f"{name}/{slot}": value for name, slots in plan.stepper.state.items() for slot, value in slots.items()}
    values = {"progress": dataclasses.asdict(plan.progress), "data_fingerprint": plan.data_fingerprint}
    return TrainingState(values=values, arrays=arrays)
