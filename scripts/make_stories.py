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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
QA = tuple[str, str]

MIN_WORDS, MAX_WORDS = 60, 220
MIN_PARAGRAPHS, MAX_PARAGRAPHS = 2, 7
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
    "x": ("o", "a", "os", "as"),  # the ending alone: "obrigad{h:x}"
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
SENTENCE_START = re.compile(r'(^(?:— )?|(?<!\.\.)[.!?]"? |(?<!\.)\. — )([a-zà-ý])')
# The name of the hero (h) or the friend (f) where "o gato" may stand for it: no contraction, no one being called.
CALLED_BY_NAME = {
    name: re.compile(rf"(?<!\bde )(?<!\ba )(?<!\bpor )(?<!\bem )(?<!— )(?<!, )\{{{name}\}}(?![!?,])") for name in "hf"
}


@dataclass(frozen=True)
class Place:
    """Where a story happens: what lies around it, where small things hide, where someone may sit, what one plays."""

    noun: Noun
    home: str
    spots: str
    nooks: str
    scenes: str
    plays: str
    indoors: bool = False


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


ANYONE = "child child child animal animal animal magic worker elder"


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

    def vary(self, template: str) -> str:
        """Now and then call the hero or the friend by what they are, "o gato", once the names are known."""
        name = self.pick("hf")
        if len(self.paragraphs) < 2 or self.chance(0.5):
            return template
        return CALLED_BY_NAME[name].sub(f"{{{name}:o}}", template, count=1)

    def tell(self, *beats: str | Sequence[str]) -> None:
        """Add a paragraph; a beat that is a sequence gives one of its templates."""
        chosen = [beat if isinstance(beat, str) else self.pick(beat) for beat in beats]
        kept = [beat.removeprefix("?") for beat in chosen if beat and (not beat.startswith("?") or self.chance())]
        if kept:
            self.paragraphs.append(" ".join(self.sentence(self.vary(beat)) for beat in kept))

    def ask(self, question: str, answer: str) -> None:
        self.qa.append((self.sentence(question), self.sentence(answer)))

    def open(
        self, *followups: str, scenes: bool = True, cues: str = "certo dia|um dia|certa vez|{when}|{when}"
    ) -> None:
        """The first paragraph: who the hero is, where they live or what they love, then what this plot needs."""
        if scenes and self.chance(0.25):
            opening = self.pick(SCENE_OPENINGS)
            self.set(cue="[naquele dia|pouco depois|mais tarde]", there="", still="ainda ")
        else:
            opening = self.pick(OPENINGS)
            self.set(cue=f"[{cues}]", there=", {p:no}", still="")
        detail = self.pick(TRAIT_NOTES_TOLD if "{h.trait}" in opening else TRAIT_NOTES_NEW)
        if "{h.like}" not in opening and self.chance(0.4):
            detail = self.pick(LIKES_TOLD)
        if opening in SCENE_OPENINGS:
            detail = self.pick(SCENE_DETAILS)
        short = len(followups) > 0 and self.chance(0.4)
        self.tell(opening, "" if short else detail, self.pick(followups) if followups else "")
        if "{home}" in opening:
            self.ask("Onde [morava {h}|{h} morava]?", "{h} morava {home}.")
        if "{h.like}" in opening + detail:
            self.ask("O que {h} [gostava|mais gostava] de fazer?", "{h} gostava de {h.like}.")
        if "{h.trait}" in opening + detail:
            self.ask("Como era {h}?", "{h} era {h:um} {h.trait}.")

    def close(self, morals: str, *images: str, night: bool = False) -> None:
        """The last paragraph: how it ended, then often what was learned or how the day ended."""
        self.set(moral=self.draw(morals))
        style = self.rng.randrange(5)
        if style < 3:
            self.tell(images, MORALS)
            self.ask("O que {h} aprendeu?", "{h} aprendeu que {moral}.")
        else:
            self.tell(images, GENERIC_IMAGES if style == 3 and not night else "")

    # Casting

    def cast(self, roles: str = ANYONE, never: str = "", outdoors: bool = False) -> None:
        """Draw hero (h), friend (f), wise one (v), the pair of friends (d), the world's words and the place (p).

        No one drawn is of a kind, has a trait or likes a thing that holds one of the words in `never`.
        """
        role = self.pick(roles.split())
        world = self.draw({"animal": "sítio|mata|mata", "magic": "magia"}.get(role, "cidade|cidade|roça"))
        hero = self.being(role, world, never)
        friend = self.being("child" if role == "elder" else role, world, never, unlike=hero)
        if role in ("child", "elder"):
            labels = ("neto", "neta") if role == "elder" else ("amigo", "amiga")
            friend = replace(friend, label=labels[friend.gender == "f"])
            if role == "elder":
                friend = replace(friend, word=friend.label)
        same_kind = friend.word == hero.word
        hero, friend = replace(hero, unique=not same_kind), replace(friend, unique=not same_kind)
        pair = Noun("amigos", "m", True) if "m" in hero.gender + friend.gender else Noun("amigas", "f", True)
        place = self.pick([place for place in PLACES[world] if not (outdoors and place.indoors)])
        plays = GROWN_UP_PLAYS if role in ("worker", "elder") else place.plays
        self.set(
            h=hero, f=friend, v=self.wise(role, world), d=pair, p=place.noun, home=place.home, play=self.draw(plays)
        )
        self.set(spot=self.draw(place.spots), nook=self.draw(place.nooks), scene=self.draw(place.scenes))
        self.set(when=self.draw(WHEN), world=world, snack=self.pick(SNACKS[world]), **WORLD_WORDS[world])

    def being(self, role: str, world: str, never: str = "", unlike: Being | None = None) -> Being:
        being = self.draw_being(role, world, unlike)
        while any(word in f"{being.word} {being.trait} {being.note} {being.like}" for word in never.split()):
            being = self.draw_being(role, world, unlike)
        return being

    def draw_being(self, role: str, world: str, unlike: Being | None) -> Being:
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

    def story(self, plot: str, theme: str) -> Story:
        hero = self.hero
        if hero.unique:
            self.ask("[Como se chama {h:o}|Qual é o nome {h:do}]?", "{h:o} se chama {h.first}.")
        else:
            self.ask("[Quem é o personagem principal|De quem fala a história]?", "A história fala de {h}.")
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

    @property
    def hero(self) -> Being:
        hero = self.facts["h"]
        assert isinstance(hero, Being)
        return hero

    def kind(self, name: str) -> str:
        """What a being of the cast is: "gato"."""
        being = self.facts[name]
        assert isinstance(being, Being)
        return being.word

    @property
    def world(self) -> str:
        return str(self.facts["world"])


# ---------------------------------------------------------------------------------------------------------------------
# Plots: each draws its facts, tells its beats and says what may be asked about them
# ---------------------------------------------------------------------------------------------------------------------


def lost(t: Teller) -> None:
    t.cast()
    toy, use = t.pick(TOYS[t.hero.role])
    t.set(obj=toy.described(t.pick(COLOURS)), use=use)
    t.open(
        "[O maior tesouro de {h} era|O que {h} mais amava no mundo era] {obj:um}, presente {v:+do}.",
        "{h} tinha {obj:um}, presente {v:+do}, e não se separava {obj:dele} por nada.",
        "Aonde quer que {h} fosse, {obj:seu} {obj:ia/iam} junto: {obj:era/eram} presente {v:+do}.",
    )
    t.tell(
        "{cue}, [ao chegar em casa depois de um passeio {p:pelo}|logo depois de voltar {p:do}|já em casa, na hora de "
        "descansar], {h} [percebeu|notou|viu] que {obj:o} {obj:tinha/tinham} [sumido|desaparecido].",
        "[Procurou|Olhou] {looked}, [mas nada|mas não achou nada|e nada].",
        (
            "?[Sentiu um aperto no peito.|Seus olhos se encheram de lágrimas.|Ficou tão triste que perdeu a fome.]",
            "[Como {obj:podia/podiam} ter sumido assim?|Onde {obj:estaria/estariam}?|E agora?]",
        ),
    )
    if t.chance(0.6):
        t.tell(
            "— [O que houve|O que aconteceu|Por que você está triste], {h}? — [perguntou|quis saber] {f:+o}[, que passava"
            " por ali|, chegando perto|]."
        )
        t.tell(
            "— Perdi {obj:meu}! [Já procurei em todo canto|Não acho em lugar nenhum|Não sei mais onde procurar] — "
            "[respondeu|contou|explicou] {h}, [quase chorando|com a voz baixinha|de cabeça baixa]."
        )
    else:
        t.tell(
            "{f:+o} [viu aquela tristeza e|passou por ali, viu aquela cara triste e] perguntou o que tinha acontecido. {h} "
            "[contou|explicou] que tinha perdido {obj:o} e não sabia mais onde procurar."
        )
    way = t.draw("retrace|bird|kept")
    if way == "retrace":
        t.tell(
            "{f} [pensou um pouco e teve uma ideia|coçou a cabeça e teve uma ideia]: [voltar pelo mesmo caminho, passo a "
            "passo|refazer o passeio do começo ao fim]. {d:dois} foram {p:ao} e olharam [tudo com calma|cada canto, sem "
            "pressa]. [De repente, {f} apontou|Foi então que {f} deu um grito|Já quase desistiam, quando {f} apontou]: "
            "{obj:o} {obj:estava/estavam} {spot}!"
        )
    elif way == "bird":
        t.tell(
            "{d:dois} [saíram perguntando por aí|foram perguntar a quem passava]. [Um sabiá|Um pardal|Um bem-te-vi], que "
            "via tudo lá de cima, [contou|avisou] que tinha visto {obj:um} {p:no}. [Correram para lá|Foram depressa], e "
            "{obj:o} {obj:estava/estavam} mesmo {spot}, [sem um arranhão|só um pouco {obj:~sujo} de terra]."
        )
    else:
        t.tell(
            "— Vamos perguntar a {v} — [sugeriu|propôs] {f}. {v} [ouviu tudo e sorriu|escutou com calma e sorriu]. Pouco "
            "antes, tinha encontrado {obj:o} {spot}, {p:no}, e [só esperava a hora de devolver|guardado tudo com cuidado]."
        )
    t.close(
        "quem tem um amigo nunca procura sozinho|com calma a gente encontra o que procura|amigo de verdade ajuda a procurar"
        " o que se perdeu|é bom cuidar das coisas de que a gente gosta",
        "{h} [abraçou {f}|deu um abraço apertado em {f}] e agradeceu. Depois, {d:dois} {use}.",
        "{h} [pulou de alegria|não cabia em si de alegria]. Em seguida, {d:dois} {use}.",
    )
    t.set(problem="{h} perdeu {obj:o}", helper="{v:+o}" if way == "kept" else "{f:+o}")
    t.ask("O que {h} [perdeu|tinha perdido]?", "{h} perdeu {obj:o}.")
    t.ask("Onde {obj:estava/estavam} {obj:o}?", "{obj:o} {obj:estava/estavam} {spot}.")
    t.ask("Por que {h} ficou triste?", "{h} ficou triste porque perdeu {obj:o}.")
    t.ask("Quem deu {obj:o} a {h}?", "Foi {v:+o} quem deu {obj:o} a {h}.")


def new_friend(t: Teller) -> None:
    t.cast("child child animal animal magic", never="tímid quiet")
    t.open(
        "[Mas faltava uma coisa|Só faltava uma coisa]: {h:ele} não tinha [com quem brincar|companhia para brincar].",
        "[Quase sempre|Na maior parte do tempo], porém, brincava {h:~sozinho}.",
        "Às vezes, porém, o dia ficava comprido demais para quem brincava {h:~sozinho}.",
    )
    t.tell(
        "{cue}{there}, {h} viu {f:um} {f:~quieto} {nook}. Era {f.first}, que [tinha acabado de se mudar|tinha chegado "
        "havia poucos dias].",
        (
            "[Olhava para o chão e suspirava|Parecia triste e olhava para longe], porque ainda não conhecia ninguém.",
            "Ainda não conhecia ninguém e tinha vergonha de [puxar conversa|falar com os outros].",
        ),
    )
    t.tell(
        "— [Oi|Olá]! [Meu nome é {h.first}|Eu me chamo {h.first}]. E você? — [perguntou|disse] {h}[, com um sorriso|, "
        "chegando perto devagar|]."
    )
    t.tell(
        "— {f.first} — [respondeu|murmurou] {f:o}, [bem baixinho|quase sem voz|sem levantar os olhos]. — [Cheguei há pouco"
        " tempo e ainda não tenho amigos|Ainda não conheço ninguém aqui]."
    )
    t.tell(
        "[{h}|{h:o}] [pensou um pouco|teve uma ideia] e convidou {f} para {play}. No começo, {f:o} [só olhava|quase não falava], mas "
        "[aos poucos|dali a pouco] [soltou uma risada|abriu um sorriso] e entrou na brincadeira.",
        "?[Conversa vai, conversa vem, descobriram|Depois descobriram] que {d:dois} gostavam de {h.like}.",
    )
    t.close(
        "um simples oi pode ser o começo de uma amizade|todo amigo já foi um desconhecido|quem é tímido só precisa de um "
        "pouco de tempo|um sorriso abre qualquer porta",
        "[Ao pôr do sol|Na hora de ir embora], combinaram de se encontrar outra vez. E assim foi: na manhã seguinte, {f} "
        "esperava {h} com {snack:um} para dividir.",
        "[No dia seguinte|Na manhã seguinte], {f} voltou {p:ao} com {snack:um}, e {d:dois} dividiram tudo, rindo muito.",
    )
    t.set(problem="{h} não tinha com quem brincar", helper="{f:+o}")
    t.ask("Por que {f} estava {f:~quieto}?", "Porque ainda não conhecia ninguém.")
    t.ask("O que {h} convidou {f} para fazer?", "{h} convidou {f} para {play}.")
    t.ask("Quem [tinha acabado de chegar|era novo por ali]?", "Era {f}.")


def fear(t: Teller) -> None:
    role = t.draw("child|child|animal|magic")
    row = t.pick([row for row in FEARS if role in row["roles"]])
    t.cast(role, never=row["never"])
    t.set(fear=row["fear"])
    t.open(
        "[Só havia um problema: {h:ele}|Mas {h:ele}] tinha [medo|muito medo] {fear}. " + row["sign"],
        scenes=False,
        cues="certo dia|um dia|certa tarde",
    )
    t.tell(row["test"])
    t.tell(row["advice"])
    t.tell("[{h} respirou fundo.|{h} tomou coragem.|{h} fez que sim com a cabeça.] " + row["deed"])
    t.close(
        "ter coragem não é viver sem medo: é seguir em frente mesmo assim|o medo diminui quando a gente dá o primeiro "
        "passo|perto de um amigo o medo fica pequeno|todo mundo tem medo de alguma coisa",
        row["after"],
    )
    t.set(problem="{h} tinha medo {fear}", helper="{f:+o}")
    t.ask("Do que {h} tinha medo?", "{h} tinha medo {fear}.")
    t.ask("Quem ajudou {h} a vencer o medo?", "Foi {f:+o} quem ajudou {h}.")
    t.ask("{h} venceu o medo?", "Sim, {h} venceu o medo {fear}.")


def cook(t: Teller) -> None:
    t.cast("child child animal magic worker elder elder")
    dish, ingredients, missing, jar, step, bite = t.pick(DISHES)
    t.set(dish=dish, ingredients=ingredients, m=missing, jar=jar, bite=bite)
    t.open()
    t.tell(
        "{cue}, {h} [resolveu|decidiu] fazer {dish:um} para {v:+o}, que [vinha fazer uma visita|andava um pouco triste|"
        "fazia anos naquele dia].",
        "[Separou|Pegou] {ingredients} e [pôs o avental|arrumou a mesa|lavou tudo com cuidado]. Mas, [na hora de misturar "
        "tudo|quando ia começar], [viu|percebeu] que {m:faltava/faltavam} {m}.",
    )
    if t.chance(0.7):
        t.tell("— [E agora? Sem {m}, nada feito|Ai, ai! Como vou fazer {dish:o} sem {m}]! — [suspirou|lamentou] {h}.")
    t.tell(
        "[Sem perder tempo, [{h}|{h:o}] foi|O jeito foi pedir ajuda: {h} foi|Por sorte, {h:o} teve a ideia de ir] bater à porta "
        "{f:+do}, que tinha {jar}."
    )
    t.tell(
        "— [Eu empresto|Pode levar], mas [quero aprender a fazer {dish:o}|só se eu puder ajudar]! — [respondeu|disse] {f}, "
        "[com um sorriso|rindo|já a caminho da cozinha]."
    )
    t.tell(
        step,
        (
            "?Um pouco da mistura caiu no chão, mas {d:dois} só [riram|deram risada] e limparam tudo.",
            "?{f} ficou com a ponta do nariz suja, e {h} riu até chorar.",
        ),
        "[Logo|Dali a pouco], um cheiro [delicioso|gostoso] se espalhou por toda parte.",
    )
    t.close(
        "pedir ajuda também faz parte da receita|cozinhar em companhia é muito melhor|o melhor tempero é o carinho|quem "
        "divide uma receita ganha um amigo",
        "{v} provou {bite:um}, [fechou os olhos e sorriu|abriu um sorriso e pediu mais]. {dish:era/eram} {dish:o} mais "
        "{dish:~gostoso} {of_land}.",
        "Quando {v} provou {bite:um}, [seus olhos brilharam|abriu um grande sorriso]. Ainda sobrou bastante, e "
        "{everyone} também provaram.",
    )
    t.set(problem="{m:faltava/faltavam} {m} para fazer {dish:o}", helper="{f:+o}")
    t.ask("O que {h} [resolveu fazer|fez]?", "{h} fez {dish:um}.")
    t.ask("O que faltava na receita?", "{m:faltava/faltavam} {m}.")
    t.ask("Quem emprestou o que faltava?", "Foi {f:+o} quem emprestou.")
    t.ask("Para quem {h} fez {dish:o}?", "{h} fez {dish:o} para {v:+o}.")


def storm(t: Teller) -> None:
    t.cast(outdoors=True)
    shelter, damage, repair = t.pick(SHELTERS[t.world])
    t.set(shelter=shelter, damage=damage)
    t.open(cues="certa tarde|um dia|certo dia")
    t.tell(
        "{cue}, {h} {still}estava {p:no} quando o céu [escureceu de repente|ficou cinza como chumbo|se encheu de nuvens "
        "escuras]. O vento [sacudiu as árvores|levantou as folhas|soprou com força], e [a chuva desabou|caíram os "
        "primeiros pingos, grossos e gelados].",
        "[Sem pensar duas vezes, {h:o}|Depressa, {h:o}|{h} correu e] se abrigou {shelter}. Lá, [tremendo de frio|num cantinho],"
        " já estava {f:+o}.",
    )
    t.tell("— [Que susto|Que chuva|Que vento]! Você está com medo? — [perguntou|quis saber] {h}.")
    t.tell("— Um pouquinho — [confessou|respondeu] {f}. — [Cada trovão me faz pular|O vento faz um barulho horrível].")
    t.tell(
        "{h} [chegou mais perto e|sorriu e] [contou uma história bem comprida|cantou baixinho|inventou uma brincadeira de "
        "adivinhar], até a chuva passar. [No céu, surgiu um arco-íris.|O sol voltou a aparecer entre as nuvens.] Mas, "
        "quando {d:dois} saíram, [levaram um susto|viram uma coisa triste]: o vento {damage}."
    )
    t.tell(
        "[Na mesma hora, {h} chamou|{h} não perdeu tempo e chamou] {everyone}. " + repair,
        "?E {v:+o} trouxe um chá bem quente para todos.",
        "[Antes do anoitecer, estava tudo pronto.|No fim do dia, nem parecia que tinha chovido tanto.]",
        "?[Naquele dia, {h} entendeu|{f} agradeceu e disse|Todos aprenderam] que [depois da chuva sempre vem o sol|juntos a "
        "gente conserta qualquer coisa|a tempestade passa mais depressa ao lado de um amigo].",
    )
    t.set(problem="o vento {damage}", helper="{h}")
    t.ask("Onde {h} se abrigou da chuva?", "{h} se abrigou {shelter}.")
    t.ask("O que o vento fez?", "O vento {damage}.")
    t.ask("Quem estava com medo?", "{f:+o} estava com medo.")


def helping(t: Teller) -> None:
    t.cast()
    row = t.pick([row for row in HELPS if not (t.hero.flies and row["ground"])])
    t.set(x=row["who"], trouble=row["trouble"], obj=t.pick(TOYS[t.hero.role])[0])
    t.open()
    t.tell(
        "{cue}, {h} [ia depressa|ia com pressa] {p:ao}, para {play}, quando [ouviu um pedido de socorro|ouviu uma voz "
        "fraquinha|viu algo se mexer no caminho]. Era {x:um} {trouble}.",
        "?[Se parasse, ia se atrasar. Mesmo assim, parou.|Estava {h:~atrasado}, mas não teve coragem de ir embora.|Por um "
        "momento, pensou em seguir adiante, mas voltou.]",
    )
    t.tell("— Por favor, me ajude! — [pediu|implorou] {x:o}.")
    t.tell(row["aid"])
    t.tell("— Muito {x:~obrigado}! [Não vou esquecer o que você fez|Um dia eu também vou ajudar você] — disse {x:o}.")
    t.tell(
        "[Alguns dias depois|Na semana seguinte|Tempos depois], " + row["later"],
        row["payback"],
        "{h} agradeceu, e [desde então|daquele dia em diante] {h:ele} e {x:o} [ficaram muito amigos|nunca mais deixaram de "
        "se visitar].",
        "?[E {h} aprendeu|{h} descobriu] que [a bondade sempre encontra o caminho de volta|quem faz o bem nunca fica "
        "sozinho|uma gentileza puxa outra].",
    )
    t.set(problem="{x:o} precisava de ajuda", helper="{h}")
    t.ask("Quem {h} ajudou?", "{h} ajudou {x:um} {trouble}.")
    t.ask("Para onde {h} ia?", "{h} ia {p:ao}.")
    t.ask("{x:o} cumpriu a promessa?", "Sim, {x:o} também ajudou {h}.")


def mistake(t: Teller) -> None:
    t.cast("child child animal animal magic", never="sincer")
    row = t.pick([row for row in MISTAKES if t.hero.role in row["roles"]])
    owner, other = ("v", "f") if row["owner"] == "v" else ("f", "v")
    t.set(o=t.facts[owner], z=t.facts[other], thing=row["thing"])
    t.set(broke=row["broke"])
    t.open()
    t.tell(
        "{cue}, {h} " + row["cause"] + " e, [sem querer|num descuido|por acidente], {broke}.",
        "[{h} olhou em volta: não havia ninguém.|Ninguém viu nada.|Foi tudo muito rápido.] Com medo [de uma bronca|do que "
        "{o} ia dizer], " + row["hide"] + ".",
    )
    t.tell(
        "Mas [o dia perdeu a graça|nada mais teve graça]. [Não conseguiu brincar nem comer direito.|Na hora de dormir, "
        "o sono não vinha.|O coração {h:do} pesava como uma pedra.]",
        (
            "?Para piorar, {o} pensou que a culpa fosse {z:+do}.",
            "?E, quando {o} perguntou o que tinha acontecido, {h} fingiu que não sabia.",
        ),
    )
    t.tell(
        "— {o}, preciso contar uma coisa: fui eu que "
        + row["confess"]
        + ". [Desculpe|Me perdoe] — disse {h}, [de cabeça "
        "baixa|com os olhos cheios de lágrimas|com a voz tremendo]."
    )
    t.tell(
        "— [Fico feliz porque você contou a verdade|Claro que eu perdoo|Obrigad{o:x} por contar a verdade]. [Vamos resolver "
        "isso juntos|Agora vamos dar um jeito nisso]! — respondeu {o}."
    )
    t.close(
        "pedir desculpas deixa o coração leve|todo mundo erra, mas é preciso contar a verdade|um erro pode ser "
        "consertado quando a gente é sincero|esconder um erro só faz o erro crescer",
        row["fix"],
    )
    t.set(problem="{h} {broke}", helper="{o:+o}")
    t.ask("Por que {h} pediu desculpas?", "Porque {broke}.")
    t.ask("De quem {thing:era/eram} {thing:o}?", "{thing:era/eram} {o:+do}.")
    t.ask("{o:+o} perdoou {h}?", "Sim, {o:+o} perdoou {h}.")


def nest(t: Teller) -> None:
    t.cast("child child animal magic elder worker", outdoors=True)
    t.set(bird=t.pick(NEST_BIRDS), eggs=t.draw("azuis|brancos|pintadinhos|cor de creme"))
    t.set(n=t.draw("dois|três|quatro"))
    t.open()
    t.tell(
        "{cue}, num arbusto perto {p:do}, {h} [encontrou|descobriu] um ninho com {n} ovinhos {eggs}. [Era tão bonito que "
        "nem parecia de verdade.|Nunca tinha visto nada tão delicado.] Logo {bird:um} pousou ali perto, {bird:~aflito}."
    )
    t.tell(
        "— Por favor, [guarde segredo|não conte a ninguém]! [Se vier muita gente, meus filhotes não vão nascer|Meus ovos "
        "precisam de silêncio] — [pediu|disse] {bird:o}."
    )
    t.tell(
        "{h} prometeu. [Só que não foi fácil|Mas foi difícil]: {f:+o} [desconfiou|logo notou alguma coisa] e, todos os dias,"
        " [perguntava|queria saber] o que havia naquele arbusto. [{h}|{h:o}] [sempre respondia|só respondia] a mesma coisa: era um "
        "segredo, e promessa é promessa.",
    )
    t.tell(
        "[Duas semanas depois|Passados muitos dias|Numa manhã bem clara], os ovos se abriram. {bird:o} [chamou {h}|procurou "
        "{h}] e disse que agora [já podia contar|o segredo podia ser contado]. [Na mesma hora, {h}|Depressa, {h:o}] foi buscar {f}."
    )
    t.close(
        "promessa é para ser cumprida|quem guarda um segredo merece confiança|há surpresas que precisam de tempo|esperar "
        "também é um jeito de cuidar",
        "{d:dois} ficaram em silêncio, [lado a lado|sem se mexer], olhando os {n} filhotes de bico aberto.",
        "{f} olhou os {n} filhotes e [entendeu tudo|sorriu]: [valia a pena esperar|aquele segredo era lindo].",
    )
    t.set(problem="{h} precisava guardar um segredo", helper="{h}")
    t.ask("O que {h} encontrou?", "{h} encontrou um ninho com {n} ovinhos {eggs}.")
    t.ask("Quantos ovos havia no ninho?", "Havia {n} ovos no ninho.")
    t.ask("Quem pediu segredo?", "Foi {bird:o}.")
    t.ask("{h} contou o segredo antes da hora?", "Não, {h} cumpriu a promessa.")


def surprise(t: Teller) -> None:
    t.cast("child child animal animal magic worker")
    t.set(gift=t.pick(GIFTS))
    t.open()
    t.tell(
        "{cue}, {h} [descobriu|ficou sabendo] que {v:+o} ia fazer aniversário [no domingo|dali a uma semana]. [Correu para "
        "contar|Contou tudo] {f:+ao}, e {d:dois} combinaram uma surpresa: iam fazer {gift:um} [com as próprias mãos|sem "
        "ajuda de ninguém].",
        "Todas as tardes, trabalhavam em segredo {p:no}.",
    )
    t.tell("— O que vocês tanto cochicham? — [perguntou|quis saber] {v}[, com ar desconfiado|, quase rindo|].")
    t.tell(
        "— Nada! — responderam {d:dois} ao mesmo tempo. {f} quase [deixou escapar o segredo|contou tudo], mas {h} [tossiu "
        "alto|mudou de assunto|começou a cantar] bem na hora."
    )
    t.tell(
        "[Quando o grande dia chegou|Enfim chegou o dia da festa], {d:dois} entregaram {gift:o}, com um laço de fita. {v} "
        "[ficou sem palavras|riu e chorou ao mesmo tempo|abriu um sorriso enorme]."
    )
    t.close(
        "o melhor presente é feito com carinho|as boas surpresas valem o segredo|presente bom é o que se faz pensando em "
        "alguém|trabalhar em segredo com um amigo é uma alegria",
        "[{everyone} contam que, até hoje,|Até hoje, pelo que dizem,] {v} guarda {gift:o} com todo o cuidado.",
        "{v} abraçou {d:dois} e disse que era {gift:o} mais {gift:~bonito} do mundo.",
    )
    t.set(problem="{h} queria fazer uma surpresa para {v:+o}", helper="{f:+o}")
    t.ask("O que {h} e {f} fizeram?", "{h} e {f} fizeram {gift:um}.")
    t.ask("Para quem era a surpresa?", "A surpresa era para {v:+o}.")
    t.ask("Quem quase contou o segredo?", "{f} quase contou o segredo.")


def learn(t: Teller) -> None:
    role = t.draw("child|child|child|animal|animal|magic|worker")
    row = t.pick([row for row in SKILLS if role in row["roles"]])
    t.cast(role, never=row["never"])
    t.set(skill=row["skill"])
    t.open()
    t.tell(
        "{cue}, {h} viu "
        + row["seen"]
        + " e [sentiu uma vontade enorme de aprender também|na mesma hora quis aprender "
        "também]. {v:+o} [aceitou ensinar|prometeu ajudar|concordou em dar umas aulas].",
        "Na primeira tentativa, " + row["fail"] + ". Na segunda, [foi ainda pior|não foi muito melhor].",
    )
    t.tell("— [Não consigo|É muito difícil]! [Isso não é para mim|Eu desisto] — [reclamou|resmungou] {h}.")
    t.tell("— [Ninguém nasce sabendo|Calma, aprender leva tempo|Errar faz parte] — disse {v}. — " + row["tip"] + ".")
    t.tell(
        "[{h}|{h:o}] tentou de novo no dia seguinte, e no outro[, e no outro também|]. [Até que, numa tarde|E então, numa manhã|Um "
        "belo dia, finalmente], " + row["success"] + "."
    )
    t.close(
        "quem insiste aprende|ninguém aprende sem errar|um pouquinho por dia leva a gente bem longe|a paciência é a melhor"
        " professora",
        row["show"] + ". E, quando {f:+o} também quis aprender, foi {h} quem ensinou.",
    )
    t.set(problem="{h} não conseguia {skill}", helper="{v:+o}")
    t.ask("O que {h} queria aprender?", "{h} queria aprender a {skill}.")
    t.ask("Quem ensinou {h}?", "Foi {v:+o} quem ensinou {h}.")
    t.ask("{h} conseguiu na primeira vez?", "Não, {h} precisou tentar muitas vezes.")


def trip(t: Teller) -> None:
    t.cast("child child animal animal magic elder")
    place, sight, souvenir = t.pick(DESTINATIONS)
    item, obstacle, solution = t.pick(OBSTACLES)
    t.set(dest=place, gift=souvenir, item=item, by=t.draw(VEHICLES[t.world]))
    walking = t.facts["by"] == "a pé"
    t.set(stretch="no meio do caminho" if walking else "no último trecho, que era preciso fazer a pé")
    t.open("[O maior sonho de {h} era|{h} sempre tinha sonhado em] conhecer {dest:o}.", scenes=False)
    t.tell(
        "{cue}, {h} e {f:+o} [decidiram|resolveram] [viajar até lá|ir até lá] {by}. {v:+o} [veio se despedir|apareceu na "
        "hora da partida] com {item:um}: podia ser útil no caminho. {h} [prometeu trazer|disse que traria] {gift:um} de "
        "lembrança."
    )
    t.tell(
        "[No começo, tudo correu bem|A primeira parte da viagem foi uma festa]. [Cantaram, contaram piadas e comeram o "
        "lanche|Viram montes verdes, casinhas brancas e nuvens com forma de bicho]. Mas, {stretch}, " + obstacle + "."
    )
    t.tell("— E agora, o que vamos fazer? — perguntou {f}.")
    t.tell("— [Já sei|Espere aí]! Temos {item:o} de {v}! — [lembrou|respondeu] {h}. " + solution + ".")
    t.tell(
        "[Enfim chegaram|Pouco depois, chegaram]. " + sight + ".",
        "[Na volta|De volta para casa|Quando voltaram], {h} [cumpriu a promessa e entregou|não se esqueceu da promessa: "
        "entregou] {gift:um} a {v}.",
        (
            "?[{h} aprendeu|{v} sorriu e disse] que [viajar é bom, e voltar para contar é melhor ainda|toda viagem fica "
            "melhor em boa companhia|promessa cumprida é o melhor presente].",
            "?Naquela noite, contaram tudo, do começo ao fim, para {everyone}.",
        ),
    )
    t.set(problem=obstacle, helper="{f:+o}")
    t.ask("Para onde {h} viajou?", "{h} viajou para {dest:o}.")
    t.ask("Como {h} e {f} viajaram?", "{h} e {f} viajaram {by}.")
    t.ask("O que {h} trouxe de lembrança?", "{h} trouxe {gift:um}.")
    t.ask("O que {v:+o} deu a {h} antes da viagem?", "{v:+o} deu {item:um}.")


def race(t: Teller) -> None:
    t.cast("child child animal animal animal magic", never="jabuti preguiça fantasm", outdoors=True)
    t.open(scenes=False)
    t.tell(
        "{cue}, [espalhou-se a notícia|chegou a notícia]: ia haver uma grande corrida {land}. {h} [treinou todas as manhãs|"
        "treinou a semana inteira], [subindo e descendo ladeiras|dando voltas e mais voltas {p:pelo}].",
        "[Só {f:+o} corria tão depressa quanto {h}|O rival mais difícil era {f:+o}, que parecia correr com o vento|Todos "
        "diziam que só {f:+o} podia ganhar aquela corrida].",
    )
    t.tell(
        "No dia da corrida, [o coração de {h} batia forte|{h} mal conseguia ficar {h:~parado}]. [Um apito soou|Alguém contou"
        " até três], e todos saíram em disparada. {h} [ia na frente|estava em primeiro lugar], e [já dava para ver a "
        "chegada|faltava bem pouco], quando ouviu um grito: {f} tinha [tropeçado numa pedra|caído num buraco|torcido o pé]."
    )
    t.tell("— [Não pare|Continue]! Você vai ganhar! — [disse|gritou] {f}, [do chão|quase chorando].")
    t.tell(
        "— [Ganhar assim não tem graça|Um amigo vale mais do que uma medalha] — respondeu {h}, e voltou para ajudar."
    )
    t.tell(
        "{d:dois} cruzaram a chegada lado a lado, em último lugar. [Mesmo assim, ninguém recebeu tantos aplausos|Foi então "
        "que todos se levantaram e bateram palmas]."
    )
    t.close(
        "ajudar um amigo vale mais do que vencer|há vitórias que não dão medalha|ganhar é bom, mas ser amigo é melhor|quem "
        "para e ajuda também é campeão",
        "{v:+o} entregou {d:ao} uma medalha [de papel dourado|feita de folhas e fita]: o prêmio da amizade.",
    )
    t.set(problem="{f} caiu no meio da corrida", helper="{h}")
    t.ask("Por que {h} parou de correr?", "{h} parou para ajudar {f}.")
    t.ask("{h} ganhou a corrida?", "Não, {h} chegou em último lugar, ao lado de {f}.")
    t.ask("O que aconteceu com {f} na corrida?", "{f} caiu no meio da corrida.")


def craft_contest(t: Teller) -> None:
    t.cast("child child animal magic worker elder")
    row = t.pick([row for row in CRAFTS if t.hero.role in row["roles"]])
    t.set(thing=row["thing"], contest=row["contest"], broken=row["broken"], spare=row["spare"])
    t.open(scenes=False)
    t.tell(
        "{cue}, {everyone} [anunciaram|marcaram] um concurso {contest}. {h} [quis participar|se inscreveu na hora|correu "
        "para participar] e começou a trabalhar. O primeiro resultado foi um desastre: " + row["flaw"] + ".",
        "[Mas {h} não desistiu|Em vez de desistir, {h} riu|{h} pensou, pensou e tentou de novo]: "
        + row["better"]
        + ".",
    )
    t.tell(
        "Na véspera do concurso, {h} encontrou {f:+o} [chorando|com os olhos cheios de lágrimas|muito triste]: {broken}.",
    )
    t.tell("— [Agora não dá mais tempo|Não dá mais para fazer {thing:outro}] — [disse|soluçou] {f}.")
    t.tell(
        "— [Claro que dá|Dá, sim]! {spare}, e eu ajudo você — respondeu {h}. {d:dois} trabalharam até tarde, e {thing:o} de "
        "{f} ficou {thing:~pronto} a tempo."
    )
    t.tell(
        "[No dia seguinte|Na hora do resultado], {f} ganhou o primeiro lugar, e {h}, o segundo. {f} [não pensou duas vezes|"
        "subiu num banco] e [contou a todos o que {h} tinha feito|dividiu o prêmio com {h}].",
        "[{h:o} descobriu que|{h} aprendeu que|Naquele dia, todos viram que] [torcer por um amigo também é uma vitória|um "
        "prêmio dividido vale o dobro|quem ajuda os outros nunca sai perdendo].",
    )
    t.set(problem="{broken}", helper="{h}")
    t.ask("Quem ganhou o concurso?", "Foi {f} quem ganhou o concurso.")
    t.ask("Em que lugar {h} ficou?", "{h} ficou em segundo lugar.")
    t.ask("Por que {f} estava triste?", "Porque {broken}.")


def birthday(t: Teller) -> None:
    t.cast("child child animal animal magic elder worker")
    toy, _ = t.pick(TOYS[t.hero.role])
    leafy = "uma moita bem alta. Quando [{d:dois} afastaram|{f} afastou] as folhas"
    t.set(curtain=leafy if t.hero.role == "animal" else "uma porta fechada. Quando a porta se abriu")
    t.set(gift=toy.described(t.pick(COLOURS)), cake=t.draw("chocolate|cenoura|fubá|morango|coco|maçã|milho|laranja"))
    t.open(scenes=False)
    t.tell(
        "No dia do seu aniversário, {h} acordou [bem cedo|antes do sol], esperando [um abraço|os parabéns|uma festa]. Mas "
        "{v:+o} só disse bom-dia, e {f:+o} passou [depressa|correndo], sem parar para conversar.",
        '"[Todos esqueceram|Ninguém se lembrou de mim]", pensou {h}, com [um nó na garganta|o coração apertado].',
    )
    t.tell(
        "[Para se distrair|Sem saber o que fazer], {h:o} foi {p:ao} e ficou {nook}, [olhando o céu|vendo o tempo passar]. "
        "{scene}. Mas nada tinha graça.",
    )
    t.tell(
        "— {h}, [venha depressa|venha comigo]! Preciso da sua ajuda! — [chamou|gritou] {f}, [sem fôlego|surgindo de repente]."
    )
    t.tell(
        '{h} [correu|saiu] atrás de {f} até {curtain}, {everyone} gritaram: "Surpresa!" '
        "Havia [balões coloridos|bandeirinhas penduradas], música e um bolo de {cake} com muitas velinhas."
    )
    t.close(
        "quem ama não esquece|às vezes o silêncio guarda uma surpresa|o melhor do aniversário é estar com os amigos|nem "
        "sempre as coisas são o que parecem",
        "{f} explicou que [só tinha corrido tanto|a pressa era só] para preparar a festa, e entregou {gift:um} de presente. "
        "{h} riu de felicidade.",
        "{v} deu {h:ao} {gift:um}, e {f} puxou o parabéns. {h} apagou as velas e [não quis pedir mais nada|fez um pedido em "
        "segredo].",
    )
    t.set(problem="{h} pensou que todos tinham esquecido o seu aniversário", helper="{f:+o}")
    t.ask("Por que {h} ficou triste?", "Porque pensou que todos tinham esquecido o seu aniversário.")
    t.ask("De que era o bolo?", "O bolo era de {cake}.")
    t.ask("Que surpresa {h} teve?", "{h} teve uma festa de aniversário.")


def seed(t: Teller) -> None:
    t.cast("child child animal animal magic elder worker", outdoors=True)
    row = t.pick(SEEDS)
    t.set(seed=row["seed"], plant=row["plant"])
    t.open()
    t.tell(
        "{cue}, {v:+o} deu a {h} {seed:um}. {h:o} [escolheu um cantinho de terra fofa|procurou um lugar com bastante sol], "
        "perto {p:do}, fez um buraco e plantou com [todo o cuidado|muito carinho].",
        "Regou todos os dias, mas [na primeira semana nada aconteceu|o tempo passava e nada aparecia].",
    )
    t.tell(
        "— [Isso não vai nascer nunca|Acho que essa semente está dormindo] — disse {f:+o}[, rindo|, sem acreditar|]."
    )
    t.tell("— [Vai nascer, sim|Paciência]! Ela só precisa de [tempo|água, sol e tempo] — respondeu {h}.")
    t.tell(
        "?Numa noite de [ventania|muito frio], {h} [foi até lá e protegeu a terra com folhas secas|cobriu a terra com palha "
        "para proteger a semente].",
        "[Até que, numa manhã|Finalmente, numa manhã clara|E então, um dia], um brotinho verde [furou a terra|apareceu, "
        "pequenino e valente].",
        row["growth"] + ".",
    )
    t.close(
        "quem planta com paciência colhe alegria|as coisas boas levam tempo|tudo o que cresce precisa de cuidado|a pressa "
        "não faz nada florescer",
        row["harvest"]
        + ". {f} [pediu uma semente também|quis aprender a plantar], e {h} [ensinou tudo|ajudou com gosto].",
    )
    t.set(problem="a semente demorava a nascer", helper="{v:+o}")
    t.ask("O que {h} plantou?", "{h} plantou {seed:um}.")
    t.ask("Quem deu a semente?" if row["seed"].gender == "f" else "Quem deu {seed:o} a {h}?", "Foi {v:+o}.")
    t.ask("O que nasceu?", "Nasceu {plant:um}.")
    t.ask("Onde {h} plantou {seed:o}?", "{h} plantou {seed:o} perto {p:do}.")


def riddle(t: Teller) -> None:
    t.cast("child child animal animal magic")
    known = [t.kind(name) for name in "hfv"]
    rows = [row for row in RIDDLES if not any(word in " ".join(row).split() for word in known)]
    question, wrong, answer, clue = t.pick(rows)
    t.set(riddle=question, wrong=wrong, answer=answer, clue=clue)
    t.set(box=t.pick(BOXES), prize=t.pick(PRIZES), snack=t.pick(SNACKS[t.world]))
    t.open()
    t.tell(
        "{cue}, {h} e {f:+o} encontraram {v:+o} {p:no}, com {box:um}. {v} [sorriu com mistério|piscou um olho] e "
        "disse que {box:o} só se abriria para quem acertasse uma adivinha.",
    )
    t.tell("— O que é, o que é: {riddle}? — perguntou {v}.")
    t.tell("— [Essa é fácil|Já sei]! É {wrong}! — [arriscou|respondeu depressa] {f}. Mas {v} balançou a cabeça.")
    t.tell(
        "{h} [ficou em silêncio|fechou os olhos|não teve pressa] e pensou em cada palavra. [Foi então que|Nesse momento,] "
        "{clue}, e [a resposta apareceu|tudo fez sentido]."
    )
    t.tell("— É {answer}! — [gritou|disse] {h}[, dando um pulo|, com os olhos brilhando|].")
    t.tell(
        "[Certa a resposta, {box:o} se abriu|{v} bateu palmas e abriu {box:o}|{box:o} se abriu com um estalo]: dentro havia "
        "{prize:um}. {h} quis repartir a alegria com {f}, e {d:dois} [voltaram para casa|passaram"
        " a tarde] inventando novas adivinhas.",
        "?[{h} aprendeu|{v} lembrou] que [pensar com calma é melhor do que responder depressa|as respostas às vezes estão "
        "bem perto|quem observa o mundo descobre segredos].",
    )
    t.set(problem="{h} precisava acertar uma adivinha", helper="{h}")
    t.ask("Qual era a resposta da adivinha?", "A resposta era {answer}.")
    t.ask("Quem errou a adivinha?", "{f} errou: disse {wrong}.")
    t.ask("O que havia dentro {box:do}?", "Dentro {box:do} havia {prize:um}.")
    t.ask("Quem acertou a adivinha?", "Foi {h} quem acertou.")


def eaten(t: Teller) -> None:
    t.cast("child child animal animal magic", never="sincer")
    t.set(proof=t.draw("as migalhas|as manchinhas"))
    t.open()
    t.tell(
        "{cue}, {v:+o} [guardou|separou] {snack:um} para o lanche de todos e saiu por um instante. {h} [só queria sentir o "
        "cheiro|pensou em provar só um pedacinho], mas [acabou provando|deu uma mordida], depois [provou de novo|deu "
        "outra] e, quando percebeu, não havia mais nada.",
    )
    t.tell("— Quem comeu {snack:o}? — perguntou {v}, [ao voltar|com espanto].")
    t.tell("— [Foi {f}|Acho que foi {f}]! — [respondeu|disse] {h}, sem pensar.")
    t.tell(
        "{f:+o}, que não sabia de nada, ficou com os olhos cheios de lágrimas. {v} [olhou com atenção|chegou mais perto] e "
        "[viu|reparou]: {h} ainda tinha {proof} em volta da boca. [Fez-se um grande silêncio.|{h} sentiu o rosto esquentar.]"
    )
    t.tell(
        "— [Fui eu|Eu menti]. Desculpe, {v}. Desculpe, {f} — [confessou|murmurou] {h}. [Depois|No mesmo dia], para consertar "
        "o que tinha feito, {h} [preparou um lanche novo|foi buscar outro lanche] e serviu {f} primeiro."
    )
    t.close(
        "a mentira tem perna curta|a verdade é sempre o caminho mais curto|uma mentira pode machucar um amigo|dizer a "
        "verdade dá mais sossego do que mentir",
        "{f} [perdoou {h}|aceitou as desculpas], e {d:dois} comeram lado a lado.",
        "{f} pensou um pouco e perdoou. {v} [serviu suco para todos|abraçou {d:dois}].",
    )
    t.set(problem="{h} mentiu sobre {snack:o}", helper="{v:+o}")
    t.ask("Quem comeu {snack:o}?", "Foi {h} quem comeu {snack:o}.")
    t.ask("Em quem {h} pôs a culpa?", "{h} pôs a culpa em {f}.")
    t.ask("Como {v} descobriu a verdade?", "{v} viu {proof} em volta da boca de {h}.")


def false_alarm(t: Teller) -> None:
    t.cast("child child animal animal", never="sincer tímid quiet lob onc")
    t.set(
        beast=t.pick(ALARMS[t.world]),
        pit=t.draw("num buraco fundo|numa valeta cheia de lama|entre duas pedras grandes"),
    )
    t.open()
    t.tell(
        '{cue}, sem nada para fazer, {h} [quis pregar uma peça|resolveu fazer uma brincadeira] e gritou: "Socorro! Há '
        '{beast:um} {p:no}!" {everyone} vieram correndo, mas não encontraram nada. {h} [rolou de rir|riu sem parar].',
        "[No dia seguinte|Dois dias depois], fez a mesma coisa, e todos correram outra vez, [assustados|sem fôlego].",
    )
    t.tell("— [Cuidado|Olhe lá]! Quem mente muito acaba falando sem ninguém ouvir — [avisou|disse] {v:+o}.")
    t.tell(
        "[Na mesma semana|Pouco tempo depois], {h} brincava {p:no} quando escorregou e ficou {h:~preso} {pit}. Gritou por "
        "socorro, mas [ninguém apareceu|ninguém veio]: todos pensaram que era outra mentira. [Só {f:+o} desconfiou|Por "
        "sorte, {f:+o} teve dúvida] e foi ver."
    )
    t.tell("— [Desta vez é verdade|Agora não é mentira]! — disse {h}, [chorando|com a voz fraca].")
    t.tell(
        "{f} [buscou uma corda e puxou {h}|puxou com toda a força e tirou {h} de lá]. No mesmo dia, {h} pediu desculpas a "
        "cada um e [nunca mais deu alarme falso|prometeu não mentir mais].",
        "[Assim, aprendeu|Foi desse jeito que {h:o} aprendeu] que [a confiança demora a crescer e quebra depressa|quem mente "
        "perde a confiança dos outros|a verdade vale mais do que uma risada].",
    )
    t.set(problem="{h} ficou {h:~preso} {pit}", helper="{f:+o}")
    t.ask("O que {h} gritou?", "{h} gritou que havia {beast:um} {p:no}.")
    t.ask("Por que ninguém veio ajudar?", "Porque todos pensaram que era outra mentira.")
    t.ask("Onde {h} ficou {h:~preso}?", "{h} ficou {h:~preso} {pit}.")
    t.ask("Quem tirou {h} de lá?", "Foi {f:+o}.")


def share(t: Teller) -> None:
    t.cast("child child animal animal magic worker")
    t.set(back=t.pick([snack for snack in SNACKS[t.world] if snack != t.facts["snack"]]))
    t.open()
    t.tell(
        "{cue}, {h} levou {snack:um} para comer {p:no}. [{h:ele}|{h:o}] [já ia dar a primeira "
        "mordida|estava com água na boca|ia começar a comer] quando viu {f:+o} {nook}, [olhando em silêncio|com a barriga roncando].",
    )
    t.tell("— Você está com fome? — perguntou {h}.")
    t.tell(
        "— Muita! [Perdi meu lanche no caminho|Esqueci meu lanche em casa|Saí sem comer nada] — [respondeu|disse] {f}."
    )
    t.tell(
        "{h} [olhou para {snack:o} e pensou|fez as contas]: se dividisse, sobraria [só a metade|bem pouco]. [Mesmo assim,|"
        "Mas lembrou como é ruim ter fome e] [repartiu tudo com {f}|deu a metade a {f}].",
        "[O mais curioso é que|E, por incrível que pareça,] {snack:o} [parecia|ficou] muito mais {snack:~gostoso}.",
    )
    t.tell(
        "[Na semana seguinte|Uns dias depois], foi {h} quem [ficou sem lanche|saiu de casa sem comer]. {f} [não disse nada|"
        "apareceu na hora certa]: [abriu um pano no chão|sorriu] e dividiu {back:um} em partes iguais.",
        "[E {h} aprendeu|{h} percebeu|{h} nunca esqueceu] que [o que se divide fica mais gostoso|quem reparte também recebe|"
        "a comida tem mais sabor ao lado de um amigo].",
    )
    t.set(problem="{f} estava com fome", helper="{h}")
    t.ask("O que {h} levou para comer?", "{h} levou {snack:um}.")
    t.ask("Por que {f} estava com fome?", "Porque estava sem lanche.")
    t.ask("O que {h} fez com {snack:o}?", "{h} dividiu {snack:o} com {f}.")
    t.ask("O que {f} dividiu depois?", "{f} dividiu {back:um} com {h}.")


def sick_friend(t: Teller) -> None:
    t.cast("child child animal animal magic elder worker")
    soup = t.draw("sopa de legumes|sopa de abóbora|canja quentinha|sopa de mandioca")
    t.set(ill=t.draw("um resfriado|uma gripe forte|dor de garganta|febre"), soup=soup)
    t.set(made=t.draw("um desenho {p:do}|uma canção nova|um ramo de flores|uma pipa de papel|um livro de histórias"))
    t.open("[Todos os dias|Todas as manhãs], encontrava {f:+o} {p:no}.", scenes=False)
    t.tell(
        "{cue}, {f} não apareceu. [{h}|{h:o}] [estranhou|ficou {h:~preocupado}] e foi bater à sua porta. {f} estava de cama, com "
        "{ill}, e [não tinha vontade de nada|mal conseguia sorrir]. Precisava de repouso, explicou {v:+o}.",
        "?{h} voltou para casa pensando no que fazer.",
    )
    t.tell(
        "No primeiro dia, {h} levou {soup}. No segundo, levou {made}. No terceiro, [sentou-se perto da cama|sentou-se ao "
        "lado da janela] e contou [as novidades {p:do}|tudo o que tinha acontecido {p:no}]."
    )
    t.tell("— [Você não se cansa de vir|Por que você vem todos os dias]? — perguntou {f}.")
    t.tell(
        "— [Um dia sem você é comprido demais|Porque amigo é para isso] — respondeu {h}, e {f} [riu|sorriu] de verdade."
    )
    t.tell(
        "[Aos poucos|Dia após dia], {f} melhorou. Quando {d:dois} voltaram {p:ao}, [pareciam não se ver fazia um ano|a "
        "alegria foi enorme]. E, [tempos depois|no mês seguinte], quando {h} também ficou {h:~doente}, {f} foi logo levar "
        "{soup}.",
        "?[{h} aprendeu|{h} percebeu|{v} comentou] que [carinho também é remédio|os amigos ficam perto nas horas difíceis|"
        "cuidar de quem a gente ama faz bem aos dois].",
    )
    t.set(problem="{f} estava com {ill}", helper="{h}")
    t.ask("Por que {f} não apareceu?", "Porque estava de cama, com {ill}.")
    t.ask("O que {h} levou no primeiro dia?", "{h} levou {soup}.")
    t.ask("O que {h} levou no segundo dia?", "{h} levou {made}.")


def lost_cub(t: Teller) -> None:
    t.cast("child child animal animal magic worker elder")
    known = [t.kind(name) for name in "hfv"]
    baby, mother, cry, clue = t.pick(
        [row for row in CUBS[t.world] if row[0].word not in known and row[1].word not in known]
    )
    t.set(baby=baby, mother=mother, cry=cry)
    t.open()
    t.tell(
        "{cue}{there}, {h} ouviu um barulhinho e encontrou {baby:um} {nook}. {baby:ele} {cry} baixinho e [olhava para os "
        "lados|tremia um pouco]: tinha se perdido da mãe.",
        "?{h} [sentou-se no chão|chegou bem devagar], para não assustar.",
    )
    t.tell("— [Não tenha medo|Fique {baby:~calmo}]! Vamos achar sua mãe — [prometeu|disse] {h}.")
    t.tell(
        "[{h:o}|{h}] chamou {f:+o}, e {d:dois} [saíram procurando|começaram a busca]. Perguntaram [a um passarinho|a uma borboleta|a um "
        "sapo], que não sabia de nada. Perguntaram {v:+ao}, que [coçou o queixo|pensou um pouco] e [deu um conselho|"
        'disse]: "[Fiquem em silêncio e escutem|Fechem os olhos e escutem bem]."'
    )
    t.tell(
        "[Foi o que fizeram|{d:dois} obedeceram]. Então, " + clue + ". {baby:o} respondeu na mesma hora. "
        "Seguiram o som e encontraram {mother:o}, que vinha [correndo|apressada], com o coração aos pulos.",
    )
    t.close(
        "quem escuta com atenção encontra o caminho|ninguém deve ficar sozinho quando se perde|ajudar os pequenos é coisa "
        "de gente grande|um pouco de calma resolve muita coisa",
        "{mother:o} [agradeceu mil vezes|não sabia como agradecer]. Desde então, {baby:o} sempre vinha visitar {h} {p:no}.",
        "{baby:o} se aninhou junto da mãe e dormiu. {h} e {f} voltaram para casa sem fazer barulho.",
    )
    t.set(problem="{baby:o} tinha se perdido da mãe", helper="{h}")
    t.ask("Quem {h} encontrou?", "{h} encontrou {baby:um}.")
    t.ask("Onde {h} encontrou {baby:o}?", "{h} encontrou {baby:o} {nook}.")
    t.ask("Quem {baby:o} tinha perdido?", "{baby:o} tinha se perdido da mãe.")


def build(t: Teller) -> None:
    t.cast("child child animal animal magic")
    row = t.pick([row for row in BUILDINGS if not row["child"] or t.hero.role == "child"])
    t.set(work=row["work"])
    t.open()
    t.tell(
        "{cue}, {h} e {f:+o} [decidiram|resolveram] construir {work:um} perto {p:do}. [Juntaram|Arranjaram] "
        + row["parts"]
        + " e [trabalharam a manhã inteira|começaram com muita pressa]. Mas "
        + row["fail"]
        + "."
    )
    t.tell("— A culpa é sua! — [reclamou|disse] {h}.")
    t.tell("— Minha, não! Foi você que [teve pressa|não quis me ouvir] — [respondeu|retrucou] {f}.")
    t.tell(
        "[Ficaram um tempão sem se falar|Cada um foi para um lado]. {v:+o}, que tinha visto tudo, [chegou sem pressa|sentou-se"
        " por perto] e disse que "
        + row["tip"]
        + ". {h} [olhou para {f} e|ficou com vergonha e] pediu desculpas. {f} pediu "
        "também."
    )
    t.tell(
        "[Recomeçaram|No dia seguinte, recomeçaram], desta vez [sem brigar|com calma]: "
        + row["again"]
        + ". "
        + row["done"]
        + ".",
        "[Assim, {h} aprendeu|{d:dois} aprenderam|E todos viram] que [duas cabeças pensam melhor do que uma|quem trabalha "
        "junto vai mais longe|brigar não conserta nada|recomeçar também faz parte].",
    )
    t.set(problem=row["fail"], helper="{v:+o}")
    t.ask("O que {h} e {f} construíram?", "{h} e {f} construíram {work:um}.")
    t.ask("Por que {h} e {f} brigaram?", "Porque " + row["fail"] + ".")
    t.ask("Quem deu um bom conselho?", "Foi {v:+o}.")


def sleepless(t: Teller) -> None:
    t.cast("child child animal magic")
    noise, source, solution = t.pick(NOISES)
    t.set(noise=noise, source=source)
    t.open(scenes=False)
    t.tell(
        "Certa noite, {h} não conseguia dormir. [Virou para um lado, virou para o outro|Fechou os olhos com força|Contou "
        "carneirinhos até cem], e nada. [De repente|Então], no meio do silêncio, ouviu um barulho: {noise}.",
        '[Seria um monstro?|O que podia ser aquilo?|"E se for um monstro?", pensou.]',
    )
    t.tell("— {v}, [você está ouvindo|que barulho é esse]? — [sussurrou|perguntou] {h}.")
    t.tell(
        "— [Vamos descobrir juntos|Só há um jeito de saber: indo ver] — respondeu {v:+o}, acendendo [uma vela|um lampião]. "
        "— [Fique perto de mim|Venha comigo]."
    )
    t.tell(
        "[Pé ante pé|Bem devagar], {h} e {v} seguiram o barulho. [E sabe o que era?|Quando chegaram perto, veio a surpresa.] "
        "Era só {source}! [{h}|{h:o}] [começou a rir|riu de si {h:~mesmo}|suspirou de alívio]. " + solution + "."
    )
    t.close(
        "os monstros somem quando a gente acende a luz|o desconhecido assusta menos de perto|é melhor descobrir do que "
        "imaginar|a imaginação às vezes prega peças",
        "De volta à cama, {h} ouviu {v} cantar [uma cantiga antiga|baixinho] e dormiu antes do fim da música.",
        "{v} contou uma história curtinha, e {h} dormiu [sorrindo|em paz], enquanto a lua brilhava lá fora.",
        night=True,
    )
    t.set(problem="{h} ouviu um barulho e não conseguia dormir", helper="{v:+o}")
    t.ask("Que barulho {h} ouviu?", "{h} ouviu um barulho assim: {noise}.")
    t.ask("O que fazia o barulho?", "Era {source}.")
    t.ask("Quem ajudou {h}?", "Foi {v:+o} quem ajudou {h}.")


def fallen_star(t: Teller) -> None:
    t.cast("child child animal magic magic elder", outdoors=True)
    t.set(x=t.pick(SKY_FRIENDS))
    plan, done = t.pick(WAYS_UP)
    t.open(scenes=False)
    t.tell(
        "Numa noite [sem nuvens|de céu limpo|muito calma], {h} viu uma luz cair {p:no}. [Correu para ver|Foi até lá] e "
        "encontrou {x:um} {spot}, [piscando|brilhando] bem fraquinho."
    )
    t.tell(
        "— [Eu me debrucei demais para ver as luzes daqui|Escorreguei enquanto brincava no céu] e caí — [contou|explicou] {x:o}."
        " — Agora não sei voltar para casa."
    )
    t.tell(
        "[{h} jogou|Com cuidado, {h:o} jogou] {x:o} para o alto, mas não [deu certo|adiantou]. Subiu no lugar mais alto que "
        "conhecia, e ainda faltava muito céu. {f:+o}, que [tinha ouvido tudo|vinha chegando], [deu uma ideia|teve uma "
        "ideia]: " + plan + "."
    )
    t.tell(done + ". {x:o} [subiu, subiu|foi subindo, subindo] até [voltar ao seu lugar|encontrar o seu lugar] no céu.")
    t.close(
        "ninguém é pequeno demais para ajudar|até no céu a gente pode ter um amigo|quem ajuda deixa o mundo mais claro|com "
        "uma boa ideia tudo fica mais perto",
        "Desde então, todas as noites, {x:o} piscava três vezes para {h}: era o seu jeito de dizer obrigad{x:x}.",
        "Na noite seguinte, uma luz piscou lá no alto. {d:dois} acenaram de volta, [felizes|sorrindo].",
        night=True,
    )
    t.set(problem="{x:o} não sabia voltar para o céu", helper="{f:+o}")
    t.ask("O que {h} encontrou?", "{h} encontrou {x:um}.")
    t.ask("Quem teve a ideia?", "Foi {f:+o} quem teve a ideia.")
    t.ask("Onde {h} encontrou {x:o}?", "{h} encontrou {x:o} {spot}.")
    t.ask("Por que {x:o} estava triste?", "Porque não sabia voltar para casa.")


def sibling(t: Teller) -> None:
    t.cast("child")
    gender = t.pick("mf")
    baby = Noun("irmãozinho" if gender == "m" else "irmãzinha", gender)
    t.set(b=baby, bname=t.draw("Noel|Ciro|Dante|Ivo" if gender == "m" else "Lena|Iris|Elisa|Aline"))
    t.set(
        trick=t.draw(
            "fez uma careta|cantou uma música inventada|imitou um pato|pôs uma meia na mão e fez um boneco falar"
        )
    )
    t.open(scenes=False)
    t.tell(
        "{cue}, [chegou em casa uma novidade|a família cresceu]: nasceu {bname}, {b:o} de {h}.",
        "[Todos só falavam de {bname}|As visitas só queriam ver {bname}], e {h} [se sentiu {h:~esquecido}|ficou com ciúme]. "
        "[Ninguém mais tinha tempo para {play}|Nem {v:+o} tinha tempo para uma história].",
    )
    t.tell("— Será que [ainda gostam|meus pais ainda gostam] de mim? — perguntou {h} {f:+ao}.")
    t.tell("— Claro que gostam! [O coração não se divide: ele cresce|Bebê dá trabalho, só isso] — respondeu {f}.")
    t.tell(
        "Naquela [tarde|noite], {bname} começou a chorar e não parava. [Balançaram o berço, deram o leite, trocaram a fralda"
        "|Tentaram colo, leite e chocalho], e nada. Então {h} chegou perto e {trick}. {b:o} parou de chorar, arregalou os "
        "olhos e [deu a primeira risada|riu pela primeira vez]."
    )
    t.close(
        "o amor da família dá para todos|ninguém toma o lugar de ninguém no coração|ser irmão também é um presente|o carinho "
        "cresce junto com a família",
        "{v:+o} abraçou {h} e disse que só {h:ele} sabia fazer {bname} rir. O ciúme [foi embora|ficou pequenininho].",
    )
    t.set(problem="{h} estava com ciúme {b:do}", helper="{f:+o}")
    t.ask("Como se chamava {b:o} de {h}?", "{b:o} de {h} se chamava {bname}.")
    t.ask("Por que {h} ficou triste?", "Porque estava com ciúme de {bname}.")
    t.ask("O que {h} fez para {bname} parar de chorar?", "{h} {trick}.")


def clean_up(t: Teller) -> None:
    t.cast(outdoors=True)
    t.open(
        "O seu lugar preferido era {p:o}.", "[Ia sempre {p:ao}|Gostava muito de ir {p:ao}], para {play}.", scenes=False
    )
    t.tell(
        "{cue}, {h} [chegou {p:ao} e levou um susto|mal reconheceu {p:o}]: havia [lixo por todo lado|papéis, latas e restos "
        "de comida pelo chão]. [Uma festa tinha acontecido na véspera, e ninguém tinha limpado nada.|O vento da noite tinha "
        "espalhado tudo.]"
    )
    t.tell("— [Que tristeza|Que sujeira]! Você me ajuda a limpar? — perguntou {h} {f:+ao}.")
    t.tell("— [Não fui eu que sujei|Quem sujou que limpe]! — respondeu {f}, e [foi embora|virou as costas].")
    t.tell(
        "[{h}|{h:o}] [não discutiu|ficou triste, mas não parou]: [arranjou um saco grande|pegou um cesto] e começou {h:~sozinho}, um "
        "papel de cada vez. {f} [olhava de longe|espiava de longe] e [foi ficando com vergonha|pensou melhor]. [Dali a pouco"
        "|Meia hora depois], voltou com uma vassoura. Logo {v:+o} também veio, e depois {everyone}.",
    )
    t.close(
        "cuidar do que é de todos é dever de cada um|um bom exemplo vale mais do que mil palavras|o exemplo de um anima "
        "todos os outros|muitas mãos fazem o trabalho leve",
        "No fim do dia, {p:o} [brilhava|parecia {p:~novo}]. Para que não se sujasse mais, penduraram ali um cesto pintado de "
        "[azul|verde|amarelo].",
    )
    t.set(problem="{p:o} estava {p:~cheio} de lixo", helper="{f:+o}")
    t.ask("O que havia no chão?", "Havia lixo no chão.")
    t.ask("Quem começou a limpar?", "Foi {h} quem começou a limpar.")
    t.ask("Por que {f} voltou?", "{f} voltou para ajudar a limpar.")


PLOTS: list[tuple[Callable[[Teller], None], str]] = [
    (lost, "uma coisa perdida"),
    (new_friend, "amizade"),
    (fear, "coragem"),
    (cook, "cozinha"),
    (storm, "uma tempestade"),
    (helping, "bondade"),
    (mistake, "pedir desculpas"),
    (nest, "um segredo"),
    (surprise, "uma surpresa"),
    (learn, "aprender"),
    (trip, "uma viagem"),
    (race, "uma corrida"),
    (craft_contest, "um concurso"),
    (birthday, "aniversário"),
    (seed, "uma semente"),
    (riddle, "uma adivinha"),
    (eaten, "a verdade"),
    (false_alarm, "uma mentira"),
    (share, "dividir"),
    (sick_friend, "cuidado"),
    (lost_cub, "um filhote perdido"),
    (build, "trabalhar em equipe"),
    (sleepless, "a noite"),
    (fallen_star, "o céu"),
    (sibling, "família"),
    (clean_up, "limpeza"),
]


def stories(seed: int | random.Random) -> Iterator[Story]:
    """Endless different stories of a fair length."""
    rng = seed if isinstance(seed, random.Random) else random.Random(seed)
    told: set[str] = set()  # asked about, never walked through: its order plays no part
    while True:
        plot, theme = rng.choice(PLOTS)
        teller = Teller(rng)
        plot(teller)
        story = teller.story(plot.__name__, theme)
        fits = MIN_WORDS <= story.words <= MAX_WORDS and MIN_PARAGRAPHS <= len(teller.paragraphs) <= MAX_PARAGRAPHS
        if fits and story.text not in told:
            told.add(story.text)
            yield story


# ---------------------------------------------------------------------------------------------------------------------
# Tables: openings, endings and shared words
# ---------------------------------------------------------------------------------------------------------------------

OPENINGS = (
    "era uma vez {h:intro}, que [morava|vivia] {home}.",
    "{home}, [morava|vivia] {h:intro}.",
    "{h} era {h:um} {h.trait} que [morava|vivia] {home}.",
    "esta é a história de {h}, {h:um} {h.trait} que [adorava|gostava muito de] {h.like}.",
    "ninguém {land} gostava tanto de {h.like} quanto {h}, {h:um} {h.coat}.",
    "todo mundo {land} conhecia {h}, {h:um} {h.trait} que [morava|vivia] {home}.",
    "você já ouviu falar de {h}? Era {h:um} {h.coat} que [adorava|gostava muito de] {h.like}.",
    "há muito tempo, {home}, [morava|vivia] {h:intro}.",
    "{h:intro} [adorava|gostava muito de] {h.like}. [Morava|Vivia] {home}.",
    "havia, {land}, {h:um} {h.trait} {h:~chamado} {h.first}.",
    "quem passava {p:pelo} sempre encontrava {h}, {h:um} {h.coat}.",
    "{h} [morava|vivia] {home}. Era {h:um} {h.trait}, {h:~conhecido} por todos.",
)
SCENE_OPENINGS = (
    "{when}, {h:intro} [passeava|andava] {p:pelo}. {scene}.",
    "{when}, enquanto {h:intro} [passeava|andava] {p:pelo}, {scene}.",
    "{p:no}, {when}, {scene}. {h:intro} olhava tudo com [atenção|alegria].",
)
SCENE_DETAILS = ("{h} era muito {h.trait}: {h.note}.", "O que {h} mais gostava de fazer era {h.like}.", "")
TRAIT_NOTES_TOLD = ("{h.note}.", "?{h.note}.", "")
TRAIT_NOTES_NEW = ("{h} era muito {h.trait}: {h.note}.", "Era muito {h.trait} e {h.note}.", "")
LIKES_TOLD = (
    "O que {h:ele} mais gostava de fazer era {h.like}.",
    "Seu passatempo preferido era {h.like}.",
    "Sempre que podia, inventava um jeito de {h.like}.",
    "Gostava muito de {h.like}.",
)
MORALS = (
    "{h} aprendeu, assim, que {moral}.",
    "E foi assim que {h} descobriu que {moral}.",
    "Desde então, {h} nunca mais esqueceu que {moral}.",
    "{h} entendeu, enfim, que {moral}.",
    "Antes de dormir, {h} ficou pensando que {moral}.",
    "Foi uma boa lição: {moral}.",
    "{v:+o} sempre dizia que {moral}, e {h} viu que era verdade.",
    "No fim, {h} percebeu que {moral}.",
    "E {h} guardou bem guardada esta lição: {moral}.",
    "Como se vê, {moral}.",
)
GROWN_UP_PLAYS = "tomar um pouco de ar|encontrar os amigos|conversar com os vizinhos|descansar um pouco"
GENERIC_IMAGES = (
    "Naquela noite, {h} dormiu [sorrindo|em paz|feliz da vida].",
    "E o dia terminou com [muitas risadas|um abraço bem apertado|uma alegria enorme].",
    "{h} voltou para casa [cantarolando|com o coração leve].",
    "Foi um dia que {h} lembrou por muito tempo.",
)
WHEN = (
    "numa manhã de sol|numa tarde quente|numa manhã fresca|numa tarde de vento|num sábado bem cedo|num domingo de manhã|"
    "numa tarde de domingo|numa bela manhã|num dia de céu azul|numa tarde tranquila|numa quinta-feira|numa segunda-feira|"
    "no começo da primavera|num dia de verão|numa manhã de outono"
)
COLOURS = ("vermelho", "amarelo", "azul", "verde", "roxo", "branco", "colorido", "dourado", "prateado", "novo")
PLURAL_EXCEPTIONS = {
    "pão": "pães",
    "mão": "mãos",
    "irmão": "irmãos",
    "cão": "cães",
    "lápis": "lápis",
    "simples": "simples",
}

TRAITS = (
    ("curioso", "vivia fazendo perguntas"),
    ("curioso", "queria saber o porquê de tudo"),
    ("alegre", "cantarolava o dia inteiro"),
    ("alegre", "acordava sempre sorrindo"),
    ("tímido", "falava bem baixinho"),
    ("gentil", "dava bom-dia a todos"),
    ("gentil", "nunca passava por alguém sem cumprimentar"),
    ("teimoso", "não desistia de uma ideia por nada"),
    ("sonhador", "passava horas olhando as nuvens"),
    ("distraído", "esquecia tudo pelo caminho"),
    ("brincalhão", "fazia todo mundo rir"),
    ("falante", "puxava conversa até com as pedras"),
    ("quieto", "prestava atenção em tudo"),
    ("caprichoso", "gostava de tudo bem arrumado"),
    ("carinhoso", "tinha sempre um abraço para dar"),
    ("esperto", "tinha resposta para tudo"),
    ("animado", "não parava um minuto"),
    ("paciente", "fazia tudo sem pressa"),
    ("corajoso", "gostava de uma boa aventura"),
    ("sincero", "dizia sempre o que pensava"),
)
COATS = {
    "child": "de cabelo cacheado|de cabelo curtinho|de óculos redondos|de sorriso largo|de olhos curiosos|de bochechas "
    "rosadas|de sardas no nariz|de cabelo comprido|de joelhos ralados|de boné vermelho|de mochila nas costas",
    "elder": "de cabelos brancos|de óculos na ponta do nariz|de voz macia|de passos lentos|de riso fácil|de mãos macias",
}
LIKES = {
    "child": "desenhar bichos|andar de bicicleta|ler gibis|colecionar pedrinhas|inventar músicas|jogar bola|olhar as "
    "estrelas|pular corda|brincar de faz de conta|observar formigas|fazer perguntas|contar piadas|fazer aviões de papel|"
    "montar quebra-cabeças|cuidar das plantas",
    "elder": "tricotar cachecóis|contar histórias antigas|cuidar das plantas|fazer doce de abóbora|jogar dominó|ouvir "
    "rádio|conversar na varanda|tocar sanfona|escrever cartas|costurar colchas de retalhos",
}
NAMES = {
    "child": (
        "Beto Caio Davi Tomás Léo Miguel Rafael Pedro João Lucas Bento Igor Mateus Nino Otávio Samuel Vítor Zeca André "
        "Heitor Joaquim Raul Téo Artur Daniel Felipe Gustavo Hugo Luan",
        "Ana Bia Clara Duda Eva Flora Helena Inês Júlia Lara Lia Luísa Malu Marina Nina Olga Sofia Teresa Cecília Iara "
        "Manu Beatriz Carolina Elis Gabi Joana Laura Maria Isabel",
    ),
    "animal": (
        "Tico Pipo Fubá Pingo Zezé Tufo Caju Dengo Biscoito Nico Quindim Bidu Feijão Tupi Guto Neco Juca Pitoco Farofa "
        "Bolota Chumbinho Tobias Jiló Xodó",
        "Pipoca Mimi Lili Jujuba Amora Paçoca Tita Lola Fifi Pitanga Canela Dora Filó Zizi Kika Tina Jade Cocada Pérola "
        "Tapioca Juju Mila Nena Lica",
    ),
    "magic": (
        "Lume Zumbo Fagulha Orvalho Zique Bolim Musgo Pirilo Tilim Gaspar Rubi Fubeca",
        "Luzia Brisa Aurora Melina Lumina Celeste Serena Alba Mirela Jasmim Safira Lila",
    ),
    "worker": (
        "Jorge Paulo Rui Sebastião Osvaldo Mauro Carlos Geraldo Armando Tadeu",
        "Lúcia Sônia Marta Célia Vera Dalva Neusa Regina Sílvia Marlene",
    ),
    "elder": (
        "Chico Antônio Jonas Manuel Severino Valter Oscar Raimundo Alfredo",
        "Rita Lourdes Nair Zilda Alice Benedita Odete Carmem Iolanda",
    ),
    "wise": (
        "Anselmo Tibúrcio Bonifácio Jeremias Aristides Teodoro Horácio",
        "Olívia Sabina Matilde Ofélia Gertrudes Genoveva Leocádia",
    ),
}

# ---------------------------------------------------------------------------------------------------------------------
# Tables: who, where and with what
# ---------------------------------------------------------------------------------------------------------------------

Kind = tuple[Noun, str, str]


def kinds(table: str) -> list[Kind]:
    """Read lines of "m gato = looks | looks = likes | likes"; a line may give both genders, "m gato, f gata"."""
    rows: list[Kind] = []
    for line in table.strip().splitlines():
        heads, coats, likes = (part.strip() for part in line.split("="))
        rows += [
            (noun(head.strip()), coats.replace(" | ", "|"), likes.replace(" | ", "|")) for head in heads.split(",")
        ]
    return rows


ANIMALS = {
    "sítio": kinds("""
        m gato, f gata = de bigodes compridos | de pelo cinza | de patas brancas = dormir no sol | perseguir borboletas
        m cachorro, f cachorrinha = de orelhas caídas | de pelo malhado = correr atrás da própria sombra | abanar o rabo
        f galinha = de penas vermelhas | de penas carijós = ciscar no terreiro | contar as novidades
        m galo = de crista vermelha | de rabo colorido = cantar bem cedo | andar de peito estufado
        m pato = de penas brancas | de bico amarelo = nadar na lagoa | tomar banho de chuva
        f vaca = de manchas pretas | de olhos mansos = comer capim fresco | descansar na sombra
        m cavalo = de crina comprida | de pelo castanho = galopar pelo campo | pular cercas
        m porquinho, f porquinha = de rabinho enrolado | de pele rosada = rolar na lama | comer milho
        f ovelha = de lã branquinha | de lã fofa = pastar no alto do morro | cochilar depois do almoço
        m cabrito, f cabrita = de pelo branco | de chifres pequenos = subir nas pedras | dar pulos bem altos
        m burrinho = de orelhas compridas | de pelo cinza = puxar carroça | comer cenouras
        m ganso = de pescoço comprido | de penas cinzentas = marchar pelo terreiro | tomar conta do portão
        m bezerro = de manchas marrons | de focinho úmido = correr em volta da mãe | beber leite quentinho
    """),
    "mata": kinds("""
        m macaco, f macaca = de rabo comprido | de olhos espertos = pular de galho em galho | imitar os outros bichos
        m coelho, f coelha = de pelo branco | de orelhas compridas = correr pela grama | roer cenouras | cavar túneis
        m tatu = de casco duro | de focinho fino = cavar buracos | se enrolar como uma bola
        f raposa = de pelo avermelhado | de cauda macia = explorar trilhas novas | contar histórias
        f capivara = de pelo castanho | de olhos calmos = nadar no rio | descansar na beira da água
        f arara = de penas azuis | de penas vermelhas = voar sobre as árvores | cantar bem alto
        m tucano = de bico colorido | de peito branco = comer frutas maduras | voar sobre as árvores
        f oncinha = de pelo pintado | de patas macias = subir nas árvores | caminhar na sombra
        m sapo = de pele verde | de olhos grandes = pular de pedra em pedra | cantar à noite
        m esquilo = de cauda fofa | de dentes afiados = juntar castanhas | correr pelos troncos
        m jabuti = de casco redondo | de passos lentos = passear devagar | pensar na vida
        m bicho-preguiça = de braços compridos | de sorriso manso = cochilar nos galhos | olhar as folhas
        m ouriço = de espinhos finos | de nariz pontudo = rolar nas folhas secas | procurar frutinhas
        m ursinho, f ursinha = de pelo marrom | de barriga redonda = comer mel | tomar banho de rio
        m lobinho = de pelo prateado | de orelhas pontudas = uivar para a lua | correr com o vento
        m quati = de rabo listrado | de focinho comprido = revirar folhas secas | subir nos galhos
        f lontra = de pelo brilhante | de bigodes molhados = escorregar na lama | brincar na água
        f anta = de nariz comprido | de orelhas arredondadas = passear na beira do rio | comer folhas tenras
    """),
}
MAGIC = kinds("""
    f fada = de asas transparentes | de vestido lilás = pintar as asas das borboletas | acender os vaga-lumes
    m duende = de gorro verde | de botas pontudas = esconder botões | consertar sapatos velhos
    m dragãozinho = de escamas verdes | de asas pequenas = soltar bolinhas de fumaça | esquentar o chá dos vizinhos
    m gigante = de barba comprida | de passos pesados = empurrar nuvens | andar com cuidado para não pisar nas flores
    m unicórnio = de crina prateada | de chifre brilhante = galopar debaixo do arco-íris | beber orvalho
    m robozinho = de olhos de lâmpada | de pés redondos = contar parafusos | juntar peças brilhantes
    m fantasminha = de lençol branco | de voz fininha = brincar de esconde-esconde | assobiar nas janelas
    f bruxinha = de chapéu pontudo | de meias listradas = misturar perfumes | conversar com os morcegos
    m gnomo = de barba branca | de chapéu vermelho = contar cogumelos | cuidar do musgo
""")
WORKERS = kinds("""
    m padeiro, f padeira = de avental branco | de mãos fortes = assar pão quentinho | inventar receitas
    m jardineiro, f jardineira = de chapéu de palha | de botas sujas de terra = podar roseiras | conversar com as plantas
    m carteiro = de boné azul | de sapatos gastos = entregar boas notícias | conhecer todas as ruas
    m pescador, f pescadora = de pele queimada de sol | de mãos calejadas = remar ao nascer do sol | contar casos do mar
    m bombeiro, f bombeira = de botas altas | de voz firme = ajudar quem precisa | cuidar do caminhão vermelho
    m professor, f professora = de voz calma | de óculos redondos = ensinar brincando | ler em voz alta
    f costureira = de dedos ágeis | de tesoura na mão = fazer vestidos de festa | juntar retalhos
    m bibliotecário, f bibliotecária = de óculos quadrados | de voz suave = arrumar os livros | indicar boas histórias
    m sorveteiro, f sorveteira = de uniforme listrado | de riso fácil = inventar sabores | tocar o sininho do carrinho
    m pintor, f pintora = de roupa manchada de tinta | de olhar atento = misturar cores | pintar paisagens
    m marceneiro = de lápis atrás da orelha | de mãos firmes = fazer brinquedos de madeira | lixar cadeiras
    m sapateiro = de avental de couro | de bigode branco = consertar botas velhas | assobiar enquanto trabalha
""")
FLYING = ("arara", "tucano", "coruja", "fada", "dragãozinho", "fantasminha", "pato", "ganso")
WISE = {
    "sítio": nouns("m boi; f égua; f coruja; f cabra; m jumento"),
    "mata": nouns("f coruja; f tartaruga; m papagaio; m tamanduá; f garça"),
    "magia": nouns("m mago; f feiticeira; f rainha; m sábio; f tartaruga"),
}
WORLD_WORDS = {
    "cidade": {
        "land": "no bairro",
        "of_land": "do bairro",
        "artist": "[um artista de rua|uma artista de circo|um rapaz|uma moça]",
        "everyone": "os vizinhos",
        "looked": "[embaixo da cama, atrás da porta e dentro do armário|no sofá, na estante e até debaixo do tapete]",
    },
    "roça": {
        "land": "na vila",
        "of_land": "da vila",
        "artist": "[um viajante|uma artista de circo|um rapaz|uma moça]",
        "everyone": "os vizinhos",
        "looked": "[embaixo da cama, na varanda e dentro do baú|no alpendre, atrás do fogão e até debaixo do tapete]",
    },
    "sítio": {
        "land": "no sítio",
        "of_land": "do sítio",
        "artist": "[um grilo|um mico|um papagaio]",
        "everyone": "os bichos do sítio",
        "looked": "[na palha, atrás da porteira e perto do poço|atrás da cerca, embaixo da carroça e no meio do capim]",
    },
    "mata": {
        "land": "na mata",
        "of_land": "da mata",
        "artist": "[um grilo|um mico|um vaga-lume]",
        "everyone": "os bichos da mata",
        "looked": "[atrás das pedras, entre as folhas e dentro do tronco oco|embaixo das raízes, no meio do mato e na toca]",
    },
    "magia": {
        "land": "no reino",
        "of_land": "do reino",
        "artist": "[um menestrel|um bobo da corte|uma bailarina]",
        "everyone": "os moradores do reino",
        "looked": "[embaixo dos cogumelos, atrás da torre e entre as flores|na gaveta, no telhado e até dentro do bule]",
    },
}
CITY_PLACES = [
    Place(
        noun("f praça"),
        "numa casa [amarela|azul|pequena|de janelas verdes] perto da praça",
        "embaixo do banco|atrás da fonte|ao pé da mangueira|ao lado do coreto",
        "ao pé da mangueira|ao lado da fonte|perto do coreto|na ponta de um banco",
        "os pombos ciscavam perto da fonte|as crianças corriam em volta do coreto|o pipoqueiro mexia a panela",
        "brincar de pega-pega|jogar amarelinha|dar milho aos pombos|pular corda",
    ),
    Place(
        noun("m parque"),
        "num prédio [baixinho|antigo|cor-de-rosa] em frente ao parque",
        "embaixo do escorregador|atrás do balanço|no meio da areia|ao lado da gangorra",
        "ao lado da gangorra|perto do balanço|num banco de madeira",
        "os balanços rangiam com o vento|as cigarras cantavam nas árvores|um vendedor passava com balões",
        "brincar no balanço|descer pelo escorregador|brincar de estátua|correr na grama",
    ),
    Place(
        noun("f praia"),
        "numa casinha [branca|azul|de madeira] perto da praia",
        "atrás de uma pedra|embaixo de um guarda-sol|ao lado de um castelo de areia|perto de um barco velho",
        "perto de um barco velho|embaixo de um coqueiro|em cima de uma pedra",
        "as ondas iam e vinham|os barcos balançavam na água|as gaivotas gritavam no céu",
        "fazer castelos de areia|catar conchas|pular ondas|correr na areia",
    ),
    Place(
        noun("f escola"),
        "numa rua [tranquila|estreita|cheia de árvores] perto da escola",
        "embaixo de uma carteira|atrás da estante|no canto do pátio|em cima do armário",
        "no canto do pátio|perto do portão|embaixo da escada",
        "o cheiro da merenda se espalhava pelo pátio|as paredes estavam cheias de desenhos|ouvia-se uma cantiga de roda",
        "jogar peteca|brincar de roda|desenhar com giz|jogar bola no pátio",
        True,
    ),
    Place(
        noun("f biblioteca"),
        "num sobrado [antigo|verde|estreito] ao lado da biblioteca",
        "entre dois livros grossos|embaixo da mesa redonda|atrás da cortina|em cima da estante baixa",
        "perto da janela|numa almofada azul|ao lado da mesa redonda",
        "tudo cheirava a papel antigo|um relógio fazia tique-taque|a luz entrava pelas janelas altas",
        "ler histórias de piratas|montar quebra-cabeças|folhear livros ilustrados|ouvir um conto",
        True,
    ),
    Place(
        noun("m jardim da cidade"),
        "numa casa [cor-de-rosa|de portão branco|de tijolos] perto do jardim da cidade",
        "atrás da roseira|embaixo de um banquinho|no meio das margaridas|dentro de um vaso vazio",
        "ao lado da roseira|num banquinho de pedra|perto do lago dos patos",
        "as abelhas visitavam as flores|as rosas perfumavam o ar|um beija-flor ia de flor em flor",
        "regar as flores|brincar de esconde-esconde|contar borboletas|dar comida aos patos",
    ),
    Place(
        noun("f feira"),
        "numa rua [animada|comprida|de pedras] perto da feira",
        "atrás da barraca de frutas|embaixo de um caixote|entre dois sacos de feijão|ao lado da balança",
        "ao lado da barraca de flores|perto da barraca de pastel|em cima de um caixote",
        "os feirantes anunciavam as frutas|o cheiro de pastel se espalhava|as barracas estavam cheias de cores",
        "provar frutas novas|ver os peixes|escolher flores|tomar caldo de cana",
    ),
    Place(
        noun("m porto"),
        "numa casa [de telhado vermelho|de janelas azuis|pequena] perto do porto",
        "embaixo de uma rede de pesca|atrás de um barril|entre duas cordas enroladas|ao lado da âncora",
        "ao lado da âncora|em cima de um barril|perto dos barcos",
        "os barcos chegavam cheios de peixe|os marinheiros cantavam|o farol brilhava ao longe",
        "ver os navios|contar os barcos|pescar de caniço|ouvir histórias de marinheiros",
    ),
]
FARM_PLACES = [
    Place(
        noun("f horta"),
        "num sítio [pequeno|alegre|muito verde], ao lado da horta",
        "entre os pés de alface|atrás do espantalho|embaixo de um carrinho de mão|dentro de um balde",
        "ao lado do espantalho|perto do regador|entre os pés de milho",
        "as cenouras cresciam em fileiras|o espantalho balançava os braços|as joaninhas passeavam nas folhas",
        "regar as alfaces|colher tomates|correr entre as fileiras de milho",
    ),
    Place(
        noun("m pomar"),
        "num sítio [tranquilo|antigo|bonito], perto do pomar",
        "embaixo da laranjeira|atrás de uma cesta|ao pé da mangueira|no oco da jabuticabeira",
        "embaixo da laranjeira|ao pé da mangueira|ao lado de uma cesta vazia",
        "as laranjas estavam maduras|o chão estava coberto de flores|os sabiás cantavam nos galhos",
        "colher goiabas|catar mangas|brincar de esconde-esconde|juntar folhas coloridas",
    ),
    Place(
        noun("m celeiro"),
        "num sítio [grande|distante|cheio de bichos], ao lado do celeiro",
        "no meio da palha|atrás de um saco de milho|embaixo da escada velha|atrás de um monte de feno",
        "em cima da palha|ao lado da escada velha|perto da porta",
        "o feno tinha um cheiro doce|as andorinhas faziam ninho no telhado|a luz entrava pelas frestas",
        "pular na palha|brincar de esconde-esconde|cantar bem alto para ouvir o eco",
        True,
    ),
    Place(
        noun("f lagoa"),
        "num sítio [calmo|verdinho|simples], na beira da lagoa",
        "no meio dos juncos|atrás de uma pedra|embaixo da canoa|perto da pontezinha",
        "em cima de uma pedra|ao lado da canoa|perto da pontezinha",
        "os peixes faziam bolhas na água|as libélulas voavam baixinho|os sapos coaxavam entre as folhas",
        "jogar pedrinhas na água|molhar os pés|ver os peixinhos|fazer barquinhos de folha",
    ),
    Place(
        noun("m pasto"),
        "num sítio [largo|sossegado|cercado de morros], perto do pasto",
        "atrás da cerca|embaixo do ipê|no meio do capim alto|ao lado do bebedouro",
        "embaixo do ipê|ao lado da cerca|perto do bebedouro",
        "o vento penteava o capim|as borboletas voavam em bando|as flores do ipê cobriam o chão",
        "apostar corrida|rolar na grama|brincar de pega-pega|procurar trevos",
    ),
    Place(
        noun("m moinho velho"),
        "num sítio [antigo|de cerca branca|alegre], perto do moinho velho",
        "atrás da roda de pedra|embaixo de uma tábua solta|ao lado do saco de farinha|no degrau mais alto",
        "no primeiro degrau|ao lado da roda de pedra|na sombra da parede",
        "a roda girava devagar|a água corria cantando|o vento assobiava nas tábuas",
        "ver a roda girar|brincar de faz de conta|contar as voltas da roda",
    ),
]
PLACES = {
    "cidade": CITY_PLACES,
    "roça": FARM_PLACES,
    "sítio": FARM_PLACES,
    "mata": [
        Place(
            noun("f clareira"),
            "na mata, bem perto de uma clareira",
            "atrás de um tronco caído|no meio dos cogumelos|embaixo das folhas secas|entre duas raízes",
            "em cima de um tronco caído|ao lado dos cogumelos|embaixo de uma palmeira",
            "a luz passava entre as folhas|as borboletas azuis voavam baixo|os cogumelos pareciam guarda-chuvas",
            "brincar de esconde-esconde|pular nas folhas secas|dançar em roda",
        ),
        Place(
            noun("f beira do rio"),
            "na mata, [na curva de um rio|perto de um rio de águas claras]",
            "atrás de uma pedra lisa|no meio dos juncos|embaixo da ponte de tábuas|perto de um galho caído",
            "em cima de uma pedra lisa|perto da ponte de tábuas|ao lado dos juncos",
            "os peixinhos nadavam contra a corrente|a água cantava nas pedras|as libélulas brilhavam sobre a água",
            "jogar pedrinhas na água|ver os peixinhos|fazer barquinhos de folha|molhar as patas",
        ),
        Place(
            noun("f cachoeira"),
            "na mata, [ao lado de uma cachoeira|perto de uma cachoeira alta]",
            "atrás de uma pedra|ao lado das samambaias|embaixo de um tronco|entre duas pedras redondas",
            "ao lado das samambaias|em cima de uma pedra redonda|na sombra de um tronco",
            "a água caía fazendo espuma|um pequeno arco-íris dançava na água|as samambaias pingavam",
            "tomar banho de cachoeira|brincar de eco|procurar pedras coloridas",
        ),
        Place(
            noun("m morro"),
            "na mata, [no alto de um morro|ao pé de um morro]",
            "atrás de uma moita|embaixo de uma pedra chata|no meio das flores amarelas|ao lado de um cupinzeiro",
            "ao lado de uma moita|em cima de uma pedra chata|no meio das flores amarelas",
            "o vento soprava de leve|dava para ver a mata inteira|as flores amarelas balançavam",
            "rolar na grama|apostar corrida|adivinhar a forma das nuvens",
        ),
        Place(
            noun("m bambuzal"),
            "na mata, [atrás de um bambuzal|perto de um bambuzal]",
            "entre dois bambus|embaixo das folhas secas|atrás de um toco|perto de um formigueiro",
            "em cima de um toco|ao lado de um bambu quebrado|na sombra dos bambus",
            "os bambus estalavam com o vento|as folhas caíam girando|os passarinhos conversavam",
            "brincar de pega-pega|andar entre os bambus|juntar folhas coloridas",
        ),
        Place(
            noun("m lago azul"),
            "na mata, [na margem do lago azul|perto do lago azul]",
            "atrás de uma vitória-régia|embaixo de um galho torto|no meio do capim|ao lado de uma canoa furada",
            "ao lado de uma canoa furada|embaixo de um galho torto|perto da margem",
            "as vitórias-régias boiavam na água|as garças pescavam na margem|a água parecia um espelho",
            "jogar pedrinhas na água|brincar de estátua|ver o reflexo das nuvens",
        ),
    ],
    "magia": [
        Place(
            noun("m vale encantado"),
            "num vale encantado, [longe de tudo|entre duas montanhas]",
            "embaixo de um cogumelo gigante|atrás de uma pedra brilhante|no meio das flores azuis|dentro de um sino de prata",
            "embaixo de um cogumelo gigante|ao lado de uma pedra brilhante|no meio das flores azuis",
            "as flores azuis cantavam baixinho|as pedras brilhavam|as borboletas deixavam um rastro de luz",
            "brincar de adivinhar|voar pipas de papel de seda|colher flores azuis",
        ),
        Place(
            noun("m castelo"),
            "numa casinha ao lado do castelo",
            "atrás de uma armadura|embaixo do tapete vermelho|no alto da torre|dentro de um vaso de ouro",
            "ao lado de uma armadura|perto da ponte|no primeiro degrau da torre",
            "as bandeiras dançavam no alto da torre|um gato dormia no trono|os sinos tocavam ao longe",
            "brincar de cavaleiro|explorar os corredores|descer pelo corrimão",
            True,
        ),
        Place(
            noun("m bosque das fadas"),
            "no meio do bosque das fadas",
            "no oco de um carvalho|embaixo de uma folha enorme|atrás de um toco|ao lado de um poço",
            "ao lado do poço|em cima de um toco|ao pé de um carvalho",
            "os vaga-lumes piscavam entre as árvores|as folhas cochichavam|o ar cheirava a baunilha",
            "brincar de esconde-esconde|dançar em roda|seguir os vaga-lumes",
        ),
        Place(
            noun("m lago prateado"),
            "numa casa de pedra perto do lago prateado",
            "atrás de um salgueiro|embaixo de um barco de vidro|no meio dos lírios|perto de uma concha enorme",
            "ao lado de um salgueiro|perto de uma concha enorme|no meio dos lírios",
            "os cisnes deslizavam devagar|a água brilhava como prata|os lírios abriam as pétalas",
            "jogar pedrinhas na água|passear de barco|contar os cisnes",
        ),
        Place(
            noun("f vila dos duendes"),
            "na vila dos duendes, numa casa em forma de bota",
            "atrás de um relógio torto|embaixo de uma carroça minúscula|dentro de um bule|ao lado da fonte",
            "ao lado da fonte|perto de um relógio torto|na porta de uma casinha",
            "as chaminés soltavam fumaça colorida|os relógios batiam horas diferentes|as portas eram todas redondas",
            "brincar de pega-pega|pular amarelinha|soltar bolhas de sabão",
        ),
    ],
}
COMMON_TOYS = [
    (noun("f bola"), "jogaram bola até cansar"),
    (noun("f pipa"), "soltaram a pipa bem alto"),
    (noun("f flauta"), "inventaram uma música na flauta"),
    (noun("m tambor"), "marcharam ao som do tambor"),
    (noun("m chapéu"), "brincaram de mágico com o chapéu"),
    (noun("f lanterna"), "fizeram sombras na parede com a lanterna"),
    (noun("m cata-vento"), "correram contra o vento com o cata-vento"),
    (noun("m pião"), "viram o pião rodar, rodar e rodar"),
    (noun("f caixinha de música"), "dançaram ao som da caixinha de música"),
]
TOYS = {
    "child": [
        *COMMON_TOYS,
        (noun("m carrinho"), "construíram uma estrada para o carrinho"),
        (noun("f boneca"), "fizeram uma festinha para a boneca"),
        (noun("m livro"), "leram o livro do começo ao fim"),
        (noun("m caderno"), "encheram o caderno de desenhos"),
        (noun("fp botas"), "pularam poças, usando as botas um de cada vez"),
    ],
    "animal": [
        *COMMON_TOYS,
        (noun("m cachecol"), "dividiram o calor do cachecol"),
        (noun("m sino"), "dançaram ao som do sino"),
        (noun("f cesta"), "encheram a cesta de frutas"),
        (noun("f manta"), "fizeram um piquenique sobre a manta"),
        (noun("m apito"), "brincaram de trem com o apito"),
    ],
    "magic": [
        *COMMON_TOYS,
        (noun("f varinha"), "fizeram chover pétalas com a varinha"),
        (noun("f capa"), "brincaram de heróis com a capa"),
        (noun("m cristal"), "viram um arco-íris dentro do cristal"),
        (noun("m mapa"), "procuraram tesouros com o mapa"),
        (noun("m anel"), "inventaram histórias sobre o anel"),
    ],
    "worker": [
        (noun("m relógio"), "ouviram o tique-taque do relógio e tomaram um café"),
        (noun("m violão"), "cantaram ao som do violão"),
        (noun("mp óculos"), "riram muito da história dos óculos"),
        (noun("m guarda-chuva"), "saíram para passear com o guarda-chuva"),
        (noun("m chapéu"), "tiraram uma fotografia com o chapéu"),
        (noun("f sanfona"), "dançaram ao som da sanfona"),
    ],
}
TOYS["elder"] = TOYS["worker"]
SNACKS = {
    "cidade": nouns(
        "m bolo de cenoura; m pacote de biscoitos; m sanduíche; f tigela de pipoca; f torta de banana; "
        "m pão doce; f manga; f fatia de melancia"
    ),
    "roça": nouns(
        "f espiga de milho; f broa de fubá; m cacho de bananas; f manga; m pão caseiro; f cesta de jabuticabas"
    ),
    "sítio": nouns("f espiga de milho; f abóbora; m cacho de bananas; f manga; f melancia; f cesta de cenouras"),
    "mata": nouns(
        "m cacho de bananas; f goiaba; f cesta de amoras; m favo de mel; m mamão; m saquinho de castanhas; "
        "f porção de pitangas; m abacaxi"
    ),
    "magia": nouns(
        "m bolo de nuvem; f torta de amora; m pote de mel; f maçã dourada; m pão de estrelas; f geleia de rosas"
    ),
}

# ---------------------------------------------------------------------------------------------------------------------
# Tables: what happens in each plot
# ---------------------------------------------------------------------------------------------------------------------

FEARS: list[dict[str, Any]] = [
    {
        "roles": "child animal magic",
        "fear": "do escuro",
        "never": "estrelas noite lua vaga-lumes corajos",
        "sign": "Quando anoitecia, [via monstros em cada sombra|fechava os olhos com força|só dormia com uma luz acesa].",
        "test": "Numa noite sem lua, {v:+o} ficou {v:~doente}. Para levar um chá até {v:ele}, {h} tinha de atravessar {p:o}. "
        "[Não se enxergava quase nada.|Estava tudo preto.]",
        "advice": "— O escuro é só a luz descansando — disse {f:+o}. — [Fique perto de mim e conte até dez|Vou com você, passo"
        " a passo].",
        "deed": "Aos poucos, os olhos se acostumaram: o que parecia um monstro era só [um galho seco|um arbusto|um toco], e o "
        "que parecia um par de olhos eram dois vaga-lumes. {v} bebeu o chá ainda quentinho.",
        "after": "Desde aquela noite, {h} passou a [gostar de olhar as estrelas|contar vaga-lumes antes de dormir].",
    },
    {
        "roles": "child animal magic",
        "fear": "de trovão",
        "never": "chuva corajos",
        "sign": "Bastava o céu roncar para {h} [se esconder num cantinho|tapar os ouvidos].",
        "test": "{cue}, nuvens escuras cobriram o céu, e o primeiro trovão fez {h} [tremer|dar um pulo]. Ainda bem que {f:+o} "
        "estava por perto.",
        "advice": "— Depois do clarão, conte comigo — disse {f}. — Se o trovão demorar, é porque está longe.",
        "deed": "O clarão veio. Um, dois, três... e o trovão roncou. No seguinte, contaram até seis; depois, até dez. {h} "
        "[abriu um sorriso|começou a rir]: parecia um tambor indo embora.",
        "after": "Quando trovejou outra vez, foi {h} quem ensinou os menores a contar.",
    },
    {
        "roles": "child animal magic",
        "fear": "de cantar na frente dos outros",
        "never": "cant músicas alegr tímid",
        "sign": "[Quando não havia ninguém por perto|Na hora do banho], cantava muito bem, mas bastava alguém olhar para a "
        "voz sumir.",
        "test": "{cue}, {everyone} organizaram uma festa e pediram que {h} cantasse. [As pernas bambearam.|O coração "
        "disparou.|A garganta ficou seca.]",
        "advice": "— Cante só para mim — disse {f:+o}. — Vou ficar bem na frente, e você finge que não há mais ninguém.",
        "deed": "Na hora, procurou {f} com os olhos e encontrou um sorriso conhecido. A primeira nota saiu tremida; a "
        "segunda, firme. Quando a música acabou, todos pediram mais uma.",
        "after": "Desde então, nenhuma festa {land} ficava sem uma canção de {h}.",
    },
    {
        "roles": "child animal magic",
        "fear": "de atravessar a ponte de madeira",
        "never": "corajos nad",
        "sign": "Sempre dava a volta pelo caminho mais comprido, mesmo quando estava com pressa.",
        "test": "{cue}, {f:+o}, que brincava do outro lado, torceu o pé e pediu ajuda. Pelo caminho comprido, {h} só chegaria"
        " à noite.",
        "advice": "— Não olhe para baixo! Olhe para mim e dê um passo de cada vez! — gritou {f}.",
        "deed": "As tábuas rangiam, mas aguentavam. [Passo a passo|Bem devagar], chegou ao outro lado e ajudou {f} a "
        "[se levantar|voltar para casa].",
        "after": "Desde aquele dia, {h} passava pela ponte só para [ver os peixes|dar bom-dia aos peixes].",
    },
    {
        "roles": "child animal magic",
        "fear": "de fazer perguntas",
        "never": "pergunt curios falant",
        "sign": "Quando não entendia alguma coisa, [ficava em silêncio|fingia que tinha entendido].",
        "test": "{cue}, {v:+o} ensinou a fazer barquinhos de papel. Todos entenderam depressa, menos {h}, que dobrava o papel "
        "de um lado, do outro, e nada.",
        "advice": "— Pergunte! — cochichou {f:+o}. — Ninguém nasce sabendo dobrar papel.",
        "deed": "E, com a voz fraquinha, perguntou. {v} ficou feliz, explicou tudo de novo, e outros três disseram que também "
        "não tinham entendido. Logo {h} tinha um barquinho perfeito.",
        "after": "Naquele dia, {h} fez mais dez perguntas, uma melhor do que a outra.",
    },
    {
        "roles": "child",
        "fear": "de altura",
        "never": "corajos",
        "sign": "Não subia em árvores nem no escorregador.",
        "test": "{cue}, um gatinho subiu numa mangueira e não conseguia descer. Miava tão triste que {h} não aguentou e "
        "chamou {f:+o}.",
        "advice": "— Um galho de cada vez. Eu fico aqui embaixo, de braços abertos — prometeu {f}.",
        "deed": "Subiu um galho, depois outro, sem olhar para o chão. Lá em cima, pôs o gatinho dentro da mochila e desceu "
        "bem devagar.",
        "after": "O gatinho ronronou, e {h} até achou bonita a vista lá de cima.",
    },
    {
        "roles": "child",
        "fear": "de ir ao dentista",
        "never": "corajos",
        "sign": "Só de ouvir a palavra, apertava a boca com as duas mãos.",
        "test": "{cue}, um dente começou a doer, e não houve jeito: era preciso marcar a consulta. {f:+o} [foi também|quis ir "
        "junto].",
        "advice": "— Enquanto o dentista conta os dentes, a gente conta as estrelas do teto — disse {f}.",
        "deed": "No teto havia mesmo estrelas pintadas. {h:o} contou até vinte e três e, quando percebeu, a consulta tinha "
        "acabado.",
        "after": "{h} ganhou uma escova nova e saiu sorrindo, com todos os dentes à mostra.",
    },
    {
        "roles": "child",
        "fear": "de cachorro",
        "never": "corajos",
        "sign": "Quando via um, atravessava a rua.",
        "test": "{cue}, {f:+o} ganhou um filhote [malhado|peludo|marrom] e chamou {h} para conhecer o bichinho.",
        "advice": "— Deixe que ele cheire sua mão primeiro — disse {f}. — É assim que os cachorros dizem oi.",
        "deed": "Então estendeu a mão, tremendo um pouco. O filhote cheirou, espirrou e lambeu seus dedos. Fazia cócegas! Em "
        "pouco tempo, {d:dois} corriam com o filhote {p:pelo}.",
        "after": "Foi {h} quem escolheu o nome do filhote: [Farofa|Bolinha|Pudim|Paçoca].",
    },
]
OVEN = "{h} mexeu a massa, {f} untou a forma, e {dish:o} {dish:foi/foram} para o forno.[| Enquanto esperavam, {d:dois} [cantaram|contaram histórias|lavaram a louça].]"
STOVE = "{h} cortou tudo em pedaços, {f} mexeu a panela, e {dish:o} {dish:foi/foram} para o fogo.[| Enquanto esperavam, {d:dois} [cantaram|contaram histórias|lavaram a louça].]"
BOWL = "{h} descascou as frutas, {f} cortou em pedacinhos, e {dish:o} {dish:foi/foram} para uma tigela bem grande."
DISHES = [
    (noun("m bolo de fubá"), "fubá, ovos e leite", noun("m açúcar"), "um pote cheio de açúcar", OVEN, noun("m pedaço")),
    (
        noun("m bolo de laranja"),
        "farinha, laranjas e açúcar",
        noun("mp ovos"),
        "uma cesta de ovos",
        OVEN,
        noun("f fatia"),
    ),
    (noun("m pão"), "farinha, água e sal", noun("m fermento"), "um saquinho de fermento", OVEN, noun("f fatia")),
    (
        noun("mp biscoitos"),
        "farinha, açúcar e ovos",
        noun("f manteiga"),
        "um pote de manteiga",
        OVEN,
        noun("m biscoito"),
    ),
    (
        noun("f torta de maçã"),
        "maçãs, farinha e açúcar",
        noun("f canela"),
        "um vidrinho de canela",
        OVEN,
        noun("m pedaço"),
    ),
    (noun("m pudim"), "ovos e açúcar", noun("m leite"), "uma jarra de leite", OVEN, noun("m pedaço")),
    (
        noun("f sopa de legumes"),
        "cenouras e abóbora",
        noun("fp batatas"),
        "um saco de batatas",
        STOVE,
        noun("f colherada"),
    ),
    (noun("f sopa de milho"), "milho, cebola e água", noun("m sal"), "um potinho de sal", STOVE, noun("f colherada")),
    (noun("m doce de abóbora"), "abóbora e cravo", noun("m açúcar"), "um pote de açúcar", STOVE, noun("f colherada")),
    (
        noun("f salada de frutas"),
        "bananas, mamão e laranjas",
        noun("m mel"),
        "um pote de mel",
        BOWL,
        noun("f colherada"),
    ),
    (
        noun("f salada de frutas"),
        "mamão, manga e goiaba",
        noun("mp morangos"),
        "uma cesta de morangos",
        BOWL,
        noun("f colherada"),
    ),
]
ROOF = "Uns trouxeram [tábuas|palha], outros seguraram a escada, e [num instante|aos poucos] o telhado ficou firme."
FENCE = "Uns fincaram as estacas, outros amarraram as cordas, e [num instante|aos poucos] a cerca ficou de pé."
PLANTS = "Uns juntaram a terra, outros plantaram mudas novas, e [num instante|aos poucos] o canteiro renasceu."
NEST_FIX = (
    "Uns juntaram gravetos, outros trouxeram penas e musgo, e o ninho voltou para o galho, com os ovinhos dentro."
)
HOME_DAMAGES = [
    ("tinha levado o telhado da casa de {f}", ROOF),
    ("tinha derrubado a cerca da casa de {f}", FENCE),
    ("tinha derrubado um ninho de passarinho", NEST_FIX),
]
GARDEN_DAMAGE = ("tinha destruído o canteiro de flores de {f}", PLANTS)


def shelters(places: str) -> list[tuple[str, str, str]]:
    return [(place, *damage) for place in places.split("|") for damage in [*HOME_DAMAGES, GARDEN_DAMAGE]]


SHELTERS = {
    "cidade": shelters("embaixo de um toldo|na porta da padaria|numa banca de jornal"),
    "roça": shelters("num paiol abandonado|embaixo de um telheiro|numa casinha de ferramentas"),
    "sítio": shelters("num paiol abandonado|embaixo de uma carroça|na casinha de ferramentas"),
    "mata": shelters("numa gruta pequena|no oco de uma árvore enorme|embaixo de uma pedra inclinada"),
    "magia": shelters("embaixo de um cogumelo gigante|numa torre vazia|dentro de uma abóbora encantada"),
}
HELPS: list[dict[str, Any]] = [
    {
        "who": noun("m passarinho"),
        "trouble": "com a patinha presa num fio",
        "aid": "Com muito cuidado, {h} soltou o fio, [nó por nó|volta por volta], até a patinha ficar livre.",
        "later": "uma ventania levou {obj:o} {h:do} para o galho mais alto de uma árvore.",
        "payback": "O passarinho apareceu, voou até lá e trouxe {obj:o} de volta.",
        "ground": True,
    },
    {
        "who": noun("f formiga"),
        "trouble": "caída numa poça de água",
        "aid": "{h:o} estendeu uma folha, e a formiga subiu nela [como num barquinho|e chegou à terra seca].",
        "later": "{h} deixou cair um saquinho de sementes, e elas se espalharam pelo capim.",
        "payback": "A formiga chamou as irmãs, e um longo cordão de formigas juntou tudo, semente por semente.",
        "ground": False,
    },
    {
        "who": noun("m vaga-lume"),
        "trouble": "preso numa teia velha",
        "aid": "{h} desfez a teia com um graveto, [fio por fio|bem devagarinho], e limpou as asinhas dele.",
        "later": "{h} se perdeu no caminho de casa quando já era noite fechada.",
        "payback": "O vaga-lume apareceu com toda a família e iluminou o caminho até a porta.",
        "ground": False,
    },
    {
        "who": noun("f velhinha"),
        "trouble": "com uma cesta pesada demais",
        "aid": "{h:o} [pegou a cesta|pôs a cesta nas costas] e foi com ela até o alto da ladeira, sem pressa.",
        "later": "uma chuva forte pegou {h} no meio da estrada.",
        "payback": "Uma porta se abriu: era a velhinha, que ofereceu um lugar perto do fogo e um chá quentinho.",
        "ground": False,
    },
    {
        "who": noun("m jumentinho"),
        "trouble": "atolado na lama",
        "aid": "{h} passou uma corda em volta dele e puxou, puxou, até que o jumentinho saiu da lama com um salto.",
        "later": "{h} machucou o pé longe de casa e não conseguia andar.",
        "payback": "O jumentinho veio trotando, ofereceu o lombo e levou {h} até a porta de casa.",
        "ground": True,
    },
    {
        "who": noun("f abelha"),
        "trouble": "toda molhada, sem conseguir voar",
        "aid": "{h:o} pôs a abelha numa flor, ao sol, e soprou de leve até suas asas secarem.",
        "later": "{v:+o} ficou com tosse e precisava de mel para o chá.",
        "payback": "A abelha levou {h} até a colmeia e ofereceu o favo mais doce.",
        "ground": False,
    },
    {
        "who": noun("f tartaruga"),
        "trouble": "de barriga para cima, sem conseguir se virar",
        "aid": "{h} se abaixou e, com jeitinho, ajudou a tartaruga a se virar.",
        "later": "{obj:o} de {h} caiu no fundo da lagoa.",
        "payback": "A tartaruga mergulhou sem dizer nada e voltou com {obj:o} na boca.",
        "ground": False,
    },
    {
        "who": noun("m ratinho"),
        "trouble": "preso dentro de uma garrafa",
        "aid": "{h:o} inclinou a garrafa e enfiou nela um barbante, e o ratinho subiu por ele até sair.",
        "later": "a chave da casa de {h} caiu numa fresta muito estreita.",
        "payback": "O ratinho entrou na fresta num piscar de olhos e voltou arrastando a chave.",
        "ground": False,
    },
]
GLUE = (
    "{h} e {v} colaram tudo, caco por caco. {thing:o} ficou {thing:~cheio} de risquinhos e ainda mais {thing:~querido}."
)
MISTAKES: list[dict[str, Any]] = [
    *(
        {
            "roles": "child animal magic",
            "owner": "v",
            "thing": thing,
            "cause": "[corria dentro da casa {v:+do}|brincava de pular dentro da casa {v:+do}]",
            "broke": "[esbarrou na mesa|tropeçou no tapete] e quebrou {thing:o}",
            "confess": "quebrei {thing:o}",
            "hide": "escondeu os cacos [num canto|atrás de um cesto]",
            "fix": GLUE,
        }
        for thing in nouns("m vaso azul; f xícara de flores; f jarra amarela; m prato pintado; m bule verde")
    ),
    {
        "roles": "child magic",
        "owner": "f",
        "thing": noun("f pipa"),
        "cause": "pegou a pipa {f:+do} sem pedir",
        "broke": "rasgou a pipa num galho",
        "confess": "peguei sua pipa sem pedir e rasguei",
        "hide": "deixou a pipa [atrás de uma moita|no mesmo lugar, como se nada tivesse acontecido]",
        "fix": "Remendaram o rasgo com papel [dourado|colorido], e a pipa ficou mais bonita do que antes.",
    },
    {
        "roles": "child magic",
        "owner": "v",
        "thing": noun("m livro"),
        "cause": "tomava suco enquanto folheava um livro {v:+do}",
        "broke": "derramou suco nas páginas do livro",
        "confess": "molhei o seu livro de suco",
        "hide": "guardou o livro no fundo de uma gaveta",
        "fix": "Secaram o livro ao sol, página por página. Ele ficou com cheiro de [laranja|uva|manga] para sempre.",
    },
    {
        "roles": "child animal magic",
        "owner": "f",
        "thing": noun("f torre de pedrinhas"),
        "cause": "passou correndo {p:pelo}",
        "broke": "derrubou a torre de pedrinhas que {f:+o} tinha levado a manhã inteira para montar",
        "confess": "derrubei a sua torre",
        "hide": "foi embora [de fininho|sem dizer nada]",
        "fix": "{d:dois} montaram uma torre nova, tão alta que [parecia tocar as nuvens|todo mundo veio ver].",
    },
    {
        "roles": "child animal magic",
        "owner": "v",
        "thing": noun("m canteiro"),
        "cause": "quis cortar caminho pelo canteiro {v:+do}",
        "broke": "pisou nas mudinhas do canteiro",
        "confess": "pisei no seu canteiro",
        "hide": "cobriu tudo com folhas secas",
        "fix": "Plantaram mudas novas, lado a lado, e, um mês depois, o canteiro estava mais verde do que nunca.",
    },
    {
        "roles": "child",
        "owner": "f",
        "thing": noun("m desenho"),
        "cause": "chegou perto demais para ver o desenho {f:+do}",
        "broke": "deixou cair uma gota de tinta bem no meio do desenho",
        "confess": "manchei o seu desenho",
        "hide": "virou a folha ao contrário",
        "fix": "A mancha virou um [sol|balão|peixe|barco] enorme, e o desenho foi parar na parede da sala.",
    },
    {
        "roles": "animal magic child",
        "owner": "v",
        "thing": noun("m pote de mel"),
        "cause": "tentou alcançar o pote de mel {v:+do} na prateleira",
        "broke": "derrubou o pote de mel",
        "confess": "derrubei o seu pote de mel",
        "hide": "limpou mal o chão e saiu depressa",
        "fix": "Limparam o chão e foram buscar mel fresco. {v} ainda fez um lanche para todos.",
    },
]
NEST_BIRDS = nouns("m sabiá; f rolinha; m bem-te-vi; m canário; f andorinha; m beija-flor")
GIFTS = nouns(
    "f colcha de retalhos; m quadro de folhas secas; m banco de madeira; m álbum de desenhos; m colar de sementes; "
    "m chapéu de palha; m móbile de conchas; f casinha de passarinho; m vaso de barro; f cesta de flores"
)
SKILLS: list[dict[str, Any]] = [
    {
        "roles": "child animal magic",
        "never": "",
        "skill": "tocar flauta",
        "seen": "{artist} tocando flauta {p:no}",
        "fail": "só saiu um sopro rouco",
        "tip": "Sopre bem de leve, como quem esfria a sopa",
        "success": "saiu da flauta uma nota tão limpa que um passarinho parou para ouvir",
        "show": "No fim do mês, {h} tocou uma canção inteira para {everyone}",
    },
    {
        "roles": "child animal magic worker",
        "never": "",
        "skill": "tocar tambor",
        "seen": "{artist} tocando tambor {p:no}",
        "fail": "o ritmo saiu todo torto",
        "tip": "Escute primeiro o seu coração: ele também bate no compasso",
        "success": "as batidas saíram certinhas, como passos de dança",
        "show": "Na festa seguinte, foi {h} quem abriu o desfile com seu tambor",
    },
    {
        "roles": "child worker",
        "never": "",
        "skill": "tocar violão",
        "seen": "{artist} tocando violão {p:no}",
        "fail": "as cordas fizeram um barulho horrível",
        "tip": "Aperte uma corda de cada vez e escute o que ela diz",
        "success": "as cordas soaram juntas, e aquilo era música de verdade",
        "show": "No domingo seguinte, {h} tocou na festa, e todos cantaram junto",
    },
    {
        "roles": "child",
        "never": "nad",
        "skill": "nadar",
        "seen": "[uns meninos nadando|umas meninas nadando] no rio",
        "fail": "engoliu água e afundou como uma pedra",
        "tip": "Bata os pés devagar e confie na água",
        "success": "os pés bateram, os braços giraram, e a água segurou {h} como uma cama macia",
        "show": "No fim do verão, {h} atravessou a parte rasa do rio de um lado a outro",
    },
    {
        "roles": "child",
        "never": "bicicleta",
        "skill": "andar de bicicleta",
        "seen": "[uma menina|um menino|um grupo de crianças] passar de bicicleta {p:pelo}",
        "fail": "a bicicleta balançou para um lado, para o outro e caiu",
        "tip": "Olhe para a frente, não para a roda, e não pare de pedalar",
        "success": "as rodas foram girando, e {h} só percebeu que ia sem ajuda quando chegou à esquina",
        "show": "No sábado, {h} deu três voltas inteiras no quarteirão",
    },
    {
        "roles": "child",
        "never": "ler contar",
        "skill": "ler",
        "seen": "[uma menina|um menino] lendo um livro em voz alta {p:no}",
        "fail": "as letras pareciam formiguinhas fugindo da página",
        "tip": "Junte duas letras de cada vez, como quem junta duas peças",
        "success": "as letras se juntaram e viraram uma palavra: sol",
        "show": "Pouco tempo depois, {h} leu uma história inteira em voz alta",
    },
    {
        "roles": "child",
        "never": "",
        "skill": "tricotar",
        "seen": "[uma senhora|uma moça] tricotando um gorro {p:no}",
        "fail": "a lã virou um nó enorme",
        "tip": "Um ponto de cada vez, sem puxar demais",
        "success": "o nó virou uma carreira de pontos, e a carreira virou um cachecol",
        "show": "No primeiro dia de frio, {h} apareceu com um cachecol feito à mão",
    },
    {
        "roles": "child animal magic worker",
        "never": "",
        "skill": "dançar",
        "seen": "{artist} dançando {p:no}",
        "fail": "tropeçou nos próprios pés",
        "tip": "Feche os olhos e deixe a música mostrar o caminho",
        "success": "os pés acharam o compasso e não quiseram mais parar",
        "show": "Na festa da primavera, todos pararam para ver {h} dançar",
    },
    {
        "roles": "child animal magic",
        "never": "pular jabuti preguiça",
        "skill": "dar cambalhotas",
        "seen": "{artist} dando cambalhotas {p:no}",
        "fail": "caiu de lado, como um saco de batatas",
        "tip": "Encolha o corpo como uma bola e deixe que ele role",
        "success": "o mundo girou uma vez, inteirinho, e {h} parou de pé",
        "show": "Na semana seguinte, {h} deu cinco cambalhotas seguidas, e {everyone} aplaudiram",
    },
    {
        "roles": "child magic worker",
        "never": "desenh pint",
        "skill": "desenhar",
        "seen": "{artist} desenhando {p:no}",
        "fail": "o cavalo saiu parecendo uma batata",
        "tip": "Olhe mais para as coisas do que para o papel",
        "success": "apareceu no papel um cavalo de verdade, com crina e tudo",
        "show": "Um mês depois, havia desenhos de {h} por toda parte",
    },
    {
        "roles": "child animal magic worker",
        "never": "malabar",
        "skill": "fazer malabarismo",
        "seen": "{artist} jogando laranjas para o alto {p:no}",
        "fail": "as três laranjas caíram ao mesmo tempo",
        "tip": "Comece com uma laranja só e não tenha pressa de chegar às três",
        "success": "as três laranjas dançaram no ar sem cair",
        "show": "No dia da feira, {h} jogou até quatro laranjas para o alto",
    },
]
DESTINATIONS = [
    (
        noun("m mar"),
        "O mar era [tão grande que não tinha fim|azul até onde a vista alcançava]. {d:dois} pularam ondas e "
        "cataram conchas",
        noun("f concha"),
    ),
    (
        noun("f serra"),
        "Lá de cima, [as casas pareciam de brinquedo|as nuvens passavam abaixo dos pés]. O ar era frio e "
        "cheirava a mato",
        noun("f pedra brilhante"),
    ),
    (
        noun("f cidade grande"),
        "Havia prédios altíssimos, luzes de todas as cores e [um barulho que não parava|tanta gente que "
        "era preciso andar de lado]",
        noun("m postal"),
    ),
    (
        noun("f lagoa dos pássaros"),
        "Havia pássaros de todas as cores, que [pousavam nos ombros das visitas|cantavam todos ao mesmo tempo]",
        noun("f pena colorida"),
    ),
    (
        noun("m campo de girassóis"),
        "Eram tantos girassóis que [o chão parecia feito de sol|não dava para contar]",
        noun("m punhado de sementes"),
    ),
    (
        noun("f montanha azul"),
        "No topo da montanha, o silêncio era [tão grande que dava para ouvir as nuvens|bonito como uma música]",
        noun("f flor azul"),
    ),
    (
        noun("m farol"),
        "O farol tinha cem degraus, e, lá em cima, uma luz enorme [girava sobre as águas|mostrava o caminho aos "
        "barcos]",
        noun("f estrela-do-mar de papel"),
    ),
    (
        noun("m circo"),
        "Havia palhaços, equilibristas e [um mágico que tirava flores da manga|uma banda de verdade]",
        noun("m nariz de palhaço"),
    ),
]
OBSTACLES = [
    (noun("f lanterna"), "escureceu de repente e não se via mais nada", "A luz da lanterna mostrou o caminho certo"),
    (
        noun("m guarda-chuva"),
        "começou uma chuva muito forte",
        "Espremeram-se embaixo do guarda-chuva e seguiram, rindo",
    ),
    (
        noun("f corda"),
        "um barranco escorregadio fechou a passagem",
        "Amarraram a corda numa árvore e subiram sem escorregar",
    ),
    (noun("m mapa"), "o caminho se dividiu em três", "O mapa mostrava que era preciso seguir pela direita"),
    (
        noun("m apito"),
        "uma neblina branca cobriu tudo e ninguém via ninguém",
        "Seguiram o som do apito até a neblina passar",
    ),
    (noun("f manta"), "esfriou tanto que os dentes batiam", "Enrolaram-se na manta e esperaram o vento passar"),
    (noun("m cantil"), "o calor apertou e a água acabou", "O cantil estava cheio de água fresca, e deu para todos"),
]
VEHICLES = {
    "cidade": "de trem|de ônibus|de bicicleta|de carona num caminhão",
    "roça": "de trem|de ônibus|de carroça|a pé",
    "sítio": "a pé|de carroça",
    "mata": "a pé|de jangada|de canoa",
    "magia": "de balão|num tapete voador|num barco de papel encantado|nas costas de um cisne",
}
CRAFTS: list[dict[str, Any]] = [
    {
        "roles": "child animal magic",
        "contest": "de pipas",
        "thing": noun("f pipa"),
        "flaw": "a pipa [rodopiou e caiu de bico|nem saiu do chão]",
        "better": "pôs uma rabiola mais comprida, e a pipa subiu até virar um pontinho",
        "broken": "a pipa {f:dele} tinha rasgado",
        "spare": "Tenho papel e varetas de sobra",
    },
    {
        "roles": "child animal magic worker elder",
        "contest": "de bolos",
        "thing": noun("m bolo"),
        "flaw": "o bolo [saiu torto como um chapéu velho|ficou duro como uma pedra]",
        "better": "mediu tudo com calma, e o bolo cresceu fofinho",
        "broken": "o bolo {f:dele} tinha caído no chão",
        "spare": "Tenho farinha e ovos de sobra",
    },
    {
        "roles": "child animal magic",
        "contest": "de barquinhos",
        "thing": noun("m barquinho"),
        "flaw": "o barquinho [afundou na mesma hora|virou de lado e afundou]",
        "better": "passou cera no casco, e o barquinho deslizou até a outra margem",
        "broken": "o barquinho {f:dele} tinha quebrado ao meio",
        "spare": "Tenho madeira e cola de sobra",
    },
    {
        "roles": "child worker elder",
        "contest": "de espantalhos",
        "thing": noun("m espantalho"),
        "flaw": "o espantalho [caiu com o primeiro vento|ficou sem cabeça no primeiro dia]",
        "better": "fincou uma estaca bem funda, e o espantalho ficou de pé, sorrindo",
        "broken": "os corvos tinham desfeito o espantalho {f:dele}",
        "spare": "Tenho palha e roupas velhas de sobra",
    },
    {
        "roles": "child animal magic worker elder",
        "contest": "de lanternas de papel",
        "thing": noun("f lanterna"),
        "flaw": "a lanterna [ficou mole como um pano|desmontou sozinha]",
        "better": "trocou a cola por um fio bem fino, e a lanterna brilhou como uma lua",
        "broken": "a chuva tinha molhado a lanterna {f:dele}",
        "spare": "Tenho papel e velas de sobra",
    },
    {
        "roles": "child magic worker elder",
        "contest": "de fantasias",
        "thing": noun("f fantasia"),
        "flaw": "a fantasia [ficou com três mangas|saiu apertada demais]",
        "better": "desmanchou as costuras, refez tudo, e a fantasia ficou perfeita",
        "broken": "a fantasia {f:dele} tinha descosturado inteira",
        "spare": "Tenho pano e linha de sobra",
    },
]
SEEDS: list[dict[str, Any]] = [
    {
        "seed": noun("f semente de girassol"),
        "plant": noun("m girassol"),
        "growth": "Em poucas semanas, era um girassol mais alto do que [a cerca|todos ali]",
        "harvest": "O girassol deu tantas sementes que todos ganharam um punhado",
    },
    {
        "seed": noun("m caroço de manga"),
        "plant": noun("f mangueira"),
        "growth": "Os anos passaram, e o brotinho virou uma mangueira [cheia de sombra|alta e forte]",
        "harvest": "No verão, a mangueira ficou carregada, e houve manga para todos",
    },
    {
        "seed": noun("m grão de feijão"),
        "plant": noun("m pé de feijão"),
        "growth": "O pé de feijão [subiu por uma vareta|se enroscou na cerca] e se encheu de vagens",
        "harvest": "Com as vagens, fizeram uma feijoada para todos",
    },
    {
        "seed": noun("f semente de abóbora"),
        "plant": noun("f aboboreira"),
        "growth": "A planta se espalhou pelo chão e deu uma abóbora [enorme|mais pesada do que uma pedra]",
        "harvest": "A abóbora virou sopa, doce e até um vaso para as flores",
    },
    {
        "seed": noun("f semente de melancia"),
        "plant": noun("m pé de melancia"),
        "growth": "Dele saíram ramos compridos e, no calor, três melancias redondas",
        "harvest": "Numa tarde quente, todos se sentaram na sombra para comer melancia",
    },
    {
        "seed": noun("f semente de ipê"),
        "plant": noun("m ipê"),
        "growth": "Depois de alguns anos, o ipê se cobriu de flores [amarelas|roxas|brancas]",
        "harvest": "Quando o vento soprava, caía uma chuva de flores, e todos vinham ver",
    },
    {
        "seed": noun("f semente de tomate"),
        "plant": noun("m tomateiro"),
        "growth": "O tomateiro cresceu, floriu e se encheu de bolinhas verdes, que o sol pintou de vermelho",
        "harvest": "Os tomates eram tão doces que ninguém conseguia comer um só",
    },
]
RIDDLES = [
    ("tem leito e não dorme, corre e não tem pés", "um cavalo", "o rio", "ouviu ao longe a água correndo"),
    ("quanto mais se tira, maior fica", "uma cebola", "o buraco", "viu um tatu cavando a terra"),
    ("sobe quando a chuva desce", "uma escada", "o guarda-chuva", "sentiu um pingo na ponta do nariz"),
    ("passa diante do sol e não faz sombra", "um passarinho", "o vento", "uma brisa balançou as folhas"),
    ("anda sempre com a gente, mas some no escuro", "o sapato", "a sombra", "viu no chão uma forma igual à sua"),
    (
        "tem casca, mas não é árvore; guarda ouro, mas não é cofre",
        "uma noz",
        "o ovo",
        "uma galinha cacarejou ali perto",
    ),
    (
        "tem folhas e não é planta, conta histórias e não fala",
        "uma árvore velha",
        "o livro",
        "lembrou as histórias da hora de dormir",
    ),
    ("responde a todos e não tem boca", "um papagaio", "o eco", "alguém gritou no vale, e o vale repetiu o grito"),
    ("às vezes é cheia, às vezes é nova, e mora lá no céu", "uma nuvem", "a lua", "viu um risco branco no céu claro"),
    ("cai em pé e corre deitada", "uma cachoeira", "a chuva", "uma nuvem cinzenta cobriu o sol"),
    ("tem coroa e não é rei, tem escamas e não é peixe", "um dragão", "o abacaxi", "sentiu um cheiro doce de fruta"),
    ("tem cabeça e tem dente, não é bicho nem é gente", "um boneco", "o alho", "sentiu no ar um cheiro de tempero"),
    (
        "tem asas e não é ave, trabalha o dia inteiro e faz ouro doce",
        "uma borboleta",
        "a abelha",
        "ouviu um zumbido entre as flores",
    ),
    (
        "tem dois ponteiros e não costura, bate e não machuca ninguém",
        "uma costureira",
        "o relógio",
        "escutou um tique-taque bem baixinho",
    ),
]
BOXES = nouns("f caixa de madeira; m baú pequeno; f caixinha dourada; m cofre de pedra; m pote de barro; f arca antiga")
PRIZES = nouns(
    "m punhado de balas de mel; m colar de contas azuis; m livro de adivinhas; m saquinho de moedas de chocolate; "
    "f bússola antiga; m jogo de peças coloridas; f coleção de conchas"
)
ALARMS = {
    "cidade": nouns("m jacaré; m leão; m fantasma; f cobra gigante"),
    "roça": nouns("f onça; m lobo; m fantasma; f cobra gigante"),
    "sítio": nouns("f onça; m lobo; m gavião; f cobra gigante"),
    "mata": nouns("m caçador; m jacaré; m incêndio; f cobra gigante"),
}
KITTEN = (noun("m gatinho"), noun("f gata"), "miava", "ouviu-se um miado comprido, vindo de longe")
PUPPY = (noun("m cachorrinho"), noun("f cadela"), "chorava", "ouviu-se um latido aflito, vindo de longe")
FARM_CUBS = [
    (noun("m pintinho"), noun("f galinha"), "piava", "ouviu-se um cacarejo aflito, vindo de longe"),
    (noun("m patinho"), noun("f pata"), "piava", "ouviu-se um quá-quá aflito, vindo da água"),
    (noun("m bezerrinho"), noun("f vaca"), "mugia", "ouviu-se um mugido comprido, vindo de longe"),
    (noun("m cabritinho"), noun("f cabra"), "berrava", "ouviu-se um berro forte, vindo do alto do morro"),
    (noun("m carneirinho"), noun("f ovelha"), "balia", "ouviu-se um balido triste, vindo de longe"),
]
CUBS = {
    "cidade": [
        KITTEN,
        PUPPY,
        (noun("m pardalzinho"), noun("f pardoca"), "piava", "ouviu-se um piado forte, vindo de um galho"),
    ],
    "roça": [KITTEN, PUPPY, *FARM_CUBS],
    "sítio": FARM_CUBS,
    "mata": [
        (noun("m macaquinho"), noun("f macaca"), "guinchava", "ouviu-se um guincho forte, vindo do alto das árvores"),
        (
            noun("m filhote de onça"),
            noun("f onça"),
            "miava",
            "ouviu-se um rosnado preocupado, vindo de trás das árvores",
        ),
        (
            noun("m filhote de coruja"),
            noun("f coruja"),
            "piava",
            "ouviu-se um piado comprido, vindo do alto de uma árvore",
        ),
        (noun("m lobinho"), noun("f loba"), "chorava", "ouviu-se um uivo triste, vindo de longe"),
    ],
    "magia": [
        (
            noun("m filhote de dragão"),
            noun("f dragoa"),
            "choramingava",
            "ouviu-se um rugido triste, vindo das montanhas",
        ),
        (
            noun("m filhote de unicórnio"),
            noun("f mãe unicórnio"),
            "relinchava",
            "ouviu-se um relincho, vindo do outro lado da colina",
        ),
        (noun("m filhote de cisne"), noun("f mãe cisne"), "piava", "ouviu-se um bater de asas, vindo da água"),
    ],
}
BUILDINGS: list[dict[str, Any]] = [
    {
        "work": noun("f cabana"),
        "child": False,
        "parts": "galhos, folhas e cordas",
        "fail": "o teto caiu com o primeiro vento",
        "tip": "um bom telhado precisa de paredes firmes",
        "again": "um segurava os galhos, o outro amarrava as cordas",
        "done": "A cabana ficou tão firme que nem a ventania conseguiu derrubar",
    },
    {
        "work": noun("f ponte"),
        "child": False,
        "parts": "tábuas, pedras e cordas",
        "fail": "a ponte afundou no meio",
        "tip": "a força de uma ponte está nas duas pontas",
        "again": "um cuidou de uma margem, o outro cuidou da outra",
        "done": "A ponte aguentou o peso dos amigos e de todos os que vieram depois",
    },
    {
        "work": noun("f jangada"),
        "child": False,
        "parts": "troncos, bambus e cipós",
        "fail": "a jangada se desmanchou na água",
        "tip": "um nó bem dado vale mais do que dez nós apressados",
        "again": "um juntava os troncos, o outro apertava os nós",
        "done": "A jangada flutuou macia, com uma bandeira na ponta",
    },
    {
        "work": noun("m balanço"),
        "child": False,
        "parts": "uma tábua lisa e duas cordas",
        "fail": "a corda arrebentou logo na primeira vez",
        "tip": "antes de subir bem alto é preciso escolher um galho forte",
        "again": "um escolheu o galho, o outro trançou as cordas",
        "done": "O balanço subia tão alto que quase tocava as folhas",
    },
    {
        "work": noun("f casa na árvore"),
        "child": True,
        "parts": "tábuas, pregos e um martelo",
        "fail": "o chão da casinha despencou",
        "tip": "uma casa começa sempre pelo chão",
        "again": "um media as tábuas, o outro batia os pregos",
        "done": "A casa na árvore ganhou até uma plaquinha com os nomes dos amigos",
    },
    {
        "work": noun("m carrinho de madeira"),
        "child": True,
        "parts": "caixotes, rodas e barbante",
        "fail": "as rodas se soltaram na descida",
        "tip": "quem olha os detalhes evita os tombos",
        "again": "um prendia as rodas, o outro testava o caminho",
        "done": "O carrinho desceu a ladeira como um foguete, sem perder uma roda",
    },
]
NOISES = [
    (
        "plim, plim, plim",
        "uma goteira pingando num balde",
        "Puseram um pano no fundo do balde, e o barulho virou um sussurro",
    ),
    (
        "toc, toc, toc",
        "um galho batendo na janela por causa do vento",
        "Amarraram o galho com uma fita, e o silêncio voltou",
    ),
    ("cri, cri, cri", "um grilo perdido atrás da porta", "Com cuidado, levaram o grilo de volta para a grama"),
    ("fiu, fiu, fiu", "o vento passando por uma fresta", "Taparam a fresta com um pano, e o assobio parou"),
    (
        "rec, rec, rec",
        "um ratinho roendo um pedaço de pão",
        "O ratinho ganhou um pedaço de queijo e foi comer no seu canto",
    ),
    ("ronc, ronc, ronc", "{f:+o}, que tinha ficado para dormir e roncava", "Ajeitaram o travesseiro, e o ronco parou"),
    ("tum, tum, tum", "uma porta que o vento abria e fechava", "Fecharam o trinco, e tudo ficou quieto"),
]
SKY_FRIENDS = nouns("f estrelinha; m raio de lua; m cometa; f nuvenzinha prateada")
WAYS_UP = [
    (
        "amarrar uma cestinha à linha de uma pipa",
        "{d:dois} correram contra o vento, e a pipa levou a cestinha lá para o alto",
    ),
    ("pedir carona a uma coruja", "A coruja abriu as asas enormes e levou {x:o} nas costas"),
    ("encher um balão bem grande", "{d:dois} sopraram até ficar sem fôlego, e o balão se soltou no ar"),
    (
        "esperar o vento da madrugada no alto do morro",
        "Quando o vento chegou, {h} abriu as mãos e deixou que ele soprasse",
    ),
    ("soprar muitas bolhas de sabão", "{d:dois} fizeram a maior bolha do mundo, e ela levou {x:o} para cima"),
]


# ---------------------------------------------------------------------------------------------------------------------
# Chats: requests for stories, questions about the story just told, and small knowledge
# ---------------------------------------------------------------------------------------------------------------------

Chat = dict[str, list[dict[str, str]]]


def chats(seed: int) -> Iterator[Chat]:
    """Endless chats; what is asked about a story is answered from its own facts."""
    rng = random.Random(seed)
    told = stories(rng.getrandbits(64))
    while True:
        roll = rng.random()
        if roll < 0.6:
            turns = story_turns(rng, next(told))
        elif roll < 0.8:
            tables = rng.sample((GREETINGS, IDENTITY, ABILITIES, THANKS), rng.randint(1, 2))
            pairs = [rng.choice(table) for table in tables]
            turns = [(rng.choice(asked), rng.choice(answers)) for asked, answers in pairs]
        else:
            turns = [rng.choice(KNOWLEDGE_KINDS)(rng) for _ in range(rng.randint(1, 3))]
        yield {"messages": [message for turn in turns for message in as_messages(turn)]}


def as_messages(turn: QA) -> list[dict[str, str]]:
    """A question and its answer as two messages."""
    return [{"role": "user", "content": turn[0]}, {"role": "assistant", "content": turn[1]}]


def story_turns(rng: random.Random, story: Story) -> list[QA]:
    """A request, the story, and up to three questions about it."""
    request = rng.choice(REQUESTS).format(request=story.request, theme=story.theme, hero=story.hero)
    asked = rng.sample(story.qa, min(len(story.qa), rng.choice((0, 1, 1, 2, 3))))
    return [(request, story.text), *asked]


def sum_turn(rng: random.Random) -> QA:
    a, b = rng.randint(0, 10), rng.randint(0, 10)
    if rng.random() < 0.5:
        return rng.choice(SUMS).format(a=a, b=b), rng.choice(SUM_ANSWERS).format(a=a, b=b, c=a + b)
    a, b = max(a, b), min(a, b)
    return rng.choice(DIFFERENCES).format(a=a, b=b), rng.choice(DIFFERENCE_ANSWERS).format(a=a, b=b, c=a - b)


def opposite_turn(rng: random.Random) -> QA:
    one, other = rng.choice(OPPOSITES)
    if rng.random() < 0.5:
        one, other = other, one
    asked = rng.choice(("Qual é o contrário de {}?", "Qual é o oposto de {}?", "O contrário de {} é o quê?"))
    return asked.format(one), f"O contrário de {one} é {other}."


def sound_turn(rng: random.Random) -> QA:
    animal, sound = rng.choice(SOUNDS)
    asked = rng.choice(("Como faz {}?", "Que som faz {}?", "Você sabe como faz {}?"))
    return asked.format(animal), f"{animal[0].upper()}{animal[1:]} {sound}."


def fact_turn(rng: random.Random) -> QA:
    return rng.choice(FACTS)


def weekday_turn(rng: random.Random) -> QA:
    i = rng.randrange(7)
    today, after, before = WEEKDAYS[i], WEEKDAYS[(i + 1) % 7], WEEKDAYS[i - 1]
    if rng.random() < 0.5:
        return f"Que dia vem depois de {today}?", f"Depois de {today} vem {after}."
    return f"Que dia vem antes de {today}?", f"Antes de {today} vem {before}."


KNOWLEDGE_KINDS = (sum_turn, sum_turn, opposite_turn, sound_turn, fact_turn, fact_turn, weekday_turn)
REQUESTS = (
    "Conte uma história sobre {request}.",
    "Me conta uma história sobre {request}?",
    "Você pode contar uma história sobre {request}?",
    "Quero ouvir uma história de {request}.",
    "Invente uma história com {request}.",
    "Conte uma história curta sobre {theme}.",
    "Conte uma história que fale de {theme}.",
    "Você sabe uma história sobre {theme}?",
    "Me conta uma história?",
    "Conte uma história para eu dormir.",
    "Conta uma história bem bonita.",
)
GREETINGS = (
    (
        ("Oi!", "Olá!", "Oi, tudo bem?", "Olá, como vai?", "Oi"),
        (
            "Oi! Que bom falar com você. Quer ouvir uma história?",
            "Olá! Tudo bem por aqui. E com você?",
            "Oi! Tudo ótimo. Sobre o que vamos conversar?",
        ),
    ),
    (("Bom dia!", "Bom dia, tudo bem?"), ("Bom dia! Que o seu dia seja leve e bonito.", "Bom dia! Como posso ajudar?")),
    (
        ("Boa noite!", "Boa noite, vou dormir."),
        ("Boa noite! Durma bem e sonhe com coisas boas.", "Boa noite! Até amanhã."),
    ),
    (("Boa tarde!",), ("Boa tarde! Quer que eu conte uma história?", "Boa tarde! Em que posso ajudar?")),
)
IDENTITY = (
    (
        ("Quem é você?", "O que você é?", "Você é uma pessoa?", "Oi! Quem é você?"),
        (
            "Sou um modelo de linguagem bem pequeno. Aprendi a contar histórias em português.",
            "Eu sou um programa pequeno que escreve uma palavra depois da outra. Gosto de contar histórias.",
            "Não sou uma pessoa: sou um modelo de linguagem pequenino, treinado com histórias.",
        ),
    ),
    (
        ("Qual é o seu nome?", "Como você se chama?"),
        ("Meu nome é Nano. Sou um modelo de linguagem pequeno.", "Eu me chamo Nano, porque sou bem pequeno."),
    ),
    (
        ("Você pensa?", "Você tem sentimentos?", "Você sonha?"),
        (
            "Não do jeito que você pensa e sente. Eu calculo qual palavra deve vir depois.",
            "Não. Sou um programa e só sei escolher a próxima palavra.",
        ),
    ),
)
ABILITIES = (
    (
        ("O que você sabe fazer?", "Em que você pode ajudar?", "O que você faz?"),
        (
            "Sei contar histórias curtas e responder perguntas simples. Quer experimentar?",
            "Posso contar uma história, fazer contas pequenas e conversar um pouco.",
        ),
    ),
    (
        ("Você sabe tudo?", "Você erra?"),
        (
            "Não, eu sei muito pouco e erro bastante. Confira sempre o que eu digo.",
            "Eu erro, sim. Sou pequeno e aprendi com poucos textos.",
        ),
    ),
    (
        ("Como você aprendeu?", "Como você funciona?"),
        (
            "Li muitas histórias e aprendi a adivinhar a próxima palavra de cada uma.",
            "Eu leio o texto em pedacinhos e calculo qual pedacinho deve vir depois.",
        ),
    ),
)
THANKS = (
    (
        ("Obrigado!", "Obrigada!", "Muito obrigado pela história!", "Valeu!"),
        (
            "De nada! Volte sempre que quiser outra história.",
            "Eu que agradeço. Foi bom conversar com você.",
            "De nada!",
        ),
    ),
    (("Tchau!", "Até logo!", "Até amanhã!"), ("Tchau! Até a próxima história.", "Até logo! Gostei da conversa.")),
    (
        ("Gostei da história!", "Que história bonita!"),
        ("Que bom que você gostou! Quer ouvir outra?", "Fico feliz! Posso contar mais uma."),
    ),
)
SUMS = ("Quanto é {a} + {b}?", "Quanto é {a} mais {b}?", "Some {a} e {b}.", "{a} + {b} é quanto?")
SUM_ANSWERS = ("{a} + {b} = {c}.", "{a} mais {b} é {c}.", "São {c}.")
DIFFERENCES = (
    "Quanto é {a} - {b}?",
    "Quanto é {a} menos {b}?",
    "Se eu tinha {a} balas e comi {b}, com quantas fiquei?",
)
DIFFERENCE_ANSWERS = ("{a} - {b} = {c}.", "{a} menos {b} é {c}.")
OPPOSITES = (
    ("grande", "pequeno"),
    ("alto", "baixo"),
    ("claro", "escuro"),
    ("quente", "frio"),
    ("cheio", "vazio"),
    ("feliz", "triste"),
    ("rápido", "lento"),
    ("aberto", "fechado"),
    ("novo", "velho"),
    ("forte", "fraco"),
    ("perto", "longe"),
    ("dia", "noite"),
    ("seco", "molhado"),
    ("duro", "mole"),
    ("fácil", "difícil"),
    ("cedo", "tarde"),
    ("subir", "descer"),
    ("dentro", "fora"),
)
SOUNDS = (
    ("o gato", "mia"),
    ("o cachorro", "late"),
    ("a vaca", "muge"),
    ("o galo", "canta"),
    ("o sapo", "coaxa"),
    ("o leão", "ruge"),
    ("a ovelha", "bale"),
    ("o cavalo", "relincha"),
    ("o pato", "grasna"),
    ("a abelha", "zumbe"),
    ("o lobo", "uiva"),
    ("o porco", "grunhe"),
    ("o pintinho", "pia"),
    ("a pomba", "arrulha"),
)
WEEKDAYS = ("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo")
FACTS = (
    ("De que cor é o céu?", "De dia, o céu limpo é azul."),
    ("De que cor é a banana madura?", "A banana madura é amarela."),
    ("De que cor é a grama?", "A grama é verde."),
    ("De que cor é o leite?", "O leite é branco."),
    ("De que cor é o carvão?", "O carvão é preto."),
    ("De que cor é o tomate maduro?", "O tomate maduro é vermelho."),
    ("Quantos dias tem uma semana?", "Uma semana tem sete dias."),
    ("Quantos meses tem um ano?", "Um ano tem doze meses."),
    ("Quantas patas tem um gato?", "Um gato tem quatro patas."),
    ("Quantas patas tem uma aranha?", "Uma aranha tem oito patas."),
    ("Quantas pernas tem uma formiga?", "Uma formiga tem seis pernas."),
    ("O que a vaca nos dá?", "A vaca nos dá leite."),
    ("O que a galinha bota?", "A galinha bota ovos."),
    ("O que a abelha faz?", "A abelha faz mel."),
    ("Onde vive o peixe?", "O peixe vive na água."),
    ("Onde mora o passarinho?", "O passarinho mora no ninho."),
    ("O que brilha de noite no céu?", "De noite brilham a lua e as estrelas."),
    ("Qual é a capital do Brasil?", "A capital do Brasil é Brasília."),
    ("Que língua se fala no Brasil?", "No Brasil se fala português."),
    ("Quais são as estações do ano?", "As estações do ano são primavera, verão, outono e inverno."),
    ("Para que serve o guarda-chuva?", "O guarda-chuva serve para a gente não se molhar na chuva."),
    ("O que vem depois da noite?", "Depois da noite vem o dia."),
)


# ---------------------------------------------------------------------------------------------------------------------
# The command
# ---------------------------------------------------------------------------------------------------------------------


def parse_size(text: str) -> int:
    """Bytes for "4MB", "300KB" or "1000"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmMgG]?)[bB]?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 4MB, 300KB or a number of bytes")
    return int(float(match[1]) * {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}[match[2].lower()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=parse_size, default=4_000_000, help="about how much to write: 4MB, 300KB, …")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--format", choices=("txt", "jsonl"), default="txt", help="stories as text, or chats as JSON lines"
    )
    args = parser.parse_args()
    if args.format == "txt":
        pieces: Iterator[str] = (story.text + "\n\n\n" for story in stories(args.seed))
    else:
        pieces = (json.dumps(chat, ensure_ascii=False) + "\n" for chat in chats(args.seed))
    written = 0
    with args.output.open("w", encoding="utf-8", newline="\n") as file:
        for piece in pieces:
            written += len(piece.encode())
            if written > args.bytes:
                break
            file.write(piece)


if __name__ == "__main__":
    main()
