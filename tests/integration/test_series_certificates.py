"""Certificates of series: what is shown of days is signed, verified offline, and whatever is altered is noticed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import gateway.client as gw
from gateway.api.v1 import series_service_pb2 as pb
from gateway.cli.app import run
from gateway.client.certificates import key_from
from gateway.decision.series import price_of_series
from gateway.lanes import inquiries
from gateway.lanes import series as lane
from gateway.lanes.series import Days, Named, Opened
from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer
from gateway.server.wire.releases import signing_key_of
from gateway.server.wire.series import days_message_of
from tests.integration.daily import BUREAU, PURPOSE, Payment, Payments, ahead, day, declare, series
from tests.integration.house import House, context, housed
from tests.integration.site import ROOT, Site

DELTA = 1e-6
SQUARE_ROOT, TREE = "paid", "pure"


@dataclass
class Cockpit:
    """A gateway with two open series, one of each table of nodes."""

    house: House
    keys: tuple[gw.SigningKey, ...]

    def caller(self) -> Peer:
        return self.house.site.peer(BUREAU, "li.wei", timedelta(days=30))

    def got(self, name: str, first: int, last: int, spans: tuple[int, ...] = (7,)) -> Days:
        named = Named("subsidies", "paid-by-day", name)
        found = lane.get_series(self.house.ports, self.caller(), context(PURPOSE), named, day(first), day(last), spans)
        assert isinstance(found, Days), found
        return found

    def shown(self, name: str = SQUARE_ROOT, first: int = 2, last: int = 6) -> gw.SeriesDays:
        """Days as the client has them, from the bytes on the wire."""
        written = days_message_of(self.got(name, first, last), DELTA).SerializeToString()
        part = pb.GetSeriesResponse.FromString(written)
        return gw.SeriesDays(gw.Series(part.series), (part,))


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cockpit]:
    folder = tmp_path_factory.mktemp("certified")
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    declare(policies, {SQUARE_ROOT: series(), TREE: series(rho=None, epsilon=4.0)})
    payments = Payments(folder / "data")
    payments.write([Payment(unit, day(1 + unit % 9), 1_000 + unit, unit % 5) for unit in range(300)])
    site = Site(folder / "site", policies, payments.folder, (BUREAU,))
    site.prepare()
    with housed(site) as house:
        house.clock.ahead = ahead()
        found = Cockpit(house, ())
        for name in (SQUARE_ROOT, TREE):
            spec = house.ports.policy.current().contracts["subsidies"].disclosures["paid-by-day"].series[name]
            named = Named("subsidies", "paid-by-day", name)
            opened = lane.open_series(house.ports, found.caller(), context(PURPOSE), named, price_of_series(spec))
            assert isinstance(opened, Opened)
        keys = inquiries.signing_keys(house.ports, found.caller())
        yield replace(found, keys=tuple(key_from(signing_key_of(key)) for key in keys))


@pytest.mark.parametrize("name", [SQUARE_ROOT, TREE])
def test_it_says_what_the_figures_are_made_of_and_is_verified_offline(cockpit: Cockpit, name: str) -> None:
    days = cockpit.shown(name)
    days.verify(cockpit.keys)
    (certificate,) = days.certificates
    kept = gw.SeriesCertificate.from_json(json.dumps(json.loads(certificate.to_json()), indent=2).encode())
    assert kept == gw.read_certificate(certificate.to_json()) == certificate
    says, message = certificate.says, days.series.message
    assert (says["id"], says["name"], says["disclosure"]) == (message.series_id, name, "paid-by-day")
    assert says["loss"]["rho"] == message.privacy_loss.rho
    assert says["nodes"].startswith("tree/" if name == TREE else "root/")
    assert [one["mechanism"] for one in says["measures"]] == [one.mechanism for one in message.measures]
    assert all(one["derivation"] and one["bias_note"] for one in says["measures"])
    assert says["policy_digest"] == cockpit.house.ports.policy.current().digest
    assert [one["day"] for one in certificate.shows["days"]] == [day(number).isoformat() for number in range(2, 7)]
    first = certificate.shows["days"][0]["figures"][0]
    assert [*map(float.fromhex, first["values"])] == [*days.parts[0].days[0].figures[0].values]
    assert float.fromhex(first["margin_95"]) == days.parts[0].days[0].figures[0].margin_95
    published = says["attribution"]
    assert (published["licence"], published["identifier"]) == ("CC-BY-4.0", "10.5072/synthetic-city.subsidies")
    assert days.citation == f"{published['citation']} Daily series {says['id']}, {day(2)} to {day(6)}."
    assert b"li.wei" not in certificate.statement and BUREAU.encode() not in certificate.statement


def test_the_same_days_have_the_same_bytes_and_other_days_are_of_the_same_series(cockpit: Cockpit) -> None:
    (first,), (again,) = cockpit.shown().certificates, cockpit.shown().certificates
    assert first == again
    (other,) = cockpit.shown(first=3, last=5).certificates
    assert other.figures != first.figures and other.says["id"] == first.says["id"]
    differing = {name for name in first.says if first.says[name] != other.says[name]}
    assert differing == {"figures_sha256"}


def test_where_there_is_no_day_there_is_no_certificate(cockpit: Cockpit) -> None:
    nothing = cockpit.shown(first=300, last=301)
    assert nothing.days == () and nothing.certificates == () and nothing.citation == ""
    nothing.verify(cockpit.keys)


Part = pb.GetSeriesResponse
SERIES: dict[str, Callable[[pb.Series], Any]] = {
    "dataset": lambda shown: setattr(shown, "dataset", "residents"),
    "disclosure": lambda shown: setattr(shown, "disclosure", "other"),
    "name": lambda shown: setattr(shown, "name", "other"),
    "description": lambda shown: setattr(shown, "description", "Every payment, exactly"),
    "region": lambda shown: setattr(shown, "region", "hangzhou/xihu"),
    "statistics": lambda shown: shown.statistics.reverse(),
    "group_by": lambda shown: shown.group_by.pop(),
    "advances_by": lambda shown: setattr(shown, "advances_by", "other"),
    "first_day": lambda shown: setattr(shown, "first_day", "2020-01-01"),
    "last_day": lambda shown: setattr(shown, "last_day", "2020-01-01"),
    "days": lambda shown: setattr(shown, "days", 1),
    "days_per_unit": lambda shown: setattr(shown, "days_per_unit", 99),
    "price": lambda shown: setattr(shown, "rho", 1.5),
    "loss": lambda shown: setattr(shown.privacy_loss, "rho", "1/1000"),
    "unit_kind": lambda shown: setattr(shown, "privacy_unit", "firm"),
    "strategy": lambda shown: setattr(shown, "strategy", "other"),
    "measures": lambda shown: setattr(shown.measures[0], "scale", 0.5),
    "cells": lambda shown: setattr(shown, "cells", 1),
    "id": lambda shown: setattr(shown, "series_id", "0" * 64),
}
ANSWER: dict[str, tuple[str, Callable[[Part], Any]]] = {
    "a cell": ("figures", lambda part: part.cells.pop()),
    "a column's span": ("figures", lambda part: setattr(part.columns[0], "span", 3)),
    "a column's name": ("columns", lambda part: setattr(part.columns[0], "name", "count")),
    "what was done": ("post_processing", lambda part: part.post_processing.pop()),
    "a day": ("figures", lambda part: setattr(part.days[0], "day", "2020-01-01")),
    "when it was read": ("figures", lambda part: setattr(part.days[0].closed_at, "seconds", 1)),
    "the data": ("figures", lambda part: setattr(part.days[0], "data_version", "00")),
    "a value": ("figures", lambda part: _more(part.days[1].figures[0].values)),
    "a margin": ("figures", lambda part: setattr(part.days[1].figures[0], "margin_95", 0.5)),
    "a day less": ("figures", lambda part: part.days.pop()),
    "the signature": ("signature", lambda part: setattr(part.certificate, "signature", bytes(64))),
    "the key": ("key_id", lambda part: setattr(part.certificate, "key_id", "0" * 64)),
    "the certificate": ("certificate", lambda part: part.ClearField("certificate")),
}


def _of_series(alter: Callable[[pb.Series], Any], part: Part) -> None:
    alter(part.series)


def _more(values: Any) -> None:
    values[0] += 1e-9


def altered(cockpit: Cockpit, alter: Callable[[Part], Any]) -> str:
    days = cockpit.shown()
    alter(days.parts[0])
    with pytest.raises(gw.CertificateMismatch) as caught:
        days.verify(cockpit.keys)
    return caught.value.part


def test_whatever_is_altered_is_noticed(cockpit: Cockpit) -> None:
    for part, alter in SERIES.items():
        assert altered(cockpit, partial(_of_series, alter)) == part
    for named, change in ANSWER.values():
        assert altered(cockpit, change) == named


NOT_HELD = {"margins", "open", "opened_at", "days_closed", "days_due", "next_day", "receipt"}


def test_every_field_is_held_or_listed_as_not_held() -> None:
    held = {*SERIES} - {"price", "loss", "unit_kind", "id"}
    held |= {"epsilon", "rho", "privacy_loss", "privacy_unit", "series_id"}
    assert {one.name for one in pb.Series.DESCRIPTOR.fields} - NOT_HELD == held
    answer = {"series", "cells", "columns", "post_processing", "days", "certificate"}
    assert {one.name for one in Part.DESCRIPTOR.fields} - NOT_HELD == answer
    reference = (ROOT / "docs/reference/release-certificates.md").read_text("utf-8")
    assert all(f"`{name}`" in reference for name in NOT_HELD)


def test_a_forged_statement_and_one_of_another_kind_are_refused(cockpit: Cockpit) -> None:
    (certificate,) = cockpit.shown().certificates
    forged = certificate.statement.replace(b'"days_per_unit":', b'"days_per_unit":1')
    with pytest.raises(gw.CertificateMismatch, match="signature"):
        replace(certificate, statement=forged).verify(cockpit.keys)
    other = b'{"kind":"purpose-gateway release certificate 1"}'
    signature = cockpit.house.ports.signer.sign(other)
    with pytest.raises(gw.CertificateMismatch, match="kind"):
        gw.SeriesCertificate(other, signature.value, signature.key_id, certificate.figures).verify(cockpit.keys)


def test_what_cannot_be_signed_is_not_shown(cockpit: Cockpit, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(signer: object, statement: bytes) -> None:
        raise Fault(ErrorReason.KEYS_UNAVAILABLE)

    monkeypatch.setattr(type(cockpit.house.ports.signer), "sign", unable)
    with pytest.raises(Fault) as caught:
        cockpit.shown()
    assert caught.value.reason is ErrorReason.RELEASE_FAILED


def test_the_command_verifies_it_alone(cockpit: Cockpit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (certificate,) = cockpit.shown().certificates
    file, keys = tmp_path / "certificate.json", tmp_path / "keys.json"
    file.write_bytes(certificate.to_json())
    keys.write_bytes(gw.write_signing_keys(cockpit.keys))
    command = ["release", "verify", str(file), "--keys", str(keys)]
    assert run(command) == 0
    said = capsys.readouterr().out
    assert f"Days {day(2)} to {day(6)} of the series paid" in said and "for each node" in said
    body = json.loads(certificate.to_json())
    body["figures"]["days"][0]["figures"][0]["values"][0] = (0.5).hex()
    file.write_text(json.dumps(body))
    assert run(command) == 1
    assert "the figures are not those that were signed" in capsys.readouterr().err
