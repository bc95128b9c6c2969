"""What a policy may say of linking and re-identification, and what it is told where it may not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import load

ROOT = Path(__file__).resolve().parents[3]
GRANT = "p, g-contact-warning, health-commission, health_cases/contact-warning, reidentify, hangzhou, contact-warning, "
TERMS = "until=2036-12-31;case=YQ-9999-9999;max_keys=5;rate=3/day"
LINK = "p, g-police-matching, police, health_cases/contact-matching, link, hangzhou, contact-matching, "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    shutil.rmtree(policies / "tests")
    return policies


def told(folder: Path, file: str, old: str, new: str) -> str:
    """What is wrong with the folder after an edit."""
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InvalidPolicy) as raised:
        load(folder)
    return "\n".join(str(problem) for problem in raised.value.problems)


@pytest.mark.parametrize(
    ("terms", "wrong"),
    [
        ("until=2036-12-31;rate=3/day", "how many at once"),
        ("until=2036-12-31;max_keys=101;rate=3/day", "how many at once"),
        ("until=2036-12-31;max_keys=5", "how often"),
        ("", "how often"),
        (f"{TERMS};consent=job-fair", "consent cannot be asked for"),
        (f"{TERMS};max_rows=3", "'max_rows' means nothing"),
    ],
    ids=["no-cap", "too-many", "no-rate", "none", "consent", "rows"],
)
def test_what_opens_tokens_says_how_many_and_how_often(folder: Path, terms: str, wrong: str) -> None:
    assert wrong in told(folder, "grants.csv", GRANT + TERMS, GRANT + terms)


def test_a_hundred_at_once_are_the_most(folder: Path) -> None:
    grants = folder / "grants.csv"
    grants.write_text(grants.read_text().replace("max_keys=5;rate=3/day", "max_keys=100;rate=3/day"))
    assert load(folder)


@pytest.mark.parametrize("obj", ["health_cases/contact-warning", "health_cases/*", "*"])
def test_whoever_may_do_anything_may_not_do_this(folder: Path, obj: str) -> None:
    new = f"p, g-any, police, {obj}, *, hangzhou, contact-warning, until=2036-12-31, allow\n"
    found = told(folder, "grants.csv", GRANT, new + GRANT)
    assert "which the kind '*' must not cover" in found and "Name the kinds one by one" in found


def test_a_deny_of_everything_covers_them(folder: Path) -> None:
    grants = folder / "grants.csv"
    text = grants.read_text()
    deny = "p, d-none, *, health_cases/*, *, hangzhou/xiacheng, contact-warning, , deny\n"
    grants.write_text(text.replace(GRANT, deny + GRANT))
    assert load(folder)


@pytest.mark.parametrize("line", [GRANT, LINK], ids=["reidentify", "link"])
def test_a_token_knows_no_part_of_the_city(folder: Path, line: str) -> None:
    there = line.replace(", hangzhou, ", ", hangzhou/xiacheng, ")
    assert "does not tell where its subject is" in told(folder, "grants.csv", line, there)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        (
            "lookup_by: [token]\n\n        contact-warning",
            "lookup_by: [key, token]\n\n        contact-warning",
            "no raw",
        ),
        ("kind: link\n", "kind: link\n          filters: [place]\n", "has no 'filters'"),
        ("kind: link\n", "kind: link\n          fields: {place: keep}\n", "has no 'fields'"),
        ("kind: link\n", "kind: link\n          consent: consented\n", "has no 'consent'"),
        ("kind: link\n", "kind: link\n          max_rows: 5\n", "has no 'max_rows'"),
        ("kind: link\n", "kind: link\n          waive_noise: because\n", "has no 'waive_noise'"),
        ("kind: reidentify\n", "kind: reidentify\n          fields: {diagnosis: keep}\n", "has no 'fields'"),
    ],
    ids=["key", "filters", "fields", "consent", "max_rows", "waive_noise", "diagnosis"],
)
def test_a_disclosure_of_tokens_reads_nothing(folder: Path, old: str, new: str, wrong: str) -> None:
    assert wrong in told(folder, "contracts/health_cases.yaml", old, new)
