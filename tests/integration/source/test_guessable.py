"""Whether counting would undo a column's tokens: told of the tokens, of the whole file, and of the rows in question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.contract import CanonicalForm, DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowScope
from gateway.query import frequencies

ALL = RowScope(None, None, ())
FEW = ("east", "west", "north")


@pytest.fixture
def told(root: Path, source: DuckDBSource, make_contract: Callable[..., DataContract]) -> Callable[..., bool]:
    """Write subjects (and their categories) to a file, and ask whether counting would undo tokens of subjects."""

    def ask(
        subjects: Sequence[str | None],
        categories: Sequence[str] = (),
        scope: RowScope = ALL,
        form: CanonicalForm = CanonicalForm.TEXT,
    ) -> bool:
        contract = make_contract("s.parquet", names=("subject", "category"))
        named = replace(contract.fields["subject"], canonical=form)
        contract = replace(contract, fields=MappingProxyType({**contract.fields, "subject": named}))
        columns = {
            "subject": pa.array(subjects, pa.string()),
            "category": pa.array(categories or ["x"] * len(subjects), pa.string()),
        }
        pq.write_table(pa.table(columns), root / "s.parquet")
        return source.guessable(contract, "subject", scope)

    return ask


def test_many_values_withstand_and_few_do_not(told: Callable[..., bool]) -> None:
    assert not told([f"s{number}" for number in range(3000)])
    assert told([FEW[number % 3] for number in range(3000)])
    assert not told([None] * 3000)
    assert not told([])


def test_spellings_of_one_value_are_one_token(told: Callable[..., bool]) -> None:
    # 1.6 % of the rows have one number, in four spellings of which no two share more than 1 %
    spelt = ["11010519491231002X", "11010519491231002x", "110105 19491231 002X", "１10105194912310０2X"]
    others = [f"{number:018}" for number in range(9840)]
    rows = others + [spelt[number % 4] for number in range(160)]
    assert not told(rows)
    assert told(rows, form=CanonicalForm.RESIDENT_ID)


def test_a_file_is_not_known_by_its_head(told: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frequencies, "ROWS", 2000)
    own = [f"s{number}" for number in range(3000)]
    crowd = [FEW[number % 3] for number in range(3000)]
    assert told(own + crowd)
    assert not told(own + [f"t{number}" for number in range(3000)])


def test_a_sample_is_counted_as_what_it_stands_for(told: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> None:
    # ranks tell these values apart by their numbers of rows among all, and hardly any by those in a sample
    rows = [f"v{value}" for value in range(400) for _ in range(100 + 8 * value)]
    assert told(rows)
    monkeypatch.setattr(frequencies, "ROWS", len(rows) // 10)
    assert told(rows)


def test_only_the_rows_in_question_count(told: Callable[..., bool]) -> None:
    subjects = [f"s{number}" for number in range(30000)] + [FEW[number % 3] for number in range(300)]
    categories = ["many"] * 30000 + ["few"] * 300
    assert not told(subjects, categories)
    few = RowScope(None, None, (Condition("category", Operator.EQUAL, ("few",)),))
    assert told(subjects, categories, few)
