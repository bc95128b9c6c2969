"""What the test of kills runs and kills in place of the product: a gateway that answers before it charges."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from tests.privacy.audit.audited import audited
from tests.privacy.audit.ledgers import Late


def main(config: Path) -> None:
    """Serve until killed; the port is told on standard output."""
    with audited(config, ledger=Late) as running:
        print(running.port, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
