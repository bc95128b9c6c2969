"""Exports of a real gateway with a Spark of its own: by the client, by the command; and one that is killed."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gateway.client as gw
from gateway.api.v1 import export_service_pb2 as pb
from gateway.api.v1.disclosure_pb2 import RequestContext
from gateway.cli.app import run
from gateway.model.event import EventKind
from tests.integration.exports.register import ASKING, PURPOSE, bag
from tests.integration.site import Site

_SETTINGS = '\n[exports]\nfolder = "exported"\nmemory_mib = 1024\n'


@pytest.fixture
def site(new_site: Site, register: pa.Table) -> Site:
    with new_site.config.open("a", encoding="utf-8") as settings:
        settings.write(_SETTINGS)
    return new_site


def connection(site: Site, folder: Path) -> Path:
    """Write the connection file of the commands."""
    token = folder / "token"
    token.write_text(site.token(ASKING))
    token.chmod(0o600)
    file = folder / "connection.toml"
    place = site.folder
    file.write_text(
        f'address = "{site.target}"\nca = "{place / "ca.pem"}"\ncertificate = "{place / ASKING}.pem"\n'
        f'key = "{place / ASKING}.key"\ntoken_file = "{token}"\n'
    )
    return file


def test_an_export_is_made_told_of_and_saved(
    site: Site, tmp_path: Path, register: pa.Table, capsys: pytest.CaptureFixture[str]
) -> None:
    site.start(timeout=120)
    with site.connect(ASKING) as gateway:
        told: list[tuple[int, int]] = []
        made = gateway.export(
            "residents", "treated", purpose=PURPOSE, progress=lambda parts, rows: told.append((parts, rows))
        )
        expected = pa.Table.from_batches(list(gateway.extract("residents", "treated", purpose=PURPOSE)))
        (tmp_path / "saved").mkdir()
        (tmp_path / "saved" / "0.parquet.part").write_bytes(b"")
        saved = made.save(tmp_path / "saved")
        again = made.save(tmp_path / "saved")
        with pytest.raises(gw.NotNow, match="EXPORT_NOT_POSSIBLE"):
            gateway.export("residents", "crowd", purpose=PURPOSE)
        with pytest.raises(gw.Refused):
            gateway.export("residents", "treated", purpose="epidemic-tracing")
        order = pb.ExportOrder(dataset="residents", disclosure="standing")
        asked = pb.MakeExportRequest(context=RequestContext(purpose=PURPOSE), order=order)
        call: Any = gateway._exports.MakeExport(asked, metadata=gateway._caller.metadata())
        header = next(iter(call)).header
        call.cancel()
    _until_gone(site.folder / "exported" / f"staging-{header.export_id}")
    assert not (site.folder / "exported" / f"export-{header.export_id}").exists()
    assert saved == again and told[-1] == (len(saved), made.rows) == (len(made.files), register.num_rows)
    assert bag(pa.concat_tables(map(pq.read_table, saved))) == bag(expected)
    assert made.receipt.rows == made.rows
    folder = tmp_path / "by command"
    arguments = ["export", "residents", "treated", str(folder), "--for", PURPOSE, "--fields", "sex,community", "--json"]
    assert run([*arguments, "--connect", str(connection(site, tmp_path))]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["rows"] == register.num_rows
    files = [Path(one["file"]) for one in printed["files"]]
    assert sorted(files) == sorted(folder.resolve().iterdir())
    assert pa.concat_tables(map(pq.read_table, files)).column_names == ["sex", "community"]


def _until_gone(folder: Path) -> None:
    end = time.monotonic() + 60
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not folder.exists()


def test_an_export_of_a_killed_gateway_is_swept_and_never_published(site: Site) -> None:
    site.start(timeout=120)
    order = pb.ExportOrder(dataset="residents", disclosure="treated")
    with site.connect(ASKING) as gateway:
        call = gateway._exports.MakeExport(
            pb.MakeExportRequest(context=RequestContext(purpose=PURPOSE), order=order),
            metadata=gateway._caller.metadata(),
        )
        header = next(iter(call)).header
        folder = site.folder / "exported"
        assert (folder / f"staging-{header.export_id}" / "entry").read_text() == str(int(header.receipt.receipt_id))
        site.kill()
    assert [one.name for one in folder.iterdir()] == [f"staging-{header.export_id}"]
    site.start(timeout=120)
    assert not list(folder.iterdir())
    with closing(sqlite3.connect(site.folder / "state.sqlite")) as state:
        records = [bytes(row[0]) for row in state.execute("SELECT record FROM audit_entries ORDER BY entry_index")]
    swept = [json.loads(record) for record in records if EventKind.EXPORT_SWEPT.value.encode() in record]
    assert [one["about"] for one in swept] == [
        {"export": header.export_id, "entry": str(int(header.receipt.receipt_id))}
    ]
    outcomes = [one["outcome"] for one in map(json.loads, records) if one.get("disclosure") == "treated"]
    assert outcomes == ["started"]
