"""Canaries: conspicuous people are planted in every table. What must never leave is looked for in every place
that bytes can leave by: answers, errors, logs, metrics, and the state at rest."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from google.protobuf.message import Message

from gateway.api.v1 import (
    audit_service_pb2,
    disclosure_pb2,
    release_pb2,
    research_service_pb2,
    value_pb2,
)
from gateway.api.v1 import (
    sharing_service_pb2 as sharing,
)
from seeds.generator import CANARIES
from tests.integration.site import ROOT, Site, free_port, institutions_of
from tests.integration.wire import Answer, wire

NEEDLES = sorted({needle for canary in CANARIES for needle in canary.needles})
CANARY = CANARIES[0]


def context(purpose: str, *, region: str = "", case: str = "") -> disclosure_pb2.RequestContext:
    return disclosure_pb2.RequestContext(purpose=purpose, region=region, case_number=case)


def by_key(*ids: str) -> sharing.SubjectSelector:
    values = [value_pb2.Value(string_value=item) for item in ids]
    return sharing.SubjectSelector(key=sharing.KeySelector(field="resident_id", values=values))


def extract(
    dataset: str, disclosure: str, purpose: str, encoding: sharing.Encoding.ValueType, **more: str
) -> sharing.ExtractRequest:
    return sharing.ExtractRequest(
        context=context(purpose, **more), dataset=dataset, disclosure=disclosure, encoding=encoding
    )


def legitimate(site: Site) -> Iterator[tuple[str, Answer]]:
    """Every kind of answer that the product's policy allows, canaries among the subjects."""
    extracts = [
        ("police", "health_cases", "police-tracing", "epidemic-tracing", {}),
        ("police", "police_sightings", "tracing-sightings", "epidemic-tracing", {}),
        ("open-data-portal", "health_cases", "public-places", "public-health-information", {}),
        ("audit-bureau", "subsidies", "audit-rows", "subsidy-audit", {"case": "SJ-2026-0001"}),
        ("street-wulin", "health_codes", "street-care", "home-quarantine-care", {"region": "hangzhou/xiacheng/wulin"}),
    ]
    for institution, dataset, disclosure, purpose, more in extracts:
        with wire(site, institution) as line:
            for encoding in (sharing.ENCODING_ARROW, sharing.ENCODING_ROWS):
                answer = line.call("SharingService/Extract", extract(dataset, disclosure, purpose, encoding, **more))
                yield f"extract {disclosure}", answer
    with wire(site, "verifier-metro") as line:
        for canary in CANARIES:
            request = sharing.LookupRequest(
                context=context("health-code-check"),
                dataset="health_codes",
                disclosure="colour-check",
                subjects=by_key(canary.resident_id),
            )
            yield "lookup", line.call("SharingService/Lookup", request)
        yield "describe", line.call("SharingService/Describe", sharing.DescribeRequest())
    with wire(site, "enterprise-service-bureau") as line:
        check = sharing.CheckRequest(
            context=context("subsidy-eligibility"),
            dataset="subsidies",
            disclosure="eligibility",
            subject=by_key(CANARY.resident_id),
        )
        yield "check", line.call("SharingService/Check", check)
    with wire(site, "zju-research") as line:
        plan = release_pb2.ReleasePlan(
            dataset="subsidies",
            disclosure="by-sector",
            group_by=[release_pb2.Grouping(field="sector", keys=release_pb2.DeclaredKeys())],
            statistics=[release_pb2.Statistic(count=release_pb2.Count())],
        )
        create = research_service_pb2.CreateReleaseRequest(context=context("academic-research"), plan=plan, epsilon=0.5)
        yield "release", line.call("ResearchService/CreateRelease", create)
        yield (
            "receipt",
            line.call("AuditService/GetReceipt", audit_service_pb2.GetReceiptRequest(receipt_id=f"{0:020}")),
        )


def tracing(**changed: Any) -> sharing.ExtractRequest:
    """The police's tracing extract, with parts of it changed."""
    whole = {"context": context("epidemic-tracing"), "dataset": "health_cases", "disclosure": "police-tracing"}
    return sharing.ExtractRequest(**{**whole, **changed})


def equals(field: str, text: str) -> value_pb2.Condition:
    return value_pb2.Condition(
        field=field, operator=value_pb2.OPERATOR_EQUAL, values=[value_pb2.Value(string_value=text)]
    )


def hostile(site: Site) -> Iterator[tuple[str, Answer]]:
    """Requests that carry raw values wherever a caller can put one: no answer, log or metric may repeat them."""
    marks = [CANARY.resident_id, *CANARY.markers]
    with wire(site, "police") as line:
        for mark in marks:
            spoiled: list[Message | bytes] = [
                tracing(context=context(mark)),
                tracing(context=context("epidemic-tracing", region=mark)),
                tracing(context=context("epidemic-tracing", case=mark)),
                tracing(dataset=mark),
                tracing(disclosure=mark),
                tracing(fields=[mark]),
                tracing(fields=[mark, "place"], allow_partial=True),
                tracing(filters=[equals(mark, mark)]),
                tracing(filters=[equals("place", mark)]),
                tracing().SerializeToString() + b"\xc2\x3e" + _bytes_field(mark),
                b"\xff" + mark.encode(),
            ]
            for request in spoiled:
                yield "extract", line.call("SharingService/Extract", request)
            contacts = sharing.LookupRequest(
                context=context("epidemic-tracing"),
                dataset="police_sightings",
                disclosure="case-contacts",
                subjects=sharing.SubjectSelector(token=sharing.TokenSelector(field="resident_id", tokens=[mark])),
            )
            yield "lookup by a raw value in place of a token", line.call("SharingService/Lookup", contacts)
    with wire(site, "police", token=f"{CANARY.resident_id}.{CANARY.resident_id}.x") as line:
        yield "token", line.call("SharingService/Describe", sharing.DescribeRequest())


def _bytes_field(mark: str) -> bytes:
    data = mark.encode()
    return bytes([len(data)]) + data


@pytest.fixture(scope="module")
def answers(
    tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, object]
) -> Iterator[tuple[Site, list[tuple[str, Answer]]]]:
    """Play everything once against a gateway whose metrics are on; stop it, so that its log is whole."""
    policies = ROOT / "policies"
    site = Site(
        tmp_path_factory.mktemp("canary"), policies, seeded[0], institutions_of(policies), metrics_port=free_port()
    )
    site.prepare()
    site.start()
    try:
        played = [*legitimate(site), *hostile(site)]
        with urllib.request.urlopen(f"http://127.0.0.1:{site.metrics_port}/metrics", timeout=10) as page:
            metrics = page.read()
        assert site.alive()
    finally:
        site.stop()
    (site.folder / "metrics.txt").write_bytes(metrics)
    yield site, played


def test_the_canaries_are_in_the_data(seeded: tuple[Path, object]) -> None:
    for table in ("health_cases", "health_codes", "subsidies", "police_sightings"):
        ids = pq.read_table(seeded[0] / f"{table}.parquet", columns=["resident_id"])["resident_id"].to_pylist()
        assert CANARY.resident_id in ids, table


def test_every_legitimate_call_was_answered(answers: tuple[Site, list[tuple[str, Answer]]]) -> None:
    for name, answer in answers[1][:17]:
        if name in ("extract police-tracing", "lookup", "check", "release", "describe"):
            assert answer.code.name == "OK", (name, answer.details)
            assert answer.messages


def test_no_answer_carries_a_canary(answers: tuple[Site, list[tuple[str, Answer]]]) -> None:
    for name, answer in answers[1]:
        found = [needle for needle in NEEDLES if needle in answer.everything()]
        assert not found, f"{name}: {len(found)} canaries left"


@pytest.mark.parametrize("name", ["gateway.log", "metrics.txt", "state.sqlite", "keys.json"])
def test_nothing_at_rest_carries_a_canary(answers: tuple[Site, list[tuple[str, Answer]]], name: str) -> None:
    files = list(answers[0].folder.glob(f"{name}*"))
    assert files and any(file.stat().st_size for file in files)
    for file in files:
        content = file.read_bytes()
        assert not [needle for needle in NEEDLES if needle in content], file.name


def test_the_scan_finds_what_it_looks_for(seeded: tuple[Path, object]) -> None:
    # the data itself, uncompressed, must trip the same scan
    names = pq.read_table(seeded[0] / "residents.parquet", columns=["name"])["name"].to_pylist()
    assert [needle for needle in NEEDLES if needle in "\n".join(map(str, names)).encode()]
