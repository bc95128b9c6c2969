"""`gateway release verify`: hold a certificate against the gateway's public keys, offline."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE, FOUND
from gateway.cli.files import read_file
from gateway.cli.mistake import Mistake
from gateway.client import (
    CertificateMismatch,
    SeriesCertificate,
    SigningKey,
    SynthesisCertificate,
    read_certificate,
    read_signing_keys,
)
from gateway.client.certificates import AnyCertificate


def verify(
    certificate: Path,
    /,
    *,
    keys: Path,
    file: Path | None = None,
    report: Path | None = None,
    json_: bool = False,
) -> int:
    """Verify a certificate of a release, a synthetic extract or days of a series, and say what it says, offline.

    Parameters
    ----------
    certificate
        The file, as `certificate.to_json()` of the Python client wrote it.
    keys
        The gateway's public keys, as `gateway key signing` or the client's `write_signing_keys` wrote them.
    file
        Of a synthetic extract: the file of rows, to hold its digest to the one that was signed.
    report
        Of a synthetic extract: the file of its report, likewise.
    json_
        Print JSON: all that the certificate states.
    """
    try:
        known = read_signing_keys(read_file(keys, "--keys"))
    except ValueError as error:
        raise Mistake(f"--keys: {keys} is {error}", "gateway key signing prints one.") from None
    try:
        held = read_certificate(read_file(certificate, "the certificate"))
        _hold(held, known, file, report)
    except ValueError as error:
        print(f"gateway: {certificate}: {error}.", file=sys.stderr)
        return FOUND
    except CertificateMismatch as error:
        print(f"gateway: {certificate}: {_WRONG[error.part]}.", file=sys.stderr)
        return FOUND
    if json_:
        print_json(held.says)
    else:
        print("\n".join(_lines(held)))
    return FINE


def _hold(held: AnyCertificate, keys: Sequence[SigningKey], file: Path | None, report: Path | None) -> None:
    if isinstance(held, SynthesisCertificate):
        told = None if report is None else read_file(report, "--report")
        try:
            held.verify(keys, file=file, report=told)
        except OSError as error:
            raise Mistake(f"--file: {file} cannot be read: {error.strerror}") from None
        return
    if file is not None or report is not None:
        raise Mistake("this is no certificate of a synthetic extract", "Leave out --file and --report.")
    held.verify(keys)


_WRONG = {
    "key_id": "a key signed it that is not among those of --keys",
    "signature": "the signature is not that of the certificate",
    "kind": "what was signed is no such certificate",
    "noised": "the values are not those that were signed",
    "file": "the file is not the one that was signed",
    "figures": "the figures are not those that were signed",
    "report": "the report is not the one that was signed",
}


def _lines(held: AnyCertificate) -> Iterator[str]:
    says = held.says
    loss, published = says["loss"], says.get("attribution")
    lost = [f"{name} {loss[name]}" for name in ("epsilon", "rho", "delta") if name in loss]
    yield f"{_title(held)}: signed by {held.key_id[:16]}."
    yield f"{says['dataset']}/{says['disclosure']} in {says['region']}, {_of_data(held)}"
    yield f"Loses {', '.join(lost)} about each {says['unit_kind']}"
    for measure in says["measures" if "measures" in says else "tables"]:
        scale, margin = float.fromhex(measure["scale"]), float.fromhex(measure["margin_95"])
        name = measure.get("name") or f"count by {' and '.join(measure['fields'])}"
        each = " for each node" if isinstance(held, SeriesCertificate) else ""
        yield f"  {name}: {measure['mechanism']} of scale {scale:g}, ± {margin:g} at 95 %{each}"
    if isinstance(held, SynthesisCertificate):
        file = says["file"]
        yield f"{file['rows']} rows made of these counts, {file['format']}, {file['bytes']} bytes"
        yield f"SHA-256 of the file {file['sha256']}, of its report {says['report_sha256']}"
    if published is not None:
        yield f"Licence {published['licence']}: {published['citation']}"
    yield f"Policy {says['policy_digest']}, OpenDP {says['software']['opendp']}"


def _title(held: AnyCertificate) -> str:
    says = held.says
    match held:
        case SynthesisCertificate():
            return f"Synthetic extract {says['id']} of {says['made_at']}"
        case SeriesCertificate():
            days = [one["day"] for one in held.shows["days"]]
            return f"Days {days[0]} to {days[-1]} of the series {says['name']}, {says['id']}"
        case _:
            return f"Release {says['id']} of {says['created_at']}"


def _of_data(held: AnyCertificate) -> str:
    if isinstance(held, SeriesCertificate):
        return f"data versions {', '.join(dict.fromkeys(day['data_version'] for day in held.shows['days']))}"
    return f"data version {held.says['data_version']}"
