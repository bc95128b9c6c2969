"""A running gateway that is given broken policies goes on answering under the last good one, and says so aloud."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway.client as gw
from tests.integration.site import Site, institutions_of
from tests.policies.cases import Case, good_folder, make_mistake, mend, read_cases, sent_files

CASES = {case.name: case for case in read_cases()}
IN_TURN = [
    "grants/effect-misspelt",
    "purposes/parent-is-a-legal-basis",
    "roles/cycle-of-three",
    "model/matcher-opened",
    "disclosures/identifier-kept",
    "officers/approves-without-a-key",
    "yaml/key-twice",
    "tables/outcome-both",
    "folder/purposes-missing",
    "folder/mistakes-in-several-files",
]
PROPOSED = ["sent/upwards", "sent/misspelt-effect", "sent/over-two-lines"]
PLACE = re.compile(r"(?P<file>.*?)(:(?P<line>[0-9]+))?: ")
QUOTED = re.compile(r"'([^']{4,})'")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that follows a folder with the small good policy, over a handful of cases."""
    place = tmp_path_factory.mktemp("broken")
    policies = good_folder(place / "policies")
    rows = ["resident_id,community,onset,diagnosis"]
    rows += [f"11010119900307{n:04d},hangzhou/xiacheng/wulin/c01,2026-11-{n:02d}T08:00:00,flu" for n in range(1, 21)]
    cases = place / "data" / "health" / "cases.csv"
    cases.parent.mkdir(parents=True)
    cases.write_text("\n".join(rows) + "\n", "utf-8")
    site = Site(place / "site", policies, place / "data", institutions_of(policies))
    site.prepare()
    site.start()
    yield site
    assert site.stop() == 0, site.log.read_text()[-4000:]


def officer(site: Site) -> gw.Officer:
    return site.officer("data-bureau", "chen.jie")


def answered(site: Site) -> str:
    """Ask for rows, and return the digest of the policy that they were given under."""
    with site.connect("police-xihu") as gateway:
        answer = gateway.extract("health_cases", "tracing", purpose="epidemic-control")
        assert answer.read_all().num_rows == 20
        return str(answer.receipt.policy_digest)


def logged(site: Site, start: int, text: str) -> str:
    """Wait until the log says something after a place in it, and return what it says from there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        said = site.log.read_text("utf-8")[start:]
        if text in said:
            return said
        time.sleep(0.05)
    raise AssertionError(f"the log does not say {text!r}: {site.log.read_text('utf-8')[start:][-2000:]}")


def test_every_broken_folder_is_told_and_none_comes_into_force(site: Site) -> None:
    good = answered(site)
    for name in IN_TURN:
        case = CASES[name]
        start = len(site.log.read_text("utf-8"))
        make_mistake(case, site.policies)
        site.reload()
        places = [PLACE.match(line) for line in case.says]
        last = places[-1]
        assert last is not None
        said = logged(site, start, f'policy problem at {last["file"]} line {last["line"] or 0}"')
        events = [json.loads(line) for line in said.splitlines() if line.endswith("}")]
        errors = [
            one["event"] for one in events if (one["level"], one.get("logger")) == ("error", "gateway.policy.store")
        ]
        assert errors[0] == f"the policy is invalid ({len(case.says)} problems); policy {good} stays in force"
        for found in places:
            assert found is not None
            assert f"policy problem at {found['file']} line {found['line'] or 0}" in errors
        told = "\n".join(one["event"] for one in events if one.get("logger", "").startswith("gateway.policy"))
        for line in case.says:
            assert line not in said
            assert not [word for word in QUOTED.findall(line) if word in told], "places, and nothing that stands there"
        assert answered(site) == good
        mend(site.policies)
    # and a good one comes into force as before
    remark = site.policies / "README.md"
    remark.write_text("Mended.\n", "utf-8")
    start = len(site.log.read_text("utf-8"))
    site.reload()
    logged(site, start, "is in force")
    assert answered(site) != good
    remark.unlink()
    site.reload()
    logged(site, start, f"policy {good} is in force")
    assert answered(site) == good


@pytest.mark.parametrize("name", [*IN_TURN, *PROPOSED])
def test_a_broken_proposal_is_told_whole_and_not_entered(site: Site, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    with officer(site) as author:
        good = author.snapshot()
        entered = author.proposals()
        for send in (author.check, lambda files: author.propose(files, "a mistake")):
            with pytest.raises(gw.PolicyInvalid) as caught:
                send(files_of(case, tmp_path / f"policies-{send.__name__}"))
            assert tuple(map(str, caught.value.problems)) == case.says
        assert author.proposals() == entered
        assert author.snapshot().digest == good.digest


def files_of(case: Case, place: Path) -> dict[str, bytes]:
    if not case.lies_in_a_folder:
        return sent_files(case)
    folder = good_folder(place)
    make_mistake(case, folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
