"""A model opened to be looked into: one method a report, for the CLI, the TUI and the lessons alike.

It holds MLX arrays, so it belongs to the thread that made it; the reports that it returns may go anywhere.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import mlx.core as mx
import numpy as np

from mlxgpt import checkpoint, hub
from mlxgpt.data.documents import read_documents
from mlxgpt.data.packing import pack
from mlxgpt.errors import ConfigError, DataError, nearest
from mlxgpt.events import Event
from mlxgpt.inspection import (
    attention,
    attribution,
    embeddings,
    lens,
    memory,
    patching,
    roles,
    rwkv,
    silence,
    surprisal,
    tensors,
    walk,
)
from mlxgpt.inspection.close_reports import SilenceReport, ValuesReport
from mlxgpt.inspection.reports import (
    AnalogyReport,
    AttentionReport,
    AttributionReport,
    EmbeddingsReport,
    Heard,
    InductionReport,
    LensReport,
    MemoryReport,
    Passage,
    PatchReport,
    RoleReport,
    RolloutReport,
    TensorsReport,
    TokensReport,
)
from mlxgpt.inspection.rwkv_reports import DecayReport, EffectiveAttentionReport, ShiftReport, StateReport
from mlxgpt.inspection.trace import patterns, require_attention
from mlxgpt.inspection.tuned_lens import TunedLens, tune
from mlxgpt.model.gpt import GPT
from mlxgpt.model.packing import unpacked
from mlxgpt.tokenizer.base import SPECIALS, Tokenizer, begin_id


class Inspector:
    """A model and its tokenizer; everything is computed in float32, whatever the weights are stored in.

    Of a quantised model the numbers are looked at that its packed ones stand for.
    """

    def __init__(self, model: GPT, tokenizer: Tokenizer, name: str) -> None:
        self.model, self.tokenizer, self.name = unpacked(model), tokenizer, name

    @staticmethod
    def open(directory: Path) -> "Inspector":
        """The model in a directory."""
        return Inspector(*checkpoint.load(directory, dtype=mx.float32), hub.model_name(directory))

    # ---- what is read ------------------------------------------------------------------------------------------------

    def passage(self, text: str | Heard, *, cut: bool = False) -> Passage:
        """A document as the model reads it, after the token that texts begin after; or a conversation as it was read.

        Raises `DataError` for a text without tokens, and for one longer than the context, unless `cut` keeps the beginning
        of a document, and the end of a conversation.
        """
        begin = begin_id(self.tokenizer)
        ids = list(text.ids) if isinstance(text, Heard) else self.tokenizer.encode(text)
        if begin is not None and not isinstance(text, Heard):
            ids.insert(0, begin)
        if len(ids) < 2 or not text:
            raise DataError(
                "There is no text to look at." if not text else "The text is one token: nothing comes before it.",
                hint="Give a few words with --text; --text - reads them from stdin.",
            )
        if len(ids) > self.longest and not cut:
            recurrent = self.model.config.recurrent
            limit = (
                f"{self.longest:,} can be looked at" if recurrent else f"{self.name} sees {self.longest:,} at a time"
            )
            raise DataError(
                f"The text has {len(ids):,} tokens, but {limit}.",
                hint=f"Shorten it, or let --cut keep its first {self.longest:,} tokens.",
            )
        left_out = max(len(ids) - self.longest, 0)
        if isinstance(text, Heard):
            answer = max(text.answer - left_out, 0)
            return self._passage("", ids[left_out:], left_out, answer if answer < len(ids) - left_out else 0)
        read = self.tokenizer.decode(ids[0 if begin is None else 1 : self.longest]) if left_out else text
        return self._passage(read, ids[: self.longest], left_out)

    @property
    def longest(self) -> int:
        """How many tokens can be looked at; a recurrent model reads more, but what is shown of them has an end."""
        return rwkv.MOST_TOKENS if self.model.config.recurrent else self.model.config.context_length

    def ending(self, text: str, position: int) -> tuple[str, int]:
        """The part of a long document that ends at a position and can be read whole, and the position in it.

        Positions count the token that texts begin after; a text that is read up to there anyway stays as it is.
        """
        begin = begin_id(self.tokenizer)
        ids, first = self.tokenizer.encode(text), 0 if begin is None else 1
        if position < 0:
            position += len(ids) + first
        if position < self.longest or position >= len(ids) + first:
            return text, position
        part = self.tokenizer.decode(ids[position - self.longest + 1 : position + 1 - first])
        return part, len(self.tokenizer.encode(part)) + first - 1

    def _passage(self, text: str, ids: Sequence[int], left_out: int = 0, answer: int | None = None) -> Passage:
        if len(ids) and max(ids) >= self.model.config.vocab_size:
            raise DataError(f"The text has the token id {max(ids)}, which {self.name} does not know.")
        text = text if answer is None else self.tokenizer.decode(ids[answer:])
        pieces = tuple(map(self.tokenizer.token_text, ids))
        return Passage(
            model=self.name, text=text, ids=tuple(ids), pieces=pieces, left_out=left_out, answer=answer
        )  # fmt: skip

    # ---- reports -----------------------------------------------------------------------------------------------------

    def attention(self, text: str | Heard, *, cut: bool = False) -> AttentionReport:
        """Who looks at whom, and what each head does."""
        return attention.attention(self.model, self.passage(text, cut=cut), self.roles)

    def rollout(self, text: str | Heard, *, cut: bool = False) -> RolloutReport:
        """How much of each token has reached each position, layer by layer."""
        require_attention(self.model.config)
        passage = self.passage(text, cut=cut)
        pattern = patterns(self.model, np.array([passage.ids]))[:, 0]
        return RolloutReport(passage=passage, rollout=attention.rollout(pattern))

    def effective_attention(self, text: str | Heard, *, cut: bool = False) -> EffectiveAttentionReport:
        """Who takes what of whom in a recurrent model."""
        return rwkv.effective_attention(self.model, self.passage(text, cut=cut))

    def state(self, text: str | Heard, *, cut: bool = False) -> StateReport:
        """How full the state of a recurrent model is after each token."""
        return rwkv.state(self.model, self.passage(text, cut=cut))

    def decay(self, text: str | Heard, *, cut: bool = False) -> DecayReport:
        """How long each channel of a recurrent model remembers."""
        return rwkv.decay(self.model, self.passage(text, cut=cut))

    def shift(self, text: str | Heard, *, cut: bool = False) -> ShiftReport:
        """How much of the token before each part of a recurrent model sees."""
        return rwkv.shift(self.model, self.passage(text, cut=cut))

    @cached_property
    def roles(self) -> RoleReport:
        """What each head does on repeated random tokens."""
        ours = self.tokenizer.chunk_id is not None
        probe = roles.probe(self.model, begin_id(self.tokenizer), len(SPECIALS) if ours else 0)
        return roles.find_roles(self.model, probe)

    def induction(self) -> InductionReport:
        """How repeated random tokens are predicted, with and without each head."""
        return roles.find_induction(self.model, self.roles)

    def lens(self, text: str | Heard, *, top: int = 5, tuned: Path | None = None, cut: bool = False) -> LensReport:
        """What the model would predict if it stopped after each layer; `tuned` is a file of `tune_lens`."""
        passage = self.passage(text, cut=cut)
        translate = None if tuned is None else TunedLens.load(tuned, self.model).translate
        return lens.lens(self.model, passage, self.tokenizer.token_text, top=top, translate=translate)

    def tune_lens(self, data: Path, out: Path, *, steps: int = 100) -> Iterator[Event]:
        """Train a tuned lens on a file or folder of text and save it at `out`."""
        stream = pack(list(read_documents(data)), self.tokenizer)
        tuned = TunedLens.start(self.model)
        yield from tune(self.model, tuned, np.asarray(stream.ids).astype(np.int32), steps=steps)
        tuned.save(out)

    def tokens(self, text: str | Heard, *, top: int = 5, cut: bool = False) -> TokensReport:
        """How much each token surprises the model."""
        return surprisal.surprisal(self.model, self.passage(text, cut=cut), self.tokenizer.token_text, top=top)

    def attribution(
        self,
        text: str | Heard,
        *,
        position: int = -1,
        token: str | int = "",
        against: str | int = "",
        cut: bool = False,
    ) -> AttributionReport:
        """What each part of the model adds to the logit of a token, or to its difference to another."""
        passage = self.passage(text, cut=cut)
        place = self.place(passage, position)
        return attribution.attribution(
            self.model, passage, place, self.token(token), self.token(against), self.tokenizer.token_text
        )

    def ablation(
        self, text: str | Heard, *, point: str = "attn.z", kind: str = "zero", position: int = -1, token: str = "",
        against: str = "", cut: bool = False,
    ) -> PatchReport:  # fmt: skip
        """What a logit becomes without each head, or without the value of each position."""
        passage = self.passage(text, cut=cut)
        return patching.ablate(
            self.model, passage, point=point, kind=kind, position=self.place(passage, position),
            token=self.token(token), against=self.token(against), piece=self.tokenizer.token_text,
        )  # fmt: skip

    def patch(
        self, text: str | Heard, corrupt: str | Heard, *, point: str = "resid_pre", position: int = -1, token: str = "",
        against: str = "", cut: bool = False,
    ) -> PatchReport:  # fmt: skip
        """What a logit of the run of `corrupt` becomes when single values of the run of `text` are put in."""
        passage = self.passage(text, cut=cut)
        return patching.patch(
            self.model, passage, self.passage(corrupt, cut=cut), point=point, position=self.place(passage, position),
            token=self.token(token), against=self.token(against), piece=self.tokenizer.token_text,
        )  # fmt: skip

    def patch_live(
        self,
        text: str | Heard,
        corrupt: str | Heard,
        *,
        point: str = "resid_pre",
        position: int = -1,
        cut: bool = False,
    ) -> Iterator[PatchReport]:
        """The same while it is made: a report after each layer, in which the layers to come are NaN."""
        passage, other = self.passage(text, cut=cut), self.passage(corrupt, cut=cut)
        yield from patching.patch_live(
            self.model, passage, other, point=point, position=self.place(passage, position),
            piece=self.tokenizer.token_text,
        )  # fmt: skip

    def ablation_live(
        self, text: str | Heard, *, point: str = "attn.z", kind: str = "zero", position: int = -1, cut: bool = False
    ) -> Iterator[PatchReport]:
        """`ablation` while it is made: a report after each layer, in which the layers to come are NaN."""
        passage = self.passage(text, cut=cut)
        yield from patching.ablate_live(
            self.model, passage, point=point, kind=kind, position=self.place(passage, position),
            piece=self.tokenizer.token_text,
        )  # fmt: skip

    def silence(
        self, text: str | Heard, heads: Sequence[tuple[int, int]] | str, *, kind: str = "zero", position: int = -1,
        top: int = 5, cut: bool = False,
    ) -> SilenceReport:  # fmt: skip
        """What would come next with some heads, (layer, head) or "2.3 4.1", silenced, all at once."""
        passage = self.passage(text, cut=cut)
        heads = silence.read_heads(heads) if isinstance(heads, str) else heads
        return silence.silence(
            self.model, passage, heads, kind=kind, position=self.place(passage, position), top=top,
            piece=self.tokenizer.token_text,
        )  # fmt: skip

    def walk(
        self, text: str | Heard, layer: int | None, *, kind: str = "activations", cut: bool = False
    ) -> TensorsReport:
        """One block step by step, from norm to residual stream; None for what lies outside the blocks.

        `kind` weights or gradients gives the parameters of the block, or the slopes of the loss of the text.
        """
        passage = None if kind == "weights" else self.passage(text, cut=cut)
        return walk.walk(self.model, passage, layer, kind=kind, called=self.name)

    def values(
        self, name: str, text: str | Heard = "", *, kind: str = "activations", head: int = 0, position: int = -1,
        cut: bool = False,
    ) -> ValuesReport:  # fmt: skip
        """The numbers of one tensor that `walk` or `tensors` names."""
        passage = None if kind == "weights" else self.passage(text, cut=cut)
        return walk.values(self.model, passage, name, kind=kind, head=head, position=position, called=self.name)

    def tensors(self, kind: str = "weights", text: str | Heard = "", *, cut: bool = False) -> TensorsReport:
        """The weights in numbers; or the activations on a text, or the gradients of its loss."""
        match kind:
            case "weights":
                return tensors.weights(self.model, self.name)
            case "activations":
                return tensors.activations(self.model, self.passage(text, cut=cut))
            case "gradients":
                return tensors.gradients(self.model, self.passage(text, cut=cut))
        raise ConfigError(f"There are no {kind!r}.", hint=nearest(kind, ("weights", "activations", "gradients")))

    def memory(self, text: str | Heard, *, cut: bool = False) -> MemoryReport:
        """Bytes by part for running a text and for a step of training on it, reckoned and measured."""
        return memory.memory(self.model, self.passage(text, cut=cut))

    def embeddings(self, words: Sequence[str], *, top: int = 8) -> EmbeddingsReport:
        """Neighbours, similarities and a map of some words."""
        return embeddings.embeddings(self.model, self.tokenizer, self.name, words, top=top)

    def analogies(self, path: Path) -> AnalogyReport:
        """How many analogies of a file come out right."""
        questions = embeddings.read_analogies(path)
        return embeddings.analogies(self.model, self.tokenizer, self.name, questions)

    # ---- words for places and tokens ---------------------------------------------------------------------------------

    def place(self, passage: Passage, position: int) -> int:
        """A position of a text, counted from the end when negative; `ConfigError` says the range."""
        if not -len(passage) <= position < len(passage):
            raise ConfigError(
                f"There is no position {position}: the text has {len(passage)} tokens.",
                hint=f"Positions are 0 to {len(passage) - 1}, or -1 for the last; 0 is {passage.pieces[0]!r}.",
            )
        return position % len(passage)

    def token(self, text: str | int) -> int | None:
        """The id that a text is, or None for no text; `ConfigError` when it is several.  An id is itself."""
        if isinstance(text, int):
            return text
        if not text:
            return None
        ids = self.tokenizer.encode(text)
        if len(ids) != 1:
            pieces = ", ".join(repr(self.tokenizer.token_text(token)) for token in ids)
            raise ConfigError(
                f"{text!r} is {len(ids)} tokens: {pieces}.", hint="Give one of them; words begin with their space."
            )
        return ids[0]
