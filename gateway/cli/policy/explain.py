"""`gateway policy explain`: why, why not, and the smallest change that would pass."""

from __future__ import annotations

from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE, FOUND
from gateway.cli.days import today_or
from gateway.cli.policy.folder import valid_folder
from gateway.cli.policy.question import names, question
from gateway.decision.officer.amending import PolicyChange
from gateway.decision.officer.explain import OfficerView
from gateway.decision.officer.explain import explain as explained
from gateway.decision.officer.tables import identity_of, noon, request_of
from gateway.policy.grants import Grant
from gateway.policy.writing import grant_line


def explain(
    folder: Path = Path("policies"),
    /,
    *,
    who: str,
    why: str,
    asks: str,
    where: str = "",
    fields: str = "",
    partial: bool = False,
    case_number: str = "",
    break_glass_reason: str = "",
    key: str = "",
    token: str = "",
    count: int = 1,
    filters: str = "",
    statistics: str = "",
    group_by: str = "",
    epsilon: float | None = None,
    rho: float | None = None,
    today: str = "",
    json_: bool = False,
) -> int:
    """Say for officers why a request passes or not: every rule that comes near, and what would have to change.

    Exits with 0 if the request passes, 1 if it is refused, 2 if the question is none or there is no such folder, 3 if
    the folder is not a valid policy.

    Parameters
    ----------
    folder
        The policy folder.
    who
        The institution that asks.
    why
        The purpose.
    asks
        The kind and the disclosure, as in "extract dataset/disclosure".
    where
        The region; left out, the whole city.
    fields
        The fields, divided by commas; left out, all that the disclosure gives.
    partial
        Take the granted fields and do without the others.
    case_number
        The number of the case.
    break_glass_reason
        Why it cannot wait.
    key
        The field by whose values subjects are named.
    token
        The field by whose tokens subjects are named.
    count
        How many subjects are named.
    filters
        The fields that are filtered on, divided by commas.
    statistics
        What a release asks for, divided by commas: count, count_units, or sum, mean, variance or quantiles of (field).
    group_by
        The fields that a release groups by, divided by commas; alone or 'by' a level, a period, bins or found keys.
    epsilon
        The price that a release asks for, in pure epsilon.
    rho
        Or in rho, in place of it.
    today
        The day, YYYY-MM-DD; left out, today in the city.
    json_
        Print JSON.
    """
    asked = question(
        who=who, why=why, asks=asks, where=where, case_number=case_number, break_glass_reason=break_glass_reason,
        fields=names(fields), partial=partial, filters=names(filters), statistics=names(statistics),
        group_by=names(group_by), epsilon=epsilon, rho=rho,
        subjects={"key": key, "token": token, "count": count} if key or token else None,
    )  # fmt: skip
    on = today_or(today, "--today")
    snapshot = valid_folder(folder)
    now = noon(on)
    view = explained(request_of(asked, snapshot), identity_of(asked, now), snapshot, now).for_officer()
    if json_:
        print_json(_report(view))
    else:
        _tell(view)
    return FINE if view.allowed else FOUND


def _tell(view: OfficerView) -> None:
    print(f"{f'Allowed by {view.grant}' if view.allowed else f'Refused: {view.reason}'}, on {view.today}.")
    for denies, what in ((view.denies, "Denied by"), (view.trials, "On trial, would deny")):
        for deny in denies:
            print(f"{what} {_place(deny)}: {grant_line(deny)}")
    if view.purpose_ended is not None:
        print(f"The purpose ended on {view.purpose_ended}.")
    if view.unlawful:
        print(f"The purpose may not use these data, whatever is granted: {view.unlawful}.")
    if view.status not in ("", "active"):
        print(f"The contract is not confirmed: its status is {view.status}.")
    if view.grants:
        print("\nGrants that come near:")
    for one in view.grants:
        why = "; ".join(miss.why for miss in one.misses)
        print(f"  {_place(one.grant)}: {f'does not hold: {why}' if one.misses else 'holds'}")
    if view.further_grants:
        print(f"  and {view.further_grants} more")
    if view.fields:
        print("\nFields:")
    for field in view.fields:
        known = field.classification if field.declared else "no such field in the contract"
        print(f"  {field.field}: {field.treatment or 'does not leave'} ({known})")
    for title, lines in (("Ask otherwise", view.request_changes), ("Or change the policy", tuple(_steps(view)))):
        if lines:
            print(f"\n{title}:")
        for line in lines:
            print(f"  {line}")
    if not view.allowed:
        print(
            "With all of these it would pass."
            if view.would_pass
            else "No change of the rules alone would let this request pass."
        )


def _steps(view: OfficerView) -> list[str]:
    lines = []
    for step in view.policy_changes:
        lines += _change("-", step.change)
        for other in step.instead:
            lines += _change("  or", other)
    return lines


def _change(mark: str, change: PolicyChange) -> list[str]:
    where = f"{change.file}:{change.line}" if change.line else change.file
    return [f"{mark} {where}: {change.what}", *([f"      {change.text}"] if change.text else [])]


def _place(rule: Grant) -> str:
    return f"{rule.id} (grants.csv:{rule.line})"


def _report(view: OfficerView) -> dict[str, object]:
    return {
        "allowed": view.allowed,
        "reason": view.reason,
        "grant": view.grant,
        "region": view.region,
        "today": view.today,
        "purpose_ended": view.purpose_ended,
        "unlawful": view.unlawful,
        "contract_status": view.status,
        "denies": [_rule(rule) for rule in view.denies],
        "trials": [_rule(rule) for rule in view.trials],
        "grants": [
            {**_rule(one.grant), "misses": [{"part": miss.part.value, "why": miss.why} for miss in one.misses]}
            for one in view.grants
        ],
        "further_grants": view.further_grants,
        "fields": [
            {
                "field": one.field,
                "treatment": one.treatment,
                "declared": one.declared,
                "classification": one.classification,
            }
            for one in view.fields
        ],
        "request_changes": list(view.request_changes),
        "policy_changes": [
            {**_changed(step.change), "instead": [_changed(other) for other in step.instead]}
            for step in view.policy_changes
        ],
        "would_pass": view.would_pass,
    }


def _rule(rule: Grant) -> dict[str, object]:
    return {"id": rule.id, "line": rule.line, "text": grant_line(rule)}


def _changed(change: PolicyChange) -> dict[str, object]:
    return {"what": change.what, "file": change.file, "line": change.line, "text": change.text}
