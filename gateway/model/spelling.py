"""How identifiers are spelled in their canonical forms: the alphabets, and one pattern for all who must know them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.model.contract import CanonicalForm

PLATE_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
"""The characters with which number plates begin (GA 36): the 31 provinces of the mainland."""

PLATE_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
"""The letters of the issuing authorities; I is none of them."""

PLATE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""What follows on a plate: five characters, or six on those of new-energy vehicles, without I and O."""

FIRM_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The characters of unified social credit codes in the order of their values (GB 32100-2015): no I, O, S, V, Z."""

SPELLINGS: Mapping[CanonicalForm, str] = MappingProxyType(
    {
        CanonicalForm.RESIDENT_ID: "[0-9]{17}[0-9X]",
        CanonicalForm.PHONE: "[0-9]{11}",
        CanonicalForm.PLATE: f"[{PLATE_PROVINCES}][{PLATE_LETTERS}][{PLATE_ALPHABET}]{{5,6}}",
        CanonicalForm.FIRM_CODE: f"[{FIRM_ALPHABET}]{{18}}",
    }
)
"""A regular expression (RE2) for the whole canonical text of an identifier. `text` has none: its values are any."""
