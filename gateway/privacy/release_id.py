"""The name of a release: the same plan on the same data has the same name, and so the same answer."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from fractions import Fraction
from math import gcd

from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition
from gateway.model.loss import exact
from gateway.model.measure import Measure
from gateway.model.permit import Permit
from gateway.model.plan import GroupKey, InBins, InPeriod, SettledRelease
from gateway.model.request import ReleaseRequest, RowsRequest, SynthesisRequest
from gateway.model.series import SeriesSpec
from gateway.model.statistics import JoinedDataset
from gateway.model.synthesis import SettledSynthesis
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


def synthesis_id(permit: Permit, request: SynthesisRequest, data_version: str) -> str:
    """Return the name (hex) of the counts behind synthetic rows: of all on which their noise depends.

    How many rows are made of them, and in which format, is no part of it.
    """
    price, tables = request.price, _counts(permit).tables
    return _digest(
        {
            **_counted_rows(permit, request),
            "format": 1,
            "use": "synthesis",
            "tables": [[_table(table), exact(table.loss.rho)] for table in tables],
            "price": [price.currency.value, exact(price.amount)],
            "data_version": data_version,
        }
    )


def extract_id(counts: str, rows: int, suffix: str) -> str:
    """Return the name (hex) of one file of synthetic rows: of its counts, the number of rows, and the format."""
    return _digest({"format": 1, "use": "synthetic-extract", "counts": counts, "rows": rows, "suffix": suffix})


def counting_salt(permit: Permit, request: SynthesisRequest, table: SettledRelease) -> str:
    """Return the salt (hex) that draws which cells of a unit count in one of the counts behind synthetic rows.

    As `grouping_salt`, of the plan alone.
    """
    return _digest({**_counted_rows(permit, request), "use": "counting-salt", "table": _table(table)})


def grouping_salt(permit: Permit, request: ReleaseRequest) -> str:
    """Return the salt (hex) that draws which cells of a unit count, of the plan alone: of its rows and its cells.

    It may be known to all, and must not depend on the data: if it did, one unit's records would decide which cells of
    every other unit count, and no bound on a unit's influence would hold.
    """
    return _digest(_question(permit, request) | {"use": "grouping-salt"})


def series_id(permit: Permit, spec: SeriesSpec) -> str:
    """Return SHA-256 (hex) over all on which the nodes of a series depend, but the data: it names its charge.

    Other parts of the contract may change while a series runs. What is in the name may not: it is another series then.
    """
    return _digest(_daily(permit, spec) | {"use": "series", "format": 1})


def series_salt(permit: Permit, spec: SeriesSpec) -> str:
    """Return the salt (hex) that draws which cells of a unit count on a day. See `grouping_salt`."""
    return _digest(_daily(permit, spec) | {"use": "series-salt"})


def _daily(permit: Permit, spec: SeriesSpec) -> dict[str, object]:
    contract, query = permit.scope.contract, _settled(permit).query
    unit, dated = contract.unit_field, contract.fields[spec.advances_by]
    return {
        "dataset": contract.dataset,
        "disclosure": permit.scope.disclosure.name,
        "series": spec.name,
        "region": [contract.region_field or "", permit.scope.region],
        "source": [contract.source.kind.value, contract.source.path],
        "unit": [contract.privacy_unit.kind, unit.name, unit.type.value, unit.canonical.value],
        "predicate": sorted(_condition(condition) for condition in permit.scope.disclosure.predicate),
        "group_by": [_group(group) for group in query.group_by],
        "max_groups": query.max_groups,
        "measures": [_measure(measure, contract) for each in query.measures for measure in each],
        "advances_by": [dated.name, dated.type.value],
        "days": [spec.first_day.isoformat(), spec.days, spec.days_per_unit],
        "price": [spec.rho and exact(Fraction(spec.rho)), spec.epsilon and exact(Fraction(spec.epsilon))],
    }


def _measure(measure: Measure, contract: DataContract) -> list[object]:
    if measure.field is None or measure.bounds is None:
        return [measure.kind.value, measure.max_rows]
    field = contract.fields[measure.field]
    bounds = [str(measure.bounds.lower), str(measure.bounds.upper)]
    return [measure.kind.value, measure.max_rows, field.name, field.type.value, field.decimals, *bounds]


def _canonical(permit: Permit, request: ReleaseRequest) -> dict[str, object]:
    """All on which the noised measures depend. What is made of them afterwards, as ranks of quantiles, is no part."""
    price, common = request.price, gcd(*(item.weight for item in request.query.statistics))
    return {
        **_question(permit, request),
        "format": 2,
        "statistics": [[item.kind.value, item.field or "", item.weight // common] for item in request.query.statistics],
        "price": [price.currency.value, exact(price.amount)],
    }


def _question(permit: Permit, request: ReleaseRequest) -> dict[str, object]:
    """Which rows, in which cells."""
    query = request.query
    return {
        "dataset": request.dataset,
        "disclosure": request.disclosure,
        "contract": permit.contract.digest,
        "region": permit.scope.region,
        "filters": sorted(_condition(condition) for condition in query.filters),
        "group_by": [_group(group) for group in _settled(permit).query.group_by],
        **_kept(permit),
        **_joined(permit, query.join),
    }


def _joined(permit: Permit, join: JoinedDataset | None) -> dict[str, object]:
    """With which rows of another dataset they are joined; its contract is in the digest of both as one."""
    if (join is None) != (permit.joined is None):
        raise Fault(ErrorReason.INTERNAL)
    if join is None or permit.joined is None:
        return {}
    return {"join": {"dataset": join.dataset, "disclosure": join.disclosure, **_kept(permit.joined.permit)}}


def _counted_rows(permit: Permit, request: SynthesisRequest) -> dict[str, object]:
    """Which rows synthetic ones are like."""
    return {
        "dataset": request.dataset,
        "disclosure": request.disclosure,
        "contract": permit.scope.contract.digest,
        "region": permit.scope.region,
        "filters": sorted(_condition(condition) for condition in request.filters),
        **_kept(permit),
    }


def _table(table: SettledRelease) -> list[list[str]]:
    return [_group(group) for group in table.query.group_by]


def _counts(permit: Permit) -> SettledSynthesis:
    if permit.synthesis is None:
        raise Fault(ErrorReason.INTERNAL)
    return permit.synthesis


def _group(group: GroupKey) -> list[str]:
    """The cells as they are: another tree of regions makes another question, and another way to name one no other."""
    cells = [group.by.__class__.__name__, *map(_scalar, group.keys), "tree", *group.tree]
    if isinstance(group.by, InBins):
        cells += [str(group.by.width), str(group.by.bounds.lower), str(group.by.bounds.upper)]
    if isinstance(group.by, InPeriod):
        cells.append(group.by.period.value)
    return [group.field, _digest({"cells": cells})]


def _settled(permit: Permit) -> SettledRelease:
    if permit.release is None:
        raise Fault(ErrorReason.INTERNAL)
    return permit.release


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
