"""Plausible values that the suites hand to adapters."""

from __future__ import annotations

import uuid
from datetime import datetime
from fractions import Fraction

from gateway.model.budget import Account
from gateway.model.contract import DisclosureKind
from gateway.model.event import Event, EventKind
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import ByKeys
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Measure, MeasureKind, Mechanism, NoisePlan
from gateway.model.permit import Withheld
from gateway.model.record import AuditRecord, Outcome, TreatedField
from gateway.model.statistics import NoisedMeasure, Release, Statistic, StatisticKind, StatisticsQuery

AT = datetime(2026, 11, 21, 8, 30, 0, 123)


def a_record(request_id: str = "11111111-1111-4111-8111-111111111111", completes: int | None = None) -> AuditRecord:
    """A plausible record of an extract."""
    return AuditRecord(
        outcome=Outcome.STARTED if completes is None else Outcome.COMPLETED,
        at=AT,
        institution="hzpb",
        person="li.wei",
        request_id=request_id,
        dataset="residents",
        disclosure="register",
        kind=DisclosureKind.EXTRACT,
        purpose="subsidy-check",
        legal_basis="dpv:PublicInterest (条例 §5)",
        region="hangzhou/xiacheng",
        case_number="",
        policy_digest="ab" * 32,
        grant="G-7",
        reason="",
        fields=(TreatedField("resident_id", "pseudonymize", "pseudonymize per recipient and purpose", "string"),),
        withheld=(Withheld("phone", "not part of this disclosure"),),
        filtered_on=("sex eq",),
        selected_by="",
        grouped_by=(),
        statistics=(),
        obligations=("drop-internal", "treat:resident_id"),
        loss=None,
        release_id="",
        replay=False,
        rows=0,
        batches=0,
        data_version="cd" * 32,
        noise_waived="rows are minimised and pseudonymised",
        completes=completes,
    )


def an_event(by: str = "hzdata/chen.yu") -> Event:
    """A plausible event."""
    return Event(EventKind.POLICY_PUBLISHED, AT, by, {"digest": "ab" * 32, "number": "7"})


def an_account(cap: Fraction | int = 1, id: str | None = None) -> Account:
    """An account of its own, unless an id is given."""
    name = id or f"dataset/{uuid.uuid4()}"
    return Account(name, "a budget", Fraction(cap))


def a_release(id: str, rho: Fraction = Fraction(1, 200), value: int = 41) -> Release:
    """A release of one count."""
    count = Statistic(StatisticKind.COUNT, None)
    rows, loss = Measure(MeasureKind.ROWS, 1), PrivacyLoss(Fraction(1, 200), Fraction(1, 10))
    plan = NoisePlan(rows, 0, Mechanism.LAPLACE, 20.0, 2, 2, "2 cells × 1 row", loss, 60.0, "bounded")
    return Release(
        id=id,
        created_at=AT,
        dataset="subsidies",
        disclosure="counts",
        region="hangzhou",
        query=StatisticsQuery((Condition("year", Operator.EQUAL, (2026,)),), (ByKeys("district"),), (count,)),
        cells=(("hangzhou/xiacheng",),),
        measures=(NoisedMeasure(plan, (value,)),),
        loss=PrivacyLoss(rho, Fraction(1, 10)),
        unit_kind="resident",
        data_version="ef" * 32,
    )
