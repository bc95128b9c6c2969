"""`gateway key destroy`: erase a domain's secret for ever, and sign that it was done."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.adapters.keys.certificate import certify
from gateway.adapters.keys.keeper import Destruction, KeyKeeper
from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE
from gateway.cli.files import new_file
from gateway.cli.key.domains import domain_of, see_that_it_was_made
from gateway.cli.key.opening import apart, secret_of, secrets_in_all, told
from gateway.cli.mistake import Mistake
from gateway.cli.signing import officer_key as own_key
from gateway.cli.signing import utc
from gateway.model.pseudonym import PseudonymDomain


def destroy(
    file: Path,
    /,
    *,
    recipient: str,
    purpose: str,
    epoch: str = "",
    officer_key: Path,
    out: Path,
    secret_file: Path | None = None,
    never_made: bool = False,
    yes: bool = False,
    json_: bool = False,
) -> int:
    """Erase the secret of a pseudonym domain for ever, and write a certificate. Nobody can undo it.

    Parameters
    ----------
    file
        The key file.
    recipient
        The recipient of the tokens, or join: and the id of a join grant.
    purpose
        Their purpose.
    epoch
        The epoch, such as 2026-11; left out, all epochs and standing tokens, also those that were never made.
    officer_key
        Your private key, as `gateway key officer` made it; it signs the certificate.
    out
        The file to write the certificate to. One that exists is never replaced.
    secret_file
        A file with the secret that opens the key file; left out, it is asked for.
    never_made
        Go on where the file has no secret of the domain, and had none: it never has one.
    yes
        Do not ask back.
    json_
        Print JSON.
    """
    apart(out, file)
    domain = domain_of(recipient, purpose, epoch)
    officer = own_key(officer_key)
    secret = secret_of(secret_file)
    with told("nothing was destroyed"):
        keeper = KeyKeeper.open(file, secret)
        document = keeper.document()
    if not never_made:
        see_that_it_was_made(domain, document)
    if not yes:
        _ask_back(domain)
    with new_file(out) as stream:  # the certificate has its place before anything is destroyed
        with told("nothing is known to be destroyed"):
            destruction = keeper.destroy(domain)
        certificate = certify(destruction, officer)
        try:
            stream.write(certificate)
            stream.flush()
        except OSError:
            print(certificate.decode())
            raise Mistake(
                "it was destroyed, but the certificate could not be written", "Keep what is printed."
            ) from None
    _tell(destruction, out, json_)
    return FINE


def _ask_back(domain: PseudonymDomain) -> None:
    wanted = " ".join(part for part in (domain.recipient, domain.purpose, domain.epoch) if part)
    print(f"Its tokens can never be linked or read again. To go on, type: {wanted}", file=sys.stderr)
    if sys.stdin.readline().strip() != wanted:
        raise Mistake("nothing was destroyed: that was not the name")


def _tell(destruction: Destruction, out: Path, json_: bool) -> None:
    if json_:
        held = [{"made_at": utc(one.made_at), "until": one.until, "digest": one.digest} for one in destruction.back_ups]
        epochs = [domain.epoch for domain in destruction.gone]
        print_json({"epochs": epochs, "destroyed_at": utc(destruction.at), "certificate": str(out), "back_ups": held})
        return
    if destruction.gone:
        print(f"Destroyed, with {secrets_in_all(len(destruction.gone))}. The certificate is {out}.")
    else:
        print(f"There was no secret of it, or not any more, and there will be none. The certificate is {out}.")
    sure = "Still" if destruction.gone else "Perhaps"
    for one in destruction.back_ups:
        print(f"{sure} held by the back-up of {one.made_at:%Y-%m-%d} until {one.until}: SHA-256 {one.digest}")
    if destruction.back_ups:
        print("Erase these back-ups, and make another.")
