"""What every request says of itself."""

from __future__ import annotations

from gateway.api.v1 import disclosure_pb2


def context(
    purpose: str, region: str, case_number: str = "", break_glass_reason: str = "", request_id: str = ""
) -> disclosure_pb2.RequestContext:
    """Write why, where, and under which id."""
    return disclosure_pb2.RequestContext(
        purpose=purpose,
        region=region,
        case_number=case_number,
        break_glass_reason=break_glass_reason,
        request_id=request_id,
    )
