"""What a release does not show or count, and why, from the contract and the plan alone.

Nothing here sees data, so what it says tells nothing of them: it is the same whether one row was left out, or none, or
all of them. How many were is another question, with a price of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.model.contract import DataContract, FieldSpec
from gateway.model.coverage import Coverage, CoverageKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegion, ByRegionTree, Grouping
from gateway.model.measure import MeasureKind
from gateway.model.permit import Joined, Permit
from gateway.model.plan import LONGEST_KEY, InBins, SettledRelease, finds_keys
from gateway.model.request import ReleaseRequest, SynthesisRequest
from gateway.model.statistics import Presentation, Release, StatisticsQuery
from gateway.model.synthesis import CountedField
from gateway.model.values import FieldType

_DRAWN = "those are drawn by a hash of the question, which knows no data."


def covered(permit: Permit) -> tuple[Coverage, ...]:
    """Return what a permitted release leaves out, and why: first of cells, then of rows, then of contributions.

    Raises:
        Fault: INTERNAL if the permit is of no release.
    """
    request, settled = permit.request, permit.release
    if settled is None or not isinstance(request, ReleaseRequest):
        raise Fault(ErrorReason.INTERNAL)
    contract, query = permit.contract, request.query
    return (
        _cells(settled),
        *_rows(permit, query.filters),
        *(() if permit.joined is None else _joined(contract.dataset, permit.joined)),
        *(_key(grouping, contract.fields[grouping.field]) for grouping in query.group_by),
        *_values(query, contract),
        *_limits(settled, contract.privacy_unit.kind),
    )


def covered_extract(permit: Permit) -> tuple[Coverage, ...]:
    """Return what the counts behind permitted synthetic rows leave out, and why: of rows, then of contributions.

    Raises:
        Fault: INTERNAL if the permit is of no synthetic rows.
    """
    request, settled, spec = permit.request, permit.synthesis, permit.scope.disclosure.synthesis
    if settled is None or spec is None or not isinstance(request, SynthesisRequest):
        raise Fault(ErrorReason.INTERNAL)
    contract = permit.scope.contract
    unit = contract.privacy_unit.kind
    text = f"In each count a {unit} counts in at most {spec.max_groups} of the cells; of one that is in more, {_DRAWN}"
    return (
        *_rows(permit, request.filters),
        *(_counted(field, contract.fields[field.key.field]) for field in settled.fields),
        Coverage(CoverageKind.CELLS_BEYOND_LIMIT, "", text),
        _rows_beyond(unit, spec.max_rows),
    )


def as_shown(release: Release, presentation: Presentation) -> tuple[Coverage, ...]:
    """Return what is not shown or counted: of a release, and of one presentation of it."""
    top = presentation.top
    return release.coverage if top is None else (beyond_top(top), *release.coverage)


def beyond_top(top: int) -> Coverage:
    """Return what a presentation of the largest cells leaves out."""
    text = (
        f"Only the {top} cells whose noised first answer is largest are shown, chosen by noised numbers alone; the "
        "others are in the same release."
    )
    return Coverage(CoverageKind.BEYOND_TOP, "", text)


def _cells(settled: SettledRelease) -> Coverage:
    if settled.threshold is None:
        text = "Every cell of the plan is in the release, also where nobody is in it: that one is there tells nothing."
        return Coverage(CoverageKind.EMPTY_CELLS_SHOWN, "", text)
    text = (
        f"Cells whose noised number of units is below {settled.threshold.least} are not shown, whether anybody is in "
        "them or nobody. That one is missing does not say that it is empty."
    )
    return Coverage(CoverageKind.BELOW_THRESHOLD, "", text)


def _rows(permit: Permit, filters: Sequence[Condition]) -> Iterator[Coverage]:
    contract = permit.scope.contract
    unit = contract.privacy_unit
    text = (
        f"Rows whose {unit.field} is missing, or not in the form that the contract declares, do not count: under "
        f"several spellings nobody could bound what one {unit.kind} contributes."
    )
    yield Coverage(CoverageKind.NO_PRIVACY_UNIT, unit.field, text)
    yield from _read(permit, "")
    for field in dict.fromkeys(condition.field for condition in filters):
        text = f"Rows that do not meet the plan's conditions on {field}, or where it is missing, were not asked for."
        yield Coverage(CoverageKind.FILTERED_OUT, field, text)


def _joined(first: str, joined: Joined) -> Iterator[Coverage]:
    """What does not take part in a join of the first dataset with the other one."""
    other = joined.permit.scope.contract
    dataset, unit = other.dataset, other.privacy_unit.kind
    text = (
        f"A row counts once for each row that the same {unit} has in the other dataset, {dataset} or "
        f"{first}. Rows of a {unit} that has none there are in no cell."
    )
    yield Coverage(CoverageKind.NOT_JOINED, "", text)
    for name, rows in ((first, joined.own_rows), (dataset, joined.rows)):
        text = (
            f"Of a {unit}, at most {rows} row{'' if rows == 1 else 's'} of "
            f"{name} take part. Of one that has more, those are drawn by a hash of the question, "
            "which knows no data of anybody else."
        )
        yield Coverage(CoverageKind.ROWS_BEYOND_LIMIT, "", text)
    yield from _read(joined.permit, f"{dataset}.")


def _read(permit: Permit, prefix: str) -> Iterator[Coverage]:
    """What of a dataset is not read: what is of another place, without consent, or past its retention."""
    contract, consent = permit.scope.contract, permit.scope.disclosure.consent_field
    region, retained = contract.region_field, contract.retention_field
    if region is not None:
        name = f"{prefix}{region}"
        text = f"Rows whose {name} is missing, or not within {permit.scope.region}, are not of the region asked for."
        yield Coverage(CoverageKind.OUTSIDE_REGION, name, text)
    if consent is not None:
        name = f"{prefix}{consent}"
        text = f"Rows where {name} is not true are never used for this disclosure."
        yield Coverage(CoverageKind.WITHOUT_CONSENT, name, text)
    if retained is not None and permit.kept_since is not None:
        since, name = permit.kept_since.isoformat(), f"{prefix}{retained}"
        text = f"Rows whose {name} is missing, or before {since}, are past their retention and not read."
        yield Coverage(CoverageKind.PAST_RETENTION, name, text)


def _key(grouping: Grouping, field: FieldSpec) -> Coverage:
    """What a grouping leaves out of all cells."""
    missing, kind = f"Rows whose {field.name} is missing", CoverageKind.UNDECLARED_KEY
    match grouping:
        case ByKeys():
            text = (
                f"{missing}, unreadable, or none of the keys that the contract declares are in no cell. The keys are "
                "the contract's, not the data's."
            )
        case ByFoundKeys():
            longer = f", unreadable, or longer than {LONGEST_KEY} characters" if field.type is FieldType.STRING else ""
            text = f"{missing}{longer or ' or unreadable'} are in no cell."
        case ByRegion() | ByRegionTree():
            text = (
                f"{missing}, or leads to no {grouping.level} of the region asked for, are in no cell. The places are "
                "the policy's, not the data's."
            )
        case ByPeriod(first=first, last=last, period=period):
            kind = CoverageKind.OUTSIDE_PERIODS
            text = (
                f"{missing}, unreadable, or outside the {period}s from that of {first.isoformat()} to that of "
                f"{last.isoformat()} are in no cell."
            )
        case ByBins():
            kind = CoverageKind.CLAMPED
            text = f"{missing} or unreadable are in no cell; values {_beyond(field)} are in the outer bins."
    return Coverage(kind, field.name, text)


def _values(query: StatisticsQuery, contract: DataContract) -> Iterator[Coverage]:
    measured = dict.fromkeys(statistic.field for statistic in query.statistics)
    for field in (contract.fields[name] for name in measured if name is not None):
        text = (
            f"Where {field.name} is missing or unreadable, there is nothing to add up: such rows count as rows alone."
        )
        yield Coverage(CoverageKind.MISSING_VALUE, field.name, text)
        text = f"Values of {field.name} {_beyond(field)} count as the nearer bound, which the contract declares."
        yield Coverage(CoverageKind.CLAMPED, field.name, text)


def _limits(settled: SettledRelease, unit: str) -> Iterator[Coverage]:
    query = settled.query
    found, tree = finds_keys(query.group_by), query.levels > 1
    if found or tree or query.max_groups < query.cells:
        text = (
            f"A {unit} counts in at most {query.max_groups} cell{'' if query.max_groups == 1 else 's'}"
            f"{' of each level' if tree else ''}. Of one that is in more, {_DRAWN}"
        )
        yield Coverage(CoverageKind.CELLS_BEYOND_LIMIT, "", text)
    rows = [one.measure.max_rows for one in settled.noise if one.measure.kind is not MeasureKind.UNITS]
    if rows:
        yield _rows_beyond(unit, max(rows))


def _rows_beyond(unit: str, rows: int) -> Coverage:
    text = f"In each of its cells a {unit} counts for as much as {rows} rows at most."
    return Coverage(CoverageKind.ROWS_BEYOND_LIMIT, "", text)


def _counted(field: CountedField, declared: FieldSpec) -> Coverage:
    """What counts by a field of synthetic rows leave out of all its cells."""
    name = declared.name
    if isinstance(field.key.by, InBins):
        missing = f"Rows whose {name} is missing or unreadable are in no count by it"
        text = f"{missing}; values {_beyond(declared)} are in the outer bins."
        return Coverage(CoverageKind.CLAMPED, name, text)
    text = f"Rows whose {name} is missing, unreadable, or in none of the field's cells are in no count by it."
    return Coverage(CoverageKind.UNDECLARED_KEY, name, text)


def _beyond(field: FieldSpec) -> str:
    if field.bounds is None:
        raise Fault(ErrorReason.INTERNAL)
    return f"below {field.bounds.lower} or above {field.bounds.upper}"
