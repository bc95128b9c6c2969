"""What is no token of the caller's own is nobody's: forged, flipped, foreign, of another form, or of an old version.

Looked up over TLS, and at full size read by the reader itself, a million of each kind. Each is also put to a reader
that is broken: one that checks no redundancy, takes one domain for another, or never closes the window of a rotation.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from gateway.adapters.keys.keeper import KeyKeeper
from gateway.adapters.keys.ring import FileKeyRing
from gateway.kernels.text import as_text, compute, from_matrix
from gateway.kernels.tokens import TokenKeys, irreversible, tokenize
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite, PseudonymDomain
from gateway.ports import KeyUse
from gateway.stages import domain_tokens
from gateway.stages.domain_keys import token_keys
from gateway.stages.domain_tokens import open_tokens, read_tokens
from tests.conformance.ports.still_clock import StillClock
from tests.integration.site import SECRET
from tests.privacy.channel import Broken, Serving
from tests.privacy.detectors import beyond_noise, bits, shared
from tests.privacy.told import ASKING, CLEANING, HOTELS, MAX_KEYS, OTHER, Told, texts

FORM = CanonicalForm.RESIDENT_ID
MANY = 1_000_000
WINDOW = timedelta(days=30)


def flip(token: str, place: int) -> str:
    """The token with one of its bits turned."""
    digits = len(token) - 1
    return f"{token[0]}{int(token[1:], 16) ^ 1 << place % (4 * digits):0{digits}x}"


def forged(seed: int) -> Iterator[str]:
    """Invented tokens of every kind, without end: mostly blocks, which are the shortest to guess."""
    chance = random.Random(seed)
    while True:
        for _ in range(8):
            yield f"b{chance.getrandbits(128):032x}"
        width = chance.randrange(16, 67)
        yield f"s{chance.getrandbits(8 * width):0{2 * width}x}"


# --- over the channel ----------------------------------------------------------------------------------------------


@pytest.mark.proof
def test_no_invented_token_is_anybodys(told: Told, prove: bool) -> None:
    tokens = list(islice(forged(20261122), MANY if prove else 100 * MAX_KEYS))
    assert told.answered(tokens) == 0


def test_no_flipped_foreign_or_other_token_is_anybodys(told: Told, prove: bool) -> None:
    some = slice(None if prove else 1000)
    mine = list(told.ask("tokens").values())
    flipped = [flip(token, place) for place, token in enumerate(mine)]
    others = {
        "flipped": flipped[:1280] if not prove else flipped,
        "every bit of one": [flip(mine[0], place) for place in range(128)],
        "another recipient's": list(told.ask("tokens", OTHER).values())[some],
        "of another purpose": list(told.ask("tokens", purpose=HOTELS).values())[some],
        "of both": list(told.ask("tokens", OTHER, HOTELS).values())[some],
        "of another form": told.of_other_forms()[:: 1 if prove else 8],
        "a code": list(told.ask("codes").values())[some],
        "a code that says it were a token": [f"b{code[1:]}" for code in told.ask("codes").values()][some],
        "one that looks like a number": list(told.ask("lookalikes").values())[some],
        "a number": list(told.ids.values())[:MAX_KEYS],
        "another spelling": [token.upper() for token in mine[:MAX_KEYS]] + [token + "0" for token in mine[:MAX_KEYS]],
    }
    for tokens in others.values():
        assert tokens and told.answered(tokens) == 0
    # the same way of asking finds everybody behind the caller's own tokens
    assert told.answered(mine[:500] + others["of both"][:250]) == 500


def test_tokens_of_an_old_version_end_with_the_window(served: Serving, heard: Told) -> None:
    old = heard.ask_anew("tokens")
    taken = list(old.values())[:1500]
    served.keeper.rotate(WINDOW)
    new = heard.ask_anew("tokens")
    # the new ones are of a new version, and say nothing of the old
    assert shared(old, new) == 0
    assert beyond_noise(bits(old.values()), bits(new.values())) == 0
    assert heard.answered(taken[:500]) == 500, "the window is open"
    endless = FileKeyRing.open(served.site.folder / "keys.json", SECRET)  # its clock is not put forward
    ahead = served.clock.ahead
    try:
        served.clock.ahead = ahead + WINDOW - timedelta(minutes=5)
        assert heard.answered(taken[:100]) == 100, "the window is still open"
        served.clock.ahead = ahead + WINDOW
        assert heard.answered(taken) == 0
        assert heard.answered(list(new.values())[:500]) == 500
        # one whose window never closes is found
        with served.broken(endless):
            assert heard.answered(taken[:500]) == 500
        # and what is refused is still refused when the old master is erased from the file
        served.keeper.finish()
        assert heard.answered(taken) == 0
    finally:
        served.clock.ahead = ahead


@pytest.mark.parametrize(
    ("taken_for", "foreign"),
    [
        (lambda domain: replace(domain, recipient="all"), (OTHER, CLEANING)),
        (lambda domain: replace(domain, purpose="all"), (ASKING, HOTELS)),
    ],
    ids=["recipient ignored", "purpose ignored"],
)
def test_a_gateway_that_takes_foreign_tokens_is_found(
    served: Serving,
    heard: Told,
    taken_for: Callable[[PseudonymDomain], PseudonymDomain],
    foreign: tuple[str, str],
) -> None:
    with served.broken(Broken(served.keys.ring, domain=taken_for)):
        theirs = list(heard.ask_anew("tokens", *foreign).values())[:300]
        assert heard.answered(theirs) == len(theirs)


def test_a_gateway_that_checks_no_redundancy_is_found(
    served: Serving, heard: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the holder of the key makes blocks whose number is somebody's, and whose fixed half is another
    keys = token_keys(served.keys, PseudonymDomain(ASKING, CLEANING), FORM)
    numbers = [int(one[:17]).to_bytes(8, "big") for one in list(heard.ids.values())[:300]]
    blocks = {fixed: b"".join(number + fixed for number in numbers) for fixed in (b"PG-RESID", b"PG-RESIE")}
    right, wrong = (
        [f"b{row.tobytes().hex()}" for row in keys.of_blocks().encrypt(octets(block))] for block in blocks.values()
    )
    assert heard.answered(right) == 300
    assert heard.answered(wrong) == 0
    monkeypatch.setattr(domain_tokens, "detokenize", careless)
    assert heard.answered(wrong) == 300


# --- at the reader: a million of each kind -------------------------------------------------------------------------

HERE = PseudonymDomain(ASKING, CLEANING)
ELSEWHERE = {
    "recipient": PseudonymDomain(OTHER, CLEANING),
    "purpose": PseudonymDomain(ASKING, HOTELS),
    "epoch": PseudonymDomain(ASKING, CLEANING, "2026-11"),
}


@dataclass(frozen=True)
class Ring:
    """A key file of a test, and its clock."""

    keys: FileKeyRing
    keeper: KeyKeeper
    clock: StillClock

    def made(self, values: pa.StringArray, domain: PseudonymDomain = HERE) -> pa.StringArray:
        """Tokens of a domain."""
        return tokenize(values, FORM, token_keys(self.keys, domain, FORM))

    def accepted(self, tokens: pa.StringArray) -> int:
        """How many tokens the gateway's reader takes for somebody's of the domain."""
        values = open_tokens(tokens, HERE, FORM, self.keys)
        return len(values) - values.null_count


@pytest.fixture(params=CipherSuite)
def ring(tmp_path: Path, request: pytest.FixtureRequest) -> Ring:
    path, clock = tmp_path / "keys.json", StillClock()
    keys = FileKeyRing.create(path, SECRET, 2**15, request.param, clock)
    keys.working_key(HERE, KeyUse.TOKEN_BLOCK, FORM.value)
    return Ring(keys, KeyKeeper.open(path, SECRET, clock), clock)


@pytest.fixture(scope="module")
def people(prove: bool) -> pa.StringArray:
    """Numbers of a million people, or of fewer."""
    numbers = np.random.default_rng(11643).choice(10**9, MANY if prove else MANY // 10, replace=False)
    return ids_of(numbers.astype(np.uint64) + np.uint64(33010019800000000))


def test_of_a_million_invented_tokens_none_is_taken(ring: Ring, people: pa.StringArray) -> None:
    chance = np.random.default_rng(20261122)
    blocks = spelled("b", chance.integers(0, 256, (MANY, 16), np.uint8))
    assert ring.accepted(blocks) == 0
    # as long as the SIV tokens of numbers with a wrong check character
    assert ring.accepted(spelled("s", chance.integers(0, 256, (len(people), 16 + 18), np.uint8))) == 0
    # a reader that does not look at the fixed half of a block takes one in two hundred
    unread = careless(blocks, FORM, token_keys(ring.keys, HERE, FORM))
    assert (MANY - unread.null_count) / MANY == pytest.approx(10**17 / 2**64, rel=0.1)


def test_of_a_million_flipped_tokens_none_is_taken(ring: Ring, people: pa.StringArray) -> None:
    some = people.slice(0, len(people) // 128)
    for letter, values in (("b", some), ("s", compute.binary_replace_slice(some, 17, 18, "x9"))):
        tokens = ring.made(values)
        assert ring.accepted(tokens) == len(some)
        held = octets(bytes.fromhex("".join(token[1:] for token in texts(tokens))), len(tokens))
        single = np.packbits(np.eye(8 * held.shape[1], dtype=np.uint8), axis=1)
        turned = (held[:, None] ^ single).reshape(-1, held.shape[1])
        assert len(turned) >= len(people) - 128
        assert ring.accepted(spelled(letter, turned)) == 0


@pytest.mark.parametrize("domain", ELSEWHERE)
def test_of_a_million_foreign_tokens_none_is_taken(ring: Ring, people: pa.StringArray, domain: str) -> None:
    foreign = ring.made(people, ELSEWHERE[domain])
    assert foreign.null_count == 0
    assert ring.accepted(foreign) == 0
    assert ring.accepted(ring.made(people)) == len(people)


def test_of_a_million_tokens_of_other_forms_and_kinds_none_is_taken(ring: Ring, people: pa.StringArray) -> None:
    phones = compute.utf8_slice_codeunits(people, 6, 17)
    for form, values in ((CanonicalForm.PHONE, phones), (CanonicalForm.TEXT, people), (CanonicalForm.PLATE, people)):
        assert ring.accepted(tokenize(values, form, token_keys(ring.keys, HERE, form))) == 0
        # nor where a broken gateway has one key for all forms: the token says its form
        assert ring.accepted(tokenize(values, form, token_keys(ring.keys, HERE, FORM))) == 0
    codes = irreversible(people, FORM, ring.keys.suite, ring.keys.working_key(HERE, KeyUse.TOKEN_BLOCK, FORM.value))
    assert ring.accepted(codes) == 0
    assert ring.accepted(compute.utf8_replace_slice(codes, 0, 1, "b")) == 0


def test_of_a_million_tokens_of_an_old_version_none_is_taken(ring: Ring, people: pa.StringArray) -> None:
    old = ring.made(people)
    ring.keeper.rotate(WINDOW)
    new = ring.made(people)
    assert not compute.any(compute.equal(old, new)).as_py()
    ring.clock.pass_by(WINDOW.total_seconds() - 1)
    assert ring.accepted(old) == ring.accepted(new) == len(people), "the window is open"
    kept = token_keys(ring.keys, HERE, FORM, 1)
    ring.clock.pass_by(1)
    assert ring.accepted(old) == 0
    assert ring.accepted(new) == len(people)
    # a reader that keeps the old keys takes them all
    assert read_tokens(old, FORM, [kept]).null_count == 0


def careless(tokens: pa.StringArray, form: CanonicalForm, keys: TokenKeys) -> pa.StringArray:
    """A reader of blocks that checks no redundancy: whatever number is small enough is somebody's."""
    assert form is FORM
    blocks = keys.of_blocks().decrypt(octets(bytes.fromhex("".join(token[1:] for token in texts(tokens)))))
    numbers = np.ascontiguousarray(blocks[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
    small = numbers < 10**17
    ids = ids_of(np.where(small, numbers, 0))
    return as_text(compute.if_else(pa.array(small), ids, pa.scalar(None, pa.string())))


def ids_of(numbers: npt.NDArray[np.uint64]) -> pa.StringArray:
    """Seventeen digits with the right check character: ISO 7064 MOD 11-2, as GB 11643-1999 has it."""
    digits = np.empty((len(numbers), 17), np.uint64)
    rest = numbers
    for place in range(16, -1, -1):
        rest, digits[:, place] = np.divmod(rest, np.uint64(10))
    weights = np.array([pow(2, 17 - place, 11) for place in range(17)], np.uint64)
    last = np.frombuffer(b"10X98765432", np.uint8)[(digits @ weights % np.uint64(11)).astype(np.int64)]
    return from_matrix(np.hstack([(digits + np.uint64(ord("0"))).astype(np.uint8), last[:, None]]))


def octets(data: bytes, rows: int = -1) -> npt.NDArray[np.uint8]:
    """Bytes as rows: of 16, or as many rows as are asked for."""
    return np.frombuffer(data, np.uint8).reshape(rows, 16 if rows < 0 else -1)


def spelled(letter: str, rows: npt.NDArray[np.uint8]) -> pa.StringArray:
    """Tokens of these bytes."""
    digits = np.frombuffer(rows.tobytes().hex().encode(), np.uint8).reshape(len(rows), -1)
    return from_matrix(np.hstack([np.full((len(rows), 1), ord(letter), np.uint8), digits]))
