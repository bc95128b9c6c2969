"""Questions as the audit log recorded them, put together again: what was asked, without a value that was asked for.

A record names fields, filters and how subjects were named, and holds no values; some of their type stand in for them.
A refusal's record says less: neither fields nor filters nor a case number. It is asked as plainly as it can be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gateway.decision.placeholders import condition, grouping, statistic, subjects
from gateway.model.contract import BY_KEY, DataContract, DisclosureKind, DisclosureSpec, SelectBy
from gateway.model.filter import Condition, Operator
from gateway.model.joining import joined_contract
from gateway.model.measure import Currency, Price, price_of
from gateway.model.record import UNKNOWN, AuditRecord, Outcome
from gateway.model.request import (
    DisclosureRequest,
    ReleaseRequest,
    RequestContext,
    RowsRequest,
    Selector,
    SynthesisRequest,
)
from gateway.model.statistics import JoinedDataset, StatisticsQuery
from gateway.policy import case_pattern
from gateway.policy.grants import ANY
from gateway.policy.snapshot import PolicySnapshot

_SMALL = Fraction(1, 10)


class Unasked(StrEnum):
    """Why a record cannot be asked again."""

    CONTINUED = "the end of a stream, whose beginning is a record of its own"
    UNKNOWN_NAME = "it names what the policy of its day did not know"
    MALFORMED = "it is not of the form in which the gateway records"


@dataclass(frozen=True, slots=True)
class Question:
    """All of a record that a decision can hang on: equal questions have equal answers. Who the person was is none."""

    institution: str
    kind: DisclosureKind
    dataset: str
    disclosure: str
    purpose: str
    region: str
    case_number: str
    emergency: bool
    refused: bool
    fields: tuple[str, ...]
    withheld: tuple[str, ...]
    filtered_on: tuple[str, ...]
    selected_by: str
    grouped_by: tuple[str, ...]
    statistics: tuple[str, ...]
    joined: str
    price: Price | None


def question_of(record: AuditRecord) -> Question | Unasked:
    """Return what a record asked, or why that cannot be told."""
    if not record.decides:
        return Unasked.CONTINUED
    if UNKNOWN in (record.dataset, record.disclosure, record.purpose, record.region, record.joined):
        return Unasked.UNKNOWN_NAME
    return Question(
        institution=record.institution,
        kind=record.kind,
        dataset=record.dataset,
        disclosure=record.disclosure,
        purpose=record.purpose,
        region=record.region,
        case_number=record.case_number,
        emergency=bool(record.emergency),
        refused=record.outcome is Outcome.REFUSED,
        fields=tuple(item.field for item in record.fields),
        withheld=tuple(item.field for item in record.withheld if item.field != UNKNOWN),
        filtered_on=record.filtered_on,
        selected_by=record.selected_by,
        grouped_by=record.grouped_by,
        statistics=record.statistics,
        joined=record.joined,
        price=None if record.loss is None else price_of(record.loss),
    )


class CaseNumbers:
    """Case numbers as far as policies can tell them apart: those that fit the same patterns are one to a decision."""

    def __init__(self, *policies: PolicySnapshot) -> None:
        """Gather the patterns that rules for each dataset have."""
        self._patterns: dict[str, set[str]] = {}
        self._first: dict[tuple[tuple[str, str], frozenset[str]], str] = {}
        for policy in policies:
            for rule in policy.grants:
                if rule.terms.case_pattern is not None:
                    self._patterns.setdefault(rule.dataset, set()).add(rule.terms.case_pattern)

    def alike(self, question: Question) -> str:
        """Return the first number seen that no rule for the question's datasets tells from its own."""
        number = question.case_number
        if not number:
            return number
        datasets = question.dataset, question.joined.partition("/")[0]
        patterns = {one for name in (*datasets, ANY) for one in self._patterns.get(name, ())}
        fitting = frozenset(pattern for pattern in patterns if case_pattern.matches(pattern, number))
        return self._first.setdefault((datasets, fitting), number)


def asked_again(question: Question, policy: PolicySnapshot, given: Iterable[str]) -> DisclosureRequest | Unasked:
    """Return a question as a request to a policy.

    `given` are the fields that the disclosure gives under the policy that is in force: whoever got all of them is
    taken to have asked for all, so that what is added later shows.
    """
    contract = policy.contracts.get(question.dataset)
    spec = None if contract is None else contract.disclosures.get(question.disclosure)
    join = _join(question)
    other = None if join is None else policy.contracts.get(join.dataset)
    contract = contract if contract is None or other is None else joined_contract(contract, other)
    context = RequestContext(
        question.purpose, question.region, question.case_number, "1", b"", caller_gave_id=False,
        break_glass_reason="example" if question.emergency else "",
    )  # fmt: skip
    try:
        filters = tuple(_condition(written, contract) for written in question.filtered_on)
        if question.kind is DisclosureKind.RELEASE:
            return _release(question, context, filters, spec)
        selector = _selector(question, contract, spec)
    except ValueError:
        return Unasked.MALFORMED
    all_of_them = not question.withheld and set(question.fields) == set(given)
    return RowsRequest(
        context=context,
        kind=question.kind,
        dataset=question.dataset,
        disclosure=question.disclosure,
        fields=() if all_of_them else (*question.fields, *question.withheld),
        allow_partial=bool(question.withheld) and not question.refused,
        filters=filters,
        selector=selector,
    )


def _join(question: Question) -> JoinedDataset | None:
    return JoinedDataset(*question.joined.split("/", 1)) if question.joined else None


def _condition(written: str, contract: DataContract | None) -> Condition:
    field, _, operator = written.partition(" ")
    return condition(contract, field, Operator(operator))


def _selector(question: Question, contract: DataContract | None, spec: DisclosureSpec | None) -> Selector | None:
    if question.selected_by:
        field, _, by = question.selected_by.partition(" ")
        return subjects(contract, SelectBy(by), field, 1)
    if question.kind not in BY_KEY or spec is None or not spec.lookup_by or not spec.lookup_keys:
        return None
    # how a refused caller named subjects is not on record: as the disclosure has it
    return subjects(contract, min(spec.lookup_by), spec.lookup_keys[0], 1)


def _release(
    question: Question, context: RequestContext, filters: tuple[Condition, ...], spec: DisclosureSpec | None
) -> ReleaseRequest | SynthesisRequest:
    if spec is not None and spec.synthesis is not None and _of_rows(question, spec):
        # synthetic rows are on record as counts by their fields, and no statistic of them
        most = Fraction(spec.synthesis.max_epsilon)
        price = Price(Currency.EPSILON, min(_SMALL, most)) if question.price is None else question.price
        return SynthesisRequest(context, question.dataset, question.disclosure, question.grouped_by, filters, price)
    most = Fraction(spec.statistics.max_epsilon) if spec is not None and spec.statistics is not None else _SMALL
    asked = tuple(map(statistic, question.statistics)) or (statistic("count"),)
    query = StatisticsQuery(filters, tuple(map(grouping, question.grouped_by)), asked, _join(question))
    price = Price(Currency.EPSILON, min(_SMALL, most)) if question.price is None else question.price
    return ReleaseRequest(context, question.dataset, question.disclosure, query, price)


def _of_rows(question: Question, spec: DisclosureSpec) -> bool:
    """Whether it asked for synthetic rows; of a refused one, what is not on record is as the disclosure has it."""
    return not question.statistics and (spec.statistics is None or bool(question.grouped_by))
