"""Two datasets as one, by the privacy unit that they share: its fields are those of both.

A field of the dataset that is joined goes by that dataset's name and its own: `residents.age`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from gateway.model.contract import DataContract
from gateway.model.filter import Condition


def joined_name(dataset: str, field: str) -> str:
    """Return the name that a field of a joined dataset goes by. No field of a dataset itself has a dot in its name."""
    return f"{dataset}.{field}"


def own_name(dataset: str, name: str) -> str | None:
    """Return the field of a joined dataset that a name stands for; None if it is none of its."""
    own, dot, field = name.partition(".")
    return field if dot and own == dataset else None


def joined_contract(first: DataContract, other: DataContract) -> DataContract:
    """Return the first contract with the fields of the other beside its own.

    It is what a question over both is held against. No source has it: rows are read under the contracts themselves.
    """
    fields = {
        joined_name(other.dataset, name): replace(
            spec, name=joined_name(other.dataset, name), regions=other.holds_regions(spec), primary_key=False
        )
        for name, spec in other.fields.items()
    }
    return replace(
        first,
        fields=MappingProxyType({**first.fields, **fields}),
        digest=hashlib.sha256(f"joined/{first.digest}/{other.digest}".encode()).hexdigest(),
    )


def divided(conditions: Iterable[Condition], dataset: str) -> tuple[tuple[Condition, ...], tuple[Condition, ...]]:
    """Return the conditions on the first dataset's fields, and those on the joined one's, under their own names."""
    own: list[Condition] = []
    others: list[Condition] = []
    for condition in conditions:
        field = own_name(dataset, condition.field)
        if field is None:
            own.append(condition)
        else:
            others.append(replace(condition, field=field))
    return tuple(own), tuple(others)
