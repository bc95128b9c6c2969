"""Randomised fields that no budget can bear: every account an extract is charged to has a cap, and it may lie lower."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from gateway.decision.holdings import Recipients
from gateway.decision.lint.breadth import over
from gateway.decision.lint.findings import Finding, Severity, of_grant
from gateway.decision.lint.places import place_of
from gateway.decision.reach import disclosures
from gateway.model.budget import Cap
from gateway.model.contract import ContractStatus, DataContract, DisclosureSpec
from gateway.model.loss import composed_rho, epsilon_to_rho, rho_to_epsilon
from gateway.model.treatment import local_epsilons
from gateway.policy.budget_shapes import DEFAULT
from gateway.policy.budgets import BudgetPolicy
from gateway.policy.folder import BUDGETS
from gateway.policy.grants import Effect, Grant
from gateway.policy.snapshot import PolicySnapshot

_PLACES = 1000
"""An epsilon that fits is told to three places, rounded down: the least that contracts may write."""


def cost(policy: PolicySnapshot, recipients: Recipients, today: date) -> Iterator[Finding]:
    """Yield the extracts whose randomised fields, asked for together, cost more than a cap has from the beginning.

    What all recipients share (lifetime, dataset) is told of the contract, the rest of each allow that is not over.
    """
    for contract in policy.contracts.values():
        if contract.status is ContractStatus.ACTIVE:
            yield from _of_contract(contract, policy)
    for rule in policy.grants:
        if rule.effect is Effect.ALLOW and not over(rule, policy, today):
            for contract, spec in disclosures(policy, rule):
                yield from _of_grant(rule, contract, spec, policy, recipients)


@dataclass(frozen=True, slots=True)
class _Cap:
    """A cap, with where budgets.yaml says it: `part: name`. `own` is whose line is to be changed, or added."""

    part: str
    name: str
    cap: Cap
    own: str

    @property
    def rho(self) -> Fraction:
        return self.cap.rho

    def __str__(self) -> str:
        return f"{self.part}: {self.name}"


def _of_contract(contract: DataContract, policy: PolicySnapshot) -> Iterator[Finding]:
    for spec in contract.disclosures.values():
        epsilons = local_epsilons(spec.fields)
        if not epsilons:
            continue
        kind, budgets = contract.privacy_unit.kind, policy.budgets
        name, line = place_of(contract, policy, "disclosures", spec.name)
        if kind not in budgets.lifetime:
            yield Finding(
                "loss-without-cap", Severity.WARNING, name, line,
                f"'{spec.name}' gives randomised fields about each {kind}, which has no lifetime cap: nothing can "
                "be charged to it, so that they are never given",
                f"Add '{kind}: …' under 'lifetime' of {BUDGETS}.",
            )  # fmt: skip
            continue
        caps = [
            _Cap("lifetime", kind, budgets.lifetime[kind], kind),
            *_named("datasets", budgets.datasets, contract.dataset),
        ]
        lowest = min(caps, key=lambda cap: cap.rho)
        if composed_rho(epsilons) > lowest.rho:
            yield Finding(
                "loss-over-cap", Severity.WARNING, name, line, f"'{spec.name}' {_dear(epsilons, lowest)}",
                _remedy(epsilons, lowest, budgets.delta),
            )  # fmt: skip


def _of_grant(
    rule: Grant, contract: DataContract, spec: DisclosureSpec, policy: PolicySnapshot, recipients: Recipients
) -> Iterator[Finding]:
    epsilons = local_epsilons(spec.fields)
    if not epsilons:
        return
    caps = [cap for who in recipients.having(rule.recipient) for cap in _caps_of(who, policy.budgets)]
    for purpose in (rule.purpose, *policy.purposes.ancestors(rule.purpose)):
        caps.extend(_named("purposes", policy.budgets.purposes, purpose))
    members = recipients.having(rule.recipient)
    caps.extend(_of_projects(members, contract.dataset, rule.purpose, policy))
    lowest = min(caps, key=lambda cap: cap.rho, default=None)
    if lowest is not None and composed_rho(epsilons) > lowest.rho:
        yield of_grant(
            rule, "loss-over-cap", Severity.WARNING,
            f"gives {contract.dataset}/{spec.name}, which {_dear(epsilons, lowest)}",
            _remedy(epsilons, lowest, policy.budgets.delta),
        )  # fmt: skip


def _caps_of(institution: str, budgets: BudgetPolicy) -> Iterator[_Cap]:
    """Yield the institution's cap, and the widest that one of its people has."""
    named = institution if institution in budgets.recipients else DEFAULT
    yield _Cap("recipients", named, budgets.recipients[named], institution)
    people = [DEFAULT, *(name for name in budgets.persons if name.partition("/")[0] == institution)]
    best = max(people, key=lambda name: budgets.persons[name].rho)
    yield _Cap("persons", best, budgets.persons[best], best)


def _of_projects(institutions: Iterable[str], dataset: str, purpose: str, policy: PolicySnapshot) -> Iterator[_Cap]:
    """Yield the pools of the projects that the rule's work belongs to, and what each member may have of them."""
    purposes = (purpose, *policy.purposes.ancestors(purpose))
    asking = tuple(institutions)
    for project in policy.budgets.projects.values():
        if project.purpose not in purposes or (project.datasets is not None and dataset not in project.datasets):
            continue
        caps = {who: cap for who in asking if (cap := project.cap_of(who)) is not None}
        place = f"projects: {project.name}"
        if caps:
            yield _Cap(place, "pool", project.pool, "pool")
        for who, cap in caps.items():
            yield _Cap(f"{place}: members", who if who in project.members else DEFAULT, cap, who)


def _named(part: str, caps: Mapping[str, Cap], name: str) -> Iterator[_Cap]:
    if name in caps:
        yield _Cap(part, name, caps[name], name)


def _dear(epsilons: tuple[Fraction, ...], cap: _Cap) -> str:
    fields = "a randomised field costs" if len(epsilons) == 1 else f"{len(epsilons)} randomised fields cost together"
    return (
        f"can never be asked in full: {fields} rho {_shown(composed_rho(epsilons))}, and '{cap}' is {_shown(cap.rho)}"
    )


def _remedy(epsilons: tuple[Fraction, ...], cap: _Cap, delta: float) -> str:
    # n fields at one epsilon cost n·ε²/2
    fits = math.floor(math.sqrt(2 * cap.rho / len(epsilons)) * _PLACES)
    while fits and composed_rho((Fraction(fits, _PLACES),) * len(epsilons)) > cap.rho:
        fits -= 1
    tenths = math.ceil(rho_to_epsilon(composed_rho(epsilons), delta) * 10)
    while epsilon_to_rho(tenths / 10, delta) < composed_rho(epsilons):
        tenths += 1
    more = f", per: {cap.cap.per}" if cap.cap.per else ""
    more += f", delta: {float(cap.cap.delta):g}" if cap.cap.delta else ""
    written = f"{{epsilon: {tenths / 10}{more}}}" if more else f"{tenths / 10}"
    raised = f"'{cap.own}: {written}' under '{cap.part}' of {BUDGETS}"
    if not fits:
        return f"Write {raised}."
    each = "epsilon" if len(epsilons) == 1 else "an epsilon for each of them of"
    return f"Write {each} {fits / _PLACES:g} at most, or {raised}."


def _shown(rho: Fraction) -> str:
    return f"{float(rho):.3g}"
