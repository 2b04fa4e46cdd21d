"""A model opened to be looked into: one method a report, for the CLI, the TUI and the lessons alike.

It holds MLX arrays, so it belongs to the thread that made it; the reports that it returns may go anywhere.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import mlx.core as mx

from mlxgpt import checkpoint
from mlxgpt.errors import DataError
from mlxgpt.generation.generate import begin_id
from mlxgpt.inspection import attention, lens, roles, surprisal
from mlxgpt.inspection.reports import (
    AttentionReport,
    InductionReport,
    LensReport,
    Passage,
    RoleReport,
    TokensReport,
)
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import SPECIALS, Tokenizer


class Inspector:
    """A model and its tokenizer; everything is computed in float32, whatever the weights are stored in."""

    def __init__(self, model: GPT, tokenizer: Tokenizer, name: str) -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, name

    @staticmethod
    def open(directory: Path) -> "Inspector":
        """The model in a directory."""
        return Inspector(*checkpoint.load(directory, dtype=mx.float32), directory.name)

    # ---- what is read ------------------------------------------------------------------------------------------------

    def passage(self, text: str, *, cut: bool = False) -> Passage:
        """A text as the model reads it, after the token that texts begin after.

        Raises `DataError` for a text without tokens, and for one longer than the context, unless `cut` keeps its beginning.
        """
        begin = begin_id(self.tokenizer)
        ids = [*([] if begin is None else [begin]), *self.tokenizer.encode(text)]
        longest = self.model.config.context_length
        if not text or len(ids) < 2:
            raise DataError(
                "There is no text to look at." if not text else "The text is one token: nothing comes before it.",
                hint="Give a few words with --text, or a file with --file.",
            )
        if len(ids) > longest and not cut:
            raise DataError(
                f"The text has {len(ids):,} tokens, but {self.name} sees {longest:,} at a time.",
                hint=f"Shorten it, or let --cut keep its first {longest:,} tokens.",
            )
        return self._passage(text, ids[:longest])

    def _passage(self, text: str, ids: Sequence[int]) -> Passage:
        if len(ids) and max(ids) >= self.model.config.vocab_size:
            raise DataError(f"The text has the token id {max(ids)}, which {self.name} does not know.")
        return Passage(model=self.name, text=text, ids=tuple(ids), pieces=tuple(map(self.tokenizer.token_text, ids)))

    # ---- reports -----------------------------------------------------------------------------------------------------

    def attention(self, text: str, *, cut: bool = False) -> AttentionReport:
        """Who looks at whom, and what each head does."""
        return attention.attention(self.model, self.passage(text, cut=cut), self.roles)

    @cached_property
    def roles(self) -> RoleReport:
        """What each head does on repeated random tokens."""
        ours = self.tokenizer.chunk_id is not None
        probe = roles.probe(self.model, begin_id(self.tokenizer), len(SPECIALS) if ours else 0)
        return roles.find_roles(self.model, probe)

    def induction(self) -> InductionReport:
        """How repeated random tokens are predicted, with and without each head."""
        return roles.find_induction(self.model, self.roles)

    def lens(self, text: str, *, top: int = 5, cut: bool = False) -> LensReport:
        """What the model would predict if it stopped after each layer."""
        return lens.lens(self.model, self.passage(text, cut=cut), self.tokenizer.token_text, top=top)

    def tokens(self, text: str, *, top: int = 5, cut: bool = False) -> TokensReport:
        """How much each token surprises the model."""
        return surprisal.surprisal(self.model, self.passage(text, cut=cut), self.tokenizer.token_text, top=top)
