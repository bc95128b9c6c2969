"""However an export ends but well, nothing is published and nothing is left, and the log says so."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gateway.adapters.exports.folder import ExportFolders
from gateway.lanes import exports
from gateway.model.errors import ErrorReason, Fault
from gateway.model.event import Event, EventKind
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.record import LogEntry, Outcome
from tests.integration.exports.register import (
    ASKING,
    GRANTS,
    PURPOSE,
    asked,
    exported,
    given,
    making,
    nothing_is_left,
    refusal,
)
from tests.integration.house import House, context, edit, tracing


def aborted(house: House, reason: str) -> bool:
    last = house.audit.records[-1]
    return (last.outcome, last.reason, last.rows) == (Outcome.ABORTED, reason, 0)


def withdraw(house: House) -> None:
    edit(house.site.policies / "grants.csv", f"p, g-test-treated, {ASKING},", "p, g-test-treated, police,")
    house.ports.policy.reload()


def test_nothing_is_published_before_it_is_on_record(exporting: House, folder: ExportFolders) -> None:
    exporting.audit.failing_from = 1  # the beginning is entered, the end is not
    under_way = making(exporting, asked())
    with pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
        list(under_way)
    assert nothing_is_left(folder)
    with pytest.raises(Fault, match="INTERNAL"):
        _ = under_way.published


def test_all_is_on_record_at_the_instant_of_publication(
    exporting: House, folder: ExportFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[Outcome]] = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        if Path(target).name.startswith("export-"):
            seen.append([record.outcome for record in exporting.audit.records])
            assert len(b"".join(tokens for _, _, tokens in exporting.audit.manifests)) > 0
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watched)
    exported(exporting, asked())
    assert seen == [[Outcome.STARTED, Outcome.COMPLETED]]


def test_an_export_that_is_given_up_leaves_nothing(exporting: House, folder: ExportFolders) -> None:
    under_way = making(exporting, asked())
    parts = iter(under_way)
    next(parts)
    under_way.close()
    assert aborted(exporting, "")
    assert nothing_is_left(folder)
    with pytest.raises(Fault, match="INTERNAL"):
        list(parts)
    assert folder.find(under_way.id) is None


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_policy_that_takes_the_grant_away_ends_it(exporting: House, folder: ExportFolders, after: int) -> None:
    parts = iter(making(exporting, asked()))
    for _ in range(after):
        next(parts)
    withdraw(exporting)
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        list(parts)
    assert aborted(exporting, "PERMIT_REVOKED")
    assert nothing_is_left(folder)


def test_a_policy_that_takes_the_grant_away_at_the_last_moment_ends_it(
    exporting: House, folder: ExportFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = exporting.audit.append_manifest

    def at_last(index: int, segment: int, tokens: bytes) -> None:
        append(index, segment, tokens)
        if segment == 0:
            withdraw(exporting)

    monkeypatch.setattr(exporting.audit, "append_manifest", at_last)
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        list(making(exporting, asked()))
    assert aborted(exporting, "PERMIT_REVOKED")
    assert nothing_is_left(folder)


def test_keys_that_are_destroyed_on_the_way_end_it(exporting: House, folder: ExportFolders) -> None:
    under_way = making(exporting, asked())
    exporting.ports.keys.destroy(PseudonymDomain(ASKING, PURPOSE))
    with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
        list(under_way)
    assert aborted(exporting, "KEYS_UNAVAILABLE")
    assert nothing_is_left(folder)


def test_data_that_change_on_the_way_end_it(exporting: House, folder: ExportFolders) -> None:
    parts = iter(making(exporting, asked()))
    next(parts)
    file = exporting.site.data / "residents" / "2.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)
    with pytest.raises(Fault, match="SOURCE_"):
        list(parts)
    assert aborted(exporting, "SOURCE_UNAVAILABLE")
    assert nothing_is_left(folder)


def test_more_rows_than_the_grant_allows_end_it(exporting: House, folder: ExportFolders) -> None:
    grants = exporting.site.policies / "grants.csv"
    edit(grants, GRANTS, GRANTS.replace("until=2036-03-31", "until=2036-03-31; max_rows=50"))
    exporting.ports.policy.reload()
    with pytest.raises(Fault, match="CAP_EXCEEDED"):
        list(making(exporting, asked()))
    assert aborted(exporting, "CAP_EXCEEDED")
    assert nothing_is_left(folder)


def test_what_a_register_consents_to_row_by_row_is_refused(exporting: House, folder: ExportFolders) -> None:
    request = tracing(context=context("recruitment-fair"), dataset="job_applicants", disclosure="fair-list")
    outcome = exports.request(exporting.ports, exporting.peer("hotel-lakeside"), request)
    assert refusal(outcome).reason is ErrorReason.EXPORT_NOT_POSSIBLE
    assert nothing_is_left(folder)


@pytest.mark.parametrize(
    ("disclosure", "reason"),
    [
        ("crowd", ErrorReason.EXPORT_NOT_POSSIBLE),
        ("answers", ErrorReason.EXPORT_NOT_POSSIBLE),
        ("guessable", ErrorReason.TOKENS_GUESSABLE),
    ],
)
def test_what_takes_a_view_over_all_rows_is_refused(
    exporting: House, folder: ExportFolders, disclosure: str, reason: ErrorReason
) -> None:
    outcome = exports.request(exporting.ports, exporting.peer(ASKING), asked(disclosure=disclosure))
    assert refusal(outcome).reason is reason
    assert exporting.audit.records[-1].outcome is Outcome.REFUSED
    assert "charge" not in exporting.diary.events
    assert nothing_is_left(folder)


def test_files_are_given_to_who_had_them_made_alone_and_while_it_is_permitted(
    exporting: House, folder: ExportFolders
) -> None:
    request = asked()
    export = exported(exporting, request)
    whole = given(exporting, request, export, 0)
    assert given(exporting, request, export, 0, 7) == whole[7:]
    last = exporting.audit.records[-1]
    assert (last.outcome, last.replay, last.continues) == (Outcome.COMPLETED, True, export.opened.entry)
    for another, person in (
        (request, "wang.fang"),
        (asked(fields=("sex",), context=replace(request.context, body_digest=b"another")), "li.wei"),
    ):
        outcome = exports.fetch(exporting.ports, exporting.peer(ASKING, person), another, export.id, 0, 0)
        assert refusal(outcome).reason is ErrorReason.EXPORT_NOT_FOUND
    for name in ("0" * 32, "../" + export.id, export.id[:-1]):
        outcome = exports.fetch(exporting.ports, exporting.peer(ASKING), request, name, 0, 0)
        assert refusal(outcome).reason is ErrorReason.EXPORT_NOT_FOUND
    for number, offset in ((len(export.files), 0), (0, export.files[0].bytes + 1)):
        outcome = exports.fetch(exporting.ports, exporting.peer(ASKING), request, export.id, number, offset)
        assert refusal(outcome).reason is ErrorReason.REQUEST_INVALID
    withdraw(exporting)
    refused = refusal(exports.fetch(exporting.ports, exporting.peer(ASKING), request, export.id, 0, 0))
    assert refused.reason is not None


def test_an_export_is_gone_when_its_time_is_over(exporting: House, folder: ExportFolders) -> None:
    request = asked()
    export = exported(exporting, request)
    exporting.clock.ahead = timedelta(minutes=59)
    exports.keep_house(exporting.ports)
    assert given(exporting, request, export, 0)
    exporting.clock.ahead = timedelta(hours=1, seconds=1)
    peer = exporting.long_signed_in(ASKING)
    outcome = exports.fetch(exporting.ports, peer, request, export.id, 0, 0)
    assert refusal(outcome).reason is ErrorReason.EXPORT_NOT_FOUND
    exports.keep_house(exporting.ports)
    assert nothing_is_left(folder)


_DYING = """
import os, signal, sys
from pathlib import Path
from gateway.adapters.exports.folder import ExportFolders
room = ExportFolders(Path(sys.argv[1])).room(sys.argv[2], "police", 16)
room.began(41)
(room.place.folder / "rows").write_bytes(b"treated rows")
print("there", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_left_is_swept_and_told_of(
    exporting: House, folder: ExportFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[Event] = []
    note = exporting.audit._audit.note

    def watched(event: Event) -> LogEntry:
        noted.append(event)
        entry: LogEntry = note(event)
        return entry

    monkeypatch.setattr(exporting.audit._audit, "note", watched)
    name = "ab" * 16
    command = [sys.executable, "-c", _DYING, str(folder.path), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        exports.keep_house(exporting.ports)
        assert (folder.path / f"staging-{name}" / "rows").is_dir(), "a job at work is left alone"
        process.kill()
    exports.keep_house(exporting.ports)
    assert nothing_is_left(folder)
    swept = [dict(event.about) for event in noted if event.kind is EventKind.EXPORT_SWEPT]
    assert swept == [{"export": name, "entry": "41"}]
