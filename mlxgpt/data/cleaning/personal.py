"""The rule that masks personal data: e-mail addresses, CPF, CNPJ, telephone numbers, CEP and IP addresses become their names.

Numbers of persons and companies are only masked when their check digits are right, so an order number stays.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence


def mask_personal(text: str) -> str:
    """`text` with [EMAIL], [CPF], [CNPJ], [TELEFONE], [CEP] and [IP] for what identifies a person.

    >>> mask_personal("Escreva a ana@exemplo.com, CPF 529.982.247-25.")
    'Escreva a [EMAIL], CPF [CPF].'
    """
    for name, pattern, is_one in _PATTERNS:
        text = pattern.sub(lambda found, n=name, ok=is_one: f"[{n}]" if ok(found.group()) else found.group(), text)  # type: ignore[misc]
    return text


def is_cpf(text: str) -> bool:
    """True when the eleven digits end in their check digits (and are not all the same)."""
    return _checked(text, 11, (range(10, 1, -1), range(11, 1, -1)))


def is_cnpj(text: str) -> bool:
    """True when the fourteen digits end in their check digits."""
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return _checked(text, 14, (weights[1:], weights))


def _checked(text: str, length: int, weights: Sequence[Sequence[int]]) -> bool:
    """Each check digit is 11 less the weighted sum's rest by 11, and 0 for 10 and 11."""
    digits = [int(character) for character in text if character.isdigit()]
    if len(digits) != length or len(set(digits)) == 1:
        return False
    for row in weights:
        rest = sum(digit * weight for digit, weight in zip(digits, row, strict=False)) % 11
        if digits[len(row)] != (0 if rest < 2 else 11 - rest):
            return False
    return True


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _always(_text: str) -> bool:
    return True


_PATTERNS: Sequence[tuple[str, re.Pattern[str], Callable[[str], bool]]] = (
    ("EMAIL", re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+(?<![.-])"), _always),
    ("CNPJ", re.compile(r"(?<![\d.])\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}(?!\d)"), is_cnpj),
    ("CPF", re.compile(r"(?<![\d.])\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?!\d)"), is_cpf),
    (
        "TELEFONE",
        re.compile(
            r"(?<![\d.,])(?:\+55[ -]?)?(?:\(0?[1-9]\d\) ?|\b0?[1-9]\d[ -])(?:9 ?\d{4}|[2-5]\d{3})[ .-]?\d{4}(?!\d|,\d)"
            r"|(?<![\d.])0[38]00[ -]?\d{3}[ -]?\d{4}(?!\d)"
        ),
        _always,
    ),
    ("CEP", re.compile(r"(?<![\d.-])\d{5}-\d{3}(?![\d-])|(?<![\d.-])\d{2}\.\d{3}-\d{3}(?![\d-])"), _always),
    ("IP", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)"), _is_ip),
)
