"""Bounding finds a person under every spelling: a spelling that is not the canonical one contributes nothing."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.kernels.canonical import canonicalize
from gateway.model.contract import Bounds, CanonicalForm, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, RowScope

Totals: TypeAlias = tuple[int, int, int]

RESIDENT, PHONE = "11010519491231002X", "13800138000"
PLATE, FIRM = "浙AD12345", "91350100M000100Y43"
SEPARATORS = ["", " ", "-", "\u2212", "\u2013", "\u00a0", "\u3000", "\u200b", "\t", "\n", "\u2028"]
WIDE = {letter: chr(ord(letter) + 0xFEE0) for letter in "0123456789ADMXY+()"} | {"浙": "浙"}
MEASURES = (
    Measure(MeasureKind.UNITS, 1),
    Measure(MeasureKind.ROWS, 2),
    Measure(MeasureKind.TOTAL, 2, "amount", Bounds(0, 10)),
)


class Counter:
    """What the engine makes of rows of 10 for a list of units."""

    def __init__(self, folder: Path, make_contract: Callable[..., DataContract]) -> None:
        self._file = folder / "units.parquet"
        self._contract = make_contract("units.parquet", names=("subject", "amount"))
        self.source = DuckDBSource(folder, memory_limit="512MB", threads=2)

    def __call__(self, units: Sequence[str | None], form: CanonicalForm) -> Totals:
        batch = self._ask(units, form, ())
        return tuple(batch.to_pylist()[0].values()) if batch.num_rows else (0, 0, 0)

    def each(self, units: Sequence[str], form: CanonicalForm) -> set[str]:
        """Which units count at all."""
        batch = self._ask(units, form, (GroupKey("subject", tuple(units)),))
        return {str(unit) for unit in batch.column("g0").to_pylist()}

    def _ask(self, units: Sequence[str | None], form: CanonicalForm, by: tuple[GroupKey, ...]) -> pa.RecordBatch:
        subjects = pa.array(units, pa.string())
        pq.write_table(pa.table({"subject": subjects, "amount": pa.array([10] * len(units), pa.int64())}), self._file)
        unit = replace(self._contract.fields["subject"], canonical=form)
        contract = replace(
            self._contract, fields={**self._contract.fields, "subject": unit}, digest=f"{self._contract.digest} {form}"
        )
        return self.source.aggregates(AggregatePlan(contract, RowScope(None, None, ()), by, MEASURES, 1, "00"))


@pytest.fixture(scope="module")
def count(tmp_path_factory: pytest.TempPathFactory, make_contract: Callable[..., DataContract]) -> Iterator[Counter]:
    counter = Counter(tmp_path_factory.mktemp("units"), make_contract)
    yield counter
    counter.source.close()


def _canonical(units: Sequence[str], form: CanonicalForm) -> list[str]:
    return [str(value) for value in canonicalize(pa.array(units, pa.string()), form).to_pylist()]


@st.composite
def spellings(draw: st.DrawFn, value: str, prefixes: Sequence[str]) -> str:
    """The value with separators strewn in, some characters wide, x small, and a prefix before it."""
    letters = [
        draw(st.sampled_from([letter, letter, letter, WIDE[letter], letter.lower()])) + draw(separators)
        for letter in draw(st.sampled_from(prefixes)) + value
    ]
    return draw(separators) + "".join(letters)


separators = st.one_of(st.just(""), st.just(""), st.sampled_from(SEPARATORS))
people = st.one_of(
    st.tuples(st.just(CanonicalForm.RESIDENT_ID), st.lists(spellings(RESIDENT, [""]), min_size=1, max_size=40)),
    st.tuples(st.just(CanonicalForm.PHONE), st.lists(spellings(PHONE, ["", "+86", "0086", "86"]), min_size=1)),
    st.tuples(st.just(CanonicalForm.PLATE), st.lists(spellings(PLATE, [""]), min_size=1, max_size=40)),
    st.tuples(st.just(CanonicalForm.FIRM_CODE), st.lists(spellings(FIRM, [""]), min_size=1, max_size=40)),
    st.tuples(st.just(CanonicalForm.TEXT), st.lists(st.sampled_from(["Å1", "A\u030a1", "\u212b1", "Å１"]), min_size=1)),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(people)
@example((CanonicalForm.RESIDENT_ID, [RESIDENT[:place] + " " + RESIDENT[place:] for place in range(18)] + [RESIDENT]))
@example((CanonicalForm.RESIDENT_ID, [RESIDENT.lower(), RESIDENT]))
@example((CanonicalForm.RESIDENT_ID, [RESIDENT[:6] + RESIDENT[8:17], RESIDENT, RESIDENT]))
@example((CanonicalForm.PLATE, ["浙A·D12345", "浙A・D12345", "浙A.D12345", "浙a d12345", PLATE]))
def test_one_person_under_many_spellings_contributes_once_or_nothing(
    count: Counter, person: tuple[CanonicalForm, list[str]]
) -> None:
    form, units = person
    (value,) = set(_canonical(units, form))
    own = min(units.count(value), 2)
    assert count(units, form) == (min(own, 1), own, 10 * own)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(max_size=8), max_size=12), st.sampled_from(CanonicalForm))
def test_no_two_units_that_count_have_one_canonical_form(count: Counter, units: list[str], form: CanonicalForm) -> None:
    mixed = [*units, *(unicodedata.normalize(how, unit) for unit in units for how in ("NFD", "NFC", "NFKD"))]
    counted = list(count.each(mixed, form))
    assert _canonical(counted, form) == counted
    assert count(mixed, form)[0] == len(counted)


def test_every_character_that_counts_is_canonical(count: Counter) -> None:
    points = [chr(point) for point in range(1, 0x110000) if not 0xD800 <= point < 0xE000]
    counted = sorted(count.each(points, CanonicalForm.TEXT))
    assert _canonical(counted, CanonicalForm.TEXT) == counted
    assert not any(unicodedata.category(point)[0] in "CZ" for point in counted)
    assert len(counted) > 100_000 and {*"aZ09-浙각Å"} <= set(counted)
    spaces = [f"{space}a" for space in map(chr, range(0x3001)) if space.isspace()]
    assert count([*spaces, *(unit[::-1] for unit in spaces)], CanonicalForm.TEXT) == (0, 0, 0)


@pytest.mark.parametrize(
    ("form", "counted", "not_counted"),
    [
        (
            CanonicalForm.RESIDENT_ID,
            [RESIDENT, "110105194912310021", "000000000000000000"],
            ["", RESIDENT.lower(), RESIDENT + "\n", RESIDENT[:17], RESIDENT + "0", "X" * 18, "110105491231002", "name"],
        ),
        (CanonicalForm.PHONE, [PHONE], ["", "+86" + PHONE, PHONE + "\n", PHONE[:10], PHONE + "0", "138 0013 8000"]),
        (
            CanonicalForm.PLATE,
            [PLATE, "浙A12345", "京A88X88"],
            [
                "",
                "浙A·D12345",
                "浙a12345",
                "浙A1234",
                "浙A1234567",
                "浙I12345",
                "浙A1234O",
                "使A12345",
                PLATE + "\n",
                "name",
            ],
        ),
        (
            CanonicalForm.FIRM_CODE,
            [FIRM, "91350100M000100Y44", "110105194912310021"],
            ["", FIRM.lower(), FIRM[:17], FIRM + "0", "91350100-M000100Y43", "9135010IM000100Y43", FIRM + "\n", "name"],
        ),
        (
            CanonicalForm.TEXT,
            ["", "浙A12345", "Boeing 737", "91330100MA27X0000Q", "Å", "각", "क्ष"],
            [" ", " a", "a ", "a  b", "a\tb", "a\n", "ａ", "ﬁ", "①", "a\u200b", "\ufeffa", "A\u030a", "\u1112\u1161"],
        ),
    ],
)
def test_what_counts(count: Counter, form: CanonicalForm, counted: list[str], not_counted: list[str]) -> None:
    assert count.each([*counted, *not_counted], form) == set(counted)
    assert count([*counted, *counted, *counted, *not_counted, None], form) == tuple(
        factor * len(counted) for factor in (1, 2, 20)
    )
