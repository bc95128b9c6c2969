"""Treatments as contracts write them, and whether they suit the field."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from gateway.model.contract import Classification, FieldSpec
from gateway.model.treatment import (
    GeneralizeDate,
    GeneralizeNumber,
    GeneralizeRegion,
    Keep,
    Mask,
    Precision,
    Pseudonymize,
    Treatment,
    TreatmentKind,
)
from gateway.model.values import FieldType
from gateway.policy.problems import did_you_mean, shown, with_article
from gateway.policy.validation import Shape, Text

_DATES = (Precision.DAY, Precision.MONTH, Precision.YEAR)
_REGIONS = (Precision.STREET, Precision.DISTRICT, Precision.CITY)
_WORDS = (TreatmentKind.KEEP.value, TreatmentKind.PSEUDONYMIZE.value)
_MAX_INT = 2**63 - 1


class KeepShape(Shape):
    """Why a direct identifier leaves as it is."""

    justification: Text


class GeneralizeShape(Shape):
    """A precision for dates and regions; a width, and perhaps a top, for numbers."""

    to: Annotated[Precision | None, Field(strict=False)] = None
    width: Annotated[int | None, Field(ge=1, le=_MAX_INT)] = None
    top: Annotated[int | None, Field(ge=-_MAX_INT, le=_MAX_INT)] = None

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, written: Any) -> Any:
        if not isinstance(written, str):
            return written
        if written not in list(Precision):
            raise ValueError(f"{shown(written)} is not a precision. {did_you_mean(written, list(Precision))}".strip())
        return {"to": written}

    @model_validator(mode="after")
    def _one_way(self) -> GeneralizeShape:
        if (self.to is None) == (self.width is None) or (self.to is not None and self.top is not None):
            raise ValueError(
                "'generalize' is not told how far. Write a precision such as month, or {width: …, top: …}."
            )
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe the short form beside the long one."""
        numbers = {
            "type": "object",
            "properties": {"width": {"type": "integer", "minimum": 1}, "top": {"type": "integer"}},
            "required": ["width"],
            "additionalProperties": False,
        }
        return {"anyOf": [{"enum": [precision.value for precision in Precision]}, numbers]}


class MaskShape(Shape):
    """How many characters stay readable."""

    first: Annotated[int, Field(ge=0, le=64)] = 0
    last: Annotated[int, Field(ge=0, le=64)] = 0


class TreatmentShape(Shape):
    """`keep`, `pseudonymize`, or one of the forms with details."""

    keep: KeepShape | None = None
    pseudonymize: bool = False
    generalize: GeneralizeShape | None = None
    mask: MaskShape | None = None
    plain: Annotated[str, Field(exclude=True)] = ""

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, written: Any) -> Any:
        if isinstance(written, str):
            if written not in _WORDS:
                hint = did_you_mean(written, list(TreatmentKind))
                if written in list(TreatmentKind):
                    hint = f"Write {{{written}: …}}."
                raise ValueError(f"{shown(written)} is not a treatment by itself. {hint}".strip())
            return {"plain": written}
        if isinstance(written, dict):
            forms = ("keep", "generalize", "mask")
            unknown = [str(key) for key in written if key not in forms]
            if unknown:
                raise ValueError(f"unknown key {shown(unknown[0])}. {did_you_mean(unknown[0], forms)}".strip())
            if len(written) != 1:
                raise ValueError("a field has exactly one treatment. Keep one of them.")
            if next(iter(written.values())) is None:
                form = next(iter(written))
                raise ValueError(f"the treatment '{form}' needs details. Write {{{form}: …}}.")
            return written
        raise ValueError("this is not a treatment. Write keep, pseudonymize, {generalize: …} or {mask: …}.")

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe what is written, not what it is turned into."""
        details = handler.resolve_ref_schema(handler(schema))["properties"]
        forms: list[dict[str, Any]] = [{"enum": list(_WORDS)}]
        for form in ("keep", "generalize", "mask"):
            (value,) = (option for option in details[form]["anyOf"] if option.get("type") != "null")
            forms.append(
                {"type": "object", "properties": {form: value}, "required": [form], "additionalProperties": False}
            )
        return {"anyOf": forms}


def to_treatment(shape: TreatmentShape, field: FieldSpec) -> Treatment:
    """Return the treatment of a field.

    Raises:
        ValueError: the treatment does not suit the field's type or classification; the text says what would.
    """
    if shape.plain == TreatmentKind.KEEP and field.classification is Classification.DIRECT_IDENTIFIER:
        raise ValueError(
            f"'{field.name}' is a direct identifier: keeping it needs a reason. "
            "Write {keep: {justification: …}}, or pseudonymize."
        )
    if shape.plain == TreatmentKind.KEEP or shape.keep is not None:
        return Keep()
    if shape.plain == TreatmentKind.PSEUDONYMIZE:
        _suits(field, "pseudonymize", FieldType.STRING)
        return Pseudonymize()
    if shape.mask is not None:
        _suits(field, "mask", FieldType.STRING)
        return Mask(shape.mask.first, shape.mask.last)
    coarse = shape.generalize
    if coarse is None:
        raise ValueError("a field has exactly one treatment. Keep one of them.")
    if coarse.width is not None:
        _suits(field, "generalize to steps", FieldType.INT64)
        return GeneralizeNumber(coarse.width, coarse.top)
    if coarse.to in _DATES:
        _suits(field, f"generalize to {coarse.to}", FieldType.DATE, FieldType.TIMESTAMP)
        return GeneralizeDate(coarse.to)
    if coarse.to in _REGIONS:
        _suits(field, f"generalize to {coarse.to}", FieldType.STRING)
        return GeneralizeRegion(coarse.to)
    raise ValueError("a field has exactly one treatment. Keep one of them.")


def _suits(field: FieldSpec, treatment: str, *types: FieldType) -> None:
    if field.type not in types:
        wanted = " or ".join(map(with_article, types))
        written = f"'{treatment}' is for {wanted}, and '{field.name}' is {with_article(field.type)}"
        raise ValueError(f"{written}. Choose another treatment.")
