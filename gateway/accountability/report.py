"""What an institution did with data in a period: institutions answer for it, not only their staff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from gateway.model.emergency import Emergency
from gateway.model.loss import PrivacyLoss
from gateway.model.record import AuditRecord, Outcome


@dataclass(frozen=True, slots=True)
class Line:
    """How often persons of the institution did one thing."""

    person: str
    purpose: str
    dataset: str
    disclosure: str
    outcome: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """All decisions about an institution, by person, purpose, disclosure and outcome, the most frequent first.

    A join is counted with either disclosure, and once among those that were allowed or refused.

    `rho` and `delta` are what the ledger charged for its requests in the period, with or without an answer on record:
    what is charged is lost. `trials` counts what denies on trial would have refused. `overdue` are broken glasses that
    nobody reviewed in time.
    """

    institution: str
    lines: tuple[Line, ...]
    allowed: int
    refused: int
    rho: Fraction
    delta: Fraction
    trials: tuple[tuple[str, int], ...]
    emergencies: tuple[Emergency, ...]
    overdue: int


def report_on(
    institution: str,
    records: Iterable[AuditRecord],
    charged: PrivacyLoss,
    emergencies: tuple[Emergency, ...],
    now: datetime,
) -> Report:
    """Count an institution's own records, each disclosure once, beside what was charged for its requests."""
    counted: Counter[tuple[str, str, str, str, str, str]] = Counter()
    trials: Counter[str] = Counter()
    refused = allowed = 0
    for record in records:
        # a stream that began was allowed, however it ended
        outcome = "refused" if record.outcome is Outcome.REFUSED else "allowed"
        refused += outcome == "refused"
        allowed += outcome == "allowed"
        for disclosed in record.disclosures:
            counted[record.person, record.purpose, *disclosed, outcome, record.reason] += 1
        trials.update(record.trials)
    lines = tuple(Line(*key, count) for key, count in sorted(counted.items(), key=lambda item: (-item[1], item[0])))
    return Report(
        institution=institution,
        lines=lines,
        allowed=allowed,
        refused=refused,
        rho=charged.rho,
        delta=charged.delta,
        trials=tuple(sorted(trials.items())),
        emergencies=emergencies,
        overdue=sum(one.overdue(now) for one in emergencies),
    )
