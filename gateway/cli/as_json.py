"""What `--json` prints: one JSON document on one line, UTF-8, for every command alike."""

from __future__ import annotations

import json
from datetime import date


def print_json(value: object) -> None:
    """Print a value as JSON; dates and instants in it as ISO 8601 has them."""
    print(json.dumps(value, ensure_ascii=False, default=_iso))


def _iso(value: object) -> str:
    if isinstance(value, date):  # an instant is one, too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")
