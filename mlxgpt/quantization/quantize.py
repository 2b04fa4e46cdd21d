"""`mlxgpt quantize`: a model in fewer bits, in a directory that mlx-lm reads too, with what it costs measured on a text."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from mlxgpt import checkpoint, whole
from mlxgpt.backend import places
from mlxgpt.config import to_toml
from mlxgpt.convert import huggingface, packed
from mlxgpt.convert.files import read_json, weight_files
from mlxgpt.data.documents import Document, read_documents
from mlxgpt.data.packing import pack as pack_documents
from mlxgpt.data.split import split
from mlxgpt.errors import CheckpointError, ConfigError
from mlxgpt.model.packing import pack
from mlxgpt.model.shapes import count, parameter_shapes
from mlxgpt.quantization import measure
from mlxgpt.quantization.config import QuantizeConfig
from mlxgpt.quantization.recipes import Plan, plan
from mlxgpt.quantization.report import QuantizationReport
from mlxgpt.tokenizer.base import Tokenizer

REPORT = "quantization.json"


def quantize(
    source: Path,
    out: Path,
    config: QuantizeConfig,
    *,
    text: Path | None = None,
    device: str = "cpu",
    told: Callable[[float], object] = lambda share: None,
) -> QuantizationReport:
    """Write the model in `source` at `out`, quantised; measure it on `text`, else on what is held out of the bundled corpus.

    Raises `CheckpointError` when something is at `out` already or the model is quantised, `ConfigError` when nothing of it
    can be packed as asked.
    """
    if out.exists():
        raise CheckpointError(f"{out} exists already.", hint="Choose another --out; nothing is written over.")
    if packed.is_packed(read_json(source / "config.json")):
        raise CheckpointError(
            f"{source} is quantised already, and each time something is lost.", hint="Quantise the original."
        )
    shape = huggingface.read_config(source)
    chosen = plan(shape, config)
    documents, name = _documents(text)
    before, tokenizer = checkpoint.load_to_run(source, device)
    stream = pack_documents(documents, tokenizer)
    reports: list[QuantizationReport] = []

    def write(path: Path) -> None:
        _save(source, path, chosen, config, tokenizer)
        after, _ = checkpoint.load_to_run(path, device)
        found = measure.text_error(before, after, stream, config.tokens, told)
        matrices = measure.matrix_errors(before, after, stream)
        slow, fast = measure.speeds((before, after))
        sizes = [sum(file.stat().st_size for file in weight_files(folder)) for folder in (source, path)]
        parameters = count(parameter_shapes(shape))
        report = QuantizationReport(
            path=str(out), settings=asdict(config), parameters=parameters, bits=8 * sizes[1] / parameters,
            packed=len(chosen.packings), dense=chosen.dense, bytes_before=sizes[0], bytes_after=sizes[1],
            text=name, tokens=found.tokens,
            perplexity_before=found.perplexity(found.loss_before), perplexity_after=found.perplexity(found.loss_after),
            bits_per_byte_before=found.bits_per_byte(found.loss_before),
            bits_per_byte_after=found.bits_per_byte(found.loss_after),
            divergence=found.divergence, agreement=found.agreement,
            tokens_per_second_before=slow, tokens_per_second_after=fast, matrices=tuple(matrices),
        )  # fmt: skip
        (path / REPORT).write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
        reports.append(report)

    whole.write_directory(out, write)
    return reports[0]


def _save(source: Path, path: Path, chosen: Plan, config: QuantizeConfig, tokenizer: Tokenizer) -> None:
    model = huggingface.load(source)
    pack(model, chosen.packings)
    huggingface.save(model, path, tokenizer)
    tokenizer.save(path)
    record = {**checkpoint.read_record(source), "quantization": asdict(config) | {"source": str(source.resolve().name)}}
    (path / "mlxgpt.toml").write_text(to_toml(record), encoding="utf-8")


def _documents(text: Path | None) -> tuple[list[Document], str]:
    """The documents to measure on, and what they are called."""
    if text is None:
        corpus = places.corpus()
        return split(list(read_documents(corpus))).validation, f"held-out part of {corpus.name}"
    documents = list(read_documents(text))
    if not documents:
        raise ConfigError(f"{text} holds no text.", hint="Give a text file, or a folder of them.")
    return documents, text.name
