"""Certificates of releases: the same for everybody, verified offline, and any other release is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

import gateway.client as gw
from gateway import pipeline
from gateway.api.v1 import release_pb2
from gateway.client.certificates import key_from
from gateway.lanes import inquiries
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import ByKeys
from gateway.model.measure import Currency, Price
from gateway.model.request import ReleaseRequest
from gateway.model.statistics import PLAIN, Presentation, Statistic, StatisticKind, StatisticsQuery
from gateway.pipeline import ReleaseDelivery
from gateway.server.wire.receipts import receipt_of
from gateway.server.wire.releases import release_message_of, signing_key_of
from tests.integration.house import House, context, counting, released

DELTA = 1e-6
WIDE = StatisticsQuery(
    (Condition("sector", Operator.IN, ("retail", "catering")),),
    (ByKeys("tier"),),
    (
        Statistic(StatisticKind.COUNT, None),
        Statistic(StatisticKind.SUM, "amount_yuan"),
        Statistic(StatisticKind.MEAN, "amount_yuan"),
        Statistic(StatisticKind.QUANTILES, "amount_yuan", (Fraction(1, 2),)),
    ),
)


def wide(presentation: Presentation = PLAIN) -> ReleaseRequest:
    price = Price(Currency.RHO, Fraction(1, 10))
    return ReleaseRequest(context("academic-research"), "subsidies", "by-sector", WIDE, price, presentation)


def asked(house: House, request: ReleaseRequest, person: str = "li.wei") -> ReleaseDelivery:
    return released(pipeline.release(house.ports, house.peer("zju-research", person), request))


def shown(delivery: ReleaseDelivery) -> gw.Release:
    """The release as the client has it, from the bytes on the wire."""
    message = release_pb2.Release.FromString(release_message_of(delivery, DELTA).SerializeToString())
    return gw.Release(message, receipt_of(delivery.receipt, DELTA), delivery.paid)


def keys_of(house: House) -> tuple[gw.SigningKey, ...]:
    found = inquiries.signing_keys(house.ports, house.peer("zju-research"))
    return tuple(key_from(signing_key_of(key)) for key in found)


def certificate(release: gw.Release) -> gw.ReleaseCertificate:
    assert release.certificate is not None
    return release.certificate


def test_it_is_verified_offline_and_says_what_was_measured_and_how(house: House) -> None:
    release, keys = shown(asked(house, wide())), keys_of(house)
    assert release.verify(gw.read_signing_keys(gw.write_signing_keys(keys))) == ("count", "sum(amount_yuan)")
    kept = gw.ReleaseCertificate.from_json(certificate(release).to_json())
    assert kept == certificate(release)
    indented = json.dumps(json.loads(kept.to_json()), indent=2).encode()
    gw.ReleaseCertificate.from_json(indented).verify(keys)
    says = kept.says
    assert says["id"] == release.release_id and says["loss"] == {"rho": "1/10"}
    assert [one["name"] for one in says["measures"]] == [one.name for one in release.message.measures]
    assert all(one["bounds"] == ["0", "20000"] for one in says["measures"][1:])
    assert says["max_groups"] == 2 and says["software"]["opendp"].startswith("0.16")
    assert says["policy_digest"] == house.ports.policy.current().digest
    # of who asked first it says nothing
    assert b"li.wei" not in kept.statement and b"zju" not in kept.statement


def test_it_carries_licence_citation_and_what_a_doi_takes(house: House) -> None:
    release = shown(asked(house, counting()))
    told = release.message.attribution
    assert (told.licence, told.identifier) == ("CC-BY-4.0", "10.5072/synthetic-city.subsidies")
    assert certificate(release).says["attribution"]["citation"] == told.citation
    made = release.message.created_at.ToDatetime().date().isoformat()
    assert release.citation == f"{told.citation} Differentially private release {release.release_id}, {made}."
    metadata = release.datacite()
    # the mandatory properties of DataCite's schema 4, but for the identifier that is still to be given
    assert {"creators", "titles", "publisher", "publicationYear", "types"} <= metadata.keys()
    assert metadata["titles"] == [{"title": "Wage subsidies: by-sector"}]
    assert metadata["rightsList"][0]["rightsIdentifier"] == "CC-BY-4.0"
    assert metadata["relatedIdentifiers"][0]["relatedIdentifier"] == told.identifier
    assert "integer Laplace" in metadata["descriptions"][0]["description"]
    release.message.ClearField("attribution")
    assert release.citation == ""
    with pytest.raises(gw.CertificateMismatch, match="attribution differs"):
        release.verify(keys_of(house))
    with pytest.raises(ValueError, match="licence"):
        release.datacite()


def test_everybody_gets_the_identical_bytes_however_they_are_shown(house: House) -> None:
    first, keys = shown(asked(house, wide())), keys_of(house)
    for presentation in (PLAIN, Presentation(non_negative=True, round_to=10), Presentation(top=2)):
        again = shown(asked(house, wide(presentation), "wang.fang"))
        assert certificate(again) == certificate(first)
        above = [one.kind for one in again.coverage][: len(again.coverage) - len(first.coverage)]
        assert above == ([] if presentation.top is None else ["beyond_top"])
        assert again.verify(keys)[0] == "count"


ALTERED: dict[str, Callable[[release_pb2.Release], Any]] = {
    "id": lambda message: setattr(message, "release_id", "0" * 64),
    "created_at": lambda message: setattr(message.created_at, "seconds", 1),
    "dataset": lambda message: setattr(message.plan, "dataset", "residents"),
    "disclosure": lambda message: setattr(message.plan, "disclosure", "other"),
    "region": lambda message: setattr(message, "region", "hangzhou/xihu"),
    "unit_kind": lambda message: setattr(message, "privacy_unit", "firm"),
    "data_version": lambda message: setattr(message, "data_version", "00"),
    "loss": lambda message: setattr(message.privacy_loss, "rho", "1/1000"),
    "query.filters": lambda message: message.plan.filters[0].values.pop(),
    "query.group_by": lambda message: setattr(message.plan.group_by[0], "field", "sector"),
    "query.statistics": lambda message: setattr(message.plan.statistics[1].sum, "field", "monthly_wage_yuan"),
    "coverage": lambda message: setattr(message.coverage[0], "text", "All are shown."),
    "attribution": lambda message: setattr(message.attribution, "licence", "CC0-1.0"),
    "measures": lambda message: setattr(message.measures[0], "scale", 0.5),
    "cells": lambda message: message.cells.pop(),
    "count": lambda message: setattr(message.cells[0].estimates[0], "value", 10**6),
    "sum(amount_yuan)": lambda message: setattr(message.cells[1].estimates[1], "value", 10**6),
    "signature": lambda message: setattr(message.certificate, "signature", bytes(64)),
    "key_id": lambda message: setattr(message.certificate, "key_id", "0" * 64),
    "noised": lambda message: setattr(message.certificate, "noised", message.certificate.noised + b" "),
    "certificate": lambda message: message.ClearField("certificate"),
}


def test_whatever_is_altered_is_noticed(house: House) -> None:
    release, keys = shown(asked(house, wide())), keys_of(house)
    for part, alter in ALTERED.items():
        message = release_pb2.Release()
        message.CopyFrom(release.message)
        alter(message)
        with pytest.raises(gw.CertificateMismatch) as caught:
            replace(release, message=message).verify(keys)
        assert caught.value.part == part
    statement = certificate(release).statement.replace(b'"rho":"1/10"', b'"rho":"1/99"')
    with pytest.raises(gw.CertificateMismatch, match="signature"):
        replace(certificate(release), statement=statement).verify(keys)
    other = house.ports.signer.sign(b'{"kind":"something else"}')
    with pytest.raises(gw.CertificateMismatch, match="kind"):
        gw.ReleaseCertificate(b'{"kind":"something else"}', other.value, other.key_id, b"{}").verify(keys)


def test_keys_and_certificates_that_are_none_are_refused(house: House) -> None:
    keys = json.loads(gw.write_signing_keys(keys_of(house)))
    keys["keys"][0]["id"] = "0" * 64
    for wrong in (b"", b"[]", b"{}", json.dumps(keys).encode(), json.dumps({**keys, "kind": "x"}).encode()):
        with pytest.raises(ValueError, match=r"JSON|signing keys"):
            gw.read_signing_keys(wrong)
        with pytest.raises(ValueError, match=r"JSON|certificate"):
            gw.ReleaseCertificate.from_json(wrong)


class NoSigner:
    """A key file that cannot be read any more."""

    def sign(self, _: bytes) -> Any:
        raise Fault(ErrorReason.KEYS_UNAVAILABLE)

    def signing_keys(self) -> Any:
        raise Fault(ErrorReason.KEYS_UNAVAILABLE)


def test_nothing_is_stored_or_leaves_unsigned(house: House) -> None:
    unsigned = replace(house.ports, signer=NoSigner())
    with pytest.raises(Fault, match=r"^RELEASE_FAILED$"):
        pipeline.release(unsigned, house.peer("zju-research"), counting())
    assert "store" not in house.diary.events and "log completed" not in house.diary.events
    again = asked(house, counting())  # what was paid for is finished
    assert not again.paid and again.release.certificate is not None
