"""Which rows have a privacy unit that counts: those whose identifier is spelled in its canonical form already.

An engine tells units apart by their text. One person under forty spellings would be forty units, each with a
contribution of its own, and noise made for one would hide a fortieth of them. Whether a row counts depends on that row
alone, so what is left out changes nothing of the others' contributions.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from sqlglot import exp

from gateway.model.contract import CanonicalForm, DataContract
from gateway.model.spelling import SPELLINGS
from gateway.model.storage import SourceKind
from gateway.model.values import FieldType
from gateway.query import postgres, spark
from gateway.query.scan import Bound, column, parameter

_FORM = "unit_form"
_ASSIGNED = 0x40000  # above: marks, tags and private use, nothing that spells


def spelling(contract: DataContract) -> CanonicalForm | None:
    """The form that a unit's text must have; None where units are no text, so that there is one way to write each."""
    unit = contract.unit_field
    return unit.canonical if unit.type is FieldType.STRING else None


def counts(field: str, form: CanonicalForm | None) -> exp.Expr:
    """The row has a unit, in canonical spelling. Never NULL.

    resident-id: 17 digits and a digit or X (the 15 digits of the older standard are another spelling). phone: 11
    digits. plate and firm-code: as `model.spelling` has them. text: NFKC, of visible characters, with single spaces
    only between them.
    """
    present = exp.not_(exp.Is(this=column(field), expression=exp.null()))
    if form is None:
        return present
    spelled = exp.RegexpFullMatch(this=column(field), expression=parameter(_FORM))
    if form is not CanonicalForm.TEXT:
        return exp.and_(present, spelled)
    composed = exp.EQ(this=exp.Anonymous(this="nfc_normalize", expressions=[column(field)]), expression=column(field))
    return exp.and_(present, spelled, composed)


def count_parameters(form: CanonicalForm | None, kind: SourceKind) -> dict[str, Bound]:
    """The values of the parameters that `counts` names."""
    if form is None:
        return {}
    pattern = SPELLINGS.get(form) or _text_pattern()
    match kind:
        case SourceKind.POSTGRES:
            pattern = postgres.whole_pattern(pattern)
        case SourceKind.SPARK:
            pattern = spark.whole_pattern(pattern)
    return {_FORM: pattern}


@lru_cache(maxsize=1)
def _text_pattern() -> str:
    """An RE2 pattern of texts of visible characters, none of which NFKC changes, and single spaces between.

    Such a text is NFKC exactly if it is NFC, which the engine can tell: NFKC differs from NFC only by the
    compatibility mappings of single characters (Unicode Standard Annex 15, section 1).
    """
    ranges: list[list[int]] = [[_ASSIGNED, 0x10FFFF]]
    for point in range(_ASSIGNED - 1, -1, -1):
        if not _spells(chr(point)):
            if ranges[-1][0] == point + 1:
                ranges[-1][0] = point
            else:
                ranges.append([point, point])
    others = "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in ranges)
    return f"([^ {others}]( ?[^ {others}])*)?"


def _spells(character: str) -> bool:
    """No separator but the space, no control, format, private or unassigned character, and left alone by NFKC."""
    visible = character == " " or unicodedata.category(character)[0] not in "CZ"
    return visible and unicodedata.is_normalized("NFKC", character)
