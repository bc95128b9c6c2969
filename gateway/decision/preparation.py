"""What a question comes to on one day, before the caller's values are looked at: kept, since it is asked so often.

A question is who asks for which disclosure and fields, for which purpose, where. Its answer follows from the snapshot
and the day alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from gateway.decision.entitlement import Entitlement, entitlement
from gateway.decision.granularity import region_fits
from gateway.decision.standing import has_basis, in_force, last_day
from gateway.model.calendar import end_of_day
from gateway.model.contract import IN_OR_NOTHING, OF_ONE, OF_TOKENS, DisclosureKind, DisclosureSpec
from gateway.model.permit import (
    ADD_NOISE,
    APPLY_FILTERS,
    BOUND_CONTRIBUTIONS,
    CHECK_ROWS,
    DROP_INTERNAL,
    ENSURE_ANONYMITY,
    LIMIT_ROWS,
    REQUIRE_CONSENT,
    RESTRICT_REGION,
    RETAIN_ONLY,
    SUPPRESS_CELLS,
    TREAT,
    TWO_OFFICERS,
    WAIVE_NOISE,
    Obligation,
    Scope,
    Withheld,
)
from gateway.model.request import DisclosureRequest, RowsRequest
from gateway.model.terms import Terms
from gateway.model.treatment import Treatment
from gateway.policy.grants import Grant
from gateway.policy.snapshot import PolicySnapshot

NOT_IN_DISCLOSURE = "not part of this disclosure"


@dataclass(frozen=True, slots=True)
class Option:
    """One grant that is in force, and what it opens.

    `asks` tells whether its terms ask something of the hour or of what the caller writes. `ends` is naive UTC.
    """

    scope: Scope
    asks: bool
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Whom the question concerns, and its options in the order of the file: never none."""

    found: Entitlement
    options: tuple[Option, ...]


def prepare(institution: str, request: DisclosureRequest, policy: PolicySnapshot, today: date) -> Prepared | None:
    """Return what the question comes to today, or None where it comes to a refusal."""
    context = request.context
    fields = (request.fields, request.allow_partial) if isinstance(request, RowsRequest) else None
    question = (
        institution,
        request.dataset,
        request.disclosure,
        request.kind,
        context.purpose,
        context.region,
        fields,
        today,
    )
    known = policy.prepared.get(question)
    if isinstance(known, Prepared):
        return known
    made = _prepare(institution, request, policy, today)
    if made is not None and not made.options[0].scope.withheld:
        # what is granted in full has names of the policy alone, and is short
        policy.prepared.put(question, made)
    return made


def asked_fields(
    request: RowsRequest, disclosure: DisclosureSpec
) -> tuple[Mapping[str, Treatment], tuple[Withheld, ...]]:
    """Return requested ∩ granted with the treatment of each, and what was asked for besides."""
    if not request.fields:
        return disclosure.fields, ()
    wanted = set(request.fields)
    fields = {name: how for name, how in disclosure.fields.items() if name in wanted}
    withheld = tuple(Withheld(name, NOT_IN_DISCLOSURE) for name in request.fields if name not in disclosure.fields)
    return fields, withheld


def enough(
    request: RowsRequest,
    disclosure: DisclosureSpec,
    fields: Mapping[str, Treatment],
    withheld: tuple[Withheld, ...],
) -> bool:
    """Tell whether these fields answer the request: all it asks for, or some if it takes some."""
    return (request.allow_partial or not withheld) and bool(fields or disclosure.kind in (*OF_ONE, *IN_OR_NOTHING))


def _prepare(institution: str, request: DisclosureRequest, policy: PolicySnapshot, today: date) -> Prepared | None:
    found = entitlement(institution, request, policy)
    if found is None or found.ruling.denied_on(today) or found.unlawful is not None or found.purpose.ended_on(today):
        return None
    grants = [
        grant
        for grant in found.ruling.grants
        if in_force(grant, institution, policy, today) and has_basis(grant, found.purpose.id, found.disclosure, policy)
    ]
    fields: Mapping[str, Treatment] = {}
    withheld: tuple[Withheld, ...] = ()
    if isinstance(request, RowsRequest):
        fields, withheld = asked_fields(request, found.disclosure)
        if not enough(request, found.disclosure, fields, withheld):
            return None
        if found.disclosure.kind not in (DisclosureKind.INGEST, DisclosureKind.INDICATOR):
            # a region narrower than the fields tell would be a filter on what they do not tell
            grants = [one for one in grants if region_fits(found.region, one, found.contract, fields, policy.regions)]
    options = tuple(_option(grant, found, fields, withheld, institution, policy, today) for grant in grants)
    return Prepared(found, options) if options else None


def _option(
    grant: Grant,
    found: Entitlement,
    fields: Mapping[str, Treatment],
    withheld: tuple[Withheld, ...],
    institution: str,
    policy: PolicySnapshot,
    today: date,
) -> Option:
    one_record = 1 if grant.terms.single and found.disclosure.kind is DisclosureKind.LOOKUP else None
    caps = (found.disclosure.max_rows, grant.terms.max_rows, one_record)
    max_rows = min((cap for cap in caps if cap is not None), default=None)
    trials = (deny.terms.trial for deny in found.ruling.trials)
    days = (found.purpose.expires_on, last_day(grant, institution, policy, today), *trials)
    ends = min((end_of_day(day) for day in days if day is not None), default=None)
    terms = grant.terms
    asks = terms.needs_case or terms.single or terms.max_keys is not None or terms.hours is not None
    scope = Scope(
        contract=found.contract,
        disclosure=found.disclosure,
        region=found.region,
        granted_region=grant.subtree(policy.regions.root.path),
        fields=fields,
        withheld=withheld,
        grant=grant.id,
        legal_basis=found.purpose.legal_basis,
        policy_digest=policy.digest,
        max_rows=max_rows,
        obligations=_obligations(found.disclosure, fields, max_rows, terms),
        terms=terms,
        trials=found.trial_names,
    )
    return Option(scope, asks, ends)


def _obligations(
    disclosure: DisclosureSpec, fields: Mapping[str, Treatment], max_rows: int | None, terms: Terms
) -> frozenset[Obligation]:
    owed = {Obligation(RESTRICT_REGION), Obligation(APPLY_FILTERS)}
    if disclosure.consent_field is not None:
        owed.add(Obligation(REQUIRE_CONSENT))
    if terms.consent is not None:
        owed.add(Obligation(REQUIRE_CONSENT, terms.consent))
    if disclosure.kind in OF_TOKENS:
        # no row is read and no field leaves: what is owed is the two officers, and the stages of these kinds see to it
        return frozenset({Obligation(TWO_OFFICERS)})
    if disclosure.kind is DisclosureKind.INGEST:
        # nothing leaves: what is owed is that rows come from the region, and no column that is not collected
        return frozenset({Obligation(RESTRICT_REGION), Obligation(RETAIN_ONLY), Obligation(CHECK_ROWS)})
    if disclosure.kind is DisclosureKind.INDICATOR:
        return frozenset(owed | {Obligation(SUPPRESS_CELLS), Obligation(WAIVE_NOISE)})
    if disclosure.kind is DisclosureKind.RELEASE:
        return frozenset(owed | {Obligation(BOUND_CONTRIBUTIONS), Obligation(ADD_NOISE)})
    if max_rows is not None:
        owed.add(Obligation(LIMIT_ROWS))
    if disclosure.anonymity is not None:
        owed.add(Obligation(ENSURE_ANONYMITY))
    if disclosure.randomises:
        owed.add(Obligation(BOUND_CONTRIBUTIONS))
    owed |= {Obligation(RETAIN_ONLY), Obligation(DROP_INTERNAL), Obligation(WAIVE_NOISE)}
    return frozenset(owed | {Obligation(TREAT, name) for name in fields})
