"""Whatever is proposed passes; whatever is offered passes; and neither names what the caller has no grant for."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from functools import cache
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.granularity import region_fits
from gateway.decision.nearest import nearest
from gateway.decision.offers import offers
from gateway.decision.standing import unmet
from gateway.model.contract import ContractStatus, DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.permit import NearestRequest
from gateway.model.request import DisclosureRequest, RowsRequest
from gateway.policy.snapshot import PolicySnapshot, load
from tests.unit.policy.conftest import GOOD
from tests.unit.policy.requests import applied, release, rows

WHO = ["police", "police-xihu", "police-xiacheng", "zju", "audit-office", "stranger"]
OBJECTS = {
    "health_cases/tracing": "extract", "health_cases/one-case": "lookup", "subsidies/eligibility": "check",
    "subsidies/audit-rows": "extract", "subsidies/audit-tiers": "extract", "subsidies/by-tier": "release",
    "firms/sectors": "extract",
}  # fmt: skip
REGIONS = ["hangzhou", "hangzhou/xiacheng", "hangzhou/xiacheng/wulin", "hangzhou/xiacheng/wulin/c01", "hangzhou/xihu"]
PURPOSES = ["epidemic-control", "contact-tracing", "subsidy-audit", "open-data", "data-contest", "social-scoring"]
FIELDS = ["resident_id", "phone", "community", "tier", "amount_yuan", "onset", "diagnosis", "sector", "no_such"]
TERMS = ["", "", "until=2027-01-31", "from=2027-01-10", "case=SJ-9"]

DAYS = st.dates(date(2027, 1, 1), date(2027, 7, 31))

allows = st.tuples(
    st.sampled_from(WHO[:5]), st.sampled_from(sorted(OBJECTS)), st.sampled_from(REGIONS), st.sampled_from(PURPOSES),
    st.sampled_from(TERMS),
)  # fmt: skip
denies = st.tuples(
    st.sampled_from([*WHO[:5], "*"]), st.sampled_from([*sorted(OBJECTS), "health_cases/*", "subsidies/*", "*"]),
    st.sampled_from([*REGIONS, "*"]), st.sampled_from([*PURPOSES, "*"]),
)  # fmt: skip
policies = st.tuples(st.lists(allows, min_size=1, max_size=5, unique=True), st.lists(denies, max_size=2, unique=True))
questions = st.tuples(
    st.sampled_from(WHO), st.sampled_from([*sorted(OBJECTS), "subsidies/none", "none/none"]),
    st.sampled_from([*REGIONS, "", "nowhere"]), st.sampled_from([*PURPOSES, "none"]),
    st.lists(st.sampled_from(FIELDS), max_size=3, unique=True), st.sampled_from(["", "SJ-1"]),
    st.integers(1, 3), DAYS,
)  # fmt: skip


@cache
def _policy(
    granted: tuple[tuple[str, str, str, str, str], ...], denied: tuple[tuple[str, str, str, str], ...]
) -> PolicySnapshot:
    lines = []
    for place, (who, obj, region, purpose, terms) in enumerate(granted):
        where = "hangzhou" if obj.startswith("firms") else region
        lines.append(f"p, g-{place}, {who}, {obj}, {OBJECTS[obj]}, {where}, {purpose}, {terms}, allow")
    for place, (who, obj, region, purpose) in enumerate(denied):
        lines.append(f"p, d-{place}, {who}, {obj}, *, {region}, {purpose}, , deny")
    lines += ["p, g-police, police, health_cases/tracing, extract, hangzhou/xihu, contact-tracing, , allow",
              "p, g-zju, zju, subsidies/by-tier, release, hangzhou/xihu, data-contest, , allow",
              "g, police-xiacheng, police", "g, police-xihu, police"]  # fmt: skip
    with tempfile.TemporaryDirectory() as place_:
        folder = Path(shutil.copytree(GOOD, Path(place_) / "policies"))
        (folder / "grants.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return load(folder)


def _passes(policy: PolicySnapshot, who: str, request: DisclosureRequest, today: date) -> bool:
    contract = policy.contracts.get(request.dataset)
    spec = None if contract is None else contract.disclosures.get(request.disclosure)
    purpose = policy.purposes.get(request.context.purpose)
    if contract is None or spec is None or purpose is None or contract.status is not ContractStatus.ACTIVE:
        return False
    if spec.kind is not request.kind or (purpose.expires_on is not None and purpose.expires_on < today):
        return False
    if isinstance(request, RowsRequest) and not set(request.fields) <= set(spec.fields):
        return False
    region = request.context.region or "hangzhou"
    ruling = policy.ruling(who, f"{contract.dataset}/{spec.name}", spec.kind, region, purpose.id)
    named = request.fields if isinstance(request, RowsRequest) else ()
    leaving = {name: how for name, how in spec.fields.items() if name in named or not named}
    rows_asked = isinstance(request, RowsRequest)
    return any(
        unmet(grant, request, who, spec, policy, today) is None
        and (not rows_asked or region_fits(region, grant, contract, leaving, policy.regions))
        for grant in ruling.grants
    )


@given(policy=policies, question=questions)
def test_every_proposal_passes_and_gives_nothing_away(
    policy: tuple[list[tuple[str, str, str, str, str]], list[tuple[str, str, str, str]]],
    question: tuple[str, str, str, str, list[str], str, int, date],
) -> None:
    snapshot = _policy(tuple(policy[0]), tuple(policy[1]))
    who, obj, region, purpose, fields, case_number, keys, today = question
    kind = DisclosureKind(OBJECTS.get(obj, "extract"))
    request: DisclosureRequest
    if kind is DisclosureKind.RELEASE:
        request = release(obj, purpose, region, case_number=case_number)
    else:
        count = keys if kind is DisclosureKind.LOOKUP else int(kind is DisclosureKind.CHECK)
        request = rows(kind, obj, purpose, region, fields=tuple(fields), case_number=case_number, keys=count)
    found = nearest(snapshot, who, request, today, ErrorReason.DISCLOSURE_NOT_GRANTED)
    if found is None:
        return
    if found.steward:
        assert found == NearestRequest(steward=found.steward)
        assert _granted_something(snapshot, who)
        return
    proposed = applied(request, found, snapshot)
    assert proposed.context.purpose == purpose
    assert _passes(snapshot, who, proposed, today)


@given(policy=policies, who=st.sampled_from(WHO), today=DAYS)
def test_every_offer_passes(
    policy: tuple[list[tuple[str, str, str, str, str]], list[tuple[str, str, str, str]]], who: str, today: date
) -> None:
    snapshot = _policy(tuple(policy[0]), tuple(policy[1]))
    for offer in offers(snapshot, who, today):
        obj = f"{offer.contract.dataset}/{offer.disclosure.name}"
        for region in offer.regions:
            request: DisclosureRequest
            if offer.kind is DisclosureKind.RELEASE:
                request = release(obj, offer.purpose, region, case_number="SJ-1")
            else:
                request = rows(offer.kind, obj, offer.purpose, region, case_number="SJ-1")
            assert _passes(snapshot, who, request, today)
        assert offer.regions
        assert offer.expires_on is None or today <= offer.expires_on


def _granted_something(snapshot: PolicySnapshot, who: str) -> bool:
    roles = snapshot.roles.of(who)
    return any(grant.recipient in roles and grant.effect == "allow" for grant in snapshot.grants)
