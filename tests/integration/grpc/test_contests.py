"""A contest over gRPC: organiser and teams through the Python client, and a gateway that is killed in between."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

import pytest

import gateway.client as gw
from gateway.model.calendar import city_day
from gateway.policy.snapshot import load
from tests.integration.site import Site, values_of
from tests.integration.test_contests import NAME, ORGANISER, OTHER, PURPOSE, TEAM, hold_contest


def test_a_contest_from_its_reference_to_its_leaderboard(new_site: Site) -> None:
    today = city_day(datetime.now(UTC).replace(tzinfo=None))
    hold_contest(new_site.policies, today)
    new_site.start()
    with new_site.connect(ORGANISER) as organiser:
        receipt = organiser.make_reference(NAME, purpose=PURPOSE)
        assert receipt.privacy_loss.rho == "1/8"
        with closing(sqlite3.connect(new_site.folder / "state.sqlite")) as state:
            ((release_id,),) = state.execute("SELECT release_id FROM contest_references").fetchall()
        with pytest.raises(gw.NotFound, match="RELEASE_NOT_FOUND"):
            organiser.get_release(release_id, purpose=PURPOSE)
    new_site.kill()
    new_site.start()
    rides = Counter(values_of(new_site.data, "transport_trips", "line"))
    lines = load(new_site.policies).contracts["transport_trips"].fields["line"].keys
    assert lines is not None and set(lines) >= set(rides)
    cells = [([line], float(rides[str(line)])) for line in lines]
    with new_site.connect(TEAM) as team, new_site.connect(OTHER) as other:
        scored = team.submit_entry(NAME, cells, purpose=PURPOSE)
        # who knows the rides lies near their noised numbers, and who guesses nothing lies far off
        worse = other.submit_entry(NAME, [(keys, 0.0) for keys, _ in cells], purpose=PURPOSE)
        assert 0 < scored.score < worse.score
        assert (scored.score * 2) % 1 == 0 and scored.score_step == 0.5
        assert (scored.entries_left, scored.standing.institution, scored.standing.entries) == (2, TEAM, 1)
        assert scored.receipt.purpose == PURPOSE
        with pytest.raises(gw.InvalidRequest, match="REQUEST_INVALID"):
            team.submit_entry(NAME, cells[1:], purpose=PURPOSE)
        with pytest.raises(gw.InvalidRequest):
            team.submit_entry(NAME, [(cells[0][0], float("nan")), *cells[1:]], purpose=PURPOSE)
        board = team.leaderboard(NAME, purpose=PURPOSE)
        assert [(one.institution, one.score) for one in board.standings] == [(TEAM, scored.score), (OTHER, worse.score)]
        assert (board.closed, board.reference, board.closes_on) == (False, "", today)
    with new_site.connect("police") as stranger, pytest.raises(gw.NotFound, match="ENTRY_NOT_FOUND"):
        stranger.leaderboard(NAME, purpose=PURPOSE)
    new_site.stop()
