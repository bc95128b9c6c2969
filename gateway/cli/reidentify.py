"""`gateway reidentify`: a few tokens are opened to who asks, with the approval of two officers.

Tokens come from files or the standard input, never from the command line, which others can see.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cyclopts import Parameter

from gateway.cli.as_json import print_all, print_json, print_one
from gateway.cli.codes import CANNOT_RUN, FINE, REFUSED
from gateway.cli.connection import connected, connected_caller
from gateway.cli.files import new_file, read_private
from gateway.cli.mistake import Mistake
from gateway.cli.signing import approvals_json, approvers, at, officer_key, tell_unsigned, x25519_key
from gateway.client import CapExceeded, Gateway, GatewayError, OtherKey, Refused, SealBroken, reidentify
from gateway.client.warrants import Reidentification

_MAX_BYTES = 1 << 20

_CASE, _CAP = "CASE_NUMBER_REQUIRED", "CAP_EXCEEDED"


def ask(
    dataset: str,
    disclosure: str,
    /,
    *,
    by: str,
    tokens_of: str,
    purpose: Annotated[str, Parameter(name="--for")],
    reason: str,
    key_file: Path,
    tokens_file: Path | None = None,
    case_number: str = "",
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Ask for a few of your tokens to be opened. Nothing is: two officers have to approve it within 24 hours.

    Parameters
    ----------
    dataset
        The dataset.
    disclosure
        The disclosure of kind reidentify.
    by
        The field whose tokens these are.
    tokens_of
        The purpose that your institution was given the tokens for.
    purpose
        The purpose that they are to be opened for.
    reason
        Why, 10 to 500 characters, for the officers. Name nobody in it.
    key_file
        The file to make for the key that the answer will be sealed to. One that exists is never replaced.
    tokens_file
        A file with one token a line; left out, the standard input.
    case_number
        The case, where the grant asks for one.
    connect
        The connection file.
    json_
        Print JSON.
    """
    tokens, key = _tokens(tokens_file), reidentify.new_key()
    with new_file(key_file) as stream, connected_caller(connect) as gateway:
        stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        try:
            asked = gateway.ask_reidentification(
                dataset, disclosure, tokens, key, purpose=purpose, by=by, tokens_of=tokens_of, reason=reason,
                case_number=case_number,
            )  # fmt: skip
        except (CapExceeded, Refused) as refusal:
            if refusal.reason not in (_CASE, _CAP):
                raise
            raise _unmet(refusal, _conditions(gateway, (dataset, disclosure, purpose))) from None
    return _tell(asked, json_=json_)


def list_(*, connect: Path | None = None, json_: bool = False) -> int:
    """List the requests within your authority that wait for officers, the oldest first.

    Parameters
    ----------
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        found = officer.reidentifications()
    print_all(found, _json, _lines, json_=json_)
    return FINE


def approve(
    request: str, /, *, officer_key_: Annotated[Path | None, Parameter(name="--officer-key")] = None,
    connect: Path | None = None, json_: bool = False,
) -> int:  # fmt: skip
    """Show what would be opened to whom, and sign it with your own key. The key stays on this machine.

    Parameters
    ----------
    request
        The id of the request.
    officer_key_
        Your private key, as `gateway key officer` made it; left out, the request is shown and not signed.
    connect
        The connection file.
    json_
        Print JSON.
    """
    key = None if officer_key_ is None else officer_key(officer_key_)
    with connected(connect) as officer:
        found = next((one for one in officer.reidentifications() if one.id == request), None)
        if found is None:
            raise Mistake(f"no request {request} waits within your authority", "gateway reidentify list shows them.")
        if key is not None:
            found = officer.approve_reidentification(found, key)
    if key is None:
        tell_unsigned()
    return _tell(found, json_=json_)


def collect(
    request: str,
    /,
    *,
    key_file: Path,
    tokens_file: Path | None = None,
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Collect what two officers approved, once, and print who each token is; an empty line for what is none.

    Parameters
    ----------
    request
        The id of the request.
    key_file
        The key that was made when you asked.
    tokens_file
        The same tokens again, one a line; left out, the standard input.
    connect
        The connection file.
    json_
        Print JSON.
    """
    key = x25519_key(
        read_private(key_file, "--key-file"), str(key_file), "Name the file that gateway reidentify ask made."
    )
    tokens = _tokens(tokens_file)
    with connected_caller(connect) as gateway:
        try:
            sealed = gateway.collect_reidentification(request, tokens, key)
        except OtherKey:
            raise Mistake(
                f"{key_file} is not the key that this was asked with",
                "Nothing was collected, so nothing is lost. Name the file that gateway reidentify ask made.",
            ) from None
    try:
        opened = reidentify.open(key, sealed)
    except SealBroken:
        raise Mistake("the answer cannot be opened", "Show this to the officers, and ask anew.") from None
    if json_:
        print_json({"receipt_id": sealed.receipt.receipt_id, "identifiers": opened})
    else:
        print("\n".join(one or "" for one in opened))
    return FINE


def _conditions(gateway: Gateway, what: tuple[str, str, str]) -> list[str]:
    """The conditions of a dataset's disclosure for a purpose."""
    offers = [one for one in gateway.describe() if (one.dataset, one.disclosure, one.purpose) == what]
    return [condition for one in offers for condition in one.conditions]


def _unmet(refusal: GatewayError, conditions: Iterable[str]) -> Mistake:
    """What the conditions of the grant are, one of which was not met."""
    lines = [str(refusal).removesuffix(".")]
    if refusal.reason == _CASE:
        lines = [f"{_CASE}: name the case by --case-number, in the form below or one that is open"]
    return Mistake("\n".join([*lines, *(f"  {one}" for one in conditions)]), code=REFUSED)


def _tokens(file: Path | None) -> list[str]:
    try:
        if file is None:
            text = sys.stdin.buffer.read(_MAX_BYTES).decode("utf-8")
        else:
            with file.open("rb") as stream:
                text = stream.read(_MAX_BYTES).decode("utf-8")
    except (OSError, ValueError):
        raise Mistake(f"{file or 'the standard input'} cannot be read as UTF-8", code=CANNOT_RUN) from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _tell(asked: Reidentification, *, json_: bool) -> int:
    print_one(asked, _json, _lines, json_=json_)
    return FINE


def _json(asked: Reidentification) -> dict[str, object]:
    told: dict[str, object] = {**asdict(asked), "approvals": approvals_json(asked.approvals)}
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in told.items()}


def _lines(asked: Reidentification) -> list[str]:
    case = f", case {asked.case_number}" if asked.case_number else ""
    return [
        f"request {asked.id} by {asked.asked_by}, {at(asked.asked_at)}",
        f"  {asked.count} tokens of {asked.tokens_of} by {asked.dataset}/{asked.disclosure}, {asked.field}",
        f"  for {asked.purpose}{case}",
        f"  {asked.reason}",
        f"  sealed to the key {asked.public_key.hex()}",
        f"  approved by {approvers(asked.approvals)}; until {at(asked.approve_by)}",
    ]
