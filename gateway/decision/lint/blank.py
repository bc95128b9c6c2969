"""Treatments of places that leave nothing of a field, by what its contract says the field holds."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.decision.lint.findings import Finding, Severity
from gateway.decision.lint.places import place_of
from gateway.model.contract import ContractStatus, DataContract
from gateway.model.treatment import GeneralizeAddress, GeneralizeRegion, Treatment
from gateway.policy.snapshot import PolicySnapshot


def blank(policy: PolicySnapshot) -> Iterator[Finding]:
    """Yield region paths that are treated as addresses, and what is treated as region paths and seems to be none."""
    for contract in policy.contracts.values():
        if contract.status is not ContractStatus.ACTIVE:
            continue
        for spec in contract.disclosures.values():
            for field, how in spec.fields.items():
                why, remedy = _why(contract, field, how, policy)
                if why:
                    name, line = place_of(contract, policy, "disclosures", spec.name, "fields", field)
                    message = f"'{field}' of '{spec.name}' {why}"
                    yield Finding("leaves-as-null", Severity.NOTE, name, line, message, remedy)


def _why(contract: DataContract, field: str, how: Treatment, policy: PolicySnapshot) -> tuple[str, str]:
    """What is wrong, and the remedy; "" for nothing that the contract shows."""
    holds = _holds_paths(contract, field, policy)
    if isinstance(how, GeneralizeAddress) and holds:
        return "holds region paths and no addresses: all of them leave as NULL", f"Write {{generalize: {how.to}}}."
    if isinstance(how, GeneralizeRegion) and holds is False:
        return (
            "is not the region field, and what is no region path leaves as NULL",
            f"Of postal addresses write {{generalize: {{address: {how.to}}}}}. If it holds region paths, leave it.",
        )
    return "", ""


def _holds_paths(contract: DataContract, field: str, policy: PolicySnapshot) -> bool | None:
    """Whether a field holds region paths; None where the contract says neither."""
    if field == contract.region_field:
        return True
    keys = contract.fields[field].keys
    if keys is not None:
        return any(isinstance(key, str) and policy.regions.contains(key) for key in keys)
    return None if contract.region_field is None else False
