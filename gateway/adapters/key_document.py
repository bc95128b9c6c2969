"""The key file as a document: strictly read, authenticated as a whole, wrapped keys and no others.

AES key wrap protects each key; the authentication code over the document also protects their order, their names,
their tombstones and the parameters, so that no two domains' secrets can be exchanged. It cannot tell an older copy of
the whole file.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.accountability import jcs
from gateway.accountability.jcs import Json
from gateway.model.pseudonym import PseudonymDomain

FORMAT = 1
MIN_N = 2**15
"""The least work factor of scrypt that is accepted."""
_MAX_N = 2**20
_SALT_BYTES = 16
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stretching:
    """The parameters of scrypt (RFC 7914)."""

    n: int
    r: int
    p: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class WrappedSecret:
    """The secret of one domain and epoch, wrapped under the master key of a version."""

    domain: PseudonymDomain
    epoch: int
    master: int
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class KeyDocument:
    """The content of a key file. `master` is wrapped under the key that comes from the operator's secret.

    `destroyed` are the domains whose secret was erased and is never made anew; none of them is in `secrets`.
    """

    stretching: Stretching
    master_version: int
    master: bytes
    secrets: tuple[WrappedSecret, ...]
    destroyed: tuple[PseudonymDomain, ...] = ()

    def including(self, secret: WrappedSecret) -> KeyDocument:
        """Return the document with one more secret."""
        return replace(self, secrets=(*self.secrets, secret))

    def without(self, domain: PseudonymDomain) -> KeyDocument:
        """Return the document without any secret of the domain, and with its tombstone."""
        secrets = tuple(item for item in self.secrets if item.domain != domain)
        return replace(self, secrets=secrets, destroyed=(*self.destroyed, domain))


def write(document: KeyDocument, mac_key: bytes) -> bytes:
    """Return the bytes of the file: canonical JSON with an HMAC-SHA256 over all of it but the code itself."""
    body = _body(document)
    code = hmac.digest(mac_key, jcs.encode(body), "sha256").hex()
    return jcs.encode(body | {"authentication": code}) + b"\n"


def read(data: bytes) -> tuple[KeyDocument, bytes]:
    """Return the document and its authentication code, which the caller must check with `authentic`.

    Raises:
        ValueError: the bytes are not a key file of this format.
    """
    whole = jcs.decode(data.removesuffix(b"\n"))
    tombs = ("destroyed",) if isinstance(whole, Mapping) and "destroyed" in whole else ()
    body = _keyed(whole, "format", "stretching", "master", "domains", "authentication", *tombs)
    if body["format"] != FORMAT:
        raise ValueError("a key file of another format")
    stretching = _keyed(body["stretching"], "name", "n", "r", "p", "salt")
    n, r, p = (_integer(stretching[name]) for name in ("n", "r", "p"))
    salt = _bytes(stretching["salt"])
    # Whoever can write the file must not be able to weaken the stretching, nor to exhaust memory by it.
    sound = MIN_N <= n <= _MAX_N and n.bit_count() == 1 and r == 8 and 1 <= p <= 16 and len(salt) == _SALT_BYTES
    if stretching["name"] != "scrypt" or not sound:
        raise ValueError("parameters of scrypt that are not accepted")
    master = _keyed(body["master"], "version", "wrapped")
    secrets = tuple(_read_secret(item) for item in _list(body["domains"]))
    if len({(item.domain, item.epoch) for item in secrets}) != len(secrets):
        raise ValueError("a domain is given twice")
    destroyed = tuple(_read_domain(item) for item in _list(body.get("destroyed", [])))
    if len({*destroyed}) != len(destroyed) or not {item.domain for item in secrets}.isdisjoint(destroyed):
        raise ValueError("a destroyed domain is given twice, or has a secret")
    version, wrapped = _integer(master["version"]), _bytes(master["wrapped"])
    document = KeyDocument(Stretching(n, r, p, salt), version, wrapped, secrets, destroyed)
    return document, _bytes(body["authentication"])


def authentic(document: KeyDocument, code: bytes, mac_key: bytes) -> bool:
    """Tell whether the code is that of the document, in constant time."""
    return hmac.compare_digest(hmac.digest(mac_key, jcs.encode(_body(document)), "sha256"), code)


def _body(document: KeyDocument) -> dict[str, Json]:
    stretching = document.stretching
    tombs: list[Json] = [{"recipient": item.recipient, "purpose": item.purpose} for item in document.destroyed]
    body: dict[str, Json] = {
        "format": FORMAT,
        "stretching": {
            "name": "scrypt",
            "n": stretching.n,
            "r": stretching.r,
            "p": stretching.p,
            "salt": stretching.salt.hex(),
        },
        "master": {"version": document.master_version, "wrapped": document.master.hex()},
        "domains": [
            {
                "recipient": item.domain.recipient,
                "purpose": item.domain.purpose,
                "epoch": item.epoch,
                "master": item.master,
                "wrapped": item.wrapped.hex(),
            }
            for item in document.secrets
        ],
    }
    # files without tombstones keep the form they always had
    return body | {"destroyed": tombs} if tombs else body


def _read_secret(value: Json) -> WrappedSecret:
    body = _keyed(value, "recipient", "purpose", "epoch", "master", "wrapped")
    domain = PseudonymDomain(_text(body["recipient"]), _text(body["purpose"]))
    return WrappedSecret(domain, _integer(body["epoch"]), _integer(body["master"]), _bytes(body["wrapped"]))


def _read_domain(value: Json) -> PseudonymDomain:
    body = _keyed(value, "recipient", "purpose")
    return PseudonymDomain(_text(body["recipient"]), _text(body["purpose"]))


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise ValueError("a key file of another form")
    return value


def _keyed(value: Json, *names: str) -> Mapping[str, Json]:
    if not isinstance(value, Mapping) or value.keys() != set(names):
        raise ValueError("a key file of another form")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError("a key file of another form")
    return value


def _integer(value: Json) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("a key file of another form")
    return value


def _bytes(value: Json) -> bytes:
    if _HEX.fullmatch(_text(value)) is None:
        raise ValueError("a key file of another form")
    return bytes.fromhex(_text(value))
