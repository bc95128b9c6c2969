"""A small contract with one release disclosure, for tests of pricing and naming."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from gateway.model.contract import (
    Bounds,
    CanonicalForm,
    Classification,
    ContractStatus,
    DataContract,
    DisclosureKind,
    DisclosureSpec,
    FieldSpec,
    PrivacyUnit,
    StatisticsSpec,
)
from gateway.model.measure import Currency, Price
from gateway.model.party import Identity
from gateway.model.permit import Permit, Scope
from gateway.model.plan import BoundedQuery
from gateway.model.purpose import LegalBasis
from gateway.model.region import RegionLevel
from gateway.model.request import ReleaseRequest, RequestContext
from gateway.model.statistics import StatisticsQuery
from gateway.model.storage import SourceKind, SourceSpec
from gateway.model.values import FieldType, Scalar
from gateway.privacy.binding import bind
from gateway.privacy.pricing import settle


def _field(
    name: str, kind: FieldType, *, keys: tuple[Scalar, ...] | None = None, bounds: Bounds | None = None
) -> FieldSpec:
    return FieldSpec(name, kind, Classification.OTHER, False, CanonicalForm.TEXT, bounds, keys)


DISCLOSURE = DisclosureSpec(
    name="by-sector",
    kind=DisclosureKind.RELEASE,
    description="",
    fields={},
    lookup_keys=(),
    lookup_by=frozenset(),
    filters=("sector", "day"),
    predicate=(),
    consent_field=None,
    max_rows=None,
    waive_noise="",
    statistics=StatisticsSpec(("sector", "day", "amount"), ("amount",), 2, 3, "1", 200),
)

CONTRACT = DataContract(
    dataset="subsidies",
    status=ContractStatus.ACTIVE,
    title_en="",
    title_zh="",
    controller="bureau",
    steward="desk",
    source=SourceSpec(SourceKind.PARQUET, "subsidies.parquet"),
    privacy_unit=PrivacyUnit("resident", "resident_id"),
    region_field=None,
    retention_days=None,
    fields={
        "resident_id": _field("resident_id", FieldType.STRING),
        "sector": _field("sector", FieldType.STRING, keys=("a", "b", "c")),
        "amount": _field("amount", FieldType.INT64, bounds=Bounds(-50, 200)),
        "wage": _field("wage", FieldType.INT64, bounds=Bounds(0, 10)),
        "day": _field("day", FieldType.TIMESTAMP),
    },
    disclosures={"by-sector": DISCLOSURE},
    digest="d" * 64,
)

HALF = Price(Currency.EPSILON, Fraction(1, 2))
_NOW = datetime(2026, 11, 1)


def request_for(query: StatisticsQuery, price: Price = HALF) -> ReleaseRequest:
    context = RequestContext("open-data", "", "", "id", b"", False)
    return ReleaseRequest(context, "subsidies", "by-sector", query, price)


def permit_for(query: StatisticsQuery, *, region: str = "hangzhou", institution: str = "zju-research") -> Permit:
    scope = Scope(
        contract=CONTRACT,
        disclosure=DISCLOSURE,
        region=region,
        granted_region=region,
        fields={},
        withheld=(),
        grant="g",
        legal_basis=LegalBasis("dpv:Consent", "x"),
        policy_digest="p",
        max_rows=None,
        obligations=frozenset(),
    )
    # a query that asks for nothing is no release
    release = settle(bound(query), query.statistics, HALF, CONTRACT) if query.statistics else None
    return Permit(Identity(institution, "person", _NOW), request_for(query), scope, _NOW, _NOW, release=release)


def with_found_keys(disclosure: DisclosureSpec, fields: tuple[str, ...], delta: str) -> DisclosureSpec:
    """The same disclosure, where the keys of some fields are found in the data."""
    assert disclosure.statistics is not None
    return replace(disclosure, statistics=replace(disclosure.statistics, found_keys=fields, delta=delta))


def no_places(_: RegionLevel) -> tuple[str, ...]:
    """The dataset has no regions."""
    return ()


def bound(query: StatisticsQuery) -> BoundedQuery:
    """The query with its cells and bounds."""
    found = bind(query, CONTRACT, DISCLOSURE, no_places)
    assert isinstance(found, BoundedQuery)
    return found
