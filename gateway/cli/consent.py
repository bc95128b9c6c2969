"""`gateway consent`: the keepers of a register record who agreed, and who withdrew.

Identifiers of people come from files or the standard input, never from the command line, which others can see.
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from gateway.cli.as_json import print_all, print_json, print_one
from gateway.cli.connection import connected
from gateway.cli.mistake import Mistake
from gateway.client import NewConsent
from gateway.client.registers import Consent

_COLUMNS = ("id", "subject", "purpose", "recipient", "source", "proof", "given_at", "ends_on")
_COMPULSORY = ("id", "subject", "purpose", "source", "proof", "given_at")
_AT_ONCE = 100
_MAX_BYTES = 64 << 20


def record(register: str, file: Path | None = None, /, *, connect: Path | None = None, json_: bool = False) -> int:
    """Record the consents of a CSV file. To record an entry again with the same id and parts changes nothing.

    The columns are id, subject, purpose, recipient (may be empty: any), source, proof (SHA-256 in hex, or a path of
    the file that proves it, from the folder of the CSV file), given_at (with a time zone) and ends_on (may be empty).

    Parameters
    ----------
    register
        The register, as the policy calls it.
    file
        The CSV file, UTF-8, with a line of names; left out, the standard input.
    connect
        The connection file.
    json_
        Print JSON.
    """
    consents = list(_entries(_text(file), Path() if file is None else file.resolve().parent))
    entered: list[Consent] = []
    with connected(connect) as keeper:
        for start in range(0, len(consents), _AT_ONCE):
            entered += keeper.record_consents(register, consents[start : start + _AT_ONCE])
    if json_:
        print_json([_json(one) for one in entered])
    else:
        print(f"{len(entered)} recorded in {register}.")
    return 0


def withdraw(register: str, consent: str, /, *, connect: Path | None = None, json_: bool = False) -> int:
    """Withdraw a consent. Its subject is in nothing that is read a second later, streams that run included.

    Parameters
    ----------
    register
        The register, as the policy calls it.
    consent
        The id of the entry.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as keeper:
        found = keeper.withdraw_consent(register, consent)
    print_one(found, _json, _lines, json_=json_)
    return 0


def list_(
    register: str, /, *, subject_file: Path | None = None, connect: Path | None = None, json_: bool = False
) -> int:
    """List all that one subject agreed to, withdrawn consents included.

    Parameters
    ----------
    register
        The register, as the policy calls it.
    subject_file
        A file whose one line is the subject's identifier; left out, the standard input.
    connect
        The connection file.
    json_
        Print JSON.
    """
    subject = _text(subject_file).strip()
    with connected(connect) as keeper:
        found = keeper.consents(register, subject)
    print_all(found, _json, _lines, json_=json_)
    return 0


def _text(file: Path | None) -> str:
    shown = file or "the standard input"
    try:
        if file is None:
            data = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise Mistake(f"{shown} is larger than {_MAX_BYTES >> 20} MiB", "Split it.")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise Mistake(f"{shown} cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise Mistake(f"{shown} is not UTF-8 text") from None


def _entries(text: str, folder: Path) -> Iterator[NewConsent]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    names = reader.fieldnames or []
    missing = [name for name in _COMPULSORY if name not in names]
    unknown = [str(name) for name in names if name not in _COLUMNS]
    if missing or unknown:
        raise Mistake(f"the columns are not {', '.join(_COLUMNS)}", "The first line names them.")
    try:
        for row in reader:
            yield _entry(row, folder)
    except (csv.Error, ValueError, TypeError, AttributeError, OSError):
        # what is in the line may name a person, and is not repeated
        raise Mistake(f"line {reader.line_num} is no consent", "See gateway consent record --help.") from None


def _entry(row: dict[str, str], folder: Path) -> NewConsent:
    given_at = datetime.fromisoformat(row["given_at"])
    if given_at.tzinfo is None or not row["id"] or not row["subject"] or None in row:
        raise ValueError
    ends_on = row.get("ends_on") or ""
    return NewConsent(
        id=row["id"],
        subject=row["subject"],
        purpose=row["purpose"],
        recipient=row.get("recipient") or "",
        source=row["source"],
        proof=_proof(row["proof"], folder),
        given_at=given_at,
        ends_on=date.fromisoformat(ends_on) if ends_on else None,
    )


def _proof(written: str, folder: Path) -> bytes:
    if len(written) == 64 and set(written.lower()) <= set("0123456789abcdef"):
        return bytes.fromhex(written)
    with (folder / written).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _lines(consent: Consent) -> list[str]:
    until = "" if consent.ends_on is None else f" until {consent.ends_on}"
    withdrawn = "" if consent.withdrawn_at is None else f"; withdrawn {consent.withdrawn_at.isoformat()}"
    recipient = "anybody" if consent.recipient == "*" else consent.recipient
    return [f"{consent.id}: {consent.purpose} by {recipient}, given {consent.given_at.isoformat()}{until}{withdrawn}"]


def _json(consent: Consent) -> dict[str, object]:
    return {
        "id": consent.id,
        "register": consent.register,
        "purpose": consent.purpose,
        "recipient": consent.recipient,
        "source": consent.source,
        "proof": consent.proof.hex(),
        "given_at": consent.given_at,
        "ends_on": consent.ends_on,
        "recorded_by": consent.recorded_by,
        "withdrawn_at": consent.withdrawn_at,
        "withdrawn_by": consent.withdrawn_by,
    }
