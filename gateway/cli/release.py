"""`gateway release verify`: hold the certificate of a release against the gateway's public keys, offline."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE, FOUND
from gateway.cli.files import read_file
from gateway.cli.mistake import Mistake
from gateway.client import CertificateMismatch, ReleaseCertificate, read_signing_keys


def verify(certificate: Path, /, *, keys: Path, json_: bool = False) -> int:
    """Verify a certificate of a release, and say what it says. No gateway is asked.

    Parameters
    ----------
    certificate
        The file, as `release.certificate.to_json()` of the Python client wrote it.
    keys
        The gateway's public keys, as `gateway key signing` or the client's `write_signing_keys` wrote them.
    json_
        Print JSON: all that the certificate states.
    """
    try:
        known = read_signing_keys(read_file(keys, "--keys"))
    except ValueError as error:
        raise Mistake(f"--keys: {keys} is {error}", "gateway key signing prints one.") from None
    try:
        held = ReleaseCertificate.from_json(read_file(certificate, "the certificate"))
        held.verify(known)
    except ValueError as error:
        print(f"gateway: {certificate}: {error}.", file=sys.stderr)
        return FOUND
    except CertificateMismatch as error:
        print(f"gateway: {certificate}: {_WRONG[error.part]}.", file=sys.stderr)
        return FOUND
    if json_:
        print_json(held.says)
    else:
        print("\n".join(_lines(held.says, held.key_id)))
    return FINE


_WRONG = {
    "key_id": "a key signed it that is not among those of --keys",
    "signature": "the signature is not that of the certificate",
    "kind": "what was signed is no certificate of a release",
    "noised": "the values are not those that were signed",
}


def _lines(says: Mapping[str, Any], key_id: str) -> Iterator[str]:
    loss, published = says["loss"], says.get("attribution")
    lost = [f"{name} {loss[name]}" for name in ("epsilon", "rho", "delta") if name in loss]
    yield f"Release {says['id']} of {says['created_at']}: signed by {key_id[:16]}."
    yield f"{says['dataset']}/{says['disclosure']} in {says['region']}, data version {says['data_version']}"
    yield f"Loses {', '.join(lost)} about each {says['unit_kind']}"
    for measure in says["measures"]:
        scale, margin = float.fromhex(measure["scale"]), float.fromhex(measure["margin_95"])
        yield f"  {measure['name']}: {measure['mechanism']} of scale {scale:g}, ± {margin:g} at 95 %"
    if published is not None:
        yield f"Licence {published['licence']}: {published['citation']}"
    yield f"Policy {says['policy_digest']}, OpenDP {says['software']['opendp']}"
