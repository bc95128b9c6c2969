"""Whether a grant that Casbin allows holds for this request today, as far as no register has to be asked."""

from __future__ import annotations

from datetime import date, datetime

from gateway.model.contract import DisclosureSpec
from gateway.model.errors import ErrorReason
from gateway.model.request import DisclosureRequest, RowsRequest
from gateway.model.terms import Terms
from gateway.policy import case_pattern, dpv
from gateway.policy.grants import ANY, Grant
from gateway.policy.snapshot import PolicySnapshot


def unmet(
    grant: Grant,
    request: DisclosureRequest,
    institution: str,
    disclosure: DisclosureSpec,
    policy: PolicySnapshot,
    today: date,
) -> ErrorReason | None:
    """Return why the grant does not cover this request today, or None if it does at some hour.

    `max_rows` bounds the answer and is not judged here; nor is what registers know: cases, meters, emergencies.
    """
    if not in_force(grant, institution, policy, today):
        return ErrorReason.GRANT_NOT_IN_FORCE
    if not has_basis(grant, request.context.purpose, disclosure, policy):
        return ErrorReason.LEGAL_BASIS_INSUFFICIENT
    return unmet_by(request, grant.terms)


def open_at(terms: Terms, now: datetime) -> bool:
    """Tell whether the hours of the day are those of the terms, at a naive UTC instant."""
    return terms.hours is None or terms.hours.end_of(now) is not None


def unmet_by(request: DisclosureRequest, terms: Terms) -> ErrorReason | None:
    """Return why terms that are in force do not cover what the caller wrote, or None if they do."""
    case_number = request.context.case_number
    if terms.needs_case and not case_number:
        return ErrorReason.CASE_NUMBER_REQUIRED
    if terms.case_pattern is not None and not case_pattern.matches(terms.case_pattern, case_number):
        return ErrorReason.CASE_NUMBER_REQUIRED
    if isinstance(request, RowsRequest) and (terms.single or terms.max_keys is not None):
        named = 0 if request.selector is None else len(request.selector.values)
        if terms.single and named != 1:
            return ErrorReason.BULK_FORBIDDEN
        if terms.max_keys is not None and named > terms.max_keys:
            return ErrorReason.CAP_EXCEEDED
    return None


def has_basis(grant: Grant, purpose: str, disclosure: DisclosureSpec, policy: PolicySnapshot) -> bool:
    """Tell whether consent is asked for where the purpose rests on it: it has no basis for those never asked."""
    if grant.terms.consent is not None or disclosure.consent_field is not None:
        return True
    found = policy.purposes.get(purpose)
    return found is not None and found.legal_basis.dpv != dpv.CONSENT


def in_force(grant: Grant, institution: str, policy: PolicySnapshot, today: date) -> bool:
    """Tell whether the grant's days are now and the institution is in its role today: a task force's members lapse."""
    if not grant.terms.in_force(today):
        return False
    return grant.recipient == ANY or policy.roles.standing(institution, grant.recipient, today) is not None


def last_day(grant: Grant, institution: str, policy: PolicySnapshot, today: date) -> date | None:
    """Return the last day of a grant that is in force, by its own term and by the institution's membership."""
    membership = policy.roles.standing(institution, grant.recipient, today)
    ends = (grant.terms.valid_until, None if membership is None else membership.until)
    return min((day for day in ends if day is not None), default=None)
