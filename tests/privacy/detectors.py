"""What must be nought of what recipients hold, whoever made it: pure functions, which know nothing of the gateway.

Each is fed with the answers of the gateway, and with those of one that is broken on purpose, which it must find.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Bits: TypeAlias = npt.NDArray[np.float64]
"""One row a person, one column a bit: 1 or -1."""

ByPerson: TypeAlias = Mapping[str, str]
"""What stands for each person, by the raw id."""

FALSE_ALARM = math.erfc(5 / math.sqrt(2))
"""How often `beyond_noise` may find something of fair coins: as seldom as a normal deviate leaves 5 sigma, 6·10⁻⁷."""


def shared(one: ByPerson, other: ByPerson) -> int:
    """How many tokens two sets have in common."""
    return len(set(one.values()) & set(other.values()))


def bits(tokens: Collection[str]) -> Bits:
    """The 128 bits of each token of one letter and 32 hexadecimal digits."""
    octets = np.frombuffer(bytes.fromhex("".join(token[1:] for token in tokens)), np.uint8).reshape(-1, 16)
    return 1 - 2 * np.unpackbits(octets, axis=1).astype(np.float64)


def bits_of_ids(ids: Collection[str]) -> Bits:
    """The 64 bits of the raw numbers."""
    numbers = np.array([int(one[:17]) for one in ids], ">u8")
    return 1 - 2 * np.unpackbits(numbers.view(np.uint8).reshape(-1, 8), axis=1).astype(np.float64)


def parities(ids: Collection[str]) -> Bits:
    """Whether each of the seventeen digits is even, as 1, or odd, as -1: half of all digits are."""
    digits = np.array([list(one[:17].encode()) for one in ids], np.uint8)
    return 1 - 2 * (digits % 2).astype(np.float64)


def noise_bound(people: int, pairs: int) -> float:
    """What the correlations of so many pairs of fair coins all stay within, but for one time in 1/FALSE_ALARM.

    A product of a fair coin with anything of modulus 1 is a fair coin, and the mean of n of them leaves ±z/√n with
    probability at most 2·exp(-z²/2) (Hoeffding 1963, theorem 2). The bound of the union makes z for all the pairs.
    """
    return math.sqrt(2 * math.log(2 * pairs / FALSE_ALARM) / people)


def beyond_noise(one: Bits, other: Bits) -> int:
    """How many pairs of bit positions agree, or disagree, over the same people more often than fair coins would.

    The order of the people must be the same in both.
    """
    assert len(one) == len(other)
    correlations = np.abs(one.T @ other) / len(one)
    return int((correlations > noise_bound(len(one), correlations.size)).sum())


def guessed(tokens: Iterable[str], guesses: Collection[str]) -> int:
    """How many tokens stand in a dictionary, as they are or without their letter."""
    return sum(token in guesses or token[1:] in guesses for token in tokens)


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


class Row(NamedTuple):
    """A row as somebody sees it who looks for people: its class, whose it is, and what it tells of them."""

    alike: tuple[Hashable, ...]
    unit: str
    told: str


def people_of(rows: Iterable[Row]) -> dict[tuple[Hashable, ...], dict[str, set[str]]]:
    """By class and person: the values that the person's rows tell."""
    found: dict[tuple[Hashable, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        found[row.alike][row.unit].add(row.told)
    return found


def small_classes(rows: Iterable[Row], k: int) -> int:
    """How many classes have fewer than k different people."""
    return sum(len(people) < k for people in people_of(rows).values())


def alike_classes(rows: Iterable[Row], least: int) -> int:
    """How many classes are less than l-diverse, whichever way the people of a class are heard.

    Of n people who hold values, m the most who share one, each speaks for one of his values, the one that the fewest
    hold; d values are spoken for. l is the lesser of d and 1 + n - m (docs/reference/anonymity.md).
    """
    return sum(_diversity(people) < least for people in people_of(rows).values())


def _diversity(people: Mapping[str, set[str]]) -> int:
    holders = Counter(value for values in people.values() for value in values)
    spoken = {min(values, key=lambda value: (holders[value], value)) for values in people.values()}
    return min(len(spoken), 1 + len(people) - max(holders.values()))


def far_classes(rows: Iterable[Row], whole: Iterable[Row], most: float) -> int:
    """How many classes are further than t, in total variation distance, from a whole table. A person weighs one."""
    everybody: dict[str, set[str]] = defaultdict(set)
    for row in whole:
        everybody[row.unit].add(row.told)
    table = _shares(everybody)
    return sum(_distance(_shares(people), table) > most + 1e-9 for people in people_of(rows).values())


def _shares(people: Mapping[str, set[str]]) -> Mapping[str, float]:
    weights: dict[str, float] = defaultdict(float)
    for values in people.values():
        for value in values:
            weights[value] += 1 / len(values)
    return {value: weight / len(people) for value, weight in weights.items()}


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(abs(one.get(value, 0.0) - other.get(value, 0.0)) for value in {*one, *other}) / 2


def unaccounted(receipt: Any, left: int, source: int) -> int:
    """How many rows of the source a receipt says neither left nor were withheld; below 0 if it says too many."""
    assert receipt.rows == left
    return source - left - int(receipt.withheld_rows)
