"""Layouts: one value, one integer; whatever is not of the layout is told."""

import numpy as np
import pytest

from gateway.kernels.layouts import LAYOUTS, Layout, read, write
from gateway.kernels.text import Bytes
from gateway.model.contract import CanonicalForm

ALL = [
    pytest.param(layout, id=f"{form.value}-{layout.width}") for form, layouts in LAYOUTS.items() for layout in layouts
]
SAMPLES = {
    18: "11010519491231002X",
    11: "13800138000",
    9: "浙A12345",
    10: "浙AD12345",
}


def _rows(*texts: str) -> Bytes:
    data = "".join(texts).encode()
    return np.frombuffer(data, np.uint8).reshape(len(texts), -1)


@pytest.mark.parametrize("layout", ALL)
def test_every_integer_in_range_has_a_text_of_its_own(layout: Layout) -> None:
    numbers = np.random.default_rng(2).integers(layout.first, layout.stop, 20_000, np.uint64)
    numbers[:4] = [layout.first, layout.first + 1, layout.stop - 2, layout.stop - 1]
    texts = write(numbers, layout)
    again, plain = read(texts, layout)
    assert plain.all()
    assert (again == numbers).all()


@pytest.mark.parametrize("layout", ALL)
def test_a_text_with_any_other_byte_is_in_the_layout_only_if_it_comes_back(layout: Layout) -> None:
    sample = _rows(SAMPLES[layout.width])
    for place in range(layout.width):
        rows = np.repeat(sample, 256, axis=0)
        rows[:, place] = np.arange(256)
        numbers, plain = read(rows, layout)
        assert plain[sample[0, place]]
        assert len(set(numbers[plain].tolist())) == int(plain.sum())
        assert (numbers[plain] >= np.uint64(layout.first)).all() and (numbers[plain] < np.uint64(layout.stop)).all()
        assert (write(numbers[plain], layout) == rows[plain]).all()
        assert int(plain.sum()) < 40


def test_only_the_right_check_character_is_in_the_layout() -> None:
    (layout,) = LAYOUTS[CanonicalForm.RESIDENT_ID]
    for first in ("11010519491231002", "00000000000000000", "99999999999999999"):
        _, plain = read(_rows(*(first + check for check in "0123456789Xx")), layout)
        # the words of GB 11643-1999
        total = sum(int(digit) * (2 ** (18 - place) % 11) for place, digit in enumerate(first, 1))
        assert plain.tolist() == [(total + value) % 11 == 1 for value in range(11)] + [False]


@pytest.mark.parametrize("form", LAYOUTS, ids=lambda form: form.value)
def test_layouts_of_a_form_overlap_neither_in_width_nor_in_integers(form: CanonicalForm) -> None:
    layouts = LAYOUTS[form]
    assert len({layout.width for layout in layouts}) == len(layouts)
    edges = [edge for layout in layouts for edge in (layout.first, layout.stop)]
    assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= 1 << 64
