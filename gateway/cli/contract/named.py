"""The contract that a command is about."""

from __future__ import annotations

from pathlib import Path

from gateway.cli.contract.plan import label
from gateway.cli.mistake import Mistake
from gateway.model.contract import DataContract
from gateway.policy.problems import did_you_mean
from gateway.policy.snapshot import PolicySnapshot


def contract_of(dataset: str, snapshot: PolicySnapshot, policies: Path) -> DataContract:
    """Return the contract of a dataset from the policy that was loaded from a folder.

    Raises:
        Mistake: the policy has none; names one that is written alike.
    """
    contract = snapshot.contracts.get(dataset)
    if contract is None:
        remedy = did_you_mean(dataset, snapshot.contracts)
        raise Mistake(f"there is no contract contracts/{label(dataset)}.yaml in {policies}", remedy)
    return contract
