"""Treatments as they are written in contracts: their forms alone. Whether they suit a field is looked at afterwards."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from gateway.model.pseudonym import Renewal
from gateway.model.treatment import CheckDigit, Precision, TokenKind, TreatmentKind
from gateway.policy.problems import did_you_mean, shown
from gateway.policy.validation import FieldName, Shape, Text

_REGIONS = (Precision.STREET, Precision.DISTRICT, Precision.CITY)
_WORDS = (TreatmentKind.KEEP.value, TreatmentKind.PSEUDONYMIZE.value)
_FORMS = ("keep", "pseudonymize", "generalize", "mask", "perturb")
MAX_INT = 2**63 - 1
_WAYS = (
    "Write a precision such as month or street, {width: …}, {step: …}, {age: …}, {geohash: …, longitude: …} or "
    "{address: …}."
)


class KeepShape(Shape):
    """Why a direct identifier leaves as it is."""

    justification: Text


class PseudonymizeShape(Shape):
    """What kind of token, and how long a value keeps it."""

    token: Annotated[TokenKind, Field(strict=False)] = TokenKind.REVERSIBLE
    check: Annotated[
        CheckDigit | None, Field(strict=False, description="of format-preserving tokens with a check character")
    ] = None
    renewed: Annotated[Renewal | None, Field(strict=False, description="how often values get new tokens")] = None
    by: Annotated[
        FieldName | None,
        Field(description="a date or timestamp: one value's tokens differ with it too"),
    ] = None


class GeneralizeShape(Shape):
    """How far: one of to, width, step, age, geohash or address; with a top for numbers and ages."""

    to: str | None = None
    width: Annotated[int | None, Field(ge=1, le=MAX_INT)] = None
    step: Annotated[str | None, Field(description="of a double, a decimal in quotes")] = None
    age: Annotated[int | None, Field(ge=1, le=100, description="years of a band")] = None
    geohash: Annotated[int | None, Field(ge=1, le=9, description="characters")] = None
    longitude: Annotated[FieldName | None, Field(description="for a geohash: the field beside the latitude")] = None
    address: str | None = None
    top: int | str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, written: Any) -> Any:
        return {"to": written} if isinstance(written, str) else written

    @model_validator(mode="after")
    def _one_way(self) -> GeneralizeShape:
        ways = (self.to, self.width, self.step, self.age, self.geohash, self.address)
        topped = self.width is not None or self.step is not None or self.age is not None
        told = sum(way is not None for way in ways)
        if told > 1:
            raise ValueError("'generalize' is told how far in more than one way. Keep one of them.")
        if self.geohash is not None and self.longitude is None:
            raise ValueError("a geohash needs the field with the longitude. Write {geohash: …, longitude: …}.")
        if self.longitude is not None and self.geohash is None:
            raise ValueError("only a geohash has a 'longitude'. Write {geohash: …, longitude: …}.")
        if not told:
            raise ValueError(f"'generalize' is not told how far. {_WAYS}")
        if self.top is not None and not topped:
            raise ValueError("only 'width', 'step' and 'age' have a 'top'. Remove it.")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe the short form beside the long ones."""
        number, text = {"type": "integer"}, {"type": "string"}
        regions = {"enum": [precision.value for precision in _REGIONS]}
        forms = (
            ({"width": number | {"minimum": 1}, "top": number}, ["width"]),
            ({"step": text, "top": text}, ["step"]),
            ({"age": number | {"minimum": 1, "maximum": 100}, "top": number}, ["age"]),
            ({"geohash": number | {"minimum": 1, "maximum": 9}, "longitude": text}, ["geohash", "longitude"]),
            ({"address": regions}, ["address"]),
        )
        objects = [
            {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
            for properties, required in forms
        ]
        return {"anyOf": [{"enum": [precision.value for precision in Precision]}, *objects]}


class MaskShape(Shape):
    """How many characters stay readable."""

    first: Annotated[int, Field(ge=0, le=64)] = 0
    last: Annotated[int, Field(ge=0, le=64)] = 0


class PerturbShape(Shape):
    """How much a randomised value may tell. One row of each subject leaves then."""

    epsilon: float


class TreatmentShape(Shape):
    """`keep`, `pseudonymize`, or one of the forms with details."""

    keep: KeepShape | None = None
    pseudonymize: PseudonymizeShape | None = None
    generalize: GeneralizeShape | None = None
    mask: MaskShape | None = None
    perturb: PerturbShape | None = None
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
            unknown = [str(key) for key in written if key not in _FORMS]
            if unknown:
                raise ValueError(f"unknown key {shown(unknown[0])}. {did_you_mean(unknown[0], _FORMS)}".strip())
            if len(written) != 1:
                raise ValueError("a field has exactly one treatment. Keep one of them.")
            if next(iter(written.values())) is None:
                form = next(iter(written))
                raise ValueError(f"the treatment '{form}' needs details. Write {{{form}: …}}.")
            return written
        raise ValueError(
            "this is not a treatment. Write keep, pseudonymize, {generalize: …}, {mask: …} or {perturb: …}."
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe what is written, not what it is turned into."""
        details = handler.resolve_ref_schema(handler(schema))["properties"]
        forms: list[dict[str, Any]] = [{"enum": list(_WORDS)}]
        for form in _FORMS:
            (value,) = (option for option in details[form]["anyOf"] if option.get("type") != "null")
            forms.append(
                {"type": "object", "properties": {form: value}, "required": [form], "additionalProperties": False}
            )
        return {"anyOf": forms}
