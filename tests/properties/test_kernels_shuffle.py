"""The random order of rows: a permutation, told by the seed alone, and every one as likely as the next."""

import secrets
from collections import Counter
from math import factorial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels import shuffle
from gateway.kernels.shuffle import SEED_BYTES, random_order, reordered

SEEDS = st.binary(min_size=SEED_BYTES, max_size=SEED_BYTES)


@given(st.integers(0, 300), SEEDS)
def test_rows_are_sorted_by_what_the_stream_of_the_seed_gives_them(rows: int, seed: bytes) -> None:
    drawn = words(stream_of(seed).update(bytes(4 * rows)), 4)
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


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), SEEDS, st.booleans())
def test_rows_that_drew_the_same_are_put_in_order_by_what_they_draw_next(
    groups: list[int], seed: bytes, again: bool
) -> None:
    """First words are of four values, so that most are tied; second ones, where `again`, are all alike."""
    first = b"".join((group << 16 | 7).to_bytes(4, "little") for group in groups)
    streams: list[Drawing] = []

    class Ciphers:
        def __init__(self, *how: Any) -> None:
            streams.append(Drawing(Cipher(*how).encryptor(), first, 1 + again))

        def encryptor(self) -> "Drawing":
            return streams[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shuffle, "Cipher", Ciphers)
        order: list[int] = random_order(len(groups), seed).to_numpy().tolist()
    (stream,) = streams
    tied = [row for _, row in sorted((group, row) for row, group in enumerate(groups)) if groups.count(groups[row]) > 1]
    if not tied:
        assert stream.parts == 1
    else:
        assert stream.parts == 2 + again
    drawn = dict(zip(tied, words(stream.last, 8), strict=False)) if tied else {}
    assert order == sorted(range(len(groups)), key=lambda row: (groups[row], drawn.get(row, 0)))


class Drawing:
    """A stream whose first part is given, and whose next ones up to `alike` are nothing but zeros."""

    def __init__(self, stream: CipherContext, first: bytes, alike: int) -> None:
        self._stream, self._first, self._alike = stream, first, alike
        self.parts, self.last = 0, b""

    def update(self, data: bytes) -> bytes:
        self.parts += 1
        found = self._stream.update(data)
        self.last = self._first if self.parts == 1 else bytes(len(data)) if self.parts <= self._alike else found
        return self.last


def test_many_rows_are_put_in_order_though_some_draw_the_same() -> None:
    rows = 1 << 18  # of which some eight pairs draw the same
    order = random_order(rows, bytes(range(SEED_BYTES))).to_numpy()
    drawn = np.frombuffer(stream_of(bytes(range(SEED_BYTES))).update(bytes(4 * rows)), "<u4")
    assert len(np.unique(drawn)) < rows
    assert (np.sort(order) == np.arange(rows)).all() and (drawn[order] == np.sort(drawn)).all()


def stream_of(seed: bytes) -> CipherContext:
    return Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor()


def words(stream: bytes, width: int) -> list[int]:
    return [int.from_bytes(stream[place : place + width], "little") for place in range(0, len(stream), width)]


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
