"""A dataset that moves into a lake is disclosed as before: the same rows, the same tokens, to the last byte."""

import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gateway import pipeline
from gateway.adapters.spark.sessions import Session
from gateway.model.request import RowsRequest
from gateway.settings import InvalidSettings
from tests.integration.house import House, colour, delivered, housed, tracing
from tests.integration.site import Site


def _settings(root: str, remote: str = "") -> str:
    return f"""
[data.spark.city-lake]
root = "{root}"
listing_seconds = 0
settle_seconds = 0
{remote}
"""


def _move(house: House, dataset: str) -> None:
    """Put the rows into a folder of the lake, in three files, and have the contract say so."""
    rows = pq.read_table(house.site.data / f"{dataset}.parquet")
    folder = house.site.data.parent / "lake" / "registers" / dataset
    folder.mkdir(parents=True)
    for place in range(3):
        first, end = place * len(rows) // 3, (place + 1) * len(rows) // 3
        pq.write_table(rows.slice(first, end - first), folder / f"part-{place:05}.parquet")
    contract = house.site.policies / "contracts" / f"{dataset}.yaml"
    lines = contract.read_text(encoding="utf-8").splitlines()
    place = next(number for number, line in enumerate(lines) if "type: local" in line)
    lines[place] = f"  - {{server: city-lake, type: custom, path: registers/{dataset}/, format: parquet}}"
    contract.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _disclosed(house: House, institution: str, request: RowsRequest) -> list[str]:
    delivery = delivered(pipeline.rows(house.ports, house.peer(institution), request))
    return sorted(repr(row) for part in delivery for row in part.records.to_pylist())


def _asked(ids: list[str]) -> list[tuple[str, RowsRequest]]:
    return [("police", tracing()), *(("verifier-metro", colour(one)) for one in (*ids, "nobody"))]


def test_the_same_request_gives_the_same_disclosure(new_site: Site, session: Session, tmp_path: Path) -> None:
    # the Spark that the tests have running, called as another server is
    assert session._server is not None
    endpoint = session._server.endpoint
    token = tmp_path / "token"
    token.write_text(str(endpoint.token))
    token.chmod(0o600)
    remote = f'remote = "127.0.0.1:{endpoint.port}"\ntoken_file = "{token}"'
    with new_site.config.open("a", encoding="utf-8") as settings:
        settings.write(_settings(f"file://{new_site.data.parent / 'lake'}", remote))
    with housed(new_site) as house:
        codes = pq.read_table(new_site.data / "health_codes.parquet")
        asked = _asked([str(one) for one in codes.column("resident_id").to_pylist()[:2]])
        before = [_disclosed(house, *one) for one in asked]
        assert all(before[:-1]) and not before[-1]
        for dataset in ("health_cases", "health_codes"):
            _move(house, dataset)
        house.ports.policy.reload()
        assert [_disclosed(house, *one) for one in asked] == before
        versions = {record.data_version for record in house.audit.records if record.data_version}
        assert len(versions) == 4, "two datasets, each of two versions"


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (_settings("file:///srv/lake", 'remote = "spark.example:15002"'), "needs root_certificate"),
        (_settings("file:///srv/lake", 'root_certificate = "ca.pem"'), "for a remote alone"),
        (_settings("/srv/lake"), "must be a URI"),
        (_settings("file:///srv/lake/{a,b}"), "must be a URI"),
        (_settings("file:///srv/lake", 'remote = "127.0.0.1:1"\ntoken_file = "none"'), "token_file"),
    ],
)
def test_settings_that_cannot_be_used_say_why(new_site: Site, said: str, wrong: str) -> None:
    with new_site.config.open("a", encoding="utf-8") as settings:
        settings.write(said)
    with pytest.raises(InvalidSettings, match=wrong), housed(new_site):
        pass


def test_without_the_libraries_the_settings_say_what_to_install(
    new_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_site.config.open("a", encoding="utf-8") as settings:
        settings.write(_settings("file:///srv/lake"))
    monkeypatch.setitem(sys.modules, "gateway.adapters.spark.sessions", None)
    with pytest.raises(InvalidSettings, match=r"Install purpose-gateway\[server,spark\]"), housed(new_site):
        pass
