"""Long loops let other threads in."""

from __future__ import annotations

import sys
import threading

from gateway.policy.turns import in_turns


def test_every_item_comes_once_and_in_order() -> None:
    assert list(in_turns(iter(range(10_000)))) == list(range(10_000))
    assert list(in_turns(())) == []


def test_another_thread_need_not_wait_until_the_loop_is_over() -> None:
    done: list[str] = []
    started = threading.Event()

    def load() -> None:
        started.set()
        for _ in in_turns(range(2_000)):
            sum(range(2_000))
        done.append("loaded")

    before = sys.getswitchinterval()
    # by itself the interpreter would change threads after a minute
    sys.setswitchinterval(60)
    try:
        loader = threading.Thread(target=load)
        loader.start()
        started.wait(30)
        done.append("decided")
        loader.join(30)
    finally:
        sys.setswitchinterval(before)
    assert done == ["decided", "loaded"]
