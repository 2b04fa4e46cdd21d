"""A conversation as a file: Markdown, JSON, a web page or a picture.

Markdown, page and picture hold the path that is shown, with no control character left in it; JSON holds the whole tree,
every token with its figures, and gives it back as it was.  Colour stands for surprisal, -ln p, in page and picture.
"""

import dataclasses
import html
import io
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mlxgpt.display.colours import painted, shade
from mlxgpt.errors import ConfigError, DataError, nearest
from mlxgpt.text import visible
from tui.conversation import Conversation, Message
from tui.rows import sound, title_of

MOST_NATS = 6.0  # of surprisal; beyond that the colour stays the same


def export(talk: Conversation, path: Path, kind: str = "") -> Path:
    """Write a conversation to a file that did not exist before; `kind` is a key of `KINDS`, else what the name ends in."""
    path = path.expanduser()
    kind = kind or path.suffix.removeprefix(".").lower()
    if kind not in KINDS:
        raise ConfigError(
            f"{path.name} says no kind of file." if not kind else f"There is no kind {kind!r}.",
            hint=nearest(kind, KINDS),
        )
    text = sound(KINDS[kind](talk))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise DataError(f"{path} exists already.", hint="Choose another name; nothing was written.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}.", hint="Choose another place.") from None
    return path


def file_name(talk: Conversation) -> str:
    """Its title as the name of a file, without an ending."""
    return re.sub(r"\W+", "-", title_of(talk)).strip("-").lower()[:40] or "conversation"


def as_markdown(talk: Conversation) -> str:
    """Headings for who speaks; the texts as they are."""
    blocks = [f"# {visible(title_of(talk))}"]
    for message in talk.path():
        blocks.append(f"**{_speaker(message)}**{_drawn(message)}")
        blocks.append(visible(message.text))
    return "\n\n".join(blocks) + "\n"


def as_json(talk: Conversation) -> str:
    """All of it."""
    messages = [
        {**dataclasses.asdict(message), "tokens": [token.to_json() for token in message.tokens]}
        for message in talk.messages.values()
    ]
    return json.dumps({"title": title_of(talk), "leaf": talk.leaf, "messages": messages}, indent=1) + "\n"


def as_html(talk: Conversation) -> str:
    """A page that needs nothing else: no script, no font, no picture from anywhere."""
    title = html.escape(visible(title_of(talk)))
    articles = []
    for message in talk.path():
        spans = []
        for piece, nats, hover in _pieces(message):
            escaped = html.escape(visible(piece))
            if nats is None:
                spans.append(escaped)
            else:
                opacity = min(nats / MOST_NATS, 1.0) * 0.75
                spans.append(f'<span style="background:rgba(230,140,0,{opacity:.2f})" title="{hover}">{escaped}</span>')
        head = f"<h2>{_speaker(message)} <small>{html.escape(visible(_drawn(message)))}</small></h2>"
        articles.append(f"<article>{head}<p>{''.join(spans)}</p></article>")
    return _PAGE.format(title=title, body="\n".join(articles))


def as_svg(talk: Conversation) -> str:
    """The transcript as a picture, 100 columns wide."""
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for message in talk.path():
        console.print(Text(_speaker(message) + _drawn(message), style="bold"))
        line = Text()
        for piece, nats, _ in _pieces(message):
            line.append(visible(piece), style=painted(shade(nats / MOST_NATS)) if nats is not None else "")
        console.print(line)
        console.print()
    svg = console.export_svg(title=visible(title_of(talk)))
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # no font from elsewhere


KINDS: dict[str, Callable[[Conversation], str]] = {
    "md": as_markdown,
    "json": as_json,
    "html": as_html,
    "svg": as_svg,
}


def _pieces(message: Message) -> Iterator[tuple[str, float | None, str]]:
    """Each piece of a message with its surprisal in nats and its figures; one piece without where there are no tokens."""
    if not message.tokens:
        yield message.text, None, ""
    for token in message.tokens:
        if token.probability is None:
            yield token.text, None, ""
        else:
            nats = -math.log(token.probability) if token.probability > 0 else MOST_NATS
            rank = f" · rank {token.rank:,}" if token.rank else ""
            yield token.text, nats, f"p {token.probability:.4f}{rank} · surprisal {nats:.2f} nats · id {token.id}"


def _speaker(message: Message) -> str:
    return "you" if message.role == "user" else visible(message.model) or message.role


def _drawn(message: Message) -> str:
    return f" · {visible(message.settings)}" if message.settings else ""


_PAGE = """<!doctype html>
<html lang="pt-BR">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 17px/1.6 Georgia, serif; max-width: 42em; margin: 2em auto; padding: 0 1em; color-scheme: light dark }}
h2 {{ font: 600 13px system-ui, sans-serif; margin: 2em 0 0 }}
small {{ font-weight: 400; opacity: 0.7 }}
p {{ white-space: pre-wrap; margin: 0.3em 0 }}
footer {{ font: 13px system-ui, sans-serif; opacity: 0.7; margin-top: 3em }}
</style>
<h1>{title}</h1>
{body}
<footer>Background: surprisal of each token, none for 0 nats, full from 6 on. Hover over a token for its figures.</footer>
</html>
"""
