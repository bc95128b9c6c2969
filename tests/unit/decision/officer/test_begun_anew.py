"""Which steps of a policy let exact figures begin anew, and which go on from what was shown."""

from __future__ import annotations

import pytest

from gateway.decision.officer.coarseness import Telling
from gateway.decision.officer.diff import diff
from gateway.policy.snapshot import PolicySnapshot
from tests.unit.decision.officer.conftest import Changed

FILE = "contracts/subsidies.yaml"
PLAIN = "statistics: [count, count_units], level: district"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (FILE, PLAIN, "statistics: [count_units], level: district"),
        (FILE, PLAIN, "statistics: [count, count_units, sum(amount_yuan)], level: district"),
        (FILE, PLAIN, "statistics: [count, count_units], group_by: [tier], level: district"),
        (FILE, PLAIN, "statistics: [count, count_units], level: street"),
        (FILE, "paid-live:", "paid-now:"),
        ("regions.yaml", "id: xihu\n", "id: xihu2\n"),
    ],
)
def test_other_figures_are_told_as_begun_anew(
    snapshot: PolicySnapshot, changed: Changed, file: str, old: str, new: str
) -> None:
    edits = {file: [(old, new)]}
    if file == "regions.yaml":
        edits["grants.csv"] = [("hangzhou/xihu", "hangzhou/xihu2")]
    found = diff(snapshot, changed(replace=edits))
    anew = [shift for shift in found.contracts if shift.part == "figures begun anew"]
    assert [(one.subject.partition("/")[0], one.telling) for one in anew] == [("subsidies", Telling.OTHER)]
    assert anew[0].before and anew[0].after and found.wider


@pytest.mark.parametrize(
    ("old", "new", "telling"),
    [
        ("level: district, least_units: 10", "level: district, least_units: 9", Telling.MORE),
        ("level: district, least_units: 10", "level: district, least_units: 11", Telling.LESS),
        ("level: district, least_units: 10", "level: district, least_units: 10, dominance_percent: 5", Telling.MORE),
        ("level: district, least_units: 10", "level: district, least_units: 10, refresh_seconds: 9", Telling.SAME),
    ],
)
def test_another_rule_goes_on_and_is_told(
    snapshot: PolicySnapshot, changed: Changed, old: str, new: str, telling: Telling
) -> None:
    found = diff(snapshot, changed(replace={FILE: [(old, new)]}))
    assert [(one.subject, one.telling) for one in found.contracts] == [("subsidies/paid-live", telling)]
    assert found.wider == (telling is Telling.MORE)


def test_the_same_in_another_order_is_no_change(snapshot: PolicySnapshot, changed: Changed) -> None:
    found = diff(snapshot, changed(replace={FILE: [(PLAIN, "level: district, statistics: [count_units, count]")]}))
    assert not [one for one in found.contracts if one.subject == "subsidies/paid-live"]
