"""Which rows a scope takes, told in plain Python, by both engines and by the index in memory: of any values."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.postgres.source import PostgresSource
from gateway.kernels.conditions import in_scope
from gateway.model.contract import DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowPlan, RowScope
from gateway.ports import Source
from tests.integration.source.engine_bench import Bench
from tests.integration.source.postgres.tables import COLUMNS, Tables
from tests.integration.source.questions import with_patience
from tests.integration.source.reference import Row

MakeContract = Callable[..., DataContract]

fewer = settings(with_patience, max_examples=with_patience.max_examples // 2)
"""Each example is a dozen questions of a server."""

# what has a meaning to an engine, a driver or a template; what sorts otherwise by a locale; the ends of each type
_TEXTS = [
    "", "hz", "hz/", "hz/xc", "hz/xc/wl", "hz-2", "HZ", "hz%", "hz_", "h_", "%", "_", "/", "//", "'", "\\", "\\'",
    "a\\", "--", "a", "b", "B", "a ", " a", "a\n", "NULL", "$c0", "%(c0)s", "%%", "{a}", "?", ":c0", "\x01", "\x7f",
    "\uffff", "ß", "SS", "é", "e\u0301", "İ", "王", "𝕏", "\U0010ffff", "0", "1e3", "x" * 3_000,
]  # fmt: skip
_WITH_NUL = ["\x00", "a\x00", "hz\x00/xc", "\x01\x00"]
_REGIONS = ["", "hz", "hz/", "hz/xc", "h_", "hz%", "%", "_", "/", "a", "'", "\\", "王"]
_HELD: dict[str, list[Any]] = {
    "subject": _TEXTS,
    "region": _TEXTS,
    "category": _TEXTS,
    "amount": [0, 1, -1, 2**63 - 1, -(2**63), 2**53, 2**53 + 1],
    "score": [0, 1, 2, 2**31 - 1, -(2**31)],
    "consent": [True, True, False],
    "ratio": [0.0, -0.0, 0.1, 0.1 + 2**-56, 1.5, -1e300, 1.7976931348623157e308, 5e-324, math.nan, math.inf, -math.inf],
    "day": [date(1, 1, 1), date(1582, 10, 4), date(1960, 2, 29), date(1970, 1, 1), date(9999, 12, 31)],
    "moment": [
        datetime(1, 1, 1),
        datetime(1970, 1, 1, 0, 0, 0, 1),
        datetime(2024, 3, 31, 2, 30),
        datetime(9999, 12, 31, 23, 59, 59, 999_999),
    ],
}
# a token may stand for a text that no table holds
_ONLY_ASKED: dict[str, list[Any]] = {"subject": _WITH_NUL, "category": _WITH_NUL, "score": [2**63 - 1, -(2**63)]}


def _table() -> list[Row]:
    """Rows in which each value is with many others, the same at each run."""
    drawn = random.Random(20260223)
    columns: dict[str, list[Any]] = {}
    for field, held in _HELD.items():
        each = [None, *held]
        columns[field] = (each * (100 // len(each) + 1))[:100]
        drawn.shuffle(columns[field])
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


TABLE = _table()


@st.composite
def _conditions(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from([*_HELD, "ratio", "ratio", "subject"]))
    operator = draw(st.sampled_from([*Operator, Operator.IN]))
    # nobody may ask for a number that is none
    asked = [None, *(value for value in _HELD[field] if not isinstance(value, float) or math.isfinite(value))]
    values = st.sampled_from(asked)
    if field in _ONLY_ASKED:
        values |= st.sampled_from(_ONLY_ASKED[field])
    least, most = (0, 9) if operator is Operator.IN else (1, 1)
    return Condition(field, operator, tuple(draw(st.lists(values, min_size=least, max_size=most))))


_scopes = st.builds(
    RowScope,
    # seldom: what is left of the rows shows little of a condition
    st.sampled_from([*[None] * 36, *_REGIONS]),
    st.sampled_from([*[None] * 5, "consent"]),
    st.one_of(st.tuples(_conditions()), st.tuples(_conditions()), st.lists(_conditions(), max_size=2).map(tuple)),
)


def _ordered(value: Any) -> Any:
    """The value as it compares: texts by their bytes, NaN above all numbers."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, float):
        return (1, 0.0) if math.isnan(value) else (0, value)
    return value


def _meets(held: Any, condition: Condition) -> bool:
    for value in condition.values:
        if held is None or value is None:
            continue
        own, other = _ordered(held), _ordered(value)
        match condition.operator:
            case Operator.EQUAL | Operator.IN:
                met = own == other
            case Operator.LESS:
                met = own < other
            case Operator.LESS_OR_EQUAL:
                met = own <= other
            case Operator.GREATER:
                met = own > other
            case Operator.GREATER_OR_EQUAL:
                met = own >= other
        if met:
            return True
    return False


def _taken(row: Row, scope: RowScope) -> bool:
    region, consent = row["region"], scope.consent_field
    within = scope.region is None or (region is not None and f"{region}/".startswith(f"{scope.region}/"))
    agreed = consent is None or row[consent] is True
    return within and agreed and all(_meets(row[one.field], one) for one in scope.conditions)


@pytest.fixture(scope="module")
def contract(make_table_contract: MakeContract, tables: Tables) -> DataContract:
    tables.make("scoped", TABLE, **COLUMNS | {"region": "text"})
    return make_table_contract("scoped")


@pytest.fixture(scope="module")
def filed(bench: Bench) -> Bench:
    """The same rows in a file."""
    bench.write(TABLE)
    return bench


def _found(source: Source, plan: RowPlan) -> list[str]:
    return sorted(repr(row) for batch in source.rows(plan, 50) for row in batch.to_pylist())


@fewer
@given(st.lists(_scopes, min_size=4, max_size=8))
def test_a_scope_takes_the_same_rows_wherever_it_is_asked_for(
    source: PostgresSource, filed: Bench, contract: DataContract, scopes: list[RowScope]
) -> None:
    columns, held = tuple(contract.fields), pa.RecordBatch.from_pylist(TABLE, filed.schema)
    for scope in scopes:
        plan = RowPlan(contract, columns, scope, None)
        wanted = sorted(repr({name: row[name] for name in columns}) for row in TABLE if _taken(row, scope))
        assert _found(filed.source, replace(plan, contract=filed.contract)) == wanted
        assert _found(source, plan) == wanted
        assert _found(source, replace(plan, few=True)) == wanted
        kept = held.filter(in_scope(held, scope, contract.region_field)).select(list(columns))
        assert sorted(map(repr, kept.to_pylist())) == wanted
