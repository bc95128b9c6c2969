"""Spark counts the units that are spelled in their canonical form, and no others, however long their texts are."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.adapters.spark.source import SparkSource
from gateway.model.contract import Bounds, CanonicalForm, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, RowScope
from gateway.ports import Source
from tests.integration.source.engine_bench import Bench
from tests.integration.source.reference import Row
from tests.integration.source.spark.lakes import Files

# a JVM starts, and a question takes it tenths of a second: seconds where cores are busy
pytestmark = pytest.mark.timeout(600)

SPELLED = ["a", "é", "王 小", "ợ", "z", "ab " * 3000 + "c", "x" * 100_000]
OTHERWISE = [
    "e\u0301",
    "o\u031b\u0323",
    "ａ",
    " a",
    "a ",
    "a  b",
    "a\nb",
    "a\n",
    "\u00a0",
    "\u200d",
    "\u1112\u1161",
]


def _counted(source: Source, contract: DataContract) -> list[int]:
    measures = (Measure(MeasureKind.UNITS, 1), Measure(MeasureKind.TOTAL, 1, "amount", Bounds(-(2**58), 2**58)))
    plan = AggregatePlan(contract, RowScope(None, None, ()), (), measures, 1, "00")
    return [int(column[0].as_py()) for column in source.aggregates(plan).columns]


def test_texts_count_as_they_are_spelled_in_normal_form(
    source: SparkSource, bench: Bench, lake: Files, make_lake_contract: Callable[..., DataContract]
) -> None:
    texts = [*SPELLED, *OTHERWISE]
    rows: list[Row] = [{"subject": text, "amount": 1 << place} for place, text in enumerate(texts)]
    rows.append({"subject": None, "amount": 1 << 40})
    lake.fill("units", rows)
    contract = make_lake_contract("units", ("subject", "amount"))
    assert contract.unit_field.canonical is CanonicalForm.TEXT
    found = _counted(source, contract)
    assert found == [len(SPELLED), (1 << len(SPELLED)) - 1]
    bench.write(rows)
    assert _counted(bench.source, bench.contract) == found


def test_other_forms_are_of_whole_texts(
    source: SparkSource, lake: Files, make_lake_contract: Callable[..., DataContract]
) -> None:
    texts = ["13800000000", "13800000000\n", "\n13800000000", "138000000001", "１3800000000", "1380000000"]
    lake.fill("phones", [{"subject": text, "amount": 1 << place} for place, text in enumerate(texts)])
    contract = make_lake_contract("phones", ("subject", "amount"))
    field = replace(contract.fields["subject"], canonical=CanonicalForm.PHONE)
    contract = replace(contract, fields={**contract.fields, "subject": field}, digest="phones by their form")
    assert _counted(source, contract) == [1, 1]


def test_sums_beyond_64_bits_stop_at_their_edge(
    source: SparkSource, lake: Files, make_lake_contract: Callable[..., DataContract]
) -> None:
    lake.fill("sums", [{"subject": str(number), "amount": 2**63 - 1} for number in range(40)])
    contract = make_lake_contract("sums", ("subject", "amount"))
    measures = (Measure(MeasureKind.TOTAL, 1, "amount", Bounds(0, 2**62)),)
    plan = AggregatePlan(contract, RowScope(None, None, ()), (), measures, 1, "00")
    assert source.aggregates(plan).column(0).to_pylist() == [2**63 - 1]
