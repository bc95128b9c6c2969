"""Decision tables: the cases in policies/tests, their form, and what the `decide` stage makes of them.

`python -m tests.decision_table` writes their JSON Schema for editors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.filter import Condition, Operator
from gateway.model.party import Identity
from gateway.model.permit import Permit, Refusal
from gateway.model.request import (
    DisclosureRequest,
    ReleaseRequest,
    RequestContext,
    RowsRequest,
    Selector,
)
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.model.values import FieldType, Scalar
from gateway.policy.conditions import in_words
from gateway.policy.documents import read_yaml
from gateway.policy.problems import Problems
from gateway.policy.snapshot import PolicySnapshot
from gateway.stages.decide import decide

POLICIES = Path(__file__).resolve().parents[1] / "policies"
SCHEMA = POLICIES / "schema" / "decision-table.json"

# --- the form of a decision table -------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(_Strict):
    """What people read, in both languages."""

    en: str
    zh: str


class Subjects(_Strict):
    """The people a lookup or check names: by a key or by a token of `key`/`token`, and how many."""

    key: str = ""
    token: str = ""
    count: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _one_way(self) -> Subjects:
        if bool(self.key) == bool(self.token):
            raise ValueError("name either a key or a token")
        return self


class Gets(_Strict):
    """What an allowed request gives: by which grant, exactly these fields, in exactly this form."""

    grant: str
    fields: dict[str, str] = Field(default_factory=dict)
    withheld: list[str] = Field(default_factory=list)
    consent: str | None = None
    rows: Annotated[str, Field(description="the condition that the contract sets on the rows of an extract")] = ""
    protects: Annotated[dict[str, int], Field(description="of each statistic, the most that one person changes it")] = (
        Field(default_factory=dict)
    )


class Nearest(_Strict):
    """The nearest request that would pass."""

    fields: list[str] = Field(default_factory=list)
    region: str = ""
    disclosure: str = ""
    steward: str = ""


class Case(_Strict):
    """Who asks what, for which purpose, and what must come of it."""

    case: str
    day: Annotated[date | None, Field(description="another day than the table's")] = None
    who: Annotated[str, Field(description="the institution")]
    why: Annotated[str, Field(description="the purpose; empty for none")]
    asks: Annotated[str, Field(pattern=r"^(lookup|extract|check|release) [a-z0-9_]+/[a-z0-9-]+$")]
    where: Annotated[str, Field(description="a region; without one, the whole city")] = ""
    case_number: str = ""
    fields: Annotated[list[str], Field(description="without them, all that the disclosure gives")] = Field(
        default_factory=list
    )
    partial: Annotated[bool, Field(description="take the granted fields and do without the others")] = False
    filters: list[str] = Field(default_factory=list)
    subjects: Subjects | None = None
    statistics: list[Annotated[str, Field(pattern=r"^(count|count_units|sum\([a-z_]+\))$")]] = Field(
        default_factory=list
    )
    group_by: list[str] = Field(default_factory=list)
    epsilon: float | None = None
    gets: Gets | None = None
    refused: ErrorReason | None = None
    denied: Annotated[bool, Field(description="a deny matches, though the caller is not told so")] = False
    nearest: Nearest | None = None
    withheld: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_outcome(self) -> Case:
        if (self.gets is None) == (self.refused is None):
            raise ValueError("a case is either allowed ('gets') or 'refused'")
        if self.denied and self.refused in (None, ErrorReason.DENIED_BY_RULE):
            raise ValueError("'denied' is for a refusal that does not say so")
        return self


class Table(_Strict):
    """A decision table: cases that a privacy officer can read and that must come out as they say."""

    row: Annotated[str, Field(pattern=r"^C[0-9]{2}$", description="the requirement it shows")]
    title: Title
    about: str
    today: date
    cases: Annotated[list[Case], Field(min_length=2)]


def plain_yaml(path: Path) -> Any:
    """A file of the policy as plain values, read as the gateway reads it."""
    problems = Problems()
    document = read_yaml(path.name, path.read_bytes(), problems)
    problems.raise_if_any()
    assert document is not None
    return document.data


def _tables() -> dict[str, Table]:
    return {path.name: Table.model_validate(plain_yaml(path)) for path in sorted((POLICIES / "tests").glob("*.yaml"))}


TABLES = _tables()
CASES = [(table, case) for table in TABLES.values() for case in table.cases]


# --- from a case to a decision ----------------------------------------------------------------------------------


@dataclass
class NoonOf:
    """A clock that stands still at noon of a day in the city."""

    day: date

    def now(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, 4)  # UTC; noon in the city

    def monotonic(self) -> float:
        return 0.0

    def sleep_until(self, instant: float) -> None:
        raise AssertionError("a decision does not wait")


class NoIds:
    """No case gives a request id."""

    def bind(self, institution: str, person: str, request_id: str, body_digest: bytes) -> bool:
        raise AssertionError("no request id was given")


EXAMPLES: dict[FieldType, Scalar] = {
    FieldType.STRING: "example",
    FieldType.INT64: 1,
    FieldType.DOUBLE: 1.0,
    FieldType.BOOL: True,
    FieldType.DATE: date(2026, 1, 1),
    FieldType.TIMESTAMP: datetime(2026, 1, 1),
}


def request_of(case: Case, snapshot: PolicySnapshot) -> DisclosureRequest:
    """The request of a case. Subjects and filter values are made up: no decision depends on them."""
    kind, _, name = case.asks.partition(" ")
    dataset, _, disclosure = name.partition("/")
    context = RequestContext(case.why, case.where, case.case_number, "1", b"", caller_gave_id=False)
    filters = tuple(
        Condition(field, Operator.EQUAL, (EXAMPLES[snapshot.contracts[dataset].fields[field].type],))
        for field in case.filters
    )
    if kind == DisclosureKind.RELEASE:
        statistics = tuple(map(_statistic, case.statistics))
        query = StatisticsQuery(filters, tuple(case.group_by), statistics)
        return ReleaseRequest(context, dataset, disclosure, query, Fraction(str(case.epsilon)))
    selector = None
    if case.subjects is not None:
        by = SelectBy.KEY if case.subjects.key else SelectBy.TOKEN
        values = tuple(f"subject {number}" for number in range(case.subjects.count))
        selector = Selector(by, case.subjects.key or case.subjects.token, values)
    return RowsRequest(
        context, DisclosureKind(kind), dataset, disclosure, tuple(case.fields), case.partial, filters, selector
    )


def _statistic(written: str) -> Statistic:
    name, _, field = written.rstrip(")").partition("(")
    return Statistic(StatisticKind(name), field or None)


def decided(table: Table, case: Case, snapshot: PolicySnapshot) -> Permit | Refusal:
    """What the `decide` stage says to a case, on its day."""
    day = case.day or table.today
    identity = Identity(case.who, "officer", datetime(day.year, day.month, day.day) + timedelta(days=2))
    return decide(identity, request_of(case, snapshot), snapshot, NoIds(), NoonOf(day))


def outcome(decision: Permit | Refusal) -> tuple[object, ...]:
    """All that a table can say about a decision, in a form that compares."""
    withheld = [held.field for held in decision.withheld]
    if isinstance(decision, Refusal):
        return ("refused", decision.reason, withheld)
    protects = {str(plan.statistic): plan.sensitivity for plan in decision.noise}
    fields = {name: str(treatment) for name, treatment in decision.fields.items()}
    spec = decision.disclosure
    rows = in_words(spec.predicate) if spec.kind is DisclosureKind.EXTRACT else ""
    return ("allowed", decision.grant, fields, withheld, spec.consent_field, rows, protects)


def expected(case: Case) -> tuple[object, ...]:
    """What the case says that `outcome` must be."""
    if case.gets is None:
        return ("refused", case.refused, case.withheld)
    gets = case.gets
    return ("allowed", gets.grant, gets.fields, gets.withheld, gets.consent, gets.rows, gets.protects)


def schema() -> str:
    """The JSON Schema of a decision table."""
    written = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Table.model_json_schema()}
    return json.dumps(written, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema(), "utf-8")
