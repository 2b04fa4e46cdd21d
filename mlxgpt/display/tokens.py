"""Text as it is written, token by token; with its numbers when they are asked for."""

from rich.console import Console

from mlxgpt.events import Event, GenerationFinished, Noted, PromptRead, TokenGenerated
from mlxgpt.text import visible


class TokenPrinter:
    """Prints the events of a generation: text on one console, remarks on another."""

    def __init__(self, text: Console, remarks: Console, *, show_tokens: bool = False, show_rate: bool = True) -> None:
        self.text, self.remarks = text, remarks
        self.show_tokens, self.show_rate = show_tokens, show_rate
        self._prompt: str | None = None

    def begin(self, prompt: str) -> None:
        """The text that is continued; it is shown right before what continues it, so after an error or what is said of it."""
        self._prompt = prompt

    def show(self, event: Event) -> None:
        """Take in one event."""
        if self._prompt is not None and isinstance(event, TokenGenerated | GenerationFinished):
            if self.show_tokens:
                self._remark(f"{'id':>7}  {'probability':>11}  {'rank':>5}  text")
            else:
                self._write(self._prompt)
            self._prompt = None
        match event:
            case TokenGenerated() if self.show_tokens:
                probability = "" if event.probability is None else f"{event.probability:.4f}"
                rank = "" if event.rank is None else str(event.rank)
                piece = repr(visible(event.token))
                self._write(f"{event.id:>7}  {probability:>11}  {rank:>5}  {piece}\n")
            case TokenGenerated():
                self._write(event.text)
            case PromptRead(dropped_tokens=dropped) if dropped:
                self._remark(
                    f"The prompt has {event.tokens} tokens; {dropped} did not fit the context and were left out."
                )
            case GenerationFinished():
                if not self.show_tokens:
                    self._write("\n")
                if self.show_rate:
                    self._remark(
                        f"{event.tokens} tokens, {event.tokens_per_second:,.0f} tok/s, first after "
                        f"{event.seconds_to_first_token * 1000:.0f} ms ({event.reason})"
                    )
            case Noted():
                self._remark(visible(event.text))

    def _write(self, text: str) -> None:
        self.text.out(visible(text), end="", highlight=False)
        self.text.file.flush()

    def _remark(self, text: str) -> None:
        self.remarks.print(text, style="dim", highlight=False, markup=False)
