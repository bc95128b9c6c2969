"""`gateway policy test`: the decision tables of a policy folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE, FOUND
from gateway.cli.counting import counted
from gateway.cli.policy.folder import valid_folder
from gateway.decision.officer.tables import CaseResult, run_tables


def test(folder: Path = Path("policies"), /, *, json_: bool = False) -> int:
    """Run the decision tables in tests/ against the policy that they lie in.

    Prints each case that comes out otherwise than written, with its file and line, what was expected and what came.
    Exits with 0 if all hold, 1 if one does not, 2 if there is no such folder, 3 if it is not a valid policy.

    Parameters
    ----------
    folder
        The policy folder.
    json_
        Print JSON.
    """
    results = run_tables(valid_folder(folder))
    failed = [result for result in results if result.differences]
    if json_:
        print_json(_report(results))
    else:
        for result in failed:
            print(f"{folder / result.file}:{result.line}: {result.case}")
            for one in result.differences:
                print(f"    {one.part}: expected {one.expected or 'nothing'}; got {one.got or 'nothing'}")
        tables = len({result.file for result in results})
        print(f"{counted(len(results), 'case')} in {counted(tables, 'table')}: {len(failed)} not as written.")
    return FOUND if failed else FINE


def _report(results: Sequence[CaseResult]) -> dict[str, object]:
    failed = [
        {
            "file": result.file,
            "line": result.line,
            "case": result.case,
            "differences": [{"part": one.part, "expected": one.expected, "got": one.got} for one in result.differences],
        }
        for result in results
        if result.differences
    ]
    return {"cases": len(results), "failed": failed}
