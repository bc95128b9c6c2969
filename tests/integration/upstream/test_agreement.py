"""A contract over a service classifies every field of its messages, or nothing is read."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from gateway.adapters.upstream.agreement import Disagreement, agree
from gateway.adapters.upstream.descriptors import InvalidDescriptors, read_descriptors
from gateway.model.contract import DataContract
from gateway.model.upstream import Always, KeyOf, MethodSpec, RegionOf, RequestValue
from gateway.model.values import FieldType
from tests.integration.upstream.contracts import (
    GETS_ONE,
    LEFT_OUT,
    LISTS,
    LOOKS_UP,
    PAGES,
    PATHS,
    SPEC,
    contract,
    without,
)
from tests.integration.upstream.department import described, file_with, pool

CODE = "city.health.v1.Code"
WITHOUT_END = "holds its own kind, city.health.v1."
NOT_TAKEN = "does not take what it is asked with"


def reasons(made: DataContract, text: str = "") -> list[str]:
    """Why a contract does not agree with the department's file, or with another text in its place."""
    with pytest.raises(Disagreement) as raised:
        agree(made, read_descriptors(described(text)) if text else pool())
    return list(raised.value.reasons)


@pytest.mark.parametrize("lists", [LISTS, PAGES, None])
@pytest.mark.parametrize("looks_up", [LOOKS_UP, GETS_ONE, None])
def test_a_contract_that_classifies_every_field_agrees(lists: MethodSpec | None, looks_up: MethodSpec | None) -> None:
    if lists is None and looks_up is None:
        return
    agreed = agree(contract(replace(SPEC, lists=lists, looks_up=looks_up)), pool())
    assert {name: leaf.path for name, leaf in agreed.leaves.items()} == PATHS


@pytest.mark.parametrize("path", sorted(LEFT_OUT))
def test_each_field_that_nobody_classified_is_named(path: str) -> None:
    # nested, of a oneof, repeated, in a repeated message, and key and value of a map
    assert reasons(without(path)) == [f"{CODE}.{path}: is not classified"]


@pytest.mark.parametrize("name", ["number", "colour", "reason", "nickname", "assessed_on"])
def test_a_collected_field_that_is_dropped_from_the_contract_is_named(name: str) -> None:
    paths = {field: path for field, path in PATHS.items() if field != name}
    assert reasons(contract(replace(SPEC, paths=MappingProxyType(paths)))) == [
        f"{CODE}.{PATHS[name]}: is not classified"
    ]


def test_what_lies_beside_the_records_is_classified_too() -> None:
    silent = contract(replace(SPEC, lists=replace(PAGES, left_out=frozenset())))
    assert reasons(silent) == ["city.health.v1.PageCodesResponse.total: is not classified"]
    unpaged = file_with("  string page_token = 1;\n", "")
    assert "city.health.v1.PageCodesResponse.next_page_token: there is no way to ask for the next page" in reasons(
        contract(replace(SPEC, lists=replace(PAGES, left_out=frozenset({"total", "next_page_token"})))), unpaged
    )


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("  bytes photo = 15;", "string fresh = 99;", ".fresh: is not classified"),
        (
            "  string text = 1;",
            "map<string, Mark> more = 2;",
            f".marks.value.more.value: {WITHOUT_END}Mark, without end",
        ),
        ("  string text = 1;", "Code code = 2;", f".marks.value.code: {WITHOUT_END}Code, without end"),
    ],
    ids=["a field", "a map of its own kind", "itself"],
)
def test_what_a_newer_file_holds_is_not_taken_for_granted(old: str, new: str, why: str) -> None:
    assert f"{CODE}{why}" in reasons(contract(), file_with(old, f"{old}\n{new}"))


@pytest.mark.parametrize("kind", ["Any", "Struct", "Value", "ListValue"])
def test_what_can_hold_anything_cannot_be_classified_by_anybody(kind: str) -> None:
    file = "any" if kind == "Any" else "struct"
    text = file_with("  string text = 1;", f"  string text = 1;\n  google.protobuf.{kind} extra = 2;")
    text = text.replace(
        'import "google/type/date.proto";', f'import "google/type/date.proto";\nimport "google/protobuf/{file}.proto";'
    )
    told = reasons(contract(replace(SPEC, left_out=LEFT_OUT | {"marks.value.extra"})), text)
    assert f"{CODE}.marks.value.extra: is a google.protobuf.{kind}, which can hold anything" in told


def test_groups_and_extensions_are_refused() -> None:
    text = """
        syntax = "proto2";
        package city.health.v1;
        service CodeRegistry { rpc ListCodes(Ask) returns (stream Code); }
        message Ask {}
        message Code {
          optional string number = 1;
          optional group Inner = 2 { optional string name = 3; }
          extensions 100 to 200;
        }
    """
    spec = replace(
        SPEC,
        lists=MethodSpec("ListCodes", "", MappingProxyType({}), frozenset()),
        looks_up=None,
        paths=MappingProxyType({"number": "number"}),
        left_out=frozenset(),
    )
    assert reasons(contract(spec), text) == [
        f"{CODE}: takes extensions, which anybody may add",
        f"{CODE}.inner: is a group",
    ]


@pytest.mark.parametrize(
    ("name", "path", "why"),
    [
        ("colour", "contacts.colour", "may be there more than once, and 'colour' once"),
        ("nickname", "languages", "may be there more than once, and 'nickname' once"),
        ("reason", "marks.value.text", "may be there more than once, and 'reason' once"),
        ("visits", "weight", "does not become an int64"),
        ("reason", "photo", "does not become a string"),
        ("assessed_at", "assessed_on", "does not become a timestamp"),
        ("reason", "person", "there is no such field"),
        ("reason", "person.nothing", "there is no such field"),
    ],
)
def test_a_field_is_read_of_what_becomes_one_value_of_its_type(name: str, path: str, why: str) -> None:
    paths = {**PATHS, name: path}
    left_out = (LEFT_OUT | {PATHS[name]}) - {path}
    told = reasons(contract(replace(SPEC, paths=MappingProxyType(paths), left_out=left_out)))
    assert f"{CODE}.{path}: {why}" in told


def test_a_path_that_is_left_out_and_not_there_is_told() -> None:
    assert reasons(contract(replace(SPEC, left_out=LEFT_OUT | {"gone"}))) == [f"{CODE}.gone: there is no such field"]


def asking(**request: RequestValue) -> MethodSpec:
    """The method that lists, asked with something else."""
    return replace(LISTS, request=MappingProxyType(request))


@pytest.mark.parametrize(
    ("method", "why"),
    [
        (replace(LISTS, name="Nothing"), "CodeRegistry.Nothing: there is no such method"),
        (replace(LISTS, records="code"), "ListCodesResponse.code: is no repeated message"),
        (replace(LISTS, records="codes.person"), "ListCodesResponse.codes.person: is no repeated message"),
        (asking(regions=RegionOf()), "ListCodesRequest.regions: there is no such field"),
        (asking(since=RegionOf()), f"ListCodesRequest.since: {NOT_TAKEN}"),
        (asking(view=Always("VIEW_HALF")), f"ListCodesRequest.view: {NOT_TAKEN}"),
        (asking(region=Always(7)), f"ListCodesRequest.region: {NOT_TAKEN}"),
    ],
    ids=["method", "field", "inside", "request", "type", "enum", "constant"],
)
def test_methods_and_requests_are_held_against_the_descriptors(method: MethodSpec, why: str) -> None:
    assert f"city.health.v1.{why}" in reasons(contract(replace(SPEC, lists=method)))


def test_a_key_of_another_type_is_not_asked_for() -> None:
    made = contract(replace(SPEC, looks_up=replace(LOOKS_UP, request=MappingProxyType({"numbers": KeyOf("score")}))))
    assert made.fields["score"].type is FieldType.INT64
    assert reasons(made) == ["city.health.v1.GetCodesRequest.numbers: does not take what it is asked with"]


def test_a_message_that_only_calls_itself_a_timestamp_is_none() -> None:
    described_so = described()
    changed = described_so.replace(b"\n\x05nanos\x18\x02", b"\n\x05manos\x18\x02")
    assert changed != described_so
    with pytest.raises(Disagreement) as raised:
        agree(contract(), read_descriptors(changed))
    assert f"{CODE}.assessed_at: is called google.protobuf.Timestamp, and is not" in raised.value.reasons


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"no descriptors"])
def test_what_is_no_descriptor_set_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidDescriptors):
        read_descriptors(content)


def test_a_descriptor_set_without_its_imports_is_refused() -> None:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    whole = FileDescriptorSet.FromString(described())
    alone = FileDescriptorSet(file=[one for one in whole.file if one.name == "codes.proto"])
    with pytest.raises(InvalidDescriptors, match="lacks google/"):
        read_descriptors(alone.SerializeToString())
