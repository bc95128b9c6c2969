"""A release that is asked for again: what is remembered of it is never another release, nor shown in another way."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

import gateway.client as gw
from gateway.api.v1 import release_pb2, research_service_pb2
from gateway.client.context import context
from gateway.client.plans import plan
from gateway.server.desk import Desk
from gateway.server.problem import Problem
from gateway.server.research import Research
from tests.integration.house import House, edit


class Asking:
    """Handlers of one process, and a researcher who asks them."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._research = Research(Desk(house.ports, 0))

    def __call__(self, epsilon: float = 0.1, **presented: Any) -> release_pb2.Release:
        request = research_service_pb2.CreateReleaseRequest(
            context=context("academic-research", "", "", "", str(uuid.uuid4())),
            plan=plan("subsidies", "by-sector", (gw.count(),), ("tier",), []),
            epsilon=epsilon,
            presentation=release_pb2.Presentation(**presented),
        )
        reply = self._research.create_release(self._house.peer("zju-research"), request)
        assert not isinstance(reply, Problem), reply
        message = reply.message
        assert isinstance(message, research_service_pb2.CreateReleaseResponse)
        return message.release


@pytest.fixture
def ask(house: House) -> Iterator[Asking]:
    yield Asking(house)


def test_what_was_written_once_is_what_would_be_written_now(ask: Asking, house: House) -> None:
    for _ in range(2):
        for epsilon in (0.1, 0.2):
            for presented in ({}, {"round_to": 10}, {"round_to": 100}, {"top": 2}):
                assert ask(epsilon, **presented) == Asking(house)(epsilon, **presented)
    assert ask(0.1) != ask(0.2)
    assert len(ask(top=2).cells) == 2 < len(ask().cells)


def test_who_gets_a_message_cannot_change_what_the_next_one_gets(ask: Asking) -> None:
    first = ask()
    kept = release_pb2.Release()
    kept.CopyFrom(first)
    first.cells[0].estimates[0].value += 1_000
    del first.measures[:]
    assert ask() == kept


def test_another_delta_is_shown_at_once(ask: Asking, house: House) -> None:
    before = ask()
    edit(house.site.policies / "budgets.yaml", "\ndelta: 1e-6", "\ndelta: 1e-7")
    house.ports.policy.reload()
    after = ask()
    assert after.release_id == before.release_id
    assert after.privacy_loss.delta != before.privacy_loss.delta
