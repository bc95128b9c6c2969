"""`gateway contract check`: checks contracts as the server reads them, and counts what they leave to confirm."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.cli.codes import FINE, FOUND
from gateway.cli.contract.draft import CONFIRM
from gateway.cli.contract.named import contract_of
from gateway.cli.policy.folder import load_folder, tell_problems
from gateway.model.contract import ContractStatus
from gateway.policy.problems import InvalidPolicy


def check(dataset: str = "", /, *, policies: Path = Path("policies")) -> int:
    """Check contracts as the server would read them, and count what they leave to confirm.

    Exits with 0 if nothing is left to do, 1 if something is, 2 if there is no such folder or dataset.

    Parameters
    ----------
    dataset
        One dataset; left out, all of them.
    policies
        The policy folder.
    """
    try:
        snapshot = load_folder(policies)
    except InvalidPolicy as invalid:
        return tell_problems(policies, invalid)
    contracts = {dataset: contract_of(dataset, snapshot, policies)} if dataset else snapshot.contracts
    unfinished = 0
    for name, contract in sorted(contracts.items()):
        path = policies / "contracts" / f"{name}.yaml"
        left = {number: line for number, line in enumerate(_lines(path), start=1) if f"  {CONFIRM}" in line}
        ready = contract.status is ContractStatus.ACTIVE and not left
        unfinished += not ready
        said = f"{contract.status}, {len(contract.fields)} fields, {len(contract.disclosures)} disclosures"
        print(f"{path}: {said}")
        for number, line in left.items():
            print(f"{path}:{number}: to confirm: {line.partition(CONFIRM)[2].strip()}")
    return FOUND if unfinished else FINE


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return []
