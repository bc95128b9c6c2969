"""The cases of broken policies: what is written in broken/, read, and made on a copy of the good folder.

broken/README.md says how a case is written.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
BROKEN = HERE / "broken"
GOOD = (HERE.parent / "unit" / "policy" / "good", HERE / "good")
"""The good policy: the files of both folders together."""

_KEYS = {"officer", "changes", "sent", "says"}
_CHANGES = ("old", "text", "hex", "repeat", "remove", "link", "pipe")


@dataclass(frozen=True)
class Case:
    """One broken policy. `says` is everything that the gateway must say about it, in order."""

    name: str
    officer: str
    changes: tuple[Mapping[str, Any], ...]
    sent: Mapping[str, Mapping[str, Any]]
    says: tuple[str, ...]

    @property
    def lies_in_a_folder(self) -> bool:
        """Whether the mistake is in a folder, and not in what was sent from elsewhere."""
        return not self.sent

    def files(self) -> set[str]:
        """Which files of the folder the mistake is in."""
        return {change["file"] for change in self.changes}


def read_cases() -> tuple[Case, ...]:
    """Return every case, in the order of families and names."""
    return tuple(_case(path) for path in sorted(BROKEN.glob("*/*.yaml")))


def good_folder(place: Path) -> Path:
    """Lay the good policy into a folder that is not there yet, and return it."""
    for part in GOOD:
        shutil.copytree(part, place, dirs_exist_ok=True)
    return place


def good_files() -> dict[str, bytes]:
    """The good policy as it would be sent."""
    return {
        str(path.relative_to(part)): path.read_bytes() for part in GOOD for path in part.rglob("*") if path.is_file()
    }


def make_mistake(case: Case, folder: Path) -> None:
    """Make the mistake of a case in a folder that holds the good policy."""
    for change in case.changes:
        _change(folder / change["file"], change)


def mend(folder: Path) -> None:
    """Put the good policy back, whatever was done to the folder."""
    shutil.rmtree(folder)
    good_folder(folder)


def sent_files(case: Case) -> dict[str, bytes]:
    """What a proposal of this policy would hold: the good files with the mistake in them."""
    files = good_files()
    for name, content in case.sent.items():
        files |= {name.replace("{n}", str(number)): _content(content) for number in range(int(content.get("files", 1)))}
    return files


def _case(path: Path) -> Case:
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    name = f"{path.parent.name}/{path.stem}"
    assert set(written) <= _KEYS, f"{name}: a case has the keys {sorted(_KEYS)}"
    assert ("changes" in written) != ("sent" in written), f"{name}: write either 'changes' or 'sent'"
    assert written["says"], f"{name}: a mistake is told"
    changes = tuple(written.get("changes", ()))
    for change in changes:
        assert sum(kind in change for kind in _CHANGES) == 1, f"{name}: a change is one of {_CHANGES}"
    return Case(name, written["officer"], changes, written.get("sent", {}), tuple(written["says"]))


def _change(path: Path, change: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if "old" in change:
        text = path.read_text(encoding="utf-8")
        assert text.count(change["old"]) == 1, f"the text to be edited is {text.count(change['old'])} times in {path}"
        path.write_text(text.replace(change["old"], change["new"]), encoding="utf-8", newline="")
    elif "remove" in change:
        path.unlink()
    elif "link" in change:
        path.unlink(missing_ok=True)
        path.symlink_to(change["link"])
    elif "pipe" in change:
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    else:
        path.write_bytes(_content(change))


def _content(written: Mapping[str, Any]) -> bytes:
    if "hex" in written:
        return bytes.fromhex(written["hex"])
    if "repeat" in written:
        parts = [(part, 1) if isinstance(part, str) else (part["text"], part["times"]) for part in written["repeat"]]
        return "".join(text * times for text, times in parts).encode()
    return str(written["text"]).encode()
