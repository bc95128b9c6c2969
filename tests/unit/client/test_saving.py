"""A file that arrives in pieces is in its place whole or not at all, and no byte is fetched twice without need."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.client.errors import Details, IncompleteExtract, Unavailable
from gateway.client.saving import Whole, save

CONTENT = bytes(range(256)) * 4
WHOLE = Whole(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@dataclass(frozen=True)
class At:
    """Some bytes, and where they begin."""

    offset: int
    data: bytes


@dataclass
class Sender:
    """Sends the content in pieces of 100 bytes; each time but the last, only so many before it breaks."""

    lasts: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    def __call__(self, offset: int) -> Iterator[At]:
        self.asked.append(offset)
        left = self.lasts.pop(0) if self.lasts else len(CONTENT)
        for start in range(offset, len(CONTENT), 100):
            if left <= 0:
                raise Unavailable(Details("UNAVAILABLE", ""))
            yield At(start, CONTENT[start : start + 100])
            left -= 100


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_goes_on_where_it_was_cut_short(tmp_path: Path) -> None:
    sender = Sender([300, 200])
    target = save(tmp_path / "rows", sender, lambda: WHOLE)
    assert (target.read_bytes(), sender.asked) == (CONTENT, [0, 300, 500])
    assert _left(tmp_path) == ["rows"]


def test_after_four_tries_what_came_is_kept_for_the_next_time(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        save(tmp_path / "rows", Sender([100, 100, 100, 100]), lambda: WHOLE)
    assert _left(tmp_path) == ["rows.part"]
    sender = Sender()
    assert save(tmp_path / "rows", sender, lambda: WHOLE).read_bytes() == CONTENT
    assert sender.asked == [400]


@pytest.mark.parametrize(
    ("there", "asked"),
    [(b"x" * 200, [200, 0]), (b"x" * (len(CONTENT) + 1), [0])],
    ids=["other bytes", "too many"],
)
def test_what_is_not_the_file_is_begun_anew(tmp_path: Path, there: bytes, asked: list[int]) -> None:
    (tmp_path / "rows.part").write_bytes(there)
    sender = Sender()
    assert save(tmp_path / "rows", sender, lambda: WHOLE).read_bytes() == CONTENT
    assert sender.asked == asked


@pytest.mark.parametrize("then", [[], [At(200, CONTENT[200:])]], ids=["no more", "a gap"])
def test_what_came_in_order_is_kept_when_the_rest_did_not(tmp_path: Path, then: list[At]) -> None:
    asked = []

    def short(offset: int) -> Iterator[At]:
        asked.append(offset)
        return iter([At(0, CONTENT[:100]), *then] if offset == 0 else [At(offset, CONTENT[offset:])])

    assert save(tmp_path / "rows", short, lambda: WHOLE).read_bytes() == CONTENT
    assert asked == [0, 100]


def test_what_the_whole_is_may_be_told_with_the_pieces(tmp_path: Path) -> None:
    known = Whole(0, "")

    def told(offset: int) -> Iterator[At]:
        nonlocal known
        known = WHOLE
        yield At(offset, CONTENT[offset:])

    (tmp_path / "rows.part").write_bytes(CONTENT[:10])
    assert save(tmp_path / "rows", told, lambda: known).read_bytes() == CONTENT


@pytest.mark.parametrize("sent", [At(0, CONTENT[:-1] + b"!"), At(0, CONTENT + b"!"), At(1, CONTENT[1:]), At(0, b"")])
def test_what_never_becomes_the_file_is_never_in_its_place(tmp_path: Path, sent: At) -> None:
    with pytest.raises(IncompleteExtract):
        save(tmp_path / "rows", lambda _: iter([sent]), lambda: WHOLE)
    assert "rows" not in _left(tmp_path)
