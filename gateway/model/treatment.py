"""How a field is treated before it leaves. A treatment is a promise that a stage keeps and a receipt names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.values import FieldType


class TreatmentKind(StrEnum):
    """The treatments that a contract can name."""

    KEEP = "keep"
    PSEUDONYMIZE = "pseudonymize"
    GENERALIZE = "generalize"
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class Keep:
    """The value leaves as it is."""

    kind = TreatmentKind.KEEP

    def __str__(self) -> str:
        return "keep"


@dataclass(frozen=True, slots=True)
class Pseudonymize:
    """The value leaves as a token of the recipient's pseudonym domain for this purpose."""

    kind = TreatmentKind.PSEUDONYMIZE

    def __str__(self) -> str:
        return "pseudonymize per recipient and purpose"


class Precision(StrEnum):
    """How coarse a date or a region leaves."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    STREET = "street"
    DISTRICT = "district"
    CITY = "city"


@dataclass(frozen=True, slots=True)
class GeneralizeDate:
    """A date or timestamp leaves as the first day of its day, month or year (type date)."""

    to: Precision
    kind = TreatmentKind.GENERALIZE

    def __str__(self) -> str:
        return f"generalize to {self.to}"


@dataclass(frozen=True, slots=True)
class GeneralizeRegion:
    """A region path leaves as its ancestor of the given level."""

    to: Precision
    kind = TreatmentKind.GENERALIZE

    def __str__(self) -> str:
        return f"generalize to {self.to}"


@dataclass(frozen=True, slots=True)
class GeneralizeNumber:
    """An integer leaves as the lower edge of its bin of `width`, counted from 0; capped at the edge of `top`."""

    width: int
    top: int | None
    kind = TreatmentKind.GENERALIZE

    def __str__(self) -> str:
        cap = "" if self.top is None else f", top-coded at {self.top}"
        return f"generalize to steps of {self.width}{cap}"


@dataclass(frozen=True, slots=True)
class Mask:
    """A string leaves with `first` and `last` characters shown and the rest as "*"; shorter ones leave all starred."""

    first: int
    last: int
    kind = TreatmentKind.MASK

    def __str__(self) -> str:
        return f"mask all but the first {self.first} and last {self.last}"


Treatment = Keep | Pseudonymize | GeneralizeDate | GeneralizeRegion | GeneralizeNumber | Mask


def leaving_type(declared: FieldType, treatment: Treatment) -> FieldType:
    """Return the type that a field of the declared type has after its treatment."""
    match treatment:
        case Keep():
            return declared
        case GeneralizeDate():
            return FieldType.DATE
        case GeneralizeNumber():
            return FieldType.INT64
        case Pseudonymize() | GeneralizeRegion() | Mask():
            return FieldType.STRING
