"""How a field is treated before it leaves. A treatment is a promise that a stage keeps and a receipt names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gateway.model.pseudonym import Renewal
from gateway.model.values import FieldType


class TreatmentKind(StrEnum):
    """The treatments that a contract can name."""

    KEEP = "keep"
    PSEUDONYMIZE = "pseudonymize"
    GENERALIZE = "generalize"
    MASK = "mask"
    PERTURB = "perturb"


@dataclass(frozen=True, slots=True)
class Keep:
    """The value leaves as it is."""

    kind = TreatmentKind.KEEP

    def __str__(self) -> str:
        return "keep"


class TokenKind(StrEnum):
    """What a token is: one the gateway can turn back, one that nobody can, or one that looks like the identifier."""

    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"
    FORMAT = "format-preserving"


class CheckDigit(StrEnum):
    """Whether the check character of a format-preserving token is right, or wrong in every one of them."""

    VALID = "valid"
    NEVER = "never-valid"


@dataclass(frozen=True, slots=True)
class Pseudonymize:
    """The value leaves as a token of the recipient's pseudonym domain for this purpose.

    `check` is for format-preserving tokens of identifiers with a check character. `renewed` tells how long a value
    keeps its token; None: as long as the domain's secret stands. `by` is a date or timestamp of the row: its day, month
    or year goes into an irreversible token that is renewed, so that one answer does not join them either.
    """

    token: TokenKind = TokenKind.REVERSIBLE
    check: CheckDigit | None = None
    renewed: Renewal | None = None
    by: str | None = None
    kind = TreatmentKind.PSEUDONYMIZE

    def __str__(self) -> str:
        how = "" if self.token is TokenKind.REVERSIBLE else f" {self.token}"
        check = "" if self.check is None else f", check character {self.check}"
        renewed = "" if self.renewed is None else f", renewed {self.renewed}"
        by = "" if self.by is None else f" and by {self.by}"
        return f"pseudonymize{how} per recipient and purpose{check}{renewed}{by}"


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
class GeneralizeStep:
    """A double leaves as the lower edge of its step, counted from 0: a coordinate's grid, an amount's band.

    `step` and `top` are decimals as written ("0.01"); what lies at or above `top` leaves as the edge of its step.
    """

    step: str
    top: str | None
    kind = TreatmentKind.GENERALIZE

    def __str__(self) -> str:
        cap = "" if self.top is None else f", top-coded at {self.top}"
        return f"generalize to steps of {self.step}{cap}"


@dataclass(frozen=True, slots=True)
class GeneralizeAge:
    """A birth date leaves as the lower edge of a band of `width` whole years of age on the day of the disclosure."""

    width: int
    top: int | None
    kind = TreatmentKind.GENERALIZE

    def __str__(self) -> str:
        cap = "" if self.top is None else f", top-coded at {self.top}"
        return f"generalize to ages in bands of {self.width}{cap}"


@dataclass(frozen=True, slots=True)
class GeneralizeGeohash:
    """A latitude leaves as the geohash, of `length` characters, of the place that it and field `longitude` name."""

    length: int
    longitude: str
    kind = TreatmentKind.GENERALIZE

    def __str__(self) -> str:
        return f"generalize with {self.longitude} to a geohash of {self.length}"


@dataclass(frozen=True, slots=True)
class GeneralizeAddress:
    """A postal address leaves as the part that names a region of the given level; NULL where it names none."""

    to: Precision
    kind = TreatmentKind.GENERALIZE

    def __str__(self) -> str:
        return f"generalize the address to {self.to}"


@dataclass(frozen=True, slots=True)
class Perturb:
    """The value leaves randomised, by local differential privacy at `epsilon` (a decimal as written).

    One of the declared public keys leaves as one of them (k-ary randomised response), an integer with declared bounds
    as one within them (discrete Laplace). The same request gives the same answers, and another one pays for others.
    One row of each privacy unit leaves, so that the disclosure loses at most epsilon on this field: of two rows under
    the same coins, different answers would prove different values.
    """

    epsilon: str
    kind = TreatmentKind.PERTURB

    def __str__(self) -> str:
        return f"perturb at epsilon {self.epsilon}"


@dataclass(frozen=True, slots=True)
class Mask:
    """A string leaves with `first` and `last` characters shown and the rest as "*"; shorter ones leave all starred."""

    first: int
    last: int
    kind = TreatmentKind.MASK

    def __str__(self) -> str:
        return f"mask all but the first {self.first} and last {self.last}"


Generalize = (
    GeneralizeDate
    | GeneralizeRegion
    | GeneralizeNumber
    | GeneralizeStep
    | GeneralizeAge
    | GeneralizeGeohash
    | GeneralizeAddress
)
Treatment = Keep | Pseudonymize | Generalize | Mask | Perturb


def local_epsilons(fields: Mapping[str, Treatment]) -> tuple[Fraction, ...]:
    """Return what each randomised field among these may lose of a privacy unit's one row; nothing for others."""
    return tuple(Fraction(how.epsilon) for how in fields.values() if isinstance(how, Perturb))


def leaving_type(declared: FieldType, treatment: Treatment) -> FieldType:
    """Return the type that a field of the declared type has after its treatment."""
    match treatment:
        case Keep() | Perturb():
            return declared
        case GeneralizeDate():
            return FieldType.DATE
        case GeneralizeNumber() | GeneralizeAge():
            return FieldType.INT64
        case GeneralizeStep():
            return FieldType.DOUBLE
        case Pseudonymize() | GeneralizeRegion() | GeneralizeAddress() | GeneralizeGeohash() | Mask():
            return FieldType.STRING
