"""One text on its way from tokens to the reader: when it is over, and what is said of each token.

`generate` writes one, `batch` many side by side; what a token becomes is the same.
"""

import secrets
import time
from collections.abc import Sequence

from mlxgpt.events import GenerationFinished, TokenGenerated
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.facts import Fact
from mlxgpt.generation.stops import TextStream
from mlxgpt.tokenizer.base import Tokenizer


class Writing:
    """A text being written: push its tokens until it is `over`.

    A text that goes on after tokens it has already, `kept`, is told of them, because a character may have begun in them;
    `given` more tokens than `max_tokens` are pushed.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        config: GenerateConfig,
        prompt_tokens: int,
        stop_ids: frozenset[int] | None = None,
        *,
        kept: Sequence[int] = (),
        given: int = 0,
    ) -> None:
        self.config, self.prompt_tokens = config, prompt_tokens
        self.seed = secrets.randbits(32) if config.sampling.seed is None else config.sampling.seed
        self.count, self.over = 0, False
        self._reason = "length"
        self._tokenizer, self._stream = tokenizer, TextStream(tokenizer, config.stop)
        self._most = config.max_tokens + given
        for token in kept:
            self._stream.push(token)
        self._ends = tokenizer.stop_ids if stop_ids is None else stop_ids
        self._started = self._first = self._now = time.perf_counter()

    def push(self, fact: Fact, *, stopped: bool = False) -> TokenGenerated:
        """Take in the next token; `stopped` makes it the last."""
        self._now = time.perf_counter()
        self._first = self._first if self.count else self._now
        self.count += 1
        token = fact.token
        if token in self._ends:
            text, self._reason = "", "eos"
        else:
            text = self._stream.push(token)
            if self._stream.stopped:
                self._reason = "stop"
            elif stopped:
                self._reason = "stopped"
        self.over = self._reason != "length" or self.count == self._most
        return TokenGenerated(
            id=token,
            text=text + self._stream.flush() if self.over else text,
            token=self._tokenizer.token_text(token),
            **{name: value for name, value in fact._asdict().items() if name != "token"},
        )

    @property
    def finished(self) -> GenerationFinished:
        """What there is to say at the end."""
        return GenerationFinished(
            reason=self._reason,
            text=self._stream.text,
            tokens=self.count,
            tokens_per_second=(self.count - 1) / max(self._now - self._first, 1e-9),
            seconds_to_first_token=self._first - self._started,
            seed=self.seed,
        )
