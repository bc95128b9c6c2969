"""The policy that the product comes with does what its decision tables say, and the tables notice if it does not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gateway.decision.granularity import region_fits
from gateway.decision.officer.tables import run_case, run_tables, tables_of
from gateway.model.contract import Classification, DataContract, DisclosureKind, DisclosureSpec, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.loss import epsilon_to_rho
from gateway.model.treatment import Keep, Pseudonymize
from gateway.model.values import FieldType
from gateway.policy.decision_tables import CaseShape, DecisionTable
from gateway.policy.documents import read_yaml
from gateway.policy.enforcer import Enforcer
from gateway.policy.grants import Effect, Grant
from gateway.policy.problems import Problems
from gateway.policy.roles import RoleLink
from gateway.policy.snapshot import PolicySnapshot, load
from seeds.generator.categories import (
    COLOURS,
    FIRM_STATUSES,
    GARAGES,
    INSURANCE_CLASSES,
    LAND_USES,
    LINES,
    PROVINCES,
    SECTORS,
    SEXES,
    SKILLS,
    TASKS,
    TIERS,
)
from seeds.generator.schemas import SCHEMAS

ROOT = Path(__file__).resolve().parents[3]
POLICIES = ROOT / "policies"
ROWS = {
    "C01", "C03", "C04", "C05", "C06", "C07", "C08", "C09", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17",
    "C18", "C19", "C20", "C21", "C23", "C24", "C25", "C26", "C28",
}  # fmt: skip

CASES = [(table, case) for table in tables_of(load(POLICIES)) for case in table.shape.cases]
each_case = pytest.mark.parametrize(
    ("table", "case"), CASES, ids=[f"{table.shape.row}: {case.case}" for table, case in CASES]
)


def plain_yaml(path: Path) -> Any:
    """A file of the policy as plain values, read as the gateway reads it."""
    problems = Problems()
    document = read_yaml(path.name, path.read_bytes(), problems)
    problems.raise_if_any()
    assert document is not None
    return document.data


@pytest.fixture(scope="module")
def snapshot() -> PolicySnapshot:
    return load(POLICIES)


# --- the tables hold --------------------------------------------------------------------------------------------


@each_case
def test_case_comes_out_as_written(table: DecisionTable, case: CaseShape, snapshot: PolicySnapshot) -> None:
    assert run_case(table, case, snapshot) == ()


@each_case
def test_casbin_says_the_same_before_terms(table: DecisionTable, case: CaseShape, snapshot: PolicySnapshot) -> None:
    kind, _, obj = case.asks.partition(" ")
    region = case.where or snapshot.regions.root.path
    ruling = snapshot.ruling(case.who, obj, DisclosureKind(kind), region, case.why)
    assert ruling.denied == (case.denied or case.refused is ErrorReason.DENIED_BY_RULE)
    if case.gets is not None:
        assert ruling.grants[0].id == case.gets.grant
    if case.refused in STATIC:
        assert ruling.grants == ()
    if case.refused is ErrorReason.REGION_NOT_GRANTED:
        dataset, _, disclosure = obj.partition("/")
        contract = snapshot.contracts[dataset]
        given = contract.disclosures[disclosure].fields
        fields = {name: how for name, how in given.items() if name in case.fields or not case.fields}
        assert not any(region_fits(region, grant, contract, fields, snapshot.regions) for grant in ruling.grants)


STATIC = {
    ErrorReason.PURPOSE_MISSING,
    ErrorReason.PURPOSE_NOT_GRANTED,
    ErrorReason.DISCLOSURE_NOT_GRANTED,
    ErrorReason.DENIED_BY_RULE,
}
"""Refusals in which time and the words of a request play no part."""


def test_each_requirement_has_an_allow_and_a_refusal() -> None:
    allowed = Counter(table.shape.row for table, case in CASES if case.gets is not None)
    refused = Counter(table.shape.row for table, case in CASES if case.refused is not None)
    assert set(allowed) == set(refused) == ROWS


def _grants() -> list[Any]:
    return [pytest.param(grant, id=grant.id) for grant in load(POLICIES).grants]


@pytest.mark.parametrize("grant", _grants())
def test_a_line_taken_out_of_the_grants_is_noticed(grant: Grant, snapshot: PolicySnapshot) -> None:
    poorer = snapshot.with_rules((one for one in snapshot.grants if one.id != grant.id), snapshot.links)
    assert any(result.differences for result in run_tables(poorer))


def _links() -> list[Any]:
    return [pytest.param(link, id=f"{link.member} in {link.role}") for link in load(POLICIES).links]


@pytest.mark.parametrize("link", _links())
def test_a_member_taken_out_of_a_role_is_noticed(link: RoleLink, snapshot: PolicySnapshot) -> None:
    poorer = snapshot.with_rules(snapshot.grants, (one for one in snapshot.links if one != link))
    assert any(result.differences for result in run_tables(poorer))


def test_no_case_differs_before_anything_is_taken_out(snapshot: PolicySnapshot) -> None:
    assert not any(result.differences for result in run_tables(snapshot))


def test_each_table_names_the_schema_on_its_first_line() -> None:
    for path in (POLICIES / "tests").glob("*.yaml"):
        first = path.read_text("utf-8").partition("\n")[0]
        assert first == "# yaml-language-server: $schema=../schema/decision-table.json"


# --- what holds whatever the tables say -------------------------------------------------------------------------


def test_nobody_gets_anything_for_a_prohibited_purpose(snapshot: PolicySnapshot) -> None:
    """Also not through a grant that somebody adds by mistake, for a purpose of the branch or above everything."""
    institutions = {grant.recipient for grant in snapshot.grants} | {"an-unknown-office"}
    prohibited = snapshot.purposes.descendants("prohibited-uses")
    assert {"social-scoring", "employment-screening", "depositor-restriction"} <= {one.id for one in prohibited}
    mistakes = tuple(
        replace(grant, id=f"mistake-{number}", purpose="prohibited-uses")
        for number, grant in enumerate(snapshot.grants)
        if grant.effect is Effect.ALLOW
    )
    model = (POLICIES / "model.conf").read_text("utf-8")
    enforcer = Enforcer(model, (*mistakes, *snapshot.grants), snapshot.roles, snapshot.regions, snapshot.purposes)
    for contract in snapshot.contracts.values():
        for name, spec in contract.disclosures.items():
            for institution in institutions - {"*"}:
                for purpose in prohibited:
                    ruling = enforcer.ruling(
                        institution, f"{contract.dataset}/{name}", spec.kind, "hangzhou", purpose.id
                    )
                    assert ruling.denied


def test_contracts_describe_the_tables_of_the_synthetic_city(snapshot: PolicySnapshot) -> None:
    arrow = {
        "string": FieldType.STRING,
        "int64": FieldType.INT64,
        "bool": FieldType.BOOL,
        "date32[day]": FieldType.DATE,
        "timestamp[us]": FieldType.TIMESTAMP,
    }
    pushed = {"grid_reports"}  # begins empty, and is what streets push
    assert set(snapshot.contracts) == set(SCHEMAS) | pushed
    for name, table in SCHEMAS.items():
        declared = snapshot.contracts[name].fields
        assert {field.name: (arrow[str(field.type)], field.nullable) for field in table} == {
            field.name: (field.type, field.nullable) for field in declared.values()
        }


@pytest.mark.parametrize(
    ("field", "keys"),
    [
        ("residents.sex", SEXES),
        ("health_codes.colour", COLOURS),
        ("transport_trips.line", LINES),
        ("parking_stays.garage", GARAGES),
        ("enterprises.sector", SECTORS),
        ("enterprises.status", FIRM_STATUSES),
        ("subsidies.sector", SECTORS),
        ("subsidies.tier", TIERS),
        ("parcels.land_use", LAND_USES),
        ("job_applicants.skill", SKILLS),
        ("road_passes.home_province", tuple(PROVINCES.values())),
        ("hospital_bills.insurance_class", INSURANCE_CLASSES),
        ("volunteer_tasks.task", TASKS),
    ],
)
def test_declared_keys_are_the_citys_closed_lists(field: str, keys: tuple[str, ...], snapshot: PolicySnapshot) -> None:
    dataset, _, name = field.partition(".")
    assert set(snapshot.contracts[dataset].fields[name].keys or ()) == set(keys)


@pytest.mark.parametrize("dataset", ["enterprises", "subsidies", "parcels"])
def test_declared_districts_are_those_of_the_region_tree(dataset: str, snapshot: PolicySnapshot) -> None:
    tree = plain_yaml(POLICIES / "regions.yaml")["regions"][0]
    districts = {f"{tree['id']}/{child['id']}" for child in tree["children"]}
    assert set(snapshot.contracts[dataset].fields["district"].keys or ()) == districts


NEVER_IN_ROWS = {
    ("health_cases", "resident_id"),
    ("health_codes", "reason"),
    ("parking_stays", "plate"),
    ("transport_trips", "resident_id"),
    ("transport_trips", "boarded_at"),
    ("subsidies", "application_id"),
    ("residents", "firm_code"),
    ("parcels", "owner_id"),
    ("parcels", "owner_name"),
    ("job_applicants", "resident_id"),
    ("job_applicants", "name"),
    ("job_applicants", "phone"),
    ("road_passes", "plate"),
    ("ambulance_runs", "patient_id"),
    ("ambulance_runs", "patient_condition"),
    ("hospital_bills", "diagnosis"),
    ("volunteer_tasks", "address"),
    ("grid_reports", "resident_id"),
}
"""Fields that no extract gives as they are, whoever asks."""


def test_no_extract_gives_what_must_stay_inside(snapshot: PolicySnapshot) -> None:
    kept = {
        (contract.dataset, field)
        for contract, spec_fields in _extracts(snapshot)
        for field, treatment in spec_fields.items()
        if isinstance(treatment, Keep)
    }
    assert kept & NEVER_IN_ROWS == set()
    identifiers = {
        (dataset, field)
        for dataset, field in kept
        if snapshot.contracts[dataset].fields[field].classification is Classification.DIRECT_IDENTIFIER
    }
    # whoever cleans addresses must read them; nothing else that names a person leaves in bulk
    assert identifiers == {("residents", "address")}


def _extracts(snapshot: PolicySnapshot) -> Iterator[tuple[DataContract, dict[str, object]]]:
    for contract in snapshot.contracts.values():
        for spec in contract.disclosures.values():
            if spec.kind is DisclosureKind.EXTRACT:
                yield contract, dict(spec.fields)


def test_only_the_researchers_of_the_study_get_a_diagnosis_and_only_with_consent(snapshot: PolicySnapshot) -> None:
    giving = {
        (name, spec.consent_field)
        for name, spec in snapshot.contracts["health_cases"].disclosures.items()
        if "diagnosis" in spec.fields
    }
    assert giving == {("consented-study", "consented")}


def test_patients_and_those_who_agreed_are_reached_on_those_terms_alone(snapshot: PolicySnapshot) -> None:
    terms = {grant.object: grant.terms for grant in snapshot.grants if grant.effect is Effect.ALLOW}
    for name, spec in snapshot.contracts["ambulance_runs"].disclosures.items():
        if {"patient_id", "patient_condition"} & set(spec.fields):
            assert terms[f"ambulance_runs/{name}"].break_glass is not None
    for name in snapshot.contracts["job_applicants"].disclosures:
        assert terms[f"job_applicants/{name}"].consent == "job-fair"
    assert "diagnosis" not in {
        field for spec in snapshot.contracts["hospital_bills"].disclosures.values() for field in spec.fields
    }


def test_who_is_given_pseudonyms_asks_by_them_alone(snapshot: PolicySnapshot) -> None:
    """A raw number would reach people who are not on the caller's list; without a list there are no tokens to give."""
    given = {
        (grant.recipient, grant.purpose)
        for grant in snapshot.grants
        if grant.kind == DisclosureKind.EXTRACT and grant.effect is Effect.ALLOW
        if Pseudonymize() in _spec(snapshot, grant).fields.values()
    }
    assert given
    for grant in snapshot.grants:
        if grant.kind in (DisclosureKind.LOOKUP, DisclosureKind.CHECK) and grant.effect is Effect.ALLOW:
            by = SelectBy.TOKEN if (grant.recipient, grant.purpose) in given else SelectBy.KEY
            assert _spec(snapshot, grant).lookup_by == {by}, grant.id


def _spec(snapshot: PolicySnapshot, grant: Grant) -> DisclosureSpec:
    dataset, _, name = grant.object.partition("/")
    return snapshot.contracts[dataset].disclosures[name]


def test_every_disclosure_is_granted_to_somebody(snapshot: PolicySnapshot) -> None:
    offered = {
        f"{contract.dataset}/{name}" for contract in snapshot.contracts.values() for name in contract.disclosures
    }
    granted = {grant.object for grant in snapshot.grants if grant.effect is Effect.ALLOW}
    assert offered == granted


def test_every_grant_is_narrow(snapshot: PolicySnapshot) -> None:
    """One disclosure, one kind, one region, a purpose with nothing beneath it or a reason to have it."""
    for grant in snapshot.grants:
        if grant.effect is Effect.ALLOW:
            assert "*" not in (grant.recipient, grant.kind, grant.region, grant.purpose)
            assert "*" not in grant.object
            below = {purpose.id for purpose in snapshot.purposes.descendants(grant.purpose)} - {grant.purpose}
            assert below <= {"consented-case-study"}


def test_the_contest_ends_by_itself(snapshot: PolicySnapshot) -> None:
    """Two releases at epsilon 0.5 fit a team's cap and a third does not; the pool holds both teams, and no fifth."""
    price = Fraction(1, 8)
    budgets = snapshot.budgets
    for team in ("contest-team-a", "contest-team-b"):
        assert 2 * price <= budgets.recipients[team].rho < 3 * price
    assert 4 * price <= budgets.purposes["open-data-contest"].rho < 5 * price


def test_research_has_room_and_nobody_else_much(snapshot: PolicySnapshot) -> None:
    price, budgets = Fraction(1, 8), snapshot.budgets
    assert budgets.recipients["zju-research"].rho >= 8 * price
    assert budgets.recipients["default"].rho < price
    assert budgets.persons["default"].rho >= 4 * price
    for dataset in ("subsidies", "transport_trips"):
        kind = snapshot.contracts[dataset].privacy_unit.kind
        assert budgets.datasets[dataset].rho <= budgets.lifetime[kind].rho


PRICE_LIST = [(4.0, 2), (5.0, 3), (6.0, 4), (8.0, 7), (9.0, 8), (12.0, 14), (20.0, 35)]


@pytest.mark.parametrize(("cap", "releases"), PRICE_LIST)
def test_the_price_list_at_the_top_of_the_budgets_is_right(cap: float, releases: int) -> None:
    lines = (POLICIES / "budgets.yaml").read_text("utf-8").splitlines()
    caps, rhos, holds = (
        next(line for line in lines if line.startswith(f"#   {start}")).split()
        for start in ("a cap of", "is rho", "and holds")
    )
    place = caps.index(str(cap)) - caps.index("of")
    rho = epsilon_to_rho(cap, 1e-6)
    assert int(rho / Fraction(1, 8)) == releases == int(holds[holds.index("holds") + place])
    assert float(rhos[rhos.index("rho") + place]) == pytest.approx(float(rho), abs=0.005)


def test_the_readme_quotes_what_is_there() -> None:
    readme = (POLICIES / "README.md").read_text("utf-8")
    quoted = [line.strip() for line in readme.splitlines() if line.startswith("    p, ")]
    assert quoted and set(quoted) <= set((POLICIES / "grants.csv").read_text("utf-8").splitlines())
    reasons = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", readme))
    assert reasons and reasons <= set(ErrorReason)
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert links and all((POLICIES / link).exists() for link in links)


def test_matchers_are_not_mentioned_to_officers() -> None:
    before, engineers, _ = (POLICIES / "README.md").read_text("utf-8").partition("## For engineers")
    assert engineers
    assert "Casbin" not in before
    assert "matcher" not in before
