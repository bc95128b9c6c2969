"""What a proposal would have done to what was really asked: recorded decisions, put to both policies at one instant.

The two answers differ by the policies alone; neither is what was answered on the day. Registers are not asked: cases
are open, consents given and quotas free in both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from gateway.decision.officer import catalogue
from gateway.decision.officer.replay import CaseNumbers, Question, Unasked, asked_again, question_of
from gateway.decision.officer.settled import settle
from gateway.decision.officer.shifts import FieldShift, PartShift, field_shifts
from gateway.model.contract import DisclosureKind
from gateway.model.party import Identity
from gateway.model.permit import Permit, Refusal
from gateway.model.record import AuditRecord
from gateway.model.treatment import Treatment
from gateway.policy.snapshot import PolicySnapshot

_PERSON = "recorded"

MOST_QUESTIONS = 50_000
"""How many different questions are asked again; further ones are counted and left."""


class Asked(NamedTuple):
    """What was asked, as people sort it."""

    obj: str
    kind: str
    purpose: str
    region: str


@dataclass(frozen=True, slots=True)
class Flip:
    """A decision that turns, or a refusal that gets another reason. "" stands for allowed; `count` is of records."""

    asked: Asked
    before: str
    after: str
    count: int


@dataclass(frozen=True, slots=True)
class FieldFlip:
    """A field that leaves otherwise for what was asked; `count` is of records."""

    asked: Asked
    field: FieldShift
    count: int


@dataclass(frozen=True, slots=True)
class GrantFlip:
    """What was allowed, and would be by another grant; `count` is of records."""

    asked: Asked
    before: str
    after: str
    count: int


@dataclass(frozen=True, slots=True)
class LossFlip:
    """The privacy loss of one release, as rho, before and after; `count` is of records."""

    asked: Asked
    before: Fraction
    after: Fraction
    count: int


@dataclass(frozen=True, slots=True)
class InstitutionImpact:
    """What the proposal means for one institution. `same` counts the records for which nothing at all changes.

    `exposed` are fields of which more would be told, also to those that would be let in; `withdrawn` those of which
    less, also by being shut out.
    """

    institution: str
    records: int
    same: int
    now_refused: tuple[Flip, ...]
    now_allowed: tuple[Flip, ...]
    other_reason: tuple[Flip, ...]
    exposed: tuple[FieldFlip, ...]
    withdrawn: tuple[FieldFlip, ...]
    grants: tuple[GrantFlip, ...]
    losses: tuple[LossFlip, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a proposal means for the records, by institution, and what could not be asked again.

    `questions` are the different ones that were asked; `left` counts records beyond the bound. `unknown` stay refused
    under any policy, having named what there was not. `caps` are the budgets that change.
    """

    base: str
    proposal: str
    records: int
    questions: int
    institutions: tuple[InstitutionImpact, ...]
    caps: tuple[PartShift, ...]
    unknown: int
    unasked: tuple[tuple[str, int], ...]
    left: int


def impact(records: Iterable[AuditRecord], base: PolicySnapshot, proposal: PolicySnapshot, now: datetime) -> Impact:
    """Put what was recorded to two policies at an instant (naive UTC). The same question is decided once."""
    questions: Counter[Question] = Counter()
    unasked: Counter[Unasked] = Counter()
    numbers = CaseNumbers(base, proposal)
    total = left = 0
    for record in records:
        total += 1
        question = question_of(record)
        if isinstance(question, Unasked):
            unasked[question] += 1
            continue
        question = replace(question, case_number=numbers.alike(question))
        if question in questions or len(questions) < MOST_QUESTIONS:
            questions[question] += 1
        else:
            left += 1
    gathered: dict[str, _Gathered] = defaultdict(_Gathered)
    for question, count in questions.items():
        before, after = (_decided(question, base, policy, now) for policy in (base, proposal))
        if isinstance(before, Unasked) or isinstance(after, Unasked):
            unasked[Unasked.MALFORMED] += count
        else:
            obj = f"{question.dataset}/{question.disclosure}"
            obj = f"{obj} joined with {question.joined}" if question.joined else obj
            asked = Asked(obj, question.kind.value, question.purpose, question.region)
            gathered[question.institution].add(asked, before, after, count)
    unknown = unasked.pop(Unasked.UNKNOWN_NAME, 0)
    return Impact(
        base=base.digest,
        proposal=proposal.digest,
        records=total,
        questions=len(questions),
        institutions=tuple(found.impact(name) for name, found in sorted(gathered.items())),
        caps=tuple(catalogue.caps(base, proposal)),
        unknown=unknown,
        unasked=tuple(sorted((why.value, count) for why, count in unasked.items())),
        left=left,
    )


def _decided(
    question: Question, base: PolicySnapshot, policy: PolicySnapshot, now: datetime
) -> Permit | Refusal | Unasked:
    contract = base.contracts.get(question.dataset)
    spec = None if contract is None else contract.disclosures.get(question.disclosure)
    request = asked_again(question, policy, () if spec is None else spec.fields)
    if isinstance(request, Unasked):
        return request
    identity = Identity(question.institution, _PERSON, now + timedelta(days=1))
    return settle(identity, request, policy, now)


@dataclass(slots=True)
class _Gathered:
    """The changes of one institution, counted as they come."""

    records: int = 0
    same: int = 0
    flips: Counter[tuple[Asked, str, str]] = field(default_factory=Counter)
    fields: Counter[tuple[Asked, FieldShift]] = field(default_factory=Counter)
    grants: Counter[tuple[Asked, str, str]] = field(default_factory=Counter)
    losses: Counter[tuple[Asked, Fraction, Fraction]] = field(default_factory=Counter)

    def add(self, asked: Asked, before: Permit | Refusal, after: Permit | Refusal, count: int) -> None:
        self.records += count
        was, now = _reason(before), _reason(after)
        shifts = field_shifts(_given(before), _given(after))
        rho = (_rho(before), _rho(after))
        grant = (_grant(before), _grant(after))
        if was == now and not shifts and rho[0] == rho[1] and grant[0] == grant[1]:
            self.same += count
        if was != now:
            self.flips[asked, was, now] += count
        for shift in shifts:
            self.fields[asked, shift] += count
        if all(grant) and grant[0] != grant[1]:
            self.grants[asked, grant[0], grant[1]] += count
        if asked.kind == DisclosureKind.RELEASE and rho[0] != rho[1]:
            self.losses[asked, rho[0], rho[1]] += count

    def impact(self, institution: str) -> InstitutionImpact:
        flips = [Flip(*key, count) for key, count in sorted(self.flips.items())]
        fields = [
            FieldFlip(asked, shift, count)
            for (asked, shift), count in sorted(self.fields.items(), key=lambda item: (item[0][0], item[0][1].field))
        ]
        return InstitutionImpact(
            institution=institution,
            records=self.records,
            same=self.same,
            now_refused=tuple(flip for flip in flips if not flip.before),
            now_allowed=tuple(flip for flip in flips if not flip.after),
            other_reason=tuple(flip for flip in flips if flip.before and flip.after),
            exposed=tuple(one for one in fields if one.field.exposed),
            withdrawn=tuple(one for one in fields if not one.field.exposed),
            grants=tuple(GrantFlip(*key, count) for key, count in sorted(self.grants.items())),
            losses=tuple(LossFlip(*key, count) for key, count in sorted(self.losses.items())),
        )


def _reason(decision: Permit | Refusal) -> str:
    return decision.reason.value if isinstance(decision, Refusal) else ""


def _given(decision: Permit | Refusal) -> Mapping[str, Treatment]:
    return {} if isinstance(decision, Refusal) else decision.scope.fields


def _grant(decision: Permit | Refusal) -> str:
    return "" if isinstance(decision, Refusal) else decision.scope.grant


def _rho(decision: Permit | Refusal) -> Fraction:
    loss = None if isinstance(decision, Refusal) else decision.loss
    return Fraction(0) if loss is None else loss.rho
