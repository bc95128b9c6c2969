"""The name of a release: the same plan on the same data has the same name, and so the same answer."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime

from gateway.model.filter import Condition
from gateway.model.grouping import ByBins, ByKeys, ByPeriod, ByRegion, ByRegionTree, Grouping
from gateway.model.loss import exact
from gateway.model.permit import Permit
from gateway.model.request import ReleaseRequest, RowsRequest
from gateway.model.values import Scalar


def release_id(permit: Permit, request: ReleaseRequest, data_version: str) -> str:
    """Return SHA-256 (hex) over the canonical plan, its region, its price, the contract and the data version.

    The order of conditions, and of the values of an IN, does not change the name. Who asks does not either.
    """
    return _digest(_canonical(permit, request) | {"data_version": data_version})


def rows_id(permit: Permit, request: RowsRequest, data_version: str) -> str:
    """Return SHA-256 (hex) over all on which the noise of randomised rows depends: it names their charge.

    Beside the question, that is the pseudonym domain, whose key for noise stays through rotations.
    """
    perturbed = permit.scope.perturbed
    return _digest(
        {
            "format": 1,
            "use": "rows",
            "dataset": request.dataset,
            "disclosure": request.disclosure,
            "contract": permit.scope.contract.digest,
            "region": permit.scope.region,
            "filters": sorted(_condition(condition) for condition in request.filters),
            "perturbed": sorted(perturbed),
            "consent": permit.scope.terms.consent or "",
            "recipient": permit.domain.recipient,
            "purpose": permit.domain.purpose,
            "data_version": data_version,
            **_kept(permit),
        }
    )


def grouping_salt(permit: Permit, request: ReleaseRequest) -> str:
    """Return the salt (hex) that draws which cells of a unit count, of the plan alone: of its rows and its cells.

    It may be known to all, and must not depend on the data: if it did, one unit's records would decide which cells of
    every other unit count, and no bound on a unit's influence would hold.
    """
    return _digest(_question(permit, request) | {"use": "grouping-salt"})


def _canonical(permit: Permit, request: ReleaseRequest) -> dict[str, object]:
    """All on which the noised measures depend. What is made of them afterwards, as ranks of quantiles, is no part."""
    price = request.price
    return {
        **_question(permit, request),
        "format": 2,
        "statistics": [[item.kind.value, item.field or "", item.weight] for item in request.query.statistics],
        "price": [price.currency.value, exact(price.amount)],
    }


def _question(permit: Permit, request: ReleaseRequest) -> dict[str, object]:
    """Which rows, in which cells."""
    query = request.query
    return {
        "dataset": request.dataset,
        "disclosure": request.disclosure,
        "contract": permit.scope.contract.digest,
        "region": permit.scope.region,
        "filters": sorted(_condition(condition) for condition in query.filters),
        "group_by": [_grouping(grouping) for grouping in query.group_by],
        **_kept(permit),
    }


def _grouping(grouping: Grouping) -> list[str]:
    match grouping:
        case ByKeys(field):
            return ["keys", field]
        case ByRegion(field, level):
            return ["region", field, level.value]
        case ByRegionTree(field, level):
            return ["region-tree", field, level.value]
        case ByPeriod(field, period, first, last):
            return ["period", field, period.value, first.isoformat(), last.isoformat()]
        case ByBins(field, width):
            return ["bins", field, exact(width)]


def _kept(permit: Permit) -> dict[str, str]:
    """The first day whose rows count, where the contract promises one: the next day is another question."""
    since = permit.kept_since
    return {} if since is None else {"kept_since": since.isoformat()}


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
