"""Why a call was refused or failed: one vocabulary, used by refusals (values) and faults (exceptions) alike."""

from __future__ import annotations

from enum import StrEnum


class ErrorReason(StrEnum):
    """The reasons of `gateway.api.v1.ErrorReason`, without the prefix. What each means is told there."""

    CERTIFICATE_MISSING = "CERTIFICATE_MISSING"
    CERTIFICATE_INVALID = "CERTIFICATE_INVALID"
    TOKEN_MISSING = "TOKEN_MISSING"
    TOKEN_INVALID = "TOKEN_INVALID"
    TOKEN_EXPIRED = "TOKEN_EXPIRED"
    INSTITUTION_MISMATCH = "INSTITUTION_MISMATCH"

    PURPOSE_MISSING = "PURPOSE_MISSING"
    REQUEST_INVALID = "REQUEST_INVALID"
    MESSAGE_FIELD_UNKNOWN = "MESSAGE_FIELD_UNKNOWN"
    FILTER_NOT_ALLOWED = "FILTER_NOT_ALLOWED"
    STATISTIC_NOT_DECLARED = "STATISTIC_NOT_DECLARED"
    EPSILON_OUT_OF_RANGE = "EPSILON_OUT_OF_RANGE"
    MARGIN_OUT_OF_REACH = "MARGIN_OUT_OF_REACH"

    PURPOSE_NOT_GRANTED = "PURPOSE_NOT_GRANTED"
    DISCLOSURE_NOT_GRANTED = "DISCLOSURE_NOT_GRANTED"
    REGION_NOT_GRANTED = "REGION_NOT_GRANTED"
    FIELD_NOT_GRANTED = "FIELD_NOT_GRANTED"
    DENIED_BY_RULE = "DENIED_BY_RULE"
    PURPOSE_EXPIRED = "PURPOSE_EXPIRED"
    GRANT_NOT_IN_FORCE = "GRANT_NOT_IN_FORCE"
    CASE_NUMBER_REQUIRED = "CASE_NUMBER_REQUIRED"

    BUDGET_EXHAUSTED = "BUDGET_EXHAUSTED"
    CAP_EXCEEDED = "CAP_EXCEEDED"

    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"

    RECEIPT_NOT_FOUND = "RECEIPT_NOT_FOUND"
    RELEASE_NOT_FOUND = "RELEASE_NOT_FOUND"

    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    SOURCE_SCHEMA_CHANGED = "SOURCE_SCHEMA_CHANGED"
    AUDIT_UNAVAILABLE = "AUDIT_UNAVAILABLE"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    KEYS_UNAVAILABLE = "KEYS_UNAVAILABLE"
    RELEASE_FAILED = "RELEASE_FAILED"
    PERMIT_REVOKED = "PERMIT_REVOKED"
    POLICY_UNAVAILABLE = "POLICY_UNAVAILABLE"
    INTERNAL = "INTERNAL"


class Fault(Exception):
    """The gateway, or what it stands on, cannot do its work.

    Its text is the reason alone: exceptions reach logs, and no log may carry a value from the data or the request.
    The cause, if there is one, is chained for the debugger and never rendered.
    """

    def __init__(self, reason: ErrorReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Unauthenticated(Fault):
    """The caller is not known. Raised where a caller is identified; nothing was decided yet."""
