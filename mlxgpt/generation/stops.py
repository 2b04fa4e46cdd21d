"""Text on its way to the reader: characters completed, stop texts found before any part of them is shown."""

from collections.abc import Sequence

from mlxgpt.tokenizer.base import StreamDecoder, Tokenizer


class StopFinder:
    """Holds back what may be the beginning of a stop text.

    Of several stop texts the one that is complete first counts, and of those that end together the longest; so the
    result does not depend on how the text was cut into pieces.

    >>> finder = StopFinder(["END"])
    >>> finder.push("the E"), finder.push("N"), finder.push("d EN"), finder.push("D of")
    ('the ', '', 'ENd ', '')
    >>> finder.found
    True
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = stops
        self.found = False
        self._held = ""

    def push(self, text: str) -> str:
        """What may be shown now; after a stop text was found, nothing any more."""
        if self.found:
            return ""
        self._held += text
        hits = [(start + len(stop), start) for stop in self.stops if (start := self._held.find(stop)) >= 0]
        if hits:
            self.found = True
            end = min(hits)[1]
        else:
            end = len(self._held) - max((_overlap(self._held, stop) for stop in self.stops), default=0)
        shown, self._held = self._held[:end], self._held[end:]
        return shown

    def flush(self) -> str:
        """What was held back and turned out to be ordinary text."""
        rest, self._held = "" if self.found else self._held, ""
        return rest


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of `text` that begins `stop` without being all of it."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)


class TextStream:
    """Tokens in, showable text out: `StreamDecoder` for whole characters, then `StopFinder`."""

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str] = ()) -> None:
        self._decoder, self._finder = StreamDecoder(tokenizer), StopFinder(stops)
        self.text = ""  # all that was shown

    def push(self, token: int) -> str:
        """The text that becomes certain with `token`."""
        return self._show(self._finder.push(self._decoder.push(token)))

    def flush(self) -> str:
        """What is left when no token follows."""
        return self._show(self._finder.push(self._decoder.flush()) + self._finder.flush())

    def _show(self, text: str) -> str:
        self.text += text
        return text

    @property
    def stopped(self) -> bool:
        """Whether a stop text was found."""
        return self._finder.found
