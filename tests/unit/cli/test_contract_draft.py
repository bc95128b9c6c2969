"""The draft: it loads, it discloses nothing, it says what to confirm, and its examples are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model.contract import ContractStatus, DataContract, DisclosureKind
from gateway.policy.snapshot import load
from tests.unit.cli.conftest import Desk

CSV = (
    "user_id,born,score,ok,when,place,x\n"
    "u1,1980-01-01,3,true,2024-01-01T10:00:00,here,1.5\n"
    "u2,1981-01-01,4,false,2024-01-02T10:00:00,there,\n"
)


@pytest.fixture
def draft(desk: Desk) -> Path:
    assert desk.init(desk.write(CSV)) == 0
    return desk.policies / "contracts" / "table.yaml"


def loaded(desk: Desk) -> DataContract:
    return load(desk.policies).contracts["table"]


def test_it_loads_as_a_draft_that_discloses_nothing(desk: Desk, draft: Path) -> None:
    contract = loaded(desk)
    assert contract.status is ContractStatus.DRAFT
    assert not contract.disclosures
    assert contract.privacy_unit.kind == "unconfirmed"
    assert [field.nullable for field in contract.fields.values()] == [False] * 6 + [True]
    assert all(field.bounds is None and field.keys is None for field in contract.fields.values())


def test_every_guess_is_marked(desk: Desk, draft: Path) -> None:
    guesses = [line for line in draft.read_text().splitlines() if "classification:" in line]
    assert len(guesses) == 7
    assert all(re.search(r"  # confirm: \S", line) for line in guesses)
    assert desk.run("contract", "check", "table", "--policies", str(desk.policies)) == 1
    assert desk.out.count(": to confirm: ") == 7 + 5


def test_a_settled_contract_has_nothing_left_to_confirm(desk: Desk, draft: Path) -> None:
    text = draft.read_text().replace("status: draft", "status: active").replace("[unconfirmed]", "[delay-study]")
    draft.write_text(text)
    assert desk.run("contract", "check", "--policies", str(desk.policies)) == 1
    draft.write_text(re.sub(r"  # confirm: .*", "", text))
    assert desk.run("contract", "check", "--policies", str(desk.policies)) == 0
    assert desk.run("contract", "check", "tabel", "--policies", str(desk.policies)) == 2
    assert "Did you mean 'table'?" in desk.err


def test_its_examples_are_disclosures_of_each_kind(desk: Desk, draft: Path) -> None:
    head, _, examples = draft.read_text().partition("disclosures: {}\n")
    examples = re.sub(r"^# ?", "", examples, flags=re.MULTILINE)
    draft.write_text(f"{head}disclosures:\n{examples}".replace("unconfirmed", "aircraft"))
    # what opens or joins pseudonyms is drafted by nobody: officers write it with its reasons; nor what is collected
    kept = {DisclosureKind.LINK, DisclosureKind.REIDENTIFY, DisclosureKind.INGEST, DisclosureKind.INDICATOR}
    drafted = set(DisclosureKind) - kept
    assert {spec.kind for spec in loaded(desk).disclosures.values()} == drafted


def test_releases_of_an_unconfirmed_unit_do_not_load(desk: Desk, draft: Path) -> None:
    head, _, examples = draft.read_text().partition("disclosures: {}\n")
    draft.write_text(f"{head}disclosures:\n{re.sub(r'^# ?', '', examples, flags=re.MULTILINE)}")
    assert desk.run("policy", "check", str(desk.policies)) == 1
    assert "unconfirmed" in desk.err


def test_next_steps_are_told(desk: Desk, draft: Path) -> None:
    for step in ("confirm", "purposes.yaml", "grants.csv", "gateway policy check"):
        assert step in desk.out


def test_a_name_cannot_write_into_the_draft(desk: Desk) -> None:
    path = desk.write('id,"a\x07b\nstatus: active\n# c\u2028status: active"\nu,1\n')
    assert desk.init(path, "--convert") == 0, desk.err
    assert loaded(desk).status is ContractStatus.DRAFT
    assert '# the column "a?b status: active # c status: active" of the original' in (
        desk.policies / "contracts" / "table.yaml"
    ).read_text(encoding="utf-8")


HEADERS = st.text(st.characters(exclude_characters='"\x00\r\n,', exclude_categories=["Cs"]), min_size=1, max_size=80)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(HEADERS, min_size=1, max_size=4, unique=True))
def test_any_header_gives_a_draft_that_loads_or_a_clear_refusal(desk: Desk, headers: list[str]) -> None:
    names = ",".join(f'"{name}"' for name in ["id", *headers])
    path = desk.write(f"{names}\n" + ",".join("v" * (len(headers) + 1)) + "\n")
    for options in ((), ("--convert",)):
        (desk.policies / "contracts" / "table.yaml").unlink(missing_ok=True)
        code = desk.init(path, "--force", *options)
        if code == 0:
            assert loaded(desk).status is ContractStatus.DRAFT
        else:
            assert code == 2
            assert len(desk.err.splitlines()) == 1


def test_a_name_that_holds_somebodys_number_is_divided_or_left_out(desk: Desk) -> None:
    path = desk.write("id,paid_20240101,of_330101199003070038\nu,1,2\n")
    assert desk.init(path) == 0, desk.err
    assert set(loaded(desk).fields) == {"id"}
    assert desk.init(path, "--force", "--convert") == 0, desk.err
    assert set(loaded(desk).fields) == {"id", "paid_20240_101", "of_33010_11990_03070_038"}
