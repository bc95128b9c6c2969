"""Rows and plans of any kind, drawn for tests."""

import math
from datetime import date, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gateway.model.contract import Bounds, DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import Period
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, AsFound, AtLevel, GroupKey, InBins, InPeriod, RowScope
from tests.integration.source.reference import LEAST, MOST

COUNTS = (MeasureKind.ROWS, MeasureKind.UNITS)

amounts = st.one_of(st.none(), st.integers(-20, 20), st.sampled_from([LEAST, MOST, LEAST + 1, 2**53 + 1]))
ratios = st.one_of(
    st.none(),
    st.floats(-3, 3),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.005, 0.015, -0.005, 1.0, 1e300, 5e-324, -0.0]),
)
moments = st.datetimes(datetime(2025, 12, 29), datetime(2026, 1, 3, 2)).map(lambda at: at.replace(microsecond=0))
rows = st.fixed_dictionaries(
    {
        "subject": st.sampled_from([None, "a", "b", "c", "1", "1:a", "", " a", "ａ"]),
        "region": st.sampled_from(
            ["hz", "hz/xc", "hz/xcx", "hz/xc/wl", "hz/xc/wl/c1", "hzx", "", "/hz", "hz//wl", None]
        ),
        "amount": amounts,
        "category": st.sampled_from(["x", "y", "z", "other", None]),
        "score": st.sampled_from([1, 2, 11, 99, None]),
        "consent": st.sampled_from([True, True, True, False, None]),
        "ratio": ratios,
        "day": st.one_of(st.none(), moments.map(lambda at: at.date())),
        "moment": st.one_of(st.none(), moments),
    }
)
narrow = st.tuples(st.integers(-30, 30), st.integers(-30, 30)).map(lambda pair: Bounds(min(pair), max(pair)))
wide = st.tuples(st.integers(-(2**58), 2**58), st.integers(-(2**58), 2**58)).map(
    lambda pair: Bounds(min(pair), max(pair))
)
with_patience = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Tables take long to draw."""

most_rows = st.integers(1, 4)
about_numbers = st.sampled_from([MeasureKind.TOTAL, MeasureKind.PRESENT, MeasureKind.OFFSETS, MeasureKind.SQUARES])
counting = st.builds(Measure, st.sampled_from(COUNTS), most_rows)


@st.composite
def measures(draw: st.DrawFn) -> tuple[Measure, ...]:
    """Several sums at once, a field within one pair of bounds; or a histogram."""
    field = draw(st.sampled_from(["amount", "ratio"]))
    bounds = draw(narrow)
    of_field = st.builds(Measure, about_numbers, most_rows, st.just(field), st.just(bounds))
    of_total = st.builds(Measure, st.just(MeasureKind.TOTAL), most_rows, st.just("amount"), wide)
    bins = st.builds(Measure, st.just(MeasureKind.BINS), most_rows, st.just(field), st.just(bounds), st.integers(1, 20))
    return draw(
        st.one_of(
            st.lists(st.one_of(counting, of_field), min_size=1, max_size=4).map(tuple),
            st.tuples(of_total),
            st.tuples(bins),
        )
    )


DAYS = tuple(date(2025, 12, 29) + timedelta(days=number) for number in range(5))
groups = st.sampled_from(
    [
        (),
        (GroupKey("category", ("x", "y", "z")),),
        (GroupKey("score", (1, 2, 11)),),
        (GroupKey("category", ("x", "y", "z")), GroupKey("score", (1, 2, 11))),
        (GroupKey("region", ("hz", "hz/xc")),),
        (GroupKey("region", ("hz/xc", "hz/xcx"), AtLevel(2)),),
        (GroupKey("region", ("hz/xc/wl",), AtLevel(3)), GroupKey("category", ("x", "y"))),
        (GroupKey("day", DAYS, InPeriod(Period.DAY)),),
        (GroupKey("day", (date(2025, 12, 29),), InPeriod(Period.WEEK)),),
        (GroupKey("moment", (date(2025, 12, 1), date(2026, 1, 1)), InPeriod(Period.MONTH)),),
        (GroupKey("moment", (date(2025, 1, 1), date(2026, 1, 1)), InPeriod(Period.YEAR)),),
        (GroupKey("moment", tuple(datetime(2026, 1, 1, hour) for hour in range(24)), InPeriod(Period.HOUR)),),
        (GroupKey("score", tuple(range(0, 13, 5)), InBins(Bounds(0, 12), 5)),),
        (GroupKey("ratio", tuple(range(-200, 201, 150)), InBins(Bounds(-200, 200), 150)),),
        (GroupKey("category", (), AsFound()),),
        (GroupKey("score", (), AsFound()), GroupKey("category", ("x", "y"))),
        (GroupKey("day", (), AsFound()), GroupKey("region", (), AsFound())),
    ]
)
scopes = st.builds(
    RowScope,
    st.sampled_from([None, "hz", "hz/xc"]),
    st.sampled_from([None, "consent"]),
    st.sampled_from(
        [
            (),
            (Condition("amount", Operator.GREATER_OR_EQUAL, (-5,)),),
            (Condition("score", Operator.IN, (1, 11)), Condition("category", Operator.EQUAL, ("x",))),
        ]
    ),
)


@st.composite
def questions(draw: st.DrawFn, contract: DataContract) -> AggregatePlan:
    return AggregatePlan(
        contract,
        draw(scopes),
        draw(groups),
        draw(measures()),
        draw(st.integers(1, 4)),
        draw(st.text("0123456789abcdef", min_size=2, max_size=8)),
    )
