"""What parking gets of a vehicle: one code through the day, another one the next, and none that a lookup takes."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pyarrow as pa
import pytest

from gateway import pipeline
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.request import Selector
from gateway.pipeline import Refused
from tests.integration.house import House, context, delivered, tracing
from tests.integration.site import values_of

ASKING, PURPOSE = "transport-bureau", "parking-guidance"


def codes(house: House) -> set[str]:
    request = tracing(context=context(PURPOSE), dataset="parking_stays", disclosure="stays-of-a-day")
    delivery = delivered(pipeline.rows(house.ports, house.long_signed_in(ASKING), request))
    with closing(delivery):
        table = pa.Table.from_batches([part.records for part in delivery], delivery.schema)
    return {str(code) for code in table.column("plate").to_pylist()}


def test_a_vehicle_has_one_code_through_the_day_and_another_the_next(house: House) -> None:
    # from the city's next noon on, so that no midnight falls between the first two
    now = house.clock.now()
    house.clock.ahead = timedelta(days=1) + now.replace(hour=4, minute=0) - now
    plates = set(values_of(house.site.data, "parking_stays", "plate"))
    today = codes(house)
    assert len(today) == len(plates) > 400 and not today & plates
    house.clock.ahead += timedelta(hours=6)
    assert codes(house) == today
    house.clock.ahead += timedelta(hours=18)
    tomorrow = codes(house)
    assert len(tomorrow) == len(plates) and not tomorrow & today


@pytest.mark.parametrize("by", SelectBy)
def test_neither_a_plate_nor_a_code_opens_anything(house: House, by: SelectBy) -> None:
    value = min(codes(house)) if by is SelectBy.TOKEN else values_of(house.site.data, "parking_stays", "plate")[0]
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
