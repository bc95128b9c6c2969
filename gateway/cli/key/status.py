"""`gateway key status`: what is in a key file, but the keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from gateway.adapters.keys.document import KeyDocument, Master
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE
from gateway.cli.key.domains import shown
from gateway.cli.key.opening import secret_of, told
from gateway.cli.signing import at, utc


def status(file: Path, /, *, secret_file: Path | None = None, json_: bool = False) -> int:
    """Show versions and their windows, domains, and what copies were made. No key is shown.

    Parameters
    ----------
    file
        The key file.
    secret_file
        A file with the secret that opens the key file; left out, it is asked for.
    json_
        Print JSON.
    """
    with told("the key file was not read"):
        document = KeyKeeper.open(file, secret_of(secret_file)).document()
    if json_:
        print_json(_json(document))
    else:
        print("\n".join(_lines(document)))
    return FINE


def _json(document: KeyDocument) -> dict[str, object]:
    return {
        "suite": document.suite.value,
        "versions": [
            {
                "version": master.version,
                "state": _state(document, master),
                "made_at": utc(master.made_at),
                "readable_until": utc(master.readable_until),
            }
            for master in reversed(document.masters)
        ],
        "signing_keys": [
            {"id": one.id, "made_at": utc(one.made_at), "retired_at": utc(one.retired_at)} for one in document.signers
        ],
        "domains": [
            {**asdict(item.domain), "made_at": utc(item.made_at), "made_under": item.made_under}
            for item in document.secrets
        ],
        "destroyed": [asdict(domain) for domain in document.tombstones.names()],
        "epochs_before": document.tombstones.before or None,
        "back_ups": [
            {"made_at": utc(one.made_at), "until": one.until, "digest": one.digest} for one in document.back_ups
        ],
        "escrows": [
            {
                "made_at": utc(one.made_at),
                "agent": one.agent,
                "versions": one.versions,
                "opens_this_file": document.opened_by(one),
            }
            for one in document.escrows
        ],
    }


def _lines(document: KeyDocument) -> Iterator[str]:
    yield f"Suite: {document.suite.value}"
    for master in reversed(document.masters):
        until = f", window until {at(master.readable_until)}" if master.readable_until else ""
        yield f"Version {master.version}: {_state(document, master)}, made {master.made_at:%Y-%m-%d}{until}"
    for signer in document.signers:
        retired = f"retired {signer.retired_at:%Y-%m-%d}" if signer.retired_at else "signs releases"
        yield f"Signing key {signer.id[:16]}: {retired}, made {signer.made_at:%Y-%m-%d}"
    yield f"Domains: {len(document.secrets)}"
    for item in document.secrets:
        yield f"  {shown(item.domain)}"
    yield f"Destroyed: {len(document.tombstones.domains)}"
    for domain in document.tombstones.names():
        yield f"  {shown(domain)}"
    if document.tombstones.before:
        yield f"Epochs that ended before {document.tombstones.before} are destroyed in every domain."
    for copy in document.back_ups:
        yield f"Back-up of {copy.made_at:%Y-%m-%d}, kept until {copy.until}: SHA-256 {copy.digest}"
    for escrow in document.escrows:
        opens = "opens this file" if document.opened_by(escrow) else "does not open this file any more"
        yield f"Escrow of {escrow.made_at:%Y-%m-%d} with {escrow.agent[:16]}: {opens}"


def _state(document: KeyDocument, master: Master) -> str:
    now = datetime.now(UTC).replace(tzinfo=None)
    if master == document.newest:
        return "newest"
    if master.readable(now):
        return "readable"
    return "kept for the gateway's own keys" if master in document.finished(now).masters else "closed"
