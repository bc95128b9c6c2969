"""FF1 over columns: equal to the standard's algorithm value by value, a permutation, and blind to neighbours."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.kernels.ciphers import AesCipher, cipher
from gateway.kernels.ff1 import FF1
from gateway.kernels.text import Bytes
from gateway.model.pseudonym import CipherSuite
from tests.unit.kernels.ff1_reference import ff1

KEY = bytes(range(32))
AES = AesCipher(KEY)


class Rigged:
    """A "cipher" with outputs of our choice, so that the arithmetic meets its extremes: FF1 inverts any function."""

    def __init__(self, outputs: list[bytes]) -> None:
        self._outputs = outputs

    def one(self, block: bytes) -> bytes:
        return self._outputs[sum(block) % len(self._outputs)]

    def encrypt(self, blocks: Bytes, out: Bytes | None = None) -> Bytes:
        rows = np.frombuffer(b"".join(self.one(block.tobytes()) for block in blocks), np.uint8).reshape(-1, 16)
        if out is None:
            return rows
        out[:] = rows
        return out

    def decrypt(self, blocks: Bytes, out: Bytes | None = None) -> Bytes:
        raise AssertionError("FF1 only enciphers blocks")

    def chain(self, blocks: Bytes) -> bytes:
        state = bytes(16)
        for block in blocks:
            state = self.one(bytes(one ^ other for one, other in zip(state, block.tobytes(), strict=True)))
        return state


def _one(block: bytes) -> bytes:
    return AES.encrypt(np.frombuffer(block, np.uint8).reshape(1, 16)).tobytes()


# radix and length: small, decimal, of the gateway's forms, halves of 8 bytes, of exactly 63 and 64 bits, and longer
SHAPES = [
    (2, 20),
    (10, 6),
    (10, 10),
    (10, 17),
    (10, 18),
    (10, 19),
    (10, 37),
    (16, 30),
    (31, 17),
    (34, 5),
    (34, 6),
    (2, 125),
    (2, 126),
    (2, 127),
    (3, 79),
    (65536, 2),
    (65536, 5),
    (65536, 7),
    (65535, 7),
    (1627, 5),
    (65536, 8),
    (10, 40),
    (256, 33),
    (10, 260),
]
shapes = st.one_of(
    st.sampled_from(SHAPES),
    st.tuples(st.integers(2, 65536), st.integers(2, 70)).filter(lambda shape: shape[0] ** shape[1] >= 10**6),
)


def _rows(shape: tuple[int, int], seeds: list[int]) -> list[list[int]]:
    """Strings of a shape: all zeros, all highest, and random ones."""
    radix, length = shape
    random = [np.random.default_rng(seed).integers(0, radix, length).tolist() for seed in seeds]
    return [[0] * length, [radix - 1] * length, *random]


@settings(deadline=None)
@given(shapes, st.binary(max_size=40), st.lists(st.integers(0, 2**32), max_size=5))
@example((10, 17), b"resident-id", [1, 2, 3])
def test_a_column_is_enciphered_as_the_standard_says(shape: tuple[int, int], tweak: bytes, seeds: list[int]) -> None:
    rows = _rows(shape, seeds)
    column = FF1(AES, *shape, (tweak,))
    enciphered = column.encrypt(np.array(rows))
    assert enciphered.tolist() == [ff1(_one, shape[0], tweak, row) for row in rows]
    assert column.decrypt(enciphered).tolist() == rows


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_and_remainders_are_right_at_their_extremes(shape: tuple[int, int]) -> None:
    radix, length = shape
    outputs = [bytes(16), b"\xff" * 16, bytes(7) + b"\x01" + bytes(8), b"\x80" + bytes(15)]
    for size in {radix ** (length // 2), radix ** (length - length // 2)}:
        for width in (8, 12):
            most = 256**width - 1
            for number in (
                size,
                size - 1,
                size + 1,
                most // size * size,
                most // size * size - 1,
                most // 2 // size * size,
            ):
                outputs.append((number & most).to_bytes(width, "big").ljust(16, b"\xa5"))
    rigged = Rigged(outputs)
    rows = _rows(shape, list(range(len(outputs) * 3)))
    column = FF1(rigged, radix, length)
    enciphered = column.encrypt(np.array(rows))
    assert enciphered.tolist() == [ff1(rigged.one, radix, b"", row) for row in rows]
    assert column.decrypt(enciphered).tolist() == rows


@pytest.mark.parametrize(("radix", "length"), [(10, 6), (2, 20), (1000, 2), (101, 3)])
def test_a_whole_domain_is_permuted(radix: int, length: int) -> None:
    size = radix**length
    numbers = np.arange(size)
    places = radix ** np.arange(length - 1, -1, -1)
    enciphered = FF1(AES, radix, length).encrypt(numbers[:, None] // places % radix) @ places
    assert np.array_equal(np.sort(enciphered), numbers)
    assert (enciphered == numbers).sum() < 20, "a random permutation has one fixed point on average"


@pytest.mark.parametrize("shape", [(10, 17), (31, 17), (2, 126), (10, 40)])
def test_neighbours_and_batches_play_no_part(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    rows = random.integers(0, shape[0], (20_000 if shape != (10, 40) else 8_300, shape[1]))
    tweak_of = random.integers(0, 3, len(rows))
    column = FF1(AES, *shape, (b"ab", b"cd", b"ef"))
    whole = column.encrypt(rows, tweak_of)
    for part in (slice(0, 1), slice(8_190, 8_195), slice(len(rows) - 3, None), slice(5, 5)):
        assert np.array_equal(column.encrypt(rows[part], tweak_of[part]), whole[part])
    for place, tweak in enumerate((b"ab", b"cd", b"ef")):
        alone = FF1(AES, *shape, (tweak,))
        assert np.array_equal(alone.encrypt(rows[tweak_of == place]), whole[tweak_of == place])
        assert np.array_equal(alone.decrypt(whole[tweak_of == place]), rows[tweak_of == place])
    assert np.array_equal(column.decrypt(whole, tweak_of), rows)
    assert column.encrypt(rows[::-1], tweak_of[::-1])[::-1].tolist() == whole.tolist()


def test_keys_tweaks_suites_and_lengths_separate() -> None:
    rows = np.random.default_rng(2).integers(0, 10, (5_000, 17))
    columns = [
        FF1(engine, 10, 17, (tweak,)).encrypt(rows)
        for engine, tweak in (
            (AES, b""),
            (AES, b"\x00"),
            (AES, b"phone"),
            (AesCipher(KEY[::-1]), b""),
            (cipher(CipherSuite.SM4, KEY[:16]), b""),
        )
    ]
    seen = [set(map(bytes, column.astype(np.uint8))) for column in columns]
    assert len(set.union(*seen)) == 25_000


def test_what_the_standard_forbids_is_refused() -> None:
    for radix, length in ((1, 30), (0, 5), (65537, 4), (10, 5), (999, 2), (10**6, 1), (10, 1), (10, 0)):
        with pytest.raises(ValueError, match=r"radix|million"):
            FF1(AES, radix, length)
    for tweaks in ((), (b"a", b"ab")):
        with pytest.raises(ValueError, match="tweaks"):
            FF1(AES, 10, 6, tweaks)
    column = FF1(AES, 10, 6)
    for function in (column.encrypt, column.decrypt):
        for matrix in (np.array([[0, 0, 0, 0, 0, 10]]), np.array([[0, 0, -1, 0, 0, 0]])):
            with pytest.raises(ValueError, match="outside the radix"):
                function(matrix)
        wrongs: list[Any] = [np.zeros((2, 5), int), np.zeros(6, int), np.zeros((2, 6))]
        for wrong in wrongs:
            with pytest.raises(ValueError, match="matrix of integers"):
                function(wrong)
    with pytest.raises(ValueError, match="type of integer"):
        column.encrypt_halves(np.zeros(3, np.int32), np.zeros(3, np.int32))


def test_nothing_shows_the_key() -> None:
    assert KEY.hex() not in repr(FF1(AES, 10, 6)) and "\\x01\\x02" not in repr(FF1(AES, 10, 6))


@pytest.mark.parametrize("shape", [(10, 6), (10, 40)])
def test_no_rows_give_no_rows(shape: tuple[int, int]) -> None:
    assert FF1(AES, *shape).encrypt(np.zeros((0, shape[1]), np.uint8)).shape == (0, shape[1])
