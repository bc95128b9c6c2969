"""The digest of a permission is that of its substance: the same in every process, and another for whatever differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from gateway.decision.permission import permission_digest, same_permission
from gateway.model.calendar import Hours
from gateway.model.filter import Condition, Operator
from gateway.model.meter import Allowance, Period
from gateway.model.permit import Obligation, Permit
from gateway.model.statistics import StatisticsQuery
from gateway.model.terms import Terms
from gateway.model.treatment import Keep, Pseudonymize
from tests.unit.privacy.example import permit_for

PERMIT = permit_for(StatisticsQuery((), (), ()))


def scoped(permit: Permit = PERMIT, **changed: Any) -> Permit:
    return replace(permit, scope=replace(permit.scope, **changed))


def limited(**terms: Any) -> Permit:
    return scoped(terms=Terms(**terms))


@pytest.mark.parametrize(
    "other",
    [
        scoped(region="hangzhou/xihu"),
        scoped(max_rows=5),
        scoped(fields={"amount": Keep()}),
        scoped(fields={"amount": Pseudonymize()}),
        scoped(obligations=frozenset({Obligation("a"), Obligation("b")})),
        scoped(disclosure=replace(PERMIT.scope.disclosure, consent_field="agreed")),
        scoped(disclosure=replace(PERMIT.scope.disclosure, predicate=(Condition("tier", Operator.EQUAL, (1,)),))),
        scoped(disclosure=replace(PERMIT.scope.disclosure, predicate=(Condition("tier", Operator.EQUAL, ("1",)),))),
        limited(consent="fair"),
        limited(valid_until=date(2027, 1, 1)),
        limited(rate=Allowance(5, Period.DAY)),
        limited(hours=Hours(480, 1080)),
        limited(break_glass=timedelta(hours=1)),
    ],
    ids=lambda _: "other",
)
def test_whatever_is_permitted_otherwise_has_another_digest(other: Permit) -> None:
    assert permission_digest(other) == permission_digest(other)
    assert not same_permission(other, PERMIT)
    assert permission_digest(other) != permission_digest(PERMIT)


def test_who_decided_when_and_in_which_order_sets_are_kept_is_no_part() -> None:
    one = scoped(obligations=frozenset({Obligation("a"), Obligation("b"), Obligation("c")}))
    same = scoped(one, obligations=frozenset({Obligation("c"), Obligation("a"), Obligation("b")}), policy_digest="x")
    later = replace(same, decided_at=datetime(2030, 1, 1), valid_until=datetime(2031, 1, 1))
    assert same_permission(one, later)
    assert permission_digest(one) == permission_digest(later)


def test_another_grant_is_another_permission() -> None:
    assert permission_digest(scoped(grant="g-9")) != permission_digest(PERMIT)
