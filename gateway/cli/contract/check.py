"""`gateway contract check`: checks contracts as the server reads them, and counts what they leave to confirm."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.cli.contract.draft import CONFIRM
from gateway.cli.contract.plan import label
from gateway.cli.mistake import PROBLEMS_FOUND, Mistake
from gateway.cli.policy.folder import load_folder, tell_problems
from gateway.model.contract import ContractStatus
from gateway.policy.problems import InvalidPolicy, did_you_mean


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
    if dataset and dataset not in snapshot.contracts:
        remedy = did_you_mean(dataset, snapshot.contracts)
        raise Mistake(f"there is no contract contracts/{label(dataset)}.yaml in {policies}", remedy)
    unfinished = 0
    for name in [dataset] if dataset else sorted(snapshot.contracts):
        contract = snapshot.contracts[name]
        path = policies / "contracts" / f"{name}.yaml"
        left = {number: line for number, line in enumerate(_lines(path), start=1) if f"  {CONFIRM}" in line}
        ready = contract.status is ContractStatus.ACTIVE and not left
        unfinished += not ready
        said = f"{contract.status}, {len(contract.fields)} fields, {len(contract.disclosures)} disclosures"
        print(f"{path}: {said}")
        for number, line in left.items():
            print(f"{path}:{number}: to confirm: {line.partition(CONFIRM)[2].strip()}")
    return PROBLEMS_FOUND if unfinished else 0


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return []
