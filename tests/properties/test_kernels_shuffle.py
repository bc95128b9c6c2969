"""The random order of rows: a permutation, told by the seed alone, and every one as likely as the next."""

import secrets
from collections import Counter
from math import factorial
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels import shuffle
from gateway.kernels.shuffle import SEED_BYTES, random_order, reordered

SEEDS = st.binary(min_size=SEED_BYTES, max_size=SEED_BYTES)


@given(st.integers(0, 300), SEEDS)
def test_rows_are_sorted_by_what_the_stream_of_the_seed_gives_them(rows: int, seed: bytes) -> None:
    stream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor().update(bytes(8 * rows))
    # of each word the bits that a place does not take
    places = max(1, (rows - 1).bit_length())
    drawn = [int.from_bytes(stream[8 * row : 8 * row + 8], "little") >> places for row in range(rows)]
    order: list[int] = random_order(rows, seed).to_numpy().tolist()
    assert sorted(order) == list(range(rows))
    assert [drawn[row] for row in order] == sorted(drawn)


@pytest.mark.parametrize("rows", [3, 4])
def test_every_order_is_equally_likely(rows: int) -> None:
    draws = 24_000
    seen = Counter(tuple(random_order(rows, secrets.token_bytes(SEED_BYTES)).to_pylist()) for _ in range(draws))
    expected = draws / factorial(rows)
    assert len(seen) == factorial(rows)
    # chi-square of 23 degrees (5 for three rows): beyond 95 once in 10^10 runs
    assert sum((count - expected) ** 2 / expected for count in seen.values()) < 95


def test_rows_that_drew_the_same_are_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tied:
        """A stream whose first words are all alike."""

        def __init__(self, stream: Any) -> None:
            self._stream, self.parts = stream, 0

        def update(self, data: bytes) -> bytes:
            self.parts += 1
            found: bytes = self._stream.update(data)
            return bytes(len(data)) if self.parts == 1 else found

    streams: list[Tied] = []

    class Ciphers:
        def __init__(self, *how: Any) -> None:
            self._cipher = Cipher(*how)

        def encryptor(self) -> Tied:
            streams.append(Tied(self._cipher.encryptor()))
            return streams[-1]

    monkeypatch.setattr(shuffle, "Cipher", Ciphers)
    order: list[int] = random_order(1000, bytes(range(SEED_BYTES))).to_numpy().tolist()
    assert [stream.parts for stream in streams] == [2]
    assert sorted(order) == list(range(1000))
    assert order != list(range(1000))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_seeds_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(ValueError):
        random_order(3, bytes(length))


TEXTS = st.one_of(
    st.lists(st.text(max_size=9) | st.none(), max_size=40),  # of many lengths, of none, and NULL
    st.integers(1, 40).flatmap(lambda width: st.lists(st.text("0aX", min_size=width, max_size=width), max_size=40)),
)


@given(TEXTS, SEEDS, st.integers(0, 3), st.booleans())
def test_a_column_is_reordered_as_take_does(texts: list[str | None], seed: bytes, skipped: int, coded: bool) -> None:
    column = pa.array(texts, pa.string()).slice(skipped)
    chosen = column.dictionary_encode() if coded else column
    order = random_order(len(column), seed)
    found = reordered(chosen, order)
    found.validate(full=True)
    assert found.type == chosen.type
    assert found.to_pylist() == column.take(order).to_pylist()
