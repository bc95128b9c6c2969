"""What modules log, as lines of the form that calls have: one JSON object each."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from types import TracebackType


class JsonLines(logging.Formatter):
    """Writes a record as one line: event, logger, timestamp and level; of an exception its type and place alone.

    Its text may hold values.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "event": record.getMessage(),
            "logger": record.name,
            "timestamp": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
        }
        kind, _, traceback = record.exc_info or (None, None, None)
        if kind is not None:
            line |= {"exception": f"{kind.__module__}.{kind.__qualname__}", "at": place_of(traceback)}
        return json.dumps(line)


def log_as_lines() -> None:
    """Have all that modules log, and what warnings say, go to standard error as such lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)


def place_of(traceback: TracebackType | None) -> str:
    """Return where an exception was raised: module and line."""
    if traceback is None:
        return ""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_globals.get('__name__', '')}:{traceback.tb_lineno}"
