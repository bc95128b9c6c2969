"""`gateway policy impact`: what a policy would have meant for the decisions that a running gateway has recorded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE, FOUND, WIDER
from gateway.cli.connection import connected
from gateway.cli.policy.showing import folder_files, invalid_folder
from gateway.client.policies import PolicyInvalid

_PATIENCE = 600.0


def impact(
    folder: Path = Path("policies"),
    /,
    *,
    decisions: int = 10_000,
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Put the newest decisions of a running gateway to a policy folder, and say what would come out otherwise.

    Exits with 0 if nothing would, 1 if something would and nobody gets more, 4 if somebody would get what was refused
    or a field that was not told, 3 if the folder is not a valid policy, 5 if the gateway refuses.

    Parameters
    ----------
    folder
        The policy folder.
    decisions
        How many of the newest decisions, at most 100,000.
    connect
        The connection file.
    json_
        Print JSON.
    """
    files = folder_files(folder)
    with connected(connect, timeout=_PATIENCE) as officer:
        try:
            found = officer.impact(files, decisions=decisions)
        except PolicyInvalid as invalid:
            raise invalid_folder(folder, invalid) from None
    if json_:
        told = MessageToDict(found, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        print_json(told)
    else:
        _tell(found)
    if any(one.now_allowed or one.exposed for one in found.institutions):
        return WIDER
    return FOUND if found.caps or any(one.same < one.records for one in found.institutions) else FINE


def _tell(found: Any) -> None:
    print(f"{found.records} decisions, {found.questions} different questions.")
    for one in found.institutions:
        print(f"{one.institution}: {one.records} decisions, {one.records - one.same} otherwise.")
        _flips("now allowed", one.now_allowed)
        _flips("now refused", one.now_refused)
        _flips("refused for another reason", one.other_reason)
        _flips("by another grant", one.grants)
        for title, fields in (("newly exposed", one.exposed), ("told less", one.withdrawn)):
            for flip in fields:
                shift = f"{flip.field.field}: {flip.field.before or 'not told'} -> {flip.field.after or 'not told'}"
                print(f"  {flip.count:>8}  {title} {_asked(flip.asked)}: {shift}")
        for flip in one.losses:
            print(f"  {flip.count:>8}  epsilon {_asked(flip.asked)}: {flip.before} -> {flip.after}")
    for cap in found.caps:
        print(f"budget {cap.subject} {cap.part}: {cap.before or 'none'} -> {cap.after or 'none'}")
    for why in found.unasked:
        print(f"{why.count} could not be asked again: {why.why}")
    if found.unknown:
        print(f"{found.unknown} named what there was not, and stay refused.")
    if found.left:
        print(f"{found.left} were left out: too many different questions.")


def _flips(title: str, flips: Iterable[Any]) -> None:
    for flip in flips:
        print(
            f"  {flip.count:>8}  {title} {_asked(flip.asked)}: {flip.before or 'allowed'} -> {flip.after or 'allowed'}"
        )


def _asked(asked: Any) -> str:
    return f"{asked.kind} {asked.disclosure} for {asked.purpose}{f' in {asked.region}' if asked.region else ''}"
