"""Which rows a permit is of."""

from __future__ import annotations

from gateway.model.filter import Condition
from gateway.model.permit import Permit
from gateway.model.plan import RowScope


def rows_of(permit: Permit, region: str, conditions: tuple[Condition, ...]) -> RowScope:
    """Return the rows in a region that meet conditions, and that the disclosure is of."""
    contract, disclosure = permit.scope.contract, permit.scope.disclosure
    within = None if contract.region_field is None else region
    return RowScope(within, disclosure.consent_field, (*conditions, *disclosure.predicate, *permit.kept))
