"""How much damage `mlxgpt data clean` repairs, and how many good documents it harms, on texts that were damaged here.

    .venv/bin/python scripts/benchmarks/cleaning.py FOLDER… [--documents 60] [--seed 0] [--peers] [--measures]

Every kind of damage is done to documents cut from the files of the folders: mojibake, escapes, page layout, code pages.
A document counts as repaired when the cleaned text is the original one (for wrapped pages: its words, for pages of the web: its
paragraphs).  Then the same folders are cleaned undamaged: nothing may be dropped.  `--peers` adds how many files of each code
page charset-normalizer decodes, where it is installed; `--measures` shows only what the rules of quality measure on good texts.
"""

import argparse
import html
import io
import random
import re
import textwrap
import time
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from html.entities import html5

from mlxgpt.data import decoding
from mlxgpt.data.cleaning.cleaner import Cleaner, Dropped, Kept
from mlxgpt.data.cleaning.quality import measure
from mlxgpt.data.cleaning.words import stop_word_share
from mlxgpt.data.documents import Document
from mlxgpt.data.sources import read

Damage = Callable[[str, random.Random], str | bytes]


def mojibake(encoding: str, times: int = 1) -> Damage:
    """UTF-8 read as a code page, perhaps again and again; bytes that the page leaves open are read as latin-1."""

    def damage(text: str, _random: random.Random) -> str:
        for _ in range(times):
            text = "".join(decode_byte(byte, encoding) for byte in text.encode())
        return text

    return damage


def decode_byte(byte: int, encoding: str) -> str:
    try:
        return bytes([byte]).decode(encoding)
    except UnicodeDecodeError:
        return chr(byte)


def some_paragraphs(damage: Damage) -> Damage:
    def damaged(text: str, chance: random.Random) -> str:
        parts = [damage(part, chance) if chance.random() < 0.5 else part for part in text.split("\n\n")]
        return "\n\n".join(map(str, parts))

    return damaged


def invisible(text: str, chance: random.Random) -> str:
    marks = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e"
    return "".join(c + (chance.choice(marks) if c.isalpha() and chance.random() < 0.02 else "") for c in text)


def controls(text: str, chance: random.Random) -> str:
    spaced = "".join("\u00a0" if c == " " and chance.random() < 0.2 else c for c in text)
    return "".join(
        c + (chance.choice("\x00\x01\x07\x0b\x0c\x1b\x1f\x7f") if chance.random() < 0.01 else "") for c in spaced
    )


def spaces(text: str, chance: random.Random) -> str:
    lines = (re.sub(" ", lambda _: " " * chance.choice((1, 1, 2, 4)), line) + "  " for line in text.split("\n"))
    return " \t" + "\r\n".join(lines) + "\r\n\r\n"


def entities(form: Callable[[int, str], str], times: int = 1) -> Damage:
    def damage(text: str, _random: random.Random) -> str:
        text = html.escape(text, quote=False)
        text = "".join(c if c.isascii() else form(ord(c), c) for c in text)
        for _ in range(times - 1):
            text = text.replace("&", "&amp;")
        return text

    return damage


def named(code: int, character: str) -> str:
    name = next((n for n, v in sorted(html5.items()) if v == character and n.endswith(";")), "")
    return f"&{name}" if name else f"&#{code};"


def wrapped(text: str, chance: random.Random) -> str:
    """As copied from a PDF: 60 to 78 columns, some words cut, and page breaks with number and running head."""
    width = chance.randint(60, 78)
    head = chance.choice(("OBRAS COMPLETAS", "CAPÍTULO TERCEIRO — A VIAGEM", "REVISTA DE LETRAS, N. 4"))
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        broken = textwrap.wrap(" ".join(paragraph.split()), width, break_on_hyphens=False, break_long_words=False)
        for at in range(len(broken) - 1):
            first, _, rest = broken[at + 1].partition(" ")
            if chance.random() < 0.15 and rest and first.isalpha() and first.islower() and len(first) >= 7:
                cut = chance.randint(3, len(first) - 3)
                broken[at], broken[at + 1] = f"{broken[at]} {first[:cut]}-", f"{first[cut:]} {rest}"
        lines += broken
    at, page = chance.randint(8, 20), chance.randint(2, 400)
    while at < len(lines) - 1:
        lines[at:at] = ["", str(page), "", head, ""]
        at, page = at + chance.randint(25, 40), page + 1
    return "\n".join(lines)


def page(text: str, chance: random.Random) -> str:
    """A page of the web with what belongs to the site around the text."""
    body = "\n".join(f"      <p class=texto>{html.escape(p)}</p>" for p in text.split("\n\n"))
    main = chance.choice(("article", "main", "div"))
    return f"""<html><head><title>Jornal da Praia</title><style>p {{ margin: 0 }}</style></head><body class="home">
    <div id="menu"><a href="/">Capa</a> <a href="/c">Cidade</a></div>
    <div class="cookie-bar"><p>Nós usamos cookies e tecnologias semelhantes.</p><button>Entendi</button></div>
    <{main} class="conteudo">
{body}
    </{main}>
    <div class="share-buttons">Compartilhe <span>Facebook</span></div>
    <script>if (a < b) {{ track("<p>x</p>") }}</script>
    <footer><p>Copyright 2021 Jornal da Praia</p></footer></body></html>"""


def site_lines(text: str, chance: random.Random) -> str:
    before = [
        "Capa | Cidade | Política | Cultura | Assine",
        "Nosso site utiliza cookies. Ao navegar você aceita a política.",
    ]
    after = ["Compartilhe: WhatsApp | Facebook | E-mail", "Leia também: o que fazer no domingo", "Publicidade"]
    after += ["© 2021 Jornal da Praia. Todos os direitos reservados."]
    return "\n\n".join([*before[: chance.randint(1, 2)], text, *after[chance.randint(0, 2) :]])


def book(text: str, chance: random.Random) -> str:
    start = chance.choice(
        (
            "*** START OF THE PROJECT GUTENBERG EBOOK DOM CASMURRO ***\n\nProduced by a team of volunteers.\n\n",
            "Dom Casmurro, de Machado de Assis\n\n*** START OF THIS PROJECT GUTENBERG EBOOK DOM CASMURRO ***\n\n",
            "*** INÍCIO DO LIVRO ELETRÔNICO ***\n\nPreparado por voluntários.\n\n",
        )
    )
    end = chance.choice(
        ("\n\n*** END OF THE PROJECT GUTENBERG EBOOK ***\n\nUpdated editions.", "\n\n*** FIM DO LIVRO ELETRÔNICO ***")
    )
    return start + text + end


def repeated(text: str, chance: random.Random) -> str:
    paragraphs = text.split("\n\n")
    at = chance.randrange(len(paragraphs))
    return "\n\n".join([*paragraphs[:at], *[paragraphs[at]] * chance.randint(9, 12), *paragraphs[at + 1 :]])


def in_code_page(encoding: str) -> Damage:
    def damage(text: str, _random: random.Random) -> bytes:
        return text.encode(encoding)

    return damage


def mixed(text: str, chance: random.Random) -> bytes:
    parts = text.split("\n\n")
    at = chance.randint(0, len(parts))
    return (
        "\n\n".join(parts[:at]).encode()
        + (b"\n\n" if 0 < at < len(parts) else b"")
        + "\n\n".join(parts[at:]).encode("cp1252")
    )


DAMAGES: Mapping[str, Damage] = {
    "mojibake latin-1": mojibake("latin-1"),
    "mojibake cp1252": mojibake("cp1252"),
    "mojibake mac_roman": mojibake("mac_roman"),
    "mojibake cp1252, twice": mojibake("cp1252", 2),
    "mojibake latin-1, twice": mojibake("latin-1", 2),
    "mojibake in some paragraphs": some_paragraphs(mojibake("cp1252")),
    "NFD": lambda text, _: unicodedata.normalize("NFD", text),
    "invisible characters": invisible,
    "controls and hard spaces": controls,
    "CRLF and spaces": spaces,
    "CR": lambda text, _: text.replace("\n", "\r"),
    "entities, decimal": entities(lambda code, _: f"&#{code};"),
    "entities, hexadecimal": entities(lambda code, _: f"&#x{code:X};"),
    "entities, named": entities(named),
    "entities, twice": entities(named, 2),
    "lines wrapped (words)": wrapped,
    "page of the web (paragraphs)": page,
    "lines of a site": site_lines,
    "frame of a book": book,
    "paragraph repeated": repeated,
    "file utf-16": in_code_page("utf-16"),
    "file utf-16-le without mark": in_code_page("utf-16-le"),
    "file utf-16-be without mark": in_code_page("utf-16-be"),
    "file utf-8 with mark": in_code_page("utf-8-sig"),
    "file cp1252": in_code_page("cp1252"),
    "file latin-1": in_code_page("latin-1"),
    "file mac_roman": in_code_page("mac_roman"),
    "file cp850": in_code_page("cp850"),
    "file utf-8 and cp1252": mixed,
}


def documents(folders: list[str], count: int, seed: int) -> Iterator[str]:
    """Documents of 800 to 3,000 characters cut at paragraphs from random places."""
    chance = random.Random(seed)
    texts = [document.text for document in read(folders, refuse=lambda _: None) if len(document.text) > 3000]
    while count:
        paragraphs = chance.choice(texts).split("\n\n")
        at = chance.randrange(len(paragraphs))
        text = ""
        while at < len(paragraphs) and len(text) < 800:
            text += ("\n\n" if text else "") + paragraphs[at]
            at += 1
        if 800 <= len(text) <= 3000:
            count -= 1
            yield text


def equal(kind: str, cleaned: str, original: str) -> bool:
    if "(words)" in kind:
        return cleaned.split() == original.split()
    if "(paragraphs)" in kind:
        return [" ".join(p.split()) for p in cleaned.split("\n\n")] == [
            " ".join(p.split()) for p in original.split("\n\n")
        ]
    return cleaned.strip() == original.strip()


def clean(damaged: str | bytes, cleaner: Cleaner) -> str:
    encoding = "utf-8"
    if isinstance(damaged, bytes):
        encoding, lines = decoding.repair(io.BytesIO(damaged))
        damaged = "".join(lines)
    outcome = cleaner.clean(Document(text=damaged, source="", encoding=encoding))
    return f"(dropped: {outcome.rule})" if isinstance(outcome, Dropped) else outcome.document.text


def print_peers(originals: list[str], seed: int) -> None:
    """Files of each code page that another library decodes to the same text."""
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        print("charset-normalizer is not installed")
        return
    for kind, damage in DAMAGES.items():
        if not kind.startswith("file "):
            continue
        chance = random.Random(seed)
        done = right = 0
        for original in originals:
            try:
                data = damage(original, chance)
            except UnicodeEncodeError:
                continue
            assert isinstance(data, bytes)
            best = from_bytes(data).best()
            done, right = done + 1, right + (best is not None and str(best) == original)
        print(f"charset-normalizer, {kind:28} {right:4} of {done:4}")


def print_measures(folders: list[str]) -> None:
    """The least, middle and most of each measure over stretches of 1,500 characters of good texts."""
    values: dict[str, list[float]] = {}
    for document in read(folders, refuse=lambda _: None):
        part = ""
        for paragraph in document.text.split("\n\n"):
            part += ("\n\n" if part else "") + paragraph
            if len(part) >= 1500:
                m, part = measure(part), ""
                grams = {n: Counter(zip(*(m.words[at:] for at in range(n)), strict=False)) for n in (2, 3, 4, 5)}
                for name, value in {
                    "letters for each piece": m.letters / len(m.pieces),
                    "share of letters": m.letters / m.visible,
                    "share of digits": sum(map(m.text.count, "0123456789")) / m.visible,
                    "share of signs of code": sum(map(m.text.count, "{}[]()<>=;\\|_#$@^~")) / m.visible,
                    "lines ending in an ellipsis": sum(x.endswith(("...", "…")) for x in m.lines) / len(m.lines),
                    "words such as de, a, que": stop_word_share(m.counts, "pt"),
                    "what zlib leaves": len(zlib.compress(m.text.encode())) / len(m.text.encode()),
                    "characters in the top 2-gram": _top(grams[2], m.letters),
                    "characters in the top 3-gram": _top(grams[3], m.letters),
                    "characters in the top 4-gram": _top(grams[4], m.letters),
                    "5-grams that were there before": 1 - len(grams[5]) / max(1, grams[5].total()),
                }.items():
                    values.setdefault(name, []).append(value)
    print(f"{'measure':32} {'least':>7} {'1 %':>7} {'middle':>7} {'99 %':>7} {'most':>7}")
    for name, found in values.items():
        found.sort()
        shown = (found[at * (len(found) - 1) // 100] for at in (0, 1, 50, 99, 100))
        print(f"{name:32} " + " ".join(f"{value:7.3f}" for value in shown))


def _top(grams: "Counter[tuple[str, ...]]", letters: int) -> float:
    """The share of the letters in the most frequent n-gram, when it occurs more than twice."""
    (words, times), *_ = grams.most_common(1) or [((), 0)]
    return times * sum(map(len, words)) / letters if times > 2 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--documents", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="failures of each kind to print")
    parser.add_argument("--peers", action="store_true", help="another library's recognition of encodings too")
    parser.add_argument("--measures", action="store_true", help="only what the rules of quality measure on good texts")
    given = parser.parse_args()
    if given.measures:
        print_measures(given.folders)
        return
    cleaner = Cleaner()
    originals = [
        tidied.document.text
        for text in documents(given.folders, given.documents, given.seed)
        if isinstance(tidied := cleaner.clean(Document(text=text, source="")), Kept)
    ]
    total = good = 0
    for kind, damage in DAMAGES.items():
        chance = random.Random(given.seed)
        done = repaired = 0
        shown = given.show
        for original in originals:
            try:
                damaged = damage(original, chance)
            except UnicodeEncodeError:  # the code page has not all its characters
                continue
            done += 1
            cleaned = clean(damaged, cleaner)
            right = equal(kind, cleaned, original)
            repaired += right
            if not right and shown:
                shown -= 1
                if "(words)" in kind:
                    cleaned, original = "\n".join(cleaned.split()), "\n".join(original.split())
                at = next((i for i, (a, b) in enumerate(zip(cleaned, original, strict=False)) if a != b), 0)
                print(
                    f"    at {at}: {cleaned[max(0, at - 40) : at + 60]!r}\n    for {original[max(0, at - 40) : at + 60]!r}"
                )
        total, good = total + done, good + repaired
        print(f"{kind:32} {repaired:4} of {done:4}")
    print(f"{'repaired':32} {good:4} of {total:4}  ({good / total:.2%})")
    if given.peers:
        print_peers(originals, given.seed)
    good_documents = list(read(given.folders, refuse=lambda _: None))
    size = sum(len(document.text.encode()) for document in good_documents)
    began = time.process_time()
    outcomes = [cleaner.clean(document) for document in good_documents]
    print(f"{'speed, of one core':32} {size / (time.process_time() - began) / 1e6:.1f} MB/s")
    dropped = [outcome for outcome in outcomes if isinstance(outcome, Dropped)]
    print(f"{'good documents dropped':32} {len(dropped):4} of {len(outcomes):4}")
    for outcome in dropped:
        print(f"    {outcome.document.where}: {outcome.rule}, {outcome.reason}")


if __name__ == "__main__":
    main()
