"""What every KeyRing does."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from gateway.model.permit import PseudonymDomain
from gateway.ports import AUDIT_DOMAIN, KeyUse
from tests.conformance.ports.conftest import OpenKeyRing

TAX = PseudonymDomain("hztax", "subsidy-check")


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
