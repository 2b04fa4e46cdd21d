"""The cleaner: its rules in order, and what it says of a document.

First every rule of `MENDS` may change the text; then the rules of `JUDGES` decide whether it stays.  A cleaner is a value, so
worker processes get a copy; it remembers nothing from one document to the next, so the result does not depend on their number.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mlxgpt.data.cleaning import characters, layout, markup, pages, personal
from mlxgpt.data.cleaning.boilerplate import without_lines
from mlxgpt.data.cleaning.config import CleaningConfig
from mlxgpt.data.cleaning.quality import JUDGES, measure
from mlxgpt.data.cleaning.words import STOP_WORDS
from mlxgpt.data.documents import Document
from mlxgpt.errors import ConfigError, nearest
from mlxgpt.tokenizer.chat import Message

MENDS: Mapping[str, Callable[[str], str]] = {
    "mojibake": characters.mojibake,
    "controls": characters.controls,
    "html": markup.markup,
    "entities": characters.entities,
    "invisible": characters.invisible,
    "nfc": characters.composed,
    "spaces": characters.spaces,
    "book frame": layout.book_frame,
    "wrapped lines": pages.wrapped_lines,
    "navigation": layout.navigation,
    "repeats": layout.repeats,
}
CHAT_MENDS = ("mojibake", "controls", "entities", "invisible", "nfc")  # in a chat, layout and markup are what was said
ENCODING, BOILERPLATE, PERSONAL = "encoding", "boilerplate", "personal data"
RULES = (ENCODING, *MENDS, PERSONAL, BOILERPLATE, *JUDGES)  # every name there is


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The document stays; `changed` names the rules that mended it."""

    document: Document
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """The document goes, by which rule and why; `changed` names the rules that had mended it before."""

    document: Document
    rule: str
    reason: str
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaner:
    """Cleans documents by `config`; `boilerplate` are the lines that a survey found in many of them."""

    config: CleaningConfig = field(default_factory=CleaningConfig)
    boilerplate: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for name in self.config.skip:
            if name not in RULES:
                raise ConfigError(f"There is no rule of cleaning named {name!r}.", hint=nearest(name, RULES))
        for name in self.config.languages:
            if name not in STOP_WORDS:
                raise ConfigError(f"Cleaning knows no language {name!r}.", hint=nearest(name, STOP_WORDS))

    def clean(self, document: Document) -> Kept | Dropped:
        """The document, mended, or why it has to go; a chat is mended and never dropped."""
        return self.judge(self.mend(document))

    def mend(self, document: Document) -> Kept:
        """The document as its rules mend it one by one; of a chat, only the characters."""
        changed = dict.fromkeys([ENCODING] if document.encoding != "utf-8" else [])
        if document.messages:
            messages = []
            for message in document.messages:
                content, names = self._mended(message["content"], CHAT_MENDS)
                content, names = self._masked(content, names)
                messages.append(Message(role=message["role"], content=content))
                changed.update(dict.fromkeys(names))
            return Kept(document=dataclasses.replace(document, messages=tuple(messages)), changed=tuple(changed))
        text, names = self._mended(document.text)
        return Kept(document=dataclasses.replace(document, text=text), changed=(*changed, *names))

    def judge(self, kept: Kept) -> Kept | Dropped:
        """What is left of a mended document without boilerplate, if it is a text that one wants."""
        document, changed = kept.document, list(kept.changed)
        if document.messages:
            return kept
        text = without_lines(document.text, self.boilerplate)
        if text != document.text:
            changed.append(BOILERPLATE)
        text, changed = self._masked(text, changed)  # not before: masked lines are all alike, as boilerplate is
        document = dataclasses.replace(document, text=text)
        measures = measure(text)
        for name in JUDGES:
            if name in self.config.skip:
                continue
            if reason := JUDGES[name](measures, self.config):
                return Dropped(document=document, rule=name, reason=reason, changed=tuple(changed))
        return Kept(document=document, changed=tuple(changed))

    def _mended(self, text: str, rules: Iterable[str] = MENDS) -> tuple[str, list[str]]:
        """The text after every rule, and the names of those that changed it."""
        changed = []
        for name in rules:
            if name in self.config.skip:
                continue
            mended = MENDS[name](text)
            if mended != text:
                changed.append(name)
            text = mended
        return text, changed

    def _masked(self, text: str, changed: list[str]) -> tuple[str, list[str]]:
        if self.config.mask_personal and (masked := personal.mask_personal(text)) != text:
            return masked, [*changed, PERSONAL]
        return text, changed
