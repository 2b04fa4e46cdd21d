"""The job behind `mlxgpt data build`: sources become shards, one document at a time, and a crash costs seconds.

    read (here) -> clean, mark, make ids (workers) -> drop duplicates, choose a side, write (here, in order)

What comes out depends on the sources and the settings alone: not on the number of workers, and not on how often it was
interrupted.  `building` keeps how far it is, `card` tells what happened.
"""

import dataclasses
import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlxgpt.chunking import registry as chunkers
from mlxgpt.chunking.base import Chunker
from mlxgpt.chunking.cutting import workers_for
from mlxgpt.data import card, dataset
from mlxgpt.data import counts as counting
from mlxgpt.data.batches import Load, Position, file_bytes, read_batches, require_unchanged
from mlxgpt.data.building import Building, Journal, clear, locked, publish, read_journal
from mlxgpt.data.cleaning.boilerplate import Survey
from mlxgpt.data.cleaning.cleaner import BOILERPLATE, Cleaner
from mlxgpt.data.cleaning.config import CleaningConfig
from mlxgpt.data.config import BuildConfig
from mlxgpt.data.dataset import SIDES, Json
from mlxgpt.data.dedup import Duplicates
from mlxgpt.data.pace import Pace
from mlxgpt.data.packing import require_chunk_token
from mlxgpt.data.preparing import Fate, Mender, Prepared, Preparer
from mlxgpt.data.shards import token_bytes_for
from mlxgpt.data.sources import find
from mlxgpt.data.workers import Workers
from mlxgpt.errors import ConfigError, DataError
from mlxgpt.events import BuildFinished, BuildStarted, Event, Noted, ShardWritten
from mlxgpt.tokenizer.base import Tokenizer

_SAVE_SECONDS = 1.0  # between two entries of the journal


def build_dataset(
    config: BuildConfig, tokenizer: Tokenizer, *, restart: bool = False, stop: threading.Event | None = None
) -> Iterator[Event]:
    """Build a dataset at `config.output`; an interrupted build of the same goes on, unless `restart` begins it anew.

    Raises `ConfigError` or `DataError` before anything is written when the place is taken or a source is not there, and
    `DataError` when a source changed since the build was begun.
    """
    files = [find(source.paths) for source in config.sources]
    cleaner, duplicates = _cleaner(config), Duplicates(config.dedup, config.similarity)
    settings = json.loads(
        json.dumps({**config.decisive, "tokenizer": tokenizer.fingerprint})
    )  # as a file would give it
    preparer = Preparer(
        tokenizer=tokenizer, chunker=_chunker(config, tokenizer), cleaner=cleaner, markers=duplicates.markers,
        seed=config.seed,
    )  # fmt: skip
    with locked(config.output) as folder:
        if restart:
            clear(folder)
        elif dataset.is_dataset(folder):  # a crash came just before the end
            publish(folder, config.output)
        if not restart and (known := _known(config, settings, files)):
            yield known
            return
        journal = read_journal(folder) or Journal(
            settings=settings,
            sources=[[str(file) for file in part] for part in files],
            counts=[counting.no_counts() for _ in files],
        )
        _require_same(journal, settings, files, config.output)
        building = Building(folder, journal, tokenizer.fingerprint, token_bytes_for(tokenizer.vocab_size))
        job = _Build(config, files, building, preparer, duplicates, stop or threading.Event())
        try:
            building.save()
            yield from job.run()
            if not job.stopped:
                tokenizer.save(folder / "tokenizer")
                card.write(folder, config, tokenizer, journal)
        except (DataError, ConfigError):
            if not counting.total(journal.counts)["documents"]:  # a wrong source or column: nothing is worth going on
                building.close()
                clear(folder)
            raise
        finally:
            building.close()
        if not job.stopped:
            publish(folder, config.output)
        yield job.finished()


class _Build:
    """From where the journal stands to the end, or until it is stopped."""

    def __init__(
        self,
        config: BuildConfig,
        files: list[list[Path]],
        building: Building,
        preparer: Preparer,
        duplicates: Duplicates,
        stop: threading.Event,
    ) -> None:
        self._config, self._files = config, files
        self._building, self._journal, self._preparer, self._stop = building, building.journal, preparer, stop
        self._duplicates = duplicates
        self._total = sum(file_bytes(file) for part in files for file in part)
        self._began = time.monotonic()
        self._next_save = self._began + _SAVE_SECONDS
        self.stopped = False

    def run(self) -> Iterator[Event]:
        """Work; yields what happens on the way."""
        workers = workers_for(self._total, self._config.workers)
        before = counting.total(self._journal.counts)
        yield BuildStarted(
            path=str(self._config.output), sources=len(self._files), files=sum(map(len, self._files)),
            bytes=self._total, workers=workers, resumed_documents=before["documents"],
        )  # fmt: skip
        for marks in self._building.marks(len(self._duplicates.kinds)):
            self._duplicates.remember(marks)
        if self._preparer.cleaner is not None and self._journal.boilerplate is None:
            yield from self._survey(workers)
            if self.stopped:
                return
        batches = read_batches(self._config, self._files, Position(**self._journal.position))
        pace = Pace(before)
        with Workers(self._with_boilerplate(), workers) as crew:
            for load, prepared in crew.map(batches):
                yield from self._take(load, prepared)
                if pace.due():
                    yield pace.report(load, counting.total(self._journal.counts))
                self._save_sometimes()
                if self._stop.is_set():
                    self._building.save()
                    self.stopped = True
                    return
        self._require_documents()
        for side in SIDES:
            if self._building.draft(side).documents:
                yield self._finish_shard(side)
        self._building.save()

    def _survey(self, workers: int) -> Iterator[Event]:
        """Read everything once to find the lines that many documents share; an interruption begins this anew."""
        cleaner = self._preparer.cleaner
        assert cleaner is not None
        survey = Survey()
        if cleaner.config.boilerplate_documents and BOILERPLATE not in cleaner.config.skip:
            yield Noted(text="First reading: counting the lines that many documents share.")
            counts = counting.no_counts()
            pace = Pace(counting.no_counts())
            with Workers(Mender(cleaner), workers) as crew:
                for load, texts in crew.map(read_batches(self._config, self._files, Position())):
                    for text in texts:
                        survey.observe(text)
                    counts["documents"] += len(load.places)
                    counts["bytes"] += load.bytes
                    if pace.due():
                        yield pace.report(load, counts)
                    if self._stop.is_set():
                        self.stopped = True
                        return
        self._journal.boilerplate = sorted(survey.lines(cleaner.config))
        self._building.save()

    def _with_boilerplate(self) -> Preparer:
        cleaner = self._preparer.cleaner
        if cleaner is None:
            return self._preparer
        lines = frozenset(self._journal.boilerplate or ())
        return dataclasses.replace(self._preparer, cleaner=dataclasses.replace(cleaner, boilerplate=lines))

    def _save_sometimes(self) -> None:
        """Write the journal when it is time, and less often where that takes long: for 100,000 files it is large."""
        if (began := time.monotonic()) >= self._next_save:
            self._building.save()
            now = time.monotonic()
            self._next_save = now + max(_SAVE_SECONDS, 20 * (now - began))

    def _take(self, load: Load, prepared: Prepared) -> Iterator[Event]:
        """Write a batch; the journal then stands behind it."""
        counts = self._journal.counts[load.source]
        counts["bytes"] += load.bytes
        counting.add_refused(counts, load.refused)
        self._journal.files += load.begun
        at = 0
        for fate, where in zip(prepared.fates, load.places, strict=True):
            ids, mask = prepared.ids[at : at + fate.tokens], prepared.mask[at : at + fate.tokens]
            at += fate.tokens
            fate = self._without_duplicates(fate)
            side = "" if fate.rule else self._side(fate)
            counting.add_document(counts, fate, side, where)
            if side:
                draft = self._building.draft(side)
                if draft.documents and (draft.tokens + fate.tokens) * draft.token_bytes > self._config.shard_bytes:
                    yield self._finish_shard(side)
                    draft = self._building.draft(side)
                draft.add(ids, mask if fate.chat else None, fate.text_bytes, load.source)
        self._journal.position = dataclasses.asdict(load.position)

    def _without_duplicates(self, fate: Fate) -> Fate:
        """The fate of a document, which is dropped if it repeats an earlier one."""
        if fate.rule or not self._duplicates.kinds:
            return fate
        match = self._duplicates.check(fate.marks)
        if match is None:
            self._building.add_marks(fate.marks)
            return fate
        like = "" if match.kind == "exact" else f", {match.similarity:.0%} alike"
        reason = f"as document {match.document + 1:,} of those that were kept{like}"
        return dataclasses.replace(fate, rule=f"{match.kind} duplicate", reason=reason)

    def _side(self, fate: Fate) -> str:
        return "validation" if fate.draw < self._config.val else "train"

    def _finish_shard(self, side: str) -> ShardWritten:
        entry = self._building.finish_shard(side)
        return ShardWritten(**{key: entry[key] for key in ("file", "documents", "tokens", "bytes")})

    def _require_documents(self) -> None:
        """Raise `DataError` when nothing is left to learn from."""
        counts = counting.total(self._journal.counts)
        if counts["train"]["documents"]:
            return
        names = ", ".join(source.label for source in self._config.sources)
        if not counts["documents"]:
            raise DataError(f"There is no text in {names}.", hint="Give files with text in them.")
        rules = ", ".join(f"{rule} ({count:,})" for rule, count in sorted(counts["dropped"].items()))
        why = f"dropped were: {rules}" if rules else "all are held out"
        raise DataError(
            f"Of {counts['documents']:,} documents in {names} none is left to learn from; {why}.",
            hint="Leave rules out with --skip RULE, hold out less with --val, or give other text.",
        )

    def finished(self) -> BuildFinished:
        """What was made, once it is at its place."""
        return _finished(
            self._config.output,
            counting.total(self._journal.counts),
            time.monotonic() - self._began,
            stopped=self.stopped,
        )


def _finished(
    output: Path, counts: Json, seconds: float, *, stopped: bool = False, known: bool = False
) -> BuildFinished:
    return BuildFinished(
        path=str(output), documents=counts["documents"], dropped=sum(counts["dropped"].values()),
        refused=counts["refused"], bytes=counts["bytes"], seconds=seconds, stopped=stopped, known=known,
        train_documents=counts["train"]["documents"], train_tokens=counts["train"]["tokens"],
        validation_documents=counts["validation"]["documents"], validation_tokens=counts["validation"]["tokens"],
    )  # fmt: skip


# ---- before it begins ------------------------------------------------------------------------------------------------


def _cleaner(config: BuildConfig) -> Cleaner | None:
    if not config.clean:
        return None
    return Cleaner(
        config=CleaningConfig(skip=config.skip, languages=config.languages, mask_personal=config.mask_personal)
    )


def _chunker(config: BuildConfig, tokenizer: Tokenizer) -> Chunker | None:
    if config.chunk_strategy == "none":
        return None
    chunker = chunkers.create(config.chunk_strategy, max_size=config.chunk_size)
    require_chunk_token(tokenizer, chunker)
    return chunker


def _known(config: BuildConfig, settings: Json, files: Sequence[Sequence[Path]]) -> BuildFinished | None:
    """The dataset that is at the place already, if it is the one that is wanted; `ConfigError` for anything else there."""
    output = config.output
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return None
    if not dataset.is_dataset(output):
        raise ConfigError(f"{output} exists, and is no dataset of mlxgpt.", hint="Choose another --output.")
    values = dataset.open_dataset(output, verify=False).values
    _require_settings(values["settings"], settings, f"{output} already holds a dataset")
    for number, (source, part) in enumerate(zip(config.sources, files, strict=True)):
        read = [entry["path"] for entry in values["files"] if entry["source"] == number]
        if read != [str(file) for file in part][: len(read) if source.limit else None]:
            raise DataError(f"{output} was built from other files.", hint="Choose another --output, or add --restart.")
    for entry in values["files"]:
        require_unchanged(entry, f"{output} was built")
    return _finished(output, counting.total(values["counts"]), 0.0, known=True)


def _require_same(journal: Journal, settings: Json, files: Sequence[Sequence[Path]], output: Path) -> None:
    """Raise `DataError` when an interrupted build had other settings or sources."""
    _require_settings(journal.settings, settings, f"An interrupted build of {output} is there")
    before, now = ({path for part in parts for path in map(str, part)} for parts in (journal.sources, files))
    if before != now or journal.sources != [[str(file) for file in part] for part in files]:
        changed = sorted(before ^ now)
        which = f": {changed[0]} is {'missing' if changed[0] in before else 'new'}" if changed else ""
        raise DataError(
            f"The files of the sources changed since this build was begun{which}.",
            hint="Restore them, or begin again with --restart.",
        )
    for entry in journal.files:
        require_unchanged(entry)


def _require_settings(before: Json, now: Json, what: str) -> None:
    different = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if different:
        raise ConfigError(
            f"{what}, made with other settings: {', '.join(different)}.",
            hint="Give the same settings, choose another --output, or begin again with --restart.",
        )
