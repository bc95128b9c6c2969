"""The smallest changes of a policy that would let a question pass, found by making them, one after another, and asking.

They say what would have to be different; whether it should be is the officers' to weigh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway.decision.granularity import region_fits
from gateway.decision.judge import judge
from gateway.decision.lawful import unlawful
from gateway.decision.officer.amending import A_QUARTER, Amending, Found, Step, careful, named_subjects
from gateway.decision.officer.considered import Considered, Part, considered, matching_denies
from gateway.decision.standing import open_at, unmet
from gateway.model.calendar import city_day
from gateway.model.contract import (
    ContractStatus,
    DataContract,
    DisclosureSpec,
)
from gateway.model.errors import ErrorReason
from gateway.model.party import Identity
from gateway.model.permit import Refusal
from gateway.model.purpose import FurtherUse, Purpose
from gateway.model.request import DisclosureRequest, RowsRequest
from gateway.policy.grants import Grant
from gateway.policy.snapshot import PolicySnapshot

_MOST_STEPS = 8
_MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes, all of which are needed together. Unless it `passes`, something else is in the way even then."""

    steps: tuple[Step, ...]
    passes: bool


def policy_changes(
    request: DisclosureRequest,
    identity: Identity,
    snapshot: PolicySnapshot,
    now: datetime,
    close: Sequence[Considered],
    against: Sequence[Grant],
) -> Changes:
    """Return what would have to change in a policy for a request to pass; no steps where it passes or nothing helps.

    `close` are the allows that come near (`considered`), and `against` the denies that match (`matching_denies`).
    """
    today = city_day(now)
    own = [one.grant for one in close if all(miss.part is not Part.RECIPIENT for miss in one.misses)]
    near = list(dict.fromkeys([*own, *(one.grant for one in close[:_MOST_EXAMPLES])]))
    rules = (*near, *against)
    # of many rules, these alone can matter for the one question
    tried = snapshot.with_rules(sorted(rules, key=lambda rule: rule.line), snapshot.links)
    taken = {grant.id for grant in snapshot.grants}
    steps: list[Step] = []
    while isinstance(judge(identity, request, tried, now), Refusal):
        found = _Search(request, identity, tried, now, today, taken).next() if len(steps) < _MOST_STEPS else None
        if found is None:
            return Changes(tuple(steps), passes=False)
        step, tried = found
        steps.append(step)
    return Changes(tuple(steps), passes=True)


class _Search:
    """Looks for the next thing in the way of one request, and for the policy without it."""

    def __init__(
        self,
        request: DisclosureRequest,
        identity: Identity,
        policy: PolicySnapshot,
        now: datetime,
        today: date,
        taken: set[str],
    ) -> None:
        self.request, self.institution, self.policy, self.today = request, identity.institution, policy, today
        self.now = now
        self.region = request.context.region or policy.regions.root.path
        self.amending = Amending(request, self.institution, self.region, policy, today, taken)

    def next(self) -> Found | None:
        purpose = self.policy.purposes.get(self.request.context.purpose)
        contract = self.policy.contracts.get(self.request.dataset)
        if purpose is None or contract is None or not self.policy.regions.contains(self.region):
            return None
        spec = contract.disclosures.get(self.request.disclosure)
        nowhere = contract.region_field is None and self.region != self.policy.regions.root.path
        if spec is None or spec.kind is not self.request.kind or nowhere:
            return None
        return (
            self._draft(contract)
            or self._deny()
            or self._ended(purpose)
            or self._unlawful(purpose, contract)
            or self._no_grant(purpose, contract, spec)
            or self._unmet(purpose, contract, spec)
            or self._fields(contract, spec)
            or self._too_fine(purpose, contract, spec)
        )

    # what is in the way, in the order in which decisions look at it

    def _draft(self, contract: DataContract) -> Found | None:
        if contract.status is ContractStatus.ACTIVE:
            return None
        what = f"confirm the contract of {contract.dataset}: 'status: {ContractStatus.ACTIVE}'"
        return self.amending.contract(what, replace(contract, status=ContractStatus.ACTIVE))

    def _deny(self) -> Found | None:
        denies = [
            rule for rule in matching_denies(self.request, self.institution, self.policy) if rule.refuses_on(self.today)
        ]
        if not denies:
            return None
        deny = denies[0]
        what = f"take back or narrow the prohibition {deny.id}: whatever is granted, it refuses this"
        return self.amending.without(deny, what)

    def _ended(self, purpose: Purpose) -> Found | None:
        if not purpose.ended_on(self.today):
            return None
        end = self.today + A_QUARTER
        what = f"let the purpose {purpose.id} go on: 'expires_on: {end}' (it ended on {purpose.expires_on})"
        above = {purpose.id, *self.policy.purposes.ancestors(purpose.id)}
        longer = (
            replace(one, expires_on=max(end, one.expires_on)) if one.id in above and one.expires_on is not None else one
            for one in self._purposes()
        )
        return self.amending.purposes(what, longer)

    def _unlawful(self, purpose: Purpose, contract: DataContract) -> Found | None:
        reason = unlawful(purpose.id, contract, self.policy)
        if reason is ErrorReason.PURPOSE_INCOMPATIBLE:
            collected = contract.collected_for[0] if contract.collected_for else ""
            if not collected:
                what = f"say in 'collected_for' what {contract.dataset} was collected for"
                return self.amending.contract(what, replace(contract, collected_for=(purpose.id,)))
            what = f"declare {purpose.id} compatible with {collected}, and why ('compatible_with'), if it is"
            use = FurtherUse(collected, "")
            further = (
                replace(one, further_uses=(*one.further_uses, use)) if one.id == purpose.id else one
                for one in self._purposes()
            )
            return self.amending.purposes(what, further)
        if reason is ErrorReason.LEGAL_BASIS_INSUFFICIENT:
            basis = purpose.legal_basis.dpv
            what = f"accept the legal basis {basis} for {contract.dataset} ('legal_bases'), if the law does"
            wider = replace(contract, legal_bases=contract.legal_bases | {basis})
            return self.amending.contract(what, wider)
        return None

    def _no_grant(self, purpose: Purpose, contract: DataContract, spec: DisclosureSpec) -> Found | None:
        if self._held(purpose, contract, spec):
            return None
        near = considered(self.request, self.institution, self.policy, self.now)
        return self.amending.grant_anew(purpose, spec, near)

    def _unmet(self, purpose: Purpose, contract: DataContract, spec: DisclosureSpec) -> Found | None:
        held = self._held(purpose, contract, spec)
        reasons = [(rule, unmet(rule, self.request, self.institution, spec, self.policy, self.today)) for rule in held]
        fitting = [rule for rule, reason in reasons if reason is None]
        if fitting and not any(open_at(rule.terms, self.now) for rule in fitting):
            rule = fitting[0]
            return self.amending.edit(
                rule, replace(rule.terms, hours=None), f"let the grant {rule.id} hold at all hours"
            )
        if fitting:
            return None
        rule, reason = reasons[0]
        match reason:
            case ErrorReason.GRANT_NOT_IN_FORCE if rule.terms.in_force(self.today):
                return self.amending.stay_in_role(rule)
            case ErrorReason.GRANT_NOT_IN_FORCE:
                end = self.today + A_QUARTER
                end = end if purpose.expires_on is None else min(end, purpose.expires_on)
                begin, until = rule.terms.valid_from, rule.terms.valid_until
                begin = begin if begin is None or begin <= self.today else self.today
                until = until if until is None or until >= self.today else end
                what = f"let the grant {rule.id} hold on {self.today}"
                return self.amending.edit(rule, replace(rule.terms, valid_from=begin, valid_until=until), what)
            case ErrorReason.CAP_EXCEEDED:
                wider = replace(rule.terms, max_keys=named_subjects(self.request))
                return self.amending.edit(
                    rule, wider, f"let the grant {rule.id} take {named_subjects(self.request)} subjects at a time"
                )
            case ErrorReason.BULK_FORBIDDEN if named_subjects(self.request) > 1:
                return self.amending.edit(
                    rule, replace(rule.terms, single=False), f"let the grant {rule.id} take lists"
                )
            case ErrorReason.LEGAL_BASIS_INSUFFICIENT:
                return self.amending.ask_consent(rule, contract)
        return None

    def _fields(self, contract: DataContract, spec: DisclosureSpec) -> Found | None:
        asked = self.request.fields if isinstance(self.request, RowsRequest) else ()
        missing = [name for name in asked if name not in spec.fields]
        if not missing or any(name not in contract.fields for name in missing):
            return None
        added = {name: careful(contract.fields[name], contract) for name in missing}
        told = ", ".join(f"{name} ({how})" for name, how in added.items())
        wider = replace(spec, fields={**spec.fields, **added})
        changed = replace(contract, disclosures={**contract.disclosures, spec.name: wider})
        what = f"give {told} in the disclosure {spec.name}: to everybody who is granted it"
        own = f"write a disclosure of its own with {', '.join(asked)}, and grant that"
        return self.amending.contract(what, changed, own)

    def _too_fine(self, purpose: Purpose, contract: DataContract, spec: DisclosureSpec) -> Found | None:
        if not isinstance(self.request, RowsRequest):
            return None
        asked = self.request.fields
        leaving = {name: how for name, how in spec.fields.items() if not asked or name in asked}
        held = self._held(purpose, contract, spec)
        if any(region_fits(self.region, rule, contract, leaving, self.policy.regions) for rule in held):
            return None
        return self.amending.grant_anew(purpose, spec, tuple(Considered(rule, ()) for rule in held))

    def _held(self, purpose: Purpose, contract: DataContract, spec: DisclosureSpec) -> tuple[Grant, ...]:
        obj = f"{contract.dataset}/{spec.name}"
        return self.policy.ruling(self.institution, obj, spec.kind, self.region, purpose.id).grants

    def _purposes(self) -> Iterator[Purpose]:
        return (one for id_ in self.policy.purposes.ids() if (one := self.policy.purposes.get(id_)) is not None)
