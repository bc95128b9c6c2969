"""All that a release shows is held against its certificate, but for what the documentation lists as not held."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
from google.protobuf.message import Message

import gateway.client as gw
from gateway.api.v1 import release_pb2
from gateway.model.attribution import Attribution
from gateway.model.grouping import ByPeriod, Period
from gateway.model.measure import Price
from gateway.model.statistics import PLAIN, Presentation, Statistic, StatisticsQuery
from tests.unit.client.certified_releases import (
    BINS,
    COUNT,
    EPSILON,
    EVERY,
    FOUND,
    KEYS,
    MEAN,
    MONTHS,
    QUANTILES,
    RHO,
    SECTORS,
    SUM,
    TREE,
    UNITS,
    Shown,
    shown,
)

ROUNDED = Presentation(non_negative=True, round_to=10)
TOP = Presentation(top=2)
SUMS = ("count", "sum(wage)")


@pytest.mark.parametrize("price", [RHO, EPSILON], ids=["rho", "epsilon"])
@pytest.mark.parametrize(
    ("statistics", "group_by", "presentation", "held"),
    [
        pytest.param(EVERY, KEYS, PLAIN, SUMS, id="plain"),
        pytest.param(EVERY, KEYS, ROUNDED, SUMS, id="rounded"),
        pytest.param(EVERY, KEYS, replace(ROUNDED, top=2), SUMS, id="rounded top"),
        pytest.param((SUM, COUNT, MEAN), KEYS, TOP, SUMS[::-1], id="top of sums"),
        pytest.param(EVERY, BINS, replace(TOP, top=9), SUMS, id="top of all bins"),
        pytest.param(EVERY, MONTHS, ROUNDED, SUMS, id="periods"),
        pytest.param((QUANTILES,), (), PLAIN, (), id="quantiles alone"),
        pytest.param((COUNT, SUM, MEAN), TREE, ROUNDED, SUMS, id="tree"),
        pytest.param((COUNT, SUM, MEAN), TREE, Presentation(consistent=True, round_to=7), (), id="consistent"),
        pytest.param((COUNT, SUM, MEAN), TREE, replace(ROUNDED, consistent=True), (), id="consistent whole"),
        pytest.param((SUM, UNITS, MEAN), FOUND, PLAIN, ("sum(wage)", "count_units"), id="found keys"),
    ],
)
def test_what_the_gateway_shows_is_held(
    price: Price, statistics: tuple[Statistic, ...], group_by: Any, presentation: Presentation, held: tuple[str, ...]
) -> None:
    assert shown(statistics, group_by, presentation, price).verify() == held


def test_the_same_plan_in_other_words_is_held() -> None:
    months = (ByPeriod("day", Period.MONTH, date(2026, 9, 30), date(2026, 11, 1)),)
    ranks = replace(QUANTILES, ranks=(Fraction(1, 4),), weight=2)
    asked = StatisticsQuery((replace(SECTORS[0], values=("b", "a")),), months, (replace(COUNT, weight=4), ranks))
    seen = shown((COUNT, QUANTILES), MONTHS, asked=asked)
    assert seen.verify() == ("count",)
    assert [one.name for one in seen.release.message.columns] == ["count", "quantile(amount; 0.25)"]
    bare = Attribution("Subsidies", "City", "https://city.example/licence", "City (2026)")
    assert shown((COUNT,), attribution=bare).verify() == ("count",)


def forged_counts(message: release_pb2.Release) -> None:
    message.presentation.consistent = True
    for cell in message.cells:
        cell.estimates[0].value = 999_999


def swapped_names(message: release_pb2.Release) -> None:
    message.columns[0].name, message.columns[1].name = message.columns[1].name, message.columns[0].name


def narrow_margins(message: release_pb2.Release) -> None:
    for cell in message.cells:
        for one in cell.estimates[:2]:
            value = one.value if one.WhichOneof("answer") == "value" else one.number
            one.margin_95, one.lower_95, one.upper_95 = 0.001, value, value


def wrong_top(message: release_pb2.Release) -> None:
    message.presentation.top = 1
    del message.cells[0], message.cells[0]


def all_sure(message: release_pb2.Release) -> None:
    for cell in message.cells:
        cell.surely_top = True


def put(path: str, value: Any) -> Callable[[release_pb2.Release], None]:
    """Set a field, named as `plan.group_by[0].field`."""

    def forge(message: release_pb2.Release) -> None:
        *way, last = re.findall(r"\w+", path)
        at: Any = message
        for step in way:
            at = at[int(step)] if step.isdigit() else getattr(at, step)
        if last.isdigit():
            at[int(last)] = value
        else:
            setattr(at, last, value)

    return forge


FORGERIES: dict[str, tuple[Any, Presentation, str, Callable[[release_pb2.Release], Any]]] = {
    "consistent on a flat table": (KEYS, PLAIN, "presentation", forged_counts),
    "consistent on a tree": (TREE, PLAIN, "columns", forged_counts),
    "columns swapped": (KEYS, PLAIN, "columns", swapped_names),
    "column renamed": (KEYS, PLAIN, "columns", put("columns[0].name", "count of infected")),
    "column of another statistic": (KEYS, PLAIN, "columns", put("columns[0].statistic", 1)),
    "mean renamed": (KEYS, PLAIN, "columns", put("columns[2].name", "mean(wage)")),
    "rank renamed": (KEYS, PLAIN, "columns", put("columns[4].name", "quantile(amount; 0.6)")),
    "rank changed": (KEYS, PLAIN, "columns", put("plan.statistics[4].quantiles.ranks[0]", 0.6)),
    "column dropped": (KEYS, PLAIN, "columns", lambda message: message.columns.pop()),
    "estimate dropped": (KEYS, PLAIN, "cells", lambda message: message.cells[0].estimates.pop()),
    "label dropped": (KEYS, ROUNDED, "columns", lambda message: message.columns[0].ClearField("post_processing")),
    "margins narrowed": (KEYS, PLAIN, "count", narrow_margins),
    "margins of the top narrowed": (KEYS, TOP, "count", narrow_margins),
    "upper end of a sum": (KEYS, PLAIN, "sum(wage)", put("cells[1].estimates[1].upper_95", 1e9)),
    "margin of a mean": (KEYS, PLAIN, "mean(amount)", put("cells[1].estimates[2].margin_95", 0.001)),
    "mean as an integer": (KEYS, PLAIN, "mean(amount)", put("cells[1].estimates[2].value", 3)),
    "width of bins": (BINS, PLAIN, "query.group_by", put("plan.group_by[0].bins.width", 25.0)),
    "first day": (MONTHS, PLAIN, "query.group_by", put("plan.group_by[0].periods.first_day", "2026-08-31")),
    "last day": (MONTHS, PLAIN, "query.group_by", put("plan.group_by[0].periods.last_day", "2027-11-20")),
    "no day": (MONTHS, PLAIN, "query.group_by", put("plan.group_by[0].periods.last_day", "2026-11-31")),
    "level": (TREE, PLAIN, "query.group_by", put("plan.group_by[0].down_to", release_pb2.REGION_LEVEL_STREET)),
    "one level": (TREE, PLAIN, "query.group_by", put("plan.group_by[0].level", release_pb2.REGION_LEVEL_DISTRICT)),
    "wrong top": (KEYS, PLAIN, "coverage", wrong_top),
    "wrong cell in the top": (KEYS, TOP, "cells", put("cells[0].keys[0].string_value", "b")),
    "smaller top": (KEYS, TOP, "cells", lambda message: message.cells.pop()),
    "top in another order": (KEYS, TOP, "cells", lambda message: message.cells.reverse()),
    "cells in another order": (KEYS, PLAIN, "cells", lambda message: message.cells.reverse()),
    "surely the largest": (KEYS, PLAIN, "surely_top", all_sure),
    "surely the largest two": (KEYS, TOP, "surely_top", all_sure),
    "key of no calendar": (KEYS, PLAIN, "cells", put("cells[0].keys[0].date_value", 2**30)),
    "weight": (KEYS, PLAIN, "query.statistics", put("plan.statistics[0].weight", 3)),
    "filter": (KEYS, PLAIN, "query.filters", put("plan.filters[0].values[0].string_value", "c")),
    "threshold": (KEYS, PLAIN, "threshold", lambda message: message.threshold.SetInParent()),
    "moment": (KEYS, PLAIN, "created_at", lambda message: setattr(message.created_at, "nanos", 123456001)),
    "epsilon at delta": (KEYS, PLAIN, "loss", put("privacy_loss.epsilon_at_delta", 0.1)),
    "address of the licence": (KEYS, PLAIN, "attribution", put("attribution.licence_url", "https://evil.example")),
    "rounding untold": (KEYS, ROUNDED, "columns", lambda message: message.ClearField("presentation")),
    "top untold": (KEYS, TOP, "coverage", lambda message: message.ClearField("presentation")),
    "rehearsal": (KEYS, PLAIN, "rehearsal", put("rehearsal", True)),
    "what is not shown": (KEYS, TOP, "coverage", lambda message: message.coverage.pop(0)),
    "text of the top": (KEYS, TOP, "coverage", put("coverage[0].text", "All are shown.")),
}


def statistics_of(group_by: Any) -> tuple[Statistic, ...]:
    return (COUNT, SUM, MEAN) if group_by == TREE else EVERY


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_noticed(name: str) -> None:
    group_by, presentation, part, forge = FORGERIES[name]
    genuine = shown(statistics_of(group_by), group_by, presentation)
    message = genuine.copy()
    forge(message)
    assert message != genuine.release.message
    with pytest.raises(gw.CertificateMismatch) as caught:
        genuine.verify(message)
    assert caught.value.part == part


def test_a_top_that_agrees_with_itself_still_shows_the_largest() -> None:
    genuine = shown((COUNT,), KEYS, replace(TOP, top=1))
    other = shown((COUNT,), KEYS, PLAIN).release.message
    message = genuine.copy()
    smaller = next(cell for cell in other.cells if cell.keys[0] != message.cells[0].keys[0])
    message.cells[0].keys[0].CopyFrom(smaller.keys[0])
    message.cells[0].estimates[0].value = smaller.estimates[0].value
    with pytest.raises(gw.CertificateMismatch, match="cells differs"):
        genuine.verify(message)


VALUES = {"cells.estimates.number", "cells.estimates.lower_95", "cells.estimates.upper_95"}
"""Of means, variances, quantiles and totals made consistent: not held, as docs/reference/release-certificates.md says.

What is shown of whole totals is an integer: `cells.estimates.value`.
"""

SAME = {
    "plan.filters.values doubled",
    "plan.statistics.weight 0",
    "presentation.round_to 0",
    "presentation cleared",
    "privacy_loss.delta",
}
"""What says the same in other words; and the delta at which an epsilon is told, where that is not more for it."""


def altered(message: Message, path: str = "") -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield every alteration of one field, wherever it is: its path without indices, and what makes it."""
    for field in message.DESCRIPTOR.fields:
        here = f"{path}.{field.name}".lstrip(".")
        value: Any = getattr(message, field.name)
        if field.is_repeated:
            if len(value):
                yield f"{here} dropped", value.pop
                yield f"{here} doubled", partial(doubled, value)
            for at, item in enumerate(value):
                if field.message_type:
                    yield from altered(item, here)
                else:
                    for how, other in others(field, item):
                        yield here + how, partial(value.__setitem__, at, other)
        elif field.message_type:
            if message.HasField(field.name):
                yield f"{here} cleared", partial(message.ClearField, field.name)
                yield from altered(value, here)
            else:
                yield f"{here} set", value.SetInParent
        else:
            for how, other in others(field, value):
                yield here + how, partial(setattr, message, field.name, other)


def doubled(values: Any) -> None:
    values.append(values[-1])


def others(field: Any, value: Any) -> list[tuple[str, Any]]:
    """Other values of a scalar field, and how they are told in a path."""
    if isinstance(value, bool):
        return [("", not value)]
    if isinstance(value, str | bytes):
        longer = value + "x" if isinstance(value, str) else value + b"x"
        return [("", longer), *([(" 0", type(value)())] if value else [])]
    if field.enum_type:
        return [("", value + 1)]
    return [
        ("", value + 1),
        *([(" 0", type(value)(0)), ("", value / 2)] if isinstance(value, float) and value else []),
    ] + ([(" 0", 0)] if isinstance(value, int) and value else [])


WALKED: dict[str, tuple[Shown, set[str]]] = {
    "counts": (shown((COUNT, SUM), MONTHS), set()),
    "top": (shown((SUM, COUNT), KEYS, replace(TOP, non_negative=True, round_to=5)), set()),
    "found keys": (shown((UNITS, SUM), FOUND, price=EPSILON), set()),
    "others": (shown((COUNT, MEAN, QUANTILES), BINS), VALUES),
    "consistent": (shown((COUNT, SUM), TREE, Presentation(consistent=True)), VALUES),
    "consistent whole": (
        shown((COUNT, SUM), TREE, Presentation(consistent=True, non_negative=True)),
        VALUES | {"cells.estimates.value"},
    ),
}


@pytest.mark.parametrize("name", WALKED)
def test_every_field_is_held_or_listed_as_not_held(name: str) -> None:
    genuine, not_held = WALKED[name]
    genuine.verify()
    paths = [path for path, _ in altered(genuine.copy())]
    assert len(paths) > 150
    for at, path in enumerate(paths):
        message = genuine.copy()
        list(altered(message))[at][1]()
        try:
            genuine.verify(message)
        except gw.CertificateMismatch:
            continue
        assert path in SAME or path.removesuffix(" 0") in not_held, path
