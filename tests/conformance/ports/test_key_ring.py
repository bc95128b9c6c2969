"""What every KeyRing does."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import CipherSuite, PseudonymDomain, Renewal
from gateway.ports import AUDIT_DOMAIN, KeyRing, KeyUse
from tests.conformance.ports.conftest import OpenKeyRing

TAX = PseudonymDomain("hztax", "subsidy-check")
POLICE = PseudonymDomain("hzpb", "subsidy-check")
EPOCHS = ("", "2025", "2025-11", "2026", "2026-10", "2026-11", "2026-11-20", "2026-11-21")


def gone(ring: KeyRing, domain: PseudonymDomain) -> bool:
    """Tell whether the domain has no key for any use."""
    faults = 0
    for use in KeyUse:
        try:
            ring.working_key(domain, use, "text")
        except Fault as fault:
            assert fault.reason is ErrorReason.KEYS_UNAVAILABLE
            faults += 1
    assert faults in (0, len(KeyUse))
    return faults > 0


def test_a_working_key_is_64_bytes_and_the_same_in_every_opening(open_keys: OpenKeyRing) -> None:
    first, second = open_keys(), open_keys()  # the second was open before the domain was made
    key = first.working_key(TAX, KeyUse.TOKEN_BLOCK, "resident-id")
    assert len(key) == 64
    for ring in (first, second, open_keys()):
        assert ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "resident-id") == key


def test_keys_of_other_domains_uses_and_forms_are_others(open_keys: OpenKeyRing) -> None:
    ring = open_keys()
    domains = [TAX, PseudonymDomain("hzpb", "subsidy-check"), PseudonymDomain("hztax", "audit"), AUDIT_DOMAIN]
    domains += [PseudonymDomain("a", "bc"), PseudonymDomain("ab", "c"), PseudonymDomain("subsidy-check", "hztax")]
    domains += [TAX.at(renewed, date(2026, 11, 22)) for renewed in Renewal] + [replace(TAX, epoch="2026-10")]
    asked = list(product(domains, KeyUse, ["resident-id", "phone"]))
    assert len({ring.working_key(*one)[:16] for one in asked}) == len(asked)


def test_threads_of_two_openings_that_make_domains_agree(open_keys: OpenKeyRing) -> None:
    rings = (open_keys(), open_keys())
    domains = [PseudonymDomain(f"r{number % 8}", "p") for number in range(64)]
    with ThreadPoolExecutor(16) as threads:
        keys = list(
            threads.map(
                lambda pair: rings[pair[0] % 2].working_key(pair[1], KeyUse.TOKEN_SIV, "text"), enumerate(domains)
            )
        )
    assert len(set(zip(domains, keys, strict=True))) == 8
    fresh = open_keys()
    assert keys == [fresh.working_key(domain, KeyUse.TOKEN_SIV, "text") for domain in domains]


def test_a_ring_shows_no_key_and_is_not_copied(open_keys: OpenKeyRing) -> None:
    ring = open_keys()
    key = ring.working_key(TAX, KeyUse.MANIFEST, "text")
    for shown in (repr(ring), str(ring), format(ring)):
        assert key.hex()[:8] not in shown
        assert len(shown) < 40
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copying(ring)


def test_the_domains_are_those_that_were_made(open_keys: OpenKeyRing) -> None:
    ring = open_keys()
    assert ring.domains() == ()
    for domain in (TAX, AUDIT_DOMAIN, POLICE, TAX):
        for use in KeyUse:
            ring.working_key(domain, use, "text")
    assert set(ring.domains()) == {TAX, AUDIT_DOMAIN, POLICE}
    assert len(ring.domains()) == 3
    assert set(open_keys().domains()) == set(ring.domains())


def test_a_destroyed_domain_has_no_key_for_ever_and_the_others_keep_theirs(open_keys: OpenKeyRing) -> None:
    first, second = open_keys(), open_keys()
    kept = first.working_key(POLICE, KeyUse.TOKEN_BLOCK, "text")
    for ring in (first, second):  # both have it at hand
        ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    first.destroy(TAX)
    for ring in (first, second, open_keys()):
        assert gone(ring, TAX)
        assert ring.domains() == (POLICE,)
        assert ring.working_key(POLICE, KeyUse.TOKEN_BLOCK, "text") == kept
    # whoever had the old file open writes a new domain, and brings nothing back
    second.working_key(PseudonymDomain("new", "new"), KeyUse.TOKEN_BLOCK, "text")
    assert gone(first, TAX) and gone(second, TAX) and gone(open_keys(), TAX)
    assert set(first.domains()) == {POLICE, PseudonymDomain("new", "new")}


def test_what_was_never_made_is_destroyed_as_well_and_to_destroy_again_changes_nothing(open_keys: OpenKeyRing) -> None:
    first, second = open_keys(), open_keys()
    first.destroy(TAX)
    first.destroy(TAX)
    first.destroy(replace(POLICE, epoch="2026"))
    for ring in (first, second, open_keys()):
        assert gone(ring, TAX) and gone(ring, replace(TAX, epoch="2031"))
        assert gone(ring, replace(POLICE, epoch="2026"))
        assert ring.domains() == ()
    assert not gone(second, POLICE)


def test_the_destroyed_are_those_that_were_named_and_not_covered_by_another(open_keys: OpenKeyRing) -> None:
    first, second = open_keys(), open_keys()
    assert first.destroyed() == ()
    first.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    for domain in (replace(TAX, epoch="2026"), replace(POLICE, epoch="2026-11"), POLICE, TAX):
        first.destroy(domain)
    first.destroy(replace(PseudonymDomain("new", "new"), epoch="2026-11"))
    for ring in (first, second, open_keys()):
        assert ring.destroyed() == (POLICE, TAX, PseudonymDomain("new", "new", "2026-11"))


def test_the_gateway_s_own_domain_is_not_destroyed(open_keys: OpenKeyRing) -> None:
    ring = open_keys()
    key = ring.working_key(AUDIT_DOMAIN, KeyUse.MANIFEST, "text")
    with pytest.raises(Fault) as caught:
        ring.destroy(AUDIT_DOMAIN)
    assert caught.value.reason is ErrorReason.INTERNAL
    assert open_keys().working_key(AUDIT_DOMAIN, KeyUse.MANIFEST, "text") == key


def test_the_newest_version_is_the_one_that_is_meant_where_none_is_given(open_keys: OpenKeyRing) -> None:
    ring = open_keys()
    assert ring.suite in CipherSuite
    newest = ring.versions()[0]
    assert ring.versions() == tuple(sorted({*ring.versions()}, reverse=True))
    for use in {*KeyUse} - {KeyUse.PERTURB}:
        assert ring.working_key(TAX, use, "text", newest) == ring.working_key(TAX, use, "text")
        for version in (0, -1, newest + 1):
            with pytest.raises(Fault) as caught:
                ring.working_key(TAX, use, "text", version)
            assert caught.value.reason is ErrorReason.KEYS_UNAVAILABLE


def test_keys_that_never_change_have_one_version(open_keys: OpenKeyRing) -> None:
    ring = open_keys()
    asked = [(AUDIT_DOMAIN, use) for use in KeyUse] + [(TAX, KeyUse.PERTURB)]
    for domain, use in asked:
        ring.working_key(domain, use, "text")
        with pytest.raises(Fault) as caught:
            ring.working_key(domain, use, "text", ring.versions()[0])
        assert caught.value.reason is ErrorReason.KEYS_UNAVAILABLE


def test_destroying_an_epoch_leaves_the_others(open_keys: OpenKeyRing) -> None:
    first, second = open_keys(), open_keys()
    domains = [replace(TAX, epoch=epoch) for epoch in EPOCHS]
    keys = {domain: first.working_key(domain, KeyUse.TOKEN_BLOCK, "text") for domain in domains}
    assert {second.working_key(domain, KeyUse.TOKEN_BLOCK, "text") for domain in domains} == {*keys.values()}
    first.destroy(domains[3])
    for ring in (first, second, open_keys()):
        assert gone(ring, domains[3])
        left = [domain for domain in domains if domain != domains[3]]
        assert [ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text") for domain in left] == [keys[one] for one in left]
        assert set(ring.domains()) == set(left)


def test_destroying_a_recipient_and_purpose_destroys_every_epoch_also_those_to_come(open_keys: OpenKeyRing) -> None:
    first, second = open_keys(), open_keys()
    for epoch in EPOCHS[1:4]:
        for ring in (first, second):
            ring.working_key(replace(TAX, epoch=epoch), KeyUse.TOKEN_BLOCK, "text")
            ring.working_key(replace(POLICE, epoch=epoch), KeyUse.TOKEN_BLOCK, "text")
    first.destroy(TAX)  # which has no standing tokens
    for ring in (first, second, open_keys()):
        assert all(gone(ring, replace(TAX, epoch=epoch)) for epoch in (*EPOCHS, "2031", "any other"))
        assert set(ring.domains()) == {replace(POLICE, epoch=epoch) for epoch in EPOCHS[1:4]}


def test_epochs_that_ended_expire_in_every_domain_and_are_never_made_again(open_keys: OpenKeyRing) -> None:
    first, second = open_keys(), open_keys()
    domains = [replace(one, epoch=epoch) for one in (TAX, POLICE) for epoch in EPOCHS]
    for domain in domains:
        for ring in (first, second):
            ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    expired = first.expire_epochs(date(2026, 11, 21))
    assert {one.epoch for one in expired} == {"2025", "2025-11", "2026-10", "2026-11-20"}
    assert len(expired) == 8
    never_made = [PseudonymDomain("new", "new", epoch) for epoch in ("1999", "2026-09", "2026-11-01")]
    for ring in (first, second, open_keys()):
        assert all(gone(ring, domain) for domain in (*expired, *never_made))
        assert {one.epoch for one in ring.domains()} == {"", "2026", "2026-11", "2026-11-21"}
        assert not gone(ring, PseudonymDomain("new", "new", "2026-11-21"))
    assert second.expire_epochs(date(2026, 11, 20)) == ()  # an earlier day brings nothing back
    assert all(gone(second, domain) for domain in expired)


def test_no_epoch_expires_before_its_time(open_keys: OpenKeyRing) -> None:
    ring = open_keys()
    today = city_day(datetime.now(UTC).replace(tzinfo=None))
    current = [TAX.at(renewed, today) for renewed in Renewal]
    for domain in (TAX, *current):
        ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    assert ring.expire_epochs(today) == ()
    assert not any(gone(ring, domain) for domain in (TAX, *current))
    with pytest.raises(Fault) as caught:
        ring.expire_epochs(today + timedelta(days=2))
    assert caught.value.reason is ErrorReason.INTERNAL


@pytest.mark.parametrize("epoch", ["", "2026"])
def test_no_epoch_of_the_gateway_s_own_domain_is_destroyed(open_keys: OpenKeyRing, epoch: str) -> None:
    with pytest.raises(Fault) as caught:
        open_keys().destroy(replace(AUDIT_DOMAIN, epoch=epoch))
    assert caught.value.reason is ErrorReason.INTERNAL


def test_threads_that_use_a_domain_while_it_is_destroyed_end_without_it(open_keys: OpenKeyRing) -> None:
    rings = (open_keys(), open_keys())
    domains = [PseudonymDomain(f"r{number}", "p") for number in range(6)]

    def use(number: int) -> bool:
        ring, domain = rings[number % 2], domains[number % 6]
        if number % 60 // 6 == 9:
            ring.destroy(domain)
            return gone(ring, domain)
        with suppress(Fault):
            ring.working_key(domain, KeyUse.TOKEN_SIV, f"{number}")
        return True

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(use, range(120)))
    for ring in (*rings, open_keys()):
        assert all(gone(ring, domain) for domain in domains)
        assert ring.domains() == ()
