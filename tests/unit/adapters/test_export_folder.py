"""An institution has so many exports, and those that are being made are among them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.adapters.exports.folder import ExportFolders, Room


def test_jobs_that_are_under_way_are_counted_and_those_of_others_are_not(tmp_path: Path) -> None:
    folders = ExportFolders(tmp_path)
    first, second = folders.room("0" * 32, "police", 2), folders.room("1" * 32, "police", 2)
    assert first is not None and second is not None
    assert folders.room("2" * 32, "police", 2) is None
    other = folders.room("3" * 32, "health", 2)
    first.discard()
    again = folders.room("4" * 32, "police", 2)
    assert other is not None and again is not None
    for room in (second, other, again):
        room.discard()
    assert not list(tmp_path.iterdir())


def test_as_many_as_ask_at_once_are_not_each_the_last(tmp_path: Path) -> None:
    def take(number: int) -> Room | None:
        # a gateway of its own each
        return ExportFolders(tmp_path).room(f"{number:032x}", "police", 3)

    with ThreadPoolExecutor(16) as threads:
        rooms = [room for room in threads.map(take, range(64)) if room is not None]
    assert len(rooms) == 3
    for room in rooms:
        room.discard()
