"""What parking gets of a vehicle: one code for a day's stays in a day's answers, and none that a lookup takes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway import pipeline
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.request import Selector
from gateway.pipeline import Refused
from tests.integration.house import House, context, delivered, tracing
from tests.integration.site import values_of

ASKING, PURPOSE = "transport-bureau", "parking-guidance"


def told(house: House) -> pa.Table:
    request = tracing(context=context(PURPOSE), dataset="parking_stays", disclosure="stays-of-a-day")
    delivery = delivered(pipeline.rows(house.ports, house.long_signed_in(ASKING), request))
    with closing(delivery):
        return pa.Table.from_batches([part.records for part in delivery], delivery.schema)


def codes(table: pa.Table) -> set[str]:
    return {str(code) for code in table.column("plate").to_pylist()}


def vehicles(house: House) -> Counter[tuple[object, ...]]:
    """How many stays the vehicles of each day had at each garage, without their names, from the city's own table."""
    stays = pq.read_table(house.site.data / "parking_stays.parquet", columns=["plate", "garage", "entered_at"])
    return shape((row["plate"], row["garage"], row["entered_at"].date()) for row in stays.to_pylist())


def shape(stays: Iterable[tuple[str, str, date]]) -> Counter[tuple[object, ...]]:
    """The days' vehicles by what is known of each: how often it was where."""
    by_vehicle: dict[tuple[str, date], list[str]] = defaultdict(list)
    for name, garage, day in stays:
        by_vehicle[name, day].append(garage)
    return Counter((day, *sorted(garages)) for (_, day), garages in by_vehicle.items())


def test_one_answer_joins_the_stays_of_a_day_and_no_others(house: House) -> None:
    rows = told(house).to_pylist()
    days: dict[str, set[date]] = defaultdict(set)
    for row in rows:
        days[row["plate"]].add(row["entered_at"])
    assert all(len(of_one_code) == 1 for of_one_code in days.values())
    # that is no accident: vehicles do come on several days, and of a day's stays none is torn apart
    raw = pq.read_table(house.site.data / "parking_stays.parquet", columns=["plate", "entered_at"]).to_pylist()
    came = {(row["plate"], row["entered_at"].date()) for row in raw}
    assert len(days) == len(came) > len({plate for plate, _ in came})
    assert shape((row["plate"], row["garage"], row["entered_at"]) for row in rows) == vehicles(house)


def test_a_vehicle_has_one_code_through_the_day_and_another_the_next(house: House) -> None:
    # from the city's next noon on, so that no midnight falls between the first two
    now = house.clock.now()
    house.clock.ahead = timedelta(days=1) + now.replace(hour=4, minute=0) - now
    plates = set(values_of(house.site.data, "parking_stays", "plate"))
    today = codes(told(house))
    assert len(today) > len(plates) > 400 and not today & plates
    house.clock.ahead += timedelta(hours=6)
    assert codes(told(house)) == today
    house.clock.ahead += timedelta(hours=18)
    tomorrow = codes(told(house))
    assert len(tomorrow) == len(today) and not tomorrow & today


@pytest.mark.parametrize("by", SelectBy)
def test_neither_a_plate_nor_a_code_opens_anything(house: House, by: SelectBy) -> None:
    value = min(codes(told(house))) if by is SelectBy.TOKEN else values_of(house.site.data, "parking_stays", "plate")[0]
    for disclosure in ("stays-of-a-day", "bay-guidance"):
        request = tracing(
            context=context(PURPOSE),
            kind=DisclosureKind.LOOKUP,
            dataset="parking_stays",
            disclosure=disclosure,
            selector=Selector(by, "plate", (value,)),
        )
        refused = pipeline.rows(house.ports, house.peer(ASKING), request)
        assert isinstance(refused, Refused)
        assert refused.refusal.reason is ErrorReason.DISCLOSURE_NOT_GRANTED
