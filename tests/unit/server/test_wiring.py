"""What a gateway refuses to start with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.server.admission import Capacity
from gateway.server.call import Patience
from gateway.settings import InvalidSettings, ServerSettings, read_settings
from gateway.wiring.composition import open_gateway, server_config
from tests.integration.site import ROOT, Site

INSTITUTIONS = ("police", "zju-research")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "site", ROOT / "policies", tmp_path, INSTITUTIONS)
    site.prepare()
    return site


def rewrite(site: Site, old: str, new: str) -> None:
    text = site.config.read_text()
    assert old in text
    site.config.write_text(text.replace(old, new))


def opens(site: Site) -> None:
    with open_gateway(read_settings(site.config)) as gateway:
        assert gateway.server.port == 0


def test_the_site_of_the_tests_opens(site: Site) -> None:
    opens(site)
    opens(site)  # and again, with the state that is there


@pytest.mark.parametrize(("name", "setting"), [("secret", "keys.secret_file"), ("server.key", "server.key")])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_secret_that_others_can_use_is_refused(site: Site, name: str, setting: str, mode: int) -> None:
    (site.folder / name).chmod(mode)
    with pytest.raises(InvalidSettings, match=re.escape(setting) + ": others than its owner"):
        opens(site)
    (site.folder / name).chmod(0o400)
    opens(site)


@pytest.mark.parametrize("name", ["", "Police", "police ", "police\\n", "a/b", "*", "p_olice"])
def test_an_institution_is_written_as_in_grants(site: Site, name: str) -> None:
    rewrite(site, '"police"', f'"{name}"')
    with pytest.raises(InvalidSettings, match=r"identity\.institutions"):
        read_settings(site.config)


def test_what_is_told_of_settings_ends_without_a_stop_which_the_commands_add(site: Site) -> None:
    with pytest.raises(InvalidSettings, match=r"docs/reference/settings\.md$"):
        read_settings(site.config.with_name("nowhere.toml"))


def test_no_institution_has_the_name_of_a_role(site: Site) -> None:
    rewrite(site, '"police"', '"researchers"')
    with pytest.raises(InvalidSettings, match=r"identity\.institutions: researchers is the name of a role"):
        opens(site)


def test_a_quota_of_extracts_has_room_for_one(site: Site) -> None:
    rewrite(site, "[server]", "[synthesis]\njob_disk_mib = 2\ndisk_mib = 1\n\n[server]")
    with pytest.raises(InvalidSettings, match=r"synthesis\.disk_mib: is less than"):
        opens(site)


@pytest.mark.parametrize("setting", ["max_institution_calls", "release_workers", "stream_workers", "stall_seconds"])
def test_limits_are_settings(site: Site, setting: str) -> None:
    rewrite(site, "[server]", f"[server]\n{setting} = 7")
    assert getattr(read_settings(site.config).server, setting) == 7
    rewrite(site, f"{setting} = 7", f"{setting} = 0")
    with pytest.raises(InvalidSettings, match=re.escape(f"server.{setting}")):
        read_settings(site.config)


def test_every_limit_reaches_the_server(site: Site) -> None:
    given = {
        "workers": 3,
        "release_workers": 4,
        "stream_workers": 14,
        "max_request_bytes": 5000,
        "max_calls": 6,
        "max_institution_calls": 7,
        "max_institution_releases": 8,
        "max_connection_calls": 9,
        "request_seconds": 10.5,
        "stall_seconds": 11.5,
        "connection_seconds": 12.5,
        "connection_grace_seconds": 13.5,
    }
    lines = "\n".join(f"{name} = {value}" for name, value in given.items())
    rewrite(site, "[server]", f"[server]\n{lines}")
    config = server_config(read_settings(site.config))
    assert (config.workers, config.release_workers, config.stream_workers) == (3, 4, 14)
    assert config.max_request_bytes == 5000
    assert (config.capacity, config.patience) == (Capacity(6, 7, 8), Patience(10.5, 11.5))
    assert (config.connection_streams, config.connection_age, config.connection_grace) == (9, 12.5, 13.5)
    assert config.reflection and not ServerSettings.model_fields["reflection"].default


_START = """
import logging, sys
from pathlib import Path
logging.basicConfig(level=logging.INFO)
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway
with open_gateway(read_settings(Path(sys.argv[1]))):
    print("alembic" in sys.modules, "grpc_reflection.v1alpha.reflection" in sys.modules)
"""


def test_a_start_says_nothing_of_migrations_and_imports_them_for_a_new_database_alone(site: Site) -> None:
    for imported in (True, False):
        command = [sys.executable, "-c", _START, str(site.config)]
        start = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
        assert start.stdout.split() == [str(imported), "False"]
        assert "alembic" not in start.stderr
