"""No list of all numbers leads to a token: nobody without the key makes one, whatever he hashes and enciphers.

The tokens are asked for over TLS; the dictionary is made of the true numbers behind them. What a gateway would give
that hashes without a key, or under a key that can be guessed, is asked for in the same way, and found.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pyarrow as pa
import pytest

from gateway.kernels.tokens import TokenKeys, tokenize
from gateway.model.pseudonym import CipherSuite
from gateway.stages import pseudonymize as stage
from tests.privacy.channel import Broken, Serving
from tests.privacy.detectors import guessed
from tests.privacy.dictionary import FORM, dictionary
from tests.privacy.told import ASKING, CLEANING, HOTELS, OTHER, TREATMENTS, Told, texts

SOME = 200
"""Of how many people a dictionary is made at a time: some 1,700 guesses each."""

Tried: TypeAlias = "tuple[list[str], set[str]]"
"""People whom somebody looks for, and all that he made of their numbers."""


@pytest.fixture(scope="module")
def tried(told: Told) -> Tried:
    """Some people, from all over the list."""
    people = list(told.ask("tokens"))
    some = people[:: len(people) // SOME][:SOME]
    return some, dictionary(some)


def all_tried(people: list[str], tried: Tried, prove: bool) -> Iterator[Tried]:
    """Some people, or all of them under --prove."""
    yield tried
    for start in range(0, len(people) if prove else 0, SOME):
        some = people[start : start + SOME]
        yield some, dictionary(some)


@pytest.mark.proof
def test_no_dictionary_has_a_token(told: Told, tried: Tried, prove: bool) -> None:
    held = [
        told.ask(name, recipient, purpose)
        for name in TREATMENTS
        for recipient, purpose in ((ASKING, CLEANING), (OTHER, CLEANING), (ASKING, HOTELS))
    ]
    for people, guesses in all_tried(list(held[0]), tried, prove):
        assert len(guesses) > 1500 * len(people)
        for tokens in held:
            # nobody's token, not only the tokens of those whose numbers were tried
            assert guessed(tokens.values(), guesses) == 0


HASHED: dict[str, Callable[[bytes], str]] = {
    "sha256": lambda text: hashlib.sha256(text).hexdigest()[:32],
    "the end of sha512": lambda text: hashlib.sha512(text).hexdigest()[-32:],
    "md5": lambda text: hashlib.md5(text, usedforsecurity=False).hexdigest(),
    "sm3": lambda text: hashlib.new("sm3", text).hexdigest()[:32],
    "salted": lambda text: hashlib.sha256(b"salt" + text).hexdigest()[:32],
    "twice": lambda text: hashlib.sha256(hashlib.sha256(text).digest()).hexdigest()[:32],
    "keyed by nothing": lambda text: hmac.new(b"", text, "sha256").hexdigest()[:32],
    "keyed by its domain": lambda text: hmac.new(f"{ASKING}/{CLEANING}".encode(), text, "sha256").hexdigest()[:32],
}


@pytest.mark.parametrize("how", HASHED)
def test_codes_that_are_hashes_are_found(heard: Told, tried: Tried, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    people, guesses = tried

    def broken(column: pa.StringArray, *_: object, **__: object) -> pa.StringArray:
        codes = [None if one is None else "c" + HASHED[how](one.encode()) for one in column.to_pylist()]
        return pa.array(codes, pa.string())

    monkeypatch.setattr(stage, "irreversible", broken)
    tokens = heard.ask_anew("codes")
    assert guessed([tokens[one] for one in people], guesses) == len(people)


@pytest.mark.parametrize("key", [bytes(64), bytes(range(64)), hashlib.sha512(b"secret").digest()], ids=["0", "1", "2"])
def test_tokens_under_a_key_that_can_be_guessed_are_found(
    served: Serving, heard: Told, tried: Tried, key: bytes
) -> None:
    people, guesses = tried
    with served.broken(Broken(served.keys.ring, key=key)):
        for name in TREATMENTS:
            tokens = heard.ask_anew(name)
            assert guessed([tokens[one] for one in people], guesses) == len(people)


def test_one_token_among_many_is_found(tried: Tried) -> None:
    people, guesses = tried
    sound, guessable = (bytes.fromhex(hashlib.sha512(word).hexdigest()) for word in (b"a key nobody has", b"gateway"))
    tokens, known = (
        texts(tokenize(pa.array(people, pa.string()), FORM, TokenKeys(CipherSuite.SM4, key, key)))
        for key in (sound, guessable)
    )
    assert guessed(tokens, guesses) == 0
    assert guessed([*tokens[1:], known[0]], guesses) == 1
