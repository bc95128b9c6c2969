"""Whether a grant that Casbin allows holds for this request today, as far as no register has to be asked."""

from __future__ import annotations

from datetime import date

from gateway.model.contract import DisclosureSpec
from gateway.model.errors import ErrorReason
from gateway.model.request import DisclosureRequest, RowsRequest
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
    """Return why the grant does not cover this request today, or None if it does.

    `max_rows` bounds the answer and is not judged here; nor is what registers know: cases, meters, emergencies.
    """
    terms = grant.terms
    if not in_force(grant, institution, policy, today):
        return ErrorReason.GRANT_NOT_IN_FORCE
    if terms.needs_case and not request.context.case_number:
        return ErrorReason.CASE_NUMBER_REQUIRED
    if terms.case_pattern is not None and not case_pattern.matches(terms.case_pattern, request.context.case_number):
        return ErrorReason.CASE_NUMBER_REQUIRED
    if isinstance(request, RowsRequest):
        named = 0 if request.selector is None else len(request.selector.values)
        if terms.single and named != 1:
            return ErrorReason.BULK_FORBIDDEN
        if terms.max_keys is not None and named > terms.max_keys:
            return ErrorReason.CAP_EXCEEDED
    asked = terms.consent is not None or disclosure.consent_field is not None
    return None if asked or not _rests_on_consent(request.context.purpose, policy) else _NO_BASIS


_NO_BASIS = ErrorReason.LEGAL_BASIS_INSUFFICIENT
"""A purpose that rests on consent has no basis for those who were never asked."""


def _rests_on_consent(purpose: str, policy: PolicySnapshot) -> bool:
    found = policy.purposes.get(purpose)
    return found is not None and found.legal_basis.dpv == dpv.CONSENT


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
