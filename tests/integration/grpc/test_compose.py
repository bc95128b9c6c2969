"""A form over the wire: several departments, one call, one purpose."""

from __future__ import annotations

from typing import Any

import pytest

import gateway.client as gw
from gateway.api.v1 import sharing_service_pb2 as pb
from tests.integration.fixtures import City

DESK = "government-service-centre"
ASK: dict[str, Any] = {"purpose": "newborn-one-visit"}
NOBODY = "110101199003070000"


def parent(city: City) -> dict[str, gw.Subjects]:
    canary = next(one for one in city.seeded.canaries if one.number == 4)
    person = gw.Subjects("resident_id", [canary.resident_id])
    return {"entry": person, "insurance": person, "allowance": gw.Subjects("firm_code", [canary.firm_code])}


def test_a_form_is_answered_in_one_call(city: City) -> None:
    with city.connect(DESK) as gateway:
        form = gateway.compose("newborn", parent(city), **ASK)
        assert list(form.parts) == ["entry", "insurance", "allowance"]
        values = parent(city)["entry"].values
        alone = gateway.lookup("residents", "newborn-entry", by="resident_id", values=values, **ASK)
        assert form.lookup("entry").to_arrow().equals(alone.to_arrow())
        assert form.check("insurance").holds
        assert form.lookup("allowance").schema.names == ["firm_name"]
        receipts = [answer.receipt for answer in form.parts.values()]
        for receipt in receipts:
            gw.verify_receipt(receipt)
            assert gateway.receipt(receipt.receipt_id) == receipt
        assert len({receipt.receipt_id for receipt in receipts}) == 3
    with pytest.raises(TypeError):
        form.check("entry")
    with pytest.raises(TypeError):
        form.lookup("insurance")


def test_a_parent_who_is_not_there_is_answered_in_the_same_shape(city: City) -> None:
    nobody = gw.Subjects("resident_id", [NOBODY])
    with city.connect(DESK) as gateway:
        form = gateway.compose("newborn", {"entry": nobody, "insurance": nobody}, **ASK)
    assert form.lookup("entry").to_arrow().num_rows == 0
    assert (form.check("insurance").holds, form.check("insurance").answer) == (False, {"insurance_class": None})


def test_one_wrong_part_refuses_the_call_and_names_no_other(city: City) -> None:
    asked = parent(city)
    with city.connect(DESK) as gateway:
        with pytest.raises(gw.Refused) as refused:
            gateway.compose("newborn", {**asked, "bills": asked["entry"]}, **ASK)
        assert refused.value.reason == "DISCLOSURE_NOT_GRANTED"
        receipt = gateway.receipt(refused.value.receipt_id)
        assert (receipt.dataset, receipt.rows) == ("", 0)
        with pytest.raises(gw.InvalidRequest) as invalid:
            gateway.compose("newborn", {**asked, "insurance": gw.Subjects("resident_id", [7])}, **ASK)
        assert invalid.value.reason == "REQUEST_INVALID"
        assert "parts[1].subjects.values" in str(invalid.value.details)
        with pytest.raises(gw.InvalidRequest):
            gateway.compose("newborn", {}, **ASK)


def test_a_part_is_asked_for_once(city: City) -> None:
    with city.connect(DESK) as gateway, pytest.raises(gw.InvalidRequest) as invalid:
        asked = pb.PartSubjects(
            part="entry", subjects=pb.SubjectSelector(token=pb.TokenSelector(field="resident_id", tokens=["t"]))
        )
        request = pb.ComposeRequest(form="newborn", parts=[asked, asked])
        request.context.purpose = "newborn-one-visit"
        gateway._caller.once(gateway._sharing.Compose, request)
    assert invalid.value.reason == "REQUEST_INVALID"
