"""Whether a purpose may use a dataset at all, whoever asks: purpose limitation, before any grant."""

from __future__ import annotations

from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason
from gateway.policy.snapshot import PolicySnapshot


def unlawful(purpose: str, contract: DataContract, policy: PolicySnapshot) -> ErrorReason | None:
    """Return why a known purpose may not use these data, or None if it may.

    It may use what was collected for it, or for a purpose that it is declared compatible with, and that on a legal
    basis which the contract accepts (GDPR art. 5(1)(b) and 6(4); PIPL art. 6 and 14).
    """
    found = policy.purposes.get(purpose)
    if found is None or not policy.purposes.compatible(purpose, contract.collected_for):
        return ErrorReason.PURPOSE_INCOMPATIBLE
    if contract.legal_bases and found.legal_basis.dpv not in contract.legal_bases:
        return ErrorReason.LEGAL_BASIS_INSUFFICIENT
    return None
