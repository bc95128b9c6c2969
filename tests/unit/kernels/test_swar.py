"""Eight digits in a word: every number there and back, and no other byte taken for a digit."""

import numpy as np
import pytest

from gateway.kernels import swar
from gateway.kernels.swar import Words


def _words(texts: list[bytes]) -> Words:
    return np.frombuffer(b"".join(texts), np.uint64).copy().reshape(1, -1)


def test_numbers_become_their_digits_and_digits_their_number() -> None:
    # every number of four digits in each half, and numbers at the edges of the lanes
    halves = np.arange(10_000, dtype=np.uint64)
    numbers = np.concatenate([halves, halves * np.uint64(10_000), halves * np.uint64(10_001)])
    words = numbers.copy().reshape(1, -1)
    swar.split(words, np.empty_like(words))
    joined = words.copy()
    swar.write(words)
    assert words.tobytes() == b"".join(b"%08d" % number for number in numbers.tolist())
    swar.join(joined)
    assert (joined == numbers).all()


def test_every_number_of_eight_digits_survives_the_way_there_and_back() -> None:
    for start in range(0, 100_000_000, 20_000_003):  # all of them take seconds; these cover each lane's values
        numbers = np.arange(start, min(start + 500_000, 100_000_000), dtype=np.uint64)
        words = numbers.copy().reshape(1, -1)
        swar.split(words, np.empty_like(words))
        assert int(words.view(np.uint8).max()) <= 9
        swar.join(words)
        assert (words == numbers).all()


@pytest.mark.parametrize("place", range(8))
def test_a_byte_is_flagged_exactly_if_it_is_no_digit(place: int) -> None:
    for neighbour in b"0", b"9":
        texts = [bytes([byte if at == place else neighbour[0] for at in range(8)]) for byte in range(256)]
        words = _words(texts)
        swar.strip(words)
        marks = np.empty_like(words)
        swar.flag(words, marks)
        marks &= swar.HIGH_BITS
        assert (marks[0] == 0).tolist() == [chr(byte) in "0123456789" for byte in range(256)]


def test_digits_are_weighed_pair_by_pair() -> None:
    weights = (3, 9, 5, 4)
    values = np.random.default_rng(1).integers(0, 37, (1_000, 8), np.uint8)
    values[0], values[1] = 36, 0
    words = values.reshape(-1).view(np.uint64).copy()
    swar.weigh(words, swar.pair_weights(weights))
    expected = [
        sum(weight * (2 * row[2 * pair] + row[2 * pair + 1]) for pair, weight in enumerate(weights))
        for row in values.tolist()
    ]
    assert words.tolist() == expected
