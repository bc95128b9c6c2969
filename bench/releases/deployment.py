"""A real gateway over visits: its own process, mTLS, and the product's policy with one contract and wide budgets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from bench.releases.visits import PLACES, write_visits
from tests.integration.site import ROOT, Site

DATASET, DISCLOSURE, PURPOSE = "visits", "by-place", "academic-research"
UNIVERSITIES = tuple(f"bench-university-{number}" for number in range(1, 6))
WIDE = 1_000.0
"""An epsilon as wide as a policy may have it, where caps are not what is measured."""
UNHELD = ("-m", "bench.releases.serving")
"""What to run for a gateway whose answers do not wait for their slot."""

_CONTRACT = Path(__file__).resolve().parent / "policy" / "visits.yaml"
_GRANT = "p, g-{0}, {0}, {1}/{2}, release, hangzhou, {3}, , allow\n"


@contextmanager
def prepared(rows: int, cap: float = WIDE, slot_ms: int = 1) -> Iterator[Site]:
    """Make visits and all that a gateway over them needs, in a folder that is removed at the end.

    `cap` is the dataset's budget, as an epsilon; all others are wide. `slot_ms` is the contract's.
    """
    with TemporaryDirectory(prefix="gateway-bench-") as name:
        folder = Path(name)
        policies, data = folder / "policies", folder / "data"
        shutil.copytree(ROOT / "policies", policies)
        data.mkdir()
        write_visits(data, rows)
        _adapt(policies, cap, slot_ms)
        site = Site(folder / "site", policies, data, UNIVERSITIES)
        site.prepare()
        yield site


@contextmanager
def serving(site: Site, *command: str) -> Iterator[Site]:
    """Serve with the product's own command, or another one, until the block ends."""
    site.command = command or site.command
    site.start()
    try:
        yield site
    finally:
        site.kill()


def _adapt(policies: Path, cap: float, slot_ms: int) -> None:
    contract = _CONTRACT.read_text(encoding="utf-8").replace("PLACES", ", ".join(PLACES))
    contract = contract.replace("SLOT_MS", str(slot_ms))
    (policies / "contracts" / "visits.yaml").write_text(contract, encoding="utf-8")
    with (policies / "grants.csv").open("a", encoding="utf-8") as grants:
        grants.writelines(_GRANT.format(one, DATASET, DISCLOSURE, PURPOSE) for one in UNIVERSITIES)
    file = policies / "budgets.yaml"
    budgets: dict[str, dict[str, float]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    caps: Mapping[str, Mapping[str, float]] = {
        "lifetime": {"resident": WIDE},
        "datasets": {DATASET: cap},
        "recipients": dict.fromkeys(UNIVERSITIES, WIDE),
        "persons": {"default": WIDE},
    }
    for part, wide in caps.items():
        budgets[part] = {**budgets.get(part, {}), **wide}
    file.write_text(yaml.safe_dump(budgets, sort_keys=False), encoding="utf-8")
