"""What the tests of many processes run: one parent that imports once, and forks workers which begin together.

python -m tests.integration.state.crowd meters STATE PROCESSES CALLS     prints how many calls each worker got through
python -m tests.integration.state.crowd keys FILE PROCESSES CALLS        prints the domains that each worker made
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.state.database import open_state
from gateway.adapters.state.meters import SqlMeters
from gateway.model.meter import Claim, Taken
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import KeyUse

LIMIT = 12
SECRET = b"a secret of the tests"


def take(path: Path, worker: int, calls: int) -> list[int]:
    """Take one pass for each call, and tell what was left each time that there was one."""
    database = open_state(path)
    meters = SqlMeters(database, SystemClock())
    left: list[int] = []
    for call in range(calls):
        claim = Claim(b"passes of a car", LIMIT, (f"{worker}/{call}".encode(),), datetime(2999, 1, 1))
        outcome = meters.take([claim])
        if isinstance(outcome, Taken):
            left += outcome.left
    database.close()
    return left


def make(path: Path, worker: int, calls: int) -> list[str]:
    """Make a domain for each call and destroy every third; tell which should have a secret."""
    ring = FileKeyRing.open(path, SECRET)
    alive: list[str] = []
    for call in range(calls):
        name = f"{worker}/{call}"
        ring.working_key(PseudonymDomain(name, "p"), KeyUse.TOKEN_SIV, "text")
        if call % 3:
            alive.append(name)
        else:
            ring.destroy(PseudonymDomain(name, "p"))
    return alive


def main(work: Callable[[Path, int, int], object], path: Path, processes: int, calls: int) -> None:
    gate, opener = os.pipe()
    for worker in range(processes):
        if os.fork() == 0:
            os.close(opener)
            os.read(gate, 1)  # ends when the parent has started all
            os.write(1, (json.dumps(work(path, worker, calls)) + "\n").encode())
            os._exit(0)
    os.close(opener)
    failed = [status for _, status in (os.wait() for _ in range(processes)) if status]
    sys.exit(bool(failed))


if __name__ == "__main__":
    main({"meters": take, "keys": make}[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
