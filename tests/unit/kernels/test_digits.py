"""Digits of columns: read as they are written, whatever the width."""

import numpy as np
import pytest

from gateway.kernels import digits


@pytest.mark.parametrize("width", range(9, 17))
def test_what_is_written_is_read_again(width: int) -> None:
    numbers = np.random.default_rng(width).integers(0, 10**width, 5_000, np.uint64)
    numbers[:3] = [0, 1, 10**width - 1]
    rows = np.ascontiguousarray(digits.write(numbers, width))
    assert [row.tobytes().decode() for row in rows] == [f"{number:0{width}d}" for number in numbers.tolist()]
    assert (digits.read(rows) == numbers).all()
