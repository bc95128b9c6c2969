"""What modules log: one JSON object a line, and of an exception nothing that it says."""

from __future__ import annotations

import json
import logging
import sys

from gateway.server.log_lines import JsonLines


def line(message: str, *arguments: object, exc_info: bool = False) -> dict[str, str]:
    found = sys.exc_info() if exc_info else None
    record = logging.LogRecord("gateway.policy.store", logging.ERROR, "", 0, message, arguments, found)
    record.created = 1_795_392_000.000125
    text = JsonLines().format(record)
    assert "\n" not in text
    written: dict[str, str] = json.loads(text)
    return written


def test_a_line_has_event_logger_time_and_level() -> None:
    assert line("policy %s is in force\nnow", "abc") == {
        "event": "policy abc is in force\nnow",
        "logger": "gateway.policy.store",
        "timestamp": "2026-11-23T00:00:00.000125Z",
        "level": "error",
    }


def test_an_exception_is_its_type_and_place() -> None:
    try:
        raise ValueError("canary")
    except ValueError:
        found = line("it failed", exc_info=True)
    assert found["exception"] == "builtins.ValueError" and found["at"].startswith("tests.unit.server.test_log_lines:")
    assert "canary" not in json.dumps(found)
