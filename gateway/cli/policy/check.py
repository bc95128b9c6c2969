"""`gateway policy check`: a policy folder as the server would read it."""

from __future__ import annotations

from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE, FOUND
from gateway.cli.counting import counted
from gateway.cli.policy.folder import load_folder, tell_problems
from gateway.policy.problems import InvalidPolicy


def check(folder: Path = Path("policies"), /, *, json_: bool = False) -> int:
    """Check a policy folder as the server would read it, decision tables included.

    Prints every problem with its file and line, and what to do. Exits with 0 if the policy is valid, 1 if it has
    problems, 2 if there is no such folder.

    Parameters
    ----------
    folder
        The policy folder.
    json_
        Print JSON.
    """
    try:
        snapshot = load_folder(folder)
    except InvalidPolicy as invalid:
        if not json_:
            return tell_problems(folder, invalid)
        problems = [
            {"file": one.file, "line": one.line, "message": one.message, "remedy": one.remedy}
            for one in invalid.problems
        ]
        print_json({"valid": False, "problems": problems})
        return FOUND
    grants, contracts = len(snapshot.grants), len(snapshot.contracts)
    if json_:
        said = {
            "valid": True, "problems": [], "contracts": contracts, "grants": grants, "digest": snapshot.digest
        }  # fmt: skip
        print_json(said)
    else:
        told = f"{counted(contracts, 'contract')}, {counted(grants, 'grant')}"
        print(f"{folder}: valid. {told}. Digest {snapshot.digest}")
    return FINE
