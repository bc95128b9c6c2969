"""Properties of the generator's building blocks, for any numbers, seeds and sizes."""

import string

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from seeds.generator import firm_code, identity
from seeds.generator.canaries import CANARY_FIRM_CODE
from seeds.generator.columns import ascii_column, digits, number_column
from seeds.generator.firm_code import firm_codes
from seeds.generator.phones import mobile_numbers
from seeds.generator.plates import plates
from seeds.generator.skew import TODAY_NUMBER, draw

seeds = st.integers(0, 2**32)
ordinals = st.lists(st.integers(0, 49_999_999), min_size=1, max_size=200, unique=True).map(np.array)


def texts(column: pa.StringArray) -> list[str]:
    """The values, none of which is missing."""
    assert column.null_count == 0
    return [str(value) for value in column.to_pylist()]


@given(ordinals, seeds)
def test_firm_codes_are_distinct_valid_and_stable(numbers: np.ndarray, seed: int) -> None:
    firms = numbers // 42
    codes = texts(firm_codes(firms, seed))
    assert all(firm_code.is_valid(code) for code in codes)
    assert len(set(codes)) == len(set(firms.tolist()))
    assert firm_codes(firms[::-1], seed).to_pylist() == codes[::-1]
    assert CANARY_FIRM_CODE not in codes


@given(ordinals, seeds)
def test_plates_are_distinct_and_stable(numbers: np.ndarray, seed: int) -> None:
    made = plates(numbers, seed).to_pylist()
    assert len(set(made)) == len(made)
    assert plates(numbers[::-1], seed).to_pylist() == made[::-1]


@given(ordinals, seeds)
def test_phones_are_distinct_and_never_a_canarys(numbers: np.ndarray, seed: int) -> None:
    made = texts(mobile_numbers(np.random.default_rng(seed), numbers, seed))
    assert len(set(made)) == len(made)
    assert all(len(phone) == 11 and not phone.startswith("199") for phone in made)


@given(st.lists(st.integers(0, 36_524), min_size=1, max_size=60), st.data())
def test_issued_ids_are_valid_and_distinct(ages: list[int], data: st.DataObject) -> None:
    count = len(ages)
    areas = data.draw(st.lists(st.integers(0, len(identity.AREAS) - 1), min_size=count, max_size=count))
    male = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    born = TODAY_NUMBER - 1 - np.array(ages)
    registrar = identity.Registrar()
    issued: list[str] = []
    for _ in range(2):  # the second call must remember the first
        issued += texts(registrar.issue(np.array(areas), born, np.array(male)))
    assert len(set(issued)) == 2 * count
    codes = list(identity.AREAS)
    for number, area, day, man in zip(issued, areas * 2, born.tolist() * 2, male * 2, strict=True):
        assert identity.is_valid(number)
        assert number[:6] == codes[area]
        assert number[6:14] == str(np.datetime64(day, "D")).replace("-", "")
        assert int(number[16]) % 2 == man


@given(st.text(alphabet=string.digits + "X", max_size=20))
def test_the_id_validator_never_raises(text: str) -> None:
    identity.is_valid(text)
    firm_code.is_valid(text)


@given(st.lists(st.integers(0, 10**12 - 1), max_size=50))
def test_number_columns_are_zero_padded_decimals(values: list[int]) -> None:
    column = number_column(np.array(values, dtype=np.int64), 12, "AB")
    assert column.to_pylist() == [f"AB{value:012d}" for value in values]
    assert ascii_column(digits(np.array(values, dtype=np.int64), 12) + np.uint8(48)).to_pylist() == [
        f"{value:012d}" for value in values
    ]


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8), seeds)
def test_draws_follow_their_weights(weights: list[float], seed: int) -> None:
    count = 20_000
    found = np.bincount(draw(np.random.default_rng(seed), weights, count), minlength=len(weights))
    expected = np.array(weights) / sum(weights) * count
    assert len(found) == len(weights)
    # Six standard deviations: about one false alarm in a hundred million values tried.
    assert np.all(np.abs(found - expected) <= 6 * np.sqrt(expected) + 6)
