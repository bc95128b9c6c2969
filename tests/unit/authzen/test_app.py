"""The HTTP binding: statuses, headers, who is let in, and what nobody gets to see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from starlette.types import Message

from gateway.authzen.app import CONFIGURATION, EVALUATION, EVALUATIONS, Limits
from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer
from gateway.server.admission import Capacity
from gateway.server.reasons import MEANINGS
from tests.unit.authzen.asgi import URL, House, house, metro

CANARY = "330101198808088848"


@pytest.fixture
def point() -> Iterator[House]:
    with house() as found:
        yield found


async def test_a_permit_says_how_and_is_on_record(point: House) -> None:
    answer = await point.ask(EVALUATION, metro(fields=["colour"]))
    assert answer.status == 200
    context = answer.json["context"]
    assert answer.json["decision"] is True
    assert context["grant"] == "g-colour-check"
    assert [field["field"] for field in context["fields"]] == ["colour"]
    assert "treat:colour" in context["obligations"]
    assert context["valid_until"].endswith("Z")
    (record,) = point.log.records
    assert context["receipt_id"] == f"{0:020d}"
    assert (record.outcome, record.institution, record.person) == ("evaluated", "verifier-metro", "li.wei")
    assert record.policy_digest == context["policy_digest"]
    assert record.rows == 0


async def test_a_refusal_is_an_answer(point: House) -> None:
    answer = await point.ask(EVALUATION, metro(fields=["colour", "trajectory"]))
    assert answer.status == 200
    meaning = MEANINGS[ErrorReason.FIELD_NOT_GRANTED]
    assert answer.json == {
        "decision": False,
        "context": {
            "reason": "FIELD_NOT_GRANTED",
            "reason_user": {"en": meaning.en, "zh": meaning.zh},
            "nearest": {
                "purpose": "health-code-check",
                "dataset": "health_codes",
                "disclosure": "colour-check",
                "fields": ["colour"],
            },
            "policy_digest": point.log.records[0].policy_digest,
            "receipt_id": f"{0:020d}",
        },
    }
    assert point.log.records[0].outcome == "refused"


async def test_no_purpose_is_a_refusal(point: House) -> None:
    answer = await point.ask(EVALUATION, metro() | {"context": {}})
    assert (answer.status, answer.json["decision"]) == (200, False)
    assert answer.json["context"]["reason"] == "PURPOSE_MISSING"
    assert answer.json["context"]["violations"][0]["field"] == "context.purpose"


async def test_the_same_question_gets_the_same_decision(point: House) -> None:
    answers = [(await point.ask(EVALUATION, metro())).json["decision"] for _ in range(3)]
    assert answers == [True] * 3


async def test_several_at_once(point: House) -> None:
    asked = metro()
    asked["evaluations"] = [{}, {"action": {"name": "extract"}}, {"subject": {"type": "institution", "id": "police"}}]
    answer = await point.ask(EVALUATIONS, asked)
    assert answer.status == 200
    first, second, third = answer.json["evaluations"]
    assert first["decision"] is True
    assert second["context"]["error"]["status"] == 400
    assert (third["decision"], third["context"]["error"]["status"]) == (False, 403)
    assert len(point.log.records) == 1


async def test_a_single_evaluation_knows_no_several(point: House) -> None:
    answer = await point.ask(EVALUATION, {**metro(), "evaluations": [{}, {}]})
    assert answer.json["decision"] is True


async def test_the_metadata_tell_where(point: House) -> None:
    answer = await point.ask(CONFIGURATION, method="GET", headers={"host": "evil.example"})
    assert answer.status == 200
    assert answer.json == {
        "policy_decision_point": URL,
        "access_evaluation_endpoint": f"{URL}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{URL}/access/v1/evaluations",
    }


# --- who calls --------------------------------------------------------------------------------------------------------


async def test_a_stranger_learns_that_it_is_one(point: House) -> None:
    for stranger in ({"institution": None}, {"token": "bad"}):
        answer = await point.ask(EVALUATION, raw=b"{", headers={"content-type": "text/html"}, **stranger)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert point.log.records == []


async def test_headers_name_nobody(point: House) -> None:
    claims = {
        "x-forwarded-client-cert": "verifier-metro",
        "x-client-cert": "verifier-metro",
        "x-institution": "verifier-metro",
        "forwarded": "for=verifier-metro",
    }
    assert (await point.ask(EVALUATION, metro(), institution=None, headers=claims)).status == 401
    answer = await point.ask(EVALUATION, metro(), institution="police", headers=claims)
    assert answer.status == 403
    assert "verifier-metro" not in answer.body.decode()


async def test_places_are_counted_and_given_back() -> None:
    with house(capacity=Capacity(calls=2, calls_each=1)) as point:
        held = point.admission.enter(Peer(b"verifier-metro", "good"), release=False)
        answer = await point.ask(EVALUATION, metro())
        assert (answer.status, answer.body.decode()) == (429, MEANINGS[ErrorReason.CAP_EXCEEDED].en)
        held.leave()
        for _ in range(3):
            assert (await point.ask(EVALUATION, metro())).status == 200
            assert (await point.ask(EVALUATION, raw=b"")).status == 400


# --- what is sent -----------------------------------------------------------------------------------------------------

TYPES = ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json5"]


@pytest.mark.parametrize("media_type", TYPES)
async def test_another_content_type_is_refused(point: House, media_type: str) -> None:
    answer = await point.ask(EVALUATION, metro(), headers={"content-type": media_type})
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_the_content_type_may_have_parameters(point: House, media_type: str) -> None:
    assert (await point.ask(EVALUATION, metro(), headers={"content-type": media_type})).status == 200


async def test_a_body_has_a_largest_size() -> None:
    with house(Limits(max_request_bytes=1024)) as point:
        part: Message = {"type": "http.request", "body": b" " * 600, "more_body": True}
        answer = await point.ask(EVALUATION, raw=[part, part])
        assert answer.status == 413


async def test_a_body_has_a_longest_time() -> None:
    with house(Limits(request_seconds=0.05)) as point:
        messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": True}] * 100
        answer = await point.ask(EVALUATION, raw=messages)
        assert answer.status == 408
        assert (await point.ask(EVALUATION, metro())).status == 200


async def test_a_body_that_ends_early_is_nobodys_fault(point: House) -> None:
    answer = await point.ask(EVALUATION, raw=[{"type": "http.disconnect"}])
    assert answer.status == 400
    assert "Internal" not in point.seen()


async def test_the_request_id_comes_back_whatever_happens(point: House) -> None:
    shown = {"x-request-id": "bfe9eb29 any string: é"}
    for answer in [
        await point.ask(EVALUATION, metro(), headers=shown),
        await point.ask(EVALUATIONS, metro(), headers=shown),
        await point.ask(EVALUATION, raw=b"", headers=shown),
        await point.ask(EVALUATION, metro(), institution=None, headers=shown),
        await point.ask(CONFIGURATION, method="GET", headers=shown),
        await point.ask("/nowhere", method="GET", headers=shown),
    ]:
        assert answer.headers["x-request-id"] == shown["x-request-id"]
    assert "x-request-id" not in (await point.ask(EVALUATION, metro())).headers


async def test_other_paths_and_methods_are_not_ours(point: House) -> None:
    assert (await point.ask("/access/v1/search/subject", metro())).status == 404
    assert (await point.ask(EVALUATION + "/", metro(), headers={"host": "evil.example"})).status == 404
    answer = await point.ask(EVALUATION, method="GET")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


# --- what fails -------------------------------------------------------------------------------------------------------


async def test_a_log_that_cannot_be_written_permits_nothing(point: House) -> None:
    point.log.failing = Fault(ErrorReason.AUDIT_UNAVAILABLE)
    answer = await point.ask(EVALUATION, metro())
    assert (answer.status, answer.body.decode()) == (503, MEANINGS[ErrorReason.AUDIT_UNAVAILABLE].en)
    several = await point.ask(EVALUATIONS, {**metro(), "evaluations": [{}, {}]})
    assert [one["decision"] for one in several.json["evaluations"]] == [False, False]


async def test_what_nobody_expected_is_told_to_operators_without_its_text(point: House) -> None:
    point.log.failing = ValueError(CANARY)
    answer = await point.ask(EVALUATION, metro())
    assert (answer.status, answer.body.decode()) == (500, MEANINGS[ErrorReason.INTERNAL].en)
    assert '"exception": "builtins.ValueError"' in point.seen()
    assert CANARY not in point.seen()


async def test_nothing_of_a_question_is_repeated_or_logged(point: House) -> None:
    spoiled: list[Any] = [
        {CANARY: CANARY},
        metro(fields=[CANARY]),
        metro(fields=["colour", CANARY]),
        metro(subjects={"field": CANARY, "by": "key", "count": 1}),
        metro(subjects={"field": "resident_id", "by": "key", "count": 1, "values": [CANARY]}),
        metro() | {"context": {"purpose": CANARY}},
        metro() | {"context": {"purpose": "health-code-check", "region": CANARY, "case_number": CANARY}},
        metro() | {"subject": {"type": CANARY, "id": CANARY}},
        metro() | {"action": {"name": CANARY}},
        metro() | {"resource": {"type": "disclosure", "id": f"{CANARY}/{CANARY}"}},
        metro() | {"resource": {"type": CANARY, "id": CANARY}},
        {**metro(fields=[CANARY, "colour"]), "context": {"purpose": "health-code-check", "allow_partial": True}},
    ]
    for asked in spoiled:
        for path in (EVALUATION, EVALUATIONS):
            answer = await point.ask(path, asked, headers={"x-request-id": "1"})
            assert CANARY not in answer.body.decode()
            assert CANARY not in str(answer.headers)
    everything = await point.ask(EVALUATIONS, {"evaluations": spoiled})
    assert CANARY not in everything.body.decode()
    assert CANARY not in point.seen()
    assert CANARY not in str([asdict(record) for record in point.log.records])
