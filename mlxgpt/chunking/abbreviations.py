"""Which words before a full stop are abbreviations, and which words open sentences; Portuguese and English.

Words are compared as numbers, up to ten letters of six bits each and upper case like lower case, so that all of a
text's candidates are looked up at once.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.characters import Codes, Flags, Kind, Kinds, Places, flags_of

Keys = npt.NDArray[np.int64]  # a word each; 0 for none, and for one that is too long or has other letters

LONGEST = 10  # letters of a word with a key
_LONGEST_ABBREVIATION = 6  # so many are looked at before a stop, because there are many stops
_ALPHABET = "abcdefghijklmnopqrstuvwxyzàáâãäåæçèéêëìíîïñòóôõöøùúûüýªº"
_STRANGE = 63  # any other letter
_IS_LETTER = flags_of(Kind.LOWER, Kind.UPPER, Kind.LETTER)


class Rule:
    """What a full stop behind a word says before a capital letter.  Before a number no abbreviation ends a sentence."""

    WORD = 0  # the word is no abbreviation: the sentence ends
    NUMBER = 1  # abbreviates only before a number: "No. 5", "10 mar. 2020", but "no mar. Depois"
    END = 2  # the sentence ends: "etc. Depois"
    NAME = 3  # it ends only before a word that opens sentences: "da Silva Jr. Ele", not "Cia. Vale"
    CAPITAL = 4  # never if capitalised, else the word is no abbreviation: "o Ten. Silva", "são ten. Silva"
    NEVER = 5  # "Sr. Silva", "pág. XII"


_ABBREVIATIONS = {
    Rule.NUMBER: "no nos mar set ago out dez sun mon tue wed thu fri sat",
    Rule.END: "etc ltda eireli",
    Rule.NAME: """
        jr cia inc corp co cos ltd llc plc bros esq assn assoc univ fac inst dept depto dpto natl
        exa exas exª exma excia excias excª sa sas ex
        art arts artt al als fig figs cap caps sec secs sect ed eds org orgs est id ref refs tab eq eqs eqn incs
        tel tels fax cel ramal av ave blvd rd st ste mt ft hwy pça trav rod apto apt bl
        jan fev abr mai jun jul nov feb apr aug sept oct dec
        máx mín max aprox approx c f j s t l seg segs cent
        biol chem phys genet
        """,
    Rule.CAPITAL: "ir irª fr ten des pe min gal maj col card dep rep rev ver mag com cons rel",
    Rule.NEVER: """
        sr sra srs sras srta srtas sres snr snra srª dr dra drs dras drª prof profa profs profas profª
        exmo exmos exmas ilmo ilma ilmos ilmas ilm revmo revma revmos digmo eng enga engo engª arq arqa
        gen sgt cb brig alm cmte cmdt sto sta gov pres sen desa proc adv emb mons côn supt lt capt cpl pvt insp hon
        mr mrs ms mx messrs mme mmes mlle mlles
        p pp pag pags pág págs parágs pg pgs fl fls fol ff n nn nr nrs num núm núms v vv vs vol vols fasc tít
        séc sécs cf cfr conf cit op loc ibid obs ch chap viz trad coord gráf alín parág
        """,
}

_OPENERS = """
    a à ah ai ainda além algum alguma algumas alguns ali ambos antes apenas apesar após aquela aquelas aquele aqueles
    aquilo aqui aos as às assim até atualmente bem cada caso certo chegou com como contudo creio daí de debaixo demais
    dentro depois desde dessa desta deste devido diz disse durante e é ela elas ele eles em embora enfim enquanto então
    entre entretanto era eram essa essas esse esses está estamos estão estas estava este estes estou eu eis faz fez fica
    ficou finalmente foi foram fui gosto há havia hoje houve isso isto já jamais lá logo mais mas mesmo meu minha muita
    muitas muito muitos na nada não nas naquela naquele nem nenhum nenhuma nesse nessa nesta neste ninguém no nos nós
    nunca o obrigado onde ontem ora os ou outra outras outro outros para parece pela pelo pensei pode podemos pois por
    porém porque portanto posso pouco poucos primeiro qual quais qualquer quando quanto quase que quem quer quero quis
    sabe são se segundo seja sem sempre será seria seu sempre seus sim só sob sobre sou sua suas também tal talvez tanto
    tem tenho teve tinha tinham toda todas todo todos tu tudo um uma umas uns vamos vejo veja você vocês vou
    about according after again all almost also although always am among an and another any anyone are as at because
    before besides both but by can come could despite did do does during each either even every everyone everything
    finally first for from furthermore had has have having he her here his how however i if in indeed instead is it its
    just later let like many maybe meanwhile moreover most much my neither never nevertheless nobody nor not nothing now
    of often oh on once one only or other others our over perhaps please she should since so some someone sometimes soon
    still such suddenly than that the their then there therefore these they this those though through thus to today
    together tomorrow under unfortunately unless until upon very was we well were what whatever when whenever where
    whether which while who whose why with within without would yes yesterday yet you your
"""


def word_key(word: str) -> int:
    """The number of a word, 0 if it has none.

    >>> word_key("ba") == (2 << 6) + 1 == word_key("BA"), word_key("naïve.")
    (True, 0)
    """
    key = 0
    for letter in word.lower():
        place = _ALPHABET.find(letter)
        if place < 0 or len(word) > LONGEST:
            return 0
        key = (key << 6) + place + 1
    return key


def keys_before(codes: Codes, kinds: Kinds, ends: Places) -> tuple[Keys, Places]:
    """The words that end at `ends` and where they start; the starts of words without a key are not exact.  (M,), (M,)"""
    keys = np.zeros(len(ends), dtype=np.int64)
    starts = ends.copy()
    active = np.arange(len(ends))
    for step in range(_LONGEST_ABBREVIATION + 1):
        at = starts[active] - 1
        active = active[_IS_LETTER[kinds[at]] & (at >= 0)]
        if len(active) == 0:
            break
        starts[active] -= 1
        letters = _letter_numbers(codes[starts[active]])
        strange = (letters == _STRANGE) | (step == _LONGEST_ABBREVIATION)
        keys[active] += letters << 6 * step
        keys[active[strange]] = 0
        active = active[~strange]
    return keys, starts


def keys_after(codes: Codes, kinds: Kinds, starts: Places) -> tuple[Keys, Places]:
    """The words that start at `starts` and where they end, as `keys_before`.  (M,), (M,)"""
    keys = np.zeros(len(starts), dtype=np.int64)
    ends = starts.copy()
    active = np.arange(len(starts))
    for step in range(LONGEST + 1):
        at = ends[active]
        active = active[at < len(codes)]
        active = active[_IS_LETTER[kinds[ends[active]]]]
        if len(active) == 0:
            break
        letters = _letter_numbers(codes[ends[active]])
        ends[active] += 1
        strange = (letters == _STRANGE) | (step == LONGEST)
        keys[active] = np.where(strange, 0, (keys[active] << 6) + letters)
        active = active[~strange]
    return keys, ends


def rules_of(keys: Keys) -> npt.NDArray[np.uint8]:
    """The `Rule` of each word.  (M,)"""
    table, rules = _rule_table()
    found = np.searchsorted(table, keys)
    return np.where(table[found] == keys, rules[found], Rule.WORD).astype(np.uint8)


def open_sentences(keys: Keys) -> Flags:
    """Whether each word is one that often opens a sentence and is seldom a name.  (M,)"""
    table = _opener_table()
    known: Flags = table[np.searchsorted(table, keys)] == keys
    return known


def _letter_numbers(codes: Codes) -> npt.NDArray[np.int64]:
    table = _letter_table()
    return table[np.minimum(codes, len(table) - 1)].astype(np.int64)


@cache
def _letter_table() -> npt.NDArray[np.uint8]:
    """(257,) the number of each letter of Latin-1; the last is for all others."""
    table = np.full(257, _STRANGE, dtype=np.uint8)
    for number, letter in enumerate(_ALPHABET, start=1):
        table[[ord(letter), ord(letter.upper())]] = number
    return table


@cache
def _rule_table() -> tuple[Keys, npt.NDArray[np.uint8]]:
    """The keys of the abbreviations in order, with a last one that no word has, and their rules."""
    rules = {word_key(word): rule for rule, words in _ABBREVIATIONS.items() for word in words.split()}
    keys = sorted_keys(rules)
    return keys, np.array([rules.get(int(key), Rule.WORD) for key in keys], dtype=np.uint8)


@cache
def _opener_table() -> Keys:
    return sorted_keys(word_key(word) for word in _OPENERS.split())


def sorted_keys(keys: Iterable[int]) -> Keys:
    """The keys in order, and a last one that no word has, so that every search ends inside."""
    return np.array([*sorted(set(keys) - {0}), np.iinfo(np.int64).max], dtype=np.int64)
