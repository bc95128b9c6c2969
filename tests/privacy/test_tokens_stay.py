"""A recipient's tokens of a purpose stay the same: at every asking, through a kill and a restart of the gateway, in
another process, and however the rows are cut into batches. Asked for over TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.stages.fetch import rows as fetch_stage
from seeds.generator import City as SeededCity
from tests.privacy.channel import Broken, serving
from tests.privacy.detectors import ByPerson
from tests.privacy.told import TREATMENTS, Told, telling_site

STANDING = tuple(TREATMENTS)


def changed(one: ByPerson, other: ByPerson) -> int:
    """How many people's tokens are not the same in both."""
    return sum(one.get(person) != other.get(person) for person in {*one, *other})


def test_restarts_processes_and_batches_change_no_token(
    tmp_path: Path, seeded: tuple[Path, SeededCity], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = telling_site(tmp_path, seeded[0])
    told = Told.by(site.connect, seeded[0])
    try:
        site.start()
        first = {name: told.ask_anew(name) for name in STANDING}
        assert all(changed(first[name], told.ask_anew(name)) == 0 for name in STANDING)
        site.kill()
        site.start(fresh=True)
        assert all(changed(first[name], told.ask_anew(name)) == 0 for name in STANDING)
        # what the first process gave out opens in the second
        assert told.answered(list(first["tokens"].values())[:300]) == 300
    finally:
        site.kill()
    monkeypatch.setattr(fetch_stage, "BATCH_ROWS", 333)
    with serving(site) as running:
        heard = Told.by(running.connect, seeded[0])
        assert all(changed(first[name], heard.ask_anew(name)) == 0 for name in STANDING)
        # a gateway whose keys are those of a process is found
        with running.broken(Broken(running.keys.ring, key=bytes(range(64)))):
            assert changed(first["tokens"], heard.ask_anew("tokens")) == len(first["tokens"])
