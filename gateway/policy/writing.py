"""Rules as grants.csv writes them, for lines that an officer can paste."""

from __future__ import annotations

from datetime import timedelta

from gateway.model.meter import Allowance
from gateway.model.terms import Terms
from gateway.policy.grants import Grant
from gateway.policy.roles import RoleLink

_HOUR = timedelta(hours=1)


def term_list(terms: Terms) -> tuple[str, ...]:
    """Return each term as `key=value`, in the order in which the file explains them. Its reader gives them back."""
    written: tuple[tuple[str, object], ...] = (
        ("from", terms.valid_from),
        ("until", terms.valid_until),
        ("hours", terms.hours),
        ("case", terms.case_pattern),
        ("case_register", terms.case_register),
        ("consent", terms.consent),
        ("quota", _allowance(terms.quota)),
        ("rate", _allowance(terms.rate)),
        ("subjects", _allowance(terms.subjects)),
        ("bulk", "forbidden" if terms.single else None),
        ("break_glass", None if terms.break_glass is None else f"{terms.break_glass // _HOUR}h"),
        ("max_rows", terms.max_rows),
        ("max_keys", terms.max_keys),
        ("trial", terms.trial),
    )
    return tuple(f"{key}={value}" for key, value in written if value is not None)


def grant_line(grant: Grant) -> str:
    """Return the line of a grant."""
    cells = (grant.id, grant.recipient, grant.object, grant.kind, grant.region, grant.purpose)
    return f"p, {', '.join(cells)}, {';'.join(term_list(grant.terms))}, {grant.effect}"


def link_line(link: RoleLink) -> str:
    """Return the line of a membership."""
    days = (("from", link.valid_from), ("until", link.valid_until))
    terms = ";".join(f"{key}={day}" for key, day in days if day is not None)
    return f"g, {link.member}, {link.role}" + (f", {terms}" if terms else "")


def _allowance(allowance: Allowance | None) -> str | None:
    return None if allowance is None else f"{allowance.limit}/{allowance.period}"
