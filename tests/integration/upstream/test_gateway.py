"""A gateway in front of a department's service discloses what it would disclose of a file, to the last byte."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gateway.client as gw
from gateway.adapters.dev_ca import write_private
from tests.integration.site import ROOT, Site, utc_now
from tests.integration.upstream.department import REGISTRY, Department, code, department, described, listed, message

_SERVERS = (
    "{server: hub, type: local, path: health_codes.parquet, format: parquet}",
    f"{{server: health, type: api, location: {REGISTRY}}}",
)
_TERMS = "until=2036-12-31;max_keys=1"
WULIN = "hangzhou/xiacheng/wulin"
_UPSTREAM = """
      upstream:
        list: {method: ListCodes, records: codes, request: {region: {region: true}}}
        lookup: {method: GetCodes, records: codes, request: {numbers: {key: resident_id}}}
        left_out:
          person.name: direct-identifier
          assessed_at: sensitive
          case_number: direct-identifier
          contacts.name: direct-identifier
          contacts.colour: sensitive
          marks.key: other
          marks.value.text: free-text
          languages: quasi-identifier
          nickname: free-text
          score: sensitive
          weight: other
          consents: other
          photo: direct-identifier
          visits: other

      fields:
"""
_GREEN = """
        green:
          kind: check
          description: Whether one guest's code is green.
          lookup_keys: [resident_id]
          lookup_by: [key]
          predicate: [{field: colour, op: eq, value: green}]
          fields: {}
          waive_noise: "A guest's own answer; noise would make it wrong."
"""
_STILL = """
        shared:
          kind: extract
          description: Colours of codes that enough people of a street share.
          fields: {colour: keep, community: {generalize: street}}
          anonymity: {k: 5, also: [colour]}
          waive_noise: "What five people share says little of any."
        counted:
          kind: release
          description: How many codes there are of each colour.
          statistics: {group_by: [colour], values: [], max_groups: 1, max_rows: 1, max_epsilon: 1.0, slot_ms: 50}
"""
"""What needs data that stand still."""


@dataclass
class Street:
    """A gateway over health codes twice: in a file, and behind the department's service."""

    site: Site
    office: Department
    table: pa.Table

    def ask(self, institution: str, other: str, ask: Callable[[gw.Gateway, str], Any]) -> tuple[Any, Any]:
        """The same of the file and of another dataset."""
        with self.site.connect(institution) as gateway:
            return ask(gateway, "health_codes"), ask(gateway, other)


def over_service(text: str, dataset: str, upstream: str) -> str:
    """The contract of the health codes, over the service."""
    text = text.replace("health_codes", dataset)
    text = text.replace(_SERVERS[0].replace("health_codes", dataset), _SERVERS[1])
    text = text.replace("{name: resident_id, ", "{name: resident_id, physicalName: person.number, ")
    return text.replace("\n      fields:\n", upstream, 1)


def answering(table: pa.Table, office: Department) -> None:
    """Have the service say what is in the table: of a region and below, or of some numbers."""
    colours = {"green": 1, "yellow": 2, "red": 3}

    def record(row: dict[str, Any]) -> Any:
        day = row["assessed_on"]
        return code(
            row["resident_id"],
            colour=colours[row["colour"]],
            assessed_on={"year": day.year, "month": day.month, "day": day.day},
            reason=row["reason"],
            community=row["community"],
            contacts=[{"name": "a contact", "colour": 3}],
        )

    records = [record(row) for row in table.to_pylist()]

    def lists(request: bytes, _: Any) -> Iterator[bytes]:
        region = message("ListCodesRequest").FromString(request).region
        inside = [one for one in records if f"{one.community}/".startswith(f"{region}/" if region else "")]
        # and some that were not asked for
        inside += records[:50] if inside else []
        inside = list({one.person.number: one for one in inside}.values())
        yield from (listed(inside[at : at + 100]) for at in range(0, len(inside), 100))

    def gets(request: bytes, _: Any) -> list[bytes]:
        numbers = set(message("GetCodesRequest").FromString(request).numbers)
        found = [one for one in records if one.person.number in numbers] + records[:3]
        unique = {one.person.number: one for one in found}.values()
        return [message("GetCodesResponse", codes=list(unique)).SerializeToString()]

    office.answers |= {"ListCodes": lists, "GetCodes": gets}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory, mould: Site) -> Iterator[Street]:
    policies = tmp_path_factory.mktemp("upstream") / "policies"
    shutil.copytree(ROOT / "policies", policies)
    codes = policies / "contracts" / "health_codes.yaml"
    text = codes.read_text()
    codes.write_text(text + _GREEN + _STILL)
    live = over_service(text + _GREEN, "live_codes", _UPSTREAM)
    (policies / "contracts" / "live_codes.yaml").write_text(live)
    copied = _UPSTREAM.replace("upstream:\n", "upstream:\n        copied_hours: 1\n")
    (policies / "contracts" / "kept_codes.yaml").write_text(over_service(text + _GREEN + _STILL, "kept_codes", copied))
    grants = (policies / "grants.csv").read_text()
    grants += f"p, g-green, verifiers, health_codes/green, check, hangzhou, health-code-check, {_TERMS}, allow\n"
    for name, kind in (("shared", "extract"), ("counted", "release")):
        grants += f"p, g-{name}, street-wulin, health_codes/{name}, {kind}, {WULIN}, home-quarantine-care, , allow\n"
    for twin in re.findall(r"^p, \S+, \S+, health_codes/.*$", grants, re.MULTILINE):
        for dataset in ("live_codes", "kept_codes"):
            if dataset == "kept_codes" or not re.search("/(shared|counted)", twin):
                grants += twin.replace("p, ", f"p, {dataset[:4]}-", 1).replace("health_codes/", f"{dataset}/") + "\n"
    (policies / "grants.csv").write_text(grants)
    site = mould.copy(tmp_path_factory.mktemp("upstream") / "site", policies)
    with department() as office:
        _connect(site, office)
        table = pq.read_table(site.data / "health_codes.parquet")
        answering(table, office)
        site.start()
        yield Street(site, office, table)
        assert site.stop() == 0, site.log.read_text()[-4000:]


def _connect(site: Site, office: Department) -> None:
    """Tell the gateway where the service is, and who both are."""
    mine = office.authority.client("gateway", utc_now())
    (site.folder / "department-ca.pem").write_bytes(office.authority.ca_pem)
    (site.folder / "department.pem").write_bytes(mine.certificate_pem)
    write_private(site.folder / "department.key", mine.private_key_pem)
    (site.folder / "department.binpb").write_bytes(described())
    config = site.config.read_text()
    config += f"""
[data.services.health]
address = "localhost:{office.port}"
ca = "department-ca.pem"
certificate = "department.pem"
key = "department.key"
descriptors = "department.binpb"
stall_seconds = 1
"""
    site.config.write_text(config)


@pytest.mark.parametrize("other", ["live_codes", "kept_codes"])
def test_an_extract_is_the_same_to_the_last_byte(street: Street, other: str) -> None:
    def ask(gateway: gw.Gateway, dataset: str) -> list[str]:
        extract = gateway.extract(dataset, "street-care", purpose="home-quarantine-care", region=WULIN)
        rows = extract.read_all()
        assert extract.complete and rows.column_names == ["resident_id", "colour", "assessed_on", "community"]
        return sorted(map(repr, rows.to_pylist()))

    of_file, of_service = street.ask("street-wulin", other, ask)
    assert of_service == of_file and len(of_file) >= 3
    told = repr(of_service)
    assert not any(row["resident_id"] in told for row in street.table.to_pylist())
    assert "contact" not in told and "name of" not in told


@pytest.mark.parametrize("other", ["live_codes", "kept_codes"])
def test_a_lookup_and_a_check_are_the_same(street: Street, other: str) -> None:
    rows = street.table.to_pylist()
    colours = ("green", "yellow", "red")
    some = [next(row["resident_id"] for row in rows if row["colour"] == colour) for colour in colours]

    def ask(gateway: gw.Gateway, dataset: str) -> list[object]:
        said: list[object] = []
        for number in (*some, "11010519491231002X"):
            asked: dict[str, Any] = {"purpose": "health-code-check", "by": "resident_id"}
            said.append(gateway.lookup(dataset, "colour-check", values=[number], **asked).to_arrow())
            said.append(gateway.check(dataset, "green", value=number, **asked).holds)
        return said

    of_file, of_service = street.ask("verifier-metro", other, ask)
    assert of_service == of_file
    assert of_file[1::2] == [True, False, False, False]


def test_rows_of_a_copy_blend_in_as_those_of_a_file(street: Street) -> None:
    def ask(gateway: gw.Gateway, dataset: str) -> list[str]:
        extract = gateway.extract(dataset, "shared", purpose="home-quarantine-care", region=WULIN)
        return sorted(map(repr, extract.read_all().to_pylist()))

    of_file, of_copy = street.ask("street-wulin", "kept_codes", ask)
    assert of_copy == of_file and len(of_file) >= 5
    inside = [row["community"].startswith(f"{WULIN}/") for row in street.table.to_pylist()]
    assert len(of_file) < sum(inside), "some were too few to leave"


def test_statistics_are_made_of_a_copy_and_stored_for_what_is_in_it(street: Street) -> None:
    with street.site.connect("street-wulin") as gateway:
        asked: dict[str, Any] = {"purpose": "home-quarantine-care", "region": WULIN, "epsilon": 0.25}
        first, again = (
            gateway.release("kept_codes", "counted", [gw.count()], group_by=["colour"], **asked) for _ in range(2)
        )
    assert first.charged and not again.charged
    assert first.to_arrow().equals(again.to_arrow()) and first.to_arrow().num_rows == 3


def test_a_stream_that_breaks_has_no_trailer_of_completeness(street: Street) -> None:
    whole = street.office.answers["ListCodes"]

    def broken(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from whole(request, context)
        context.abort(grpc.StatusCode.UNAVAILABLE, "")

    street.office.answers["ListCodes"] = broken
    try:
        with street.site.connect("street-wulin") as gateway, pytest.raises(gw.GatewayError) as raised:
            extract = gateway.extract("live_codes", "street-care", purpose="home-quarantine-care", region=WULIN)
            extract.read_all()
        assert raised.value.reason == "SOURCE_UNAVAILABLE" and not extract.complete
    finally:
        street.office.answers["ListCodes"] = whole


def test_a_contract_that_says_less_than_the_service_is_named_at_the_start(street: Street, tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(street.site.policies, policies)
    contract = policies / "contracts" / "live_codes.yaml"
    contract.write_text(contract.read_text().replace("          marks.key: other\n", ""))
    site = street.site.copy(tmp_path / "site", policies)
    _connect(site, street.office)
    try:
        site.start()
        with site.connect("street-wulin") as gateway:
            with pytest.raises(gw.GatewayError) as raised:
                gateway.extract("live_codes", "street-care", purpose="home-quarantine-care", region=WULIN).read_all()
            assert raised.value.reason == "SOURCE_SCHEMA_CHANGED"
            gateway.extract("health_codes", "street-care", purpose="home-quarantine-care", region=WULIN).read_all()
        said = "contract live_codes is not served: city.health.v1.Code.marks.key: is not classified"
        assert said in site.log.read_text()
    finally:
        site.kill()
