"""Local noise: an answer depends on its own subject and value alone, stays in the domain, and keeps any epsilon."""

from fractions import Fraction

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels.perturb import DiscreteLaplace, RandomizedResponse, laplace_table, response_table
from gateway.kernels.perturb.coins import WORDS
from gateway.kernels.perturb.exponential import exp_bounds
from gateway.model.pseudonym import CipherSuite

KEY = bytes(range(64))
KEYS = ("red", "green", "blue", "")

epsilons = st.integers(1_000, 20_000_000).map(lambda millionths: Fraction(millionths, 10**6))
subjects = st.integers(0, 2**128 - 1).map(lambda number: number.to_bytes(16, "big"))
words = st.none() | st.sampled_from(KEYS) | st.text(max_size=3)
int64s = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-20, 20)
bounds = st.tuples(st.integers(-(2**62), 2**62), st.integers(1, 2**62) | st.integers(1, 300)).map(
    lambda pair: (pair[0], min(pair[0] + pair[1], 2**63 - 1))
)
suites = st.sampled_from(CipherSuite)


def respond(
    values: list[str | None], tags: list[bytes], epsilon: Fraction, nullable: bool, suite: CipherSuite
) -> list[str | None]:
    response = RandomizedResponse(
        KEYS, pa.string(), nullable=nullable, epsilon=epsilon, occasion="trips/colour", key=KEY, suite=suite
    )
    return response.answer(pa.array(values, pa.string()), b"".join(tags)).to_pylist()


def noised(
    values: list[int | None], tags: list[bytes], limits: tuple[int, int], epsilon: Fraction, suite: CipherSuite
) -> list[int | None]:
    laplace = DiscreteLaplace(*limits, epsilon=epsilon, occasion="trips/fare", key=KEY, suite=suite)
    return laplace.answer(pa.array(values, pa.int64()), b"".join(tags)).to_pylist()


@given(st.lists(st.tuples(words, subjects), max_size=12), epsilons, st.booleans(), suites)
def test_a_response_has_no_neighbours_and_stays_among_the_keys(
    rows: list[tuple[str | None, bytes]], epsilon: Fraction, nullable: bool, suite: CipherSuite
) -> None:
    values, tags = [value for value, _ in rows], [tag for _, tag in rows]
    whole = respond(values, tags, epsilon, nullable, suite)
    assert respond(values, tags, epsilon, nullable, suite) == whole
    assert [respond([value], [tag], epsilon, nullable, suite)[0] for value, tag in rows] == whole
    assert respond(values[::-1], tags[::-1], epsilon, nullable, suite) == whole[::-1]
    for answer, tag in zip(whole, tags, strict=True):
        assert answer in KEYS or (answer is None and (nullable or tag == bytes(16)))


@given(st.lists(st.tuples(int64s, subjects), max_size=12), bounds, epsilons, suites)
def test_noise_has_no_neighbours_and_stays_in_the_bounds(
    rows: list[tuple[int | None, bytes]], limits: tuple[int, int], epsilon: Fraction, suite: CipherSuite
) -> None:
    values, tags = [value for value, _ in rows], [tag for _, tag in rows]
    whole = noised(values, tags, limits, epsilon, suite)
    assert noised(values, tags, limits, epsilon, suite) == whole
    assert [noised([value], [tag], limits, epsilon, suite)[0] for value, tag in rows] == whole
    for answer, tag in zip(whole, tags, strict=True):
        assert (answer is None) == (tag == bytes(16))
        assert answer is None or limits[0] <= answer <= limits[1]


@given(st.integers(2, 65_536), epsilons)
def test_any_response_keeps_its_epsilon(size: int, epsilon: Fraction) -> None:
    table = response_table(size, epsilon)
    assert table.other < table.kept == WORDS - (size - 1) * table.other
    assert Fraction(table.kept, table.other) <= exp_bounds(table.loss)[0]
    assert table.loss <= epsilon


@given(st.integers(1, 2_000), epsilons)
def test_any_noise_keeps_its_epsilon(cells: int, epsilon: Fraction) -> None:
    table = laplace_table(0, cells, epsilon)
    tails = [int(tail) for tail in table.tails]
    single = {size: tails[size] - tails[size + 1] for size in range(1, cells)} | {0: WORDS - 2 * tails[1]}
    worst = max(Fraction(WORDS - tails[1], tails[cells]), Fraction(max(single.values()), min(single.values())))
    assert worst <= exp_bounds(table.loss)[0]
    assert table.loss <= epsilon
