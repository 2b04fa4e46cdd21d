"""Tasks from files to figures, against likelihoods computed naively."""

import json
import math

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.errors import DataError, MlxgptError
from mlxgpt.evaluation import job
from mlxgpt.evaluation.likelihood import continuation_nats
from mlxgpt.evaluation.tasks import read_task
from mlxgpt.events import MetricCompared, MetricMeasured
from mlxgpt.generation.config import read
from mlxgpt.generation.generate import generate
from mlxgpt.model import functional
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import begin_id
from mlxgpt.tokenizer.simple import byte_tokenizer

CONTEXT = 64
TOKENIZER = byte_tokenizer()


def make(seed=0, **words):
    usual = {"context_length": CONTEXT, "n_layer": 2, "n_head": 2, "n_embd": 32, "norm": "rmsnorm", "bias": "none"}
    model = GPT(ModelConfig(vocab_size=265, position="rope", tie_embeddings=False, **(usual | words)))
    matrices = [(name, value.shape) for name, value in tree_flatten(model.parameters()) if value.ndim == 2]
    drawn = [
        (name, mx.random.normal(shape, key=mx.random.key(seed + i)) * 0.3) for i, (name, shape) in enumerate(matrices)
    ]
    model.update(tree_unflatten(drawn))
    return model


@pytest.fixture(scope="module")
def model():
    return make()


def nats(model, ids, scored):
    """-log p of the last `scored` ids, summed, in one pass over the row."""
    losses = functional.cross_entropy(model(mx.array([ids[:-1]])), mx.array([ids[1:]]))[0]
    return losses[-scored:].sum().item()


def figures(words, *models, **options):
    asked = [job.read(str(word), **options) for word in words]
    config = read({"max_tokens": 20, "temperature": 1.0, "seed": 1})
    contestants = [
        job.Contestant(name=f"model {i}", model=model, tokenizer=TOKENIZER) for i, model in enumerate(models)
    ]
    return list(job.evaluate(asked, contestants, config))


def value(events, metric, group=""):
    (found,) = [e for e in events if isinstance(e, MetricMeasured) and (e.metric, e.group) == (metric, group)]
    return found


def save(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("words", [{}, {"sliding_window": 8}, {"attn_softcap": 5.0}, {"n_kv_head": 1}], ids=str)
@pytest.mark.parametrize("length", [1, 2, 20, 200])
def test_continuations_of_one_context_are_those_of_whole_rows(words, length):
    model = make(**words)
    context = [(7 * i) % 250 + 5 for i in range(length)]
    options = [[40, 50, 60], [70], [80, 90, 100, 110, 120]]
    found, greedy = continuation_nats(model, context, options)
    kept = context[max(0, length + 5 - CONTEXT) :]  # what does not fit is cut at the beginning, for all alike
    expected = [nats(model, kept + option, len(option)) for option in options]
    assert found == pytest.approx(expected, rel=1e-4)
    assert not greedy.any()
    best = [
        event.id
        for event in generate(model, TOKENIZER, kept, read({"temperature": 0.0, "max_tokens": 4}))
        if hasattr(event, "id")
    ]
    assert continuation_nats(model, kept, [best, [1]])[1].tolist() == [True, False]


def test_multiple_choice_picks_the_likeliest_option(model, tmp_path):
    rows = [
        {"id": str(i), "question": f"Pergunta {i}?", "options": ["um", "dois e meio", "três"], "answer": "ABC"[i % 3]}
        for i in range(9)
    ]
    events = figures([save(tmp_path / "q.jsonl", rows)], model)
    begin = [begin_id(TOKENIZER)]
    right = per_byte = 0
    for i, row in enumerate(rows):
        context = begin + TOKENIZER.encode(f"Pergunta: Pergunta {i}?\nResposta:")
        options = [TOKENIZER.encode(f" {option}") for option in row["options"]]
        scores = [nats(model, context + option, len(option)) for option in options]
        right += int(np.argmin(scores)) == i % 3
        per_byte += (
            int(np.argmin([score / len(option) for score, option in zip(scores, options, strict=True)])) == i % 3
        )
    assert value(events, "accuracy").value == pytest.approx(right / 9)
    assert value(events, "accuracy per byte").value == pytest.approx(per_byte / 9)
    assert value(events, "accuracy").method == "Wilson"


@pytest.mark.parametrize("names", [("certa", "errada", "fenomeno"), ("sentence_good", "sentence_bad", "UID")])
def test_minimal_pairs_prefer_the_more_probable_sentence(model, tmp_path, names):
    pairs = [(f"o gato {i} dorme", f"o gato {i} dormem agora") for i in range(40)]
    rows = [{names[0]: good, names[1]: bad, names[2]: "ab"[i % 2]} for i, (good, bad) in enumerate(pairs)]
    events = figures([save(tmp_path / "p.jsonl", rows)], model)
    begin = [begin_id(TOKENIZER)]

    def score(text):
        ids = TOKENIZER.encode(text)
        return nats(model, begin + ids, len(ids))

    right = [score(good) < score(bad) for good, bad in pairs]
    assert value(events, "accuracy").value == pytest.approx(np.mean(right))
    assert value(events, "accuracy", "a").value == pytest.approx(np.mean(right[::2]))
    assert value(events, "accuracy", "b").items == 20


def test_texts_are_read_to_the_last_byte(model, tmp_path):
    texts = ["uma casa no rio " * 10, "o mar"]
    path = tmp_path / "t.txt"
    path.write_text("\n\n\n".join(texts), encoding="utf-8")
    events = figures([path], model)
    begin = [begin_id(TOKENIZER)]
    total = size = 0
    for text in (text.strip() for text in texts):
        ids = begin + TOKENIZER.encode(text)
        size += len(text.encode())
        at = 1
        while at < len(ids):
            end = min(len(ids), CONTEXT if at == 1 else at + CONTEXT // 2)
            total += nats(model, ids[max(0, end - CONTEXT) : end], end - at)
            at = end
    measured = value(events, "bits per byte")
    assert measured.items == 2
    assert measured.value == pytest.approx(total / math.log(2) / size, rel=1e-3)
    assert value(events, "perplexity").value == pytest.approx(math.exp(total / size), rel=1e-2)  # a token is a byte
    assert measured.low <= measured.value <= measured.high


def test_analogies_have_the_right_answer_among_others_of_their_section(tmp_path, model):
    path = tmp_path / "a.txt"
    words = [("Paris", "França"), ("Roma", "Itália"), ("Lima", "Peru"), ("Quito", "Equador"), ("Oslo", "Noruega")]
    quads = [f"{a} {b} {c} {d}" for a, b in words for c, d in words if a != c]
    path.write_text(": capitais\n" + "\n".join(quads) + "\n: poucas\na b c d\n", encoding="utf-8")
    task = read_task(path)
    assert len(task.items) == 20  # the second section has too few words to choose from
    item = task.items[0]
    assert item.context == "Paris : França :: Roma :"
    assert item.options[0] == " Itália"
    assert len(set(item.options)) == 4
    assert " França" not in item.options
    assert value(figures([path], model), "accuracy").items == 20


YAML = """
task: capitals
dataset_path: json
dataset_kwargs: {data_files: data.jsonl}
output_type: multiple_choice
doc_to_text: "A capital do {{country}} é"
doc_to_choice: "{{cities}}"
doc_to_target: %s
"""


@pytest.mark.parametrize("target", ["answer", '"{{answer}}"', '"{{cities[answer]}}"'])
def test_an_lm_eval_task_is_understood(tmp_path, target):
    save(tmp_path / "data.jsonl", [{"country": "Peru", "cities": ["Lima", "Quito"], "answer": 1}])
    (tmp_path / "t.yaml").write_text(YAML % target, encoding="utf-8")
    task = read_task(tmp_path / "t.yaml")
    (item,) = task.items
    assert (task.name, item.context, item.options, item.answer) == (
        "capitals",
        "A capital do Peru é",
        (" Lima", " Quito"),
        1,
    )


def test_an_lm_eval_task_that_writes_is_compared_with_its_target(tmp_path, model):
    begin = [begin_id(TOKENIZER)]
    greedy = list(
        generate(model, TOKENIZER, begin + TOKENIZER.encode("ab"), read({"temperature": 0.0, "max_tokens": 5}))
    )[-1]
    save(tmp_path / "data.jsonl", [{"a": "ab", "b": greedy.text}, {"a": "ab", "b": "outra"}])
    (tmp_path / "t.yaml").write_text(
        "dataset_path: json\ndataset_kwargs: {data_files: data.jsonl}\noutput_type: generate_until\n"
        "doc_to_text: a\ndoc_to_target: b\ngeneration_kwargs: {max_gen_toks: 5, until: ['@@@']}\n", encoding="utf-8",
    )  # fmt: skip
    assert value(figures([tmp_path / "t.yaml"], model), "exact match").value == 0.5


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("json", "hf/name"), "downloaded"), (("multiple_choice", "other"), "output_type"),
        (("data.jsonl", "nothing.jsonl"), "nothing.jsonl"), (("doc_to_text:", "doc_to_txt:"), "doc_to_text"),
        (("{{country}}", "{{country.__class__.__mro__}}"), "unsafe"), (("{{country}}", "{{nothing.x}}"), "nothing"),
        (('"{{cities}}"', "!function f.g"), "function"), (("task: capitals", "num_fewshot: 3"), "num_fewshot"),
        (("task: capitals", "- ["), "YAML"),
    ],
)  # fmt: skip
def test_an_lm_eval_task_that_is_not_understood_is_refused(tmp_path, change, word):
    save(tmp_path / "data.jsonl", [{"country": "Peru", "cities": ["Lima", "Quito"], "answer": 1}])
    (tmp_path / "t.yaml").write_text((YAML % "answer").replace(*change), encoding="utf-8")
    with pytest.raises(MlxgptError) as raised:
        read_task(tmp_path / "t.yaml")
    assert word in raised.value.message + raised.value.hint


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('{"question": "a", "options": ["b", "c"]}', "answer"),
        ('{"question": "a", "options": ["b", "c"], "answer": "D"}', "D"),
        ('{"question": "a", "options": ["b"], "answer": 0}', "1 options"), ("{", "JSON"), ("[]", "object"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named(tmp_path, line, word):
    good = '{"question": "a", "options": ["b", "c"], "answer": 1}\n'
    (tmp_path / "q.jsonl").write_text(good + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2") as raised:
        read_task(tmp_path / "q.jsonl")
    assert word in raised.value.message


def test_two_models_are_compared_over_the_same_items(model, tmp_path):
    rows = [{"question": str(i), "options": ["um", "dois"], "answer": i % 2} for i in range(12)]
    path = save(tmp_path / "q.jsonl", rows)
    same = [event for event in figures([path], model, model) if isinstance(event, MetricCompared)]
    assert [event.metric for event in same] == ["accuracy", "accuracy per byte", "bits per byte of the answer"]
    assert all((event.difference, event.p) == (0.0, 1.0) for event in same)
    events = figures([path], model, make(50))
    (bits,) = [e for e in events if isinstance(e, MetricCompared) and e.metric.startswith("bits")]
    a, b = [e for e in events if isinstance(e, MetricMeasured) and e.metric == bits.metric]
    assert bits.difference == pytest.approx(a.value - b.value)
    assert bits.low <= bits.difference <= bits.high


def test_variety_is_counted_in_what_is_written(model):
    events = figures(["diversity"], model, samples=4)
    assert value(events, "tokens a text").value == 20
    assert 0 < value(events, "distinct-1").value < value(events, "distinct-2").value <= 1
    assert value(events, "repetition-4").value < 0.2


def test_the_command_prints_a_table_or_json(mlxgpt, tmp_path):
    path = save(tmp_path / "p.jsonl", [{"certa": "O gato dorme.", "errada": "O gato dormem."}] * 3)
    answer = mlxgpt("eval", path, "--compare", "nano-pt")
    assert answer.code == 0
    assert "McNemar" in answer.out
    shown = [
        json.loads(line) for line in mlxgpt("eval", path, "--json", "--output", tmp_path / "e.jsonl").out.splitlines()
    ]
    assert [line["event"] for line in shown] == ["MetricMeasured"]
    assert json.loads((tmp_path / "e.jsonl").read_text(encoding="utf-8")) == shown[0]
    assert mlxgpt("eval", tmp_path / "nothing").code == 1
