"""The random order of rows: a permutation, told by the keys alone, and every one as likely as the next."""

import secrets
from collections import Counter
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels.shuffle import KEY_BYTES, random_order


@given(st.binary(max_size=400).map(lambda keys: keys[: len(keys) // KEY_BYTES * KEY_BYTES]))
def test_rows_are_sorted_by_their_keys(keys: bytes) -> None:
    own = [int.from_bytes(keys[start : start + KEY_BYTES], "little") for start in range(0, len(keys), KEY_BYTES)]
    order: list[int] = random_order(keys).to_numpy().tolist()
    assert sorted(order) == list(range(len(own)))
    assert [own[row] for row in order] == sorted(own)


def test_every_order_is_equally_likely() -> None:
    rows, draws = 4, 24_000
    seen = Counter(tuple(random_order(secrets.token_bytes(KEY_BYTES * rows)).to_pylist()) for _ in range(draws))
    expected = draws / factorial(rows)
    assert len(seen) == factorial(rows)
    # chi-square of 23 degrees: beyond 95 once in 10^10 runs
    assert sum((count - expected) ** 2 / expected for count in seen.values()) < 95


@pytest.mark.parametrize("length", [1, 7, 9])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(ValueError):
        random_order(bytes(length))
