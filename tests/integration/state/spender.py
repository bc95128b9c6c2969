"""What the race for a budget runs and kills: clients that charge until they are refused, and say what was charged."""

from __future__ import annotations

import os
import sys
import threading
from fractions import Fraction
from itertools import count
from pathlib import Path

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.state.database import open_state
from gateway.adapters.state.ledger import SqlBudgetLedger
from gateway.adapters.state.upgrade import upgrade
from gateway.model.budget import Account, Charge
from gateway.model.loss import PrivacyLoss

CAP = Account("lifetime/resident", "what all race for", Fraction(6), Fraction(1, 10**6))
"""Holds some six hundred charges; the cap on delta is never the shorter one."""

WIDE = Account("dataset/x", "what is charged with it", Fraction(10**6), Fraction(1))


def loss(number: int) -> PrivacyLoss:
    """Losses whose denominators share nothing, so that no sum comes out even by chance."""
    return PrivacyLoss(Fraction(1, (67, 71, 101, 103)[number % 4]), None, Fraction(1, 10**10))


def main(path: Path, run: str, clients: int) -> None:
    database = open_state(path, patience=60)
    upgrade(database)
    ledger = SqlBudgetLedger(database, SystemClock())
    os.write(1, b"ready\n")
    sys.stdin.readline()  # all processes start together

    def client(number: int) -> None:
        for turn in count():
            release_id, asked = f"{run}/{number}/{turn}", loss(number + turn)
            if not isinstance(ledger.charge(release_id, [CAP, WIDE], asked), Charge):
                return
            # one write of less than a pipe's atomic size: a kill leaves whole lines, or a tail without an end
            os.write(1, f"charged {release_id} {asked.rho}\n".encode())

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
