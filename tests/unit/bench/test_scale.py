"""The people and the sizes of the benchmark of scale."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bench import scale
from bench.pseudonyms import record
from gateway.kernels.tokens.block import LETTER
from seeds.generator.identity import is_valid


def test_no_two_of_a_crowd_have_one_number_and_all_are_valid() -> None:
    parts = [scale.crowd(0, 3_000), scale.crowd(3_000, 3_000), scale.crowd(99_997_000, 3_000)]
    for name in ("ids", "phones"):
        column = pa.chunked_array([getattr(part, name) for part in parts])
        assert len(column.unique()) == 9_000
    assert all(is_valid(number) for number in _texts(parts[2].ids))
    born = [number[6:14] for number in _texts(parts[1].ids)]
    assert born == [f"{day:%Y%m%d}" for day in parts[1].births.to_pylist()]
    tokens = record(parts[0])
    assert {token[0] for name in ("resident", "phone") for token in _texts(tokens[name])} == {chr(LETTER)}


def test_sizes_are_the_powers_of_ten_up_to_what_is_asked_for() -> None:
    assert scale.sizes(100) == [100]
    assert scale.sizes(10_000) == [10_000]
    assert scale.sizes(250_000) == [10_000, 100_000, 250_000]
    assert scale.sizes(1_000_000) == [10_000, 100_000, 1_000_000]


def test_more_people_than_there_can_be_are_refused() -> None:
    with pytest.raises(ValueError, match="people"):
        scale.run(scale.MOST + 1, 1, print)


def _texts(column: pa.Array[Any]) -> list[str]:
    return [str(value) for value in column.to_pylist()]
