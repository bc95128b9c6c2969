"""Quotas over the wire: a car's road passes, taken one at a time by a real gateway."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import gateway.client as gw
from tests.integration.fixtures import City
from tests.integration.site import values_of

PASSES = 12
ASK: dict[str, Any] = {"purpose": "out-of-town-passes", "by": "plate"}
NOBODY = "沪Z00000"


def a_car(city: City, number: int) -> str:
    """A registered plate; each test has its own, since the city is shared."""
    plates = sorted(values_of(city.data, "road_passes", "plate"))
    assert NOBODY not in plates
    return plates[number]


def use(gateway: gw.Gateway, plate: str, request_id: str = "") -> gw.Consumption:
    return gateway.consume("road_passes", "use-a-pass", value=plate, request_id=request_id, **ASK)


def told(answer: gw.Consumption) -> tuple[bool, int, dict[str, Any]]:
    """All that an answer says of the subject."""
    return answer.taken, answer.left, answer.answer


def test_each_pass_is_taken_once_until_none_is_left(city: City) -> None:
    plate = a_car(city, 0)
    with city.connect("traffic-police") as gateway:
        answers = [use(gateway, plate) for _ in range(PASSES)]
        assert [told(answer) for answer in answers] == [(True, left, {}) for left in reversed(range(PASSES))]
        spent, absent = use(gateway, plate), use(gateway, NOBODY)
    assert told(spent) == told(absent) == (False, 0, {})
    # the receipts of a car without passes and of no car at all say the same, too
    for answer in (*answers, spent, absent):
        gw.verify_receipt(answer.receipt)
        assert (answer.receipt.rows, answer.receipt.batches) == (1, 1)


def test_the_same_request_id_takes_once_and_answers_alike(city: City) -> None:
    plate, mine = a_car(city, 1), str(uuid.uuid4())
    with city.connect("traffic-police") as gateway:
        assert [told(use(gateway, plate, mine)) for _ in range(3)] == [(True, PASSES - 1, {})] * 3
        assert use(gateway, plate).left == PASSES - 2
        with pytest.raises(gw.AlreadyUsed) as raised:
            use(gateway, NOBODY, mine)
    assert raised.value.reason == "REQUEST_ID_REUSED"


def test_the_last_pass_answers_its_retry_as_it_did_at_first(city: City) -> None:
    plate, last = a_car(city, 2), str(uuid.uuid4())
    with city.connect("traffic-police") as gateway:
        for _ in range(PASSES - 1):
            assert use(gateway, plate)
        assert [told(use(gateway, plate, last)) for _ in range(2)] == [(True, 0, {})] * 2
        assert not use(gateway, plate)


def test_many_at_once_take_no_more_than_there_are(city: City) -> None:
    plate = a_car(city, 3)
    with (
        city.connect("traffic-police") as one,
        city.connect("traffic-police", "chen.jie") as other,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(lambda turn: use((one, other)[turn % 2], plate), range(3 * PASSES)))
    assert sorted(answer.left for answer in answers if answer) == list(range(PASSES))


def test_it_is_told_what_may_be_consumed(city: City) -> None:
    with city.connect("traffic-police") as gateway:
        (offer,) = gateway.describe(purpose="out-of-town-passes", dataset="road_passes")
    assert (offer.disclosure, offer.kind, offer.fields, offer.lookup_keys) == ("use-a-pass", "consume", (), ("plate",))
    assert "at most 12 a year for each subject" in offer.conditions


def test_nothing_else_answers_for_a_consumption(city: City) -> None:
    plate = a_car(city, 4)
    with city.connect("traffic-police") as gateway, city.connect("police") as other:
        with pytest.raises(gw.Refused):
            gateway.check("road_passes", "use-a-pass", value=plate, **ASK)
        with pytest.raises(gw.Refused):
            gateway.lookup("road_passes", "use-a-pass", values=[plate], **ASK)
        with pytest.raises(gw.Refused):
            use(other, plate)
        assert use(gateway, plate).left == PASSES - 1


def test_a_check_that_adds_no_field_says_yes_or_no(city: City) -> None:
    ids = values_of(city.data, "residents", "resident_id")
    ask: dict[str, Any] = {"purpose": "hotel-registration", "by": "resident_id"}
    with city.connect("hotel-lakeside") as gateway:
        yes, no = (
            gateway.check("residents", "guest-verified", value=who, **ask) for who in (ids[0], "110101190001010000")
        )
    assert yes and yes.answer == {}
    assert not no and no.answer == {}
