"""The last good policy stays in force."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.store import FolderSource, PolicyStore


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_an_invalid_folder_never_replaces_the_last_good_one(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = PolicyStore(FolderSource(folder))
    good = store.current()
    edit(folder / "grants.csv", "allow", "canary-value")
    outcome = store.reload()
    assert isinstance(outcome, InvalidPolicy)
    assert store.current() is good
    assert store.last_problems == outcome.problems != ()
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    assert "grants.csv" in caplog.text
    assert good.digest in caplog.text
    assert "canary" not in caplog.text
    edit(folder / "grants.csv", "canary-value", "allow")
    assert store.reload() is good
    assert store.last_problems == ()


def test_a_valid_folder_comes_into_force(folder: Path) -> None:
    store = PolicyStore(FolderSource(folder))
    before = store.current()
    edit(folder / "budgets.yaml", "resident: 12.0", "resident: 11.0")
    after = store.reload()
    assert isinstance(after, PolicySnapshot)
    assert store.current() is after is not before
    assert after.digest != before.digest
    assert before.budgets.lifetime["resident"].rho > after.budgets.lifetime["resident"].rho


def test_a_folder_that_vanishes_changes_nothing(folder: Path) -> None:
    store = PolicyStore(FolderSource(folder))
    good = store.current()
    folder.rename(folder.with_name("gone"))
    assert isinstance(store.reload(), InvalidPolicy)
    assert store.current() is good


def test_the_first_folder_must_be_valid(folder: Path) -> None:
    (folder / "grants.csv").unlink()
    with pytest.raises(InvalidPolicy):
        PolicyStore(FolderSource(folder))


def test_readers_see_whole_policies_while_reloads_go_on(folder: Path) -> None:
    store = PolicyStore(FolderSource(folder))
    first = store.current()
    edit(folder / "budgets.yaml", "resident: 12.0", "resident: 11.0")
    second = PolicyStore(FolderSource(folder)).current()
    valid = {snapshot.digest: snapshot.budgets.lifetime["resident"].rho for snapshot in (first, second)}
    done = threading.Event()
    torn: list[str] = []

    def read() -> None:
        while not done.is_set():
            snapshot = store.current()
            if valid.get(snapshot.digest) != snapshot.budgets.lifetime["resident"].rho:
                torn.append(snapshot.digest)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(10):
        old, new = ("11.0", "12.0") if turn % 2 == 0 else ("12.0", "11.0")
        edit(folder / "budgets.yaml", f"resident: {old}", f"resident: {new}")
        store.reload()
    done.set()
    for reader in readers:
        reader.join(30)
    assert not torn
