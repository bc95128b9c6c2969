"""Policies as they would be with one thing changed, and the change in an officer's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gateway.decision.officer.considered import Considered, Part
from gateway.model.contract import (
    Classification,
    DataContract,
    DisclosureKind,
    DisclosureSpec,
    FieldSpec,
)
from gateway.model.meter import Allowance, Period
from gateway.model.purpose import Purpose
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

A_QUARTER = timedelta(days=90)
"""How long what had ended would go on for."""


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


Found = tuple[Step, PolicySnapshot]
"""A step, and the policy after it."""


@dataclass(frozen=True, slots=True)
class Amending:
    """Takes one thing at a time out of the way of a request. The rule ids in `taken` are not given again."""

    request: DisclosureRequest
    institution: str
    region: str
    policy: PolicySnapshot
    today: date
    taken: Set[str]

    def contract(self, what: str, contract: DataContract, *instead: str) -> Found:
        """With this contract in place of the one that the request asks for."""
        file = f"{CONTRACTS}{contract.dataset}.yaml"
        step = Step(self._change(what, file), tuple(self._change(other, file) for other in instead))
        contracts = {**self.policy.contracts, contract.dataset: contract}
        return step, replace(self.policy, contracts=contracts).with_rules(self.policy.grants, self.policy.links)

    def purposes(self, what: str, purposes: Iterable[Purpose]) -> Found:
        """With these purposes in place of all."""
        policy = replace(self.policy, purposes=PurposeTree(purposes))
        step = Step(self._change(what, PURPOSES, everything=True))
        return step, policy.with_rules(self.policy.grants, self.policy.links)

    def without(self, deny: Grant, what: str) -> Found:
        """Without a prohibition."""
        rest = (rule for rule in self.policy.grants if rule is not deny)
        return Step(self._change(what, GRANTS, deny.line)), self.policy.with_rules(rest, self.policy.links)

    def grant_anew(self, purpose: Purpose, spec: DisclosureSpec, near: tuple[Considered, ...]) -> Found:
        """With a grant for just this; or what comes near to one, made wider."""
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

    def stay_in_role(self, rule: Grant) -> Found | None:
        """With the institution in the role that a grant is of, where its place in it lapsed."""
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
        end = None if link.valid_until is None else max(link.valid_until, self.today + A_QUARTER)
        longer = replace(link, valid_from=begin, valid_until=end)
        links = (longer if one is link else one for one in self.policy.links)
        what = f"let {link.member} be in the role {link.role} on {self.today}"
        change = self._change(what, GRANTS, link.line, link_line(longer), everything=True)
        return Step(change), self.policy.with_rules(self.policy.grants, links)

    def ask_consent(self, rule: Grant, contract: DataContract) -> Found | None:
        """With consent asked for, where a register knows of it."""
        unit = contract.privacy_unit
        canonical = contract.fields[unit.field].canonical
        fit = [
            name
            for name, register in self.policy.registers.consents.items()
            if register.subject == unit.kind and register.canonical is canonical
        ]
        if rule.kind == DisclosureKind.RELEASE or not fit:
            return None
        return self.edit(rule, replace(rule.terms, consent=fit[0]), f"ask for the consent that {REGISTERS} knows of")

    def edit(self, rule: Grant, terms: Terms, what: str) -> Found:
        """With other terms of one grant."""
        new = replace(rule, terms=terms)
        rules = (new if one is rule else one for one in self.policy.grants)
        change = self._change(what, GRANTS, rule.line, grant_line(new))
        return Step(change), self.policy.with_rules(rules, self.policy.links)

    def _careful_terms(self, purpose: Purpose, spec: DisclosureSpec) -> Terms:
        terms = replace(NO_TERMS, valid_until=purpose.expires_on or self.today + 4 * A_QUARTER)
        if spec.lookup_by:
            terms = replace(terms, max_keys=max(named_subjects(self.request), 1))
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


def careful(field: FieldSpec, contract: DataContract) -> Treatment:
    """The coarsest treatment that suits the field."""
    if field.type.is_dated:
        return GeneralizeDate(Precision.MONTH)
    if field.name == contract.region_field:
        return GeneralizeRegion(Precision.STREET)
    if field.classification is Classification.FREE_TEXT:
        return Mask(0, 0)
    identifies = field.classification is Classification.DIRECT_IDENTIFIER
    return Pseudonymize() if identifies and field.type is FieldType.STRING else Keep()


def named_subjects(request: DisclosureRequest) -> int:
    """How many subjects a request names."""
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
