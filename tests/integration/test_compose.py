"""Forms at the real pipeline over real adapters: everything is decided before anything is read."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from gateway import pipeline
from gateway.model.contract import SelectBy
from gateway.model.errors import ErrorReason, Fault
from gateway.model.record import Outcome
from gateway.model.request import FormRequest, PartSubjects, Selector
from gateway.pipeline import Answer, Refused
from tests.integration.house import House, context, edit
from tests.integration.site import values_of

DESK = "government-service-centre"
VISIT = "newborn-one-visit"
ENTRY = "residents/newborn-entry, lookup, hangzhou, newborn-one-visit, "
EMPLOYER = "enterprises/employer, lookup, hangzhou, newborn-one-visit, "


def someone(house: House) -> str:
    return values_of(house.site.data, "hospital_bills", "resident_id")[0]


def some_firm(house: House) -> str:
    return values_of(house.site.data, "enterprises", "firm_code")[0]


def about(part: str, value: str, by: str = "resident_id") -> PartSubjects:
    return PartSubjects(part, Selector(SelectBy.KEY, by, (value,)))


def newborn(house: House) -> FormRequest:
    parent = someone(house)
    firm = about("allowance", some_firm(house), "firm_code")
    return FormRequest(context(VISIT), "newborn", (about("entry", parent), about("insurance", parent), firm))


def change(house: House, file: str, *changes: str) -> None:
    edit(house.site.policies / file, *changes)
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems


def answers(house: House, request: FormRequest) -> tuple[Answer, ...]:
    outcome = pipeline.compose(house.ports, house.peer(DESK), request)
    assert isinstance(outcome, tuple) and not isinstance(outcome, Refused)
    for answer in outcome:
        with closing(answer.delivery):
            assert list(answer.delivery)
    return outcome


def refused(house: House, request: FormRequest, who: str = DESK) -> Refused:
    outcome = pipeline.compose(house.ports, house.peer(who), request)
    assert isinstance(outcome, Refused)
    assert outcome.receipt is not None
    assert outcome.receipt.record.outcome is Outcome.REFUSED
    assert "rows" not in house.diary.events, "nothing was read"
    return outcome


def test_each_part_gives_what_the_form_declares_under_a_receipt_of_its_own(house: House) -> None:
    told = answers(house, newborn(house))
    assert [answer.part for answer in told] == ["entry", "insurance", "allowance"]
    assert [answer.delivery.schema.names for answer in told] == [
        ["name", "address"],
        ["insurance_class"],
        ["firm_name"],
    ]
    records = [answer.delivery.receipt.record for answer in told]
    assert [record.dataset for record in records] == ["residents", "hospital_bills", "enterprises"]
    assert len({answer.delivery.receipt.entry.index for answer in told}) == 3
    assert len({record.request_id for record in records}) == 1
    # the firm's status is granted, and the form does not need it: no engine was asked for it
    assert "status" not in [name for plan in house.source.plans for name in plan.columns]


def test_a_part_that_is_not_asked_for_is_not_read(house: House) -> None:
    whole = newborn(house)
    told = answers(house, replace(whole, parts=whole.parts[1:2]))
    assert [answer.part for answer in told] == ["insurance"]
    assert [plan.contract.dataset for plan in house.source.plans] == ["hospital_bills"]
    assert len(house.audit.records) == 1


def test_one_part_that_is_not_granted_refuses_all_before_anything_is_read(house: House) -> None:
    change(house, "grants.csv", f"{EMPLOYER}max_keys=1, allow", f"{EMPLOYER}until=2026-01-01, allow")
    outcome = refused(house, newborn(house))
    assert outcome.refusal.reason is ErrorReason.GRANT_NOT_IN_FORCE
    assert [record.dataset for record in house.audit.records] == ["enterprises"]


def test_what_a_register_does_not_bear_out_refuses_all_before_anything_is_counted(house: House) -> None:
    change(
        house,
        "grants.csv",
        f"{ENTRY}max_keys=1, allow",
        f"{ENTRY}quota=1/year, allow",
        f"{EMPLOYER}max_keys=1, allow",
        f"{EMPLOYER}break_glass=4h;until=2036-12-31, allow",
    )
    request = newborn(house)
    assert refused(house, request).refusal.reason is ErrorReason.BREAK_GLASS_REQUIRED
    # the one entry of the year is there still
    answers(house, replace(request, parts=request.parts[:1]))


def test_a_meter_that_is_full_refuses_all_before_anything_is_read(house: House) -> None:
    change(house, "grants.csv", f"{EMPLOYER}max_keys=1, allow", f"{EMPLOYER}quota=1/year, allow")
    answers(house, newborn(house))
    house.diary.events.clear()
    assert refused(house, newborn(house)).refusal.reason is ErrorReason.QUOTA_EXHAUSTED


@pytest.mark.parametrize("wrong", ["form", "part", "key", "purpose"])
def test_what_is_not_on_the_form_is_refused_like_what_is_not_granted(house: House, wrong: str) -> None:
    request = newborn(house)
    entry, *others = request.parts
    # the key is a lookup key of the register all the same
    changed = {
        "form": replace(request, form="newborns"),
        "part": replace(request, parts=(*others, replace(entry, part="bills"))),
        "key": replace(request, parts=(*others, about("entry", some_firm(house), "firm_code"))),
        "purpose": replace(request, context=context("data-cleaning")),
    }[wrong]
    who = "data-bureau" if wrong == "purpose" else DESK
    outcome = refused(house, changed, who)
    assert outcome.refusal.reason is ErrorReason.DISCLOSURE_NOT_GRANTED
    assert outcome.receipt is not None
    assert outcome.receipt.record.dataset == "(unknown)"


def test_a_form_tells_a_stranger_nothing(house: House) -> None:
    request = newborn(house)
    real, invented = (refused(house, one, "dev-studio-one") for one in (request, replace(request, form="invented")))
    assert real.refusal == invented.refusal
    assert real.refusal.reason is ErrorReason.PURPOSE_NOT_GRANTED


def test_a_part_that_cannot_be_recorded_fails_the_call(house: House) -> None:
    house.audit.failing_from = 1
    with pytest.raises(Fault) as caught:
        pipeline.compose(house.ports, house.peer(DESK), newborn(house))
    assert caught.value.reason is ErrorReason.AUDIT_UNAVAILABLE


def test_the_same_request_id_with_another_form_is_refused(house: House) -> None:
    named = replace(newborn(house), context=context(VISIT, "6a0e1b0e-9d4e-4a39-8f0c-0a4f2d1c7b11"))
    answers(house, named)
    answers(house, named)
    other = replace(named, context=replace(named.context, body_digest=b"another body"))
    house.diary.events.clear()
    assert refused(house, other).refusal.reason is ErrorReason.REQUEST_ID_REUSED
