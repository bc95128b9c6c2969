"""Certificates, and the public keys that verify them: offline, without the gateway."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.api.v1 import release_pb2, synthesis_service_pb2
from gateway.client.errors import CertificateMismatch
from gateway.client.times import aware

_KEYS = "purpose-gateway signing keys 1"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The public half (Ed25519, 32 bytes) of a key that signs certificates. Instants are aware.

    What a retired key had signed by then stays signed.
    """

    public: bytes
    made_at: datetime
    retired_at: datetime | None = None

    @property
    def id(self) -> str:
        """What certificates call it: the SHA-256 of its 32 bytes, in hex."""
        return hashlib.sha256(self.public).hexdigest()


@dataclass(frozen=True, slots=True, repr=False)
class Certificate:
    """What the gateway states of something, in canonical JSON (RFC 8785), and its Ed25519 signature.

    Nothing of it is to be believed before `verify`.
    """

    KIND: ClassVar[str]
    """What statements of this kind call themselves."""

    statement: bytes
    signature: bytes
    key_id: str

    @property
    def says(self) -> Mapping[str, Any]:
        """What is stated, key by key. ValueError where it is no JSON object."""
        return _object(self.statement)

    def verify_signature(self, keys: Iterable[SigningKey]) -> Mapping[str, Any]:
        """Verify that one of these keys signed the statement, and that it is of this kind. Return what it says.

        Raises:
            CertificateMismatch: naming what is wrong: `key_id` (no such key), `signature` or `kind`.
        """
        known = {key.id: key for key in keys}
        if self.key_id not in known:
            raise CertificateMismatch("key_id")
        try:
            Ed25519PublicKey.from_public_bytes(known[self.key_id].public).verify(self.signature, self.statement)
        except (InvalidSignature, ValueError):
            raise CertificateMismatch("signature") from None
        try:
            says = self.says
        except ValueError:
            raise CertificateMismatch("kind") from None
        if says.get("kind") != self.KIND:
            raise CertificateMismatch("kind")
        return says

    def _signed(self) -> dict[str, Any]:
        """What a file has of every certificate."""
        return {"key_id": self.key_id, "signature": self.signature.hex(), "statement": self.says}


@dataclass(frozen=True, slots=True, repr=False)
class ReleaseCertificate(Certificate):
    """What the gateway states of a release, its signature, and the noised values that the statement binds.

    `noised` is canonical JSON as well.
    """

    KIND: ClassVar[str] = "purpose-gateway release certificate 1"

    noised: bytes

    @property
    def measured(self) -> Mapping[str, Any]:
        """The keys of the `cells`, and the noised `values` of each measure in their order, as decimal texts."""
        return _object(self.noised)

    def verify(self, keys: Iterable[SigningKey]) -> None:
        """Verify that one of these keys signed the statement, and that the values are those that it binds.

        Raises:
            CertificateMismatch: naming what is wrong: `key_id` (no such key), `signature`, `kind` or `noised`.
        """
        says = self.verify_signature(keys)
        if says.get("noised_sha256") != hashlib.sha256(self.noised).hexdigest():
            raise CertificateMismatch("noised")

    def to_json(self) -> bytes:
        """Return the certificate as a file to keep or to publish: one JSON object, its parts legible."""
        return canonical({**self._signed(), "noised": self.measured}) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> ReleaseCertificate:
        """Read what `to_json` wrote, however it was laid out since. ValueError for all else, rehearsals too."""
        body = _object(data)
        if _is_rehearsal(body) or _is_rehearsal(body.get("release")):
            raise ValueError("a rehearsal, over made up rows: it is not a release and has no certificate")
        try:
            return cls(*_parts(body), canonical(body["noised"]))
        except (KeyError, TypeError, ValueError):
            raise ValueError("no certificate of a release") from None


@dataclass(frozen=True, slots=True, repr=False)
class SynthesisCertificate(Certificate):
    """What the gateway states of a file of synthetic rows: of what it is made, and the digests of file and report."""

    KIND: ClassVar[str] = "purpose-gateway synthesis certificate 1"

    def verify(self, keys: Iterable[SigningKey], *, file: Path | None = None, report: bytes | None = None) -> None:
        """Verify that one of these keys signed the statement, and hold the file and the report that are given to it.

        Raises:
            CertificateMismatch: naming what is wrong: `key_id` (no such key), `signature`, `kind`, `file` or `report`.
            OSError: the file cannot be read.
        """
        says = self.verify_signature(keys)
        if file is not None:
            with file.open("rb") as rows:
                digest = hashlib.file_digest(rows, "sha256").hexdigest()
            if says["file"]["sha256"] != digest:
                raise CertificateMismatch("file")
        if report is not None and says["report_sha256"] != hashlib.sha256(report).hexdigest():
            raise CertificateMismatch("report")

    def to_json(self) -> bytes:
        """Return the certificate as a file to keep or to publish beside the rows: one JSON object."""
        return canonical(self._signed()) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> SynthesisCertificate:
        """Read what `to_json` wrote, however it was laid out since. ValueError for all else."""
        try:
            return cls(*_parts(_object(data)))
        except (KeyError, TypeError, ValueError):
            raise ValueError("no certificate of a synthetic extract") from None


@dataclass(frozen=True, slots=True, repr=False)
class SeriesCertificate(Certificate):
    """What the gateway states of days of a series, its signature, and the figures that the statement binds.

    `figures` is canonical JSON as well: cells, columns, and of each day its values and margins.
    """

    KIND: ClassVar[str] = "purpose-gateway series certificate 1"

    figures: bytes

    @property
    def shows(self) -> Mapping[str, Any]:
        """The keys of the `cells`, the `columns`, and the `days` with their figures, as hexadecimal doubles."""
        return _object(self.figures)

    def verify(self, keys: Iterable[SigningKey]) -> None:
        """Verify that one of these keys signed the statement, and that the figures are those that it binds.

        Raises:
            CertificateMismatch: naming what is wrong: `key_id` (no such key), `signature`, `kind` or `figures`.
        """
        says = self.verify_signature(keys)
        if says.get("figures_sha256") != hashlib.sha256(self.figures).hexdigest():
            raise CertificateMismatch("figures")

    def to_json(self) -> bytes:
        """Return the certificate as a file to keep or to publish beside the figures: one JSON object."""
        return canonical({**self._signed(), "figures": self.shows}) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> SeriesCertificate:
        """Read what `to_json` wrote, however it was laid out since. ValueError for all else."""
        body = _object(data)
        try:
            return cls(*_parts(body), canonical(body["figures"]))
        except (KeyError, TypeError, ValueError):
            raise ValueError("no certificate of a series") from None


AnyCertificate = ReleaseCertificate | SynthesisCertificate | SeriesCertificate


def read_certificate(data: bytes) -> AnyCertificate:
    """Read a file that `to_json` of any certificate wrote. ValueError for all else."""
    statement = _object(data).get("statement")
    match statement.get("kind") if isinstance(statement, dict) else None:
        case SynthesisCertificate.KIND:
            return SynthesisCertificate.from_json(data)
        case SeriesCertificate.KIND:
            return SeriesCertificate.from_json(data)
        case _:
            return ReleaseCertificate.from_json(data)


def _parts(body: Mapping[str, Any]) -> tuple[bytes, bytes, str]:
    return canonical(body["statement"]), bytes.fromhex(body["signature"]), str(body["key_id"])


def _is_rehearsal(body: Any) -> bool:
    """Whether it is the answer of a rehearsal, as protobuf writes messages as JSON."""
    return isinstance(body, dict) and body.get("rehearsal") is True


def certificate_from(message: release_pb2.ReleaseCertificate) -> ReleaseCertificate:
    """Read a certificate."""
    return ReleaseCertificate(message.statement, message.signature, message.key_id, message.noised)


def synthesis_certificate_from(message: synthesis_service_pb2.SynthesisCertificate) -> SynthesisCertificate:
    """Read a certificate of synthetic rows."""
    return SynthesisCertificate(message.statement, message.signature, message.key_id)


def key_from(message: release_pb2.SigningKey) -> SigningKey:
    """Read a public key."""
    retired = aware(message.retired_at) if message.HasField("retired_at") else None
    return SigningKey(message.public_key, aware(message.made_at), retired)


def write_signing_keys(keys: Iterable[SigningKey]) -> bytes:
    """Return public keys as a file to keep or to publish: one JSON object."""
    return canonical({"kind": _KEYS, "keys": [_written(key) for key in keys]}) + b"\n"


def read_signing_keys(data: bytes) -> tuple[SigningKey, ...]:
    """Read what `write_signing_keys` or `gateway key signing` wrote. ValueError for anything else."""
    body = _object(data)
    try:
        if body["kind"] != _KEYS:
            raise ValueError
        return tuple(map(_read, body["keys"]))
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise ValueError("no file of signing keys") from None


def _written(key: SigningKey) -> dict[str, str]:
    written = {"id": key.id, "public_key": base64.b64encode(key.public).decode(), "made_at": _instant(key.made_at)}
    return written if key.retired_at is None else {**written, "retired_at": _instant(key.retired_at)}


def _read(body: Any) -> SigningKey:
    public = base64.b64decode(body["public_key"], validate=True)
    retired = datetime.fromisoformat(body["retired_at"]) if "retired_at" in body else None
    key = SigningKey(public, datetime.fromisoformat(body["made_at"]), retired)
    if len(public) != _KEY_BYTES or body["id"] != key.id:
        raise ValueError
    return key


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _object(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(body, dict):
        raise ValueError("no JSON object")
    return body


def canonical(value: Any) -> bytes:
    """The canonical form of a statement: its keys are ASCII, and it holds no floating point."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
