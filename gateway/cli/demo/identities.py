"""Where the demo's institutions keep what they call with: certificate, key and a person's token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway.adapters.dev_ca import DevelopmentAuthority, write_private

LIFE = timedelta(days=30)
"""How long what is issued here holds: as long as the development authority itself."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files that one institution calls with. `authority` vouches for the server."""

    institution: str
    certificate: Path
    key: Path
    token: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class Trust:
    """A development authority and the folder of what it makes. Its private keys are never written."""

    authority: DevelopmentAuthority
    folder: Path
    now: datetime

    @classmethod
    def establish(cls, folder: Path, now: datetime) -> Trust:
        """Make an authority, and write its certificate and the token issuer's public key. `now` is naive UTC."""
        trust = cls(DevelopmentAuthority(now), folder, now)
        (folder / "trust").mkdir()
        trust.certificate.write_bytes(trust.authority.ca_pem)
        (folder / "trust" / "token-issuer.pem").write_bytes(trust.authority.issuer_pem)
        return trust

    @property
    def certificate(self) -> Path:
        """The authority's certificate."""
        return self.folder / "trust" / "ca.pem"

    def server(self) -> None:
        """Write the gateway's certificate, for this machine's loopback names, and its key."""
        made = self.authority.server(self.now, LIFE)
        self._write(self.folder / "server", made.certificate_pem, made.private_key_pem)

    def probe(self) -> None:
        """Write what `gateway health` asks with: a certificate that names no institution, and its key."""
        made = self.authority.client("probe", self.now, LIFE, uris=())
        self._write(self.folder / "probe", made.certificate_pem, made.private_key_pem)

    def client(self, institution: str, person: str) -> Credentials:
        """Write what an institution calls with: a certificate that names it, the key, and a person's token."""
        place = self.folder / "clients" / institution
        made = self.authority.client(institution, self.now, LIFE)
        self._write(place, made.certificate_pem, made.private_key_pem)
        token = place / "token"
        write_private(token, self.authority.token(institution, person, self.now, LIFE).encode())
        return Credentials(institution, place / "cert.pem", place / "key.pem", token, self.certificate)

    @staticmethod
    def _write(place: Path, certificate: bytes, key: bytes) -> None:
        place.mkdir(parents=True)
        (place / "cert.pem").write_bytes(certificate)
        write_private(place / "key.pem", key)
