"""Rows of a service are those that the embedded engine would read of a file: whatever the service was asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.upstream.source import UpstreamSource
from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.plan import Part, RowPlan, RowScope
from gateway.model.upstream import MethodSpec
from tests.integration.upstream.contracts import GETS_ONE, LOOKS_UP, PAGES, SPEC, TYPES, contract, over_file
from tests.integration.upstream.department import Department, code, department, message

ALL = tuple(TYPES)
CONTRACT = contract()
SCHEMA = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in TYPES.items()])
EVERYWHERE = RowScope(None, None, ())
Row = dict[str, Any]

_texts = st.sampled_from(["", "a", "b", "é", "中", "z"])
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.sampled_from(["1", "2", "3", "4"]),
            "colour": st.sampled_from(["green", "yellow", "red"]),
            "assessed_on": st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 4)),
            "assessed_at": st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 2)),
            "reason": st.none() | _texts,
            "community": st.sampled_from(["c", "c/a", "c/ab", "c/a/b", ""]),
            "nickname": st.none() | _texts,
            "score": st.none() | st.integers(-3, 3),
            "weight": st.sampled_from([0.0, -0.0, 1.5, -1.5, math.inf, -math.inf, math.nan]),
            "consents": st.booleans(),
            "visits": st.none() | st.integers(-(2**63), 2**63 - 1),
        }
    ),
    max_size=12,
)


def record(row: Row) -> Any:
    """The row as the department says it."""
    made = code(row["number"], community=row["community"], weight=row["weight"], consents=row["consents"])
    made.colour = {"green": 1, "yellow": 2, "red": 3}[row["colour"]]
    made.contacts.add(name="somebody else", colour=3)
    made.marks["key"].text = "a mark"
    made.photo = b"\xff\x00"
    if row["assessed_on"] is not None:
        day = row["assessed_on"]
        made.assessed_on.year, made.assessed_on.month, made.assessed_on.day = day.year, day.month, day.day
    if row["assessed_at"] is not None:
        made.assessed_at.FromNanoseconds(
            round((row["assessed_at"] - datetime(1970, 1, 1, 8)).total_seconds() * 1e6) * 1000
        )
    for name in ("reason", "score"):
        if row[name] is not None:
            setattr(made, name, row[name])
    for name in ("nickname", "visits"):
        if row[name] is not None:
            getattr(made, name).value = row[name]
    return made


def read(source: UpstreamSource | DuckDBSource, plan: RowPlan, batch_rows: int = 7) -> pa.Table:
    """All rows of a plan."""
    with closing(source.rows(plan, batch_rows)) as batches:
        parts = list(batches)
    return pa.Table.from_batches(parts, pa.schema([SCHEMA.field(name) for name in plan.columns]))


def in_order(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))


@pytest.fixture(scope="module")
def office() -> Iterator[Department]:
    with department() as made:
        yield made


@pytest.fixture(scope="module")
def source(office: Department) -> Iterator[UpstreamSource]:
    with office.source() as made:
        yield made


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBSource]:
    root = tmp_path_factory.mktemp("files")
    with closing(DuckDBSource(root, memory_limit="256MB")) as made:
        yield made


def same(rows: list[Row], scope: RowScope, source: UpstreamSource, office: Department, engine: DuckDBSource) -> None:
    """Hold what a service says against a file that says the same."""
    office.lists(map(record, rows))
    path = Path(engine._root, "codes.parquet")
    path.unlink(missing_ok=True)  # another file: no state of one that was read before
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)
    plan = RowPlan(CONTRACT, ALL, scope, None)
    found = read(source, plan)
    assert found.schema == SCHEMA
    assert in_order(found) == in_order(read(engine, replace(plan, contract=over_file("codes.parquet"))))


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "number": st.sampled_from(["1", "2", "9", ""]),
    "assessed_on": st.dates(date(2026, 1, 1), date(2026, 1, 4)),
    "reason": _texts,
    "score": st.integers(-3, 3),
    "weight": st.sampled_from([0.0, -0.0, 1.5, 5e-324]),
    "consents": st.booleans(),
}


@st.composite
def _conditions(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(sorted(_VALUES)))
    operator = draw(st.sampled_from(list(Operator)))
    few = (
        st.lists(_VALUES[name], max_size=3)
        if operator is Operator.IN
        else st.lists(_VALUES[name], min_size=1, max_size=1)
    )
    return Condition(name, operator, tuple(draw(few)))


_scopes = st.builds(
    RowScope,
    st.sampled_from([None, "c", "c/a", "x"]),
    st.sampled_from([None, "consents"]),
    st.lists(_conditions(), max_size=2).map(tuple),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_rows, scope=_scopes)
def test_scope_and_values_are_those_of_the_engine(
    rows: list[Row], scope: RowScope, source: UpstreamSource, office: Department, engine: DuckDBSource
) -> None:
    same(rows, scope, source, office, engine)


def test_every_number_is_compared_as_the_engine_compares_it(
    source: UpstreamSource, office: Department, engine: DuckDBSource
) -> None:
    numbers = (0.0, -0.0, 1.5, -1.5, math.inf, -math.inf, math.nan)
    rows: list[Row] = [
        {**dict.fromkeys(TYPES), "number": "1", "colour": "red", "consents": True, "community": "c", "weight": one}
        for one in numbers
    ]
    for operator in Operator:
        for number in filter(math.isfinite, numbers):
            scope = RowScope(None, None, (Condition("weight", operator, (number,)),))
            same(rows, scope, source, office, engine)


@pytest.mark.parametrize("looks_up", [LOOKS_UP, GETS_ONE])
def test_a_service_that_says_more_than_it_was_asked_discloses_no_more(
    looks_up: MethodSpec, source: UpstreamSource, office: Department
) -> None:
    office.lists(code(number, community="c") for number in "1234")
    office.answers["GetCode"] = lambda _, __: [code("4", community="c").SerializeToString()]
    office.asked.clear()
    asked = Condition("number", Operator.IN, ("4", "2", None))
    plan = RowPlan(contract(replace(SPEC, looks_up=looks_up)), ("number",), RowScope("c", None, (asked,)), None)
    found = read(source, plan)["number"].to_pylist()
    if looks_up is LOOKS_UP:
        assert found == ["2", "4"]
        assert office.asked == [("GetCodes", message("GetCodesRequest", numbers=["4", "2"]).SerializeToString())]
    else:
        assert found == ["4"], "what was said when somebody else was asked for is not an answer"
        keys = [message("GetCodeRequest", key={"number": number}).SerializeToString() for number in "42"]
        assert office.asked == [("GetCode", key) for key in keys]


def test_a_subject_who_is_not_there_is_an_empty_answer(source: UpstreamSource, office: Department) -> None:
    import grpc

    def none(_: bytes, context: grpc.ServicerContext) -> list[bytes]:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such person as 4")
        raise AssertionError

    office.answers["GetCode"] = none
    asked = Condition("number", Operator.IN, ("4",))
    lone = contract(replace(SPEC, looks_up=GETS_ONE))
    assert read(source, RowPlan(lone, ("number",), RowScope(None, None, (asked,)), None)).num_rows == 0
    # nobody is asked for nobody
    office.asked.clear()
    nobody = RowScope(None, None, (Condition("number", Operator.IN, ()),))
    assert read(source, RowPlan(lone, ("number",), nobody, None)).num_rows == 0 and not office.asked


def test_a_service_is_asked_for_what_may_be_read(source: UpstreamSource, office: Department) -> None:
    office.lists([])
    office.asked.clear()
    since = Condition("assessed_on", Operator.GREATER_OR_EQUAL, (date(2026, 2, 3),))
    read(source, RowPlan(CONTRACT, ("number",), RowScope("c/a", None, (since,)), None))
    read(source, RowPlan(CONTRACT, ("number",), EVERYWHERE, None))
    whole = message("ListCodesRequest", region="c/a", since={"year": 2026, "month": 2, "day": 3}, view=1)
    assert [request for _, request in office.asked] == [
        whole.SerializeToString(),
        message("ListCodesRequest", view=1).SerializeToString(),
    ]


def test_pages_are_turned_to_the_last(source: UpstreamSource, office: Department) -> None:
    def page(request: bytes, _: Any) -> list[bytes]:
        at = int(message("PageCodesRequest").FromString(request).page_token or "0")
        following = str(at + 1) if at < 4 else ""
        return [
            message("PageCodesResponse", codes=[code(str(at))], next_page_token=following, total=9).SerializeToString()
        ]

    paged = contract(replace(SPEC, lists=PAGES))
    office.answers["PageCodes"] = page
    assert read(source, RowPlan(paged, ("number",), EVERYWHERE, None))["number"].to_pylist() == list("01234")
    office.answers["PageCodes"] = lambda _, __: [message("PageCodesResponse", next_page_token="1").SerializeToString()]
    with pytest.raises(Fault) as raised:  # for ever
        read(source, RowPlan(paged, ("number",), EVERYWHERE, None))
    assert raised.value.reason is ErrorReason.SOURCE_UNAVAILABLE


@pytest.mark.parametrize(("rows", "limit"), [(0, None), (30, 0), (30, 4), (30, 29), (30, 30), (30, 31)])
def test_batches_are_whole_and_end_at_the_limit(
    rows: int, limit: int | None, source: UpstreamSource, office: Department
) -> None:
    office.lists(code(str(number)) for number in range(rows))
    with closing(source.rows(RowPlan(CONTRACT, ("number",), EVERYWHERE, limit), 7)) as batches:
        sizes = [batch.num_rows for batch in batches]
    assert sum(sizes) == min(rows, rows if limit is None else limit)
    assert all(size == 7 for size in sizes[:-1])


def test_a_version_is_read_once(source: UpstreamSource, office: Department) -> None:
    office.lists([code("1")])
    plan = RowPlan(CONTRACT, ("number",), EVERYWHERE, None)
    first, second = (source.data_version(CONTRACT) for _ in range(2))
    assert first != second
    assert read(source, replace(plan, version=second)).num_rows == 1
    other = contract(digest="another")
    for one in (
        replace(plan, version=second),
        replace(plan, version="0" * 64),
        replace(plan, contract=other, version=first),
    ):
        with pytest.raises(Fault) as raised:
            read(source, one)
        assert raised.value.reason is ErrorReason.SOURCE_SCHEMA_CHANGED


def test_a_service_is_not_divided(source: UpstreamSource, office: Department) -> None:
    office.lists([code("1"), code("2")])
    plan = RowPlan(CONTRACT, ("number",), EVERYWHERE, None)
    assert [read(source, replace(plan, part=Part(number, 3))).num_rows for number in range(3)] == [2, 0, 0]


def test_whether_counting_undoes_tokens_is_counted_over_all_in_scope(
    source: UpstreamSource, office: Department
) -> None:
    office.lists(
        code(f"{number:05}", community="c/a" if number < 40 else "c/b", nickname={"value": "x"})
        for number in range(400)
    )
    assert source.guessable(CONTRACT, "nickname", EVERYWHERE)
    assert not source.guessable(CONTRACT, "number", EVERYWHERE)
    asked = len(office.asked)
    assert not source.guessable(CONTRACT, "number", EVERYWHERE)
    assert len(office.asked) == asked, "it is counted once an hour"
    assert not source.guessable(CONTRACT, "nickname", RowScope("c/x", None, ()))


def test_columns_that_are_not_asked_for_are_not_made(source: UpstreamSource, office: Department) -> None:
    office.lists([code("1", assessed_on={"year": 2026, "month": 13, "day": 1})])
    assert read(source, RowPlan(CONTRACT, ("number",), EVERYWHERE, None)).num_rows == 1
    with pytest.raises(Fault) as raised:
        read(source, RowPlan(CONTRACT, ("assessed_on",), EVERYWHERE, None))
    assert raised.value.reason is ErrorReason.SOURCE_SCHEMA_CHANGED


def test_a_contract_that_does_not_agree_is_not_served_and_the_path_is_logged(
    office: Department, source: UpstreamSource, caplog: pytest.LogCaptureFixture
) -> None:
    silent = contract(replace(SPEC, left_out=SPEC.left_out - {"marks.value.text"}))
    plan = RowPlan(silent, ("number",), EVERYWHERE, None)
    for ask in (
        lambda: source.verify(silent),
        lambda: read(source, plan),
        lambda: source.guessable(silent, "number", EVERYWHERE),
    ):
        with pytest.raises(Fault) as raised:
            ask()
        assert raised.value.reason is ErrorReason.SOURCE_SCHEMA_CHANGED
    assert [one.getMessage() for one in caplog.records] == [
        "contract codes is not served: city.health.v1.Code.marks.value.text: is not classified"
    ]


def test_a_server_that_no_setting_names_is_not_there(source: UpstreamSource) -> None:
    stranger = contract(replace(SPEC, server="elsewhere"))
    for ask in (source.verify, source.data_version):
        with pytest.raises(Fault) as raised:
            ask(stranger)
        assert raised.value.reason is ErrorReason.SOURCE_UNAVAILABLE
