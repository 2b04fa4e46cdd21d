"""How well near-duplicates are found, and how fast, on duplicates planted among real documents.

    .venv/bin/python scripts/benchmarks/dedup.py FOLDER… [--documents 2000] [--similarity 0.7] [--peers]

Documents are cut from the files of the folders.  To each a copy is planted, in which some words were exchanged for others or
paragraphs shuffled, which was cut off or has a frame around it.  The Jaccard similarity of the word 5-grams is then computed in
full for every pair that shares one, and the pairs found are compared with those that are similar enough.  `--peers` times
datasketch and rensa too, where they are installed.
"""

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator

from mlxgpt.data.dedup import Duplicates, NearMarker, grams_of, words_of
from mlxgpt.data.sources import read


def documents(folders: list[str], chance: random.Random) -> Iterator[str]:
    """Stretches of 100 to 800 words, in order."""
    for document in read(folders, refuse=lambda _: None):
        part: list[str] = []
        wanted = chance.randint(100, 800)
        for paragraph in document.text.split("\n\n"):
            part.append(paragraph)
            if sum(len(p.split()) for p in part) >= wanted:
                yield "\n\n".join(part)
                part, wanted = [], chance.randint(100, 800)


def planted(text: str, words: list[str], chance: random.Random) -> str:
    """A copy that was changed in one of five ways."""
    match chance.choice(("words", "words", "words", "shuffled", "cut", "framed")):
        case "words":
            share = chance.choice((0.005, 0.01, 0.02, 0.03, 0.05, 0.08))
            return " ".join(chance.choice(words) if chance.random() < share else word for word in text.split(" "))
        case "shuffled":
            paragraphs = text.split("\n\n")
            chance.shuffle(paragraphs)
            return "\n\n".join(paragraphs)
        case "cut":
            return text[: int(len(text) * chance.uniform(0.5, 1.0))]
        case _:
            return f"Publicado em {chance.randint(1, 28)} de maio.\n\n{text}\n\nFonte: {' '.join(chance.sample(words, 8))}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--similarity", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", action="store_true")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    originals = list(documents(given.folders, chance))
    chance.shuffle(originals)
    originals = originals[: given.documents]
    words = sorted({word for text in originals for word in text.split()})
    texts = [*originals, *(planted(text, words, chance) for text in originals)]

    began = time.process_time()
    marks = [NearMarker().mark(text) for text in texts]
    marking = time.process_time() - began
    search = Duplicates(["near"], given.similarity)
    began = time.process_time()
    kept: list[int] = []
    found: dict[int, tuple[int, float]] = {}
    for number, mark in enumerate(marks):
        match = search.check([mark])
        if match is None:
            kept.append(number)
        else:
            found[number] = kept[match.document], match.similarity
    checking = time.process_time() - began

    similar = true_pairs(texts, set(kept), given.similarity - 0.1)
    positives = {number for number, pairs in similar.items() if max(pairs.values()) >= given.similarity}
    right = sum(similar.get(number, {}).get(of, 0.0) >= given.similarity for number, (of, _) in found.items())
    near = sum(similar.get(number, {}).get(of, 0.0) >= given.similarity - 0.05 for number, (of, _) in found.items())
    errors = sorted(abs(share - similar.get(number, {}).get(of, 0.0)) for number, (of, share) in found.items())
    size = sum(len(text.encode()) for text in texts)
    print(
        f"{len(texts):,} documents, {size / 1e6:.1f} MB; {len(positives):,} are {given.similarity} like an earlier one or more"
    )
    print(
        f"found {len(found):,}: precision {right / len(found):.3f} ({near / len(found):.3f} at {given.similarity - 0.05:.2f})"
    )
    print(f"recall {len(positives & set(found)) / len(positives):.3f}")
    by_share: dict[str, Counter[bool]] = defaultdict(Counter)
    for number, pairs in similar.items():
        by_share[f"{int(max(pairs.values()) * 20) / 20:.2f}"][number in found] += 1
    for share, counts in sorted(by_share.items()):
        print(f"  similarity from {share}: {counts[True]:4} of {counts.total():4} found")
    print(
        f"error of the estimate: median {errors[len(errors) // 2]:.3f}, 95 % below {errors[len(errors) * 95 // 100]:.3f}"
    )
    print(f"marking {size / marking / 1e6:.1f} MB/s, checking {checking / len(texts) * 1e6:.0f} µs a document")
    print(f"memory {search.memory_bytes / len(kept):,.0f} bytes for each document kept")
    if given.peers:
        time_peers(texts)


def true_pairs(texts: list[str], kept: set[int], least: float) -> dict[int, dict[int, float]]:
    """For each document, the similarities from `least` on with earlier ones that were kept."""
    holders: dict[int, list[int]] = defaultdict(list)
    sizes: list[int] = []
    similar: dict[int, dict[int, float]] = {}
    for number, text in enumerate(texts):
        grams = grams_of(words_of(text)).tolist()
        sizes.append(len(grams))
        shared = Counter(other for gram in grams for other in holders.get(gram, ()))
        pairs = {other: both / (len(grams) + sizes[other] - both) for other, both in shared.items()}
        if good := {other: share for other, share in pairs.items() if share >= least}:
            similar[number] = good
        if number in kept:
            for gram in grams:
                holders[gram].append(number)
    return similar


def time_peers(texts: list[str]) -> None:
    """The speed of other libraries at the same work: a signature of 250 numbers."""
    size = sum(len(text.encode()) for text in texts)

    def shingles(text: str) -> list[str]:
        words = words_of(text)
        return [" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))]

    try:
        from rensa import RMinHash  # type: ignore[import-not-found,unused-ignore]  # only for this comparison

        began = time.process_time()
        for text in texts:
            one = RMinHash(num_perm=250, seed=1)
            one.update(shingles(text))
            one.digest()
        print(f"rensa       {size / (time.process_time() - began) / 1e6:.1f} MB/s")
    except ImportError:
        print("rensa is not installed")
    try:
        from datasketch import MinHash  # type: ignore[import-not-found,unused-ignore]

        began = time.process_time()
        for text in texts:
            MinHash(num_perm=250).update_batch([gram.encode() for gram in shingles(text)])
        print(f"datasketch  {size / (time.process_time() - began) / 1e6:.1f} MB/s")
    except ImportError:
        print("datasketch is not installed")


if __name__ == "__main__":
    main()
