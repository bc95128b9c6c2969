"""What can go wrong, as exceptions that carry the reason, the remedy, and the nearest request that would pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from gateway.api.v1 import nearest_request_pb2
from gateway.client.nearest import (
    Nearest,
    NearestPlan,
    NearestSynthesis,
    nearest_from,
    nearest_plan_from,
    nearest_synthesis_from,
)

DOMAIN = "purpose-gateway"


@dataclass(frozen=True, slots=True)
class Details:
    """What a gateway, or this client, says of an error."""

    reason: str
    remedy: str
    receipt_id: str = ""
    policy_digest: str = ""
    nearest: Nearest | None = None
    violations: tuple[tuple[str, str], ...] = field(default=())
    plan: NearestPlan | None = None
    synthesis: NearestSynthesis | None = None


class GatewayError(Exception):
    """A call gave no answer.

    `reason` is a name of `gateway.api.v1.ErrorReason` without its prefix, or one of this client's own, `remedy` what
    to do. `receipt_id` names the entry in the audit log, if one was made. `violations` are pairs of a request's
    field and the rule it breaks.
    """

    def __init__(self, details: Details) -> None:
        super().__init__(details.reason)
        self.details = details

    @property
    def reason(self) -> str:
        """Why, as a name."""
        return self.details.reason

    @property
    def remedy(self) -> str:
        """What to do, for people."""
        return self.details.remedy

    @property
    def receipt_id(self) -> str:
        """The entry in the audit log, or empty."""
        return self.details.receipt_id

    @property
    def nearest(self) -> Nearest | None:
        """The nearest request that would pass."""
        return self.details.nearest

    @property
    def nearest_plan(self) -> NearestPlan | None:
        """The nearest plan that would be answered, where a plan or its price was refused."""
        return self.details.plan

    @property
    def nearest_synthesis(self) -> NearestSynthesis | None:
        """The nearest request of synthetic rows that would be accepted, where one or its price was refused."""
        return self.details.synthesis

    @property
    def violations(self) -> tuple[tuple[str, str], ...]:
        """Field and rule, for a request that is not well formed."""
        return self.details.violations

    def __str__(self) -> str:
        lines = [f"{self.reason}: {self.remedy}"]
        lines += [f"  {where or 'request'} {what}" for where, what in self.violations]
        near = self.nearest
        if near is not None and near.steward:
            lines.append(f"  ask {near.steward}")
        elif near is not None:
            parts = [near.dataset, near.disclosure, near.region, ", ".join(near.fields)]
            lines.append("  this would pass: " + " · ".join(part for part in parts if part))
        if self.nearest_plan is not None:
            lines.append(f"  this would be answered: {self.nearest_plan}")
        if self.nearest_synthesis is not None:
            lines.append(f"  this would be accepted: {self.nearest_synthesis}")
        return "\n".join(lines)


class Unauthenticated(GatewayError):
    """The gateway does not know the caller."""


class CertificateExpired(Unauthenticated):
    """The client certificate's period is over, or has not begun; nothing was sent."""


class HandshakeFailed(Unauthenticated):
    """Client and gateway do not accept each other's certificates."""


class InvalidRequest(GatewayError):
    """The request is not well formed."""


class Refused(GatewayError):
    """The policy says no."""


class BudgetExhausted(GatewayError):
    """A privacy budget does not hold the charge. Nothing was charged."""


class CapExceeded(GatewayError):
    """More keys, rows or bytes than a limit allows."""


class QuotaExhausted(GatewayError):
    """What may be disclosed of a subject in this period is used up."""


class RateExceeded(GatewayError):
    """Your institution has made all the calls that the grant allows in this period."""


class AlreadyUsed(GatewayError):
    """The request_id belongs to another request."""


class NotNow(GatewayError):
    """As things stand this cannot be done: look at them anew, and at the reason, before you ask again."""


class NotFound(GatewayError):
    """There is no such thing, or it is not yours."""


class Unavailable(GatewayError):
    """The gateway, or what it stands on, cannot work now. Try again later."""


class DeadlineExceeded(GatewayError):
    """No answer came in time."""


class Revoked(GatewayError):
    """The permission ended while the stream ran; what was received is incomplete."""


class GatewayFailed(GatewayError):
    """The gateway failed."""


class IncompleteExtract(GatewayError):
    """An extract ended early, or with a gap. `rows` and `batches` had been received."""

    def __init__(self, rows: int, batches: int) -> None:
        super().__init__(Details("INCOMPLETE_EXTRACT", "The stream was cut short. Ask for the extract again."))
        self.rows = rows
        self.batches = batches


class ReceiptMismatch(GatewayError):
    """A receipt does not say what its logged record says. `part` names the first difference."""

    def __init__(self, part: str) -> None:
        super().__init__(Details("RECEIPT_MISMATCH", "Keep this receipt and show it to the gateway's officers."))
        self.part = part

    def __str__(self) -> str:
        return f"{super().__str__()}\n  {self.part} differs"


_NO_RELEASE = "A rehearsal is not a release and has no certificate: its rows are made up. Ask for a release."
_WHAT_IS_WRONG = {"certificate": "\n  there is no certificate", "rehearsal": ""}


class CertificateMismatch(GatewayError):
    """A release is not what its certificate says, or that is not signed by a known key. `part` names the first thing
    that is wrong: "certificate" where there is none, "rehearsal" where there can be none.
    """

    def __init__(self, part: str) -> None:
        remedy = _NO_RELEASE if part == "rehearsal" else "Get the keys and the release from the gateway again."
        super().__init__(Details("CERTIFICATE_MISMATCH", remedy))
        self.part = part

    def __str__(self) -> str:
        return super().__str__() + _WHAT_IS_WRONG.get(self.part, f"\n  {self.part} differs")


class SealBroken(GatewayError):
    """What was sealed cannot be opened with this key, or is not what it says it is."""

    def __init__(self) -> None:
        super().__init__(Details("SEAL_BROKEN", "Use the key that you asked with; or show this to the officers."))


class OtherKey(GatewayError):
    """A re-identification was asked for with another key than the one given. It was not collected: nothing is lost."""

    def __init__(self) -> None:
        super().__init__(Details("OTHER_KEY", "Nothing was collected or lost. Use the key that you asked with."))


_BY_REASON: dict[str, type[GatewayError]] = {
    "BUDGET_EXHAUSTED": BudgetExhausted,
    "PERMIT_REVOKED": Revoked,
    "QUOTA_EXHAUSTED": QuotaExhausted,
    "RATE_EXCEEDED": RateExceeded,
    "SOURCE_SCHEMA_CHANGED": Unavailable,
    "TOKENS_GUESSABLE": Refused,
}

_BY_CODE: dict[grpc.StatusCode, type[GatewayError]] = {
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.PERMISSION_DENIED: Refused,
    grpc.StatusCode.RESOURCE_EXHAUSTED: CapExceeded,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyUsed,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.FAILED_PRECONDITION: NotNow,
    grpc.StatusCode.ABORTED: NotNow,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}

_PLAIN_REMEDY: dict[grpc.StatusCode, str] = {
    grpc.StatusCode.UNAVAILABLE: "The gateway cannot be reached. Try again later.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "No answer came in time. Allow more time, or ask for less.",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "The message is too large, or too many calls run at once. Ask for less.",
    grpc.StatusCode.UNIMPLEMENTED: "The gateway does not know this call. Use a client of its version.",
    grpc.StatusCode.CANCELLED: "The call was cancelled.",
}


def from_call(error: grpc.RpcError) -> GatewayError:
    """Return the typed error of a failed call."""
    call: Any = error  # what gRPC raises is an RpcError and a Call, which no type says
    if not isinstance(call, grpc.Call):
        return GatewayFailed(Details("UNKNOWN", "The call failed in an unknown way."))
    code = call.code()
    details = _read(call)
    if details is None:
        details = Details(code.name, _PLAIN_REMEDY.get(code, "The gateway failed."))
    return _BY_REASON.get(details.reason, _BY_CODE.get(code, GatewayFailed))(details)


def came_from_gateway(error: GatewayError) -> bool:
    """Tell whether a gateway itself gave the reason, and not the transport."""
    return error.reason not in grpc.StatusCode.__members__


def _read(call: grpc.Call) -> Details | None:
    """Return the details a gateway sent, or None if the status comes from elsewhere."""
    try:
        status = rpc_status.from_call(call)
    except ValueError:  # the details contradict the status: not ours
        return None
    if status is None:
        return None
    info = error_details_pb2.ErrorInfo()
    nearest: Nearest | None = None
    plan: NearestPlan | None = None
    synthesis: NearestSynthesis | None = None
    violations: tuple[tuple[str, str], ...] = ()
    text = status.message
    localized = False
    for packed in status.details:
        if packed.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            packed.Unpack(info)
        elif packed.Is(nearest_request_pb2.NearestRequest.DESCRIPTOR):
            nearest = nearest_from(packed)
        elif packed.Is(nearest_request_pb2.NearestPlan.DESCRIPTOR):
            plan = nearest_plan_from(packed)
        elif packed.Is(nearest_request_pb2.NearestSynthesis.DESCRIPTOR):
            synthesis = nearest_synthesis_from(packed)
        elif packed.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            packed.Unpack(bad)
            violations = tuple((item.field, item.description) for item in bad.field_violations)
        elif packed.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR) and not localized:
            message = error_details_pb2.LocalizedMessage()
            packed.Unpack(message)
            text, localized = message.message, True
    if info.domain != DOMAIN:
        return None
    return Details(
        info.reason,
        text,
        info.metadata.get("receipt_id", ""),
        info.metadata.get("policy_digest", ""),
        nearest,
        violations,
        plan,
        synthesis,
    )
