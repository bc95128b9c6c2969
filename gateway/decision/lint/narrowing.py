"""Grants that nobody uses, and lines that would do for those that are used in part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

from gateway.decision.lint.findings import Finding, Severity, of_grant
from gateway.decision.lint.usage import Usage
from gateway.model.contract import DisclosureKind
from gateway.model.region import is_within
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.validation import MAX_SLUG
from gateway.policy.writing import grant_line

UNUSED_AFTER = timedelta(days=90)
_NOTICE = timedelta(days=30)
_MOST_VALUES = 4
_MOST_LINES = 8


def unused(policy: PolicySnapshot, usage: Mapping[str, Usage], today: date) -> Iterator[Finding]:
    """Yield the allows that were not used for 90 days, and those of which a part was, in the order of the file."""
    taken = {rule.id for rule in policy.grants}
    for rule in policy.grants:
        begun = rule.terms.valid_from
        if rule.effect is not Effect.ALLOW or not rule.terms.in_force(today):
            continue
        if begun is not None and today - begun < UNUSED_AFTER:
            continue
        used = usage.get(rule.id)
        if used is None or today - used.last_used >= UNUSED_AFTER:
            yield _lapse(rule, used, today)
        else:
            yield from _narrower(rule, used, policy, taken)


def _lapse(rule: Grant, used: Usage | None, today: date) -> Finding:
    end = today + _NOTICE
    end = end if rule.terms.valid_until is None else min(end, rule.terms.valid_until)
    since = "by any record" if used is None else f"since {used.last_used}"
    ending = grant_line(replace(rule, terms=replace(rule.terms, valid_until=end)))
    return of_grant(
        rule, "unused", Severity.WARNING, f"was not used {since}, in {UNUSED_AFTER.days} days at least",
        "Delete the line, or let it end and see who asks.", (ending,),
    )  # fmt: skip


def _narrower(rule: Grant, used: Usage, policy: PolicySnapshot, taken: set[str]) -> Iterator[Finding]:
    recipients = _part(rule.recipient, used.institutions, lambda role: _members(role, policy))
    objects = _part(rule.object, used.objects, lambda _: None)
    kinds = _part(rule.kind, used.kinds, lambda _: None)
    regions = _part(rule.region, _widest(used.regions), lambda _: None)
    purposes = _part(rule.purpose, used.purposes, lambda _: None)
    said = [
        f"{what} {', '.join(values)}"
        for what, own, values in (
            ("by", rule.recipient, recipients), ("for", rule.object, objects), ("as", rule.kind, kinds),
            ("in", rule.region, regions), ("for the purpose", rule.purpose, purposes),
        )
        if list(values) != [own]
    ]  # fmt: skip
    terms = rule.terms
    if rule.kind == DisclosureKind.LOOKUP and terms.max_keys is not None and 0 < used.most_rows < terms.max_keys:
        terms = replace(terms, max_keys=used.most_rows)
        said.append(f"for at most {used.most_rows} subjects at a time, as far as they were found")
    never = _never_given(rule, used, policy)
    columns = list(product(recipients, objects, kinds, regions, purposes))
    if not (said or never) or len(columns) > _MOST_LINES:
        return
    lines: tuple[str, ...] = ()
    if said:
        ids = _ids(rule.id, len(columns), taken)
        lines = tuple(
            grant_line(
                replace(rule, id=id_, recipient=who, object=obj, kind=kind, region=place, purpose=why, terms=terms)
            )
            for id_, (who, obj, kind, place, why) in zip(ids, columns, strict=True)
        )
    told = [f"was used {'; '.join(said)} alone"] if said else []
    told += [f"was never asked for {', '.join(never)}"] if never else []
    remedy = "Put these lines in its place." if lines else "Grant a disclosure without these fields."
    yield of_grant(rule, "wider-than-used", Severity.NOTE, ", and ".join(told), remedy, lines)


def _part(own: str, used: Collection[str], whole: Callable[[str], Collection[str] | None]) -> list[str]:
    """What would do in place of a column: the values that were used, if they are few and not all; else its own."""
    values = sorted(used)
    everything = whole(own)
    if (
        own in values
        or not 0 < len(values) <= _MOST_VALUES
        or (everything is not None and set(values) >= set(everything))
    ):
        return [own]
    return values


def _members(recipient: str, policy: PolicySnapshot) -> Collection[str]:
    if recipient not in policy.roles.names:
        return (recipient,)
    return {link.member for link in policy.links if policy.roles.has_link(link.member, recipient)} - policy.roles.names


def _widest(regions: Collection[str]) -> list[str]:
    return [one for one in regions if not any(one != other and is_within(one, other) for other in regions)]


def _never_given(rule: Grant, used: Usage, policy: PolicySnapshot) -> list[str]:
    dataset, _, name = rule.object.partition("/")
    contract = policy.contracts.get(dataset)
    if ANY in (rule.object, name, rule.kind) or contract is None or rule.kind == DisclosureKind.RELEASE:
        return []
    return [field for field in contract.disclosures[name].fields if field not in used.fields]


def _ids(own: str, count: int, taken: set[str]) -> list[str]:
    """New names, for a name is never used for another rule."""
    found: list[str] = []
    number = 2
    while len(found) < count:
        name = f"{own[: MAX_SLUG - len(str(number)) - 1].rstrip('-')}-{number}"
        if name not in taken:
            found.append(name)
        number += 1
    return found
