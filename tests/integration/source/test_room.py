"""Memory that truncations share: what there is no room for waits, and what failed gives its room back."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock
from time import sleep

import pytest

from gateway.adapters.sources.parts import Room

pytestmark = pytest.mark.timeout(30)  # who waits for room that never comes has failed


def test_no_more_is_taken_than_there_is() -> None:
    room, lock, held, most = Room(10), Lock(), [0], [0]
    start = Barrier(8)

    def work(size: int) -> None:
        start.wait()
        for _ in range(20):
            with room.taken(size):
                with lock:
                    held[0] += min(size, 10)
                    most[0] = max(most[0], held[0])
                sleep(0.0005)
                with lock:
                    held[0] -= min(size, 10)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, (1, 2, 3, 4, 5, 6, 10, 1_000)))
    assert held == [0] and 4 <= most[0] <= 10


def test_what_failed_gives_its_room_back() -> None:
    room = Room(1)
    with pytest.raises(ValueError, match="inside"), room.taken(1):
        raise ValueError("inside")
    with room.taken(1):
        pass


def test_who_wants_all_has_the_next_turn() -> None:
    room, inside, leave, order = Room(2), Event(), Event(), []

    def first() -> None:
        with room.taken(1):
            inside.set()
            leave.wait(10)

    def then(name: str, size: int) -> None:
        with room.taken(size):
            order.append(name)

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(first)]
        inside.wait(10)
        running.append(pool.submit(then, "all", 2))
        while not room._turn.locked():
            sleep(0.001)
        running.append(pool.submit(then, "little", 1))
        sleep(0.02)
        assert order == []
        leave.set()
        for one in running:
            one.result(10)
    assert order == ["all", "little"]
