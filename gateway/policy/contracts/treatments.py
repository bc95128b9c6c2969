"""Treatments of contracts: whether what is written suits the field, and what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from gateway.model.contract import CanonicalForm, Classification, FieldSpec
from gateway.model.treatment import (
    Generalize,
    GeneralizeAddress,
    GeneralizeAge,
    GeneralizeDate,
    GeneralizeGeohash,
    GeneralizeNumber,
    GeneralizeRegion,
    GeneralizeStep,
    Keep,
    Mask,
    Perturb,
    Precision,
    Pseudonymize,
    TokenKind,
    Treatment,
    TreatmentKind,
)
from gateway.model.values import FieldType
from gateway.policy.contracts.treatment_shapes import (
    MAX_INT,
    GeneralizeShape,
    MaskShape,
    PerturbShape,
    PseudonymizeShape,
    TreatmentShape,
)
from gateway.policy.problems import did_you_mean, shown, with_article

_DATES = (Precision.DAY, Precision.MONTH, Precision.YEAR)
_REGIONS = (Precision.STREET, Precision.DISTRICT, Precision.CITY)
_SUITING = {FieldType.DATE: _DATES, FieldType.TIMESTAMP: _DATES, FieldType.STRING: _REGIONS}
_WITH_FORMAT = (CanonicalForm.RESIDENT_ID, CanonicalForm.PHONE, CanonicalForm.PLATE, CanonicalForm.FIRM_CODE)
_WITH_CHECK = (CanonicalForm.RESIDENT_ID, CanonicalForm.FIRM_CODE)
_MOST_SHOWN = {
    CanonicalForm.RESIDENT_ID: 6,
    CanonicalForm.PHONE: 7,
    CanonicalForm.PLATE: 3,
    CanonicalForm.FIRM_CODE: 8,
    CanonicalForm.TEXT: 6,
}
"""Characters of a direct identifier that a mask may show: with more, what is starred can be tried or looked up."""
_MOST_EPSILON = 10
_WIDEST_BOUNDS = 2**62
"""How far apart bounds may be for noise between them to be drawn in 64 bits."""
_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,15})?", re.ASCII)
_MOST_UNITS = 2**51
"""So many units of its last decimal place a step may have, and its top: beyond, doubles no longer tell steps apart."""


def to_treatment(shape: TreatmentShape, field: FieldSpec, fields: Mapping[str, FieldSpec]) -> Treatment:
    """Return the treatment of a field, among the fields of its contract.

    Raises:
        ValueError: the treatment does not suit the field's type or classification; the text says what would.
    """
    if shape.plain == TreatmentKind.KEEP and field.classification is Classification.DIRECT_IDENTIFIER:
        raise ValueError(
            f"'{field.name}' is a direct identifier: keeping it needs a reason. "
            "Write {keep: {justification: …}}, or pseudonymize."
        )
    if shape.plain == TreatmentKind.KEEP and field.classification is Classification.FREE_TEXT:
        raise ValueError(
            f"'{field.name}' is free text, which can say anything of anybody: keeping it needs a reason. "
            "Write {keep: {justification: …}}, or leave it out."
        )
    if shape.plain == TreatmentKind.KEEP or shape.keep is not None:
        return Keep()
    if shape.plain == TreatmentKind.PSEUDONYMIZE:
        _suits(field, "pseudonymize", FieldType.STRING)
        return Pseudonymize()
    if shape.pseudonymize is not None:
        return _pseudonymize(shape.pseudonymize, field, fields)
    if shape.mask is not None:
        return _mask(shape.mask, field)
    if shape.perturb is not None:
        return _perturb(shape.perturb, field)
    if shape.generalize is None:
        raise ValueError("a field has exactly one treatment. Keep one of them.")
    return _generalize(shape.generalize, field, fields)


def _pseudonymize(shape: PseudonymizeShape, field: FieldSpec, fields: Mapping[str, FieldSpec]) -> Pseudonymize:
    _suits(field, "pseudonymize", FieldType.STRING)
    if shape.token is TokenKind.FORMAT and field.canonical not in _WITH_FORMAT:
        forms = ", ".join(_WITH_FORMAT)
        raise ValueError(f"'{field.name}' has no format to preserve. Declare its canonical form: one of {forms}.")
    has_check = shape.token is TokenKind.FORMAT and field.canonical in _WITH_CHECK
    if has_check != (shape.check is not None):
        if has_check:
            raise ValueError(
                f"the tokens of '{field.name}' have a check character. Write check: valid, or check: never-valid."
            )
        if shape.token is not TokenKind.FORMAT:
            raise ValueError(
                "only format-preserving tokens have a check character. "
                "Write token: format-preserving beside it, or remove 'check'."
            )
        raise ValueError(f"the tokens of '{field.name}' have no check character. Remove 'check'.")
    if shape.by is not None:
        _check_renewed_by(shape.by, shape, fields)
    return Pseudonymize(shape.token, shape.check, shape.renewed, shape.by)


def _mask(shape: MaskShape, field: FieldSpec) -> Mask:
    _suits(field, "mask", FieldType.STRING)
    if field.classification is Classification.FREE_TEXT:
        raise ValueError(
            f"'{field.name}' is free text, and anything can stand in the pieces that a mask leaves of it. "
            "Leave it out, or write {keep: {justification: …}}."
        )
    most = _MOST_SHOWN[field.canonical]
    if field.classification is Classification.DIRECT_IDENTIFIER and shape.first + shape.last > most:
        raise ValueError(
            f"a mask of '{field.name}' may show {most} characters at most, first and last together. "
            "Show fewer, or write {keep: {justification: …}}."
        )
    return Mask(shape.first, shape.last)


def _check_renewed_by(by: str, shape: PseudonymizeShape, fields: Mapping[str, FieldSpec]) -> None:
    if shape.token is not TokenKind.IRREVERSIBLE:
        raise ValueError("only irreversible tokens are renewed by a field. Write token: irreversible, or remove 'by'.")
    if shape.renewed is None:
        raise ValueError("tokens that stand are renewed by nothing. Write 'renewed' beside 'by', or remove it.")
    beside = fields.get(by)
    if beside is None or not beside.type.is_dated:
        raise ValueError(f"{shown(by)} is no date or timestamp of the contract. Name one.")


def _perturb(shape: PerturbShape, field: FieldSpec) -> Perturb:
    _suits(field, "perturb", FieldType.STRING, FieldType.INT64, FieldType.BOOL, FieldType.DATE)
    epsilon = Decimal(str(shape.epsilon))
    if not Decimal("0.001") <= epsilon <= _MOST_EPSILON or epsilon != round(epsilon, 6):
        raise ValueError(
            f"the epsilon of 'perturb' must lie between 0.001 and {_MOST_EPSILON}, with six places at most. "
            "Write another one."
        )
    bounds = field.bounds if field.type is FieldType.INT64 and field.keys is None else None
    if field.keys is None and bounds is None:
        raise ValueError(
            f"'{field.name}' has neither public keys nor bounds to be randomised within. Declare its keys or bounds."
        )
    if field.keys is not None and len(field.keys) + field.nullable < 2:
        raise ValueError(
            f"'{field.name}' has one public key, and an answer is randomised among two at least. "
            "Declare more keys, or choose another treatment."
        )
    if bounds is not None and bounds.lower == bounds.upper:
        raise ValueError(
            f"'{field.name}' has bounds that leave one value, and an answer is randomised among two at least. "
            "Widen them, or choose another treatment."
        )
    if bounds is not None and bounds.upper - bounds.lower > _WIDEST_BOUNDS:
        raise ValueError(f"the bounds of '{field.name}' are too far apart to be randomised within. Narrow them.")
    if bounds is not None and field.nullable:
        raise ValueError(f"'{field.name}' may be missing, and no number stands for that. Choose another treatment.")
    return Perturb(f"{epsilon.normalize():f}")


def _generalize(coarse: GeneralizeShape, field: FieldSpec, fields: Mapping[str, FieldSpec]) -> Generalize:
    if coarse.width is not None:
        _suits(field, "width", FieldType.INT64, instead={FieldType.DOUBLE: "Write {step: …}."})
        top = _whole(coarse.top)
        if top is not None and top // coarse.width * coarse.width < -(2**63):
            raise ValueError("the step of the top begins below all numbers of 64 bits. Write another top.")
        return GeneralizeNumber(coarse.width, top)
    if coarse.age is not None:
        _suits(field, "generalize to ages", FieldType.DATE, FieldType.TIMESTAMP)
        top = _whole(coarse.top)
        if top is not None and not 1 <= top <= 150:
            raise ValueError("the top of ages must lie between 1 and 150. Write another one.")
        return GeneralizeAge(coarse.age, top)
    if coarse.step is not None:
        _suits(field, "step", FieldType.DOUBLE, instead={FieldType.INT64: "Write {width: …}."})
        return _step(coarse.step, None if coarse.top is None else str(coarse.top))
    if coarse.geohash is not None and coarse.longitude is not None:
        _suits(field, "generalize to a geohash", FieldType.DOUBLE)
        beside = fields.get(coarse.longitude)
        if beside is None or beside.type is not FieldType.DOUBLE or beside.name == field.name:
            raise ValueError(f"{shown(coarse.longitude)} is no double beside '{field.name}'. Name the longitude.")
        return GeneralizeGeohash(coarse.geohash, coarse.longitude)
    if coarse.address is not None:
        _suits(field, "generalize the address", FieldType.STRING)
        if coarse.address not in _REGIONS:
            hint = did_you_mean(coarse.address, _REGIONS)
            raise ValueError(f"{shown(coarse.address)} is not a value of 'address'. {hint}")
        return GeneralizeAddress(Precision(coarse.address))
    return _to_precision(coarse.to or "", field)


def _to_precision(written: str, field: FieldSpec) -> Generalize:
    if written in _DATES:
        _suits(field, f"generalize to {written}", FieldType.DATE, FieldType.TIMESTAMP)
        return GeneralizeDate(Precision(written))
    if written in _REGIONS:
        _suits(field, f"generalize to {written}", FieldType.STRING)
        return GeneralizeRegion(Precision(written))
    suiting = _SUITING.get(field.type, tuple(Precision))
    raise ValueError(f"{shown(written)} is not a precision. {did_you_mean(written, suiting)}")


def _whole(top: int | str | None) -> int | None:
    if top is None or (type(top) is int and -MAX_INT <= top <= MAX_INT):
        return top
    raise ValueError("the top must be a whole number of 64 bits. Write it without quotes.")


def _step(step: str, top: str | None) -> GeneralizeStep:
    width, cap = _decimal(step), None if top is None else _decimal(top)
    if width <= 0:
        raise ValueError("the step must be above 0. Write a decimal in quotes, such as '0.01'.")
    unit = Fraction(1, 10 ** len(step.partition(".")[2]))
    if width > _MOST_UNITS * unit:
        raise ValueError(f"the step {shown(step)} has too many digits. Write one of fewer.")
    if cap is not None and abs(cap // width * width) > _MOST_UNITS * unit:
        raise ValueError(f"the top {shown(str(top))} lies too far out for steps of {step}. Write a nearer one.")
    return GeneralizeStep(step, top)


def _decimal(written: str) -> Fraction:
    if _PLAIN_DECIMAL.fullmatch(written) is None:
        raise ValueError(
            f"{shown(written)} is no plain decimal of at most 15 places. Write one in quotes, such as '0.01'."
        )
    return Fraction(written)


def _suits(
    field: FieldSpec, treatment: str, *types: FieldType, instead: Mapping[FieldType, str] = MappingProxyType({})
) -> None:
    if field.type not in types:
        wanted = " or ".join(map(with_article, types))
        written = f"'{treatment}' is for {wanted}, and '{field.name}' is {with_article(field.type)}"
        raise ValueError(f"{written}. {instead.get(field.type, 'Choose another treatment.')}")
