"""Geohashes, held against published ones and against halving by exact fractions."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels.generalize import generalize_geohash

ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"


def _halved(latitude: float, longitude: float, length: int) -> str:
    """Niemeyer's rule in its own words: halve the intervals in turn, the upper half is a 1."""
    point = (Fraction(longitude), Fraction(latitude))
    intervals = [[Fraction(-180), Fraction(180)], [Fraction(-90), Fraction(90)]]
    code = 0
    for turn in range(5 * length):
        interval, here = intervals[turn % 2], point[turn % 2]
        middle = (interval[0] + interval[1]) / 2
        upper = here >= middle
        interval[0 if upper else 1] = middle
        code = code << 1 | upper
    return "".join(ALPHABET[code >> 5 * (length - 1 - place) & 31] for place in range(length))


def _hashes(latitudes: list[float | None], longitudes: list[float | None], length: int) -> list[str | None]:
    columns = pa.array(latitudes, pa.float64()), pa.array(longitudes, pa.float64())
    return generalize_geohash(*columns, length).to_pylist()


@pytest.mark.parametrize(
    ("latitude", "longitude", "published"),
    [
        (57.64911, 10.40744, "u4pruydqq"),  # Niemeyer's own example, u4pruydqqvj
        (42.605, -5.603, "ezs42"),
        (48.669, -4.329, "gbsuv"),
        (41.12, -71.34, "drm3btev3"),
        (0.0, 0.0, "s00000000"),
        (-90.0, -180.0, "000000000"),
        (90.0, 180.0, "zzzzzzzzz"),
    ],
)
def test_published_geohashes(latitude: float, longitude: float, published: str) -> None:
    for length in range(1, len(published) + 1):
        assert _hashes([latitude], [longitude], length) == [published[:length]]


def _edges(span: int) -> st.SearchStrategy[float]:
    """Doubles at and right beside the edges of cells."""
    return st.builds(
        lambda numerator, depth, nudge: max(
            -span / 2, min(span / 2, _nudged(numerator % 2**depth * span / 2**depth - span / 2, nudge))
        ),
        st.integers(0, 2**23),
        st.integers(1, 23),
        st.integers(-1, 1),
    )


def _nudged(value: float, nudge: int) -> float:
    return value if nudge == 0 else math.nextafter(value, math.copysign(math.inf, nudge))


latitudes = st.floats(-90, 90) | _edges(180)
longitudes = st.floats(-180, 180) | _edges(360)


@given(st.lists(st.tuples(latitudes, longitudes), max_size=12), st.integers(1, 9))
def test_cells_are_halved_exactly(points: list[tuple[float, float]], length: int) -> None:
    norths: list[float | None] = [north for north, _ in points]
    easts: list[float | None] = [east for _, east in points]
    assert _hashes(norths, easts, length) == [_halved(*point, length) for point in points]


@pytest.mark.parametrize("length", range(1, 10))
def test_a_cell_holds_its_southern_and_western_edges(length: int) -> None:
    tiny = 5e-324
    for latitude, longitude in ((-tiny, -tiny), (-tiny, tiny), (tiny, -tiny), (-0.0, -0.0), (45.0, 90.0)):
        assert _hashes([latitude], [longitude], length) == [_halved(latitude, longitude, length)]
    below = math.nextafter(45.0, 0.0)
    assert _hashes([below], [0.0], length) == [_halved(below, 0.0, length)]


def test_what_is_no_point_leaves_as_null_with_nothing_under_it() -> None:
    beyond = math.nextafter(90.0, 91.0)
    norths = [beyond, -beyond, math.nan, math.inf, None, 1.0, 1.0, 1.0, 1.0, 10.0]
    easts = [0.0, 0.0, 0.0, 0.0, 0.0, math.nextafter(180.0, 181.0), -math.inf, math.nan, None, 20.0]
    result = generalize_geohash(pa.array(norths), pa.array(easts), 5)
    assert result.to_pylist() == [None] * 9 + [_halved(10.0, 20.0, 5)]
    result.validate(full=True)
    text = result.buffers()[2]
    assert text is not None and text.to_pybytes()[:45] == b"0" * 45


def test_long_columns_and_slices_equal_their_parts() -> None:
    draw = np.random.default_rng(4)
    north, east = pa.array(draw.uniform(-90, 90, 20_000)), pa.array(draw.uniform(-180, 180, 20_000))
    for length in (5, 6):
        whole = generalize_geohash(north, east, length)
        part = generalize_geohash(north.slice(8_000, 5_000), east.slice(8_000, 5_000), length)
        assert part.equals(whole.slice(8_000, 5_000))
        assert whole[777].as_py() == _halved(north[777].as_py(), east[777].as_py(), length)
    assert len(generalize_geohash(north[:0], east[:0], 6)) == 0


POINT = pa.array([1.0])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(lambda: generalize_geohash(POINT, pa.array([1]), 5), TypeError, id="integers"),
        pytest.param(lambda: generalize_geohash(POINT, pa.array([1.0, 2.0]), 5), ValueError, id="other rows"),
        pytest.param(lambda: generalize_geohash(POINT, POINT, 0), ValueError, id="no characters"),
        pytest.param(lambda: generalize_geohash(POINT, POINT, 10), ValueError, id="ten characters"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
