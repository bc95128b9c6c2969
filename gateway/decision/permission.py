"""What a permit permits, apart from who decided it when: to tell whether two give the very same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from enum import Enum
from fractions import Fraction

from gateway.model.permit import Permit


def same_permission(one: Permit, other: Permit) -> bool:
    """Tell whether two permits give the very same: what a newer policy must give for a stream to go on."""
    return _substance(one) == _substance(other)


def permission_digest(permit: Permit) -> bytes:
    """Return the SHA-256 of what a permit permits, under which grant: the same for the same, in whatever process.

    Raises:
        TypeError: for a permit that holds what has no canonical form.
    """
    written = json.dumps([permit.scope.grant, _canonical(_substance(permit))], separators=(",", ":"))
    return hashlib.sha256(b"permission 1\x00" + written.encode()).digest()


def _substance(permit: Permit) -> tuple[object, ...]:
    scope = permit.scope
    return (
        scope.contract.digest,
        scope.region,
        dict(scope.fields),
        scope.max_rows,
        scope.obligations,
        permit.release,
        permit.synthesis,
        None if permit.joined is None else _substance(permit.joined.permit),
        scope.disclosure.predicate,
        scope.disclosure.consent_field,
        scope.terms,
    )


def _canonical(value: object) -> object:
    """A value as lists of texts, each with its type, so that no two values are written alike."""
    kind = type(value).__name__
    match value:
        case Enum():
            return [kind, value.name]
        case None | bool() | int() | str():
            return [kind, str(value)]
        case date() | time() | timedelta() | Fraction() | float():
            return [kind, repr(value)]
        case tuple() | list():
            return [kind, *map(_canonical, value)]
        case Set():
            return [kind, *sorted(json.dumps(_canonical(item)) for item in value)]
        case Mapping():
            return [kind, *([_canonical(key), _canonical(item)] for key, item in value.items())]
        case _ if is_dataclass(value):
            return [kind, *([field.name, _canonical(getattr(value, field.name))] for field in fields(value))]
    raise TypeError("there is no canonical form of a value of this type")
