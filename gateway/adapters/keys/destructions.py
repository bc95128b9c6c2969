"""The list of destructions beside a key file: what an older copy of the key file would bring back stays destroyed.

It only grows, holds names and no key, and is authenticated under the operator's secret. A key ring opens with its list
alone: a list that is missing, altered, or knows of fewer destructions than the key file is refused. Both files brought
back together from one older day cannot be told by themselves.

It also keeps what back-ups and escrows were made, so that a certificate names those as well that were made after the
copy of the key file that came back; and the public keys of all that signed, so that what they signed can be verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.keys import form
from gateway.adapters.keys.document import Records
from gateway.adapters.keys.file_format import read_records, write_records
from gateway.adapters.keys.files import LISTED, Stamp, fault, load, replace

_KIND = "purpose-gateway destructions 1"


def beside(path: Path) -> Path:
    """Return where the list of a key file is."""
    return path.with_name(path.name + LISTED)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as it was read once: the stamp of the file, what it says, and its bytes."""

    stamp: Stamp
    records: Records
    data: bytes


def write(records: Records, keys: form.CodeKeys) -> bytes:
    """Return the bytes of a list."""
    return form.recoverable({"kind": _KIND, **write_records(records)}, keys.of(_KIND))


def read(data: bytes, mac_key: bytes, *, recovering: bool = False) -> Records:
    """Return what a list says.

    Args:
        mac_key: the key of the key file whose code is held against the list.
        recovering: it is the one for who has an escrow.

    Raises:
        ValueError: the bytes are no list.
        Fault: KEYS_UNAVAILABLE; the list is of another key file, or was altered.
    """
    body, code = form.unsealed(data)
    form.keyed(body, "kind", "destroyed", "recovery", optional=("back_ups", "escrows", "signers"))
    if body["kind"] != _KIND:
        raise ValueError("no list of destructions")
    key = form.derived(mac_key, _KIND)
    if not (form.recovered(body, key) if recovering else form.authentic(body, code, key)):
        raise fault("the list of destructions is of another key file, or was altered")
    return read_records(body)


def load_list(path: Path, mac_key: bytes, *, recovering: bool = False) -> Listed | None:
    """Return the list of a key file, or None where there is none; see `read`.

    Raises:
        ValueError, Fault: as `read`.
        OSError: it cannot be read.
    """
    try:
        stamp, data = load(beside(path))
    except FileNotFoundError:
        return None
    return Listed(stamp, read(data, mac_key, recovering=recovering), data)


def store_list(path: Path, data: bytes) -> None:
    """Replace the list of a key file durably. The lock must be held."""
    replace(beside(path), data)
