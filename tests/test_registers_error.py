"""The codes of the register ERROR."""

from __future__ import annotations

from pann_hw.registers.error import Error


def test_every_code_has_a_meaning_of_its_own() -> None:
    meanings = [error.meaning for error in Error]
    assert len(set(meanings)) == len(meanings) == len(Error)
    assert all(meaning and "\n" not in meaning for meaning in meanings)


def test_codes_fill_the_register_from_zero() -> None:
    assert [error.value for error in Error] == list(range(len(Error)))
    assert len(Error) <= 1 << 4
