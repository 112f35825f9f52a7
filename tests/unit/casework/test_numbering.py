"""Tracking codes and masked names."""

from __future__ import annotations

from casework.intake import mask_name
from casework.numbering import ALPHABET, code_hash, new_code
from core.vault import Vault


def test_codes_differ_and_hold_nothing_that_is_misread() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert set("".join(codes)) <= set(ALPHABET)
    assert not set("01OIL") & set(ALPHABET)


def test_a_code_may_be_typed_in_small_letters_with_gaps() -> None:
    vault = Vault(b"k" * 32)
    assert code_hash(vault, "ab2c-d3 ef45") == code_hash(vault, "AB2CD3EF45")
    assert code_hash(vault, "AB2CD3EF45") != code_hash(vault, "AB2CD3EF46")
    assert code_hash(vault, "AB2CD3EF45") != code_hash(Vault(b"j" * 32), "AB2CD3EF45")


def test_lists_show_one_character_of_a_name() -> None:
    assert mask_name("欧阳锋") == "欧某"
    assert mask_name("  ") == "匿名"
