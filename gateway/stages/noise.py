"""Noise, or its absence by name. Statistics are noised here; rows say why they are not."""

from __future__ import annotations

from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import ADD_NOISE, WAIVE_NOISE, Obligation, Permit
from gateway.model.statistics import Cell
from gateway.model.values import Scalar
from gateway.privacy.mechanisms import add_laplace
from gateway.tables import BoundedAggregates, ProtectedCells, ProtectedTable, PseudonymizedTable


def waive_noise(pseudonymous: PseudonymizedTable, permit: Permit) -> ProtectedTable:
    """Let rows pass without noise, where the contract gives the reason in writing.

    Raises:
        Fault: INTERNAL if it gives none.
    """
    if not permit.disclosure.waive_noise.strip():
        raise Fault(ErrorReason.INTERNAL)
    done = frozenset({Obligation(WAIVE_NOISE)})
    return ProtectedTable._advance(pseudonymous, pseudonymous.schema, pseudonymous.take(), done)


def perturb(exact: BoundedAggregates, permit: Permit) -> ProtectedCells:
    """Add integer noise to every cell of every statistic, as settled before the charge.

    Raises:
        Fault: INTERNAL if a mechanism as built would lose more than was charged for it.
    """
    if len(permit.noise) != len(exact.vectors) or exact.charged.charge.rho != _priced(permit):
        raise Fault(ErrorReason.INTERNAL)
    noisy = [
        add_laplace(vector, plan.scale, plan.sensitivity, plan.epsilon)
        for plan, vector in zip(permit.noise, exact.vectors, strict=True)
    ]
    cells = tuple(Cell(_keys(keys), values) for keys, values in zip(exact.keys, zip(*noisy, strict=True), strict=True))
    return ProtectedCells._protect(exact, cells, frozenset({Obligation(ADD_NOISE)}))


def _priced(permit: Permit) -> object:
    return None if permit.loss is None else permit.loss.rho


def _keys(keys: tuple[object, ...]) -> tuple[Scalar, ...]:
    return tuple(key for key in keys if key is None or isinstance(key, Scalar))
