"""Offers tell who answers for the data and what is promised of it, and nothing of what is not granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest

from gateway.client.offers import offer_from
from gateway.decision.offers import offers
from gateway.model.attribution import Attribution
from gateway.model.contract import DataContract, Description, QualityRule
from gateway.model.permit import Offer
from gateway.policy.snapshot import load
from gateway.server.wire.offers import offer_of, research_dataset_of
from tests.unit.policy.conftest import GOOD

TODAY = date(2026, 3, 1)
HIDDEN = "onset"
"""A field of the contract that the disclosure does not give."""


def rule(field: str = "", metric: str = "", definition: str = "", **more: Any) -> QualityRule:
    arguments: Mapping[str, object] = MappingProxyType(more)
    return QualityRule(
        field, f"rule-{field or 'whole'}", "library", "completeness", "", metric, arguments, "mustBeLessThan", (1,),
        "percent", "warning", "", definition,
    )  # fmt: skip


def offered(**changed: Any) -> Offer:
    (offer,) = offers(load(GOOD), "police", TODAY, purpose="contact-tracing", dataset="health_cases")[1:]
    assert offer.disclosure.name == "one-case"
    contract: DataContract = replace(offer.contract, **changed)
    return replace(offer, contract=contract)


def test_an_offer_tells_who_answers_and_how_fresh_the_data_is() -> None:
    told = offer_from(
        offer_of(offered(freshness_hours=24, title_zh="病例", description=Description("For tracing.", "", "Late.")))
    )
    assert (told.controller, told.steward) == ("health-commission", "case desk, cases@hangzhou.example")
    assert (told.title_en, told.title_zh) == ("Health cases", "病例")
    assert (told.dataset_purpose, told.dataset_usage, told.dataset_limitations) == ("For tracing.", "", "Late.")
    assert told.freshness_hours == 24
    assert offer_from(offer_of(offered())).freshness_hours is None, "nothing is promised"


def test_rules_of_the_fields_in_the_offer_and_of_the_dataset_are_told() -> None:
    rules = (
        rule(metric="rowCount"),
        rule("community", "missingValues"),
        rule(metric="duplicateValues", properties=("community",)),
    )
    told = offer_from(offer_of(offered(quality=rules)))
    assert [(one.field, one.rule) for one in told.quality] == [
        ("", "rowCount mustBeLessThan 1 percent"),
        ("community", "missingValues mustBeLessThan 1 percent"),
        ("", "duplicateValues(community) mustBeLessThan 1 percent"),
    ]
    assert told.quality[1].severity == "warning"


@pytest.mark.parametrize(
    "hidden",
    [
        rule(HIDDEN, "missingValues"),
        rule(metric="duplicateValues", properties=("community", HIDDEN)),
        rule(definition=f"SELECT count({HIDDEN}) FROM health_cases"),
    ],
    ids=["its-field", "its-list", "its-query"],
)
def test_a_rule_tells_nothing_of_a_field_that_is_not_granted(hidden: QualityRule) -> None:
    message = offer_of(offered(quality=(hidden,)))
    assert HIDDEN not in str(message)


def test_whoever_is_granted_nothing_is_told_of_no_dataset() -> None:
    assert offers(load(GOOD), "zju", TODAY, dataset="health_cases") == ()


def test_a_researcher_is_told_how_the_data_is_licensed_and_cited() -> None:
    bays = Attribution("Bays", "Parking office", "CC-BY-4.0", "Parking office (2026): Bays.", "10.5072/bays")
    elsewhere = replace(bays, licence="https://city.example/licence", identifier="")
    told = research_dataset_of(offered(attribution=bays)).attribution
    assert (told.licence, told.licence_url) == ("CC-BY-4.0", "https://spdx.org/licenses/CC-BY-4.0.html")
    assert (told.identifier, told.identifier_url) == ("10.5072/bays", "https://doi.org/10.5072/bays")
    assert (told.title, told.publisher, told.citation) == (bays.title, bays.publisher, bays.citation)
    told = research_dataset_of(offered(attribution=elsewhere)).attribution
    assert (told.licence_url, told.identifier, told.identifier_url) == ("https://city.example/licence", "", "")
    assert not research_dataset_of(offered(attribution=None)).HasField("attribution")
