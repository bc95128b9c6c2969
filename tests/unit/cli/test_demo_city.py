"""The demo's folder: complete, its owner's alone, and careful with what is there already."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from cryptography import x509

from gateway.adapters.identity.certificates import CertificateInstitutions
from gateway.adapters.identity.tokens import PersonTokens, read_verifying_key
from gateway.adapters.keys.ring import FileKeyRing
from gateway.cli.demo.city import CAST, MARKER, DemoCity, prepare
from gateway.cli.mistake import Mistake
from gateway.policy.snapshot import load
from gateway.settings import read_settings
from tests.integration.site import utc_now


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> DemoCity:
    return prepare(tmp_path_factory.mktemp("base") / "city", 100, 8443)


def test_settings_name_files_that_are_there(city: DemoCity) -> None:
    settings = read_settings(city.settings)
    server, keys, health = settings.server, settings.keys, settings.health
    assert health is not None
    for path in (server.certificate, server.key, server.client_ca, keys.file, keys.secret_file, health.certificate):
        assert path.is_file()
    assert settings.identity.institutions == frozenset(CAST)
    assert (settings.data.root / "residents.parquet").is_file()
    assert not settings.state.file.exists(), "budgets begin unspent"


def test_everybody_is_believed_and_may_ask_for_something(city: DemoCity) -> None:
    settings = read_settings(city.settings)
    snapshot = load(settings.policy.folder)
    tokens = PersonTokens(
        settings.identity.issuer,
        settings.identity.audience,
        [read_verifying_key(path.read_bytes()) for path in settings.identity.token_keys],
    )
    certificates = CertificateInstitutions(settings.identity.institutions)
    for institution, person in CAST.items():
        files = city.clients[institution]
        bound = certificates.bind(files.certificate.read_bytes(), utc_now())
        token = tokens.verify(files.token.read_text(), utc_now())
        assert (bound.institution, token.institution, token.person) == (institution, institution, person)
        assert any(institution in line for line in (settings.policy.folder / "grants.csv").read_text().splitlines())
    assert snapshot.contracts


def test_the_key_file_opens_with_the_secret(city: DemoCity) -> None:
    FileKeyRing.open(city.folder / "keys", (city.folder / "secret").read_bytes())


def test_the_authority_says_what_it_is(city: DemoCity) -> None:
    certificate = x509.load_pem_x509_certificate((city.folder / "trust" / "ca.pem").read_bytes())
    assert "development" in certificate.subject.rfc4514_string().lower()


def test_an_earlier_demo_is_replaced_with_other_secrets(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    prepare(folder, 100, 8443)
    first = (folder / "secret").read_bytes()
    (folder / "state.sqlite3").write_text("budgets of the last demo")
    prepare(folder, 100, 8443)
    assert (folder / "secret").read_bytes() != first
    assert not (folder / "state.sqlite3").exists()


def test_what_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("a file")
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / MARKER).write_text("a demo's")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("full", "file", "link"):
        with pytest.raises(Mistake):
            prepare(tmp_path / name, 100, 8443)
    assert (tmp_path / "full" / "thesis.txt").read_text() == "years of work"
    assert (tmp_path / "file").read_text() == "a file"
    assert (tmp_path / "real" / MARKER).exists()


def test_too_small_a_city_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="--people"):
        prepare(tmp_path / "city", 3, 8443)


def test_the_state_is_not_taken_from_under_a_gateway_that_serves(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / MARKER).write_text("", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        (folder / "gateway.toml").write_text(f'[server]\nlisten = "127.0.0.1:{port}"\n', encoding="utf-8")
        with pytest.raises(Mistake, match="listens"):
            prepare(folder, 100, 8443)
        assert (folder / "gateway.toml").exists()
    prepare(folder, 100, 8443)
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "*\n"
