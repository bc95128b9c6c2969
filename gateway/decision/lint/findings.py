"""What a look at a policy finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.policy.folder import GRANTS
from gateway.policy.grants import Grant


class Severity(StrEnum):
    """How much a finding matters, least first."""

    NOTE = "note"
    WARNING = "warning"
    SERIOUS = "serious"

    def at_least(self, other: Severity) -> bool:
        """Tell whether this is as much as another, or more."""
        order = tuple(Severity)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an officer should look at. `replacement` are lines of grants.csv that would do in its place."""

    code: str
    severity: Severity
    file: str
    line: int
    message: str
    remedy: str
    replacement: tuple[str, ...] = ()


def of_grant(
    rule: Grant, code: str, severity: Severity, message: str, remedy: str, replacement: tuple[str, ...] = ()
) -> Finding:
    """Return a finding about a rule, named in front of the message."""
    return Finding(code, severity, GRANTS, rule.line, f"'{rule.id}' {message}", remedy, replacement)
