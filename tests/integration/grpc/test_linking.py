"""Linking over gRPC: two institutions, two officers, and tokens that meet only in a join grant, while it stands."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

import gateway.client as gw
from gateway.adapters.keys.ring import FileKeyRing
from gateway.client.warrants import join_statement
from seeds.generator import City as SeededCity
from tests.integration.site import ROOT, SECRET, Site, institutions_of, values_of
from tests.integration.warrants import AUDITOR, BUREAU, COMMISSION, DISTRICT, FIRST, TRACING, Warrants, officers_file


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Iterator[Warrants]:
    folder = tmp_path_factory.mktemp("linking")
    shutil.copytree(ROOT / "policies", folder / "policies")
    keys = officers_file(folder / "policies")
    grants = folder / "policies" / "grants.csv"
    grants.write_text(grants.read_text().replace("subjects=5000/day;rate=60/hour", "subjects=5000/day;rate=6000/hour"))
    site = Site(folder / "site", folder / "policies", seeded[0], institutions_of(folder / "policies"))
    site.prepare()
    site.start()
    hall = Warrants(site, keys)
    with hall.stack:
        yield hall
    site.stop()


def refused(call: object, reason: str) -> gw.GatewayError:
    assert callable(call)
    with pytest.raises(gw.GatewayError) as raised:
        call()
    assert raised.value.reason == reason
    return raised.value


def test_the_same_people_meet_in_the_join_and_nowhere_else(hall: Warrants) -> None:
    police, commission = hall.tokens("police"), hall.tokens("health-commission")
    cases = set(values_of(hall.site.data, "health_cases", "resident_id"))
    assert len(police) == len(commission) == len(cases) > 20
    assert not set(police) & set(commission)
    join = hall.joined()
    first, second = hall.link("police", join), hall.link("health-commission", join)
    assert set(first) == set(second) and len(set(first)) == len(cases)
    assert not set(first) & {*police, *commission, *cases}
    # in order, the same each time, one by one as all together
    assert hall.link("police", join, police[::-1][:7]) == first[::-1][:7]
    assert [hall.link("police", join, [token])[0] for token in police[:3]] == first[:3]


def test_two_joins_do_not_join(hall: Warrants) -> None:
    one, other = hall.joined(), hall.joined()
    assert not set(hall.link("police", one)) & set(hall.link("police", other))
    assert not set(hall.link("police", one)) & set(hall.link("health-commission", other))


def test_what_is_no_token_of_the_callers_own_comes_back_empty(hall: Warrants) -> None:
    join = hall.joined()
    mine, theirs = hall.tokens("police")[0], hall.tokens("health-commission")[0]
    joined = hall.link("police", join, [mine])[0]
    flipped = mine[:-1] + ("0" if mine[-1] != "0" else "1")
    raw = values_of(hall.site.data, "health_cases", "resident_id")[0]
    forged = [theirs, flipped, joined, raw, "", "b" + "0" * 32, "s" + "ab" * 20, mine.upper()]
    assert hall.link("police", join, [mine, *forged, mine]) == [joined, *[None] * len(forged), joined]


def test_it_takes_the_signatures_of_two(hall: Warrants) -> None:
    join = hall.propose(BUREAU)
    assert (join.in_force, join.approvals_lacking) == (False, 2)
    refused(lambda: hall.link("police", join), "JOIN_NOT_IN_FORCE")
    join = hall.approve_join(join, BUREAU)
    assert (join.in_force, join.approvals_lacking) == (False, 1)
    refused(lambda: hall.link("police", join), "JOIN_NOT_IN_FORCE")
    again = refused(lambda: hall.approve_join(join, BUREAU), "SECOND_OFFICER_REQUIRED")
    assert again.violations == (("", "has your signature, and takes 1 more"),)
    refused(lambda: hall.link("police", join), "JOIN_NOT_IN_FORCE")
    join = hall.approve_join(join, AUDITOR)
    again = refused(lambda: hall.approve_join(join, AUDITOR), "SECOND_OFFICER_REQUIRED")
    assert again.violations == (("", "has your signature, and is in force"),)
    assert (join.in_force, join.approvals_lacking) == (True, 0)
    assert hall.link("police", join)
    # whoever only proposes it has not signed it
    other = hall.approve_join(hall.propose(BUREAU), AUDITOR)
    refused(lambda: hall.link("police", other), "JOIN_NOT_IN_FORCE")


def test_one_officer_and_the_register_do_not_make_a_join(hall: Warrants) -> None:
    """What the auditor signs says that another proposed it; that other has not signed, and a copy does not count."""
    join = hall.approve_join(hall.propose(BUREAU), AUDITOR)
    own = hall.keys[AUDITOR].sign(join_statement(join))
    with sqlite3.connect(hall.site.folder / "state.sqlite") as state:
        state.execute(
            "INSERT INTO linking_approvals VALUES (?, 'data-bureau/chen.jie', 1, '2026-01-01 00:00:00.000000', ?)",
            (join.id, own),
        )
    (shown,) = [one for one in hall.officer(AUDITOR).joins() if one.id == join.id]
    assert (len(shown.approvals), shown.in_force, shown.approvals_lacking) == (2, False, 1)
    refused(lambda: hall.link("police", join), "JOIN_NOT_IN_FORCE")


def test_nobody_signs_for_another_or_signs_something_else(hall: Warrants) -> None:
    join, auditor = hall.propose(), hall.officer(AUDITOR)
    longer = replace(join, ends_at=join.ends_at + timedelta(days=1))
    for shown, key in [
        (join, hall.keys[BUREAU]),
        (longer, hall.keys[AUDITOR]),
        (replace(join, purpose="epidemic-tracing"), hall.keys[AUDITOR]),
        (replace(join, second=gw.TokenDomain("open-data-portal", TRACING)), hall.keys[AUDITOR]),
        (replace(join, reason="something else altogether"), hall.keys[AUDITOR]),
    ]:
        refused(lambda shown=shown, key=key: auditor.approve_join(shown, key), "SIGNATURE_INVALID")
    refused(lambda: hall.link("police", join), "JOIN_NOT_IN_FORCE")


def test_it_takes_the_power_over_the_whole_city(hall: Warrants) -> None:
    join = hall.propose()
    for who in (COMMISSION, DISTRICT, ("police", "li.wei")):
        error = refused(lambda who=who: hall.propose(who), "AUTHORITY_EXCEEDED")
        assert [where for where, _ in error.violations] == ["dataset" if who == DISTRICT else ""]
        assert "'link'" in error.violations[0][1]
        key = hall.keys.get(who, hall.keys[AUDITOR])
        refused(lambda who=who, key=key: hall.officer(who).approve_join(join, key), "AUTHORITY_EXCEEDED")
        refused(lambda who=who: hall.officer(who).end_join(join.id), "AUTHORITY_EXCEEDED")
    assert hall.officer(DISTRICT).joins() == ()
    error = refused(lambda: hall.officer(COMMISSION).joins(), "AUTHORITY_EXCEEDED")
    assert error.violations == (("", "takes the power 'link' or 'review'"),)


def test_a_join_is_proposed_of_what_is_there_and_for_ninety_days_at_most(hall: Warrants) -> None:
    for changed, place in [
        ({"days": 91.0}, "ends_at"),
        ({"days": -1.0}, "ends_at"),
        ({"second": FIRST}, "second"),
        ({"purpose": "no-such-purpose"}, "purpose"),
        ({"first": gw.TokenDomain("police", "venue-registration")}, "first.purpose"),
        ({"field": "case_id"}, "field"),
        ({"first": gw.TokenDomain("polic", TRACING)}, "first.recipient"),
        ({"second": gw.TokenDomain("task-force-epidemic", TRACING)}, "second.recipient"),  # a role, and no institution
    ]:
        error = refused(lambda changed=changed: hall.propose(**changed), "REQUEST_INVALID")
        assert [where for where, _ in error.violations] == [place]


def test_other_tokens_purposes_and_callers_are_not_in_the_join(hall: Warrants) -> None:
    join, mine = hall.joined(), hall.tokens("police")[:2]
    refused(lambda: hall.link("police", "0" * 32, mine), "JOIN_NOT_IN_FORCE")
    refused(lambda: hall.link("police", join, mine, tokens_of="missing-persons"), "JOIN_NOT_IN_FORCE")
    # a side of the join that the caller is not
    asked = hall.joined()
    other = hall.approve_join(hall.propose(first=gw.TokenDomain("police-xiacheng", TRACING)), BUREAU, AUDITOR)
    refused(lambda: hall.link("police", other, mine), "JOIN_NOT_IN_FORCE")
    # without a grant nobody learns whether there is such a join
    for who, purpose in [("police", TRACING), ("open-data-portal", "public-health-information")]:
        call = hall.caller(who)
        refused(
            lambda call=call, purpose=purpose: call.link(
                "health_cases",
                "contact-matching",
                mine,
                join=asked.id,
                purpose=purpose,
                by="resident_id",
                tokens_of=TRACING,
            ),
            "DISCLOSURE_NOT_GRANTED",
        )


def test_the_kinds_are_not_to_be_had_by_another_call(hall: Warrants) -> None:
    police, mine = hall.caller("police"), hall.tokens("police")[:1]
    for name in ("contact-matching", "contact-warning"):
        for call in (
            lambda name=name: police.lookup(
                "health_cases", name, purpose="contact-matching", by="resident_id", tokens=mine
            ),
            lambda name=name: police.check(
                "health_cases", name, purpose="contact-matching", by="resident_id", token=mine[0]
            ),
            lambda name=name: police.extract("health_cases", name, purpose="contact-matching"),
        ):
            refused(call, "DISCLOSURE_NOT_GRANTED")


def test_what_an_officer_ends_is_over_and_its_key_with_it(hall: Warrants) -> None:
    join = hall.joined()
    tokens = hall.link("police", join)
    secrets = FileKeyRing.open(hall.site.folder / "keys.json", SECRET)
    assert f"join:{join.id}" in {domain.recipient for domain in secrets.domains()}
    ended = hall.officer(BUREAU).end_join(join.id)
    assert (
        ended.ended_by == "data-bureau/chen.jie"
        and not ended.in_force
        and ended.destroyed_at is not None
        and ended.destroyed_entry
    )
    refused(lambda: hall.link("police", join), "JOIN_NOT_IN_FORCE")
    refused(lambda: hall.officer(AUDITOR).approve_join(join, hall.keys[AUDITOR]), "ENTRY_NOT_FOUND")
    refused(lambda: hall.officer(BUREAU).end_join(join.id), "ENTRY_NOT_FOUND")
    after = FileKeyRing.open(hall.site.folder / "keys.json", SECRET)
    assert f"join:{join.id}" not in {domain.recipient for domain in after.domains()}
    # another join of the same two is another domain: what was linked before is not linked again
    assert not set(hall.link("police", hall.joined())) & set(tokens)
    # and tokens of the join open nothing
    assert hall.link("police", hall.joined(), tokens[:3]) == [None] * 3


def test_whoever_changes_the_register_has_a_grant_that_nobody_signed(hall: Warrants) -> None:
    join = hall.joined()
    assert hall.link("police", join, hall.tokens("police")[:1])[0]
    for column, value in [
        ("ends_at", (datetime.now(UTC) + timedelta(days=900)).strftime("%Y-%m-%d %H:%M:%S.%f")),
        ("reason", "another reason"),
        ("proposed_by", "audit-bureau/somebody"),
        ("second_recipient", "open-data-portal"),
    ]:
        with sqlite3.connect(hall.site.folder / "state.sqlite") as state:
            (before,) = state.execute(f"SELECT {column} FROM joins WHERE join_id = ?", (join.id,)).fetchone()
            state.execute(f"UPDATE joins SET {column} = ? WHERE join_id = ?", (value, join.id))
        refused(lambda: hall.link("police", join, hall.tokens("police")[:1]), "JOIN_NOT_IN_FORCE")
        with sqlite3.connect(hall.site.folder / "state.sqlite") as state:
            state.execute(f"UPDATE joins SET {column} = ? WHERE join_id = ?", (before, join.id))
    assert hall.link("police", join, hall.tokens("police")[:1])[0]


def test_what_left_is_on_record_with_the_join_and_without_a_token(hall: Warrants) -> None:
    join, mine = hall.joined(), hall.tokens("police")[:5]
    found = hall.caller("police").link(
        "health_cases", "contact-matching", [*mine, "forged"], join=join.id, purpose="contact-matching",
        by="resident_id", tokens_of=TRACING,
    )  # fmt: skip
    again = hall.caller("police").receipt(found.receipt.receipt_id)
    assert again == found.receipt
    assert (again.join, again.rows, again.grant) == (join.id, 5, "g-police-matching")
    shown: bytes = again.SerializeToString() + hall.site.log.read_bytes()
    assert not [token for token in (*mine, *found.tokens.to_pylist()) if token and token.encode() in shown]
    error = refused(lambda: hall.link("police", "0" * 32, mine), "JOIN_NOT_IN_FORCE")
    assert error.receipt_id


@pytest.mark.parametrize("page", ["link-two-domains", "call-from-python"])
def test_how_to_link_from_python(
    hall: Warrants, page: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / f"docs/howto/{page}.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"<!-- tested: tests/integration/grpc/test_linking.py -->\n *```python\n(.*?)```", text, re.S)
    program = dedent(found).replace("6b1d0c5e8f3a4d2790ab1c2d3e4f5a6b", hall.joined().id)
    # its address and files are another city's
    monkeypatch.chdir(hall.site.folder)
    program = program.replace("gateway.example:8443", hall.site.target)
    names = {"connect": hall.site.connect, "token": hall.site.token("police", "li.wei")}
    exec(compile(program, "documentation", "exec"), names)
    assert capsys.readouterr().out == f"{len(hall.tokens('police'))}\n"


def test_five_thousand_tokens_at_once_and_no_more(hall: Warrants) -> None:
    join, mine = hall.joined(), hall.tokens("police")
    many = (mine * (5000 // len(mine) + 1))[:5000]
    assert len(hall.link("police", join, many)) == 5000
    refused(lambda: hall.link("police", join, [*many, "x"]), "REQUEST_INVALID")


def test_of_long_tokens_fewer_fit_into_a_request(hall: Warrants) -> None:
    join, long = hall.joined(), "s" + "0" * 68
    assert hall.link("police", join, [long] * 3650) == [None] * 3650
    refused(lambda: hall.link("police", join, [long] * 3700), "RESOURCE_EXHAUSTED")


def test_officers_see_the_joins_of_their_reach(hall: Warrants) -> None:
    join = hall.joined()
    (seen,) = [one for one in hall.officer(AUDITOR).joins() if one.id == join.id]
    assert seen == join
    assert [one.officer for one in seen.approvals] == ["data-bureau/chen.jie", "audit-bureau/wu.min"]
