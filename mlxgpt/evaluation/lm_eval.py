"""Tasks written for EleutherAI's lm-evaluation-harness, when their data is a local file.

    task: capitals
    dataset_path: json
    dataset_kwargs: {data_files: capitals.jsonl}
    output_type: multiple_choice            # or loglikelihood, generate_until
    doc_to_text: "Capital of {{country}}:"
    doc_to_choice: "{{cities}}"             # a list, or a field
    doc_to_target: "{{answer}}"             # the index of the right choice, its text, or what should follow

Templates are a stranger's programs and run sandboxed; a `!function` would be Python and is refused, as is all that would
change the figures and is not understood.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlxgpt.errors import DataError, MissingExtra, nearest
from mlxgpt.evaluation.tasks import Item, Task, _object, lines
from mlxgpt.tokenizer.chat import _environment

KINDS = {"multiple_choice": "choice", "loglikelihood": "loglikelihood", "generate_until": "generate"}
KNOWN = (
    "task", "dataset_path", "dataset_name", "dataset_kwargs", "output_type", "doc_to_text", "doc_to_choice", "doc_to_target",
    "target_delimiter", "generation_kwargs", "metric_list", "num_fewshot", "test_split", "validation_split",
    "training_split", "metadata", "tag", "group", "task_alias", "should_decontaminate", "doc_to_decontamination_query",
    "description",
)  # fmt: skip


def read_yaml(path: Path) -> Task:
    """The task in a YAML file; `DataError` says what is not understood."""
    config = _load(path)
    for name in config:
        if name not in KNOWN:
            raise DataError(f"{path}: {name} is not understood.", hint=nearest(name, KNOWN))
    kind = KINDS.get(str(config.get("output_type")))
    if kind is None:
        raise DataError(f"{path}: output_type is {config.get('output_type')!r}.", hint=nearest("", KINDS))
    if config.get("num_fewshot"):
        raise DataError(f"{path}: examples in the prompt are not made here.", hint="Set num_fewshot: 0.")
    generation = config.get("generation_kwargs") or {}
    data = _data(path, config)
    items = []
    for number, line in lines(data):
        document = _object(line, data, number)
        try:
            items.append(_item(config, kind, document, f"{data.stem}-{number}"))
        except DataError:
            raise
        except Exception as error:  # whatever a stranger's template may raise
            raise DataError(f"{path}: with line {number} of {data.name}: {str(error).rstrip('.')}.") from None
    if not items:
        raise DataError(f"{data} has no lines.")
    return Task(
        name=str(config.get("task", path.stem)), kind=kind, items=tuple(items),
        max_tokens=int(generation.get("max_gen_toks", 64)), stop=tuple(map(str, generation.get("until") or ("\n",))),
    )  # fmt: skip


def _item(config: Mapping[str, Any], kind: str, document: Mapping[str, Any], name: str) -> Item:
    delimiter = str(config.get("target_delimiter", " "))
    context = str(config.get("description", "")) + str(_made(config.get("doc_to_text", ""), document))
    target = _made(config.get("doc_to_target", ""), document)
    if kind != "choice":
        return Item(id=name, context=context, options=(delimiter + str(target),), answer=0)
    choices = _made(config.get("doc_to_choice"), document)
    if not isinstance(choices, list) or len(choices) < 2:
        raise DataError(f"doc_to_choice gives {choices!r}, not a list of choices.")
    options = [str(choice) for choice in choices]
    text = str(target).strip()
    place = options.index(text) if text in options else int(text)
    if not 0 <= place < len(options):
        raise DataError(f"doc_to_target gives {place}, and there are {len(options)} choices.")
    return Item(id=name, context=context, options=tuple(delimiter + option for option in options), answer=place)


def _made(template: Any, document: Mapping[str, Any]) -> Any:  # Any: YAML and JSON
    """What a template makes of a document: the field of that name, a text, or a list."""
    if not isinstance(template, str):
        return [_made(each, document) for each in template] if isinstance(template, list) else template
    if template in document:
        return document[template]
    bare = template.strip()
    if bare.startswith("{{") and bare.endswith("}}") and bare.count("{{") == 1:  # a value, which may be a list
        value = _environment().compile_expression(bare[2:-2].strip(), undefined_to_none=False)(**document)
        if not _undefined(value):
            return value
    return _environment().from_string(template).render(**document)


def _undefined(value: object) -> bool:
    if type(value).__name__ == "Undefined":
        raise DataError(f"there is no field {getattr(value, '_undefined_name', '')!r}")
    return False


def _data(path: Path, config: Mapping[str, Any]) -> Path:
    """The file of documents: that of the split which is tested, or the only one."""
    if config.get("dataset_path") != "json":
        raise DataError(
            f"{path}: dataset_path is {config.get('dataset_path')!r}, which would have to be downloaded.",
            hint="Save the data as JSON lines; then dataset_path: json, dataset_kwargs: {data_files: FILE}.",
        )
    files = (config.get("dataset_kwargs") or {}).get("data_files")
    if isinstance(files, dict):
        files = files.get(config.get("test_split") or config.get("validation_split") or "test")
    if isinstance(files, list) and len(files) == 1:
        files = files[0]
    if not isinstance(files, str):
        raise DataError(f"{path}: data_files names no single file of the split.")
    data = path.parent / files
    if not data.is_file():
        raise DataError(f"{path}: there is no {data}.")
    return data


def _load(path: Path) -> dict[str, Any]:
    try:
        import yaml  # comes with mlx-lm
    except ImportError:
        raise MissingExtra("Tasks in YAML need PyYAML.", hint="pip install pyyaml") from None
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        hint = "A !function is a Python program; write the template out." if "!function" in str(error) else ""
        raise DataError(f"{path} is not plain YAML: {error}", hint=hint) from None
    if not isinstance(config, dict):
        raise DataError(f"{path} holds no task.")
    return config
