"""Strategies for any value that an adapter may be handed."""

from __future__ import annotations

from hypothesis import strategies as st

from gateway.accountability import jcs
from gateway.model.attribution import Attribution
from gateway.model.contract import Bounds, DisclosureKind
from gateway.model.coverage import Coverage, CoverageKind
from gateway.model.event import Event, EventKind
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegion, ByRegionTree, Period
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Measure, MeasureKind, Mechanism, NoisePlan, Threshold
from gateway.model.permit import Withheld
from gateway.model.record import AuditRecord, Outcome, TreatedField
from gateway.model.region import RegionLevel
from gateway.model.signing import Certificate, Signature
from gateway.model.statistics import NoisedMeasure, Release, Statistic, StatisticKind, StatisticsQuery

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
    filtered_on=st.lists(text, max_size=3).map(tuple),
    selected_by=text,
    grouped_by=st.lists(text, max_size=3).map(tuple),
    statistics=st.lists(text, max_size=3).map(tuple),
    obligations=st.lists(text, max_size=3).map(tuple),
    loss=st.none() | losses,
    release_id=text,
    replay=st.booleans(),
    rows=counts,
    batches=counts,
    data_version=text,
    noise_waived=text,
    completes=st.none() | counts,
    trials=st.lists(text, max_size=3).map(tuple),
    emergency=text,
)

events = st.builds(Event, st.sampled_from(EventKind), instants, text, st.dictionaries(text, text, max_size=4))

statistics = st.builds(
    Statistic,
    st.sampled_from(StatisticKind),
    st.none() | text,
    st.lists(fractions, max_size=2).map(tuple),
    st.integers(1, 1000),
)
groupings = st.one_of(
    st.builds(ByKeys, text),
    st.builds(ByFoundKeys, text),
    st.builds(ByRegion, text, st.sampled_from(RegionLevel)),
    st.builds(ByRegionTree, text, st.sampled_from(RegionLevel)),
    st.builds(ByPeriod, text, st.sampled_from(Period), st.dates(), st.dates()),
    st.builds(ByBins, text, fractions),
)
conditions = st.builds(Condition, text, st.sampled_from(Operator), st.lists(scalars, min_size=1, max_size=3).map(tuple))
measured = st.one_of(
    st.builds(Measure, st.sampled_from(MeasureKind), counts),
    st.builds(
        Measure,
        st.sampled_from(MeasureKind),
        counts,
        text,
        st.builds(Bounds, st.integers(), st.integers()),
        st.integers(0),
        counts,
    ),
)
noise_plans = st.builds(
    NoisePlan,
    measure=measured,
    statistic=counts,
    mechanism=st.sampled_from(Mechanism),
    scale=st.floats(allow_nan=False),
    l1=st.integers(0),
    l2_squared=st.integers(0),
    derivation=text,
    loss=losses,
    margin_95=st.floats(allow_nan=False),
    bias_note=text,
)
certificates = st.builds(
    Certificate,
    st.dictionaries(text, text, max_size=3).map(jcs.encode),
    st.builds(Signature, text, st.binary(min_size=1, max_size=64)),
)
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
        st.lists(groupings, max_size=3).map(tuple),
        st.lists(statistics, max_size=3).map(tuple),
    ),
    cells=st.lists(st.lists(scalars, max_size=3).map(tuple), max_size=3).map(tuple),
    measures=st.lists(
        st.builds(NoisedMeasure, noise_plans, st.lists(st.integers(), max_size=3).map(tuple)), max_size=2
    ).map(tuple),
    threshold=st.none() | st.builds(Threshold, counts, st.integers(), fractions, text),
    loss=losses,
    unit_kind=text,
    data_version=text,
    certificate=st.none() | certificates,
    coverage=st.lists(st.builds(Coverage, st.sampled_from(CoverageKind), text, text), max_size=2).map(tuple),
    attribution=st.none() | st.builds(Attribution, text, text, text, text, text),
)
