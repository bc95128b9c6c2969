"""SIV over texts of different lengths gives what it gives each of them by itself."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gateway.kernels.ciphers import BLOCK, cipher
from gateway.kernels.siv import Siv
from gateway.kernels.text import by_blocks, by_length
from gateway.model.pseudonym import CipherSuite


@pytest.mark.parametrize("suite", CipherSuite, ids=lambda suite: suite.name)
def test_padded_texts_are_sealed_as_each_by_itself(suite: CipherSuite) -> None:
    size = 32 if suite is CipherSuite.AES else 16
    siv = Siv(cipher(suite, bytes(range(size))), cipher(suite, bytes(range(1, size + 1))), b"text")
    # enough of each for several pieces of work, and some that are fewer than their blocks
    lengths = [*(length for length in range(70) for _ in range(200)), 20_000, 20_001, 20_016]
    rng = np.random.default_rng(7)
    column = pa.array([bytes(rng.integers(97, 123, length, np.uint8)).decode() for length in rng.permutation(lengths)])
    expected = {
        row: sealed.tobytes() for rows, texts in by_length(column) for row, sealed in _each(rows, siv.seal(texts))
    }
    found = {
        row: sealed[: BLOCK + length].tobytes()
        for rows, texts, sizes in by_blocks(column, BLOCK)
        for (row, sealed), length in zip(_each(rows, siv.seal_padded(texts, sizes)), sizes.tolist(), strict=True)
    }
    assert len(found) == len(column) and found == expected


def _each(rows: object, sealed: np.ndarray) -> list[tuple[int, np.ndarray]]:
    assert isinstance(rows, np.ndarray)
    return list(zip(rows.tolist(), sealed, strict=True))
