"""k-anonymity, l-diversity and t-closeness: worked and published examples, and limits.

The rules as a whole are held against a reference in tests/properties/test_kernels_anonymity.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.worst_class import Measures, measure
from gateway.kernels.anonymity.census import Bounds, Census, Demand, Verdicts
from gateway.kernels.anonymity.numbering import TooManyValues
from gateway.kernels.tokens import subject_tags
from gateway.model.contract import AnonymitySpec, CanonicalForm

KEY = bytes(range(64))


def _tag(unit: object) -> bytes:
    return bytes(16) if unit is None else sha256(str(unit).encode()).digest()[:16]


def _tags(units: Sequence[object]) -> bytes:
    return b"".join(map(_tag, units))


def _batch(**columns: Any) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array(values) for name, values in columns.items()})


def _verdicts(demand: Demand, batch: pa.RecordBatch, units: Sequence[object]) -> Verdicts:
    census = Census(demand)
    census.add(batch, _tags(units))
    return census.verdicts()


def _leave(demand: Demand, batch: pa.RecordBatch, units: Sequence[object]) -> list[Any]:
    return _verdicts(demand, batch, units).mask(batch).to_pylist()


def _measure(batch: pa.RecordBatch, quasi: Sequence[str], sensitive: Sequence[str] = ()) -> Measures:
    """Each row a unit of its own."""
    return measure([(batch, _tags(range(batch.num_rows)))], quasi, sensitive)


def test_k_counts_persons_not_rows() -> None:
    batch = _batch(district=["a", "a", "a", "b", "b", "b"])
    assert _leave(Demand(("district",), 3), batch, [1, 2, 3, 4, 4, 5]) == [True] * 3 + [False] * 3


def test_a_class_of_exactly_k_leaves_and_one_fewer_stays() -> None:
    batch = _batch(district=["a"] * 5)
    assert _leave(Demand(("district",), 5), batch, range(5)) == [True] * 5
    assert _leave(Demand(("district",), 6), batch, range(5)) == [False] * 5


def test_a_person_counts_in_each_class() -> None:
    batch = _batch(district=["a", "a", "b", "b"])
    assert _leave(Demand(("district",), 2), batch, [1, 2, 1, 2]) == [True] * 4


def test_rows_of_nobody_raise_no_k_and_go_with_their_class() -> None:
    batch = _batch(district=["a", "a", "a", "b", "b"])
    verdicts = _verdicts(Demand(("district",), 2), batch, [1, 2, None, 3, None])
    assert verdicts.mask(batch).to_pylist() == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("value", "kind"),
    [("a", pa.string()), (0, pa.int64()), (0.5, pa.float64()), (False, pa.bool_()), (date(1970, 1, 1), pa.date32())],
    ids=["utf8", "int64", "float64", "bool", "date32"],
)
def test_null_is_a_value_of_its_own(value: object, kind: pa.DataType) -> None:
    batch = pa.record_batch({"field": pa.array([value, value, None, None, value], kind)})
    assert _leave(Demand(("field",), 3), batch, range(5)) == [True, True, False, False, True]
    assert _leave(Demand(("field",), 2), batch, range(5)) == [True] * 5
    assert _measure(batch, ["field"]).classes == 2


def test_zeros_of_two_signs_can_be_told_apart_and_so_they_are() -> None:
    assert _measure(_batch(amount=[0.0, -0.0, 0.0]), ["amount"]).classes == 2


def test_extreme_integers_and_texts_with_zero_bytes() -> None:
    numbers = [-(2**63), 2**63 - 1, 0, -(2**63), 2**63 - 1]
    texts = ["", "\0", "\0\0", "", "a\0"]
    assert _measure(_batch(floor=numbers), ["floor"]).classes == 3
    assert _measure(_batch(name=texts), ["name"]).classes == 4
    assert _measure(_batch(name=texts, floor=numbers), ["name", "floor"]).classes == 4


@pytest.mark.parametrize(
    "batches",
    [
        [["a", "bb"], ["a", "cc"], ["bb", "d"]],
        [["aa", "bb"], ["aa", "cc"], ["bb", "dd"]],
        [
            ["1/same-ending", "2/same-ending"],
            ["3/same-ending", "1/same-ending"],
            ["4/same-ending", "", "3/same-ending"],
        ],
        [["", ""], ["", "\0"], ["\0\0", "\0"]],
    ],
    ids=["of-several-lengths", "of-one-length", "of-one-ending", "empty"],
)
def test_texts_that_come_later_are_told_from_those_before(batches: list[list[str]]) -> None:
    parts = [(_batch(name=texts), _tags(range(len(texts)))) for texts in batches]
    assert measure(parts, ["name"]).classes == len({text for texts in batches for text in texts})


def test_classes_keep_their_rows_when_there_are_too_many_for_a_table() -> None:
    first = _batch(place=["a", "b"], floor=["1", "1"])
    second = _batch(place=["a"], floor=["2"])
    many = [str(place) for place in range(2_100)]
    parts = [
        (first, _tags([1, 4])),
        (second, _tags([3])),
        (_batch(place=many, floor=many), _tags(many)),
        (second, _tags([4])),
    ]
    census = Census(Demand(("place", "floor"), 2))
    for batch, tags in parts:
        census.add(batch, tags)
    verdicts = census.verdicts()
    assert verdicts.mask(first).to_pylist() == [False, False]
    assert verdicts.mask(second).to_pylist() == [True]
    assert (verdicts.tally.classes, verdicts.tally.rows_withheld) == (2_103, 2_102)


def test_texts_may_stand_in_a_dictionary() -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 2, 0]), pa.array(["a", "b", None]))
    encoded = pa.record_batch({"district": words})
    plain = _batch(district=["a", "b", None, None, "a"])
    demand = Demand(("district",), 2)
    expected = [True, False, True, True, True]
    assert _leave(demand, encoded, range(5)) == _leave(demand, plain, range(5)) == expected
    assert _verdicts(demand, plain, range(5)).mask(encoded).to_pylist() == expected


def test_slices_are_read_where_they_are() -> None:
    batch = _batch(district=["b"] * 4 + ["a", None, "a", "c"], floor=[9, 9, 9, 9, 1, 2, 1, 3])
    census = Census(Demand(("district", "floor"), 2))
    census.add(batch.slice(4), _tags([1, 2, 3, None]))
    verdicts = census.verdicts()
    assert verdicts.mask(batch.slice(4)).to_pylist() == [True, False, True, False]
    assert verdicts.mask(batch).to_pylist() == [False] * 4 + [True, False, True, False]


def test_tags_are_those_of_the_token_kernel() -> None:
    batch = _batch(district=["a", "a", "a"])
    people = pa.array(["110105194912310021", "110105194912310021", None])
    tags = subject_tags(people, CanonicalForm.TEXT, KEY)
    assert measure([(batch, tags)], ["district"]).k == 1


def test_only_a_tag_of_sixteen_zeros_is_nobody() -> None:
    batch = _batch(district=["a", "a", "a"])
    tags = bytes(8) + b"somebody" + b"sometwo." + bytes(8) + bytes(16)
    assert measure([(batch, tags)], ["district"]).k == 2


def test_one_person_with_ten_rows_is_no_diversity() -> None:
    batch = _batch(district=["a"] * 11, illness=[*"abcdefghij", "a"])
    assert measure([(batch, _tags([1] * 10 + [2]))], ["district"], ["illness"]).diversity == {"illness": 1}
    # what one of them holds, both hold
    batch = _batch(district=["a"] * 11, illness=[*"abcdefghij", "k"])
    assert measure([(batch, _tags([1] * 10 + [2]))], ["district"], ["illness"]).diversity == {"illness": 2}


def test_a_person_speaks_for_one_value_and_the_rarest() -> None:
    batch = _batch(district=["a"] * 6, illness=["a", "b", "c", "d", "c", "d"])
    assert measure([(batch, _tags([1, 1, 2, 3, 4, 5]))], ["district"], ["illness"]).diversity == {"illness": 3}
    batch = _batch(district=["a"] * 6, illness=["a", "z", "a", "b", "c", "c"])
    assert measure([(batch, _tags([1, 1, 2, 3, 4, 5]))], ["district"], ["illness"]).diversity == {"illness": 4}


def test_a_value_that_all_hold_is_known_of_all() -> None:
    batch = _batch(district=["a"] * 6, illness=["x", "a", "x", "b", "x", "c"])
    assert measure([(batch, _tags([1, 1, 2, 2, 3, 3]))], ["district"], ["illness"]).diversity == {"illness": 1}


def test_null_is_no_diversity() -> None:
    batch = _batch(district=["a"] * 4 + ["b"] * 2, illness=["x", None, None, "y", "x", None])
    demand = Demand(("district",), 1, {"illness": 2})
    assert _leave(demand, batch, range(6)) == [True] * 4 + [False] * 2


def test_the_distances_of_the_paper_on_t_closeness() -> None:
    """Li, Li and Venkatasubramanian 2007, section 4.2 and tables 3 and 4."""
    salaries = [3, 4, 5, 6, 11, 8, 7, 9, 10]
    batch = _batch(group=["1"] * 3 + ["2"] * 3 + ["3"] * 3, salary=salaries)
    demand = Demand(("group",), 3, {}, {"salary": 0.2})
    assert _measure(batch, ["group"], ["salary"]).closeness["salary"] == pytest.approx(0.375)
    assert _leave(demand, batch, range(9)) == [False] * 3 + [True] * 3 + [False] * 3
    only_167 = Demand(("group",), 3, {}, {"salary": 1 / 6})
    assert _leave(only_167, batch, range(9)) == [False] * 3 + [True] * 3 + [False] * 3


def test_a_distance_of_exactly_t_leaves() -> None:
    # the shares of x are 3/5 and 1/5 against 2/5: a distance of 1/5, which binary fractions cannot say
    batch = _batch(district=["a"] * 5 + ["b"] * 5, illness=[*"xxxyy", *"xyyyy"])
    assert _leave(Demand(("district",), 1, {}, {"illness": 0.2}), batch, range(10)) == [True] * 10
    assert _leave(Demand(("district",), 1, {}, {"illness": 0.1999}), batch, range(10)) == [False] * 10


def test_the_table_is_all_rows_that_were_counted() -> None:
    demand = Demand(("district",), 3, {}, {"illness": 0.3})
    batch = _batch(district=["a"] * 4, illness=[*"xxyy"])
    assert _leave(demand, batch, range(4)) == [True] * 4
    # rows that will themselves be withheld for their k still belong to the table
    more = _batch(district=["a"] * 4 + list("bcdefghi"), illness=[*"xxyy", *"xxxxxxxx"])
    assert _leave(demand, more, range(12)) == [False] * 12


def test_a_person_weighs_one_however_many_values() -> None:
    # four hold x; the fifth holds what the table at large holds, and must not hide them
    many = [*"abcdefghijklmnopqrst"]
    batch = _batch(district=["a"] * 24 + ["b"] * 20, illness=["x"] * 4 + many + many)
    units = [*range(4), *[4] * 20, *range(100, 120)]
    found = measure([(batch, _tags(units))], ["district"], ["illness"])
    assert found.closeness["illness"] == pytest.approx(4 / 5 - 4 / 25)


def test_figures_of_another_implementation() -> None:
    """As pycanon 1.3.6 gives them for this table (one row a person)."""
    rows = range(120)
    batch = _batch(
        district=[f"d{row * row % 5}" for row in rows],
        floor=[row * 7 % 3 for row in rows],
        illness=["abcdefg"[row**3 % 7] for row in rows],
        salary=[row * 37 % 11 * 100 for row in rows],
    )
    found = _measure(batch, ["district", "floor"], ["illness", "salary"])
    assert (found.rows, found.classes) == (120, 9)
    assert found.k == 8
    assert found.diversity == {"illness": 3, "salary": 8}
    assert found.closeness == pytest.approx({"illness": 0.1, "salary": 0.07958333333333338})


def test_a_class_that_was_never_counted_stays() -> None:
    verdicts = _verdicts(Demand(("district", "floor"), 1), _batch(district=["a"], floor=[1]), [1])
    other = _batch(district=["a", "a", "z", "z", None], floor=[1, 10**12, 1, 5, 1])
    assert verdicts.mask(other).to_pylist() == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("kind", "known", "unknown"),
    [
        (pa.int64(), 1, 2),
        (pa.int64(), 1, 10**12),
        (pa.float64(), 1.0, 2.0),
        (pa.string(), "a", "b"),
        (pa.bool_(), True, False),
    ],
    ids=["near", "far", "float64", "utf8", "bool"],
)
def test_a_value_that_was_never_met_is_taken_for_no_other(kind: pa.DataType, known: object, unknown: object) -> None:
    verdicts = _verdicts(Demand(("field",), 1), pa.record_batch({"field": pa.array([known, None], kind)}), [1, 2])
    asked = pa.record_batch({"field": pa.array([unknown, known, None], kind)})
    assert verdicts.mask(asked).to_pylist() == [False, True, True]


def test_nothing_counted_is_nothing_left() -> None:
    verdicts = Census(Demand(("district",), 1)).verdicts()
    assert verdicts.mask(_batch(district=["a"])).to_pylist() == [False]
    assert (verdicts.tally.classes, verdicts.tally.rows_withheld) == (0, 0)
    assert measure([], ["district"], ["illness"]) == Measures(0, 0, 0, {"illness": 0}, {"illness": 0.0})


def test_a_census_closes() -> None:
    census = Census(Demand(("district",), 1))
    census.add(_batch(district=["a"]), _tags([1]))
    census.verdicts()
    with pytest.raises(RuntimeError):
        census.add(_batch(district=["a"]), _tags([1]))
    with pytest.raises(RuntimeError):
        census.verdicts()


def test_no_value_shows() -> None:
    census = Census(Demand(("district",), 1, {"illness": 1}))
    census.add(_batch(district=["where"], illness=["what"]), _tags([1]))
    verdicts = census.verdicts()
    for shown in (repr(verdicts), str(verdicts), repr(census)):
        assert "where" not in shown
        assert "what" not in shown


def _count_all(census: Census, batch: pa.RecordBatch) -> Verdicts:
    census.add(batch, _tags(range(batch.num_rows)))
    return census.verdicts()


@pytest.mark.parametrize("quasi", [("place", "floor"), ("floor", "place"), ("floor", "place", "wide")])
def test_classes_of_several_columns_are_bounded(quasi: tuple[str, ...]) -> None:
    # eleven values in each column, and 121 classes
    batch = _batch(place=[f"{row % 11}" for row in range(121)], floor=[row // 11 for row in range(121)], wide=[0] * 121)
    assert _count_all(Census(Demand(quasi, 1), Bounds(classes=121)), batch).tally.classes == 121
    with pytest.raises(TooManyValues):
        _count_all(Census(Demand(quasi, 1), Bounds(classes=120)), batch)


@pytest.mark.parametrize("values", [[f"{row}" for row in range(102)], list(range(102))], ids=["texts", "numbers"])
def test_values_of_a_sensitive_field_are_bounded(values: list[object]) -> None:
    demand, batch = Demand(("floor",), 1, {"illness": 1}), _batch(floor=[0] * 102, illness=values)
    assert _count_all(Census(demand, Bounds(classes=102)), batch).tally.classes == 1
    with pytest.raises(TooManyValues):
        _count_all(Census(demand, Bounds(classes=101)), batch)


@pytest.mark.parametrize(
    ("bounds", "sensitive"),
    [(Bounds(classes=99), False), (Bounds(held=99), False), (Bounds(held=99), True)],
    ids=["classes", "units", "rows"],
)
def test_a_table_beyond_the_bounds_is_refused(bounds: Bounds, sensitive: bool) -> None:
    demand = Demand(("floor",), 2, {"illness": 1} if sensitive else {})
    batch = _batch(floor=range(102), illness=["x"] * 102)
    with pytest.raises(TooManyValues) as refused:
        _count_all(Census(demand, bounds), batch)
    assert not any(character.isdigit() for character in str(refused.value))
    assert _count_all(Census(demand, Bounds(classes=102, held=102)), batch).tally.classes == 102


def test_a_class_with_enough_units_is_held_no_more() -> None:
    # a million pairs go through where a thousand may be held
    census = Census(Demand(("floor",), 5), Bounds(held=1_000))
    batch = pa.record_batch({"floor": pa.array(np.arange(200_000) % 10)})
    for start in range(5):
        census.add(batch, np.random.default_rng(start).bytes(16 * 200_000))
    assert census.verdicts().tally.rows_withheld == 0


def test_wrong_batches_are_refused() -> None:
    census = Census(Demand(("district",), 1, {"illness": 1}))
    census.add(_batch(district=["a"], illness=["x"]), _tags([1]))
    with pytest.raises(KeyError):
        census.add(_batch(district=["a"]), _tags([1]))
    with pytest.raises(TypeError):
        census.add(_batch(district=[1], illness=["x"]), _tags([1]))
    with pytest.raises(TypeError):
        census.add(_batch(district=["a"], illness=[1]), _tags([1]))
    with pytest.raises(ValueError, match="16 bytes"):
        census.add(_batch(district=["a"], illness=["x"]), _tags([1, 2]))
    with pytest.raises(TypeError):
        Census(Demand(("at",), 1)).add(pa.record_batch({"at": pa.array([0], pa.timestamp("us"))}), _tags([1]))


def test_a_contract_demands_what_it_says() -> None:
    spec = AnonymitySpec(5, ("district",), {"illness": 3}, {"salary": Fraction(1, 5)})
    assert Demand.of(spec) == Demand(("district",), 5, {"illness": 3}, {"salary": 0.2})


@pytest.mark.parametrize(
    ("quasi", "k", "diversity", "closeness"),
    [
        ((), 2, {}, {}),
        (("a", "a"), 2, {}, {}),
        (("a",), 0, {}, {}),
        (("a",), 2, {"b": 0}, {}),
        (("a",), 2, {"a": 2}, {}),
        (("a",), 2, {}, {"a": 0.1}),
        (("a",), 2, {}, {"b": -0.1}),
        (("a",), 2, {}, {"b": 1.1}),
        (("a",), 2, {}, {"b": float("nan")}),
    ],
    ids=["no-quasi", "twice", "k-0", "l-0", "both-l", "both-t", "t-below-0", "t-above-1", "t-nan"],
)
def test_demands_that_make_no_sense_are_refused(
    quasi: tuple[str, ...], k: int, diversity: dict[str, int], closeness: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match=r"quasi-identifier|at least 1|between 0 and 1"):
        Demand(quasi, k, diversity, closeness)
