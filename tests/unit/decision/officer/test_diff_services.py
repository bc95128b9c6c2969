"""What an officer sees where a contract asks a department's service for something else."""

from __future__ import annotations

import pytest

from gateway.decision.officer.coarseness import Telling
from gateway.decision.officer.diff import diff
from gateway.policy.snapshot import PolicySnapshot
from tests.unit.decision.officer.conftest import Changed

FIRMS = "contracts/firms.yaml"
UNIT = "      privacy_unit: {kind: firm, field: code}\n"
UPSTREAM = (
    "      upstream: {list: {method: ListFirms, records: firms, request: {view: {value: FULL}}},"
    " lookup: {method: GetFirm, request: {code: {key: code}}}, left_out: {legal.person: direct-identifier}}\n"
)
SERVICE = [
    (
        "{server: hub, type: local, path: firms.csv, format: csv}",
        "{server: register, type: api, location: city.v1.Firms}",
    ),
    (UNIT, UNIT + UPSTREAM),
]


@pytest.mark.parametrize(
    ("old", "new", "subject", "part", "before", "after"),
    [
        ("{name: sector, ", "{name: sector, physicalName: legal.as, ", "firms.sector", "path", "sector", "legal.as"),
        ("{server: register,", "{server: other,", "firms", "server", "register", "other"),
        ("{legal.person: direct-identifier}", "{legal.age: other}", "firms", "left_out", "legal.person", "legal.age"),
        ("list: {method", "copied_hours: 6, list: {method", "firms", "copied_hours", "", "6"),
        (
            "{value: FULL}", "{value: ALL}", "firms", "list",
            "ListFirms(view: 'FULL') in firms", "ListFirms(view: 'ALL') in firms",
        ),
        (
            "lookup: {method: GetFirm", "lookup: {method: FindFirm", "firms", "lookup",
            "GetFirm(code: the code asked for)", "FindFirm(code: the code asked for)",
        ),
    ],
)  # fmt: skip
def test_what_is_asked_otherwise_is_shown(
    old: str, new: str, subject: str, part: str, before: str, after: str, changed: Changed
) -> None:
    said = [(one, other.replace(old, new)) for one, other in SERVICE]
    if old.startswith("{name"):
        said = [*SERVICE, (old, new)]
    found = diff(changed(replace={FIRMS: SERVICE}), changed(replace={FIRMS: said}))
    (shift,) = found.contracts
    assert (shift.subject, shift.part, shift.before, shift.after, shift.telling) == (
        subject, part, before, after, Telling.OTHER,
    )  # fmt: skip
    assert not found.empty


def test_rows_that_come_from_a_service_from_now_on_are_shown(snapshot: PolicySnapshot, changed: Changed) -> None:
    found = diff(snapshot, changed(replace={FIRMS: SERVICE}))
    assert {one.part for one in found.contracts} == {"source", "server", "list", "lookup", "left_out"}
