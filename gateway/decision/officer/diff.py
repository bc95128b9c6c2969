"""What one policy gives that another does not, and the other way about: by entitlements, not by text.

Rules are compared as a set, and what somebody holds is worked out, by Casbin as ever, only where something differs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.decision.holdings import Holding, Seat, holding
from gateway.decision.officer import catalogue
from gateway.decision.officer.affected import Side, affected, meaning
from gateway.decision.officer.anew import begun_anew
from gateway.decision.officer.coarseness import Telling
from gateway.decision.officer.shifts import FieldShift, PartShift, field_shifts, terms_shift
from gateway.model.region import is_within
from gateway.model.terms import Terms
from gateway.policy.snapshot import PolicySnapshot

_WIDER = (Telling.MORE, Telling.OTHER)


class Turn(StrEnum):
    """What becomes of something that an institution may ask for."""

    OPENS = "opens"
    CLOSES = "closes"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class EntitlementShift:
    """What changes for one institution, disclosure and purpose. Regions are the widest that are new or no longer held.

    `fields` are those of the disclosure that leave otherwise; all of them where it opens or closes.
    """

    seat: Seat
    turn: Turn
    fields: tuple[FieldShift, ...]
    regions_gained: tuple[str, ...]
    regions_lost: tuple[str, ...]
    terms: tuple[PartShift, ...]

    @property
    def exposed(self) -> tuple[FieldShift, ...]:
        """The fields of which the institution is told what it was not told before."""
        return tuple(field for field in self.fields if field.exposed)

    @property
    def wider(self) -> bool:
        """Whether the institution gets something that it did not get before."""
        looser = any(shift.telling in _WIDER for shift in self.terms)
        return self.turn is Turn.OPENS or bool(self.exposed or self.regions_gained) or looser


@dataclass(frozen=True, slots=True)
class DisclosureShift:
    """The fields of a disclosure that leave otherwise, for whoever is granted it."""

    obj: str
    fields: tuple[FieldShift, ...]


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """The step from one policy to another, each known by its digest. `renamed` counts rules with another name alone."""

    before: str
    after: str
    entitlements: tuple[EntitlementShift, ...]
    disclosures: tuple[DisclosureShift, ...]
    denies: tuple[PartShift, ...]
    memberships: tuple[PartShift, ...]
    purposes: tuple[PartShift, ...]
    budgets: tuple[PartShift, ...]
    contracts: tuple[PartShift, ...]
    people: tuple[PartShift, ...]
    renamed: int

    @property
    def empty(self) -> bool:
        """Whether nothing differs in what the policies mean."""
        return not (self.entitlements or self.disclosures or self.renamed or any(True for _ in self._parts()))

    @property
    def wider(self) -> bool:
        """Whether somebody gets something, or something is let happen, that was not before."""
        return any(shift.wider for shift in self.entitlements) or any(
            shift.telling in _WIDER for shift in self._parts()
        )

    def _parts(self) -> Iterable[PartShift]:
        return (
            *self.denies, *self.memberships, *self.purposes, *self.budgets, *self.contracts, *self.people
        )  # fmt: skip


def diff(before: PolicySnapshot, after: PolicySnapshot) -> PolicyDiff:
    """Return all that differs, in a fixed order. The day plays no part: days are compared as they are written."""
    old, new = Side(before), Side(after)
    shifts = (_shift(seat, before, after) for seat in sorted(affected(old, new)))
    return PolicyDiff(
        before=before.digest,
        after=after.digest,
        entitlements=tuple(shift for shift in shifts if shift is not None),
        disclosures=tuple(DisclosureShift(obj, fields) for obj, fields in catalogue.disclosures(before, after)),
        denies=tuple(catalogue.denies(old.rules, new.rules)),
        memberships=tuple(catalogue.links(before, after)),
        purposes=tuple(catalogue.purposes(before, after)),
        budgets=tuple(catalogue.caps(before, after)),
        contracts=(*catalogue.contracts(before, after), *begun_anew(before, after)),
        people=tuple(catalogue.people(before, after)),
        renamed=_renamed(before, after),
    )


def _renamed(before: PolicySnapshot, after: PolicySnapshot) -> int:
    names: tuple[dict[object, set[str]], ...] = (defaultdict(set), defaultdict(set))
    for found, policy in zip(names, (before, after), strict=True):
        for rule in policy.grants:
            found[meaning(rule)].add(rule.id)
    old, new = names
    return sum(1 for key, ids in old.items() if key in new and new[key] != ids)


def _shift(seat: Seat, before: PolicySnapshot, after: PolicySnapshot) -> EntitlementShift | None:
    old, new = holding(seat, before), holding(seat, after)
    if old is None and new is None:
        return None
    was = {} if old is None else old.spec.fields
    now = {} if new is None else new.spec.fields
    had, has = _regions(old), _regions(new)
    turn = Turn.OPENS if old is None else Turn.CLOSES if new is None else Turn.CHANGES
    shift = EntitlementShift(
        seat=seat,
        turn=turn,
        fields=field_shifts(was, now),
        regions_gained=_outside(has, had),
        regions_lost=_outside(had, has),
        terms=_terms(old, new) if turn is Turn.CHANGES else (),
    )
    nothing = not (shift.fields or shift.regions_gained or shift.regions_lost or shift.terms)
    return None if turn is Turn.CHANGES and nothing else shift


def _regions(held: Holding | None) -> tuple[str, ...]:
    return () if held is None else tuple(held.regions)


def _outside(regions: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """The widest of the regions that lie in none of the others."""
    out = sorted({one for one in regions if not any(is_within(one, other) for other in others)})
    return tuple(one for one in out if not any(one != wider and is_within(one, wider) for wider in out))


def _terms(old: Holding | None, new: Holding | None) -> tuple[PartShift, ...]:
    """What changes in regions that are held before and after, be it by grants for wider ones."""
    if old is None or new is None:
        return ()
    found = []
    for region in sorted({*old.regions, *new.regions}):
        was, now = _terms_in(region, old), _terms_in(region, new)
        shift = terms_shift(region, was, now) if was and now else None
        if shift is not None:
            found.append(shift)
    return tuple(found)


def _terms_in(region: str, held: Holding) -> list[Terms]:
    return [term for wider, terms in held.regions.items() if is_within(region, wider) for term in terms]
