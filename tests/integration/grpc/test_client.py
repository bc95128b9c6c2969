"""The Python client against a real gateway."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gateway.client as gw
from gateway.adapters.dev_ca import DevelopmentAuthority
from gateway.api.v1 import receipt_pb2
from tests.integration.fixtures import City
from tests.integration.site import free_port, utc_now, values_of

AUDIT: dict[str, Any] = {"purpose": "subsidy-audit", "case_number": "SJ-2026-0123"}


def a_resident(city: City) -> str:
    return values_of(city.data, "health_codes", "resident_id")[0]


def in_order(table: pa.Table) -> pa.Table:
    """The rows sorted: each extract draws an order of its own."""
    return table.sort_by([(name, "ascending") for name in table.column_names])


def test_an_extract_is_the_same_in_both_encodings(city: City) -> None:
    seen: list[tuple[int, int]] = []
    with city.connect("audit-bureau") as gateway:
        arrow = gateway.extract("subsidies", "audit-rows", progress=lambda *at: seen.append(at), **AUDIT)
        decided = arrow.receipt
        table = arrow.read_all()
        rows = gateway.extract("subsidies", "audit-rows", encoding="rows", **AUDIT).read_all()
    assert table.num_rows > 0 and in_order(table) == in_order(rows)
    assert arrow.complete and seen[-1] == (table.num_rows, arrow.batches)
    assert (decided.outcome, arrow.receipt.outcome) == (
        receipt_pb2.OUTCOME_STARTED,
        receipt_pb2.OUTCOME_COMPLETED,
    )
    assert arrow.receipt.rows == table.num_rows
    for receipt in (decided, arrow.receipt):
        gw.verify_receipt(receipt)


def test_filters_and_fields_narrow_an_extract(city: City) -> None:
    with city.connect("audit-bureau") as gateway:
        table = gateway.extract(
            "subsidies", "audit-rows", fields=["tier", "amount_yuan"], filters=[("tier", "in", ["A", "B"])], **AUDIT
        ).read_all()
    assert table.column_names == ["tier", "amount_yuan"]
    assert set(table.column("tier").to_pylist()) == {"A", "B"}


def test_a_lookup_answers_each_subject_in_the_order_asked(city: City) -> None:
    with city.connect("verifier-metro") as gateway:
        found, absent = (
            gateway.lookup("health_codes", "colour-check", purpose="health-code-check", by="resident_id", values=[who])
            for who in (a_resident(city), "110101190001010000")
        )
    assert found.subjects[0].num_rows == 1 and found.schema.names == ["colour", "assessed_on"]
    assert found.to_arrow().column("colour")[0].as_py() in ("green", "yellow", "red")
    assert absent.subjects[0].num_rows == 0 and absent.schema == found.schema
    gw.verify_receipt(found.receipt)


def test_a_token_that_was_given_selects_its_subject(city: City) -> None:
    with city.connect("audit-bureau") as gateway:
        table = gateway.extract("subsidies", "audit-rows", fields=["resident_id", "amount_yuan"], **AUDIT).read_all()
        token = table.column("resident_id")[0].as_py()
        file = gateway.lookup("subsidies", "applicant-file", by="resident_id", tokens=[token], **AUDIT)
    assert file.subjects[0].num_rows > 0


def test_a_check_says_yes_or_no(city: City) -> None:
    table = pq.read_table(city.data / "subsidies.parquet", columns=["resident_id", "eligible"])
    entitled = {row["resident_id"] for row in table.to_pylist() if row["eligible"]}
    others = {row["resident_id"] for row in table.to_pylist()} - entitled
    with city.connect("enterprise-service-bureau") as gateway:
        yes, no = (
            gateway.check("subsidies", "eligibility", purpose="subsidy-eligibility", by="resident_id", value=min(who))
            for who in (entitled, others)
        )
    assert yes and yes.answer["tier"] in ("A", "B", "C", "none")
    assert not no and no.answer == {"tier": None}


def test_a_refusal_carries_reason_nearest_request_and_receipt(city: City) -> None:
    with city.connect("audit-bureau") as gateway:
        with pytest.raises(gw.Refused) as raised:
            gateway.extract("subsidies", "audit-rows", fields=["tier", "colour"], **AUDIT)
        error = raised.value
        assert error.reason == "FIELD_NOT_GRANTED" and error.nearest is not None
        assert error.nearest.fields == ("tier",) and error.nearest.purpose == "subsidy-audit"
        receipt = gateway.receipt(error.receipt_id)
        assert receipt.outcome == receipt_pb2.OUTCOME_REFUSED and receipt.reason == "FIELD_NOT_GRANTED"
        gw.verify_receipt(receipt)
        assert "this would pass" in str(error)


def test_messages_are_in_the_language_of_the_connection(city: City) -> None:
    folder = city.site.folder
    with gw.connect(
        city.site.target,
        certificate=folder / "audit-bureau.pem",
        key=folder / "audit-bureau.key",
        ca=(folder / "ca.pem").read_bytes(),
        token=lambda: city.site.token("audit-bureau"),
        language="zh",
    ) as gateway:
        with pytest.raises(gw.InvalidRequest) as raised:
            gateway.extract("subsidies", "audit-rows", purpose="")
        assert raised.value.reason == "PURPOSE_MISSING" and "用途" in raised.value.remedy


def test_another_s_receipt_is_not_shown(city: City) -> None:
    with city.connect("audit-bureau") as gateway, city.connect("police") as other:
        mine = gateway.extract("subsidies", "audit-rows", **AUDIT)
        mine.read_all()
        for receipt_id in (mine.receipt.receipt_id, "9" * 20):
            with pytest.raises(gw.NotFound):
                other.receipt(receipt_id)


def test_a_release_is_estimated_made_and_given_again(city: City) -> None:
    asked: dict[str, Any] = {"purpose": "academic-research", "group_by": ["tier"]}
    with city.connect("zju-research", "estimator") as gateway:
        assert any(item.disclosure == "by-sector" for item in gateway.datasets(purpose="academic-research"))
        statistics = [gw.count(), gw.sum_of("amount_yuan")]
        quote = gateway.estimate("subsidies", "by-sector", statistics, epsilon=0.2, **asked)
        assert quote.affordable and not quote.already_released and quote.cells == 4
        release = gateway.release("subsidies", "by-sector", statistics, epsilon=quote.epsilon, **asked)
        table = release.to_arrow()
        assert table.column_names[0] == "tier" and table.num_rows == 4
        assert table.schema.types[1:] == [pa.int64(), pa.float64()] * 2
        assert table.column(2)[0].as_py() == quote.measures[0].margin_95
        again = gateway.release("subsidies", "by-sector", statistics, epsilon=quote.epsilon, **asked)
        stored = gateway.get_release(release.release_id, purpose="academic-research")
        assert release.charged and not again.charged and not stored.charged
        assert again.message == stored.message == release.message
        for receipt in (release.receipt, again.receipt, stored.receipt):
            gw.verify_receipt(receipt)
        spent = [
            Fraction(item.spent_rho) for item in gateway.budget("subsidies", "by-sector", purpose="academic-research")
        ]
        assert all(spent)


def test_a_margin_is_priced(city: City) -> None:
    with city.connect("zju-research") as gateway:
        quote = gateway.estimate(
            "subsidies", "by-sector", [gw.count()], margin=60.0, purpose="academic-research", group_by=["district"]
        )
        assert quote.measures[0].margin_95 <= 60.0 and quote.epsilon is not None and 0 < quote.epsilon <= 1
        again = gateway.estimate(
            "subsidies", "by-sector", [gw.count()], epsilon=quote.epsilon, purpose="academic-research",
            group_by=["district"],
        )  # fmt: skip
        assert again.measures == quote.measures
        with pytest.raises(gw.InvalidRequest):
            gateway.estimate("subsidies", "by-sector", [gw.count()], margin=1e-9, purpose="academic-research")


def connect_with(city: City, authority: DevelopmentAuthority, life: timedelta, ca: bytes, address: str) -> gw.Gateway:
    mine = authority.client("police", utc_now(), life)
    token = city.site.token("police")
    return gw.connect(address, certificate=mine.certificate_pem, key=mine.private_key_pem, ca=ca, token=token)


def test_tls_troubles_have_names(city: City) -> None:
    trusted, stranger, day = city.site.authority, DevelopmentAuthority(utc_now()), timedelta(days=1)
    with pytest.raises(gw.CertificateExpired) as expired:
        connect_with(city, trusted, -day, trusted.ca_pem, city.site.target)
    assert "Get a new one" in expired.value.remedy
    cases = [
        (stranger, trusted.ca_pem, city.site.target, gw.HandshakeFailed, "CERTIFICATE_NOT_ACCEPTED"),
        (trusted, stranger.ca_pem, city.site.target, gw.HandshakeFailed, "GATEWAY_NOT_TRUSTED"),
        (trusted, trusted.ca_pem, f"localhost:{free_port()}", gw.Unavailable, "UNREACHABLE"),
    ]
    for authority, ca, address, kind, reason in cases:
        with connect_with(city, authority, day, ca, address) as gateway:
            with pytest.raises(kind) as raised:
                gateway.lookup("d", "e", purpose="p", by="f", values=["x"])
            assert raised.value.reason == reason
            with pytest.raises(kind):
                gateway.extract("d", "e", purpose="p")
