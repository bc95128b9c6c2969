"""Which rules bear on a question, and by which part each misses it. This explains; what decides is Casbin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.decision.standing import in_force, open_at, unmet
from gateway.model.calendar import city_day
from gateway.model.contract import DisclosureSpec
from gateway.model.errors import ErrorReason
from gateway.model.region import is_within
from gateway.model.request import DisclosureRequest
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.shards import object_within
from gateway.policy.snapshot import PolicySnapshot

_FEW_MISSES = 2


class Part(StrEnum):
    """A part of a rule that can miss a question."""

    RECIPIENT = "recipient"
    OBJECT = "object"
    KIND = "kind"
    REGION = "region"
    PURPOSE = "purpose"
    DAYS = "days"
    HOURS = "hours"
    MEMBERSHIP = "membership"
    TERMS = "terms"


@dataclass(frozen=True, slots=True)
class Miss:
    """One part by which a rule misses, and why, in words."""

    part: Part
    why: str


@dataclass(frozen=True, slots=True)
class Considered:
    """An allow that comes near, with all the parts by which it misses; with none, it holds."""

    grant: Grant
    misses: tuple[Miss, ...]


def considered(
    request: DisclosureRequest, institution: str, snapshot: PolicySnapshot, now: datetime
) -> tuple[Considered, ...]:
    """Return the allows for the dataset that miss by at most two columns; those that miss least come first.

    The days and terms of an allow are looked at where its columns match, at an instant (naive UTC).
    """
    roles = snapshot.roles.of(institution)
    region = request.context.region or snapshot.regions.root.path
    obj = f"{request.dataset}/{request.disclosure}"
    found: list[Considered] = []
    for grant in snapshot.grants:
        if grant.effect is not Effect.ALLOW or grant.dataset not in (request.dataset, ANY):
            continue
        # the cheap comparisons of all, the words of a few
        missed = (
            (grant.recipient not in roles)
            + (not object_within(obj, grant.object))
            + (grant.kind not in (request.kind.value, ANY))
            + (not _where(region, grant))
            + (not _why(request.context.purpose, grant, snapshot))
        )
        if missed <= _FEW_MISSES:
            misses = tuple(_columns(grant, request, roles, obj, region, snapshot))
            misses = misses or tuple(_today(grant, request, institution, snapshot, now))
            found.append(Considered(grant, misses))
    return tuple(sorted(found, key=lambda one: len(one.misses)))


def matching_denies(request: DisclosureRequest, institution: str, snapshot: PolicySnapshot) -> tuple[Grant, ...]:
    """Return the denies that match a question, those on trial among them, in the order of the file."""
    roles = snapshot.roles.of(institution)
    region = request.context.region or snapshot.regions.root.path
    obj, purpose = f"{request.dataset}/{request.disclosure}", request.context.purpose
    if not snapshot.regions.contains(region):
        return ()
    return tuple(
        rule
        for rule in snapshot.grants
        if rule.effect is Effect.DENY
        and (rule.recipient == ANY or rule.recipient in roles)
        and rule.kind in (request.kind.value, ANY)
        and object_within(obj, rule.object)
        and (_where(region, rule) or is_within(rule.region, region))
        and _why(purpose, rule, snapshot)
    )


def _where(region: str, rule: Grant) -> bool:
    return rule.region == ANY or is_within(region, rule.region)


def _why(purpose: str, rule: Grant, snapshot: PolicySnapshot) -> bool:
    if rule.purpose == ANY:
        return snapshot.purposes.get(purpose) is not None
    return snapshot.purposes.is_within(purpose, rule.purpose)


def _columns(
    grant: Grant,
    request: DisclosureRequest,
    roles: frozenset[str],
    obj: str,
    region: str,
    snapshot: PolicySnapshot,
) -> Iterator[Miss]:
    if grant.recipient not in roles:
        what = "the role" if grant.recipient in snapshot.roles.names else "the institution"
        yield Miss(Part.RECIPIENT, f"it is for {what} {grant.recipient}")
    if not object_within(obj, grant.object):
        yield Miss(Part.OBJECT, f"it gives {grant.object}")
    if grant.kind not in (request.kind.value, ANY):
        yield Miss(Part.KIND, f"it answers a {grant.kind}, and a {request.kind} was asked")
    if not _where(region, grant):
        yield Miss(Part.REGION, f"it is for {grant.region}, and {region} does not lie in it")
    if not _why(request.context.purpose, grant, snapshot):
        above = snapshot.purposes.is_within(grant.purpose, request.context.purpose)
        more = ", which is more specific than what was asked" if above else ""
        yield Miss(Part.PURPOSE, f"it is for {grant.purpose}{more}")


def _today(
    grant: Grant, request: DisclosureRequest, institution: str, snapshot: PolicySnapshot, now: datetime
) -> Iterator[Miss]:
    today = city_day(now)
    spec = _disclosure(request, snapshot)
    if spec is None:
        return
    if not grant.terms.in_force(today):
        until = grant.terms.valid_until
        over = until is not None and until < today
        yield Miss(Part.DAYS, f"it ended on {until}" if over else f"it begins on {grant.terms.valid_from}")
        return
    if not in_force(grant, institution, snapshot, today):
        yield Miss(Part.MEMBERSHIP, f"{institution} is not in the role {grant.recipient} on {today}")
        return
    if not open_at(grant.terms, now):
        yield Miss(Part.HOURS, f"it holds from {grant.terms.hours} of each day")
    reason = unmet(grant, request, institution, spec, snapshot, today)
    if reason is not None:
        yield Miss(Part.TERMS, _words(reason, grant))


def _disclosure(request: DisclosureRequest, snapshot: PolicySnapshot) -> DisclosureSpec | None:
    contract = snapshot.contracts.get(request.dataset)
    return None if contract is None else contract.disclosures.get(request.disclosure)


def _words(reason: ErrorReason, grant: Grant) -> str:
    match reason:
        case ErrorReason.CASE_NUMBER_REQUIRED:
            asked = [word for word in grant.terms.conditions() if word.startswith("with a case number")]
            return f"it holds {' and '.join(asked)}"
        case ErrorReason.BULK_FORBIDDEN:
            return "it takes one subject at a time"
        case ErrorReason.CAP_EXCEEDED:
            return f"it takes at most {grant.terms.max_keys} subjects at a time"
        case ErrorReason.LEGAL_BASIS_INSUFFICIENT:
            return "its purpose rests on consent, and it asks for none"
    return "it is not in force"
