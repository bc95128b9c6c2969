"""An answer over made up rows, by the stages that answer over real ones: nothing is charged, stored or recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.model.coverage import Coverage
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import Permit
from gateway.model.request import ReleaseRequest
from gateway.model.statistics import Presentation, Release, StatisticsQuery
from gateway.ports import Clock, Rehearsals
from gateway.privacy.coverage import as_shown, covered
from gateway.privacy.presenting import Shown, present
from gateway.privacy.release_id import grouping_salt
from gateway.stages.fetch.aggregates import fetch_rehearsed
from gateway.stages.noise import perturb_rehearsed

REHEARSAL = "rehearsal"
"""What stands in the place of a data version, and before the name: no release has such a name."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """An answer of the types and the shape that a release of the plan would have, over so many made up rows."""

    release: Release
    query: StatisticsQuery
    presentation: Presentation
    shown: Shown
    rows: int

    @property
    def coverage(self) -> tuple[Coverage, ...]:
        """What a release of the plan would not show or count, and why."""
        return as_shown(self.release, self.presentation)


def rehearse(permit: Permit, regions: Sequence[str], rehearsals: Rehearsals, clock: Clock) -> Rehearsal:
    """Answer a permitted plan over rows that are made up from its contract, with places among these regions.

    Raises:
        Fault: SOURCE_UNAVAILABLE; INTERNAL as the stages do.
    """
    request, settled, contract = permit.request, permit.release, permit.contract
    if not isinstance(request, ReleaseRequest) or settled is None:
        raise Fault(ErrorReason.INTERNAL)
    cells, measures = perturb_rehearsed(fetch_rehearsed(permit, regions, rehearsals))
    release = Release(
        id=f"{REHEARSAL}-{grouping_salt(permit, request)[:16]}",
        created_at=clock.now(),
        dataset=request.dataset,
        disclosure=request.disclosure,
        region=permit.scope.region,
        query=request.query,
        cells=cells,
        measures=measures,
        loss=settled.loss,
        unit_kind=contract.privacy_unit.kind,
        data_version=REHEARSAL,
        threshold=settled.threshold,
        coverage=covered(permit),
    )
    shown = present(release, request.query, request.presentation, contract)
    return Rehearsal(release, request.query, request.presentation, shown, rehearsals.rows)
