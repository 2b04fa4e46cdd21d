"""Train the model that ships in models/nano-pt, from nothing but this repository: the same seed gives the same model.

    ./scripts/mlxgpt doctor                              # makes .venv
    .venv/bin/python scripts/train_nano_pt.py            # about an hour on two CPU cores

Three kinds of text: stories from `make_stories.py`, chats about them, and data/corpus_pt_br.txt, whose questions and answers
become chats too.  The result is written as bfloat16, with a README that says what it was trained on and how it did.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import mlx.core as mx

from mlxgpt import checkpoint, jobs, runs
from mlxgpt.display.progress import TrainingView, size
from mlxgpt.events import EvaluationFinished, Event, RunFinished, RunStarted

ROOT = Path(__file__).resolve().parent.parent
DATA = Path("data/built/nano-pt")
RUN = Path("models/runs/nano-pt")
MODEL = ROOT / "models" / "nano-pt"
CORPUS_COPIES = 3  # real prose is 3 % of the text; seen this often, it is 10 %
QUESTION, ANSWER = "Pergunta: ", "Resposta: "
PROMPTS = (
    "Conte uma história sobre um gato chamado Tico.",
    "Oi! Quem é você?",
    "Por que o céu é azul?",
    "Quanto é 2 + 3?",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stories-mb", type=float, default=6.0)
    parser.add_argument("--chats-mb", type=float, default=4.0)
    args = parser.parse_args()
    text_bytes = make_data(args)
    started, evaluated, finished = train(args)
    write_model(args, text_bytes, started, evaluated, finished)


def make_data(args: argparse.Namespace) -> dict[str, int]:
    """Write the training text under data/built; returns the bytes of each kind."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import make_stories  # a script beside this one

    folder = ROOT / DATA
    folder.mkdir(parents=True, exist_ok=True)
    texts = take((story.text for story in make_stories.stories(args.seed)), args.stories_mb * 1e6)
    (folder / "stories.txt").write_text("\n\n\n".join(texts) + "\n", encoding="utf-8")
    made = (json.dumps(chat, ensure_ascii=False) for chat in make_stories.chats(args.seed + 1))
    chats = list(take(made, args.chats_mb * 1e6))
    corpus = (ROOT / "data" / "corpus_pt_br.txt").read_text(encoding="utf-8").strip().split("\n\n\n")
    prose = [document for document in corpus if QUESTION not in document]
    asked = [chat for document in corpus if QUESTION in document for chat in questions(document)]
    (folder / "corpus.txt").write_text("\n\n\n".join(prose * CORPUS_COPIES) + "\n", encoding="utf-8")
    lines = [json.dumps(chat, ensure_ascii=False) for chat in asked * CORPUS_COPIES]
    (folder / "chats.jsonl").write_text("\n".join(chats + lines) + "\n", encoding="utf-8")
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def take(texts: Any, size_bytes: float) -> list[str]:
    """As many texts as fit in so many bytes."""
    total, taken = 0, []
    for text in texts:
        total += len(text.encode())
        if total > size_bytes:
            break
        taken.append(text)
    return taken


def questions(document: str) -> list[dict[str, Any]]:
    """The question/answer pairs of a corpus document, each as a chat of one turn."""
    lines = document.splitlines()[1:]
    pairs = zip(lines[::2], lines[1::2], strict=False)
    return [
        {
            "messages": [
                {"role": "user", "content": asked.removeprefix(QUESTION)},
                {"role": "assistant", "content": answered.removeprefix(ANSWER)},
            ]
        }
        for asked, answered in pairs
    ]


def train(args: argparse.Namespace) -> tuple[RunStarted, EvaluationFinished, RunFinished]:
    """Train the run and return its first, best and last figures."""
    from rich.console import Console

    settings, _ = jobs.load_train_config(
        {
            "data": DATA,
            "preset": "modern-micro",
            "steps": args.steps,
            "batch_size": 4,  # after the same tokens, 2.95 nats where 16 gives 3.73: steps count more than tokens here
            "optimizer": "muon",
            "schedule": "wsd",
            "cooldown": 0.5,
            "final_learning_rate": 0.02,
            "validation_share": 0.03,
            "eval_every": 500,
            "checkpoint_every": 500,
            "sample_every": 1000,
            "keep": 1,
            "seed": args.seed,
            "out": None if (ROOT / RUN).exists() else RUN,
            "resume": RUN if (ROOT / RUN).exists() else None,
        }
    )
    seen: dict[type[Event], Any] = {}
    with TrainingView(Console(stderr=True)) as view:
        for event in jobs.train(settings, {"n_layer": 5}):
            view.show(event)
            seen[type(event)] = event
    return seen[RunStarted], seen[EvaluationFinished], seen[RunFinished]


def write_model(
    args: argparse.Namespace,
    text_bytes: dict[str, int],
    started: RunStarted,
    evaluated: EvaluationFinished,
    finished: RunFinished,
) -> None:
    """Put the last checkpoint into models/nano-pt as bfloat16, with its README."""
    last = runs.Run(path=ROOT / RUN).last
    model, tokenizer = checkpoint.load(last)
    checkpoint.save(MODEL, model, tokenizer, checkpoint.read_record(last), dtype=mx.bfloat16)
    kinds = "\n".join(f"| {name} | {size(count)} |" for name, count in text_bytes.items())
    samples = "\n\n".join(f"> **{prompt}**\n>\n" + quoted(answer(prompt)) for prompt in PROMPTS)
    figures = [
        ("parameters", f"{started.parameters:,}"),
        ("steps", f"{finished.step:,} of {started.batch_tokens:,} tokens"),
        ("tokens seen", f"{finished.tokens_seen:,} (the text has {started.train_tokens:,})"),
        ("training loss", f"{finished.loss:.3f} nats per token"),
        ("validation loss", f"{evaluated.loss:.3f} nats per token, perplexity {evaluated.perplexity:.2f}"),
        ("bits per byte", f"{evaluated.bits_per_byte:.3f}"),
        ("trained on", started.device),
        ("time", f"{finished.seconds / 60:.0f} minutes"),
        ("command", f"`.venv/bin/python scripts/train_nano_pt.py --steps {args.steps} --seed {args.seed}`"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in figures)
    page = README.format(table=table, kinds=kinds, samples=samples)
    (MODEL / "README.md").write_text(page, encoding="utf-8")


def answer(prompt: str) -> str:
    """What the model answers, with a fixed seed."""
    chat = jobs.open_chat(str(MODEL), {"temperature": 0.6, "seed": 1, "max_tokens": 160})
    return "".join(getattr(event, "text", "") for event in chat.say(prompt) if type(event).__name__ == "TokenGenerated")


def quoted(text: str) -> str:
    return "\n".join("> " + line for line in text.strip().splitlines())


README = """# nano-pt

A very small GPT that tells short stories and answers simple questions in Brazilian Portuguese.  It ships with mlxgpt so that
`mlxgpt chat` works right after cloning.  Saved as Qwen 3 in bfloat16: `mlx_lm` and `transformers` load it too.

| | |
|---|---|
{table}

Text it learned from, made by `scripts/make_stories.py` or written for this project (`data/corpus_pt_br.txt`):

| file | size |
|---|---|
{kinds}

## Samples

Temperature 0.6, seed 1, the first answer each, not chosen:

{samples}

## Limits

Its sentences are correct, but it loses track of names: the hero of the first paragraph is called otherwise in the third.  It
knows what a few megabytes of stories and a small corpus told it, and nothing else.  It invents facts without hesitation,
computes badly, forgets what was said more than 256 tokens ago, and understands only Portuguese.  It is there to be looked
into and learned from, not to be believed.
"""

if __name__ == "__main__":
    main()
