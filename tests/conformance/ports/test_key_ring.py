"""What every KeyRing does."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import product

import pytest

from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import AUDIT_DOMAIN, KeyRing, KeyUse
from tests.conformance.ports.conftest import OpenKeyRing

TAX = PseudonymDomain("hztax", "subsidy-check")
POLICE = PseudonymDomain("hzpb", "subsidy-check")


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


def test_destroying_again_or_what_there_is_not_changes_nothing(open_keys: OpenKeyRing) -> None:
    ring = open_keys()
    ring.destroy(TAX)
    assert not gone(ring, TAX)
    ring.destroy(TAX)
    ring.destroy(TAX)
    assert gone(ring, TAX)
    assert ring.domains() == ()


def test_the_gateway_s_own_domain_is_not_destroyed(open_keys: OpenKeyRing) -> None:
    ring = open_keys()
    key = ring.working_key(AUDIT_DOMAIN, KeyUse.MANIFEST, "text")
    with pytest.raises(Fault) as caught:
        ring.destroy(AUDIT_DOMAIN)
    assert caught.value.reason is ErrorReason.INTERNAL
    assert open_keys().working_key(AUDIT_DOMAIN, KeyUse.MANIFEST, "text") == key


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
