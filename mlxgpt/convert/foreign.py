"""Models that our words cannot say, run by mlx_lm: whatever it names that is not ours, it names here and nowhere else.

A `ForeignModel` stands in for a GPT where text is written or scored: it maps tokens to logits and has memories.  Its inside
is not visible.  Known traps of mlx_lm 0.32 are stepped around (docs/models.md): importing it lowers the limit of open
files for good, it prints on stdout, it ignores `rope_parameters` and sliding windows in many architectures without a word,
and it checks neither context nor sizes.  Code that a model brings is never run.
"""

import contextlib
import dataclasses
import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlx.core as mx

from mlxgpt import hub
from mlxgpt.convert.architectures import READERS, read_fields
from mlxgpt.convert.files import Json, pickle_files, read_json, stored_tensors
from mlxgpt.errors import ConversionError, MlxgptError
from mlxgpt.model.tap import NO_TAP, Tap
from mlxgpt.text import visible

_CONTEXTS = (
    *("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "seq_length", "n_ctx"),
    *("context_length", "max_context_length", "model_max_length"),
)
_NO_LIMIT = 1 << 20  # tokens, for a model that says nothing of a context
_LAYERS = ("num_hidden_layers", "num_layers", "n_layers", "n_layer")
_LARGEST = 1 << 31  # of the numbers in a config


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignConfig:
    """What is known of a foreign model; the names are ModelConfig's."""

    name: str
    block: str
    vocab_size: int
    context_length: int
    position: str = "foreign"
    recurrent: bool = False  # its states are not ours to keep in a file

    def __getattr__(self, name: str) -> Any:  # Any: never returns
        if name.startswith("__"):
            raise AttributeError(name)
        raise invisible(self.block)


class ForeignModel:
    """A model of mlx_lm with the contract of a GPT: `model(tokens, cache)`, `make_cache`, `config`."""

    positions = SimpleNamespace(unbounded=False)  # a full context is read again, which is right for any positions

    def __init__(self, model: Any, config: ForeignConfig, make_cache: Any) -> None:  # Any: mlx_lm has no types
        self._model, self.config, self._make_cache = model, config, make_cache

    def __call__(
        self, tokens: mx.array, cache: Sequence[Any] | None = None, tap: Tap = NO_TAP, key: mx.array | None = None
    ) -> mx.array:
        """Logits (B, T, V) for tokens (B, T)."""
        if tap is not NO_TAP:
            raise invisible(self.config.block)
        logits: mx.array = self._model(tokens, cache=cache)
        return logits

    def make_cache(self) -> list[Any]:
        """One empty memory a layer, of mlx_lm's kinds."""
        made: list[Any] = self._make_cache(self._model)
        return made

    def parameters(self) -> Any:  # Any: a tree of arrays
        """All weights."""
        return self._model.parameters()

    def __getattr__(self, name: str) -> Any:  # Any: never returns
        if name.startswith("__"):
            raise AttributeError(name)
        raise invisible(self.config.block)


def invisible(model_type: str) -> ConversionError:
    """What to say to who wants to see or change the inside of a foreign model."""
    return ConversionError(
        f"The inside of a {model_type!r} model is not visible here: mlx_lm runs it, which shows no activations.",
        hint=f"chat, generate, serve and eval work.  Inspection, lessons and training know {', '.join(READERS)}.",
    )


def lacking(model_type: str, what: str, hint: str) -> ConversionError:
    """What to say to who asks a foreign model for something that only our own models have."""
    return ConversionError(f"A {model_type!r} model has no {what} here: mlx_lm runs it.", hint=hint)


def advised(values: Json, reason: ConversionError) -> ConversionError:
    """Our reader's refusal, with what can be done with the model all the same."""
    if _known(values):
        hint = f"mlx_lm computes it: chat, generate, serve and eval work.  {reason.hint}"
    else:
        hint = f"mlx_lm does not compute it either.  {reason.hint}"
    return ConversionError(reason.message, hint=hint)


def load(directory: Path, reason: ConversionError, *, wide: bool) -> ForeignModel:
    """The model in a directory that our own reader refused for `reason`; with `wide`, its weights in float32.

    Raises `reason` where mlx_lm does not know the model either, or would compute something else without saying so.
    """
    values = read_json(directory / "config.json")
    brings_code = values.get("model_file") is not None or values.get("auto_map") is not None
    if values.get("model_file") is not None or (brings_code and not _known(values)):
        raise ConversionError(
            f"{directory} brings code of its own, which is never run.",
            hint="Take a model of an architecture that mlx_lm or mlxgpt knows.",
        )
    if not _known(values):
        raise _nobody(reason)
    _require_sane(directory, values)
    utils, make_cache = _mlx_lm("utils"), _mlx_lm("models.cache").make_prompt_cache
    with contextlib.redirect_stdout(sys.stderr), _translated(directory):
        fields = {field.name for field in dataclasses.fields(utils._get_classes(values)[1])}
        lifted = _lifted(values, fields, reason)
        model, _ = utils.load_model(directory, lazy=True, model_config=lifted, trust_remote_code=False)
        if wide:
            model.set_dtype(mx.float32)
        mx.eval(model.parameters())
        logits = model(mx.zeros((1, 1), mx.int32), cache=make_cache(model))
    known = ForeignConfig(
        name=hub.model_name(directory),
        block=str(values["model_type"]),
        vocab_size=logits.shape[-1],
        context_length=_context(values, fields),
    )
    return ForeignModel(model, known, make_cache)


def _mlx_lm(module: str) -> Any:  # Any: it has no types
    """A module of mlx_lm; importing it takes seconds, and would limit this process to 4096 open files."""
    import resource

    usual = resource.setrlimit
    resource.setrlimit = lambda *_: None
    try:
        return importlib.import_module(f"mlx_lm.{module}")
    finally:
        resource.setrlimit = usual


def _nobody(reason: ConversionError) -> ConversionError:
    return ConversionError(
        f"{reason.message}  mlx_lm does not compute it either.",
        hint=f"Models that can be seen from inside: {', '.join(READERS)}.  Many others are run by mlx_lm.",
    )


def _known(values: Json) -> bool:
    """Whether mlx_lm has an architecture for these keys, and computes what they say.

    An architecture that we read but refused for a key goes to mlx_lm only for what it is known to do: stretched RoPE, layers
    without RoPE, heads that Phi 3 rotates in part, quantised weights.  It ignores keys that it does not know.
    """
    model_type = values.get("model_type")
    if not isinstance(model_type, str) or not re.fullmatch(r"[A-Za-z][\w-]*", model_type, re.ASCII):
        return False
    utils = _mlx_lm("utils")
    module = utils.MODEL_REMAPPING.get(model_type, model_type)
    try:
        architecture = _mlx_lm(f"models.{module}")
    except ImportError:
        return False
    if not hasattr(architecture, "Model") or not hasattr(architecture, "ModelArgs"):
        return False
    if model_type not in READERS:
        return True
    plain = {key: value for key, value in values.items() if key not in ("quantization", "quantization_config")}
    if hasattr(architecture, "initialize_rope"):
        plain = {key: value for key, value in plain.items() if key != "rope_scaling"}
        plain["rope_parameters"] = {}
    if model_type == "phi3":
        plain |= {"partial_rotary_factor": None, "rope_parameters": _without_share(values)}
    if model_type == "smollm3":
        plain |= {"no_rope_layers": None, "no_rope_layer_interval": 0}
    try:
        read_fields(plain, Path("config.json"))
    except MlxgptError:
        return False
    return True


def _without_share(values: Json) -> Json:
    """RoPE's table without the share of a head that is rotated."""
    return {
        key: value for key, value in _table(values.get("rope_parameters")).items() if key != "partial_rotary_factor"
    }


def _require_sane(directory: Path, values: Json) -> None:
    """Refuse sizes that would fill the memory before a weight is read, and weights whose headers lie."""
    if pickle_files(directory):
        raise ConversionError(
            f"{directory} has its weights in pickles of PyTorch, which mlx_lm does not read.",
            hint="Save it with `save_pretrained` of a recent transformers, which writes safetensors.",
        )
    stored = stored_tensors(directory)
    for table in (values, _table(values.get("text_config"))):
        for key, value in table.items():
            most = len(stored) if key in _LAYERS else _LARGEST
            if isinstance(value, int) and abs(value) > most:
                raise ConversionError(
                    f"{directory}: {key} = {value} is more than its {len(stored)} tensors can be.",
                    hint="config.json and the weights do not belong together, or are damaged.",
                )


def _lifted(values: Json, fields: set[str], reason: ConversionError) -> Json:
    """What transformers 5 writes in `rope_parameters`, or under another name, where mlx_lm looks for it.

    Raises `reason` for a stretched RoPE where the architecture has no key for it: mlx_lm would ignore it.
    """
    table: Json = _table(values.get("rope_parameters"))
    full, local = _table(table.get("full_attention")) or table, _table(table.get("sliding_attention"))
    lifted: Json = {}
    for theirs, names in (
        ("rope_theta", ("rope_theta", "rotary_emb_base")),
        ("partial_rotary_factor", ("partial_rotary_factor", "rotary_pct")),
    ):
        lifted |= {
            name: full[theirs] for name in names if name in fields and theirs in full and values.get(name) is None
        }
    if "rope_local_base_freq" in fields and "rope_theta" in local and values.get("rope_local_base_freq") is None:
        lifted["rope_local_base_freq"] = local["rope_theta"]
    if "num_experts" in fields and values.get("num_experts") is None and values.get("num_local_experts") is not None:
        lifted["num_experts"] = values["num_local_experts"]
    scaling = _table(values.get("rope_scaling")) or full
    if scaling.get("rope_type", scaling.get("type", "default")) not in ("default", None):
        if not fields & {"rope_scaling", "rope_parameters"}:
            raise _nobody(reason)
        if "rope_scaling" in fields and not values.get("rope_scaling"):
            lifted["rope_scaling"] = {key: value for key, value in full.items() if key != "rope_theta"}
    return lifted


def _context(values: Json, fields: set[str]) -> int:
    """The tokens that a model sees; where mlx_lm does not know of a sliding window, no more than fit into it."""
    table = _table(values.get("text_config")) | values
    numbers = [table[name] for name in _CONTEXTS if type(table.get(name)) is int and table[name] > 1]
    context = numbers[0] if numbers else _NO_LIMIT
    window = table.get("sliding_window")
    if isinstance(window, int) and window > 1 and table.get("use_sliding_window", True):
        knows = fields & {"sliding_window", "text_config"}  # what is around a text model hands its whole table on
        return context if knows else min(context, window)
    return context


def _table(value: Any) -> Json:  # Any: not checked yet
    return value if isinstance(value, dict) else {}


@contextlib.contextmanager
def _translated(directory: Path) -> Iterator[None]:
    """What mlx_lm raises for a model it cannot load, which may be anything."""
    try:
        yield
    except (MlxgptError, MemoryError):
        raise
    except Exception as error:
        told = visible(str(error).strip().partition("\n")[0][:200])
        raise ConversionError(
            f"{directory}: mlx_lm cannot load it ({type(error).__name__}: {told}).",
            hint="Perhaps a newer mlx-lm can, or the files are not whole.",
        ) from error
