"""How single values are written in canonical JSON: fractions, instants, typed scalars.

Each value has one form. Reading is the exact inverse of writing and takes nothing else.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from fractions import Fraction

from gateway.accountability.jcs import Json
from gateway.model.loss import exact
from gateway.model.values import Scalar

_FRACTION = re.compile(r"(0|-?[1-9][0-9]*)/([1-9][0-9]*)", re.ASCII)
_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def write_fraction(value: Fraction) -> str:
    """Write a fraction in lowest terms as "numerator/denominator", the denominator positive."""
    return exact(value)


def read_fraction(text: str) -> Fraction:
    """Read what `write_fraction` wrote; ValueError for anything else."""
    match = _FRACTION.fullmatch(text)
    if match is None:
        raise ValueError("not an exact fraction")
    numerator, denominator = int(match[1]), int(match[2])
    if math.gcd(numerator, denominator) != 1:
        raise ValueError("a fraction is not in lowest terms")
    return Fraction(numerator, denominator)


def write_instant(value: datetime) -> str:
    """Write a naive UTC instant in RFC 3339 form with six decimals and Z; ValueError for an aware one."""
    return _write_local(value) + "Z"


def read_instant(text: str) -> datetime:
    """Read what `write_instant` wrote, as naive UTC; ValueError for anything else."""
    if not text.endswith("Z"):
        raise ValueError("not an instant in UTC")
    return _read_local(text[:-1])


def write_integer(value: int) -> str:
    """Write an integer of any size in decimal."""
    if type(value) is not int:
        raise ValueError("not an integer")
    return str(value)


def read_integer(text: str) -> int:
    """Read what `write_integer` wrote; ValueError for anything else."""
    if _INTEGER.fullmatch(text) is None:
        raise ValueError("not an integer")
    return int(text)


def write_double(value: float) -> str:
    """Write a double exactly, in hexadecimal (C99 %a); every NaN is "nan"."""
    if type(value) is not float:
        raise ValueError("not a double")
    return value.hex()


def read_double(text: str) -> float:
    """Read what `write_double` wrote; ValueError for anything else."""
    try:
        value = float.fromhex(text)
    except OverflowError:
        raise ValueError("not a double") from None
    if value.hex() != text:
        raise ValueError("not a double in its one form")
    return value


def write_scalar(value: Scalar) -> Json:
    """Write a scalar as [type, text] (bool: [type, true|false]; NULL: ["null"]), so that no type is mistaken.

    Raises:
        ValueError: the value is no scalar, or a timestamp has a time zone.
    """
    if value is None:
        return ["null"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, str):
        return ["string", value]
    if isinstance(value, int):
        return ["int64", write_integer(value)]
    if isinstance(value, float):
        return ["double", write_double(value)]
    if isinstance(value, datetime):  # before date, of which it is a kind
        return ["timestamp", _write_local(value)]
    if type(value) is date:
        return ["date", value.isoformat()]
    raise ValueError("not a scalar")


def read_scalar(value: Json) -> Scalar:
    """Read what `write_scalar` wrote; ValueError for anything else."""
    match value:
        case ["null"]:
            return None
        case ["bool", bool(flag)]:
            return flag
        case ["string", str(text)]:
            return text
        case ["int64", str(text)]:
            return read_integer(text)
        case ["double", str(text)]:
            return read_double(text)
        case ["timestamp", str(text)]:
            return _read_local(text)
        case ["date", str(text)] if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    raise ValueError("not a scalar")


def _write_local(value: datetime) -> str:
    if value.tzinfo is not None:
        raise ValueError("an instant must be naive")
    return value.isoformat(timespec="microseconds")


def _read_local(text: str) -> datetime:
    if _INSTANT.fullmatch(text) is None:
        raise ValueError("not an instant")
    return datetime.fromisoformat(text)
