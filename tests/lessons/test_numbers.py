"""The figures of the lessons, recomputed another way."""

import math
from collections import Counter

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers
import numpy as np
import pytest
from mlx.utils import tree_flatten

from mlxgpt.chunking import registry
from mlxgpt.events import ExerciseAsked, IdeaTold, TableShown
from mlxgpt.generation.config import GenerateConfig, SamplingConfig
from mlxgpt.generation.generate import generate
from mlxgpt.lessons import gradient_computation as gradients
from mlxgpt.lessons import inference_engine, kernels, training_system
from mlxgpt.lessons import optimization_techniques as optimization
from mlxgpt.lessons import tokenization_process as tokenization
from mlxgpt.lessons.embeddings_explained import nearest_words, principal_plane
from mlxgpt.lessons.plane import Plane
from mlxgpt.lessons.subject import SENTENCE
from mlxgpt.model.report import activations_per_token
from mlxgpt.tokenizer import bpe
from mlxgpt.tokenizer.fast import SMALLEST_BPE, train_bpe
from mlxgpt.tokenizer.simple import byte_tokenizer
from mlxgpt.training.losses import next_token_loss


def step(events, key):
    """The event with this key."""
    return next(event for event in events if getattr(event, "key", "") == key)


def numbers(events, key):
    return step(events, key).numbers


def softmax(x):
    grown = np.exp(x - x.max(axis=-1, keepdims=True))
    return grown / grown.sum(axis=-1, keepdims=True)


def probabilities(subject, ids):
    """(T, V) in float64, from logits alone."""
    return softmax(np.array(subject.model(mx.array([ids]))[0], np.float64))


# ---- tokens ----------------------------------------------------------------------------------------------------------


def test_the_guesses_are_the_models_own(given, subject):
    shares = probabilities(subject, subject.ids(tokenization.OPENING))[-1]
    bars = step(given("tokenization_process"), "guess_bars")
    assert bars.values == pytest.approx(sorted(shares, reverse=True)[:5], rel=1e-4)
    assert numbers(given("tokenization_process"), "guess_after")["together"] == pytest.approx(sum(bars.values))


def test_the_merges_are_those_of_the_fast_tokenizer(given, subject):
    text = subject.corpus[: tokenization.CHARACTERS]
    fast = train_bpe([text], SMALLEST_BPE + tokenization.MERGES)
    table = step(given("tokenization_process"), "merges")
    ours = [row[3].replace("·", " ") for row in table.rows]
    assert ours == [fast.token_text(SMALLEST_BPE + rank) for rank in range(tokenization.MERGES)]
    assert table.rows[-1][5] == len(fast.encode(text))


def test_the_pair_counts_are_right(given, subject):
    text = subject.corpus[: tokenization.CHARACTERS]
    words = [bytes(word) for word in bpe.split(text)]
    counts = Counter(word[i : i + 2] for word in words for i in range(len(word) - 1))
    bars = step(given("tokenization_process"), "pair_bars")
    assert list(bars.values) == [count for _, count in counts.most_common(6)]


def test_words_left_unknown_are_counted_one_by_one(given, subject):
    known, unseen = subject.corpus[: -tokenization.HELD_OUT], subject.corpus[-tokenization.HELD_OUT :]
    table = step(given("tokenization_process"), "compare_table")
    seen = bpe.split(known)
    assert table.rows[0][4] == sum(seen.count(word) == 0 for word in bpe.split(unseen))
    assert table.rows[2][2] == len(unseen.encode())
    assert table.rows[3][2] == len(subject.tokenizer.encode(unseen))


# ---- vectors ---------------------------------------------------------------------------------------------------------


def test_neighbours_are_the_rows_with_the_largest_cosine():
    table = np.random.default_rng(0).normal(size=(50, 8))
    found = nearest_words(table, 7, count=5)
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    cosines = unit @ unit[7]
    expected = [i for i in np.argsort(-cosines) if i != 7][:5]
    assert [i for i, _ in found] == expected
    assert [c for _, c in found] == pytest.approx(cosines[expected])


def test_the_plane_explains_what_the_covariance_says():
    vectors = np.random.default_rng(1).normal(size=(20, 6)) * [5, 3, 1, 1, 1, 1]
    places, shares = principal_plane(vectors)
    values = np.linalg.eigvalsh(np.cov(vectors.T))[::-1]
    assert shares == pytest.approx(values[:2] / values.sum())
    assert places.var(axis=0, ddof=1) == pytest.approx(values[:2])


def test_the_dot_products_are_the_logits(given, subject):
    for row in step(given("embeddings_explained"), "head_table").rows:
        assert row[1] == pytest.approx(row[2], abs=1e-4)
    logits = np.array(subject.model(mx.array([subject.ids()]))[0, -1])
    assert step(given("embeddings_explained"), "head_table").rows[0][2] == pytest.approx(logits.max(), abs=1e-5)


def test_a_row_of_attention_by_hand_is_the_models(given):
    events = given("attention")
    assert numbers(events, "row_after")["difference"] < 1e-5
    assert numbers(events, "values")["difference"] < 1e-5
    table = step(events, "row_table")
    assert sum(row[4] for row in table.rows) == pytest.approx(1.0, abs=1e-5)
    scale = numbers(events, "row")["scale"]
    assert [row[2] for row in table.rows] == pytest.approx([row[1] * scale for row in table.rows], rel=1e-3, abs=1e-4)


def test_the_rotation_makes_scores_a_matter_of_distance(given):
    assert numbers(given("attention"), "order_after")["most"] < 1e-4


def test_a_head_without_output_changes_the_loss_as_measured(given, subject):
    """The projection's columns of a head set to zero, instead of its output."""
    events = given("attention")
    shown = numbers(events, "without_after")
    layer, head = shown["layer"], shown["head"]
    ids = subject.ids(subject.corpus[: 6 * 48])[:49]
    projection = subject.model.blocks[layer].attn.o_proj
    weight, width = mx.array(projection.weight), subject.model.config.head_width
    before = next_token_loss(subject.model, mx.array([ids[:-1]]), mx.array([ids[1:]])).item()
    try:
        projection.weight[:, head * width : (head + 1) * width] = 0.0
        after = next_token_loss(subject.model, mx.array([ids[:-1]]), mx.array([ids[1:]])).item()
    finally:
        projection.weight = weight
    assert after - before == pytest.approx(shown["worse"], abs=2e-5)


def test_the_stream_is_the_sum_of_what_flows_in(given):
    events = given("transformer_architecture")
    assert numbers(events, "sums")["worst"] < 1e-5
    assert numbers(events, "norm")["difference"] < 1e-5
    shown = numbers(events, "parameters")
    assert shown["counted"] == shown["reckoned"]


def test_layernorm_by_hand_is_layernorm(given):
    assert numbers(given("transformer_architecture", "gpt2"), "norm")["difference"] < 1e-5


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_writing_by_hand_is_what_the_generator_writes(subject):
    ids = subject.ids(inference_engine.PROMPT)
    ours = [token for token, _, _ in inference_engine.write_greedily(subject.model, ids, 8)]
    config = GenerateConfig(max_tokens=8, sampling=SamplingConfig(temperature=0.0))
    events = generate(subject.model, subject.tokenizer, ids, config, stop_ids=frozenset())
    assert ours == [event.id for event in events if hasattr(event, "id")]


def test_top_p_keeps_the_fewest_that_reach_the_share(given, subject):
    shares = np.sort(probabilities(subject, subject.ids(inference_engine.PROMPT))[-1])[::-1]
    for p, kept in step(given("inference_engine"), "filters_table").rows:
        assert kept == int((np.cumsum(shares) < p).sum()) + 1


def test_temperature_divides_the_marks(given, subject):
    logits = np.array(subject.model(mx.array([subject.ids(inference_engine.PROMPT)]))[0, -1], np.float64)
    for row in step(given("inference_engine"), "temperature_table").rows:
        assert row[2:] == pytest.approx(
            [softmax(logits / t)[np.isclose(logits, row[1], atol=1e-6)][0] for t in inference_engine.TEMPERATURES],
            rel=1e-4,
        )


def test_both_racers_write_the_same(given):
    shown = numbers(given("inference_engine"), "race_after")
    assert shown["same"] == shown["count"]
    assert numbers(given("inference_engine"), "cache_same")["difference"] < 1e-4


# ---- learning --------------------------------------------------------------------------------------------------------


def test_the_neuron_is_reckoned_right(given):
    events = given("gradient_computation")
    n = numbers(events, "neuron")
    x, w = np.array([n["x1"], n["x2"], n["x3"]]), np.array([n["w1"], n["w2"], n["w3"]])
    y = math.tanh(float(x @ w))
    assert numbers(events, "forward")["loss"] == pytest.approx((y - 1) ** 2, rel=1e-6)
    slopes = 2 * (y - 1) * (1 - y * y) * x
    for i, (_, hand, auto, trying) in enumerate(step(events, "three_ways").rows):
        assert hand == pytest.approx(slopes[i], rel=1e-5)
        assert auto == pytest.approx(slopes[i], rel=1e-4)
        assert trying == pytest.approx(slopes[i], rel=1e-2, abs=1e-3)


def test_the_gradient_of_the_model_is_that_of_another_differentiation(given, subject):
    ids = subject.ids()
    loss_of = nn.value_and_grad(
        subject.model, lambda model: next_token_loss(model, mx.array([ids[:-1]]), mx.array([ids[1:]]))
    )
    loss, tree = loss_of(subject.model)
    events = given("gradient_computation")
    assert numbers(events, "model")["loss"] == pytest.approx(loss.item(), rel=1e-5)
    squares = sum(float((g * g).sum().item()) for _, g in tree_flatten(tree))
    assert numbers(events, "step")["norm"] == pytest.approx(math.sqrt(squares), rel=1e-4)
    one = numbers(events, "one_weight")
    assert one["tried"] == pytest.approx(one["slope"], rel=0.05, abs=1e-3)


def test_the_model_is_given_back_as_it_was(subject):
    from mlxgpt.lessons.board import Board
    from mlxgpt.lessons.config import LessonConfig

    before = {name: np.array(p) for name, p in tree_flatten(subject.model.parameters())}
    list(gradients.lesson(Board("gradient_computation", "pt"), subject, LessonConfig()))
    list(optimization.lesson(Board("optimization_techniques", "pt"), subject, LessonConfig()))
    after = {name: np.array(p) for name, p in tree_flatten(subject.model.parameters())}
    assert all((before[name] == after[name]).all() for name in before)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("SGD", mlx.optimizers.SGD(0.1)),
        ("momentum", mlx.optimizers.SGD(0.1, momentum=0.9)),
        ("RMSProp", mlx.optimizers.RMSprop(0.1, alpha=0.95)),
        ("Adam", mlx.optimizers.Adam(0.1, betas=[0.9, 0.95], bias_correction=True)),
        ("AdamW", mlx.optimizers.AdamW(0.1, betas=[0.9, 0.95], weight_decay=0.1, bias_correction=True)),
    ],
)
def test_walkers_walk_as_those_of_mlx(name, rule):
    ours, state, theirs = mx.array([1.0, -2.0]), {}, {"p": mx.array([1.0, -2.0])}
    for t in range(1, 6):
        ours = optimization.WALKERS[name](ours, mx.array([3.0, -0.5]) * ours, state, 0.1, t)
        theirs = rule.apply_gradients({"p": mx.array([3.0, -0.5]) * theirs["p"]}, theirs)
        assert np.array(ours) == pytest.approx(np.array(theirs["p"]), rel=1e-4)


def test_a_step_of_muon_has_one_length_whatever_the_slope():
    lengths = []
    for g in ([3.0, 4.0], [0.003, 0.004]):
        moved = optimization.muon(mx.array([0.0, 0.0]), mx.array(g), {}, 1.0, 1)
        lengths.append(float(mx.sqrt((moved * moved).sum()).item()))
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-3)
    assert 0.6 < lengths[0] < 1.3


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.7, -0.4)])
def test_the_landscape_is_the_loss_of_the_whole_model(subject, place):
    plane = Plane(subject)
    down = subject.model.blocks[-1].ffn.down_proj
    weight = down.weight
    documents = subject.corpus.split("\n\n")
    texts = [subject.ids(text)[: plane.targets.shape[1] + 1] for text in (documents[0], documents[len(documents) // 2])]
    ids = mx.array(texts)
    try:
        down.weight = weight + place[0] * plane.first + place[1] * plane.second
        whole = next_token_loss(subject.model, ids[:, :-1], ids[:, 1:]).item()
    finally:
        down.weight = weight
    assert plane.loss(mx.array(place)).item() == pytest.approx(whole, rel=1e-4)


def test_slopes_of_the_landscape_are_what_small_steps_say(subject):
    plane = Plane(subject)
    places = mx.array([[0.3, 0.8], [-0.5, 1.0]])
    losses, slopes = plane.slopes(places)
    for i in range(2):
        assert losses[i].item() == pytest.approx(plane.loss(places[i]).item(), rel=1e-5)
        for axis in range(2):
            h = mx.zeros(2).at[axis].add(0.01)
            tried = (plane.loss(places[i] + h) - plane.loss(places[i] - h)).item() / 0.02
            assert slopes[i, axis].item() == pytest.approx(tried, rel=0.05, abs=2e-3)


def test_surprises_are_minus_the_logarithm_of_the_models_chances(given, subject):
    ids = subject.ids()
    shares = probabilities(subject, ids)
    table = step(given("training_system"), "shift_table")
    for t, row in enumerate(table.rows):
        assert row[2] == pytest.approx(shares[t, ids[t + 1]], rel=1e-4)
        assert row[3] == pytest.approx(-math.log(shares[t, ids[t + 1]]), rel=1e-4)
    assert numbers(given("training_system"), "loss")["loss"] == pytest.approx(
        numbers(given("training_system"), "loss")["mean"], rel=1e-5
    )


def test_the_run_is_real_and_repeats(given, tmp_path):
    curves = step(given("training_system"), "loss_curves")
    losses = curves.ys[0]
    assert len(losses) == training_system.STEPS
    assert losses[0] == pytest.approx(numbers(given("training_system"), "after.0")["uniform"], abs=0.3)
    assert losses[-1] < losses[0] - 1.0
    again = [event for event in training_system.small_run(tmp_path / "run", 0) if hasattr(event, "gradient_norm")]
    assert [event.loss for event in again] == pytest.approx(losses, rel=1e-4)


# ---- memory, chunks, kernels -----------------------------------------------------------------------------------------


def test_memory_is_what_the_arrays_hold(given, subject):
    rows = {row[0]: row for row in step(given("memory_management"), "parts_table").rows}
    held = sum(p.nbytes for _, p in tree_flatten(subject.model.parameters()))
    assert rows["pesos"][1] == rows["pesos"][2] == rows["gradientes"][2] == held
    assert rows["otimizador (AdamW)"][2] == 2 * held
    shape = subject.model.config
    for tokens, predicted, used, _ in step(given("memory_management"), "cache_table").rows:
        assert predicted == used == 2 * shape.n_layer * shape.kv_heads * shape.head_width * 4 * tokens
    assert activations_per_token(shape) > 0


def test_chunks_are_those_of_the_strategies(given, subject):
    from mlxgpt.lessons import chunking

    text = subject.corpus[: chunking.CHARACTERS]
    for row in step(given("chunking"), "compare_table").rows:
        chunks = list(registry.create(row[0], max_size=chunking.MAX_SIZE).split(text, subject.tokenizer))
        assert row[1] == len(chunks)
        assert row[4] == max(len(subject.tokenizer.encode(chunk.text)) for chunk in chunks) <= chunking.MAX_SIZE
    shown = numbers(given("chunking"), "exact")
    assert shown["exact"] == shown["all"]


def test_all_routes_lead_to_the_same_attention(subject):
    routes = kernels.attention_routes(subject, 32)
    exact = np.array(routes["explicit"]())
    for name, work in routes.items():
        assert np.array(work()) == pytest.approx(exact, abs=1e-4), name


def test_every_number_is_a_number(given):
    from mlxgpt.lessons.path import PATH

    for station in PATH:
        for event in given(station.name):
            if isinstance(event, IdeaTold | ExerciseAsked):
                assert all(math.isfinite(v) for v in event.numbers.values() if isinstance(v, int | float))
            if isinstance(event, TableShown):
                assert all(len(row) == len(event.columns) == len(event.formats) for row in event.rows), event.key


def test_lesson_one_on_the_shipped_model(shipped):
    """The figures that a learner meets first."""
    from mlxgpt.lessons.board import Board
    from mlxgpt.lessons.config import LessonConfig

    events = list(tokenization.lesson(Board("tokenization_process", "pt"), shipped, LessonConfig()))
    shares = probabilities(shipped, shipped.ids(tokenization.OPENING))[-1]
    bars = step(events, "guess_bars")
    assert bars.values == pytest.approx(sorted(shares, reverse=True)[:5], rel=1e-3)
    assert step(events, "ask.bytes").answer == len("pão".encode())
    assert step(events, "pieces_table").rows[1][2] == shipped.tokenizer.encode(SENTENCE)[1]


def test_a_byte_that_is_no_letter_is_shown_by_its_number(given, shipped):
    from mlxgpt.lessons.board import Board
    from mlxgpt.lessons.config import LessonConfig

    events = list(tokenization.lesson(Board("tokenization_process", "pt"), shipped, LessonConfig()))
    assert ("ç", 2, " ".join(map(str, "ç".encode()))) in step(events, "bytes_table").rows
    first, second = "ç".encode()
    assert f"‹{first}› | ‹{second}›" in step(events, "encoding_table").title
    assert not any("\\x" in str(event) for event in events if isinstance(event, TableShown))
    assert numbers(events, "compared")["special"] == byte_tokenizer().vocab_size - 256


def test_a_race_that_gave_up_says_so(models, monkeypatch):
    from mlxgpt.lessons.config import LessonConfig
    from mlxgpt.lessons.teach import teach

    monkeypatch.setattr(inference_engine, "MOST_SECONDS", 0.0)
    config = LessonConfig(modules=("inference",), model=str(models["modern"]))
    events = list(teach(config, device="cpu"))
    cut = numbers(events, "race_cut")
    assert cut["count"] == 1 == numbers(events, "race_after")["count"]
    assert cut["planned"] > 1 and cut["seconds"] > 0


def test_the_lesson_that_is_announced_is_one_the_model_can_be_given(given):
    for model, key in (("modern", "end"), ("rwkv7", "end_state")):
        assert step(given("embeddings_explained", model), key)


def test_the_third_question_of_attention_does_not_hold_its_answer(given):
    asked = step(given("attention"), "ask.visible")
    assert f"{asked.answer:.0f}" not in asked.question
