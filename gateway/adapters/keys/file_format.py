"""The key file as bytes.

AES key wrap protects each key; the authentication code over the whole also protects their order, their names, their
windows, their tombstones and the parameters, so that no two domains' secrets can be exchanged. It cannot tell an older
copy of the whole file: see `destructions`.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.accountability.jcs import Json
from gateway.accountability.lexical import write_instant
from gateway.adapters.keys import form
from gateway.adapters.keys.document import (
    BackUp,
    DomainSecret,
    Escrow,
    KeyDocument,
    Master,
    Records,
    SigningPair,
    Stretching,
)
from gateway.adapters.keys.files import fault
from gateway.adapters.keys.tombstones import Tombstones
from gateway.model.pseudonym import CipherSuite
from gateway.model.signing import SigningKey

FORMAT = 2
MIN_N = 2**15
"""The least work factor of scrypt that is accepted."""
_MAX_N = 2**20
_SALT_BYTES = 16
_PARTS = ("format", "suite", "stretching", "masters", "domains", "destroyed", "back_ups", "escrows", "recovery")


def write(document: KeyDocument, keys: form.CodeKeys) -> bytes:
    """Return the bytes of the file."""
    stretching = document.stretching
    body: dict[str, Json] = {
        "format": FORMAT,
        "suite": document.suite.value,
        "stretching": {
            "name": "scrypt",
            "n": stretching.n,
            "r": stretching.r,
            "p": stretching.p,
            "salt": stretching.salt.hex(),
        },
        "masters": [_write_master(item) for item in document.masters],
        "domains": [_write_secret(item) for item in document.secrets],
        **write_records(document.records),
    }
    if document.signing is not None:
        body["signing"] = {"public": document.signing.public.hex(), "wrapped": document.signing.wrapped.hex()}
    return form.recoverable(body, keys)


def read(data: bytes) -> tuple[KeyDocument, Mapping[str, Json], bytes]:
    """Return the document, its body and its authentication code.

    The caller checks one of the two codes, with `form.authentic` or `form.recovered`.

    Raises:
        ValueError: the bytes are not a key file.
        Fault: KEYS_UNAVAILABLE; it is one of an early development version.
    """
    body, code = form.unsealed(data)
    if body.get("format") == 1:
        raise fault("an early development version made the key file: make a new one with gateway key init")
    document = _read_document(body)
    if len({item.domain for item in document.secrets}) != len(document.secrets):
        raise ValueError("a domain is given twice")
    if any(document.tombstones.covers(item.domain) for item in document.secrets):
        raise ValueError("a destroyed domain has a secret")
    signing = {one.public for one in document.signers if one.retired_at is None}
    if document.signing is not None and document.signing.public not in signing:
        raise ValueError("a key signs that is retired, or of which nothing is known")
    return document, body, code


def write_records(records: Records) -> dict[str, Json]:
    """Write what was destroyed, in order of names, what copies were made, and what keys signed, if any did."""
    names: list[Json] = [form.write_domain(name) for name in records.tombstones.names()]
    written: dict[str, Json] = {
        "destroyed": {"domains": names, "before": records.tombstones.before},
        "back_ups": [write_back_up(item) for item in records.back_ups],
        "escrows": [
            {
                "made_at": write_instant(item.made_at),
                "agent": item.agent,
                "versions": item.versions,
                "salt": item.salt.hex(),
            }
            for item in records.escrows
        ],
    }
    if records.signers:
        written["signers"] = [_write_signer(item) for item in records.signers]
    return written


def write_back_up(item: BackUp) -> dict[str, Json]:
    """Write a record of a back-up, as certificates do too."""
    return {"made_at": write_instant(item.made_at), "until": item.until.isoformat(), "digest": item.digest}


def read_records(body: Mapping[str, Json]) -> Records:
    """Read what `write_records` wrote, or what an earlier version did, which had less; else ValueError."""
    return Records(
        _read_tombstones(body["destroyed"]),
        tuple(_read_back_up(item) for item in form.items(body.get("back_ups", []))),
        tuple(_read_escrow(item) for item in form.items(body.get("escrows", []))),
        tuple(_read_signer(item) for item in form.items(body.get("signers", []))),
    )


def _read_tombstones(value: Json) -> Tombstones:
    body = form.keyed(value, "domains", "before")
    names = [form.read_domain(item) for item in form.items(body["domains"])]
    before = form.text(body["before"])
    if len({*names}) != len(names) or (before and form.day(before).isoformat() != before):
        raise ValueError("a destroyed domain is given twice, or the day of the epochs is none")
    return Tombstones(frozenset(names), before)


def _read_document(body: Mapping[str, Json]) -> KeyDocument:
    form.keyed(body, *_PARTS, optional=("signers", "signing"))
    if body["format"] != FORMAT:
        raise ValueError("a key file of another format")
    masters = tuple(_read_master(item) for item in form.items(body["masters"]))
    versions = [master.version for master in masters]
    if not masters or versions != sorted({*versions}):
        raise ValueError("masters that are not in order")
    if masters[-1].readable_until is not None or any(master.readable_until is None for master in masters[:-1]):
        raise ValueError("the newest master is the one without an end")
    records = read_records(body)
    return KeyDocument(
        CipherSuite(form.text(body["suite"])),
        _read_stretching(body["stretching"]),
        masters,
        tuple(_read_secret(item) for item in form.items(body["domains"])),
        records.tombstones,
        records.back_ups,
        records.escrows,
        records.signers,
        _read_signing(body["signing"]) if "signing" in body else None,
    )


def _read_stretching(value: Json) -> Stretching:
    body = form.keyed(value, "name", "n", "r", "p", "salt")
    n, r, p = (form.integer(body[name]) for name in ("n", "r", "p"))
    salt = form.octets(body["salt"])
    # Whoever can write the file must not be able to weaken the stretching, nor to exhaust memory by it.
    sound = MIN_N <= n <= _MAX_N and n.bit_count() == 1 and r == 8 and 1 <= p <= 16 and len(salt) == _SALT_BYTES
    if body["name"] != "scrypt" or not sound:
        raise ValueError("parameters of scrypt that are not accepted")
    return Stretching(n, r, p, salt)


def _write_master(master: Master) -> dict[str, Json]:
    body: dict[str, Json] = {
        "version": master.version,
        "wrapped": master.wrapped.hex(),
        "made_at": write_instant(master.made_at),
    }
    return body if master.readable_until is None else body | {"readable_until": write_instant(master.readable_until)}


def _read_master(value: Json) -> Master:
    body = form.keyed(value, "version", "wrapped", "made_at", optional=("readable_until",))
    until = form.instant(body["readable_until"]) if "readable_until" in body else None
    return Master(form.integer(body["version"]), form.octets(body["wrapped"]), form.instant(body["made_at"]), until)


def _write_secret(secret: DomainSecret) -> dict[str, Json]:
    return form.write_domain(secret.domain) | {
        "made_under": secret.made_under,
        "made_at": write_instant(secret.made_at),
        "wrapped": secret.wrapped.hex(),
    }


def _read_secret(value: Json) -> DomainSecret:
    names = ("recipient", "purpose", "epoch")
    body = form.keyed(value, *names, "made_under", "made_at", "wrapped")
    domain = form.read_domain({name: body[name] for name in names})
    made_under, made_at = form.integer(body["made_under"]), form.instant(body["made_at"])
    return DomainSecret(domain, made_under, made_at, form.octets(body["wrapped"]))


def _read_back_up(value: Json) -> BackUp:
    body = form.keyed(value, "made_at", "until", "digest")
    return BackUp(form.instant(body["made_at"]), form.day(body["until"]), form.octets(body["digest"]).hex())


def _read_escrow(value: Json) -> Escrow:
    body = form.keyed(value, "made_at", "agent", "versions", "salt")
    versions = tuple(form.integer(item) for item in form.items(body["versions"]))
    return Escrow(form.instant(body["made_at"]), form.octets(body["agent"]).hex(), versions, form.octets(body["salt"]))


def _write_signer(item: SigningKey) -> dict[str, Json]:
    body: dict[str, Json] = {"public": item.public.hex(), "made_at": write_instant(item.made_at)}
    return body if item.retired_at is None else body | {"retired_at": write_instant(item.retired_at)}


def _read_signer(value: Json) -> SigningKey:
    body = form.keyed(value, "public", "made_at", optional=("retired_at",))
    retired = form.instant(body["retired_at"]) if "retired_at" in body else None
    return SigningKey(form.octets(body["public"]), form.instant(body["made_at"]), retired)


def _read_signing(value: Json) -> SigningPair:
    body = form.keyed(value, "public", "wrapped")
    return SigningPair(form.octets(body["public"]), form.octets(body["wrapped"]))
