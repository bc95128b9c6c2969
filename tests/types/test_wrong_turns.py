"""The type checker must refuse wrong turns: each snippet below is wrong in one way, and its twin is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PREAMBLE = """
from collections.abc import Iterator
import pyarrow as pa
from gateway.model.permit import Permit, Refusal
from gateway.ports import AuditLog, BudgetLedger, Clock, KeyRing, Registers, ReleaseSigner, Source
from gateway.stages.admit import admit
from gateway.stages.blend import blend
from gateway.stages.charge import charge
from gateway.stages.decide import decide
from gateway.stages.deliver import deliver
from gateway.stages.fetch.aggregates import fetch_aggregates
from gateway.stages.fetch.rows import fetch
from gateway.stages.minimize import minimize
from gateway.stages.noise import perturb, randomize, waive_noise
from gateway.stages.pseudonymize import pseudonymize
from gateway.stages.record.releases import store_release
from gateway.stages.record.rows import record_release
from gateway.tables import (
    AdmittedPermit, BlendedTable, BoundedAggregates, ChargedPermit, MinimizedTable, ProtectedMeasures, ProtectedTable,
    PseudonymizedTable, RawTable, ReleasedTable,
)

def scene(
    permit: Permit, refusal: Refusal, source: Source, keys: KeyRing, audit: AuditLog, ledger: BudgetLedger,
    clock: Clock, signer: ReleaseSigner, registers: Registers, admitted: AdmittedPermit, raw: RawTable,
    minimal: MinimizedTable, blended: BlendedTable, pseudonymous: PseudonymizedTable, protected: ProtectedTable,
    released: ReleasedTable,
    charged: ChargedPermit, exact: BoundedAggregates, batch: pa.RecordBatch, either: tuple[Permit, ...] | Refusal,
) -> None:
"""

RIGHT = [
    "admit(either, registers, keys, audit, clock)",
    "fetch(admitted, source, keys, registers, clock)",
    "charge(admitted, (), ledger, source, keys)",
    "minimize(raw, keys)",
    "blend(minimal, lambda: minimal)",
    "pseudonymize(blended, keys)",
    "waive_noise(pseudonymous)",
    "randomize(pseudonymous, charged, keys)",
    "record_release(protected, audit, clock, lambda: True)",
    "deliver(released)",
    "fetch_aggregates(charged, source)",
    "perturb(exact)",
]

WRONG = [
    ("a raw table is delivered", "deliver(raw)"),
    ("a raw Arrow batch is delivered", "deliver(batch)"),
    ("a protected table is delivered unrecorded", "deliver(protected)"),
    ("a raw table is pseudonymised without minimisation", "pseudonymize(raw, keys)"),
    ("a minimised table is pseudonymised before it is known to blend in", "pseudonymize(minimal, keys)"),
    ("a blended table skips its pseudonyms", "waive_noise(blended)"),
    ("rows are randomised without a charge", "randomize(pseudonymous, admitted, keys)"),
    ("a pseudonymised table skips the noise decision", "record_release(pseudonymous, audit, clock, bool)"),
    ("an undecided request is fetched", "fetch(either, source, keys, registers, clock)"),
    ("a refusal is fetched", "fetch(refusal, source, keys, registers, clock)"),
    ("a permit is fetched without admission", "fetch(permit, source, keys, registers, clock)"),
    ("a permit is charged without admission", "charge(permit, (), ledger, source, keys)"),
    ("aggregates are fetched without a charge", "fetch_aggregates(permit, source)"),
    ("exact aggregates are stored", "store_release(exact, ledger, signer, clock)"),
    ("a raw table is made by hand", "RawTable()"),
    ("a released table is made by hand", "ReleasedTable(released)"),
    ("a charge is made by hand", "ChargedPermit(permit)"),
    ("an admission is made by hand", "AdmittedPermit(permit)"),
]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    """Check all snippets in one run of the type checker; return the complaints by line."""
    file = tmp_path_factory.mktemp("types") / "snippets.py"
    lines = [*PREAMBLE.strip("\n").splitlines(), *(f"    {code}" for code in [*RIGHT, *(code for _, code in WRONG)])]
    file.write_text("\n".join(lines) + "\n")
    # --strict without the silence of configuration files; dependencies' own complaints do not matter here
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    complaints: dict[int, list[str]] = {}
    for line in done.stdout.splitlines():
        name, _, rest = line.partition(":")
        if Path(name).name == file.name:
            number, _, text = rest.partition(":")
            complaints.setdefault(int(number), []).append(text.strip())
    assert done.returncode == 1, done.stdout + done.stderr
    return complaints


def line_of(code: str) -> int:
    return len(PREAMBLE.strip("\n").splitlines()) + [*RIGHT, *(wrong for _, wrong in WRONG)].index(code) + 1


@pytest.mark.parametrize("code", RIGHT)
def test_the_right_way_is_accepted(verdicts: dict[int, list[str]], code: str) -> None:
    assert line_of(code) not in verdicts


@pytest.mark.parametrize(("mistake", "code"), WRONG, ids=[name for name, _ in WRONG])
def test_a_wrong_turn_is_refused(verdicts: dict[int, list[str]], mistake: str, code: str) -> None:
    complaints = verdicts.get(line_of(code), [])
    assert any("[arg-type]" in text or "[call-arg]" in text for text in complaints), mistake
