"""Values that the suites hand to adapters: fixed ones, and strategies for any."""

from __future__ import annotations

import uuid
from datetime import datetime
from fractions import Fraction

from hypothesis import strategies as st

from gateway.model.budget import Account
from gateway.model.contract import DisclosureKind
from gateway.model.filter import Condition, Operator
from gateway.model.loss import PrivacyLoss
from gateway.model.permit import Withheld
from gateway.model.record import AuditRecord, Outcome, TreatedField
from gateway.model.statistics import Cell, NoisePlan, Release, Statistic, StatisticKind, StatisticsQuery

AT = datetime(2026, 11, 21, 8, 30, 0, 123)

# Text without surrogates is what UTF-8 can hold; awkward characters come first.
text = st.one_of(
    st.sampled_from(["", '"\\/', "\x00\x1f\x7f\x80\u2028", "杭州", "\ue000", "\U0001f600", "é", "e\u0301"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
counts = st.integers(0, 2**53 - 1)
fractions = st.fractions(min_value=0)
losses = st.builds(PrivacyLoss, fractions, st.none() | fractions)
instants = st.datetimes()
scalars = st.one_of(
    st.none(),
    text,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.dates(),
    instants,
)

records = st.builds(
    AuditRecord,
    outcome=st.sampled_from(Outcome),
    at=instants,
    institution=text,
    person=text,
    request_id=text,
    dataset=text,
    disclosure=text,
    kind=st.sampled_from(DisclosureKind),
    purpose=text,
    legal_basis=text,
    region=text,
    case_number=text,
    policy_digest=text,
    grant=text,
    reason=text,
    fields=st.lists(st.builds(TreatedField, text, text, text, text), max_size=3).map(tuple),
    withheld=st.lists(st.builds(Withheld, text, text), max_size=3).map(tuple),
    obligations=st.lists(text, max_size=3).map(tuple),
    loss=st.none() | losses,
    release_id=text,
    replay=st.booleans(),
    rows=counts,
    batches=counts,
    data_version=text,
    noise_waived=text,
    completes=st.none() | counts,
)

statistics = st.builds(Statistic, st.sampled_from(StatisticKind), st.none() | text)
conditions = st.builds(Condition, text, st.sampled_from(Operator), st.lists(scalars, min_size=1, max_size=3).map(tuple))
releases = st.builds(
    Release,
    id=st.uuids().map(str),
    created_at=instants,
    dataset=text,
    disclosure=text,
    region=text,
    query=st.builds(
        StatisticsQuery,
        st.lists(conditions, max_size=2).map(tuple),
        st.lists(text, max_size=3).map(tuple),
        st.lists(statistics, max_size=3).map(tuple),
    ),
    cells=st.lists(
        st.builds(Cell, st.lists(scalars, max_size=3).map(tuple), st.lists(st.integers(), max_size=3).map(tuple)),
        max_size=3,
    ).map(tuple),
    noise=st.lists(
        st.builds(
            NoisePlan,
            statistic=statistics,
            sensitivity=st.integers(0),
            derivation=text,
            scale=st.floats(allow_nan=False),
            epsilon=fractions,
            margin_95=st.floats(allow_nan=False),
            bias_note=text,
        ),
        max_size=2,
    ).map(tuple),
    loss=losses,
    unit_kind=text,
    data_version=text,
)


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


def an_account(cap: Fraction | int = 1, id: str | None = None) -> Account:
    """An account of its own, unless an id is given."""
    name = id or f"dataset/{uuid.uuid4()}"
    return Account(name, "a budget", Fraction(cap))


def a_release(id: str, rho: Fraction = Fraction(1, 200), value: int = 41) -> Release:
    """A release of one count."""
    count = Statistic(StatisticKind.COUNT, None)
    return Release(
        id=id,
        created_at=AT,
        dataset="subsidies",
        disclosure="counts",
        region="hangzhou",
        query=StatisticsQuery((Condition("year", Operator.EQUAL, (2026,)),), ("district",), (count,)),
        cells=(Cell(("hangzhou/xiacheng",), (value,)),),
        noise=(NoisePlan(count, 2, "2 groups × 1 row", 20.0, Fraction(1, 10), 60.5, "bounded"),),
        loss=PrivacyLoss(rho, Fraction(1, 10)),
        unit_kind="resident",
        data_version="ef" * 32,
    )
