"""Canonical JSON: the JSON Canonicalization Scheme (RFC 8785), without floating point and null.

Equal values have equal bytes, so a hash over the bytes is a hash over the value. The values are strings,
booleans, integers of at most 2^53 - 1 (which every JSON reader holds exactly), lists and dicts with string
keys. What is absent is left out rather than null, so that a value has one form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NoReturn, TypeAlias, TypeVar

Json: TypeAlias = str | bool | int | Sequence["Json"] | Mapping[str, "Json"]

T = TypeVar("T")
W = TypeVar("W", bound=StrEnum)

SAFE_INTEGER = 2**53 - 1
"""The largest integer that a JSON number holds exactly in every reader (RFC 7493 section 2.2)."""

# With ensure_ascii off, Python escapes what ECMAScript's JSON.stringify escapes, in the same way: the
# quotation mark, the reverse solidus, \b \t \n \f \r, and the other characters below U+0020 as \u00xx in
# lower case (RFC 8785, 3.2.2.2).
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode(value: Json) -> bytes:
    """Return the canonical bytes of a value: UTF-8, no white space, keys in order of their UTF-16 code units.

    Raises:
        ValueError: the value is not one of those above, or a string is not Unicode text (a lone surrogate).
    """
    text = _encoder.encode(_ordered(value))
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("a string holds a lone surrogate") from None


def decode(data: bytes) -> Json:
    """Return the value whose canonical bytes these are: the exact inverse of `encode`.

    Raises:
        ValueError: the bytes are not the canonical form of a value. The text carries nothing of them.
    """
    try:
        value: Json = json.loads(data.decode(), object_pairs_hook=_object, parse_float=_refuse, parse_constant=_refuse)
        canonical = encode(value)
    except (ValueError, RecursionError):
        raise ValueError("not canonical JSON") from None
    if canonical != data:
        raise ValueError("not canonical JSON")
    return value


def typed(value: object, kind: type[T]) -> T:
    """Return a value that was read, if it is of the type.

    Raises:
        ValueError: it is not. The text carries nothing of it.
    """
    if not isinstance(value, kind):
        raise ValueError("a value of another type than its format")
    return value


def mapping(value: Json) -> Mapping[str, Json]:
    """Return an object that was read; ValueError for anything else, as in `typed`."""
    if not isinstance(value, Mapping):
        raise ValueError("a value of another type than its format")
    return value


def word(value: object, words: type[W]) -> W:
    """Return the one of a format's words that a value is.

    Raises:
        ValueError: it is none. Unlike that of the enumeration itself, the text does not carry it.
    """
    for one in words:
        if one.value == value:
            return one
    raise ValueError("a word that the format does not know")


def _ordered(value: Json) -> Json:
    kind = type(value)  # the common types first: every record passes here
    if kind is str or kind is bool:
        return value
    if isinstance(value, dict):
        try:
            plain = "".join(value).isascii()
        except TypeError:
            raise ValueError("a key is not a string") from None
        keys = sorted(value) if plain else sorted(value, key=_code_units)
        return {key: item if type(item := value[key]) is str else _ordered(item) for key in keys}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        if not -SAFE_INTEGER <= value <= SAFE_INTEGER:
            raise ValueError("an integer is beyond 2^53 - 1")
        return value
    if isinstance(value, Mapping):
        return _ordered(dict(value))
    raise ValueError("a value has no canonical form")


def _code_units(key: str) -> bytes:
    # Big-endian UTF-16 compares as its code units do: a character above U+FFFF sorts by its first surrogate,
    # before U+E000 (RFC 8785, 3.2.3).
    return key.encode("utf-16-be", "surrogatepass")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is given twice")
    return value


def _refuse(_: str) -> NoReturn:
    raise ValueError("floating point has no place in canonical JSON here")
