"""A contract of the standard that was written elsewhere becomes a draft: its words kept, ours proposed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.model.contract import CanonicalForm, Classification, ContractStatus
from gateway.model.values import FieldType
from gateway.policy.documents import read_yaml
from gateway.policy.problems import Problems
from gateway.policy.snapshot import load
from tests.unit.cli.conftest import Desk
from tests.unit.cli.foreign import FOREIGN


def draft(desk: Desk, text: str = FOREIGN, *options: str) -> str:
    file = desk.folder / "foreign.odcs.yaml"
    file.write_text(text, encoding="utf-8")
    out = desk.policies / "contracts" / "orders.yaml"
    assert desk.run("contract", "import", str(file), "--out", str(out), "--force", *options) == 0, desk.err
    return out.read_text(encoding="utf-8")


def data(text: str) -> Any:
    document = read_yaml("x.yaml", text.encode(), Problems())
    assert document is not None
    return document.data


def refused(desk: Desk, text: str) -> str:
    file = desk.folder / "foreign.yaml"
    file.write_text(text, encoding="utf-8")
    assert desk.run("contract", "import", str(file)) == 2
    assert not desk.out
    return desk.err


def test_it_loads_as_a_draft_with_guesses(desk: Desk) -> None:
    draft(desk)
    contract = load(desk.policies).contracts["orders"]
    assert contract.status is ContractStatus.DRAFT
    assert not contract.disclosures
    assert (contract.privacy_unit.kind, contract.privacy_unit.field) == ("unconfirmed", "customer_id")
    assert contract.title_en == "Orders of the shop"
    assert contract.steward == "Wang Fang, wang@shop.example"
    assert contract.retention_days == 1095
    assert contract.freshness_hours is None
    fields = contract.fields
    assert fields["customer_id"].classification is Classification.DIRECT_IDENTIFIER
    assert fields["mobile_phone"].canonical is CanonicalForm.PHONE
    assert (fields["amount"].type, fields["amount"].nullable) == (FieldType.INT64, True)
    assert fields["sector"].classification is Classification.OTHER, "a word of ours is taken"
    assert all(field.bounds is None and field.keys is None for field in fields.values())
    assert [(rule.field, rule.metric) for rule in contract.quality] == [
        ("", "duplicateValues"), ("customer_id", "missingValues"),
    ]  # fmt: skip


def test_the_words_of_the_document_are_kept(desk: Desk) -> None:
    before, after = data(FOREIGN), data(draft(desk))
    for key in ("id", "version", "tenant", "domain", "description", "support", "price", "roles", "tags"):
        assert after[key] == before[key]
    assert after["servers"][1:] == before["servers"]
    assert {"username": "li", "role": "Data Scientist", "dateOut": "2025-01-31"} in after["team"]["members"]
    custom = {one["property"]: one["value"] for one in after["customProperties"]}
    assert custom["costCentre"] == {"number": 7, "open": True}
    assert custom["importedProperties"] == [before["schema"][0]["properties"][-1]]
    assert custom["importedSlaProperties"] == [{"property": "latency", "value": "PT5M"}]
    (table,) = after["schema"]
    assert (table["name"], table["physicalName"]) == ("orders", "Shop Orders")
    one = {field["name"]: field for field in table["properties"]}
    assert one["mobile_phone"]["businessName"] == "Mobile"
    assert one["mobile_phone"]["logicalTypeOptions"] == {"maxLength": 20}
    assert {"property": "importedName", "value": "mobile phone"} in one["mobile_phone"]["customProperties"]
    assert {"property": "importedClassification", "value": "pii"} in one["customer_id"]["customProperties"]
    assert {"property": "importedPhysicalName", "value": "AMT"} in one["amount"]["customProperties"]
    assert table["quality"][0]["arguments"] == {"properties": ["customer_id", "mobile_phone"]}


def test_no_value_of_anybody_comes_in(desk: Desk) -> None:
    assert "13800138000" in FOREIGN
    assert "13800138000" not in draft(desk)
    assert "examples were left out" in desk.out


def test_what_is_left_to_decide_is_marked_and_told(desk: Desk) -> None:
    text = draft(desk)
    marks = text.count("  # confirm: ")
    assert marks == 1 + 1 + 1 + 4 + 1 + 1 + 1, "name, owner, file, fields, purposes, unit, canonical form"
    assert f"settle the {marks} lines" in desk.out
    for note in ("left out lines: ", "its status was active", "'latency' is kept aside"):
        assert note in desk.out
    assert desk.run("contract", "check", "orders", "--policies", str(desk.policies)) == 1
    assert desk.out.count(": to confirm: ") == marks


def test_without_a_place_to_write_it_is_printed(desk: Desk) -> None:
    file = desk.folder / "foreign.yaml"
    file.write_text(FOREIGN, encoding="utf-8")
    assert desk.run("contract", "import", str(file)) == 0
    assert data(desk.out)["schema"][0]["name"] == "shop_orders"
    assert "It discloses nothing." in desk.err


def test_an_existing_file_is_not_replaced(desk: Desk) -> None:
    draft(desk)
    out = desk.policies / "contracts" / "orders.yaml"
    assert desk.run("contract", "import", str(desk.folder / "foreign.odcs.yaml"), "--out", str(out)) == 2
    assert "--force" in desk.err


def test_one_of_several_tables_is_chosen(desk: Desk) -> None:
    several = FOREIGN.replace("servers:", "x-servers:").partition("x-servers:")[0]
    several += "schema:\n" + "".join(
        f"  - {{name: {name}, properties: [{{name: user_id, logicalType: string}}]}}\n" for name in ("one", "two")
    )
    assert "several tables" in refused(desk, several)
    text = draft(desk, several, "--table", "two")
    assert data(text)["schema"][0]["physicalName"] == "two"
    assert "left out: one" in desk.out
    assert "Did you mean 'two'?" in refused_table(desk, several, "tow")


def refused_table(desk: Desk, text: str, table: str) -> str:
    (desk.folder / "foreign.yaml").write_text(text, encoding="utf-8")
    assert desk.run("contract", "import", str(desk.folder / "foreign.yaml"), "--table", table) == 2
    return desk.err


@pytest.mark.parametrize(
    ("physical", "logical"),
    [
        ("varchar(8)", "string"), ("BIGINT", "integer"), ("double precision", "number"), ("Boolean", "boolean"),
        ("date", "date"), ("timestamp_ntz", "timestamp"), ("geography", "string"),
    ],
)  # fmt: skip
def test_a_missing_logical_type_is_taken_from_the_physical(desk: Desk, physical: str, logical: str) -> None:
    text = FOREIGN.replace("logicalType: string, physicalType: varchar(8)", f'physicalType: "{physical}"')
    field = next(one for one in data(draft(desk, text))["schema"][0]["properties"] if one["name"] == "sector")
    assert (field["logicalType"], field["physicalType"]) == (logical, physical)


def test_json_is_read_as_well(desk: Desk) -> None:
    assert data(draft(desk, json.dumps(data(FOREIGN), default=str))) == data(draft(desk))


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("apiVersion: v3.0.2", "apiVersion: v2.2.2", "apiVersion", "'v2.2.2' is not a version of the standard"),
        ("kind: DataContract", "kind: DataProduct", "kind:", "'DataProduct' is not a value of 'kind'"),
        ("version: 2.1.0\n", "", "apiVersion", "'version' is missing. Add 'version: …'."),
        ("domain: trade", "domian: trade", "domian", "unknown key 'domian'. Did you mean 'domain'?"),
        ("role: Data Scientist", "rôle: x", "rôle", "unknown key 'rôle'"),
        ("logicalType: integer", "logicalType: int", "logicalType: int", "'int' is not a logical type"),
        ("type: postgres,", "type: postgrs,", "postgrs", "is not a type of server. Did you mean 'postgres'?"),
        (", host: db.shop.example", "", "type: postgres", "a server of type postgres needs 'host'"),
        ("mustBe: 0}]", "mustBee: 0}]", "mustBee", "unknown key 'mustBee'. Did you mean 'mustBe'?"),
        ("maxLength", "maxLenght", "maxLenght", "not an option of the logical type string. Did you mean 'maxLength'"),
        ("team:", "team: &a", "team:", "anchors and aliases"),
        ("tags: [shop]", "tags: [shop", "x", "this is not valid YAML"),
    ],
)  # fmt: skip
def test_what_is_not_of_the_standard_is_told_with_its_line(
    desk: Desk, old: str, new: str, line: str, message: str
) -> None:
    assert FOREIGN.count(old) == 1
    text = FOREIGN.replace(old, new)
    err = refused(desk, text)
    assert message in err
    assert "is not a contract of the Open Data Contract Standard" in err
    if line != "x":
        number = text[: text.index(line)].count("\n") + 1
        assert f"{desk.folder / 'foreign.yaml'}:{number}: " in err


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"- 1\n", b"x" * ((1 << 20) + 1), b"a: \x00"])
def test_other_files_are_refused(desk: Desk, content: bytes) -> None:
    (desk.folder / "other").write_bytes(content)
    assert desk.run("contract", "import", str(desk.folder / "other")) == 2
    assert desk.run("contract", "import", str(Path(desk.folder / "nowhere"))) == 2


def test_without_a_schema_there_is_nothing_to_draft(desk: Desk) -> None:
    assert "has no schema" in refused(desk, FOREIGN.partition("\nschema:")[0])
