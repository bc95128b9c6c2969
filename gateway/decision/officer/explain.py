"""Why, why not, and the smallest change that would pass: all of it for an officer, and for a caller what is its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from gateway.decision.judge import judge
from gateway.decision.lawful import unlawful
from gateway.decision.offers import offers
from gateway.decision.officer.amending import PolicyChange, Step
from gateway.decision.officer.changes import Changes, policy_changes
from gateway.decision.officer.considered import Considered, considered, matching_denies
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason
from gateway.model.governance import Officer
from gateway.model.party import Identity
from gateway.model.permit import FieldViolation, NearestRequest, Permit, Refusal
from gateway.model.request import DisclosureRequest, RowsRequest
from gateway.policy.grants import Grant
from gateway.policy.officers import covers
from gateway.policy.snapshot import PolicySnapshot

_MOST_GRANTS = 20


@dataclass(frozen=True, slots=True)
class FieldFate:
    """What becomes of one field: `treatment` in words, "" if it does not leave. `declared`: the contract knows it."""

    field: str
    treatment: str
    declared: bool
    classification: str


@dataclass(frozen=True, slots=True)
class OwnOffer:
    """One thing that the caller may ask for, under the purpose that it named."""

    obj: str
    kind: str
    regions: tuple[str, ...]
    conditions: tuple[str, ...]
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class CallerView:
    """What a caller is told: the answer to its request, and what it may ask for anyway. Nothing of it is others'."""

    allowed: bool
    reason: str
    fields: tuple[tuple[str, str], ...]
    conditions: tuple[str, ...]
    withheld: tuple[str, ...]
    violations: tuple[FieldViolation, ...]
    nearest: NearestRequest | None
    offers: tuple[OwnOffer, ...]


@dataclass(frozen=True, slots=True)
class OfficerView:
    """All that bears on the question, within an officer's authority. `beyond` counts the rules that lie outside it.

    `unlawful` is why the purpose may not use the data, whatever is granted. `request_changes` are in words, for the
    caller; `policy_changes` for the officers: with all of them the request would pass if `would_pass`.
    """

    allowed: bool
    reason: str
    grant: str
    region: str
    today: date
    purpose_ended: date | None
    unlawful: str
    status: str
    denies: tuple[Grant, ...]
    trials: tuple[Grant, ...]
    grants: tuple[Considered, ...]
    further_grants: int
    beyond: int
    fields: tuple[FieldFate, ...]
    request_changes: tuple[str, ...]
    policy_changes: tuple[Step, ...]
    would_pass: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """A question that was put to a policy, with the answer. The two views of it are what may be shown."""

    request: DisclosureRequest
    identity: Identity
    decision: tuple[Permit, ...] | Refusal
    today: date
    _policy: PolicySnapshot
    _now: datetime

    def for_caller(self) -> CallerView:
        """Return what the caller may know: the same for what is not there and what is not granted to it."""
        return _for_caller(self)

    def for_officer(self, officer: Officer | None = None) -> OfficerView:
        """Return what an officer may know: what lies within its authority; all of it where none is named."""
        return _for_officer(self, officer, self._policy, self._now)

    def own_offers(self) -> tuple[OwnOffer, ...]:
        """Return what the caller may ask for under the purpose that it named."""
        purpose = self.request.context.purpose
        found = offers(self._policy, self.identity.institution, self.today, purpose=purpose) if purpose else ()
        return tuple(
            OwnOffer(
                f"{one.contract.dataset}/{one.disclosure.name}", one.kind.value, one.regions, one.conditions,
                one.expires_on,
            )
            for one in found
        )  # fmt: skip


def explain(request: DisclosureRequest, identity: Identity, snapshot: PolicySnapshot, now: datetime) -> Explanation:
    """Put a request to a policy at an instant (naive UTC), to be explained. Registers are not asked."""
    return Explanation(request, identity, judge(identity, request, snapshot, now), city_day(now), snapshot, now)


# --- for the caller ---------------------------------------------------------------------------------------------------


def _for_caller(explanation: Explanation) -> CallerView:
    decision, own = explanation.decision, explanation.own_offers()
    if isinstance(decision, Refusal):
        return CallerView(
            allowed=False,
            reason=decision.reason.value,
            fields=(),
            conditions=(),
            withheld=tuple(item.field for item in decision.withheld),
            violations=decision.violations,
            nearest=decision.nearest,
            offers=own,
        )
    first = decision[0]
    return CallerView(
        allowed=True,
        reason="",
        fields=tuple((name, str(how)) for name, how in first.scope.fields.items()),
        conditions=first.scope.terms.conditions(),
        withheld=tuple(item.field for item in first.scope.withheld),
        violations=(),
        nearest=None,
        offers=own,
    )


# --- for officers -----------------------------------------------------------------------------------------------------


def _for_officer(
    explanation: Explanation, officer: Officer | None, policy: PolicySnapshot, now: datetime
) -> OfficerView:
    request, identity, decision = explanation.request, explanation.identity, explanation.decision
    today, institution = explanation.today, identity.institution
    purpose = policy.purposes.get(request.context.purpose)
    contract = policy.contracts.get(request.dataset)
    region = request.context.region or policy.regions.root.path
    authority = officer is None or covers(officer, region, (request.dataset,))
    near = considered(request, institution, policy, now) if authority else ()
    against = matching_denies(request, institution, policy) if authority else ()
    seen = tuple(one for one in near if _sees(officer, one.grant, policy))
    denies = tuple(one for one in against if _sees(officer, one, policy))
    changes = policy_changes(request, identity, policy, now, near, against) if authority else Changes((), passes=False)
    steps = tuple(_seen_step(step, officer) for step in changes.steps)
    refusal = decision if isinstance(decision, Refusal) else None
    law = unlawful(purpose.id, contract, policy) if purpose is not None and contract is not None else None
    return OfficerView(
        allowed=refusal is None,
        reason="" if refusal is None else refusal.reason.value,
        grant="" if isinstance(decision, Refusal) else decision[0].scope.grant,
        region=region,
        today=today,
        purpose_ended=purpose.expires_on if purpose is not None and purpose.ended_on(today) else None,
        unlawful="" if law is None or not authority else law.value,
        status="" if contract is None or not authority else contract.status.value,
        denies=tuple(one for one in denies if one.refuses_on(today)),
        trials=tuple(one for one in denies if not one.refuses_on(today)),
        grants=seen[:_MOST_GRANTS],
        further_grants=len(seen[_MOST_GRANTS:]),
        beyond=len(near) - len(seen) + len(against) - len(denies),
        fields=_fields(request, decision, policy) if authority else (),
        request_changes=tuple(_request_changes(explanation, seen)),
        policy_changes=tuple(step for step in steps if step is not None),
        would_pass=changes.passes and None not in steps,
    )


def _sees(officer: Officer | None, rule: Grant, policy: PolicySnapshot) -> bool:
    region, dataset = rule.place(policy.regions.root.path)
    return officer is None or covers(officer, region, (dataset,))


def _seen_step(step: Step, officer: Officer | None) -> Step | None:
    """The step as far as the officer may make it; None where it may not."""

    def own(change: PolicyChange) -> bool:
        return officer is None or covers(officer, change.region, (change.dataset,))

    possible = [change for change in (step.change, *step.instead) if own(change)]
    return Step(possible[0], tuple(possible[1:])) if possible else None


def _fields(
    request: DisclosureRequest, decision: tuple[Permit, ...] | Refusal, policy: PolicySnapshot
) -> tuple[FieldFate, ...]:
    contract = policy.contracts.get(request.dataset)
    spec = None if contract is None else contract.disclosures.get(request.disclosure)
    if contract is None or spec is None or not isinstance(request, RowsRequest):
        return ()
    given = spec.fields if isinstance(decision, Refusal) else decision[0].scope.fields
    fates = []
    for name in request.fields or tuple(spec.fields):
        known, how = contract.fields.get(name), given.get(name)
        fates.append(
            FieldFate(
                field=name,
                treatment="" if how is None else str(how),
                declared=known is not None,
                classification="" if known is None else known.classification.value,
            )
        )
    return tuple(fates)


def _request_changes(explanation: Explanation, near: tuple[Considered, ...]) -> Iterator[str]:
    """What the caller could ask instead."""
    refusal, request = explanation.decision, explanation.request
    if not isinstance(refusal, Refusal):
        return
    for violation in refusal.violations:
        yield f"{violation.field}: {violation.description}"
    match refusal.reason:
        case ErrorReason.CASE_NUMBER_REQUIRED | ErrorReason.CAP_EXCEEDED | ErrorReason.BULK_FORBIDDEN:
            for one in near:
                if len(one.misses) == 1 and one.grant.id == refusal.grant:
                    yield f"meet the terms of {one.grant.id}: {one.misses[0].why}"
        case ErrorReason.FIELD_NOT_GRANTED if isinstance(request, RowsRequest) and refusal.withheld:
            yield f"leave out {', '.join(item.field for item in refusal.withheld)}"
    advice = refusal.nearest
    if advice is None:
        return
    parts = []
    if advice.disclosure:
        parts.append(f"the disclosure {advice.disclosure}")
    if advice.fields:
        parts.append(f"the fields {', '.join(advice.fields)}")
    if advice.region:
        parts.append(f"the region {advice.region}")
    if parts:
        yield f"ask for {', '.join(parts)}"
    if advice.steward:
        yield f"ask {advice.steward}"
