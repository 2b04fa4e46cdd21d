"""Check every promise of every chunk strategy on files of your own: a longer look than the test suite takes.

    .venv/bin/python scripts/check_chunks.py FILE_OR_FOLDER… [--max-size 256] [--tokenizer nano-pt]

For each strategy and file: the offsets are true, nothing is left out, no chunk has more tokens than allowed when the tokenizer
itself encodes it alone, and its count is that number.  Exits with 1 at the first promise that is broken.
"""

import argparse
import sys
from pathlib import Path

from mlxgpt import runs
from mlxgpt.chunking.boundaries import is_whole
from mlxgpt.chunking.registry import CHUNKERS, create
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.base import Tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--max-size", type=int, default=256)
    parser.add_argument("--tokenizer", default="nano-pt")
    parser.add_argument("--strategies", default=",".join(CHUNKERS))
    args = parser.parse_args()
    tokenizer = registry.load(runs.find_model(args.tokenizer))
    texts = dict(readable(args.paths))
    print(f"{len(texts)} files, {sum(len(text.encode()) for text in texts.values()):,} bytes")
    for strategy in args.strategies.split(","):
        found = sum(check(strategy, text, tokenizer, args.max_size, str(path)) for path, text in texts.items())
        print(f"{strategy:<14} {found:>9,} chunks keep all promises at {args.max_size} tokens")


def readable(paths: list[Path]) -> list[tuple[Path, str]]:
    """The files that are UTF-8, with their texts."""
    files = [
        file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()
    ]
    texts = []
    for file in files:
        try:
            texts.append((file, file.read_bytes().decode("utf-8")))
        except UnicodeDecodeError:
            print(f"{file} is not UTF-8 and is left out", file=sys.stderr)
    return texts


def check(strategy: str, text: str, tokenizer: Tokenizer, max_size: int, name: str) -> int:
    """The number of chunks of a text; exits when one breaks a promise."""
    chunks = list(create(strategy, max_size=max_size).split(text, tokenizer))
    covered, latest = 0, -1
    for chunk, ids in zip(chunks, tokenizer.encode_batch([chunk.text for chunk in chunks]), strict=True):
        kept = (
            text[chunk.start : chunk.end] == chunk.text != ""
            and len(ids) == chunk.n_tokens <= max_size
            and latest < chunk.start <= covered < chunk.end
            and chunk.overlap == covered - chunk.start
            and is_whole(text, chunk.start)
            and is_whole(text, chunk.end)
        )
        if not kept:
            sys.exit(f"{strategy}, {name}: {chunk} has {len(ids)} tokens, after {covered}")
        covered, latest = chunk.end, chunk.start
    if covered != len(text):
        sys.exit(f"{strategy}, {name}: only {covered:,} of {len(text):,} characters are in chunks")
    return len(chunks)


if __name__ == "__main__":
    main()
