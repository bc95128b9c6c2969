"""An institution has so many exports, and those that are being made are among them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.exports.folder import ExportFolders, Room, Space
from gateway.model.export import Export, ExportedFile, StagedPart
from gateway.model.extract import OpenExtract
from gateway.ports.exports import NoRoom


def test_jobs_that_are_under_way_are_counted_and_those_of_others_are_not(tmp_path: Path) -> None:
    folders = ExportFolders(tmp_path)
    first, second = folders.room("0" * 32, "police", 2), folders.room("1" * 32, "police", 2)
    assert isinstance(first, Room) and isinstance(second, Room)
    assert folders.room("2" * 32, "police", 2) is NoRoom.MANY
    other = folders.room("3" * 32, "health", 2)
    first.discard()
    again = folders.room("4" * 32, "police", 2)
    assert isinstance(other, Room) and isinstance(again, Room)
    for room in (second, other, again):
        room.discard()
    assert not list(tmp_path.iterdir())


def test_as_many_as_ask_at_once_are_not_each_the_last(tmp_path: Path) -> None:
    def take(number: int) -> Room | NoRoom:
        # a gateway of its own each
        return ExportFolders(tmp_path).room(f"{number:032x}", "police", 3)

    with ThreadPoolExecutor(16) as threads:
        rooms = [room for room in threads.map(take, range(64)) if isinstance(room, Room)]
    assert len(rooms) == 3
    for room in rooms:
        room.discard()


def _published(room: Room, export_id: str, size: int) -> None:
    (room.place.folder / "part").write_bytes(bytes(size))
    now = datetime(2026, 1, 1)
    opened = OpenExtract(export_id, "police", "", b"", b"", now, "v", 1, 1)
    part = StagedPart(0, "part", "tags", (), size, "")
    room.publish(Export(opened, (ExportedFile(0, size, ""),), now + timedelta(hours=1)), [part])
    room.discard()


def test_what_may_yet_be_written_and_what_is_kept_have_a_bound_together(tmp_path: Path) -> None:
    folders = ExportFolders(tmp_path, Space(most_bytes=100, most_bytes_each=40, free_share=0.0))
    first, second = folders.room("0" * 32, "police", 9), folders.room("1" * 32, "health", 9)
    assert isinstance(first, Room) and isinstance(second, Room)
    assert first.place.most_bytes == 40
    assert folders.room("2" * 32, "customs", 9) is NoRoom.FULL
    _published(first, "0" * 32, 20)
    third = folders.room("2" * 32, "customs", 9)
    assert isinstance(third, Room)  # 20 that are kept, and twice 40
    assert folders.room("3" * 32, "customs", 9) is NoRoom.FULL
    folders.expire(datetime(2026, 1, 2))
    assert folders.room("3" * 32, "customs", 9) is NoRoom.FULL  # twice 40 leave no room for 40
    second.discard()
    assert isinstance(folders.room("3" * 32, "customs", 9), Room)


@pytest.mark.parametrize(("kept", "fits"), [(60, True), (61, False)])
def test_what_is_kept_counts_with_what_it_has(tmp_path: Path, kept: int, fits: bool) -> None:
    folders = ExportFolders(tmp_path, Space(most_bytes=100, most_bytes_each=40, free_share=0.0))
    first = folders.room("0" * 32, "police", 9)
    assert isinstance(first, Room)
    _published(first, "0" * 32, kept)
    assert isinstance(folders.room("1" * 32, "police", 9), Room) == fits


def test_a_share_of_the_disk_is_left_to_others(tmp_path: Path) -> None:
    folders = ExportFolders(tmp_path, Space(most_bytes=100, most_bytes_each=40, free_share=1.0))
    assert folders.room("0" * 32, "police", 9) is NoRoom.DISK
    assert not list(tmp_path.iterdir())
