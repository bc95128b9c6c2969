"""The one form of what stands in the files of a key ring: canonical JSON, strictly read, authenticated as a whole."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from gateway.accountability import jcs
from gateway.accountability.jcs import Json
from gateway.accountability.lexical import read_instant
from gateway.kernels.ciphers import KeyHolder
from gateway.model.pseudonym import PseudonymDomain

_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WRONG = "a file of another form"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CodeKeys(KeyHolder):
    """What authenticates the files: `own` for who has the operator's secret, `recovery` for who has an escrow.

    The second comes from the newest master key, so that an escrow of before a rotation makes no code that counts; who
    has the operator's secret goes by the first alone.
    """

    own: bytes
    recovery: bytes

    def of(self, kind: str) -> CodeKeys:
        """Return the keys for another kind of file, so that none passes for one of another kind."""
        return CodeKeys(derived(self.own, kind), derived(self.recovery, kind))


def derived(key: bytes, kind: str) -> bytes:
    """Return the key of a kind of file, of the one of the key file."""
    return hmac.digest(key, kind.encode(), "sha256")


def written(body: Mapping[str, Json]) -> bytes:
    """Return the bytes of a file: canonical JSON and the end of its line."""
    return jcs.encode(body) + b"\n"


def read(data: bytes) -> dict[str, Json]:
    """Return what `written` wrote.

    Raises:
        ValueError: the bytes are no such file.
    """
    return dict(jcs.mapping(jcs.decode(data.removesuffix(b"\n"))))


def recoverable(body: Mapping[str, Json], keys: CodeKeys) -> bytes:
    """Return the bytes of a file as `sealed` does, with a second code for who has an escrow."""
    return sealed({**body, "recovery": code_of(body, keys.recovery).hex()}, keys.own)


def recovered(body: Mapping[str, Json], recovery_key: bytes) -> bool:
    """Tell whether the second code of what `unsealed` returned is that of the rest, in constant time."""
    rest = {name: value for name, value in body.items() if name != "recovery"}
    return authentic(rest, octets(body["recovery"]), recovery_key)


def sealed(body: Mapping[str, Json], mac_key: bytes) -> bytes:
    """Return the bytes of a file with an HMAC-SHA256 over all of it but the code itself."""
    return written({**body, "authentication": code_of(body, mac_key).hex()})


def code_of(body: Mapping[str, Json], mac_key: bytes) -> bytes:
    """Return the authentication code of what a file says."""
    return hmac.digest(mac_key, jcs.encode(body), "sha256")


def unsealed(data: bytes) -> tuple[Mapping[str, Json], bytes]:
    """Return what a file says, and its authentication code, which is not checked yet.

    Raises:
        ValueError: the bytes are no such file.
    """
    whole = read(data)
    return whole, octets(whole.pop("authentication", ""))


def authentic(body: Mapping[str, Json], code: bytes, mac_key: bytes) -> bool:
    """Tell whether the code is that of the body, in constant time."""
    return hmac.compare_digest(code_of(body, mac_key), code)


def keyed(value: Json, *names: str, optional: tuple[str, ...] = ()) -> Mapping[str, Json]:
    """Return an object with these keys and no others, but for those that may be absent; ValueError otherwise."""
    if not isinstance(value, Mapping) or value.keys() - set(optional) != set(names):
        raise ValueError(_WRONG)
    return value


def items(value: Json) -> list[Json]:
    """Return an array; ValueError for anything else."""
    if not isinstance(value, list):
        raise ValueError(_WRONG)
    return value


def text(value: Json) -> str:
    """Return a string; ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError(_WRONG)
    return value


def integer(value: Json) -> int:
    """Return an integer from 1 on; ValueError for anything else."""
    if type(value) is not int or value < 1:
        raise ValueError(_WRONG)
    return value


def octets(value: Json) -> bytes:
    """Return the bytes of a string of hexadecimal digits; ValueError for anything else."""
    if _HEX.fullmatch(text(value)) is None:
        raise ValueError(_WRONG)
    return bytes.fromhex(text(value))


def write_base64(data: bytes) -> str:
    """Write bytes in base64, as keys of other parties and signatures are written."""
    return base64.b64encode(data).decode()


def read_base64(value: Json) -> bytes:
    """Read what `write_base64` wrote; ValueError for anything else."""
    try:
        return base64.b64decode(text(value), validate=True)
    except binascii.Error:
        raise ValueError(_WRONG) from None


def day(value: Json) -> date:
    """Return a day written YYYY-MM-DD; ValueError for anything else."""
    if _DAY.fullmatch(text(value)) is None:
        raise ValueError(_WRONG)
    return date.fromisoformat(text(value))


def instant(value: Json) -> datetime:
    """Return an instant, naive UTC; ValueError for anything else."""
    return read_instant(text(value))


def write_domain(domain: PseudonymDomain) -> dict[str, Json]:
    """Write a domain with its epoch."""
    return {"recipient": domain.recipient, "purpose": domain.purpose, "epoch": domain.epoch}


def read_domain(value: Json) -> PseudonymDomain:
    """Read what `write_domain` wrote; ValueError for anything else."""
    body = keyed(value, "recipient", "purpose", "epoch")
    return PseudonymDomain(text(body["recipient"]), text(body["purpose"]), text(body["epoch"]))
