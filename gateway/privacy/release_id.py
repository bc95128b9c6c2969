"""The name of a release: the same plan on the same data has the same name, and so the same answer."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime

from gateway.model.filter import Condition
from gateway.model.loss import exact
from gateway.model.permit import Permit
from gateway.model.request import ReleaseRequest
from gateway.model.values import Scalar


def release_id(permit: Permit, request: ReleaseRequest, data_version: str) -> str:
    """Return SHA-256 (hex) over the canonical plan, its region, its price, the contract and the data version.

    The order of conditions, and of the values of an IN, does not change the name. Who asks does not either.
    """
    query = request.query
    canonical = {
        "format": 1,
        "dataset": request.dataset,
        "disclosure": request.disclosure,
        "contract": permit.contract.digest,
        "region": permit.region,
        "filters": sorted(_condition(condition) for condition in query.filters),
        "group_by": list(query.group_by),
        "statistics": [[statistic.kind.value, statistic.field or ""] for statistic in query.statistics],
        "epsilon": exact(request.epsilon),
        "data_version": data_version,
    }
    encoded = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(encoded.encode()).hexdigest()


def grouping_salt(name: str) -> str:
    """Return the salt (hex) that draws which cells of a unit count; the same for every attempt at one release."""
    return hashlib.sha256(b"purpose-gateway/grouping-salt/" + name.encode()).hexdigest()


def _condition(condition: Condition) -> list[str]:
    return [
        condition.field,
        condition.operator.value,
        *sorted({_scalar(value) for value in condition.values}),
    ]


def _scalar(value: Scalar) -> str:
    match value:
        case bool():
            return f"bool:{value}"
        case datetime():
            return f"timestamp:{value.isoformat()}"
        case date():
            return f"date:{value.isoformat()}"
        case _:
            return f"{type(value).__name__}:{value!r}"
