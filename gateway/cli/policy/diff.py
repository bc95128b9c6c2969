"""`gateway policy diff`: what another policy gives more, or less."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE, FOUND, WIDER
from gateway.cli.counting import counted
from gateway.cli.policy.folder import valid_folder
from gateway.decision.officer.diff import EntitlementShift, PolicyDiff
from gateway.decision.officer.diff import diff as compared
from gateway.decision.officer.shifts import FieldShift, PartShift

_PARTS = {
    "denies": "Prohibitions",
    "memberships": "Memberships",
    "purposes": "Purposes",
    "budgets": "Budgets (epsilon)",
    "contracts": "Contracts",
    "people": "Officers, registers and regions",
}
_MARKS = {"more": "+", "less": "-", "other": "~", "same": " "}


def diff(before: Path, after: Path, /, *, json_: bool = False) -> int:
    """Compare two policy folders by what they give: who gets what for which purpose, in which form, where.

    Exits with 0 if nothing differs, 1 if something does and nobody gets more, 4 if somebody gets something that the
    first folder does not give, 2 if there is no such folder, 3 if one is not a valid policy.

    Parameters
    ----------
    before
        The policy folder to start from.
    after
        The policy folder to compare with it.
    json_
        Print JSON.
    """
    found = compared(valid_folder(before), valid_folder(after))
    if json_:
        print_json(_report(found))
    else:
        _tell(found)
    if found.empty:
        return FINE
    return WIDER if found.wider else FOUND


def _tell(found: PolicyDiff) -> None:
    if found.empty:
        print("Nothing differs in what the policies give.")
        return
    for one in found.entitlements:
        _tell_entitlement(one)
    for disclosure in found.disclosures:
        print(f"\nThe disclosure {disclosure.obj}, for whoever is granted it:")
        _tell_fields(disclosure.fields)
    for name, title in _PARTS.items():
        shifts: tuple[PartShift, ...] = getattr(found, name)
        if shifts:
            print(f"\n{title}:")
        for shift in shifts:
            print(f"  {_MARKS[shift.telling]} {shift.subject}, {shift.part}: {_turn(shift.before, shift.after)}")
    if found.renamed:
        print(f"\n{counted(found.renamed, 'rule')} under another name.")
    opened = sum(one.wider for one in found.entitlements)
    print(f"\n{counted(len(found.entitlements), 'entitlement')} changed, {opened} of them to give more.")


def _tell_entitlement(one: EntitlementShift) -> None:
    seat = one.seat
    print(f"{seat.institution} {one.turn}: {seat.kind} {seat.obj} for {seat.purpose}")
    if one.regions_gained:
        print(f"  + in {', '.join(one.regions_gained)}")
    if one.regions_lost:
        print(f"  - in {', '.join(one.regions_lost)}")
    for shift in one.terms:
        print(f"  {_MARKS[shift.telling]} terms in {shift.subject}: {_turn(shift.before, shift.after)}")
    _tell_fields(one.fields)


def _tell_fields(fields: Iterable[FieldShift]) -> None:
    for field in fields:
        exposed = ", newly exposed" if field.exposed else ""
        print(f"  {_MARKS[field.telling]} {field.field}: {_turn(field.before, field.after)}{exposed}")


def _turn(before: str, after: str) -> str:
    return f"{before or 'nothing'} → {after or 'nothing'}"


def _report(found: PolicyDiff) -> dict[str, object]:
    return {
        "before": found.before,
        "after": found.after,
        "wider": found.wider,
        "entitlements": [
            {
                "institution": one.seat.institution,
                "disclosure": one.seat.obj,
                "kind": one.seat.kind,
                "purpose": one.seat.purpose,
                "turn": one.turn.value,
                "wider": one.wider,
                "newly_exposed": [field.field for field in one.exposed],
                "fields": [_field(field) for field in one.fields],
                "regions_gained": list(one.regions_gained),
                "regions_lost": list(one.regions_lost),
                "terms": [_part(shift) for shift in one.terms],
            }
            for one in found.entitlements
        ],
        "disclosures": [
            {"disclosure": one.obj, "fields": [_field(field) for field in one.fields]} for one in found.disclosures
        ],
        **{name: [_part(shift) for shift in getattr(found, name)] for name in _PARTS},
        "renamed": found.renamed,
    }


def _field(field: FieldShift) -> dict[str, object]:
    return {"field": field.field, "before": field.before, "after": field.after, "telling": field.telling.value}


def _part(shift: PartShift) -> dict[str, object]:
    return {
        "subject": shift.subject,
        "part": shift.part,
        "before": shift.before,
        "after": shift.after,
        "telling": shift.telling.value,
    }
