"""Personal data: what identifies a person is masked, and numbers that only look like it stay."""

import pytest

from mlxgpt.data.cleaning.personal import is_cnpj, is_cpf, mask_personal


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ana.souza+x@exemplo.com.br, ou", "[EMAIL], ou"),
        ("Fale com b_rocha44@exemplo.org.", "Fale com [EMAIL]."),
        ("CPF 529.982.247-25 e 52998224725", "CPF [CPF] e [CPF]"),
        ("CNPJ 11.222.333/0001-81.", "CNPJ [CNPJ]."),
        ("Ligue (11) 90000-0091, 11 90000-0091 ou +55 (31) 3000-0053", "Ligue [TELEFONE], [TELEFONE] ou [TELEFONE]"),
        ("CEP 00003-434, IP 192.0.2.136.", "CEP [CEP], IP [IP]."),
    ],
)
def test_what_identifies_a_person_is_masked(text: str, masked: str) -> None:
    assert mask_personal(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "CPF 529.982.247-26 não existe, nem 111.111.111-11.",
        "Pedido 12345678900 de 1999-2001, versão 1.2.3.400, seção 3.1.4.1.5.",
        "Em 1998 havia 12.345.678 pessoas; em 2010, 190.732.694.",
        "O mês 03 2500 e a conta de R$ 4.500,00.",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask_personal(text) == text


def test_check_digits_are_checked() -> None:
    assert is_cpf("000.999.200-69")
    assert not is_cpf("000.999.200-96")
    assert is_cnpj("11222333000181")
    assert not is_cnpj("11222333000118")
    assert not is_cpf("1")
