"""A look over a whole policy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date

from gateway.decision.holdings import Recipients
from gateway.decision.lint import care
from gateway.decision.lint.blank import blank
from gateway.decision.lint.breadth import broad
from gateway.decision.lint.cost import cost
from gateway.decision.lint.findings import Finding, Severity
from gateway.decision.lint.narrowing import unused
from gateway.decision.lint.unreachable import unreachable
from gateway.decision.lint.usage import Usage
from gateway.policy.snapshot import PolicySnapshot


def lint(
    snapshot: PolicySnapshot,
    today: date,
    usage: Mapping[str, Usage] | None = None,
    institutions: Collection[str] | None = None,
) -> tuple[Finding, ...]:
    """Return what is valid and unwise, by file and line.

    `usage`, by the ids of grants, is what was really used; without it nothing is said of that. `institutions` are those
    that have a certificate; without them every recipient is taken for known.
    """
    found = sorted(
        _all(snapshot, today, usage, institutions), key=lambda one: (one.file, one.line, one.code, one.message)
    )
    return tuple(found)


def at_least(findings: Collection[Finding], severity: Severity) -> tuple[Finding, ...]:
    """Return those that matter so much, or more."""
    return tuple(one for one in findings if one.severity.at_least(severity))


def _all(
    snapshot: PolicySnapshot, today: date, usage: Mapping[str, Usage] | None, institutions: Collection[str] | None
) -> Iterator[Finding]:
    recipients = Recipients(snapshot)
    yield from broad(snapshot, recipients, today)
    yield from unreachable(snapshot, recipients, today, institutions)
    yield from care.purposes(snapshot, today)
    yield from care.memberships(snapshot, today)
    yield from care.trials(snapshot, today)
    yield from care.contracts(snapshot)
    yield from blank(snapshot)
    yield from cost(snapshot, recipients, today)
    if usage is not None:
        yield from unused(snapshot, usage, today)
