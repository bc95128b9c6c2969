"""Decision tables, run: what a policy decides in each case, held against what its officers wrote.

The clock stands still at noon of the table's day. Registers are taken to bear out whatever they are asked: the case
is open, the quota is not used up, and no glass was broken before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from gateway.decision.officer.settled import settle
from gateway.decision.placeholders import condition, grouping, statistic, subjects
from gateway.model.calendar import end_of_day
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.measure import Currency, Price
from gateway.model.party import Identity
from gateway.model.permit import NearestRequest, Permit, Refusal
from gateway.model.request import (
    DisclosureRequest,
    ReleaseRequest,
    RequestContext,
    RowsRequest,
    Selector,
    SynthesisRequest,
)
from gateway.model.statistics import StatisticsQuery
from gateway.policy.contracts.conditions import in_words
from gateway.policy.decision_tables import CaseShape, DecisionTable, GetsShape, NearestShape, QuestionShape, read_tables
from gateway.policy.problems import Problems
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.writing import term_list

_PERSON = "officer"


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of an outcome that is not as written. Both sides are for reading; "" stands for nothing."""

    part: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case with what came out otherwise than written: nothing, if it holds."""

    file: str
    line: int
    case: str
    differences: tuple[Difference, ...]


def run_tables(snapshot: PolicySnapshot) -> tuple[CaseResult, ...]:
    """Run every table of a policy against it, in the order of files and cases."""
    return tuple(
        CaseResult(table.file, line, case.case, run_case(table, case, snapshot))
        for table in tables_of(snapshot)
        for case, line in zip(table.shape.cases, table.lines, strict=True)
    )


def tables_of(snapshot: PolicySnapshot) -> tuple[DecisionTable, ...]:
    """Return the tables that came with a policy. They were sound when it was read, or it would not be one."""
    return read_tables(snapshot.files, Problems())


def run_case(table: DecisionTable, case: CaseShape, snapshot: PolicySnapshot) -> tuple[Difference, ...]:
    """Return what comes out otherwise than the case says."""
    today = case.day or table.shape.today
    now = noon(today)
    decision = settle(identity_of(case, now), request_of(case, snapshot), snapshot, now)
    gets = case.gets
    found = _refused(case, decision, snapshot, today) if gets is None else _allowed(gets, decision)
    return tuple(one for one in found if one.expected != one.got)


def identity_of(question: QuestionShape, now: datetime) -> Identity:
    """Return whoever asks: somebody of the institution, known for long enough."""
    return Identity(question.who, _PERSON, now + timedelta(days=2))


def noon(day: date) -> datetime:
    """Return noon of a day of the city, in naive UTC."""
    return end_of_day(day) - timedelta(hours=12)


def request_of(question: QuestionShape, snapshot: PolicySnapshot) -> DisclosureRequest:
    """Return the request of a question. Subjects and filter values are made up: no decision depends on them."""
    kind, _, obj = question.asks.partition(" ")
    dataset, _, disclosure = obj.partition("/")
    contract = snapshot.contracts.get(dataset)
    context = RequestContext(
        question.why, question.where, question.case_number, "1", b"", caller_gave_id=False,
        break_glass_reason=question.break_glass_reason,
    )  # fmt: skip
    filters = tuple(condition(contract, field) for field in question.filters)
    if kind == DisclosureKind.RELEASE:
        price = _price(question)
        if not question.statistics:
            return SynthesisRequest(context, dataset, disclosure, tuple(question.fields), filters, price)
        asked = tuple(map(statistic, question.statistics))
        query = StatisticsQuery(filters, tuple(map(grouping, question.group_by)), asked)
        return ReleaseRequest(context, dataset, disclosure, query, price)
    named = question.subjects
    selector: Selector | None = None
    if named is not None:
        by = SelectBy.KEY if named.key else SelectBy.TOKEN
        selector = subjects(contract, by, named.key or named.token, named.count)
    return RowsRequest(
        context, DisclosureKind(kind), dataset, disclosure, tuple(question.fields), question.partial, filters, selector
    )


def _price(question: QuestionShape) -> Price:
    if question.rho is not None:
        return Price(Currency.RHO, Fraction(str(question.rho)))
    return Price(Currency.EPSILON, Fraction(str(question.epsilon)))


def _refused(
    case: CaseShape, decision: Permit | Refusal, snapshot: PolicySnapshot, today: date
) -> Iterator[Difference]:
    if isinstance(decision, Permit):
        yield Difference("outcome", f"refused: {case.refused}", f"allowed by {decision.scope.grant}")
        return
    yield Difference("refused", str(case.refused), str(decision.reason))
    yield Difference("withheld", _listed(case.withheld), _listed(item.field for item in decision.withheld))
    told = case.denied or case.refused is ErrorReason.DENIED_BY_RULE
    yield Difference("denied", _yes(told), _yes(_denied(case, snapshot, today)))
    if case.nearest is not None:
        yield from _nearest(case.nearest, decision.nearest)


def _allowed(gets: GetsShape, decision: Permit | Refusal) -> Iterator[Difference]:
    if isinstance(decision, Refusal):
        yield Difference("outcome", f"allowed by {gets.grant}", f"refused: {decision.reason}")
        return
    scope = decision.scope
    yield Difference("gets.grant", gets.grant, scope.grant)
    given = {name: str(treatment) for name, treatment in scope.fields.items()}
    for name in dict.fromkeys([*gets.fields, *given]):
        yield Difference(f"gets.fields.{name}", gets.fields.get(name, ""), given.get(name, ""))
    yield Difference("gets.withheld", _listed(gets.withheld), _listed(item.field for item in scope.withheld))
    spec = scope.disclosure
    yield Difference("gets.consent", gets.consent or "", spec.consent_field or "")
    rows = in_words(spec.predicate) if spec.kind is DisclosureKind.EXTRACT else ""
    yield Difference("gets.rows", gets.rows, rows)
    noise = _sensitivities(decision)
    for name in dict.fromkeys([*gets.protects, *noise]):
        yield Difference(f"gets.protects.{name}", _number(gets.protects.get(name)), _number(noise.get(name)))
    if gets.terms is not None:
        written = sorted(_spelled(term) for term in gets.terms)
        yield Difference("gets.terms", _listed(written), _listed(sorted(term_list(scope.terms))))


def _sensitivities(permit: Permit) -> dict[str, int]:
    """In L1, by statistic; of one that is made of several measures, by measure; of synthetic rows, of any count."""
    if permit.synthesis is not None:
        return {"rows": max(plan.l1 for plan in permit.noise)}
    request, settled = permit.request, permit.release
    if settled is None or not isinstance(request, ReleaseRequest):
        return {}
    named = {
        plan: plan.measure
        if len(settled.query.measures[plan.statistic]) > 1
        else request.query.statistics[plan.statistic]
        for plan in settled.noise
    }
    return {str(name): plan.l1 for plan, name in named.items()}


def _denied(case: CaseShape, snapshot: PolicySnapshot, today: date) -> bool:
    kind, _, obj = case.asks.partition(" ")
    ruling = snapshot.ruling(case.who, obj, DisclosureKind(kind), case.where or snapshot.regions.root.path, case.why)
    return ruling.denied_on(today)


def _nearest(expected: NearestShape, found: NearestRequest | None) -> Iterator[Difference]:
    got = found or NearestRequest()
    yield Difference("nearest.fields", _listed(expected.fields), _listed(got.fields))
    yield Difference("nearest.region", expected.region, got.region)
    yield Difference("nearest.disclosure", expected.disclosure, got.disclosure)
    yield Difference("nearest.steward", expected.steward, got.steward)


def _spelled(term: str) -> str:
    key, _, value = (part.strip() for part in term.partition("="))
    return f"{key}={value}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
