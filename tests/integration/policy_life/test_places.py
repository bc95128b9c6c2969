"""Contracts that name places which the settings have not: found before a policy counts, and followed where it does."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import gateway.client as gw
from tests.integration.house import edit
from tests.integration.policy_life.town_hall import AUTHOR, SECOND, TownHall, open_town_hall
from tests.integration.site import Site, free_port, institutions_of
from tests.policies.cases import good_folder

FILE = "contracts/health_codes.yaml"
SETTINGS = '\n[data.databases.registers]\nhost = "/nowhere"\ndatabase = "city"\nuser = "gateway"\n'
SERVER = "{server: registers, type: postgres, host: /nowhere, port: 5432, database: city, schema: s}"
LACKS = "the settings have no [data.databases.registers]"


def moved(files: dict[str, bytes]) -> dict[str, bytes]:
    """The policy with the health codes in a database."""
    lines = files[FILE].decode().splitlines()
    place = next(number for number, line in enumerate(lines) if "type: local" in line)
    lines[place] = f"  - {SERVER}"
    return {**files, FILE: ("\n".join(lines) + "\n").encode()}


def wait(hall: TownHall, site: Site, digest: str) -> None:
    with hall.officer(AUTHOR, site) as author:
        deadline = time.monotonic() + 20
        while author.snapshot().digest != digest:
            assert time.monotonic() < deadline, site.log.read_text()[-2000:]
            time.sleep(0.05)


def test_who_lacks_a_place_refuses_to_publish_and_follows_who_has_it(tmp_path: Path, seeded: tuple[Path, Any]) -> None:
    hall = open_town_hall(tmp_path, seeded[0])
    with hall.site.config.open("a") as file:
        file.write(SETTINGS)
    hall.site.start()
    twin = hall.twin()
    twin.start()
    try:
        with hall.officer(AUTHOR) as author, hall.officer(SECOND) as second, hall.officer(AUTHOR, twin) as without:
            first = author.snapshot()
            files = moved(dict(first.files))
            for send in (without.check, lambda files: without.propose(files, "moved")):
                with pytest.raises(gw.PolicyInvalid) as caught:
                    send(files)
                (problem,) = caught.value.problems
                line = files[FILE].decode().splitlines().index("servers:") + 1
                assert (problem.file, problem.line, problem.message) == (FILE, line, LACKS) and problem.remedy
            proposal = author.propose(files, "moved")
            second.approve(proposal, hall.keys[SECOND])
            with pytest.raises(gw.GatewayError, match="POLICY_INVALID"):
                without.publish(proposal.id)
            assert author.snapshot().digest == without.snapshot().digest == first.digest
            published = author.publish(proposal.id).digest
            wait(hall, twin, published)
            assert f"{FILE} line {line} cannot be served: {LACKS}" in twin.log.read_text()
            assert "cannot be served" not in hall.site.log.read_text()
            # what stays as it was does not hold up another change
            assert without.check({**files, "README.md": b"Words.\n"})
            author.roll_back(first.digest, "back")
            wait(hall, twin, first.digest)
            with pytest.raises(gw.GatewayError, match="POLICY_INVALID"):
                without.roll_back(published, "and forth")
    finally:
        assert twin.stop() == 0 and hall.site.stop() == 0


def test_a_folder_that_names_what_is_not_there_stays_out_of_force(tmp_path: Path) -> None:
    policies = good_folder(tmp_path / "policies")
    (tmp_path / "data").mkdir()
    site = Site(tmp_path / "site", policies, tmp_path / "data", institutions_of(policies), metrics_port=free_port())
    site.prepare()
    site.start()
    try:
        with site.officer("data-bureau", "chen.jie") as officer:
            good = officer.snapshot().digest
            contract = policies / "contracts" / "health_cases.yaml"
            local = "{server: hub, type: local, path: health/cases.csv, format: csv}"
            edit(contract, local, SERVER)
            site.reload()
            said = (
                f"contracts/health_cases.yaml line 11 cannot be served: {LACKS}. Add it, or mend the contract's server"
            )
            _until(lambda: problems(site) == 1)
            assert said in site.log.read_text() and f"policy {good} stays in force" in site.log.read_text()
            assert officer.snapshot().digest == good
            edit(contract, SERVER, local)
            (policies / "README.md").write_text("Mended.\n")
            site.reload()
            _until(lambda: officer.snapshot().digest != good)
            assert problems(site) == 0
            assert all(json.loads(line)["level"] for line in site.log.read_text().splitlines()), "one format"
    finally:
        assert site.stop() == 0


def problems(site: Site) -> int:
    """What keeps a policy out of force, by the metric."""
    with urllib.request.urlopen(f"http://127.0.0.1:{site.metrics_port}/metrics", timeout=10) as page:
        found = page.read().decode()
    return int(float(found.partition("\ngateway_policy_problems ")[2].split()[0]))


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
