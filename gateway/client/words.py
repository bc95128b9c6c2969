"""Enums of the API as plain words."""

from __future__ import annotations

from google.protobuf.descriptor import EnumDescriptor

_NONE = "UNSPECIFIED"


def word(kind: EnumDescriptor, number: int) -> str:
    """Return a value's name as the gateway's policy and log write it: DISCLOSURE_KIND_EXTRACT is "extract".

    One that this client does not know, from a gateway of a later version, is its number.
    """
    value = kind.values_by_number.get(number)
    if value is None:
        return str(number)
    return value.name.removeprefix(kind.values_by_number[0].name.removesuffix(_NONE)).lower()
