"""The smallest changes of a policy that would let a question pass, found by making them, one after another, and asking.

They say what would have to be different; whether it should be is the officers' to weigh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from gateway.decision.granularity import region_fits
from gateway.decision.judge import judge
from gateway.decision.lawful import unlawful
from gateway.decision.officer.considered import Considered, Part, considered, matching_denies
from gateway.decision.standing import open_at, unmet
from gateway.model.calendar import city_day
from gateway.model.contract import (
    Classification,
    ContractStatus,
    DataContract,
    DisclosureKind,
    DisclosureSpec,
    FieldSpec,
)
from gateway.model.errors import ErrorReason
from gateway.model.meter import Allowance, Period
from gateway.model.party import Identity
from gateway.model.permit import Refusal
from gateway.model.purpose import FurtherUse, Purpose
from gateway.model.request import DisclosureRequest, RowsRequest
from gateway.model.terms import NO_TERMS, Terms
from gateway.model.treatment import GeneralizeDate, GeneralizeRegion, Keep, Mask, Precision, Pseudonymize, Treatment
from gateway.model.values import FieldType
from gateway.policy.folder import CONTRACTS, GRANTS, PURPOSES, REGISTERS
from gateway.policy.grants import Effect, Grant
from gateway.policy.officers import ALL
from gateway.policy.purposes import PurposeTree
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.validation import MAX_SLUG
from gateway.policy.writing import grant_line, link_line

_MOST_STEPS = 8
_MOST_EXAMPLES = 20
_A_QUARTER = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One change: in words, and where. `line` is 0 for what is new; `text` is a line of grants.csv, where it is one.

    `region` and `dataset` ("*": all) are what the change reaches.
    """

    what: str
    file: str
    line: int
    text: str
    region: str
    dataset: str


@dataclass(frozen=True, slots=True)
class Step:
    """A change that is needed, and others that would do in its place."""

    change: PolicyChange
    instead: tuple[PolicyChange, ...] = ()


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


_Found = tuple[Step, PolicySnapshot]


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
        self.identity, self.now, self.taken = identity, now, taken
        self.region = request.context.region or policy.regions.root.path
        self.file = f"{CONTRACTS}{request.dataset}.yaml"

    def next(self) -> _Found | None:
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

    # --- what is in the way, in the order in which decisions look at it ---

    def _draft(self, contract: DataContract) -> _Found | None:
        if contract.status is ContractStatus.ACTIVE:
            return None
        what = f"confirm the contract of {contract.dataset}: 'status: {ContractStatus.ACTIVE}'"
        return Step(self._change(what, self.file)), self._with_contract(replace(contract, status=ContractStatus.ACTIVE))

    def _deny(self) -> _Found | None:
        denies = [
            rule for rule in matching_denies(self.request, self.institution, self.policy) if rule.refuses_on(self.today)
        ]
        if not denies:
            return None
        deny = denies[0]
        what = f"take back or narrow the prohibition {deny.id}: whatever is granted, it refuses this"
        rest = (rule for rule in self.policy.grants if rule is not deny)
        return Step(self._change(what, GRANTS, deny.line)), self.policy.with_rules(rest, self.policy.links)

    def _ended(self, purpose: Purpose) -> _Found | None:
        if not purpose.ended_on(self.today):
            return None
        end = self.today + _A_QUARTER
        what = f"let the purpose {purpose.id} go on: 'expires_on: {end}' (it ended on {purpose.expires_on})"
        above = {purpose.id, *self.policy.purposes.ancestors(purpose.id)}
        longer = (
            replace(one, expires_on=max(end, one.expires_on)) if one.id in above and one.expires_on is not None else one
            for one in self._purposes()
        )
        return Step(self._change(what, PURPOSES, everything=True)), self._with_purposes(longer)

    def _unlawful(self, purpose: Purpose, contract: DataContract) -> _Found | None:
        reason = unlawful(purpose.id, contract, self.policy)
        if reason is ErrorReason.PURPOSE_INCOMPATIBLE:
            collected = contract.collected_for[0] if contract.collected_for else ""
            if not collected:
                what = f"say in 'collected_for' what {contract.dataset} was collected for"
                return Step(self._change(what, self.file)), self._with_contract(
                    replace(contract, collected_for=(purpose.id,))
                )
            what = f"declare {purpose.id} compatible with {collected}, and why ('compatible_with'), if it is"
            use = FurtherUse(collected, "")
            further = (
                replace(one, further_uses=(*one.further_uses, use)) if one.id == purpose.id else one
                for one in self._purposes()
            )
            return Step(self._change(what, PURPOSES, everything=True)), self._with_purposes(further)
        if reason is ErrorReason.LEGAL_BASIS_INSUFFICIENT:
            basis = purpose.legal_basis.dpv
            what = f"accept the legal basis {basis} for {contract.dataset} ('legal_bases'), if the law does"
            wider = replace(contract, legal_bases=contract.legal_bases | {basis})
            return Step(self._change(what, self.file)), self._with_contract(wider)
        return None

    def _no_grant(self, purpose: Purpose, contract: DataContract, spec: DisclosureSpec) -> _Found | None:
        if self._held(purpose, contract, spec):
            return None
        near = considered(self.request, self.institution, self.policy, self.now)
        return self._grant_anew(purpose, spec, near)

    def _unmet(self, purpose: Purpose, contract: DataContract, spec: DisclosureSpec) -> _Found | None:
        held = self._held(purpose, contract, spec)
        reasons = [(rule, unmet(rule, self.request, self.institution, spec, self.policy, self.today)) for rule in held]
        fitting = [rule for rule, reason in reasons if reason is None]
        if fitting and not any(open_at(rule.terms, self.now) for rule in fitting):
            rule = fitting[0]
            return self._edit(rule, replace(rule.terms, hours=None), f"let the grant {rule.id} hold at all hours")
        if fitting:
            return None
        rule, reason = reasons[0]
        match reason:
            case ErrorReason.GRANT_NOT_IN_FORCE if rule.terms.in_force(self.today):
                return self._stay_in_role(rule)
            case ErrorReason.GRANT_NOT_IN_FORCE:
                end = self.today + _A_QUARTER
                end = end if purpose.expires_on is None else min(end, purpose.expires_on)
                begin, until = rule.terms.valid_from, rule.terms.valid_until
                begin = begin if begin is None or begin <= self.today else self.today
                until = until if until is None or until >= self.today else end
                what = f"let the grant {rule.id} hold on {self.today}"
                return self._edit(rule, replace(rule.terms, valid_from=begin, valid_until=until), what)
            case ErrorReason.CAP_EXCEEDED:
                wider = replace(rule.terms, max_keys=_named(self.request))
                return self._edit(
                    rule, wider, f"let the grant {rule.id} take {_named(self.request)} subjects at a time"
                )
            case ErrorReason.BULK_FORBIDDEN if _named(self.request) > 1:
                return self._edit(rule, replace(rule.terms, single=False), f"let the grant {rule.id} take lists")
            case ErrorReason.LEGAL_BASIS_INSUFFICIENT:
                return self._ask_consent(rule, contract)
        return None

    def _fields(self, contract: DataContract, spec: DisclosureSpec) -> _Found | None:
        asked = self.request.fields if isinstance(self.request, RowsRequest) else ()
        missing = [name for name in asked if name not in spec.fields]
        if not missing or any(name not in contract.fields for name in missing):
            return None
        added = {name: _careful(contract.fields[name], contract) for name in missing}
        told = ", ".join(f"{name} ({how})" for name, how in added.items())
        wider = replace(spec, fields={**spec.fields, **added})
        changed = replace(contract, disclosures={**contract.disclosures, spec.name: wider})
        what = f"give {told} in the disclosure {spec.name}: to everybody who is granted it"
        own = self._change(f"write a disclosure of its own with {', '.join(asked)}, and grant that", self.file)
        return Step(self._change(what, self.file), (own,)), self._with_contract(changed)

    def _too_fine(self, purpose: Purpose, contract: DataContract, spec: DisclosureSpec) -> _Found | None:
        if not isinstance(self.request, RowsRequest):
            return None
        asked = self.request.fields
        leaving = {name: how for name, how in spec.fields.items() if not asked or name in asked}
        held = self._held(purpose, contract, spec)
        if any(region_fits(self.region, rule, contract, leaving, self.policy.regions) for rule in held):
            return None
        return self._grant_anew(purpose, spec, tuple(Considered(rule, ()) for rule in held))

    # --- and what would take it out of the way ---

    def _grant_anew(self, purpose: Purpose, spec: DisclosureSpec, near: tuple[Considered, ...]) -> _Found:
        alike = [one for one in near if {miss.part for miss in one.misses} <= {Part.RECIPIENT, Part.REGION}]
        terms = alike[0].grant.terms if alike else self._careful_terms(purpose, spec)
        if not terms.in_force(self.today):
            terms = replace(terms, valid_from=None, valid_until=purpose.expires_on)
        new = Grant(
            self._free_id(), self.institution, f"{self.request.dataset}/{spec.name}", spec.kind.value, self.region,
            purpose.id, terms, Effect.ALLOW, 0,
        )  # fmt: skip
        change = self._change("add a grant for just this", GRANTS, text=grant_line(new))
        instead = tuple(alternative for one in near for alternative in self._instead(one))
        return Step(change, instead), self.policy.with_rules((*self.policy.grants, new), self.policy.links)

    def _instead(self, near: Considered) -> Iterator[PolicyChange]:
        rule, parts = near.grant, [miss.part for miss in near.misses]
        if parts == [Part.RECIPIENT] and rule.recipient in self.policy.roles.names:
            what = f"make {self.institution} a member of {rule.recipient}, with all that it is granted ({rule.id} too)"
            yield self._change(what, GRANTS, text=f"g, {self.institution}, {rule.recipient}", everything=True)
        if parts == [Part.REGION]:
            wider = replace(rule, region=_around(rule.region, self.region))
            yield self._change(f"widen the grant {rule.id}", GRANTS, rule.line, grant_line(wider))

    def _stay_in_role(self, rule: Grant) -> _Found | None:
        lapsed = [
            link
            for link in self.policy.links
            if self.policy.roles.has_link(self.institution, link.member)
            and self.policy.roles.has_link(link.role, rule.recipient)
            and not _holds(link.valid_from, link.valid_until, self.today)
        ]
        if not lapsed:
            return None
        link = lapsed[0]
        begin = None if link.valid_from is None else min(link.valid_from, self.today)
        end = None if link.valid_until is None else max(link.valid_until, self.today + _A_QUARTER)
        longer = replace(link, valid_from=begin, valid_until=end)
        links = (longer if one is link else one for one in self.policy.links)
        what = f"let {link.member} be in the role {link.role} on {self.today}"
        change = self._change(what, GRANTS, link.line, link_line(longer), everything=True)
        return Step(change), self.policy.with_rules(self.policy.grants, links)

    def _ask_consent(self, rule: Grant, contract: DataContract) -> _Found | None:
        unit = contract.privacy_unit
        canonical = contract.fields[unit.field].canonical
        fit = [
            name
            for name, register in self.policy.registers.consents.items()
            if register.subject == unit.kind and register.canonical is canonical
        ]
        if rule.kind == DisclosureKind.RELEASE or not fit:
            return None
        return self._edit(rule, replace(rule.terms, consent=fit[0]), f"ask for the consent that {REGISTERS} knows of")

    def _edit(self, rule: Grant, terms: Terms, what: str) -> _Found:
        new = replace(rule, terms=terms)
        rules = (new if one is rule else one for one in self.policy.grants)
        change = self._change(what, GRANTS, rule.line, grant_line(new))
        return Step(change), self.policy.with_rules(rules, self.policy.links)

    def _held(self, purpose: Purpose, contract: DataContract, spec: DisclosureSpec) -> tuple[Grant, ...]:
        obj = f"{contract.dataset}/{spec.name}"
        return self.policy.ruling(self.institution, obj, spec.kind, self.region, purpose.id).grants

    def _careful_terms(self, purpose: Purpose, spec: DisclosureSpec) -> Terms:
        terms = replace(NO_TERMS, valid_until=purpose.expires_on or self.today + 4 * _A_QUARTER)
        if spec.lookup_by:
            terms = replace(terms, max_keys=max(_named(self.request), 1))
        if spec.kind is DisclosureKind.CONSUME:
            terms = replace(terms, quota=Allowance(1, Period.DAY))
        return terms

    def _free_id(self) -> str:
        wanted = f"g-{self.institution}-{self.request.disclosure}"[: MAX_SLUG - 4].rstrip("-")
        names = (wanted, *(f"{wanted}-{number}" for number in range(2, 999)))
        return next(name for name in names if name not in self.taken)

    def _change(self, what: str, file: str, line: int = 0, text: str = "", *, everything: bool = False) -> PolicyChange:
        root = self.policy.regions.root.path
        # what is written in a contract holds everywhere
        region = self.region if file == GRANTS and not everything else root
        return PolicyChange(what, file, line, text, region, ALL if everything else self.request.dataset)

    def _purposes(self) -> Iterator[Purpose]:
        return (one for id_ in self.policy.purposes.ids() if (one := self.policy.purposes.get(id_)) is not None)

    def _with_purposes(self, purposes: Iterator[Purpose]) -> PolicySnapshot:
        tree = PurposeTree(purposes)
        return replace(self.policy, purposes=tree).with_rules(self.policy.grants, self.policy.links)

    def _with_contract(self, contract: DataContract) -> PolicySnapshot:
        contracts = {**self.policy.contracts, contract.dataset: contract}
        return replace(self.policy, contracts=contracts).with_rules(self.policy.grants, self.policy.links)


def _careful(field: FieldSpec, contract: DataContract) -> Treatment:
    """The coarsest treatment that suits the field."""
    if field.type.is_dated:
        return GeneralizeDate(Precision.MONTH)
    if field.name == contract.region_field:
        return GeneralizeRegion(Precision.STREET)
    if field.classification is Classification.FREE_TEXT:
        return Mask(0, 0)
    identifies = field.classification is Classification.DIRECT_IDENTIFIER
    return Pseudonymize() if identifies and field.type is FieldType.STRING else Keep()


def _named(request: DisclosureRequest) -> int:
    selector = request.selector if isinstance(request, RowsRequest) else None
    return 0 if selector is None else len(selector.values)


def _around(one: str, other: str) -> str:
    """The smallest region around both."""
    shared = []
    for own, theirs in zip(one.split("/"), other.split("/"), strict=False):
        if own != theirs:
            break
        shared.append(own)
    return "/".join(shared)


def _holds(first: date | None, last: date | None, today: date) -> bool:
    return (first is None or first <= today) and (last is None or today <= last)
