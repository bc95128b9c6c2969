"""Exports take no more room than they may: what would is refused, or ends, and nothing of it is left."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.adapters.exports.folder import ExportFolders, Space
from gateway.adapters.spark.parts import WritePart, check_place
from gateway.adapters.spark.sessions import Session
from gateway.lanes import exports
from gateway.model.errors import ErrorReason, Fault
from gateway.model.export import StagingPlace
from gateway.model.record import Outcome
from gateway.ports.exports import TreatedBlock
from tests.integration.exports.register import ASKING, asked, exported, making, nothing_is_left, refusal
from tests.integration.house import House

_ROWS = pa.schema([pa.field("a", pa.int64())])


@pytest.mark.parametrize(
    ("space", "why"),
    [
        (Space(most_bytes=(1 << 20) - 1, most_bytes_each=1 << 20, free_share=0.0), "until one expires"),
        (Space(free_share=1.0), "ask the operator"),
    ],
)
def test_an_export_that_finds_no_room_is_not_begun(
    exporting: House, folder: ExportFolders, monkeypatch: pytest.MonkeyPatch, space: Space, why: str
) -> None:
    monkeypatch.setattr(folder, "_space", space)
    refused = refusal(exports.request(exporting.ports, exporting.peer(ASKING, "li.wei"), asked()))
    assert refused.reason is ErrorReason.RATE_EXCEEDED
    assert why in refused.violations[0].description
    assert Outcome.STARTED not in [record.outcome for record in exporting.audit.records]
    assert nothing_is_left(folder)


def test_an_export_that_would_take_more_than_it_may_ends(
    exporting: House, folder: ExportFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_space", Space(most_bytes_each=4096, free_share=0.0))
    _ends(exporting, ErrorReason.EXPORT_NOT_POSSIBLE)
    assert nothing_is_left(folder)


def test_an_export_whose_disk_takes_no_more_ends(exporting: House, folder: ExportFolders, spark: Session) -> None:
    kept = exported(exporting, asked())
    with _no_file_larger_than(1024, spark):
        _ends(exporting, ErrorReason.SOURCE_UNAVAILABLE)
    assert [found.name for found in folder.path.iterdir()] == [f"export-{kept.id}"]
    assert exported(exporting, asked()).rows == kept.rows


def test_a_worker_looks_before_it_writes(tmp_path: Path) -> None:
    rows = pa.record_batch([list(range(1000))], schema=_ROWS)
    for most, written in ((24_000, True), (23_999, False)):
        place = StagingPlace(tmp_path / str(most), most, 0)
        place.folder.mkdir()
        (told,) = next(WritePart(_as_read, _ROWS, _ROWS, place)(iter([rows]))).to_pylist()
        assert told["failed"] == (None if written else "EXPORT_NOT_POSSIBLE")
        assert any(file.stat().st_size > 1000 for file in place.folder.iterdir()) == written


def test_what_is_left_of_the_disk_is_left(tmp_path: Path) -> None:
    check_place(StagingPlace(tmp_path, 1, 0))
    with pytest.raises(Fault) as told:
        check_place(StagingPlace(tmp_path, 1, 1 << 62))
    assert told.value.reason is ErrorReason.SOURCE_UNAVAILABLE


def _as_read(batches: Iterator[pa.RecordBatch]) -> Iterator[TreatedBlock]:
    for batch in batches:
        yield TreatedBlock(batch, bytes(16 * batch.num_rows))


def _ends(house: House, reason: ErrorReason) -> None:
    under_way = making(house, asked())
    with pytest.raises(Fault) as told:
        list(under_way)
    assert told.value.reason is reason
    last = house.audit.records[-1]
    assert (last.outcome, last.reason, last.rows) == (Outcome.ABORTED, reason.value, 0)
    with pytest.raises(Fault, match="INTERNAL"):
        _ = under_way.published


@contextmanager
def _no_file_larger_than(size: int, spark: Session) -> Iterator[None]:
    """Spark's workers, those at hand and those to come, find that nothing more can be written: as on a full disk."""
    assert spark._server is not None and spark._server._process is not None
    server = spark._server._process.pid
    soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert _limit(server, size)
    try:
        yield
    finally:
        # those that came meanwhile have it of the daemon that begins them: again, once that is let go
        for _ in range(2):
            _limit(server, soft)


def _limit(server: int, size: int) -> int:
    """Let no worker of a server write a larger file; return how many there are."""
    found = 0
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda one: int(one.name)):
        with suppress(OSError):  # it may have ended
            if _session(process) == server and b"pyspark.daemon" in (process / "cmdline").read_bytes():
                _, hard = resource.prlimit(int(process.name), resource.RLIMIT_FSIZE)
                resource.prlimit(int(process.name), resource.RLIMIT_FSIZE, (size, hard))
                found += 1
    return found


def _session(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[3])
    except OSError:
        return None
