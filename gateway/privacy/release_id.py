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
    return _digest(_canonical(permit, request) | {"data_version": data_version})


def grouping_salt(permit: Permit, request: ReleaseRequest) -> str:
    """Return the salt (hex) that draws which cells of a unit count, of the plan alone.

    It may be known to all, and must not depend on the data: if it did, one unit's records would decide which cells of
    every other unit count, and no bound on a unit's influence would hold.
    """
    return _digest(_canonical(permit, request) | {"use": "grouping-salt"})


def _canonical(permit: Permit, request: ReleaseRequest) -> dict[str, object]:
    query = request.query
    return {
        "format": 1,
        "dataset": request.dataset,
        "disclosure": request.disclosure,
        "contract": permit.scope.contract.digest,
        "region": permit.scope.region,
        "filters": sorted(_condition(condition) for condition in query.filters),
        "group_by": list(query.group_by),
        "statistics": [[statistic.kind.value, statistic.field or ""] for statistic in query.statistics],
        "epsilon": exact(request.epsilon),
    }


def _digest(canonical: dict[str, object]) -> str:
    encoded = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(encoded.encode()).hexdigest()


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
