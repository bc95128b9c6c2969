"""Grants that are wider than what they seem to be for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gateway.decision.holdings import Recipients
from gateway.decision.lint.findings import Finding, Severity, of_grant
from gateway.decision.lint.identifiers import kept_identifiers
from gateway.decision.reach import expired
from gateway.model.contract import DisclosureKind
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.objects import disclosures_under
from gateway.policy.snapshot import PolicySnapshot


def broad(policy: PolicySnapshot, recipients: Recipients, today: date) -> Iterator[Finding]:
    """Yield what is too broad about each allow that is not over, in the order of the file."""
    districts = _Districts(policy, recipients)
    for rule in policy.grants:
        if rule.effect is Effect.ALLOW and not over(rule, policy, today):
            yield from _wildcards(rule)
            yield from _purpose(rule, policy)
            yield from _endless(rule, policy)
            yield from _city_wide(rule, policy, districts)


def over(rule: Grant, policy: PolicySnapshot, today: date) -> bool:
    """Tell whether a rule's last day, or its purpose's, is past."""
    end = rule.terms.valid_until
    return expired(policy, rule.purpose, today) or (end is not None and end < today)


def _wildcards(rule: Grant) -> Iterator[Finding]:
    if rule.object == ANY:
        yield of_grant(
            rule, "every-dataset", Severity.SERIOUS, "gives all datasets, those to come among them",
            "Write one line for each disclosure that is needed.",
        )  # fmt: skip
    elif rule.object.endswith(f"/{ANY}"):
        yield of_grant(
            rule, "every-disclosure", Severity.WARNING,
            f"gives all disclosures of {rule.dataset}, those to come among them",
            "Write one line for each disclosure that is needed.",
        )  # fmt: skip
    if rule.kind == ANY:
        yield of_grant(rule, "every-kind", Severity.WARNING, "is for every kind of answer", "Name the kind.")


def _purpose(rule: Grant, policy: PolicySnapshot) -> Iterator[Finding]:
    found = policy.purposes.get(rule.purpose)
    below = policy.purposes.descendants(rule.purpose)[1:]
    if found is None or not below:
        return
    named = ", ".join(one.id for one in below[:3]) + (", …" if len(below) > 3 else "")
    top = found.parent is None
    yield of_grant(
        rule, "purpose-at-the-top" if top else "purpose-with-more-beneath",
        Severity.WARNING if top else Severity.NOTE,
        f"is for {rule.purpose} with all beneath it ({named}), and what is added there later",
        "Name the purpose that is meant.",
    )  # fmt: skip


def _endless(rule: Grant, policy: PolicySnapshot) -> Iterator[Finding]:
    found = policy.purposes.get(rule.purpose)
    if rule.terms.valid_until is not None or found is None:
        return
    if found.emergency:
        yield of_grant(
            rule, "emergency-without-end", Severity.WARNING, f"is for the emergency {rule.purpose} and has no end",
            f"Add until={found.expires_on}, or sooner.",
        )  # fmt: skip
    if rule.terms.break_glass is not None:
        yield of_grant(
            rule, "break-glass-without-end", Severity.WARNING, "opens in emergencies and has no end",
            "Add until=DATE: whether it is still needed is to be asked anew.",
        )  # fmt: skip


def _city_wide(rule: Grant, policy: PolicySnapshot, districts: _Districts) -> Iterator[Finding]:
    if rule.subtree(policy.regions.root.path) != policy.regions.root.path:
        return
    terms = rule.terms
    bound = terms.valid_until or terms.needs_case or terms.consent or terms.break_glass
    given = [
        (contract, spec)
        for contract, spec in disclosures_under(rule.object, policy.contracts)
        if contract.region_field is not None and rule.kind in (spec.kind.value, ANY)
    ]
    naming = [
        f"{contract.dataset}/{spec.name}"
        for contract, spec in given
        if spec.kind is DisclosureKind.LOOKUP and kept_identifiers(contract, spec)
    ]
    if naming and not bound:
        # whoever is counted, or has to ask one by one, at least cannot copy them all unseen
        counted = terms.single or terms.max_keys == 1 or terms.quota or terms.rate or terms.subjects
        yield of_grant(
            rule, "identifiers-city-wide", Severity.WARNING if counted else Severity.SERIOUS,
            f"gives who people are ({', '.join(naming)}), in the whole city, without an end and without a case",
            "Name a region, an end (until=) or a case (case=, case_register=).",
        )  # fmt: skip
    home = districts.of(rule.recipient)
    if home and any(spec.kind is not DisclosureKind.RELEASE for _, spec in given):
        yield of_grant(
            rule, "city-for-a-district", Severity.WARNING,
            f"is for the whole city, and all else that {rule.recipient} is granted lies in {home}",
            f"Write {home}, if that is enough.",
        )  # fmt: skip


class _Districts:
    """Where the institutions that have a role, or are a recipient, are granted something in a part of the city."""

    def __init__(self, policy: PolicySnapshot, recipients: Recipients) -> None:
        self._recipients, self._policy = recipients, policy
        self._named: dict[str, set[str]] = {}
        root = policy.regions.root.path
        for rule in policy.grants:
            if rule.effect is Effect.ALLOW and rule.subtree(root) != root:
                self._named.setdefault(rule.recipient, set()).add("/".join(rule.region.split("/")[:2]))
        self._known: dict[str, str] = {}

    def of(self, recipient: str) -> str:
        """Return the one district of all of them; "" if there is none, or there are several."""
        if recipient not in self._known:
            own = [self._own(institution) for institution in self._recipients.having(recipient)]
            found = set[str]().union(*own)
            self._known[recipient] = next(iter(found)) if len(found) == 1 and all(own) else ""
        return self._known[recipient]

    def _own(self, institution: str) -> set[str]:
        roles = self._policy.roles.of(institution)
        return set[str]().union(*(self._named.get(role, ()) for role in roles))
