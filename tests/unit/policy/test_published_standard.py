"""What is written here is what the standard's JSON Schema allows, and what is read here is what it has words for."""

from __future__ import annotations

import copy
import json
import shutil
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft201909Validator
from pydantic import ValidationError

from gateway.cli.app import run
from gateway.cli.contract.yaml_text import undated
from gateway.policy.contracts import odcs, odcs_parts
from gateway.policy.documents import read_yaml
from gateway.policy.problems import Problems
from gateway.policy.schema import schemas
from gateway.policy.validation import Shape
from tests.unit.cli.foreign import FOREIGN

ROOT = Path(__file__).resolve().parents[3]
GOOD = Path(__file__).parent / "good"
FOLDERS = [ROOT / "policies" / "contracts", GOOD / "contracts"]
CONTRACTS = [path for folder in FOLDERS for path in sorted(folder.glob("*.yaml"))]
CONTRACTS.append(ROOT / "bench" / "policy" / "register.yaml")


@cache
def standard() -> dict[str, Any]:
    text = files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def faults(data: Any) -> list[str]:
    return [error.message for error in Draft201909Validator(standard()).iter_errors(data)]


def read(text: str) -> Any:
    problems = Problems()
    document = read_yaml("x.yaml", text.encode(), problems)
    problems.raise_if_any()
    assert document is not None
    return undated(document.data)


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_our_contracts_are_of_the_standard(path: Path) -> None:
    data = read(path.read_text(encoding="utf-8"))
    assert not faults(data)
    ours = json.loads(schemas()["contract.json"])
    assert not list(Draft201909Validator(ours).iter_errors(data)), "and editors find nothing to mark"


PLANTED = {
    "unknown key": lambda data: data.update(owner="x"),
    "no version": lambda data: data.pop("version"),
    "another kind": lambda data: data.update(kind="Contract"),
    "a server without its path": lambda data: data["servers"][0].pop("path"),
    "a type of ours": lambda data: data["schema"][0]["properties"][0].update(logicalType="int64"),
    "a field's unknown key": lambda data: data["schema"][0]["properties"][0].update(nullable=True),
    "a member without a name": lambda data: data["team"]["members"][0].pop("username"),
    "a promise without a value": lambda data: data["slaProperties"][0].pop("value"),
    "a property without a value": lambda data: data["customProperties"][0].pop("value"),
    "a metric without a bound": lambda data: data["schema"][0].update(quality=[{"metric": "rowCount"}]),
    "an option of another type": lambda data: data["schema"][0]["properties"][0].update(
        logicalTypeOptions={"multipleOf": 2}
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_the_standard_refuses_is_refused_here(planted: str) -> None:
    data = read((GOOD / "contracts" / "subsidies.yaml").read_text(encoding="utf-8"))
    assert not faults(data)
    odcs.OdcsShape.model_validate(data)
    broken = copy.deepcopy(data)
    PLANTED[planted](broken)
    assert faults(broken)
    with pytest.raises(ValidationError):
        odcs.OdcsShape.model_validate(broken)


def test_an_import_and_an_export_are_of_the_standard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not faults(read(FOREIGN))
    foreign = tmp_path / "foreign.yaml"
    foreign.write_text(FOREIGN, encoding="utf-8")
    assert run(["contract", "import", str(foreign)]) == 0
    assert not faults(read(capsys.readouterr().out))
    policies = shutil.copytree(GOOD, tmp_path / "policies")
    for options in ([], ["--with-policy"]):
        assert run(["contract", "export", "subsidies", "--policies", str(policies), *options]) == 0
        assert not faults(read(capsys.readouterr().out))


# What version 3.2 of the standard, whose schema is published with the library, added to the 3.1 that is read here.
ADDED_LATER = {
    "CustomProperty": {"vendor"},
    "SchemaProperty": {"enum", "semanticType", "deprecated", "synonyms", "map"},
    "SchemaObject": {"context", "deprecated", "synonyms"},
    "ServiceLevelAgreementProperty": {"customProperties", "authoritativeDefinitions"},
    "RelationshipPropertyLevel": {"id"},
    "": {"context"},
}


NEEDED_NO_LONGER = {("athena", "stagingDir")}


def keys_of(definition: dict[str, Any]) -> set[str]:
    """The keys that a definition of the schema has, with those of what it is composed of."""
    found = set(definition.get("properties", ()))
    for part in [definition, *definition.get("allOf", ())]:
        if "$ref" in part:
            found |= keys_of(standard()["$defs"][part["$ref"].rpartition("/")[2]])
        found |= keys_of(part["then"]) if "then" in part else set()
        found |= set(part.get("properties", ()))
    return found


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("", odcs.OdcsShape),
        ("CustomProperty", odcs_parts.CustomPropertyShape),
        ("Pricing", odcs_parts.PriceShape),
        ("RelationshipPropertyLevel", odcs.RelationshipShape),
        ("Role", odcs_parts.RoleShape),
        ("SchemaObject", odcs.ObjectShape),
        ("SchemaProperty", odcs.PropertyShape),
        ("ServiceLevelAgreementProperty", odcs_parts.SlaShape),
        ("SupportItem", odcs_parts.SupportShape),
        ("Team", odcs_parts.TeamShape),
        ("TeamMember", odcs_parts.MemberShape),
    ],
)  # fmt: skip
def test_every_word_of_the_standard_is_known(name: str, shape: type[Shape]) -> None:
    definition = standard()["$defs"][name] if name else standard()
    ours = {field.alias or key for key, field in shape.model_fields.items()}
    assert ours == keys_of(definition) - ADDED_LATER.get(name, set())


def test_servers_need_what_the_standard_says_and_know_its_words() -> None:
    kinds = set(standard()["$defs"]["Server"]["properties"]["type"]["enum"])
    assert set(odcs_parts.SERVER_TYPES) <= kinds
    ours = {field.alias or key for key, field in odcs_parts.ServerShape.model_fields.items()}
    for kind in odcs_parts.SERVER_TYPES:
        whole = {key: 1 if key == "port" else f"{kind}://x" for key in odcs_parts.NEEDED[kind].split()}
        server = {"server": "s", "type": kind, **whole}
        document = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "x", "version": "1", "status": "draft"}
        assert not faults({**document, "servers": [server]}), kind
        assert set(whole) <= ours
        for key in whole:
            less = {one: value for one, value in server.items() if one != key}
            assert faults({**document, "servers": [less]}) or (kind, key) in NEEDED_NO_LONGER
            with pytest.raises(ValidationError):
                odcs_parts.ServerShape.model_validate(less)
