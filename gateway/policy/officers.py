"""Officers: who may propose, approve, publish and review a policy, and how far. Who may edit what is itself policy."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from gateway.model.contract import DataContract
from gateway.model.governance import Officer, Power
from gateway.model.party import record_name
from gateway.model.region import is_within
from gateway.policy.documents import Document
from gateway.policy.problems import Problems, did_you_mean, shown
from gateway.policy.regions import RegionTree
from gateway.policy.validation import Institution, Shape, formed, shaped

ALL = "*"
_KEY_BYTES = 32

_FIELD = 2**255 - 19
_SMALL = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER = frozenset((0, 1, _FIELD - 1, _SMALL, _FIELD - _SMALL))
"""The y of Ed25519's eight points of small order (RFC 8032, section 5.1): anybody can sign for them."""

Person = Annotated[
    str, formed(r"^[A-Za-z0-9][A-Za-z0-9._@-]*$", "Write the name as tokens have it, such as li.wei.", 128)
]


class OfficerShape(Shape):
    """One officer."""

    institution: Institution
    person: Annotated[Person, Field(description="as tokens name the person")]
    powers: Annotated[list[Annotated[Power, Field(strict=False)]], Field(min_length=1)]
    region: Annotated[str, Field(description="the subtree of regions whose grants the officer may change")]
    datasets: Annotated[list[str], Field(min_length=1, description='names of datasets, or "*" for all')]
    key: Annotated[
        str | None, Field(description="the Ed25519 public key, base64, of `gateway key officer`; to approve takes one")
    ] = None


class OfficersShape(Shape):
    """officers.yaml."""

    cool_down_hours: Annotated[
        int, Field(ge=0, le=720, description="hours between a proposal and its publication, for others to look at it")
    ]
    officers: list[OfficerShape]


@dataclass(frozen=True, slots=True)
class OfficerBook:
    """The officers by id ("institution/person"), and how long a proposal must lie before it is published."""

    officers: Mapping[str, Officer]
    cool_down: timedelta

    def get(self, institution: str, person: str) -> Officer | None:
        """Return the officer, or None."""
        return self.officers.get(record_name(institution, person))


NOBODY = OfficerBook({}, timedelta(0))
"""The officers of a folder that names none: its policy cannot be published, only replaced where it lies."""


def read_officers(
    document: Document, regions: RegionTree, contracts: Mapping[str, DataContract], problems: Problems
) -> OfficerBook | None:
    """Return the officers, or None after noting what is wrong with them."""
    shape = shaped(OfficersShape, document, problems)
    if shape is None:
        return None
    before = len(problems)
    officers: dict[str, Officer] = {}
    for index, one in enumerate(shape.officers):
        place = ("officers", index)

        def wrong(key: str, message: str, remedy: str, place: tuple[str | int, ...] = place) -> None:
            problems.add(document.file, document.line(*place, key), message, remedy)

        key = _key(one.key)
        if one.key is not None and key is None:
            wrong("key", "this is no Ed25519 public key", "Write the base64 that 'gateway key officer' prints.")
        if Power.APPROVE in one.powers and one.key is None:
            wrong("powers", "an officer without a key cannot approve", "Add 'key', or take 'approve' away.")
        if not regions.contains(one.region):
            near = did_you_mean(one.region, (each.path for each in regions.descendants(regions.root.path)), "")
            wrong("region", f"{shown(one.region)} is not a known region", near or "See regions.yaml.")
        for dataset in one.datasets:
            if dataset != ALL and dataset not in contracts:
                near = did_you_mean(dataset, contracts, "Name one that has a contract.")
                wrong("datasets", f"there is no dataset {shown(dataset)}", near)
        for part, listed in (("powers", one.powers), ("datasets", one.datasets)):
            if len(set(listed)) != len(listed):
                wrong(part, f"'{part}' names one twice", "Keep one of them.")
        officer = Officer(
            one.institution, one.person, frozenset(one.powers), one.region, frozenset(one.datasets), key or b""
        )
        if officer.id in officers:
            wrong("person", f"the officer '{officer.id}' is there twice", "Keep one of them.")
        if key is not None and any(other.key == key for other in officers.values()):
            wrong("key", "two officers have the same key", "Each officer makes a key of their own.")
        officers[officer.id] = officer
    return OfficerBook(officers, timedelta(hours=shape.cool_down_hours)) if len(problems) == before else None


def covers(officer: Officer, region: str, datasets: Iterable[str]) -> bool:
    """Tell whether an officer's authority reaches a region and datasets; "*" among them asks for authority over all."""
    return is_within(region, officer.region) and (ALL in officer.datasets or set(datasets) <= officer.datasets)


def _key(text: str | None) -> bytes | None:
    try:
        key = base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        return None
    y = int.from_bytes(key, "little") & (2**255 - 1)
    return key if len(key) == _KEY_BYTES and y % _FIELD not in _SMALL_ORDER else None
