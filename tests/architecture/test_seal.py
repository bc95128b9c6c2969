"""Each sealed type is minted by one stage: read from the syntax tree, so that a second mint is found wherever it is."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "gateway"

MINTS = {
    "RawTable._open": "stages/fetch/rows.py",
    "BoundedAggregates._bound": "stages/fetch/aggregates.py",
    "MinimizedTable._advance": "stages/minimize.py",
    "PseudonymizedTable._advance": "stages/pseudonymize.py",
    "BlendedTable._blend": "stages/blend.py",
    "ProtectedTable._advance": "stages/noise.py",
    "ProtectedMeasures._protect": "stages/noise.py",
    "ReleasedTable._record": "stages/record/rows.py",
    "ReleasedCells._record": "stages/record/releases.py",
    "ReleasedFile._record": "stages/record/syntheses.py",
    "DailyFigures._count": "stages/series.py",
    "ProtectedDays._noise": "stages/series.py",
    "ReleasedDays._release": "stages/record/series.py",
    "CountedFigures._count": "stages/indicators.py",
    "SuppressedFigures._suppress": "stages/indicators.py",
    "SuppressedFigures._reopen": "stages/indicators.py",
    "ReleasedFigures._release": "stages/record/indicators.py",
    "ChargedPermit._prove": "stages/charge.py",
    "AdmittedPermit._admit": "stages/admit.py",
    "CollectedRows._collect": "stages/collect.py",
    "CheckedRows._check": "stages/check.py",
    "RecordedRows._record": "stages/record/batches.py",
    "PreparedExport._prepare": "stages/export.py",
    "RecordedExport._record": "stages/record/exports.py",
    "FetchedFile._record": "stages/record/exports.py",
    "Permit": "decision/judge.py",
}
_PRIVATE = {name.partition(".")[2] for name in MINTS if "." in name} | {"_seal", "_mint"}


def mints(root: Path) -> set[tuple[str, str]]:
    """Find every call of a mint, or of a private constructor of any other name, below a folder."""
    found: set[tuple[str, str]] = set()
    for file in root.rglob("*.py"):
        place = file.relative_to(root).as_posix()
        if place.startswith(("tables/", "api/")):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in _PRIVATE and isinstance(node.value, ast.Name):
                if node.value.id != "self":
                    found.add((f"{node.value.id}.{node.attr}", place))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Permit":
                found.add(("Permit", place))
    return found


def test_each_sealed_type_is_minted_in_its_one_stage() -> None:
    assert mints(ROOT) == set(MINTS.items())


def test_a_second_mint_is_found(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "shortcut.py").write_text("x = ReleasedTable._record(t, i, r, c)\ny = RawTable._seal\n")
    assert mints(tmp_path) == {
        ("ReleasedTable._record", "server/shortcut.py"),
        ("RawTable._seal", "server/shortcut.py"),
    }


def test_reflection_does_not_go_round_the_seal() -> None:
    # object.__new__ on a sealed type, or reaching for tables by getattr, has no place outside the one file that mints
    for file in ROOT.rglob("*.py"):
        if file != ROOT / "tables" / "seal.py" and "api" not in file.parts:
            assert "object.__new__" not in file.read_text(), file
