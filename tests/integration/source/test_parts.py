"""An engine whose memory holds few rows goes through them in parts, and answers the same."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.plan import GroupKey
from tests.integration.source.engine_bench import Bench, row, total
from tests.integration.source.questions import questions, rows, with_patience
from tests.integration.source.reference import LEAST, MOST, Row


@with_patience
@given(st.data(), st.lists(rows, min_size=11, max_size=30))
def test_parts_add_up_to_the_whole(bench: Bench, small: DuckDBSource, data: st.DataObject, table: list[Row]) -> None:
    plan = data.draw(questions(bench.contract))
    bench.write(table)
    whole, parts = bench.source.aggregates(plan), small.aggregates(plan)
    assert parts.schema == whole.schema and parts.equals(whole)


def test_parts_stop_at_the_edge_together(bench: Bench, small: DuckDBSource) -> None:
    # every part goes beyond, and two of them come back: were each stopped by itself, the whole would hang on the parts
    for group_by in ((), (GroupKey("category", ("x",)),)):
        plan = total(bench.contract, LEAST + 1, MOST, 1, group_by)
        table = [row(f"u{number}", MOST if number % 3 else LEAST) for number in range(40)]
        whole = bench.answer(table, plan)
        assert set(whole.values()) == {(MOST,)}
        assert small.aggregates(plan).column(len(group_by)).to_pylist() == [MOST]
        table = [row(f"u{number}", LEAST if number % 2 else MOST) for number in range(40)]
        assert set(bench.answer(table, plan).values()) == {(0,)}
        assert small.aggregates(plan).column(len(group_by)).to_pylist() == [0]
