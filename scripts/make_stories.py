"""Write short children's stories and small chats in Brazilian Portuguese: training text for a very small GPT.

Each plot below is a causal chain of beats over a cast, a place and objects drawn from tables; every choice comes from
one seeded `random.Random`, so a seed and a size always give the same bytes. In a template `[a|b]` picks one of the
texts, `{h:o}` writes a fact with its article ("o gato"), `{h:~cansado}` an adjective that agrees with it and
`{obj:estava/estavam}` a verb that does; a beat that starts with "?" may be left out. A story keeps the questions its
plot can answer, so the chats ask about what was really told.

    python scripts/make_stories.py --bytes 4MB --seed 0 --output stories.txt [--format txt|jsonl]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
QA = tuple[str, str]

MIN_WORDS, MAX_WORDS = 60, 220
MIN_PARAGRAPHS, MAX_PARAGRAPHS = 2, 6
SHORT_STORY_WORDS = 110

# ---------------------------------------------------------------------------------------------------------------------
# Agreement: nouns and beings that inflect the words around them
# ---------------------------------------------------------------------------------------------------------------------

# Masculine, feminine, masculine plural, feminine plural; written before the noun.
ARTICLES = {
    "o": ("o", "a", "os", "as"),
    "um": ("um", "uma", "uns", "umas"),
    "do": ("do", "da", "dos", "das"),
    "no": ("no", "na", "nos", "nas"),
    "ao": ("ao", "à", "aos", "às"),
    "pelo": ("pelo", "pela", "pelos", "pelas"),
    "num": ("num", "numa", "nuns", "numas"),
    "meu": ("meu", "minha", "meus", "minhas"),
    "seu": ("seu", "sua", "seus", "suas"),
    "esse": ("esse", "essa", "esses", "essas"),
    "aquele": ("aquele", "aquela", "aqueles", "aquelas"),
    "novo": ("um novo", "uma nova", "uns novos", "umas novas"),
    "outro": ("outro", "outra", "outros", "outras"),
    "nenhum": ("nenhum", "nenhuma", "nenhuns", "nenhumas"),
}
# The same order; written alone.
PRONOUNS = {
    "ele": ("ele", "ela", "eles", "elas"),
    "dele": ("dele", "dela", "deles", "delas"),
    "nele": ("nele", "nela", "neles", "nelas"),
    "este": ("este", "esta", "estes", "estas"),
    "-lo": ("lo", "la", "los", "las"),
    "-o": ("o", "a", "os", "as"),
    "dois": ("os dois", "as duas", "os dois", "as duas"),
}
FEMININE_EXCEPTIONS = {"bom": "boa", "brincalhão": "brincalhona", "resmungão": "resmungona", "mau": "má"}


def feminine(adjective: str) -> str:
    """The feminine of a masculine singular adjective or participle."""
    if adjective in FEMININE_EXCEPTIONS:
        return FEMININE_EXCEPTIONS[adjective]
    if adjective.endswith("o"):
        return adjective[:-1] + "a"
    return adjective + "a" if adjective.endswith("dor") else adjective


def pluralise(word: str) -> str:
    """The regular plural of a noun or adjective, enough for the tables here."""
    if word in PLURAL_EXCEPTIONS:
        return PLURAL_EXCEPTIONS[word]
    for ending, plural in (("ão", "ões"), ("ul", "uis"), ("al", "ais"), ("el", "éis"), ("m", "ns")):
        if word.endswith(ending):
            return word[: -len(ending)] + plural
    return word + "es" if word[-1] in "rz" else word + "s"


def agree(adjective: str, gender: str, plural: bool) -> str:
    word = feminine(adjective) if gender == "f" else adjective
    return pluralise(word) if plural else word


@dataclass(frozen=True)
class Noun:
    """A noun; in a template its format spec asks for an article, a pronoun, an adjective or a verb that agrees."""

    word: str
    gender: str = "m"
    plural: bool = False

    def __format__(self, spec: str) -> str:
        if not spec:
            return self.word
        if spec.startswith("~"):
            return agree(spec[1:], self.gender, self.plural)
        if "/" in spec:
            singular, plural = spec.split("/")
            return plural if self.plural else singular
        column = 2 * self.plural + (self.gender == "f")
        if spec in PRONOUNS:
            return PRONOUNS[spec][column]
        return f"{ARTICLES[spec][column]} {self.word}"

    def described(self, adjective: str) -> Noun:
        return replace(self, word=f"{self.word} {agree(adjective, self.gender, self.plural)}")


@dataclass(frozen=True)
class Being(Noun):
    """Someone with a name; `word` is the kind ("gato"), `label` the word put before the name ("a coruja Olívia")."""

    name: str = ""
    first: str = ""
    role: str = ""
    label: str = ""
    trait: str = ""
    note: str = ""
    coat: str = ""
    like: str = ""
    flies: bool = False
    unique: bool = True  # no one else in the story is of the same kind, so "o menino" says who

    def __format__(self, spec: str) -> str:
        if not spec:
            return self.name
        if spec.startswith("+"):  # the name with its label: "a coruja Olívia", "da coruja Olívia", "de vovó Rita"
            if not self.label:
                return {"o": "", "do": "de ", "ao": "a ", "pelo": "por "}[spec[1:]] + self.name
            return f"{format(Noun(self.label, self.gender), spec[1:])} {self.first}"
        if spec == "intro":
            looks = f" {self.coat}" if self.coat else ""
            return f"{format(self, 'um')}{looks} {agree('chamado', self.gender, False)} {self.first}"
        if spec in ("o", "do", "ao") and not self.unique:
            return {"o": "", "do": "de ", "ao": "a "}[spec] + self.name
        return super().__format__(spec)


def nouns(table: str) -> list[Noun]:
    """Read "f bola; mp óculos" as nouns with their gender and number."""
    return [noun(entry) for entry in table.split(";")]


def noun(entry: str) -> Noun:
    mark, word = entry.split(maxsplit=1)
    return Noun(word, mark[0], mark.endswith("p"))


# ---------------------------------------------------------------------------------------------------------------------
# Telling: templates, cast and paragraphs
# ---------------------------------------------------------------------------------------------------------------------

INNERMOST_CHOICE = re.compile(r"\[([^\[\]]*)\]")
SENTENCE_START = re.compile(r"(^(?:— )?|(?<!\.\.)[.!?] |(?<!\.)\. — )([a-zà-ý])")


@dataclass(frozen=True)
class Place:
    """Where a story happens: what lies around it, where small things hide, where someone may sit, what one plays."""

    noun: Noun
    home: str
    spots: str
    nooks: str
    scenes: str
    plays: str


@dataclass(frozen=True)
class Story:
    """A finished story and the facts it was told from."""

    text: str
    plot: str
    theme: str
    hero: str
    hero_kind: str
    request: str  # "um gato chamado Tico"
    place: str
    problem: str
    helper: str
    qa: tuple[QA, ...]

    @property
    def words(self) -> int:
        return len(self.text.replace("—", "").split())


class Teller:
    """Builds one story: draws facts, renders beats into paragraphs and keeps the questions that they answer."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.facts: dict[str, object] = {}
        self.paragraphs: list[str] = []
        self.qa: list[QA] = []

    # Drawing

    def pick(self, options: Sequence[T]) -> T:
        return self.rng.choice(options)

    def draw(self, options: str) -> str:
        return self.rng.choice(options.split("|"))

    def chance(self, probability: float = 0.5) -> bool:
        return self.rng.random() < probability

    def set(self, **facts: object) -> None:
        """Keep facts; a text is rendered now, so that its choices stay the same through the story."""
        for name, fact in facts.items():
            self.facts[name] = self.render(fact) if isinstance(fact, str) else fact

    def render(self, template: str) -> str:
        while match := INNERMOST_CHOICE.search(template):
            template = template[: match.start()] + self.draw(match[1]) + template[match.end() :]
        return template.format_map(self.facts)

    # Writing

    def sentence(self, template: str) -> str:
        text = self.render(template).strip()
        return SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)

    def tell(self, *beats: str | Sequence[str]) -> None:
        """Add a paragraph; a beat that is a sequence gives one of its templates."""
        chosen = [beat if isinstance(beat, str) else self.pick(beat) for beat in beats]
        kept = [beat.removeprefix("?") for beat in chosen if beat and (not beat.startswith("?") or self.chance())]
        if kept:
            self.paragraphs.append(" ".join(self.sentence(beat) for beat in kept))

    def ask(self, question: str, answer: str) -> None:
        self.qa.append((self.sentence(question), self.sentence(answer)))

    def open(self, *followups: str) -> None:
        """The first paragraph: who the hero is, where they live or what they love, then what this plot needs."""
        if self.chance(0.2):
            opening = self.pick(SCENE_OPENINGS)
            self.set(cue="[naquele dia|pouco depois]")
        else:
            opening = self.pick(OPENINGS)
            self.set(cue="[certo dia|um dia|certa vez|{when}|{when}]")
        detail = self.pick(TRAIT_NOTES_TOLD if "{h.trait}" in opening else TRAIT_NOTES_NEW)
        if "{h.like}" not in opening and self.chance(0.4):
            detail = self.pick(LIKES_TOLD)
        short = len(followups) > 0 and self.chance(0.4)
        self.tell(opening, "" if short else detail, self.pick(followups) if followups else "")
        if "{home}" in opening:
            self.ask("Onde [morava {h}|{h} morava]?", "{h} morava {home}.")
        if "{h.like}" in opening + detail:
            self.ask("O que {h} [gostava|mais gostava] de fazer?", "{h} gostava de {h.like}.")
        if "{h.trait}" in opening + detail:
            self.ask("Como era {h}?", "{h} era {h:um} {h.trait}.")

    def close(self, morals: str, *images: str) -> None:
        """The last paragraph: an image, a moral or both."""
        self.set(moral=morals)
        image, moral = self.pick(images + GENERIC_IMAGES), self.pick(MORALS)
        style = self.rng.randrange(4)
        if style == 0:
            self.tell(self.pick(images))
            return
        self.tell(*{1: (image, moral), 2: (moral, image), 3: (self.pick(images), moral)}[style])
        self.ask("O que {h} aprendeu?", "{h} aprendeu que {moral}.")

    # Casting

    def cast(self, roles: str = "child child child animal animal animal magic worker elder") -> None:
        """Draw hero (h), friend (f), wise one (v), the pair of friends (d), the world's words and the place (p)."""
        role = self.pick(roles.split())
        world = {"animal": "sítio|mata|mata", "magic": "magia"}.get(role, "cidade|cidade|roça")
        world = self.draw(world)
        hero = self.being(role, world)
        friend_role = {"elder": "child"}.get(role, role)
        friend = self.being(friend_role, world, unlike=hero)
        if role == "elder":
            friend = replace(friend, label="neto" if friend.gender == "m" else "neta")
        elif role == "child":
            friend = replace(friend, label="amigo" if friend.gender == "m" else "amiga")
        wise = self.wise(role, world)
        same_kind = friend.word == hero.word
        hero, friend = replace(hero, unique=not same_kind), replace(friend, unique=not same_kind)
        pair = Noun("amigos", "m", True) if "m" in hero.gender + friend.gender else Noun("amigas", "f", True)
        place = self.pick(PLACES[world])
        self.set(h=hero, f=friend, v=wise, d=pair, p=place.noun, home=place.home, play=self.draw(place.plays))
        self.set(spot=self.draw(place.spots), nook=self.draw(place.nooks), scene=self.draw(place.scenes))
        self.set(when=self.draw(WHEN), world=world, **WORLD_WORDS[world])
        self.set(snack=self.pick(SNACKS[world]), toy=self.pick(TOYS[role])[0])

    def being(self, role: str, world: str, unlike: Being | None = None) -> Being:
        table = {"animal": ANIMALS.get(world, []), "magic": MAGIC, "worker": WORKERS}.get(role)
        trait, note = self.pick(TRAITS)
        if table is None:
            gender = self.pick("mf")
            if unlike and unlike.role == role and self.chance(0.6):
                gender = "f" if unlike.gender == "m" else "m"
            word = {"child": ("menino", "menina"), "elder": ("avô", "avó")}[role][gender == "f"]
            kind, coats, likes = Noun(word, gender), COATS[role], LIKES[role]
        else:
            kind, coats, likes = self.pick([row for row in table if not unlike or row[0].word != unlike.word])
        names = NAMES[role][kind.gender == "f"].split()
        first = self.pick([name for name in names if not unlike or name != unlike.first])
        return Being(
            kind.word,
            kind.gender,
            name=self.titled(role, kind.gender, first),
            first=first,
            role=role,
            label=kind.word if role in ("animal", "magic", "worker") else "",
            trait=agree(trait, kind.gender, False),
            note=note,
            coat=self.draw(coats).format(x="a" if kind.gender == "f" else "o") if coats else "",
            like=self.draw(likes),
            flies=kind.word in FLYING,
        )

    def wise(self, role: str, world: str) -> Being:
        """An older one who helps: a grandparent or a worker among people, an old animal or a wizard elsewhere."""
        if role == "animal" or role == "magic":
            kind = self.pick(WISE[world])
            first = self.pick(NAMES["wise"][kind.gender == "f"].split())
            return Being(kind.word, kind.gender, name=first, first=first, role="wise", label=kind.word)
        return self.being("worker" if role == "elder" or (role == "child" and self.chance(0.35)) else "elder", world)

    @staticmethod
    def titled(role: str, gender: str, first: str) -> str:
        titles = {"elder": ("vovô", "vovó"), "worker": ("seu", "dona")}
        return f"{titles[role][gender == 'f']} {first}" if role in titles else first

    def facts_story(self, plot: str, theme: str) -> Story:
        hero = self.facts["h"]
        assert isinstance(hero, Being)
        for question in (
            ("Como se chama {h:o}?", "Qual é o nome {h:do}?") if hero.unique else ("Qual é o nome {h:do}?",)
        ):
            self.qa.insert(0, (self.sentence(question), self.sentence("{h:o} se chama {h.first}.")))
        return Story(
            text="\n".join(self.paragraphs),
            plot=plot,
            theme=theme,
            hero=hero.name,
            hero_kind=hero.word,
            request=self.render("{h:um} {h:~chamado} {h.first}"),
            place=self.render("{p:o}"),
            problem=self.render("{problem}"),
            helper=self.render("{helper}"),
            qa=tuple(self.qa),
        )
