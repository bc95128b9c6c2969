"""The promise of sensitivity: what one unit can change is bounded whatever it holds, and which cells count is drawn."""

import math
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.contract import Bounds
from gateway.model.filter import Condition, Operator
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, RowScope
from gateway.privacy.sensitivity import sensitivity
from tests.integration.source.engine_bench import Bench, ratio, row, total
from tests.integration.source.questions import questions, rows, with_patience
from tests.integration.source.reference import Key, Row, expected

ROWS = Measure(MeasureKind.ROWS, 1)
UNITS = Measure(MeasureKind.UNITS, 1)


@with_patience
@given(st.data(), st.lists(rows, min_size=1, max_size=30))
def test_one_unit_moves_the_answer_by_no_more_than_its_bound(
    bench: Bench, data: st.DataObject, table: list[Row]
) -> None:
    plan = data.draw(questions(bench.contract))
    unit = data.draw(st.sampled_from([one["subject"] for one in table]))
    with_unit = bench.answer(table, plan)
    without = bench.answer([one for one in table if one["subject"] != unit], plan)
    alone = bench.answer([one for one in table if one["subject"] == unit], plan)
    cells = with_unit.keys() | without.keys() | alone.keys()
    nothing = (0,) * len(plan.measures)
    groups = plan.max_groups if plan.group_by else 1
    for place, measure in enumerate(plan.measures):
        bound = sensitivity(measure, groups)
        moved = []
        for cell in cells:
            change = with_unit.get(cell, nothing)[place] - without.get(cell, nothing)[place]
            assert change == alone.get(cell, nothing)[place]  # nothing of the others' changed
            moved.append(change)
        assert sum(map(abs, moved)) <= bound.l1
        assert sum(change * change for change in moved) <= bound.l2_squared
        assert len({cell[: len(plan.group_by)] for cell in alone}) <= groups


def test_every_cell_of_a_unit_can_be_drawn(bench: Bench) -> None:
    table = [row("a", 1, category) for category in "xyz"]
    group = (GroupKey("category", ("x", "y", "z")),)
    drawn: set[Key] = set()
    for salt in range(40):
        plan = total(bench.contract, 0, 1, 1, group)
        answer = bench.answer(table, AggregatePlan(plan.contract, plan.scope, group, plan.measures, 1, f"{salt:02x}"))
        assert len(answer) == 1
        drawn |= answer.keys()
    assert drawn == set(product("xyz"))


@pytest.mark.parametrize("max_groups", range(1, 10))
def test_units_with_more_cells_than_count_are_cut_to_those_drawn(bench: Bench, max_groups: int) -> None:
    chance = Random(max_groups)
    table = [
        row(unit, chance.randrange(-9, 9), category) | {"score": score}
        for unit, category, score in product("abcdefgh", "xyz", (1, 2, 11))
        for _ in range(chance.randrange(1, 4))
    ]
    group_by = (GroupKey("category", ("x", "y", "z")), GroupKey("score", (1, 2, 11)))
    asked = (UNITS, Measure(MeasureKind.TOTAL, 2, "amount", Bounds(-3, 5)))
    plan = AggregatePlan(bench.contract, RowScope(None, None, ()), group_by, asked, max_groups, "c0ffee")
    answer = bench.answer(table, plan)
    assert answer == expected(table, plan)
    assert sum(values[0] for values in answer.values()) == 8 * max_groups  # every unit has all nine cells


@pytest.mark.parametrize("max_rows", [1, 2, 5])
@pytest.mark.parametrize("max_groups", [1, 2, 3])
def test_histograms_of_units_with_many_cells_and_rows_are_cut_alike(
    bench: Bench, max_groups: int, max_rows: int
) -> None:
    chance = Random(max_groups * 10 + max_rows)
    table = [
        row(unit, chance.choice([None, *range(-9, 9)]), category)
        for unit, category in product("abcdefgh", "xyz")
        for _ in range(chance.randrange(1, 8))
    ]
    histogram = Measure(MeasureKind.BINS, max_rows, "amount", Bounds(-6, 6), 3)
    group_by = (GroupKey("category", ("x", "y", "z")),)
    plan = AggregatePlan(bench.contract, RowScope(None, None, ()), group_by, (histogram,), max_groups, "c0ffee")
    answer = bench.answer(table, plan)
    assert answer == expected(table, plan)
    assert 8 * max_groups <= sum(value for (value,) in answer.values()) <= 8 * max_groups * max_rows


@pytest.mark.parametrize("extreme", [math.inf, -math.inf, 6.0, 0.0])
@pytest.mark.parametrize(
    "condition",
    [
        (),
        (Condition("ratio", Operator.GREATER, (5.0,)),),
        (Condition("ratio", Operator.LESS, (5.0,)),),
        (Condition("ratio", Operator.EQUAL, (6.0,)),),
    ],
)
def test_what_becomes_of_nan_is_no_single_person_s_doing(
    bench: Bench, extreme: float, condition: tuple[Condition, ...]
) -> None:
    # an engine that knows a column's least and greatest value may decide for all rows at once, and forget the NaN
    crowd = [ratio(f"p{number}", math.nan) for number in range(200)] + [ratio("q", 1.0)]
    kinds = (MeasureKind.TOTAL, MeasureKind.PRESENT, MeasureKind.OFFSETS)
    plans = [
        (ROWS, *(Measure(kind, 1, "ratio", Bounds(-200, 200)) for kind in kinds)),
        (Measure(MeasureKind.BINS, 1, "ratio", Bounds(-200, 200), 50),),
    ]
    for measures in plans:
        plan = AggregatePlan(bench.contract, RowScope(None, None, condition), (), measures, 1, "00")
        with_it, without = bench.answer([*crowd, ratio("r", extreme)], plan), bench.answer(crowd, plan)
        for cell in with_it.keys() | without.keys():
            nothing = (0,) * len(measures)
            moved = zip(with_it.get(cell, nothing), without.get(cell, nothing), measures, strict=True)
            assert all(abs(after - before) <= measure.largest for after, before, measure in moved)
