"""What every register of indicators keeps: versions that follow each other, the first of two that come at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from gateway.adapters.state.database import StateDatabase
from gateway.adapters.state.indicators import SqlIndicatorRegister
from gateway.model.indicator import KeptIndicator

FIRST = KeptIndicator("i1", 0, datetime(2026, 11, 22, 12), "read", "version", b"sealed")


def test_versions_follow_each_other_and_the_first_stands(state: Callable[[], StateDatabase]) -> None:
    one, other = SqlIndicatorRegister(state()), SqlIndicatorRegister(state())
    assert one.latest("i1") is None and one.version("i1") == -1
    assert not one.keep(replace(FIRST, version=1))
    assert one.keep(FIRST)
    assert not other.keep(replace(FIRST, state=b"late"))
    assert other.latest("i1") == FIRST and other.version("i1") == 0
    following = replace(FIRST, version=1, state=b"next", data_version="later")
    assert other.keep(following)
    assert one.latest("i1") == following and one.version("i1") == 1
    assert one.latest("i2") is None
    assert "sealed" not in repr(FIRST)
