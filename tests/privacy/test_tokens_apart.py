"""Tokens of two recipients or two purposes have nothing in common, and nobody makes a token without the key.

What recipients hold is asked for over TLS, as they would. Each checker is also fed what a broken gateway would have
given, which it must find: one key for two recipients, keys that differ by a constant, hashes without a key, redundancy
that nobody checks, and check characters that are right by chance.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import random
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.kernels.formats import preserve
from gateway.kernels.text import from_matrix
from gateway.kernels.tokens import TokenKeys, detokenize, irreversible, tokenize
from gateway.kernels.tokens.keys import first_cipher
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite
from gateway.model.treatment import CheckDigit
from seeds.generator import City as SeededCity
from tests.integration.house import edit
from tests.integration.site import ROOT, SECRET, Site, institutions_of

ASKING, OTHER = "cleaning-contractor", "data-bureau"
CLEANING, HOTELS = "data-cleaning", "hotel-registration"
MAX_KEYS = 100
FORM = CanonicalForm.RESIDENT_ID

TREATMENTS = {
    "tokens": "pseudonymize",
    "codes": "{pseudonymize: {token: irreversible}}",
    "lookalikes": "{pseudonymize: {token: format-preserving, check: valid}}",
    "never-valid": "{pseudonymize: {token: format-preserving, check: never-valid}}",
}
EXTRACT = """
        {name}:
          kind: extract
          description: For the test.
          fields:
            resident_id: {how}
            phone: {{keep: {{justification: "By the phone the test knows who is who."}}}}
          waive_noise: "For the test."
"""
LOOKUP = """
        by-token:
          kind: lookup
          description: For the test.
          lookup_keys: [resident_id]
          lookup_by: [token]
          fields:
            sex: keep
          waive_noise: "For the test."
"""
DISCLOSURES = "".join(EXTRACT.format(name=name, how=how) for name, how in TREATMENTS.items()) + LOOKUP

Bits = npt.NDArray[np.float64]
ByPerson = Mapping[str, str]
"""What stands for each person, by the raw id."""


@dataclass(frozen=True)
class Told:
    """A running gateway, and whose phone is whose."""

    site: Site
    ids: Mapping[str, str]
    held: dict[tuple[str, str, str], ByPerson] = field(default_factory=dict)

    def ask(self, name: str, recipient: str = ASKING, purpose: str = CLEANING) -> ByPerson:
        """What a recipient gets for everybody, or got before: by the raw id, which the test alone can tell."""
        asked = (name, recipient, purpose)
        if asked not in self.held:
            self.held[asked] = self.ask_anew(*asked)
        return self.held[asked]

    def ask_anew(self, name: str, recipient: str, purpose: str) -> ByPerson:
        """What a recipient gets now."""
        with self.site.connect(recipient) as gateway:
            table = gateway.extract("residents", name, purpose=purpose).read_all()
        pairs = zip(*(texts(table.column(name)) for name in ("phone", "resident_id")), strict=True)
        known = {self.ids[phone]: token for phone, token in pairs if phone in self.ids}
        assert len(known) == len(self.ids) > 3000
        return dict(sorted(known.items()))

    def answered(self, tokens: Sequence[str]) -> int:
        """How many of these tokens are answered with somebody, when the recipient looks them up."""
        found = 0
        with self.site.connect(ASKING) as gateway:
            for start in range(0, len(tokens), MAX_KEYS):
                some = tokens[start : start + MAX_KEYS]
                answer = gateway.lookup("residents", "by-token", purpose=CLEANING, by="resident_id", tokens=some)
                assert len(answer.subjects) == len(some)
                found += sum(bool(subject.num_rows) for subject in answer.subjects)
        return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Iterator[Told]:
    """A gateway of this file's own, whose policy gives two recipients and two purposes tokens of the same people."""
    folder, data = tmp_path_factory.mktemp("apart"), seeded[0]
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    edit(policies / "contracts" / "residents.yaml", "\n      disclosures:\n", "\n      disclosures:\n" + DISCLOSURES)
    granted = [
        (name, "extract", who, why) for name in TREATMENTS for who in (ASKING, OTHER) for why in (CLEANING, HOTELS)
    ]
    lines = [
        f"p, g-test-{number}, {who}, residents/{name}, {kind}, hangzhou, {why}, until=2036-03-31{more}, allow\n"
        for number, (name, kind, who, why, more) in enumerate(
            [(*grant, "") for grant in granted] + [("by-token", "lookup", ASKING, CLEANING, f";max_keys={MAX_KEYS}")]
        )
    ]
    edit(policies / "grants.csv", "\np, g-address-cleaning,", "\n" + "".join(lines) + "p, g-address-cleaning,")
    rows = pq.read_table(data / "residents.parquet", columns=["resident_id", "phone"]).to_pylist()
    people = {row["phone"]: row["resident_id"] for row in rows if row["phone"] and is_id(row["resident_id"])}
    site = Site(folder / "site", policies, data, institutions_of(policies))
    site.prepare()
    site.start()
    try:
        yield Told(site, MappingProxyType(people))
    finally:
        site.kill()


# --- checkers: what must be nought of sound tokens ---------------------------------------------------------------


def shared(one: ByPerson, other: ByPerson) -> int:
    """How many tokens two sets have in common."""
    return len(set(one.values()) & set(other.values()))


def bits(tokens: Collection[str]) -> Bits:
    """The 128 bits of each token, as 1 and -1."""
    octets = np.array([list(bytes.fromhex(token[1:])) for token in tokens], np.uint8)
    return 1 - 2 * np.unpackbits(octets, axis=1).astype(np.float64)


def bits_of_ids(ids: Collection[str]) -> Bits:
    """The bits of the raw numbers, as 1 and -1."""
    numbers = np.array([int(one[:17]) for one in ids], ">u8")
    return 1 - 2 * np.unpackbits(numbers.view(np.uint8).reshape(-1, 8), axis=1).astype(np.float64)


def parities(ids: Collection[str]) -> Bits:
    """Whether each of the seventeen digits is odd, as -1, or even, as 1: half of all digits are."""
    digits = np.array([list(one[:17].encode()) for one in ids], np.uint8)
    return 1 - 2 * (digits % 2).astype(np.float64)


def beyond_noise(one: Bits, other: Bits) -> int:
    """How many pairs of bit positions agree, or disagree, more often over the same people than fair coins would.

    A product of a fair coin with anything of modulus 1 is a fair coin, and of n of them the sum leaves
    ±z·√n with probability at most 2·exp(-z²/2) (Hoeffding 1963, theorem 2). z is such that any pair at all leaves it
    with the probability that one normal deviate leaves 5 sigma.
    """
    assert len(one) == len(other)
    pairs = one.shape[1] * other.shape[1]
    bound = math.sqrt(2 * math.log(2 * pairs / math.erfc(5 / math.sqrt(2))))
    return int((np.abs(one.T @ other) > bound * math.sqrt(len(one))).sum())


GUESSED_KEYS = (
    b"", bytes(16), bytes(32), bytes(64), bytes(range(64)), b"key", b"salt", b"secret", b"pseudonym", b"gateway",
    SECRET, ASKING.encode(), OTHER.encode(), CLEANING.encode(), f"{ASKING}/{CLEANING}".encode(),
)  # fmt: skip
HASHES = ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b")


def dictionary(ids: Collection[str]) -> set[str]:
    """What somebody with a list of all numbers and no key could have made of them: 32 hexadecimal digits each."""
    made: set[str] = set()
    for text in (one.encode() for one in ids):
        digests = [hashlib.new(name, text).hexdigest() for name in HASHES]
        digests += [hmac.new(key, text, name).hexdigest() for key in GUESSED_KEYS for name in ("md5", "sha256")]
        made.update(digest[:32] for digest in digests)
        made.update(digest[-32:] for digest in digests)
    column = pa.array(list(ids), pa.string())
    for suite in CipherSuite:
        for key in (one for one in GUESSED_KEYS if len(one) == 64):
            made.update(token[1:] for token in texts(tokenize(column, FORM, TokenKeys(suite, key, key))))
            made.update(code[1:] for code in texts(irreversible(column, FORM, suite, key)))
    return made


def guessed(tokens: ByPerson, guesses: set[str]) -> int:
    """How many tokens are in the dictionary."""
    return len({token[1:] for token in tokens.values()} & guesses)


Read: TypeAlias = "Callable[[pa.StringArray], pa.Array[Any]]"


def accepted(read: Read, tokens: pa.StringArray) -> int:
    """How many tokens a reader takes for somebody's."""
    values = read(tokens)
    return len(values) - values.null_count


def is_id(text: str) -> bool:
    """Whether a number has 18 places and the right check character: ISO 7064 MOD 11-2, as GB 11643-1999 has it."""
    if not re.fullmatch(r"[0-9]{17}[0-9X]", text):
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17]


def rightly_checked(ids: Collection[str]) -> float:
    """The share of numbers whose check character is right. All have the form of one."""
    assert all(re.fullmatch(r"[0-9]{17}[0-9X]", one) for one in ids)
    return sum(map(is_id, ids)) / len(ids)


# --- what recipients hold ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tokens", "codes"])
def test_tokens_of_two_domains_share_nothing_and_are_as_unlike_as_coins(told: Told, name: str) -> None:
    mine = told.ask(name)
    assert len(set(mine.values())) == len(mine)
    assert mine == told.ask_anew(name, ASKING, CLEANING), "the same domain gives the same tokens"
    for theirs in (told.ask(name, OTHER), told.ask(name, purpose=HOTELS), told.ask(name, OTHER, HOTELS)):
        assert shared(mine, theirs) == 0
        assert beyond_noise(bits(mine.values()), bits(theirs.values())) == 0
    assert beyond_noise(bits(mine.values()), bits_of_ids(mine)) == 0
    if name == "codes":
        assert beyond_noise(bits(mine.values()), bits(told.ask("tokens").values())) == 0


@pytest.mark.parametrize("name", ["lookalikes", "never-valid"])
def test_numbers_that_look_alike_share_nothing_either(told: Told, name: str) -> None:
    mine = told.ask(name)
    assert len(set(mine.values())) == len(mine) and not set(mine) & set(mine.values())
    for theirs in (told.ask(name, OTHER), told.ask(name, purpose=HOTELS)):
        assert shared(mine, theirs) == 0
        assert beyond_noise(parities(mine.values()), parities(theirs.values())) == 0
    assert beyond_noise(parities(mine.values()), parities(mine)) == 0


def test_one_key_for_two_domains_is_found(told: Told) -> None:
    mine = told.ask("tokens")
    assert shared(mine, dict(mine)) == len(mine)
    # keys that differ, and tokens that a constant leads from one to the other
    constant = int.from_bytes(hashlib.sha256(b"a constant").digest()[:16], "big")
    moved = {person: f"b{int(token[1:], 16) ^ constant:032x}" for person, token in mine.items()}
    assert shared(mine, moved) == 0
    assert beyond_noise(bits(mine.values()), bits(moved.values())) == 128
    # digits that a constant leads from one to the other, and one bit of 128 that tells something of a number
    numbers = dict(told.ask("lookalikes"))
    moved = {person: f"{(int(number[:17]) + 2 * 10**16) % 10**17:017d}0" for person, number in numbers.items()}
    assert beyond_noise(parities(numbers.values()), parities(moved.values())) == 17
    telling = bits(mine.values())
    telling[:, 77] = bits_of_ids(mine)[:, 60]
    assert beyond_noise(telling, bits_of_ids(mine)) > 0


@pytest.mark.parametrize("name", ["tokens", "codes"])
def test_no_dictionary_has_a_token(told: Told, name: str) -> None:
    guesses = dictionary(told.ids.values())
    for recipient, purpose in ((ASKING, CLEANING), (OTHER, CLEANING), (ASKING, HOTELS)):
        assert guessed(told.ask(name, recipient, purpose), guesses) == 0


def test_tokens_without_a_key_or_under_a_guessed_one_are_found() -> None:
    ids = made_up(200)
    guesses = dictionary(ids)
    column, key = pa.array(ids, pa.string()), bytes(range(64))
    vectors = texts(tokenize(column, FORM, TokenKeys(CipherSuite.SM4, key, key)))
    broken = {
        "unkeyed": ["c" + hashlib.sha256(one.encode()).hexdigest()[:32] for one in ids],
        "the end of one": ["c" + hashlib.sha512(one.encode()).hexdigest()[-32:] for one in ids],
        "keyed by its domain": [
            "c" + hmac.new(f"{ASKING}/{CLEANING}".encode(), one.encode(), "sha256").hexdigest()[:32] for one in ids
        ],
        "the key of the documentation": vectors,
    }
    for tokens in broken.values():
        assert guessed(dict(zip(ids, tokens, strict=True)), guesses) == len(ids)


# --- what is no token of the caller's ----------------------------------------------------------------------------


def test_what_is_no_token_of_ones_own_is_nobody_over_the_channel(told: Told) -> None:
    mine = list(told.ask("tokens").values())
    theirs, elsewhere = list(told.ask("tokens", OTHER).values()), list(told.ask("tokens", purpose=HOTELS).values())
    chance = random.Random(20261122)
    flipped = [flip(token, place % 128) for place, token in enumerate(mine[:1280])]
    forged = [f"b{chance.getrandbits(128):032x}" for _ in range(1000)]
    forged += [f"s{chance.getrandbits(8 * width):0{2 * width}x}" for width in range(17, 67) for _ in range(10)]
    codes = list(told.ask("codes").values())[:500]
    taken_for_tokens = [f"b{code[1:]}" for code in codes]
    for nobodys in (flipped, forged, theirs[:1500], elsewhere[:1500], taken_for_tokens):
        assert told.answered(nobodys) == 0
    # the same way of asking finds everybody behind the caller's own tokens
    assert told.answered(mine[:500] + theirs[:250]) == 500


MANY = 1_000_000


def test_of_a_million_invented_tokens_none_is_taken() -> None:
    keys, foreign = (
        TokenKeys(CipherSuite.AES, *(hashlib.sha512(bytes([n, m])).digest() for m in (0, 1))) for n in (1, 2)
    )
    chance = np.random.default_rng(20261122)
    read = partial(detokenize, form=FORM, keys=keys)
    invented = spelled(chance.integers(0, 256, (MANY, 16), np.uint8))
    assert accepted(read, invented) == 0
    people = pa.array(made_up(4000), pa.string())
    tokens = tokenize(people, FORM, keys)
    assert read(tokens) == people
    assert accepted(read, tokenize(people, FORM, foreign)) == 0
    octets = np.array([list(bytes.fromhex(token[1:])) for token in texts(tokens)], np.uint8)
    single = np.packbits(np.eye(128, dtype=np.uint8), axis=1)
    assert accepted(read, spelled((octets[:, None] ^ single).reshape(-1, 16))) == 0
    # a reader that does not look at the fixed half of a block takes one in two hundred
    unread = accepted(careless(keys), invented) / MANY
    assert unread == pytest.approx(10**17 / 2**64, rel=0.1)
    assert accepted(careless(keys), tokens) == len(people)


def careless(keys: TokenKeys) -> Read:
    """A reader that checks no redundancy: whatever number is small enough is somebody's."""
    cipher = first_cipher(keys.suite, keys.block)

    def read(tokens: pa.StringArray) -> pa.Array[Any]:
        octets = np.frombuffer(bytes.fromhex("".join(token[1:] for token in texts(tokens))), np.uint8)
        numbers = np.ascontiguousarray(cipher.decrypt(octets.reshape(-1, 16))[:, :8]).view(">u8").reshape(-1)
        return pa.array(numbers.astype(np.uint64), mask=numbers >= 10**17)

    return read


def spelled(octets: npt.NDArray[np.uint8]) -> pa.StringArray:
    """Block tokens of these bytes."""
    digits = np.frombuffer(octets.tobytes().hex().encode(), np.uint8).reshape(len(octets), 32)
    return from_matrix(np.hstack([np.full((len(octets), 1), ord("b"), np.uint8), digits]))


def texts(column: pa.StringArray | pa.ChunkedArray[Any]) -> list[str]:
    """A column without NULL as a list."""
    return [str(value) for value in column.to_pylist()]


def flip(token: str, place: int) -> str:
    """The token with one of its bits turned."""
    return f"{token[0]}{int(token[1:], 16) ^ 1 << place:032x}"


# --- numbers that look like numbers ------------------------------------------------------------------------------


def test_check_characters_are_never_right_or_always(told: Told) -> None:
    for recipient, purpose in ((ASKING, CLEANING), (OTHER, CLEANING), (ASKING, HOTELS)):
        assert rightly_checked(told.ask("never-valid", recipient, purpose).values()) == 0
        assert rightly_checked(told.ask("lookalikes", recipient, purpose).values()) == 1


def test_check_characters_by_chance_are_found() -> None:
    people = made_up(5000)
    cipher = first_cipher(CipherSuite.AES, hashlib.sha512(b"a key").digest())
    tokens, _ = preserve(pa.array(people, pa.string()), FORM, CheckDigit.VALID, cipher)
    assert rightly_checked(texts(tokens)) == 1
    # the person's own check character, left in its place
    left = [token[:17] + one[17] for token, one in zip(texts(tokens), people, strict=True)]
    assert 0.05 < rightly_checked(left) < 0.15
    wrong, _ = preserve(pa.array(people, pa.string()), FORM, CheckDigit.NEVER, cipher)
    assert rightly_checked(texts(wrong)) == 0
    assert rightly_checked([*texts(wrong)[1:], texts(tokens)[0]]) > 0, "one among five thousand is found"
    assert rightly_checked([*texts(tokens)[1:], texts(wrong)[0]]) < 1, "one among five thousand is found"


def made_up(count: int) -> list[str]:
    """Valid numbers of nobody in particular."""
    chance = random.Random(11643)
    stems = (
        f"3301{chance.randrange(2, 10):02d}19{chance.randrange(40, 100)}0{chance.randrange(1, 10)}"
        for _ in range(count)
    )
    numbers = [f"{stem}{chance.randrange(10, 29)}{place % 1000:03d}" for place, stem in enumerate(stems)]
    return list(dict.fromkeys(number + next(one for one in "0123456789X" if is_id(number + one)) for number in numbers))
