"""Local noise: the weights answers are drawn with keep the epsilon exactly, for all pairs of values, and the coins are
the CMAC they are said to be."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC

from gateway.kernels.digest import digest_of
from gateway.kernels.perturb import (
    DiscreteLaplace,
    LaplaceTable,
    RandomizedResponse,
    laplace_table,
    response_table,
)
from gateway.kernels.perturb.coins import WORDS, Coins
from gateway.kernels.perturb.exponential import exp_bounds, log_upper
from gateway.kernels.tags import words as tag_words
from gateway.kernels.text import Column
from gateway.model.pseudonym import CipherSuite
from gateway.model.values import Scalar

KEY = bytes(range(64))
EPSILONS = [Fraction(1, 1000), Fraction(1, 10), Fraction("0.693147"), Fraction(1), Fraction(3), Fraction(20)]


def tags(rows: int) -> bytes:
    return b"".join(number.to_bytes(16, "big") for number in range(1, rows + 1))


def respond(
    column: Column,
    keys: tuple[Scalar, ...],
    *,
    nullable: bool = False,
    rows_tags: bytes | None = None,
    occasion: str = "f",
) -> Column:
    given = tags(len(column)) if rows_tags is None else rows_tags
    suite = CipherSuite.AES
    response = RandomizedResponse(
        keys, column.type, nullable=nullable, epsilon=Fraction(1), occasion=occasion, key=KEY, suite=suite
    )
    return response.answer(column, given)


def noised(
    column: Column,
    lower: int,
    upper: int,
    *,
    epsilon: Fraction = Fraction(1),
    rows_tags: bytes | None = None,
    occasion: str = "f",
) -> Column:
    given = tags(len(column)) if rows_tags is None else rows_tags
    laplace = DiscreteLaplace(lower, upper, epsilon=epsilon, occasion=occasion, key=KEY, suite=CipherSuite.AES)
    return laplace.answer(column, given)


@pytest.mark.parametrize(
    "x", [Fraction(0), Fraction(1, 10**9), Fraction(1, 3), Fraction(1), Fraction(20), Fraction(32)], ids=str
)
def test_the_exponential_lies_between_its_bounds(x: Fraction) -> None:
    low, high = exp_bounds(x)
    with localcontext(prec=80):
        true = Fraction((Decimal(x.numerator) / Decimal(x.denominator)).exp())
    assert low <= true * (1 + Fraction(1, 10**70))
    assert true * (1 - Fraction(1, 10**70)) <= high
    assert high - low <= high / 2**150


@pytest.mark.parametrize("ratio", [Fraction(1), Fraction(3, 2), Fraction(2), Fraction(10**9, 7)], ids=str)
def test_a_logarithm_is_rounded_up_and_no_further_than_one_step(ratio: Fraction) -> None:
    bound = log_upper(ratio)
    assert exp_bounds(bound)[0] >= ratio
    assert bound == 0 or exp_bounds(bound - Fraction(1, 10**12))[0] < ratio


@pytest.mark.parametrize("value", [Fraction(-1), Fraction(33)], ids=str)
def test_bounds_of_other_exponents_and_ratios_are_refused(value: Fraction) -> None:
    with pytest.raises(ValueError, match="exponent"):
        exp_bounds(value)
    with pytest.raises(ValueError, match="ratio"):
        log_upper(Fraction(1, 2))


@pytest.mark.parametrize("epsilon", EPSILONS, ids=str)
@pytest.mark.parametrize("size", [2, 3, 12, 1000, 65_536])
def test_the_weights_of_a_response_keep_the_epsilon_and_give_little_away(size: int, epsilon: Fraction) -> None:
    table = response_table(size, epsilon)
    assert table.kept + (size - 1) * table.other == WORDS
    assert table.other < table.kept <= exp_bounds(epsilon)[0] * table.other
    assert epsilon - Fraction(1, 10**9) < table.loss <= epsilon


def test_a_response_is_the_true_key_up_to_its_weight_and_then_each_other_one() -> None:
    table = response_table(4, Fraction(1))
    edges = [0, table.kept - 1]
    for other in range(3):
        first = table.kept + other * table.other
        edges += [first, first + table.other - 1]
    assert edges[-1] == WORDS - 1
    for true in range(4):
        others = [place for place in range(4) if place != true]
        drawn = table.choose(np.array(edges, np.uint64), np.full(len(edges), true))
        assert drawn.tolist() == [true, true, *(place for place in others for _ in range(2))]


def weights(table: LaplaceTable) -> dict[int, int]:
    """The weight of each noise, read off the sampler itself: where the words from one noise to the next are found by
    halving, and nothing of the table is believed."""
    found, start = {}, 0
    for noise in range(-table.cells, table.cells + 1):
        low, high = start, WORDS
        while low < high:
            middle = (low + high) // 2
            if int(table.noise(np.array([middle], np.uint64))[0]) <= noise:
                low = middle + 1
            else:
                high = middle
        found[noise], start = low - start, low
    return found


@pytest.mark.parametrize("epsilon", EPSILONS, ids=str)
@pytest.mark.parametrize("cells", [1, 2, 3, 9])
def test_no_answer_tells_two_integers_apart_by_more_than_the_loss(cells: int, epsilon: Fraction) -> None:
    table = laplace_table(-4, cells - 4, epsilon)
    noise = weights(table)
    assert sum(noise.values()) == WORDS
    values = range(-4, cells - 3)
    given = {true: dict.fromkeys(values, 0) for true in values}
    for true in values:
        for size, weight in noise.items():
            given[true][min(max(true + size, -4), cells - 4)] += weight
    ratios = [
        Fraction(given[one][seen], given[other][seen]) for one, other in permutations(values, 2) for seen in values
    ]
    assert max(ratios) <= exp_bounds(table.loss)[1]
    assert max(ratios) <= exp_bounds(epsilon)[0]
    assert epsilon - Fraction(1, 10**9) < table.loss <= epsilon


@pytest.mark.parametrize("epsilon", [Fraction(1, 1000), Fraction(1), Fraction(20)], ids=str)
@pytest.mark.parametrize("bounds", [(0, 65_535), (0, 65_536), (-(2**61), 2**61), (0, 10**9 + 7)], ids=str)
def test_wide_ranges_keep_the_epsilon_too(bounds: tuple[int, int], epsilon: Fraction) -> None:
    table = laplace_table(*bounds, epsilon)
    tails = [int(tail) for tail in table.tails[:-1]]
    at_bound = Fraction(WORDS - tails[1], tails[-1])
    single = [WORDS - 2 * tails[1], *(here - beyond for here, beyond in pairwise(tails[1:]))]
    assert max(at_bound, Fraction(max(single), min(single))) <= exp_bounds(epsilon)[0]
    assert epsilon - Fraction(1, 10**9) < table.loss <= epsilon
    assert table.cells <= 65_536
    # the sampler steps exactly where the table says
    some = [1, 2, table.cells // 3, table.cells - 1, table.cells]
    edge = np.array([tails[size] for size in some], np.uint64)
    assert table.noise(edge - np.uint64(1)).tolist() == [-size for size in some]
    assert table.noise(~(edge - np.uint64(1))).tolist() == some
    assert table.noise(edge).tolist() == [1 - size for size in some]


def test_values_go_to_the_nearest_cell_and_bounds_stay_bounds() -> None:
    table = laplace_table(10, 10 + 3 * 65_536, Fraction(1))
    assert (table.cell, table.cells) == (3, 65_536)
    numbers = np.array([-(2**63), 9, 10, 11, 12, 13, 10 + 3 * 65_536, 2**63 - 1])
    assert table.cell_of(numbers).tolist() == [0, 0, 0, 0, 1, 1, 65_536, 65_536]
    assert table.value_of(np.array([-5, 0, 1, 65_536, 65_600])).tolist() == [10, 10, 13, 196_618, 196_618]
    uneven = laplace_table(0, 65_538, Fraction(1))
    assert (uneven.cell, uneven.cells) == (2, 32_769)
    odd = laplace_table(0, 65_537, Fraction(1))
    assert odd.value_of(np.array([odd.cells])).tolist() == [65_537]


@pytest.mark.parametrize(
    ("suite", "algorithm"),
    [
        pytest.param(CipherSuite.AES, algorithms.AES(KEY[:32]), id="aes"),
        pytest.param(CipherSuite.SM4, algorithms.SM4(KEY[:16]), id="sm4"),
    ],
)
def test_the_coins_are_a_cmac_of_mechanism_subject_and_value(suite: CipherSuite, algorithm: algorithms.AES) -> None:
    mechanism = ("discrete laplace", "taxis/fare", "1/2", "0", "500")
    words = tag_words(tags(20_000), 20_000)
    numbers = np.arange(20_000) * 7 - 3
    thrown = Coins(mechanism, KEY, suite).throw(words, numbers)
    for row in (0, 1, 8_191, 8_192, 19_999):
        code = CMAC(algorithm)
        value = int(numbers[row]).to_bytes(8, "big", signed=True)
        code.update(digest_of(*mechanism) + words[row].tobytes() + bytes(8) + value)
        assert int(thrown[row]) == int.from_bytes(code.finalize()[:8], "big")


def test_other_parameters_throw_other_coins() -> None:
    # noises of two scales from the same coins would tell the value
    column = pa.array([50] * 400)
    half, one = noised(column, 0, 100, epsilon=Fraction(1, 2)), noised(column, 0, 100)
    coarse, fine = np.array(half.to_pylist()) - 50, np.array(one.to_pylist()) - 50
    assert abs(np.corrcoef(np.sign(coarse), np.sign(fine))[0, 1]) < 0.2


def test_another_occasion_throws_other_coins() -> None:
    column = pa.array([1] * 400)
    for first, second in (
        (respond(column, (1, 2)), respond(column, (1, 2), occasion="g")),
        (noised(column, 0, 2), noised(column, 0, 2, occasion="g")),
    ):
        assert 100 < np.sum(first.to_numpy() != second.to_numpy()) < 300


def test_what_is_built_once_answers_every_batch() -> None:
    given, suite = tags(300), CipherSuite.AES
    laplace = DiscreteLaplace(0, 9, epsilon=Fraction(1), occasion="f", key=KEY, suite=suite)
    response = RandomizedResponse(
        (0, 1), pa.int64(), nullable=False, epsilon=Fraction(1), occasion="f", key=KEY, suite=suite
    )
    column = pa.array([0, 1, 1] * 100)
    for mechanism in (laplace, response):
        parts = [
            mechanism.answer(column.slice(start, 60), given[16 * start : 16 * start + 960])
            for start in range(0, 300, 60)
        ]
        assert pa.concat_arrays(parts).equals(mechanism.answer(column, given))
    with pytest.raises(TypeError):
        response.answer(pa.array([0], pa.int32()), tags(1))


def test_of_a_nullable_field_null_is_a_key_like_another() -> None:
    column = pa.array(["a", None, "elsewhere"] * 2_000)
    drawn = respond(column, ("a", "b"), nullable=True).to_pylist()
    assert set(drawn[0::3]) == set(drawn[1::3]) == set(drawn[2::3]) == {"a", "b", None}
    assert 0.5 < sum(value is None for value in drawn[1::3]) / 2_000 < 0.65  # e/(e+2) = 0.576
    # what is no key is NULL, with the same coins
    same = respond(pa.array([None, "elsewhere"]), ("a", "b"), nullable=True, rows_tags=tags(1) * 2).to_pylist()
    assert same[0] == same[1]


def test_elsewhere_what_is_no_key_is_the_first_one() -> None:
    first = respond(pa.array(["a"] * 500), ("a", "b"))
    assert respond(pa.array([None, "c"] * 250), ("a", "b")).equals(first)
    assert set(first.to_pylist()) == {"a", "b"}


@pytest.mark.parametrize(
    ("column", "keys"),
    [
        pytest.param(pa.array([1, 2, 2**62] * 100), (1, 2), id="int64"),
        pytest.param(pa.array([True, False] * 100), (True, False), id="bool"),
        pytest.param(pa.array([date(2020, 1, 1)] * 100), (date(2020, 1, 1), date(2021, 1, 1)), id="date32"),
    ],
)
def test_keys_of_other_types_leave_as_their_type(column: Column, keys: tuple[Scalar, ...]) -> None:
    drawn = respond(column, keys)
    assert drawn.type == column.type
    assert set(drawn.to_pylist()) == set(keys)


def test_integers_beyond_the_bounds_and_null_are_taken_for_integers_within() -> None:
    inside = noised(pa.array([0, 100, 50] * 200), 0, 100)
    assert noised(pa.array([-(2**63), 2**63 - 1, None] * 200), 0, 100).equals(inside)
    assert inside.null_count == 0
    drawn = inside.to_numpy()
    assert (drawn.min(), drawn.max()) == (0, 100)


def test_a_row_without_a_subject_leaves_as_null_whatever_it_holds() -> None:
    nobody = tags(1) + bytes(16)
    assert respond(pa.array(["a", "a"]), ("a", "b"), rows_tags=nobody).to_pylist()[1] is None
    assert respond(pa.array(["a", None]), ("a", "b"), nullable=True, rows_tags=nobody).to_pylist()[1] is None
    assert noised(pa.array([1, 1]), 0, 9, rows_tags=nobody).to_pylist()[1] is None
    assert noised(pa.array([1, 1]), 0, 9, rows_tags=nobody).to_pylist()[0] is not None


def test_nothing_lies_under_a_null() -> None:
    nobody = bytes(16 * 50)
    for answers in (
        noised(pa.array([7] * 50), 5, 9, rows_tags=nobody),
        respond(pa.array([7] * 50), (7, 8), rows_tags=nobody),
        respond(pa.array([7] * 50), (7, 8), nullable=True, rows_tags=nobody),
    ):
        under = answers.buffers()[1]
        assert answers.null_count == 50
        assert under is not None and np.frombuffer(under.to_pybytes(), np.int64).tolist() == [0] * 50


def test_empty_columns_stay_empty() -> None:
    assert respond(pa.array([], pa.string()), ("a", "b")).equals(pa.array([], pa.string()))
    assert noised(pa.array([], pa.int64()), 0, 1).equals(pa.array([], pa.int64()))


def test_no_repr_shows_the_key() -> None:
    assert repr(Coins(("x",), KEY, CipherSuite.AES)) == "<Coins>"


ONE, TEXT = pa.array([1]), pa.array(["a"])


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(lambda: respond(pa.array([1.5]), (1.5, 2.5)), TypeError, id="doubles have no keys"),
        pytest.param(lambda: respond(TEXT, ("a", "a")), ValueError, id="repeated keys"),
        pytest.param(lambda: respond(TEXT, ("a", None)), ValueError, id="None as a key"),
        pytest.param(lambda: respond(TEXT, ("a",)), ValueError, id="one key"),
        pytest.param(lambda: respond(TEXT, (1, 2)), TypeError, id="keys of another type"),
        pytest.param(lambda: respond(TEXT, ("a", "b"), rows_tags=b""), ValueError, id="no tags"),
        pytest.param(lambda: respond(TEXT, ("a", "b"), rows_tags=bytes(32)), ValueError, id="tags of other rows"),
        pytest.param(lambda: noised(TEXT, 0, 1), TypeError, id="noise on text"),
        pytest.param(lambda: noised(ONE, 1, 1), ValueError, id="no range"),
        pytest.param(lambda: noised(ONE, 2, 1), ValueError, id="bounds the wrong way"),
        pytest.param(lambda: noised(ONE, -(2**63), 2**63 - 1), ValueError, id="too wide"),
        pytest.param(lambda: noised(ONE, 0, 2**63), ValueError, id="no int64"),
        pytest.param(lambda: noised(ONE, 0, 1, epsilon=Fraction(1, 3)), ValueError, id="epsilon is no short decimal"),
        pytest.param(lambda: noised(ONE, 0, 1, epsilon=Fraction(0)), ValueError, id="epsilon 0"),
        pytest.param(lambda: noised(ONE, 0, 1, epsilon=Fraction(21)), ValueError, id="epsilon 21"),
        pytest.param(lambda: response_table(65_537, Fraction(1)), ValueError, id="too many keys"),
        pytest.param(lambda: Coins(("x",), KEY[:32], CipherSuite.AES), ValueError, id="a short key"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
