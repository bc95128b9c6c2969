"""What the kill tests run and kill: threads that append and charge, and acknowledge each on standard output."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from itertools import count
from pathlib import Path

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.state.audit import SqlAuditLog
from gateway.adapters.state.database import open_state
from gateway.adapters.state.ledger import SqlBudgetLedger
from gateway.adapters.state.upgrade import upgrade
from gateway.model.budget import Account, Charge
from gateway.model.loss import PrivacyLoss
from tests.conformance.ports.samples import a_record

ACCOUNTS = [Account("lifetime/resident", "", Fraction(10**6)), Account("dataset/x", "", Fraction(10**6))]


def rho(number: int) -> Fraction:
    """The loss of a charge: denominators that share nothing, so that sums are long."""
    return Fraction(1, (3, 7, 11, 13)[number % 4])


def main(path: Path, run: str) -> None:
    database = open_state(path)
    upgrade(database)
    log, ledger = SqlAuditLog(database), SqlBudgetLedger(database, SystemClock())

    def append(worker: int, turn: int) -> str:
        request_id = f"{run}/{worker}/{turn}"
        entry = log.append(a_record(request_id))
        if turn % 3 == 0:
            log.append_manifest(entry.index, 0, bytes(16))
        return f"append {entry.index} {entry.leaf_hash.hex()} {request_id}"

    def charge(worker: int, turn: int) -> str:
        release_id = f"{run}/{worker}/{turn}"
        outcome = ledger.charge(release_id, ACCOUNTS, PrivacyLoss(rho(turn)))
        assert isinstance(outcome, Charge)
        return f"charge {release_id} {rho(turn)}"

    def loop(work: Callable[[int, int], str], worker: int) -> None:
        for turn in count():
            line = work(worker, turn) + "\n"
            # one write of less than a pipe's atomic size: a kill leaves whole lines, or a tail without an end
            os.write(1, line.encode())

    for worker in range(4):
        threading.Thread(target=loop, args=(append, worker)).start()
        threading.Thread(target=loop, args=(charge, worker)).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
