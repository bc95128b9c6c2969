"""What a caller wrote is put to a disclosure only as its contract has it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.decision.fit import misfit
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.permit import FieldViolation
from gateway.model.request import Selector
from gateway.policy.snapshot import PolicySnapshot
from tests.unit.policy.requests import rows

KEY, TOKEN = SelectBy.KEY, SelectBy.TOKEN
SECRET = "330101199003070038"


@pytest.mark.parametrize(
    ("takes", "given", "fits"),
    [
        ({KEY}, KEY, True),
        ({KEY}, TOKEN, False),
        ({TOKEN}, TOKEN, True),
        ({TOKEN}, KEY, False),
        ({KEY, TOKEN}, KEY, True),
        ({KEY, TOKEN}, TOKEN, True),
        (set(), KEY, False),
        (set(), TOKEN, False),
    ],
)
@pytest.mark.parametrize(
    ("kind", "obj"),
    [(DisclosureKind.LOOKUP, "health_cases/one-case"), (DisclosureKind.CHECK, "subsidies/eligibility")],
)
def test_subjects_are_named_in_the_ways_of_the_contract_alone(
    kind: DisclosureKind, obj: str, takes: set[SelectBy], given: SelectBy, fits: bool, snapshot: PolicySnapshot
) -> None:
    dataset, _, name = obj.partition("/")
    contract = snapshot.contracts[dataset]
    spec = replace(contract.disclosures[name], lookup_by=frozenset(takes))
    request = replace(rows(kind, obj, "any"), selector=Selector(given, "resident_id", (SECRET,)))
    refusal = misfit(request, contract, spec)
    if fits:
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.reason is ErrorReason.REQUEST_INVALID
    told = {
        KEY: "this disclosure takes tokens that the caller was given, and no raw keys",
        TOKEN: "this disclosure takes raw keys, and no tokens",
    }
    assert refusal.violations == (FieldViolation("subjects", told[given]),)
    assert SECRET not in repr(refusal)
