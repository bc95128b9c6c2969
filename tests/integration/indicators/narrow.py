"""A gateway whose messages hold few figures: `python -m tests.integration.indicators.narrow serve …`."""

from __future__ import annotations

from gateway.__main__ import main
from gateway.server import indicators

BYTES = 2_500

if __name__ == "__main__":
    vars(indicators)["MOST_BYTES"] = BYTES
    main()
