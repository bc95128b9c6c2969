"""`gateway key restore`: a key file of a back-up, without what was destroyed since."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.adapters.keys.back_up import restore as restored
from gateway.adapters.keys.certificate import verify
from gateway.cli.files import read_file
from gateway.cli.key.opening import secret_of, secrets_in_all, told
from gateway.cli.mistake import Mistake
from gateway.model.pseudonym import PseudonymDomain


def restore(
    file: Path,
    /,
    *,
    back_up: Path,
    certificate: tuple[Path, ...] = (),
    list_is_lost: bool = False,
    secret_file: Path | None = None,
) -> None:
    """Make the key file anew of a back-up, and destroy again what was destroyed since.

    Parameters
    ----------
    file
        The key file to make. Its list of destructions, FILE.destroyed, must be there already.
    back_up
        What `gateway key backup` wrote.
    certificate
        A certificate of a destruction, to carry it out again; may be given several times.
    list_is_lost
        Begin another list. Domains that were destroyed since the back-up, and that no certificate names, are back.
    secret_file
        A file with the secret that opened the key file then; left out, it is asked for.
    """
    names = [_destroyed(path) for path in certificate]
    with told("nothing was restored"):
        gone = restored(back_up, file, secret_of(secret_file), destroyed=names, list_is_lost=list_is_lost)
    print(f"Made {file} of {back_up}. Destroyed again: {secrets_in_all(len(gone))}.")
    if list_is_lost:
        print(
            "gateway: the list of destructions begins anew. Destroy again what was destroyed since the back-up and no"
            " certificate names. Back-ups and escrows made since will not be named by certificates: erase them.",
            file=sys.stderr,
        )


def _destroyed(path: Path) -> PseudonymDomain:
    try:
        return verify(read_file(path, "--certificate")).domain
    except ValueError as error:
        raise Mistake(f"{path}: {error}") from None
