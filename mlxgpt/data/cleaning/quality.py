"""Rules that drop a document: is it a text in a wanted language, or rubbish?

They follow Gopher (Rae et al. 2021, arXiv:2112.11446, table A1), C4 (Raffel et al. 2020, arXiv:1910.10683) and FineWeb (Penedo
et al. 2024, arXiv:2406.17557), with values for Portuguese: docs/data.md has what was measured and why they differ.  Each rule
looks at `Measures`, taken once, and gives a reason with the figure, or "".
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mlxgpt.data.cleaning.config import CleaningConfig
from mlxgpt.data.cleaning.words import STOP_WORDS, WORD, language_of, stop_word_share

MEASURED = 1 << 19  # characters: of a longer text, so many from its beginning are measured
_FEW = 30  # words: with fewer, shares of n-grams and stop words say little


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What the rules look at: the beginning of the text, its pieces between spaces, its words and how often each occurs."""

    text: str
    pieces: Sequence[str]
    words: Sequence[str]  # lower case
    counts: Counter[str]
    lines: Sequence[str]  # not blank
    visible: int  # characters that are no space
    letters: int
    language: str


def measure(text: str) -> Measures:
    """The measures of a text."""
    text = _RUN.sub(r"\1\1\1", text[:MEASURED])
    pieces = text.split()
    words = WORD.findall(text.lower())
    counts = Counter(words)
    return Measures(
        text=text,
        pieces=pieces,
        words=words,
        counts=counts,
        lines=[line.strip() for line in text.split("\n") if line.strip()],
        visible=max(1, sum(map(len, pieces))),
        letters=sum(map(len, words)),
        language=language_of(counts),
    )


def _too_short(m: Measures, config: CleaningConfig) -> str:
    """Labels and remains of pages: fewer than 2 words, or fewer than 10 that do not end as a sentence does."""
    if len(m.words) < config.min_words:
        return f"{len(m.words)} words"
    if len(m.words) < config.min_label_words and not _SENTENCE_END.search(m.text):
        return f"{len(m.words)} words that are no sentence"
    return ""


def _characters_lost(m: Measures, config: CleaningConfig) -> str:
    """U+FFFD, or ? where letters with an accent were: what they were is nowhere any more."""
    replaced = m.text.count("\ufffd") / len(m.text)
    if replaced > config.max_replaced:
        return f"{replaced:.2%} of its characters were lost (U+FFFD)"
    questions = len(_QUESTION_IN_WORD.findall(m.text)) / max(1, len(m.pieces))
    return f"{questions:.1%} of its words have ? for a letter" if questions > config.max_question_words else ""


def _word_length(m: Measures, config: CleaningConfig) -> str:
    """Letters set apart, words run together, base64."""
    mean = m.letters / max(1, len(m.pieces))
    too_short = mean < config.min_mean_word and len(m.words) >= _FEW
    return f"its words have {mean:.1f} letters on average" if too_short or mean > config.max_mean_word else ""


def _symbols(m: Measures, config: CleaningConfig) -> str:
    """Tables of figures, source code, rows of signs."""
    digits = sum(map(m.text.count, "0123456789")) / m.visible
    if digits > config.max_digits:
        return f"{digits:.0%} digits"
    code = sum(map(m.text.count, "{}[]()<>=;\\|_#$@^~")) / m.visible
    if code > config.max_code:
        return f"{code:.0%} signs of code"
    letters = m.letters / m.visible
    return f"{letters:.0%} letters" if letters < config.min_letters and len(m.words) >= _FEW else ""


def _addresses(m: Measures, config: CleaningConfig) -> str:
    """Lists of links."""
    share = sum(map(len, _URL.findall(m.text))) / m.visible
    return f"{share:.0%} of it are addresses" if share > config.max_urls else ""


def _placeholder(m: Measures, _config: CleaningConfig) -> str:
    """Lorem ipsum (a rule of C4)."""
    return "lorem ipsum" if "lorem ipsum" in m.text.lower() and m.counts["lorem"] * 200 >= len(m.words) else ""


def _lines(m: Measures, config: CleaningConfig) -> str:
    """Teasers that all end in an ellipsis, and lists without text around."""
    if len(m.lines) < 5:
        return ""
    ellipses = sum(line.endswith(("...", "…")) for line in m.lines) / len(m.lines)
    if ellipses > config.max_ellipsis_lines:
        return f"{ellipses:.0%} of its lines end in an ellipsis"
    bullets = sum(line.startswith(_BULLETS) for line in m.lines) / len(m.lines)
    return f"{bullets:.0%} of its lines are bullets" if bullets > config.max_bullet_lines else ""


def _repetition(m: Measures, config: CleaningConfig) -> str:
    """The same lines or the same words again and again."""
    counted = Counter(m.lines)
    repeated = sum((times - 1) * len(line) for line, times in counted.items() if times > 1) / max(
        1, sum(map(len, m.lines))
    )
    if len(m.lines) > 4 and repeated > config.max_repeated_lines:
        return f"{repeated:.0%} of it are lines that were there before"
    packed = _packed(m.text)
    if m.visible > 200 and packed < config.min_packed:
        return f"it could be packed to {packed:.0%}"
    if len(m.words) < _FEW or (m.visible > _LONG and packed > _IRREGULAR):
        return ""
    for n, most in ((2, config.max_top_bigram), (3, config.max_top_trigram), (4, config.max_top_fourgram)):
        grams, times = Counter(_grams(m.words, n)).most_common(1)[0]
        share = times * sum(map(len, grams)) / m.letters
        if times > 2 and share > most:
            return f"{share:.0%} of it is “{' '.join(grams)[:60]}”"
    fives = Counter(_grams(m.words, 5))
    again = 1 - len(fives) / max(1, fives.total())
    return f"{again:.0%} of its 5-grams were there before" if again > config.max_repeated_fivegrams else ""


def _misread(m: Measures, config: CleaningConfig) -> str:
    """Noise of optical recognition: 0 for o, 1 for l, c for e, rn for m."""
    if len(m.words) < _FEW:
        return ""
    misread = sum(m.counts.get(word, 0) for word in _MISREAD_WORDS)
    misread += sum(bool(_MISREAD.search(piece)) for piece in m.pieces if "rn" in piece or "c" in piece[-2:])
    if any(map(m.text.count, "0156")):
        misread += len(_DIGIT_FOR_LETTER.findall(m.text))
    share = misread / len(m.pieces)
    return f"{share:.1%} of its words were misread" if misread > 2 and share > config.max_misread_words else ""


def _language(m: Measures, config: CleaningConfig) -> str:
    """A language that is not wanted; a text of a few words is not judged."""
    wanted = not config.languages or not m.language or m.language in config.languages
    return "" if wanted else f"it is {_NAMES[m.language]}"


def _stop_words(m: Measures, config: CleaningConfig) -> str:
    """Words without the small ones that make sentences of them: lists, names, no language that is wanted."""
    if len(m.words) < _FEW:
        return ""
    known = [language for language in config.languages if language in STOP_WORDS] or list(STOP_WORDS)
    share = max(stop_word_share(m.counts, language) for language in known)
    return f"{share:.0%} of its words are such as de, a, que" if share < config.min_stop_words else ""


def _grams(words: Sequence[str], n: int) -> "zip[tuple[str, ...]]":
    return zip(*(words[at:] for at in range(n)), strict=False)


def _packed(text: str) -> float:
    """The share of its size that zlib leaves of a text's first 64 kB; prose 0.35 … 0.6, nonsense that repeats less than 0.1."""
    data = text[: 1 << 16].encode()
    return len(zlib.compress(data)) / len(data)


_RUN = re.compile(r"([^\w\s])(?:\s?\1){3,}")  # rows of dots, as books and tables of contents have
# So long a text, of which zlib leaves so much, repeats nothing often; counting its n-grams takes a quarter of all the time.
_LONG, _IRREGULAR = 2000, 0.42
_SENTENCE_END = re.compile(r"[.!?…:;][\"'”’»)\]]*\s*$")
_QUESTION_IN_WORD = re.compile(r"\?(?:(?<=[^\W\d_]\?)\?*[^\W\d_]|(?<=[^\W\d_]\?)\?+[a-z]|(?<!\S\?)(?=[^\W\d_]| [a-z]))")
_URL = re.compile(r"(?:https?://|www\.)\S+")
_BULLETS = ("* ", "• ", "· ", "◦ ", "▪ ", "● ", "‣ ", "+ ")  # not the dashes, which begin speech
# Small words with c for e or rn for m; rn where no word has it, and c for e at the end; 0, 1, 5, 6 for o, l, s, é in a word.
_MISREAD_WORDS = {
    *("dc", "quc", "sc", "cra", "cu", "csta", "cste", "cstava", "cssa", "urn", "tern", "nern", "sern", "bern", "quern"),
    *("nâo", "entâo", "ondc", "pclo", "pcla", "dcla", "dclc", "clc", "cla"),
}
_MISREAD = re.compile(r"^\W*(?:rn[aeiouà-ü][a-zà-ü]*|[a-zà-ü]+rn[pb][a-zà-ü]+|[a-zà-ü]{2,}[bdgmnrtv]c)\W*$")
_DIGIT_FOR_LETTER = re.compile(
    r"(?<![\w/.`-])(?:[A-Z]?[a-zà-ü]+[0156][a-zà-ü]+|[A-Z]?[a-zà-ü]+[à-ü]0|[05][a-zà-ü]{3,}|0s|d0|[a-zà-ü]{3,}0)(?![\w/`])"
)
_NAMES = {"pt": "Portuguese", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian"}

JUDGES: Mapping[str, Callable[[Measures, CleaningConfig], str]] = {
    "too short": _too_short,
    "characters lost": _characters_lost,
    "word length": _word_length,
    "symbols": _symbols,
    "addresses": _addresses,
    "placeholder": _placeholder,
    "lines": _lines,
    "repetition": _repetition,
    "language": _language,
    "stop words": _stop_words,
    "misread": _misread,
}
