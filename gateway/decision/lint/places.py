"""Where in the policy folder something of a contract is said."""

from __future__ import annotations

from gateway.model.contract import DataContract
from gateway.policy.contracts.reader import block_place
from gateway.policy.documents import read_yaml
from gateway.policy.folder import CONTRACTS
from gateway.policy.problems import Problems
from gateway.policy.snapshot import PolicySnapshot


def place_of(contract: DataContract, policy: PolicySnapshot, *steps: str) -> tuple[str, int]:
    """Return the file and the line of what stands under these keys of the gateway's block; line 0 if it is nowhere."""
    name = f"{CONTRACTS}{contract.dataset}.yaml"
    document = read_yaml(name, policy.files.get(name, b""), Problems())
    block = None if document is None else block_place(document)
    return name, 0 if document is None else document.line(*(block or ()), *steps)
