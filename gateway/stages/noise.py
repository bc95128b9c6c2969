"""Noise, or its absence by name. Statistics are noised here; rows say why they are not."""

from __future__ import annotations

from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import ADD_NOISE, WAIVE_NOISE, Obligation
from gateway.model.statistics import Cell
from gateway.privacy.mechanisms import add_laplace
from gateway.tables import BoundedAggregates, ProtectedCells, ProtectedTable, PseudonymizedTable


def waive_noise(pseudonymous: PseudonymizedTable) -> ProtectedTable:
    """Let rows pass without noise, where the contract gives the reason in writing.

    Raises:
        Fault: INTERNAL if it gives none.
    """
    if not pseudonymous.permit.scope.disclosure.waive_noise.strip():
        raise Fault(ErrorReason.INTERNAL)
    done = frozenset({Obligation(WAIVE_NOISE)})
    return ProtectedTable._advance(pseudonymous, pseudonymous.schema, pseudonymous.take(), done)


def perturb(exact: BoundedAggregates) -> ProtectedCells:
    """Add integer noise to every cell of every statistic, as settled before the charge.

    Raises:
        Fault: INTERNAL if a mechanism as built would lose more than was charged for it.
    """
    permit = exact.permit
    if permit.loss is None or exact.charged.charge.rho != permit.loss.rho:
        raise Fault(ErrorReason.INTERNAL)
    noisy = [
        add_laplace(vector, plan.scale, plan.sensitivity, plan.epsilon)
        for plan, vector in zip(permit.noise, exact.vectors, strict=True)
    ]
    cells = tuple(Cell(keys, values) for keys, values in zip(exact.keys, zip(*noisy, strict=True), strict=True))
    return ProtectedCells._protect(exact, cells, frozenset({Obligation(ADD_NOISE)}))
