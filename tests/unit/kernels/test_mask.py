"""Masks, held against plain Python on the same values."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels.mask import mask_text


def _mask(value: str, first: int, last: int) -> str:
    hidden = len(value) - first - last
    return "*" * len(value) if hidden <= 0 else value[:first] + "*" * hidden + value[len(value) - last :]


@given(st.lists(st.none() | st.text(max_size=20)), st.integers(0, 8), st.integers(0, 8), st.integers(0, 3))
def test_masks_count_code_points(values: list[str | None], first: int, last: int, start: int) -> None:
    result = mask_text(pa.array(values, pa.string()).slice(start), first, last)
    assert result.to_pylist() == [None if value is None else _mask(value, first, last) for value in values[start:]]


def test_masks_of_names_and_phones() -> None:
    assert mask_text(pa.array(["张三丰", "张三", "张", "", None]), 1, 0).to_pylist() == ["张**", "张*", "*", "", None]
    assert mask_text(pa.array(["13800138000", "1380013"]), 3, 4).to_pylist() == ["138****8000", "*******"]


def test_negative_counts_and_other_types_are_refused() -> None:
    for first, last in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="negative"):
            mask_text(pa.array(["a"]), first, last)
    with pytest.raises(TypeError):
        mask_text(pa.array([1]), 1, 1)
