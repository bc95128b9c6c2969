"""The list of destructions beside a key file: what an older copy of the key file would bring back stays destroyed.

It only grows, holds names and no key, and is authenticated under the operator's secret. A key ring opens with its list
alone: a list that is missing, altered, or knows less than the key file is refused. Both files brought back together
from one older day cannot be told by themselves.
"""

from __future__ import annotations

import hmac
from pathlib import Path

from gateway.adapters.keys import form
from gateway.adapters.keys.file_format import read_tombstones, write_tombstones
from gateway.adapters.keys.files import Stamp, fault, load, replace
from gateway.adapters.keys.tombstones import Tombstones

_KIND = "purpose-gateway destructions 1"


def beside(path: Path) -> Path:
    """Return where the list of a key file is."""
    return path.with_name(path.name + ".destroyed")


def write(tombstones: Tombstones, mac_key: bytes) -> bytes:
    """Return the bytes of a list."""
    return form.sealed({"kind": _KIND, "destroyed": write_tombstones(tombstones)}, _list_key(mac_key))


def read(data: bytes, mac_key: bytes) -> Tombstones:
    """Return what a list names.

    Raises:
        ValueError: the bytes are no list.
        Fault: KEYS_UNAVAILABLE; the list is of another key file, or was altered.
    """
    body, code = form.unsealed(data)
    form.keyed(body, "kind", "destroyed")
    if body["kind"] != _KIND:
        raise ValueError("no list of destructions")
    if not form.authentic(body, code, _list_key(mac_key)):
        raise fault("the list of destructions is of another key file, or was altered")
    return read_tombstones(body["destroyed"])


def load_list(path: Path, mac_key: bytes) -> tuple[Stamp, Tombstones] | None:
    """Return the list of a key file with its stamp, or None where there is none.

    Raises:
        ValueError, Fault: as `read`.
        OSError: it cannot be read.
    """
    try:
        stamp, data = load(beside(path))
    except FileNotFoundError:
        return None
    return stamp, read(data, mac_key)


def store_list(path: Path, tombstones: Tombstones, mac_key: bytes) -> None:
    """Replace the list of a key file durably. The lock must be held."""
    replace(beside(path), write(tombstones, mac_key))


def _list_key(mac_key: bytes) -> bytes:
    return hmac.digest(mac_key, _KIND.encode(), "sha256")
