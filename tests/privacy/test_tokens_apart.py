"""Tokens of two recipients or two purposes have nothing in common.

What recipients hold is asked for over TLS, as they would. Each checker is also fed what a broken gateway gives, over
TLS too where it can be composed: one key for two domains, keys that differ by a constant, and bits that tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.model.pseudonym import PseudonymDomain
from tests.privacy.channel import Broken, Serving
from tests.privacy.detectors import Bits, beyond_noise, bits, bits_of_ids, noise_bound, parities, shared
from tests.privacy.told import ASKING, CLEANING, HOTELS, OTHER, TREATMENTS, Told

DOMAINS = ((OTHER, CLEANING), (ASKING, HOTELS), (OTHER, HOTELS))


def coins(name: str, tokens: list[str]) -> Bits:
    """What must look like fair coins of tokens of this name."""
    return bits(tokens) if name in ("tokens", "codes") else parities(tokens)


@pytest.mark.parametrize("name", TREATMENTS)
def test_tokens_of_two_domains_share_nothing_and_are_as_unlike_as_coins(told: Told, name: str) -> None:
    mine = told.ask(name)
    assert len(set(mine.values())) == len(mine) and not set(mine) & set(mine.values())
    assert mine == told.ask_anew(name, ASKING, CLEANING), "the same domain gives the same tokens"
    held = [mine, *(told.ask(name, recipient, purpose) for recipient, purpose in DOMAINS)]
    seen = [coins(name, list(tokens.values())) for tokens in held]
    for at, one in enumerate(held):
        for other in range(at + 1, len(held)):
            assert shared(one, held[other]) == 0
            assert beyond_noise(seen[at], seen[other]) == 0
    # the bound in force: two tokens agree in any bit position between 44 and 56 times in a hundred
    assert noise_bound(len(mine), 128 * 128) < 0.12


@pytest.mark.parametrize("name", TREATMENTS)
def test_tokens_say_nothing_of_a_number(told: Told, name: str) -> None:
    mine = told.ask(name)
    seen = coins(name, list(mine.values()))
    assert beyond_noise(seen, bits_of_ids(mine)) == 0
    assert beyond_noise(seen, parities(mine)) == 0


def test_neither_do_two_kinds_of_tokens_of_one_domain(told: Told) -> None:
    tokens, codes = told.ask("tokens"), told.ask("codes")
    assert not {token[1:] for token in tokens.values()} & {code[1:] for code in codes.values()}
    assert beyond_noise(bits(tokens.values()), bits(codes.values())) == 0


BROKEN: dict[str, tuple[Callable[[PseudonymDomain], PseudonymDomain], set[tuple[str, str]]]] = {
    "one key for all": (lambda domain: replace(domain, recipient="all", purpose="all"), set(DOMAINS)),
    "recipient ignored": (lambda domain: replace(domain, recipient="all"), {(OTHER, CLEANING)}),
    "purpose ignored": (lambda domain: replace(domain, purpose="all"), {(ASKING, HOTELS)}),
}
"""What a broken gateway takes a domain for, and with whose tokens the asking recipient's are then the same."""


@pytest.mark.parametrize("how", BROKEN)
def test_one_key_for_two_domains_is_found(served: Serving, heard: Told, how: str) -> None:
    taken_for, found = BROKEN[how]
    with served.broken(Broken(served.keys.ring, domain=taken_for)):
        for name in TREATMENTS:
            mine = heard.ask_anew(name)
            for domain in DOMAINS:
                theirs = heard.ask_anew(name, *domain)
                assert shared(mine, theirs) == (len(mine) if domain in found else 0)
                alike = beyond_noise(coins(name, list(mine.values())), coins(name, list(theirs.values())))
                assert (alike >= 17) if domain in found else (alike == 0)


def test_tokens_that_a_constant_leads_to_are_found(told: Told) -> None:
    mine = told.ask("tokens")
    constant = int.from_bytes(hashlib.sha256(b"a constant").digest()[:16], "big")
    moved = {person: f"b{int(token[1:], 16) ^ constant:032x}" for person, token in mine.items()}
    assert shared(mine, moved) == 0
    assert beyond_noise(bits(mine.values()), bits(moved.values())) == 128
    numbers = dict(told.ask("lookalikes"))
    moved = {person: f"{(int(number[:17]) + 2 * 10**16) % 10**17:017d}0" for person, number in numbers.items()}
    assert beyond_noise(parities(numbers.values()), parities(moved.values())) == 17


def test_one_bit_that_tells_and_one_person_in_seven_are_found(told: Told) -> None:
    mine = told.ask("tokens")
    telling = bits(mine.values())
    telling[:, 77] = bits_of_ids(mine)[:, 60]
    assert beyond_noise(telling, bits_of_ids(mine)) > 0
    # a gateway that gives every seventh person the same token twice
    seventh = bits(told.ask("tokens", OTHER).values())
    seventh[::7] = bits(mine.values())[::7]
    assert beyond_noise(bits(mine.values()), seventh) > 0
    theirs = {**told.ask("tokens", OTHER), **dict([next(iter(mine.items()))])}
    assert shared(mine, theirs) == 1, "one among thousands is found"
