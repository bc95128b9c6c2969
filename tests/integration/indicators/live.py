"""The board of a house over a register that a test changes, and a clock that it puts forward."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from gateway.lanes.indicators import Board, Reading, Shown, Watching
from gateway.pipeline import Refused
from tests.integration.house import House, WatchedClock, context
from tests.integration.indicators.register import COCKPITS, PURPOSE, STREET, write


@dataclass
class Live:
    house: House
    data: Path
    people: dict[str, int]
    board: Board

    def register(self, **changed: int) -> None:
        """Write the register anew, with other numbers of people in Wulin's communities, and let the period pass."""
        self.people |= {f"{STREET}/{name}": count for name, count in changed.items()}
        write(self.data, self.people)
        self.later()

    def later(self) -> None:
        self.house.clock.ahead += timedelta(seconds=61)

    def read(self, who: str = "cockpit-hangzhou", region: str = "") -> Reading | Refused:
        asked = replace(context(PURPOSE), region=region or COCKPITS[who])
        return self.board.read(self.house.long_signed_in(who), asked, "residents", "living-here")

    def figures(self, who: str = "cockpit-hangzhou", region: str = "") -> dict[str, int | None]:
        found = self.read(who, region)
        assert isinstance(found, Reading), found
        return shown(found.shown)

    def watch(self, who: str) -> Watching:
        asked = replace(context(PURPOSE), region=COCKPITS[who])
        found = self.board.watch(self.house.long_signed_in(who), asked, "residents", "living-here")
        assert isinstance(found, Watching), found
        return found


def shown(one: Shown) -> dict[str, int | None]:
    return {figure.region: None if figure.values is None else int(figure.values[0]) for figure in one.figures}


class Hasty:
    """A clock whose seconds go with the instant that tests put forward."""

    def __init__(self, clock: WatchedClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.ahead.total_seconds()

    def sleep_until(self, instant: float) -> None:
        self._clock.sleep_until(instant)


def board(house: House, watchers_each: int = 32) -> Board:
    return Board(replace(house.ports, clock=Hasty(house.clock)), watchers_each=watchers_each)
