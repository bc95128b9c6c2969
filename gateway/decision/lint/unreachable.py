"""Rules that can never hold, or that change nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from gateway.decision.holdings import Allows, Recipients
from gateway.decision.lawful import unlawful
from gateway.decision.lint.cover import Cover
from gateway.decision.lint.findings import Finding, Severity, of_grant
from gateway.decision.officer.shifts import as_loose
from gateway.decision.standing import has_basis
from gateway.model.contract import ContractStatus
from gateway.policy import dpv
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.objects import contracts_under, disclosures_under
from gateway.policy.snapshot import PolicySnapshot


def unreachable(
    policy: PolicySnapshot, recipients: Recipients, today: date, institutions: Collection[str] | None
) -> Iterator[Finding]:
    """Yield the rules that are without effect. `institutions` are those that have a certificate, if that is known."""
    allows = [rule for rule in policy.grants if rule.effect is Effect.ALLOW]
    denies = [rule for rule in policy.grants if rule.effect is Effect.DENY and rule.refuses_on(today)]
    allowing, denying = Cover(allows, policy), Cover(denies, policy)
    law = _Law(policy)
    for rule in allows:
        yield from _over(rule, policy, today)
        yield from _never(rule, policy, law)
        yield from _nobody(rule, recipients, institutions)
        yield from _denied(rule, denying)
        yield from _twice(rule, allowing, policy, today)
    meeting = Allows(policy)
    for rule in denies:
        yield from _idle(rule, denying, meeting, recipients)


def _over(rule: Grant, policy: PolicySnapshot, today: date) -> Iterator[Finding]:
    end = rule.terms.valid_until
    if end is not None and end < today:
        yield of_grant(rule, "grant-over", Severity.NOTE, f"ended on {end}", "Delete the line.")
    purpose = policy.purposes.get(rule.purpose)
    if purpose is not None and purpose.ended_on(today):
        yield of_grant(
            rule, "purpose-over", Severity.NOTE, f"is for {purpose.id}, which ended on {purpose.expires_on}",
            "Delete the line, or keep it so that callers are told that it ended.",
        )  # fmt: skip


def _never(rule: Grant, policy: PolicySnapshot, law: _Law) -> Iterator[Finding]:
    contract = policy.contracts.get(rule.dataset)
    if contract is not None and contract.status is not ContractStatus.ACTIVE:
        yield of_grant(
            rule, "contract-not-active", Severity.WARNING,
            f"gives {contract.dataset}, whose contract is {contract.status.value}",
            f"Confirm the contract ('status: {ContractStatus.ACTIVE}'), or delete the line.",
        )  # fmt: skip
    why, whole = law.broken(rule)
    if why and whole:
        yield of_grant(rule, "never-lawful", Severity.WARNING, f"can never hold: {why}", _LAW_REMEDY)
    elif why:
        yield of_grant(rule, "partly-unlawful", Severity.NOTE, f"holds in part alone: {why}", _LAW_REMEDY)
    if law.without_consent(rule):
        yield of_grant(
            rule, "consent-not-asked", Severity.SERIOUS,
            "can never hold: its purpose rests on consent, and neither the grant nor the contract asks for any",
            "Add consent=REGISTER, or a consent field in the contract.",
        )  # fmt: skip


_LAW_REMEDY = "Look at the contract's collected_for and legal_bases, and at the purpose's compatible_with."


class _Law:
    """Whether purposes may use datasets, each pair of them asked once."""

    def __init__(self, policy: PolicySnapshot) -> None:
        self._policy = policy
        self._known: dict[tuple[str, str], tuple[str, bool]] = {}
        self._consent: dict[tuple[str, str, str], bool] = {}

    def broken(self, rule: Grant) -> tuple[str, bool]:
        """Return why the rule's purposes may not use its data ("": they may), and whether that is so of all of them."""
        key = (rule.dataset, rule.purpose)
        if key not in self._known:
            pairs = {
                (contract.dataset, purpose.id): unlawful(purpose.id, contract, self._policy)
                for contract in contracts_under(rule.object, self._policy.contracts)
                if contract.disclosures
                for purpose in self._policy.purposes.descendants(rule.purpose)
            }
            bad = {pair: reason for pair, reason in pairs.items() if reason is not None}
            (dataset, purpose), reason = next(iter(bad.items()), (("", ""), None))
            why = "" if reason is None else f"{purpose} may not use {dataset} ({reason.value})"
            self._known[key] = (why, len(bad) == len(pairs))
        return self._known[key]

    def without_consent(self, rule: Grant) -> bool:
        """Tell whether the rule rests on consent and nobody is asked for it."""
        if rule.terms.consent is not None:
            return False
        key = (rule.object, rule.kind, rule.purpose)
        if key not in self._consent:
            purposes = self._policy.purposes.descendants(rule.purpose)
            given = [
                spec
                for _, spec in disclosures_under(rule.object, self._policy.contracts)
                if rule.kind in (spec.kind.value, ANY)
            ]
            consenting = any(one.legal_basis.dpv == dpv.CONSENT for one in purposes)
            self._consent[key] = (
                consenting
                and bool(given)
                and not any(has_basis(rule, purpose.id, spec, self._policy) for purpose in purposes for spec in given)
            )
        return self._consent[key]


def _nobody(rule: Grant, recipients: Recipients, institutions: Collection[str] | None) -> Iterator[Finding]:
    if institutions is not None and not any(one in institutions for one in recipients.having(rule.recipient)):
        yield of_grant(
            rule, "recipient-unknown", Severity.WARNING, f"is for {rule.recipient}: nobody with a certificate",
            "Look at how the institution is spelt in its certificate.",
        )  # fmt: skip


def _denied(rule: Grant, denying: Cover) -> Iterator[Finding]:
    deny = next(denying.around(rule), None)
    if deny is not None:
        yield of_grant(
            rule, "denied-anyway", Severity.WARNING,
            f"never holds: '{deny.id}' (line {deny.line}) refuses all of it",
            "Delete the line, or narrow the prohibition.",
        )  # fmt: skip


def _twice(rule: Grant, allowing: Cover, policy: PolicySnapshot, today: date) -> Iterator[Finding]:
    for other in allowing.around(rule):
        if not as_loose(other.terms, rule.terms) or not _always_in(rule, other, policy, today):
            continue
        if other.columns == rule.columns and as_loose(rule.terms, other.terms):
            if other.line < rule.line:
                yield of_grant(
                    rule, "written-twice", Severity.WARNING, f"says what '{other.id}' (line {other.line}) says",
                    "Delete one of the lines.",
                )  # fmt: skip
                return
        else:
            yield of_grant(
                rule, "covered", Severity.NOTE, f"gives nothing that '{other.id}' (line {other.line}) does not give",
                "Delete the line, or narrow the other one.",
            )  # fmt: skip
            return


def _always_in(rule: Grant, other: Grant, policy: PolicySnapshot, today: date) -> bool:
    """Whether whoever has the rule has the other as well, and for good."""
    if rule.recipient == other.recipient:
        return True
    standing = policy.roles.standing(rule.recipient, other.recipient, today)
    return standing is not None and standing.until is None


def _idle(rule: Grant, denying: Cover, meeting: Allows, recipients: Recipients) -> Iterator[Finding]:
    wider = [one for one in denying.around(rule) if one.columns != rule.columns or one.line < rule.line]
    if wider:
        yield of_grant(
            rule, "deny-covered", Severity.NOTE,
            f"forbids nothing that '{wider[0].id}' (line {wider[0].line}) does not forbid", "Delete one of the lines.",
        )  # fmt: skip
    # what is forbidden to everybody is forbidden whether or not somebody is granted it as yet
    if rule.recipient == ANY:
        return
    denied = frozenset(recipients.having(rule.recipient))
    met: dict[str, bool] = {}
    for allow in meeting.met_by(rule):
        if allow.recipient not in met:
            met[allow.recipient] = not denied.isdisjoint(recipients.having(allow.recipient))
        if met[allow.recipient]:
            return
    yield of_grant(
        rule, "deny-meets-nothing", Severity.NOTE, "forbids what nobody that it names is granted",
        "Keep it if it is there so that nothing is granted by mistake; else delete it.",
    )  # fmt: skip
