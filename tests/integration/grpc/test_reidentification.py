"""Opening tokens over gRPC: asked for without data, signed by two officers, collected once, sealed to one key."""

from __future__ import annotations

import base64
import re
import shutil
import sqlite3
from ast import literal_eval
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

import gateway.client as gw
from gateway.adapters.keys.ring import FileKeyRing
from gateway.api.v1 import linking_service_pb2, linking_service_pb2_grpc
from gateway.client.warrants import Reidentification, reidentification_statement
from seeds.generator import City as SeededCity
from tests.integration.site import ROOT, SECRET, Site, institutions_of, values_of
from tests.integration.warrants import (
    AUDITOR,
    BUREAU,
    COMMISSION,
    DISTRICT,
    OPEN,
    REQUESTER,
    SECOND_OF_COMMISSION,
    Warrants,
    officers_file,
    raise_rate,
)

ID = "health-commission"


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Iterator[Warrants]:
    folder = tmp_path_factory.mktemp("opening")
    shutil.copytree(ROOT / "policies", folder / "policies")
    keys = officers_file(folder / "policies")
    raise_rate(folder / "policies")
    site = Site(folder / "site", folder / "policies", seeded[0], institutions_of(folder / "policies"))
    site.prepare()
    site.start()
    hall = Warrants(site, keys)
    with hall.stack:
        yield hall
    site.stop()


def refused(call: Callable[[], object], reason: str) -> gw.GatewayError:
    with pytest.raises(gw.GatewayError) as raised:
        call()
    assert raised.value.reason == reason
    return raised.value


def test_two_officers_open_a_token_to_the_one_who_asked(hall: Warrants) -> None:
    tokens = hall.tokens(ID)[:3]
    forged = [tokens[0][:-1] + ("0" if tokens[0][-1] != "0" else "1"), hall.tokens("police")[0]]
    asked_for = [tokens[0], forged[0], tokens[1], forged[1], tokens[2]]
    key = gw.reidentify.new_key()
    asked = hall.ask(asked_for, key=key)
    assert asked.approvals == () and asked.collected_at is None
    assert asked in hall.officer(AUDITOR).reidentifications()
    approved = hall.approve(asked, AUDITOR, COMMISSION)
    requester = hall.caller(*REQUESTER)
    assert requester.reidentification(asked.id) == approved
    other = gw.reidentify.new_key()
    refused(lambda: requester.collect_reidentification(asked.id, asked_for, other), "OTHER_KEY")
    assert requester.reidentification(asked.id).collected_at is None
    sealed = requester.collect_reidentification(asked.id, asked_for, key)
    opened = gw.reidentify.open(key, sealed)
    cases = values_of(hall.site.data, "health_cases", "resident_id")
    assert opened[1] is opened[3] is None
    found = [one for one in opened if one is not None]
    assert len(set(found)) == 3 and set(found) <= set(cases)
    # each is who the token stands for: its holder has the same visits under it
    for token, person in zip(tokens, found, strict=True):
        assert _visits(hall, token) == cases.count(person)
    # with another key, request or receipt it is nothing
    for broken in (
        lambda: gw.reidentify.open(gw.reidentify.new_key(), sealed),
        lambda: gw.reidentify.open(key, replace(sealed, id="0" * 32)),
        lambda: gw.reidentify.open(key, replace(sealed, receipt=type(sealed.receipt)())),
        lambda: gw.reidentify.open(key, replace(sealed, sealed=sealed.sealed[:-1])),
        lambda: gw.reidentify.open(key, replace(sealed, sealed=b"")),
    ):
        refused(broken, "SEAL_BROKEN")
    gw.verify_receipt(sealed.receipt)
    assert (sealed.receipt.reidentification, sealed.receipt.rows) == (asked.id, 5)
    assert sealed.receipt.grant == "g-contact-warning"
    assert sealed.receipt.person == REQUESTER[1]


def _visits(hall: Warrants, token: str) -> int:
    table = hall.caller(ID).extract(
        "health_cases", "police-tracing", purpose="epidemic-tracing", fields=["resident_id"]
    )
    return table.read_all().column(0).to_pylist().count(token)


def test_how_to_open_from_python(hall: Warrants, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs/howto/call-from-python.md").read_text(encoding="utf-8")
    marked = r"<!-- tested: tests/integration/grpc/test_reidentification.py -->\n```python\n(.*?)```"
    ask, collect = re.findall(marked, text, re.DOTALL)
    names: dict[str, Any] = {"gw": gw, "tokens": hall.tokens(ID)[:2], "connect": partial(_connect, hall)}
    exec(compile(ask, "documentation", "exec"), names)
    hall.approve(names["asked"], AUDITOR, COMMISSION)
    exec(compile(collect, "documentation", "exec"), names)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(names["asked"].id)
    assert set(literal_eval(told[1])) <= set(values_of(hall.site.data, "health_cases", "resident_id"))


def _connect(hall: Warrants, institution: str) -> gw.Gateway:
    assert institution == REQUESTER[0]
    return hall.site.connect(*REQUESTER)


def test_nothing_in_clear_is_on_the_wire_or_kept(hall: Warrants) -> None:
    token, key = hall.tokens(ID)[3], gw.reidentify.new_key()
    asked = hall.approve(hall.ask([token], key=key), AUDITOR, BUREAU)
    site = hall.site
    credentials = [(site.folder / name).read_bytes() for name in ("ca.pem", f"{ID}.key", f"{ID}.pem")]
    with grpc.secure_channel(site.target, grpc.ssl_channel_credentials(*credentials)) as channel:
        stub = linking_service_pb2_grpc.LinkingServiceStub(channel)
        answer = stub.CollectReidentification(
            linking_service_pb2.CollectReidentificationRequest(id=asked.id, tokens=[token]),
            metadata=(("authorization", f"Bearer {site.token(*REQUESTER)}"),),
            timeout=30,
        )
    (person,) = gw.reidentify.open(key, gw.reidentify.Sealed(asked.id, answer.sealed, answer.receipt))
    assert person is not None
    whole = answer.SerializeToString()
    kept = b"".join(path.read_bytes() for path in site.folder.glob("state.sqlite*")) + site.log.read_bytes()
    for secret in (person, token):
        for form in (secret.encode(), base64.b64encode(secret.encode()), secret.encode().hex().encode()):
            assert form not in whole and form not in kept
    assert OPEN["reason"].encode() not in whole + site.log.read_bytes()


def test_it_is_collected_once(hall: Warrants) -> None:
    token = hall.tokens(ID)[4]
    asked = hall.approve(hall.ask([token]), AUDITOR, COMMISSION)
    requester = hall.caller(*REQUESTER)

    def collect(_: int) -> str:
        try:
            requester.collect_reidentification(asked.id, [token])
        except gw.GatewayError as error:
            return error.reason
        return "collected"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(collect, range(8)))
    assert sorted(outcomes) == ["REIDENTIFICATION_COLLECTED"] * 7 + ["collected"]
    refused(lambda: requester.collect_reidentification(asked.id, [token]), "REIDENTIFICATION_COLLECTED")
    refused(lambda: hall.approve(asked, BUREAU), "REIDENTIFICATION_COLLECTED")
    assert requester.reidentification(asked.id).collected_at is not None
    assert asked.id not in {one.id for one in hall.officer(AUDITOR).reidentifications()}


def test_one_officer_is_not_two(hall: Warrants) -> None:
    token = hall.tokens(ID)[5]
    asked = hall.ask([token])
    requester = hall.caller(*REQUESTER)
    refused(lambda: requester.collect_reidentification(asked.id, [token]), "REIDENTIFICATION_NOT_APPROVED")
    hall.approve(asked, AUDITOR)
    again = refused(lambda: hall.approve(asked, AUDITOR), "SECOND_OFFICER_REQUIRED")
    assert again.violations == (("", "has your signature, and takes another's"),)
    refused(lambda: requester.collect_reidentification(asked.id, [token]), "REIDENTIFICATION_NOT_APPROVED")
    # nor does the same signature under another name in the register
    with sqlite3.connect(hall.site.folder / "state.sqlite") as state:
        state.execute(
            "INSERT INTO linking_approvals SELECT subject_id, ?, 1, approved_at, signature FROM linking_approvals"
            " WHERE subject_id = ?",
            ("data-bureau/chen.jie", asked.id),
        )
    refused(lambda: requester.collect_reidentification(asked.id, [token]), "REIDENTIFICATION_NOT_APPROVED")


def test_an_institution_does_not_open_by_itself(hall: Warrants) -> None:
    token = hall.tokens(ID)[6]
    asked = hall.approve(hall.ask([token]), COMMISSION, SECOND_OF_COMMISSION)
    assert len(asked.approvals) == 2
    requester = hall.caller(*REQUESTER)
    refused(lambda: requester.collect_reidentification(asked.id, [token]), "REIDENTIFICATION_NOT_APPROVED")
    hall.approve(asked, BUREAU)
    assert requester.collect_reidentification(asked.id, [token]).sealed


def test_nobody_approves_what_they_ask(hall: Warrants) -> None:
    token = hall.tokens(ID)[7]
    asked = hall.ask([token])
    asker = refused(lambda: hall.approve(asked, REQUESTER), "SECOND_OFFICER_REQUIRED")
    assert asker.violations == (("", "was asked for by you"),)
    # nor by a signature slipped into the register
    hall.approve(asked, AUDITOR)
    own = hall.keys[REQUESTER].sign(_statement(asked))
    with sqlite3.connect(hall.site.folder / "state.sqlite") as state:
        state.execute(
            "INSERT INTO linking_approvals SELECT subject_id, ?, 1, approved_at, ? FROM linking_approvals"
            " WHERE subject_id = ?",
            ("health-commission/xu.lan", own, asked.id),
        )
    requester = hall.caller(*REQUESTER)
    refused(lambda: requester.collect_reidentification(asked.id, [token]), "REIDENTIFICATION_NOT_APPROVED")


def _statement(asked: Reidentification) -> bytes:
    return reidentification_statement(asked)


def test_it_takes_the_power_and_the_reach(hall: Warrants) -> None:
    asked = hall.ask([hall.tokens(ID)[8]])
    for who, reason in [(DISTRICT, "ENTRY_NOT_FOUND"), (("police", "li.wei"), "AUTHORITY_EXCEEDED")]:
        key = hall.keys.get(who, hall.keys[AUDITOR])
        refused(partial(hall.officer(who).approve_reidentification, asked, key), reason)
    assert hall.officer(DISTRICT).reidentifications() == ()
    refused(lambda: hall.officer(("police", "li.wei")).reidentifications(), "AUTHORITY_EXCEEDED")


def test_an_approval_is_of_one_request_as_it_is(hall: Warrants) -> None:
    asked, auditor = hall.ask([hall.tokens(ID)[9]]), hall.officer(AUDITOR)
    other = hall.ask([hall.tokens(ID)[10]])
    for shown in (
        replace(asked, public_key=gw.reidentify.new_key().public_key().public_bytes_raw()),
        replace(asked, tokens_digest=other.tokens_digest),
        replace(asked, count=2),
        replace(asked, reason="quite another reason"),
        replace(other, id=asked.id),
    ):
        refused(partial(auditor.approve_reidentification, shown, hall.keys[AUDITOR]), "SIGNATURE_INVALID")
    refused(lambda: auditor.approve_reidentification(asked, hall.keys[BUREAU]), "SIGNATURE_INVALID")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("public_key", gw.reidentify.new_key().public_key().public_bytes_raw()),
        ("person", "li.wei"),
        ("tokens_of", "missing-persons"),
        ("reason", "some other reason"),
    ],
    ids=["public_key", "person", "tokens_of", "reason"],
)
def test_what_is_changed_after_the_approvals_is_not_approved(hall: Warrants, column: str, value: object) -> None:
    """Above all the key: the answer is sealed to the one that the officers signed, or not at all."""
    token = hall.tokens(ID)[11]
    asked = hall.approve(hall.ask([token]), AUDITOR, COMMISSION)
    with sqlite3.connect(hall.site.folder / "state.sqlite") as state:
        state.execute(f"UPDATE reidentifications SET {column} = ? WHERE request_id = ?", (value, asked.id))
    who = (ID, "li.wei") if column == "person" else REQUESTER
    collector = hall.caller(*who)
    refused(lambda: collector.collect_reidentification(asked.id, [token]), "REIDENTIFICATION_NOT_APPROVED")


def test_other_tokens_are_not_opened_on_an_approval(hall: Warrants) -> None:
    tokens = hall.tokens(ID)
    asked = hall.approve(hall.ask(tokens[12:14]), AUDITOR, COMMISSION)
    requester = hall.caller(*REQUESTER)
    for others in (tokens[14:16], tokens[12:13], tokens[13:11:-1], [tokens[12] + tokens[13]], [*tokens[12:14], "x"]):
        error = refused(partial(requester.collect_reidentification, asked.id, others), "REQUEST_INVALID")
        assert [where for where, _ in error.violations] == ["tokens"]
    assert requester.collect_reidentification(asked.id, tokens[12:14]).sealed


def test_nobody_else_collects_or_sees_a_request(hall: Warrants) -> None:
    token = hall.tokens(ID)[15]
    asked = hall.approve(hall.ask([token]), AUDITOR, COMMISSION)
    for who in ((ID, "li.wei"), ("police", REQUESTER[1])):
        refused(partial(hall.caller(*who).collect_reidentification, asked.id, [token]), "ENTRY_NOT_FOUND")
        refused(partial(hall.caller(*who).reidentification, asked.id), "ENTRY_NOT_FOUND")
    refused(lambda: hall.caller(*REQUESTER).collect_reidentification("0" * 32, [token]), "ENTRY_NOT_FOUND")


def test_the_terms_of_the_grant_hold(hall: Warrants) -> None:
    tokens = hall.tokens(ID)
    refused(lambda: hall.ask(tokens[:6]), "CAP_EXCEEDED")
    refused(lambda: hall.ask(tokens[:1], case_number=""), "CASE_NUMBER_REQUIRED")
    refused(lambda: hall.ask(tokens[:1], purpose="contact-matching"), "DISCLOSURE_NOT_GRANTED")
    refused(lambda: hall.ask(tokens[:1], who=("police", "li.wei")), "PURPOSE_NOT_GRANTED")
    refused(lambda: hall.ask(tokens[:1], reason="short"), "REQUEST_INVALID")
    # what the institution has no tokens for gets none by being asked about
    for nothing in ("public-health", "no-such-purpose"):
        error = refused(partial(hall.ask, tokens[:1], tokens_of=nothing), "REQUEST_INVALID")
        assert [where for where, _ in error.violations] == ["tokens_of"]
    known = FileKeyRing.open(hall.site.folder / "keys.json", SECRET).domains()
    assert {domain.purpose for domain in known} & {"public-health", "no-such-purpose"} == set()


def test_a_key_that_nothing_can_be_sealed_to_is_refused_at_once(hall: Warrants) -> None:
    site, weak = hall.site, bytes(32)
    credentials = [(site.folder / name).read_bytes() for name in ("ca.pem", f"{ID}.key", f"{ID}.pem")]
    with grpc.secure_channel(site.target, grpc.ssl_channel_credentials(*credentials)) as channel:
        request = linking_service_pb2.AskReidentificationRequest(
            dataset="health_cases", disclosure="contact-warning", field="resident_id", tokens_of="epidemic-tracing",
            tokens=hall.tokens(ID)[:1], reason=OPEN["reason"], public_key=weak,
        )  # fmt: skip
        request.context.purpose, request.context.case_number = OPEN["purpose"], OPEN["case_number"]
        with pytest.raises(grpc.RpcError) as raised:
            linking_service_pb2_grpc.LinkingServiceStub(channel).AskReidentification(
                request, metadata=(("authorization", f"Bearer {site.token(*REQUESTER)}"),), timeout=30
            )
    error: Any = raised.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
