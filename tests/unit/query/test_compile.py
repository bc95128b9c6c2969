"""What compilation refuses, and that no value is ever part of the text."""

import math
from dataclasses import replace
from datetime import date

import pytest
import sqlglot
from sqlglot import exp

from gateway.model.contract import Bounds, CanonicalForm, DataContract, PrivacyUnit
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import Period
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, AtLevel, GroupKey, InBins, InPeriod, RowPlan, RowScope
from gateway.model.storage import SourceKind, SourceSpec
from gateway.model.values import FieldType
from gateway.query.aggregates import compile_aggregates
from gateway.query.rows import compile_rows
from gateway.query.scan import Location
from tests.contracts import plain_contract, plain_fields

FIELDS = {
    "id": FieldType.STRING,
    "age": FieldType.INT64,
    "ok": FieldType.BOOL,
    "share": FieldType.DOUBLE,
    'q"; DROP': FieldType.DATE,
}
HERE = Location(("/data/t.parquet",))
EVERYTHING = RowScope(None, None, ())
JUDGED = {
    "ARRAY_CONTAINS", "CASE", "CAST", "COALESCE", "COUNT", "DENSE_RANK", "IF", "IS_NAN", "LENGTH", "MD5",
    "READ_PARQUET", "REGEXP_EXTRACT", "ROUND", "STARTS_WITH", "SUM", "TIMESTAMP_TRUNC", "TRY_CAST",
}  # fmt: skip
COUNT = Measure(MeasureKind.ROWS, 1)
NO_NUMBERS = (math.nan, math.inf, -math.inf)


def _contract(region_field: str | None = None) -> DataContract:
    source = SourceSpec(SourceKind.PARQUET, "t.parquet")
    return plain_contract("d", source, plain_fields(FIELDS), unit="id", region=region_field)


def _rows(*conditions: Condition, columns: tuple[str, ...] = ("id",), **scope: str) -> RowPlan:
    row_scope = RowScope(scope.get("region"), scope.get("consent"), conditions)
    return RowPlan(_contract("id" if "region" in scope else None), columns, row_scope, None)


def _sum(field: str | None, bounds: Bounds | None, max_rows: int = 1) -> Measure:
    return Measure(MeasureKind.TOTAL, max_rows, field, bounds)


def test_values_are_bound_and_never_written() -> None:
    canary = "'; DROP TABLE x; --"
    plan = _rows(Condition("id", Operator.IN, (canary, "b")), Condition("age", Operator.LESS, (4711,)), region=canary)
    query = compile_rows(plan, Location(("/data/its'.parquet",)))
    for value in (canary, "4711", "its'"):
        assert value not in query.sql
        assert value not in repr(query)
    assert query.parameters == {
        "source": ["/data/its'.parquet"],
        "c0": [canary, "b"],
        "c1": 4711,
        "region": canary,
        "region_below": canary + "/",
    }


def test_names_are_quoted() -> None:
    query = compile_rows(_rows(columns=('q"; DROP',)), HERE)
    assert '"q""; DROP"' in query.sql
    assert '"q"; DROP' not in query.sql.replace('"q""; DROP"', "")


def test_only_the_fields_of_the_plan_are_read() -> None:
    assert "age" not in compile_rows(_rows(Condition("ok", Operator.EQUAL, (True,))), HERE).sql


def test_plans_of_one_shape_share_their_text() -> None:
    one = compile_rows(_rows(Condition("id", Operator.EQUAL, ("a",))), HERE)
    other = compile_rows(_rows(Condition("id", Operator.EQUAL, ("b",))), HERE)
    assert one.sql is other.sql
    assert one.parameters != other.parameters


def test_how_many_values_are_asked_for_is_no_part_of_the_text() -> None:
    """Otherwise every number of values is planned, and kept, anew."""
    counts = (0, 1, 2, 100, 256)
    asked = [_rows(Condition("id", Operator.IN, tuple(map(str, range(count))))) for count in counts]
    assert len({id(compile_rows(plan, HERE).sql) for plan in asked}) == 1
    grouped = [
        AggregatePlan(_contract(), EVERYTHING, (GroupKey("age", tuple(range(count))),), (COUNT,), 256, "00")
        for count in counts
    ]
    assert len({id(compile_aggregates(plan, HERE).sql) for plan in grouped}) == 1


@pytest.mark.parametrize(
    "plan",
    [
        _rows(columns=()),
        _rows(columns=("nothing",)),
        _rows(Condition("nothing", Operator.EQUAL, ("a",))),
        _rows(Condition("id", Operator.EQUAL, (1,))),
        _rows(Condition("age", Operator.EQUAL, (True,))),
        _rows(Condition("age", Operator.EQUAL, ("1",))),
        _rows(Condition("age", Operator.EQUAL, (2**63,))),
        _rows(Condition("age", Operator.IN, (1, -(2**63) - 1))),
        *(_rows(Condition("share", one, (value,))) for one in Operator for value in NO_NUMBERS),
        _rows(Condition("share", Operator.IN, (1.0, math.nan))),
        _rows(Condition("id", Operator.EQUAL, ("\ud800",))),
        _rows(Condition("id", Operator.IN, ("a", "b\udfff"))),
        _rows(region="hz\x00"),
        _rows(region="hz/\ud800"),
        _rows(Condition("age", Operator.LESS, ())),
        _rows(Condition("age", Operator.LESS, (1, 2))),
        _rows(Condition("ok", Operator.EQUAL, (date(2020, 1, 1),))),
        _rows(consent="id"),
        _rows(consent="nothing"),
        RowPlan(_contract(), ("id",), RowScope("hz", None, ()), None),
        RowPlan(_contract(), ("id",), EVERYTHING, -1),
    ],
)
@pytest.mark.parametrize("kind", list(SourceKind))
def test_row_plans_that_do_not_fit_are_refused_for_every_engine_alike(plan: RowPlan, kind: SourceKind) -> None:
    contract = replace(plan.contract, source=SourceSpec(kind, "t.parquet"))
    with pytest.raises(ValueError) as refusal:
        compile_rows(replace(plan, contract=contract), HERE)
    # and not for what it cannot be encoded as, which would tell the value
    assert type(refusal.value) is ValueError and "nothing" not in str(refusal.value)


@pytest.mark.parametrize(
    ("group_by", "measures", "max_groups"),
    [
        ((), (), 1),
        ((), (COUNT,), 0),
        ((GroupKey("nothing", ("a",)),), (COUNT,), 1),
        ((GroupKey("id", (1,)),), (COUNT,), 1),
        ((GroupKey("id", ("\ud800",)),), (COUNT,), 1),
        ((GroupKey("id", ("a",)), GroupKey("id", ("b",))), (COUNT,), 1),
        ((), (Measure(MeasureKind.ROWS, 0),), 1),
        ((), (Measure(MeasureKind.ROWS, 1, "age"),), 1),
        ((), (Measure(MeasureKind.UNITS, 1, None, Bounds(0, 1)),), 1),
        ((), (Measure(MeasureKind.BINS, 1, "age", Bounds(0, 1)),), 1),
        ((), (Measure(MeasureKind.PRESENT, 1, "age", Bounds(0, 1), 1),), 1),
        ((), (Measure(MeasureKind.BINS, 1, "age", Bounds(0, 1), 1), COUNT), 1),
        ((), (_sum("age", Bounds(0, 1)), _sum("age", Bounds(0, 2))), 1),
        ((), (Measure(MeasureKind.OFFSETS, 1, "age", Bounds(0, 2**55)),), 1),
        ((GroupKey("age", ("a",), AtLevel(1)),), (COUNT,), 1),
        ((GroupKey("id", ("a",), AtLevel(0)),), (COUNT,), 1),
        ((GroupKey("age", (date(2026, 1, 1),), InPeriod(Period.DAY)),), (COUNT,), 1),
        ((GroupKey("id", (0,), InBins(Bounds(0, 1), 1)),), (COUNT,), 1),
        ((GroupKey("age", (0,), InBins(Bounds(0, 1), 0)),), (COUNT,), 1),
        ((), (_sum(None, Bounds(0, 1)),), 1),
        ((), (_sum("age", None),), 1),
        ((), (_sum("age", Bounds(2, 1)),), 1),
        ((), (_sum("ok", Bounds(0, 1)),), 1),
        ((), (_sum("nothing", Bounds(0, 1)),), 1),
        ((), (_sum("age", Bounds(0, 2**63)),), 1),
        ((), (_sum("age", Bounds(-(2**63), 0)),), 1),
        ((), (_sum("age", Bounds(0, 2**40), 2**23),), 1),
    ],
)
def test_aggregate_plans_that_do_not_fit_are_refused(
    group_by: tuple[GroupKey, ...], measures: tuple[Measure, ...], max_groups: int
) -> None:
    with pytest.raises(ValueError):
        compile_aggregates(AggregatePlan(_contract(), EVERYTHING, group_by, measures, max_groups, "00"), HERE)


def test_a_clamp_is_never_left_to_least_and_greatest() -> None:
    plan = AggregatePlan(_contract(), EVERYTHING, (), (_sum("age", Bounds(18, 65), 3), COUNT), 1, "00")
    sql = compile_aggregates(plan, HERE).sql
    assert "LEAST" not in sql and "GREATEST" not in sql and "CASE" in sql


@pytest.mark.parametrize("form", CanonicalForm)
@pytest.mark.parametrize("kind", [FieldType.STRING, FieldType.INT64])
def test_nothing_is_called_but_what_was_judged(form: CanonicalForm, kind: FieldType) -> None:
    """Functions differ between engines, and some engines have ones that write. A new one is to be looked at first."""
    fields = {**_contract().fields, "unit": replace(_contract().fields["id"], name="unit", canonical=form, type=kind)}
    contract = replace(_contract("id"), fields=fields, privacy_unit=PrivacyUnit("resident", "unit"))
    scope = RowScope("hz", "ok", (Condition("id", Operator.IN, ("a",)), Condition("age", Operator.LESS, (1,))))
    bounds = Bounds(0, 1)
    groupings = [
        (GroupKey("age", (1, 2, 3)),),
        (GroupKey("id", ("a", "b"), AtLevel(2)), GroupKey("age", (0, 1), InBins(bounds, 1))),
        (GroupKey('q"; DROP', (date(2026, 1, 1), date(2026, 1, 2)), InPeriod(Period.DAY)),),
    ]
    of_fields = [
        Measure(kind, 1, field, bounds)
        for kind in (MeasureKind.TOTAL, MeasureKind.PRESENT, MeasureKind.OFFSETS, MeasureKind.SQUARES)
        for field in ("age", "share")
    ]
    asked = [(COUNT, Measure(MeasureKind.UNITS, 1), *of_fields), (Measure(MeasureKind.BINS, 1, "share", bounds, 1),)]
    aggregates = [
        compile_aggregates(AggregatePlan(contract, scope, group_by, measures, 1, "00"), HERE)
        for group_by in groupings
        for measures in asked
    ]
    rows = compile_rows(RowPlan(contract, ("id", "unit"), scope, 7), HERE)
    called = {
        node.name.upper() if isinstance(node, exp.Anonymous) else node.sql_name()
        for query in (*aggregates, rows)
        for node in sqlglot.parse_one(query.sql, dialect="duckdb").find_all(exp.Func)
    }
    spelled = {"REGEXP_FULL_MATCH"} if kind is FieldType.STRING else set()
    composed = {"NFC_NORMALIZE"} if spelled and form is CanonicalForm.TEXT else set()
    assert called - {"AND", "OR"} == spelled | composed | JUDGED
