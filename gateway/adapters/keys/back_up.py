"""Back-ups of a key file, and how one comes back without bringing back what was destroyed.

A back-up is the key file and its list of destructions, with the day until which it is kept, authenticated under the
operator's secret. It holds every domain's secret, wrapped as in the key file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

from gateway.accountability.lexical import write_instant
from gateway.adapters.clock_system import SystemClock
from gateway.adapters.keys import destructions, file_format, form
from gateway.adapters.keys.document import BackUp, KeyDocument, Records
from gateway.adapters.keys.files import fault, faulting, load, locked
from gateway.adapters.keys.store import Opener, write_files
from gateway.adapters.keys.tombstones import Tombstones
from gateway.model.calendar import city_day
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import Clock

_KIND = "purpose-gateway key back-up 1"


def write(document: KeyDocument, made_at: datetime, until: date, keys: form.CodeKeys) -> bytes:
    """Return the bytes of a back-up."""
    body = {
        "kind": _KIND,
        "made_at": write_instant(made_at),
        "until": until.isoformat(),
        "keys": file_format.write(document, keys).decode(),
    }
    return form.sealed(body, form.derived(keys.own, _KIND))


@faulting
def restore(
    back_up: Path,
    path: Path,
    secret: bytes,
    *,
    destroyed: Iterable[PseudonymDomain] = (),
    list_is_lost: bool = False,
    clock: Clock | None = None,
) -> tuple[PseudonymDomain, ...]:
    """Make a key file of a back-up, destroy again what was destroyed since, and return the domains that this took out.

    What was destroyed since is told by the list beside the key file, which outlives it, and by `destroyed`.

    Args:
        destroyed: domains that certificates name.
        list_is_lost: begin another list; what was destroyed since, and is not named, is back.

    Raises:
        Fault: KEYS_UNAVAILABLE; a note says why. A key file that exists is never replaced.
    """
    data = load(back_up)[1]
    body, code = form.unsealed(data)
    form.keyed(body, "kind", "made_at", "until", "keys")
    if body["kind"] != _KIND:
        raise ValueError("no back-up")
    document, inner, inner_code = file_format.read(form.text(body["keys"]).encode())
    if not secret:
        raise fault("the secret is empty")
    opener = Opener.of(secret, document.stretching)
    authentic = form.authentic(body, code, form.derived(opener.mac_key, _KIND))
    if not authentic or not form.authentic(inner, inner_code, opener.mac_key):
        raise fault("the secret is not the one of this back-up, or the back-up was altered")
    until = form.day(body["until"])
    if until < city_day((clock or SystemClock()).now()):
        raise fault("the back-up was to be kept until a day that has passed")
    with locked(path):
        if path.exists():
            raise fault("a file exists there already, and keys are never overwritten")
        listed = destructions.load_list(path, opener.mac_key)
        if listed is None and not list_is_lost:
            raise fault("the list of destructions that belongs beside the key file is missing: bring it back")
        if listed is not None and not listed.records.tombstones.cover_all(document.tombstones):
            raise fault("the list of destructions is older than the back-up: bring the newer one back")
        after = document.without(Tombstones(frozenset(destroyed)))
        if listed is not None:
            after = after.knowing(listed.records)
        # the back-up could not hold its own digest; certificates are to name it
        record = BackUp(form.instant(body["made_at"]), until, hashlib.sha256(data).hexdigest())
        write_files(path, after.knowing(Records(back_ups=(record,))), opener)
    return tuple(item.domain for item in document.missing_from(after))
