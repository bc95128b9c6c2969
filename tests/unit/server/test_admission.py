"""Places are counted for each institution and for all together, and every one comes back."""

from __future__ import annotations

import pytest

from gateway.model.errors import ErrorReason, Fault, Unauthenticated
from gateway.model.party import Peer
from gateway.server.admission import Admission, Admitted, Capacity


def gate(peer: Peer) -> str:
    if peer.bearer_token is None:
        raise Unauthenticated(ErrorReason.TOKEN_MISSING)
    return peer.bearer_token


def admission(**capacity: int) -> Admission:
    return Admission(gate, Capacity(**capacity))


def enter(at: Admission, institution: str, *, release: bool = False) -> Admitted:
    return at.enter(Peer(None, institution), release=release)


def test_a_stranger_takes_no_place() -> None:
    at = admission(calls=1)
    for _ in range(3):
        with pytest.raises(Unauthenticated, match="TOKEN_MISSING"):
            at.enter(Peer(None, None), release=False)
    assert enter(at, "police").institution == "police"


def test_an_institution_has_its_share_and_all_have_the_whole() -> None:
    at = admission(calls=3, calls_each=2)
    first, _, third = enter(at, "police"), enter(at, "police"), enter(at, "hotel")
    for institution in ("police", "hotel"):
        with pytest.raises(Fault, match="CAP_EXCEEDED"):
            enter(at, institution)
    third.leave()
    with pytest.raises(Fault, match="CAP_EXCEEDED"):
        enter(at, "police")
    first.leave()
    assert [enter(at, name).institution for name in ("police", "hotel")] == ["police", "hotel"]


def test_releases_are_counted_among_the_calls_and_on_their_own() -> None:
    at = admission(calls_each=3, releases_each=1)
    release = enter(at, "police", release=True)
    with pytest.raises(Fault, match="CAP_EXCEEDED"):
        enter(at, "police", release=True)
    enter(at, "hotel", release=True)
    enter(at, "police")
    enter(at, "police")
    with pytest.raises(Fault, match="CAP_EXCEEDED"):
        enter(at, "police")
    release.leave()
    enter(at, "police", release=True)


def test_uploads_are_counted_for_each_institution_and_for_all() -> None:
    at = admission(uploads=3, uploads_each=2)
    first, _ = (at.enter(Peer(None, "police"), release=False, upload=True) for _ in range(2))
    with pytest.raises(Fault, match="CAP_EXCEEDED"):
        at.enter(Peer(None, "police"), release=False, upload=True)
    at.enter(Peer(None, "hotel"), release=False, upload=True)
    with pytest.raises(Fault, match="CAP_EXCEEDED"):
        at.enter(Peer(None, "clinic"), release=False, upload=True)
    enter(at, "clinic")
    first.leave()
    at.enter(Peer(None, "clinic"), release=False, upload=True)
