"""Plain values written as YAML that gateway.policy.documents reads back as they were, with notes at line ends."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@()'\u4e00-\u9fff-]*( [A-Za-z0-9_./@()'\u4e00-\u9fff-]+)*", re.ASCII)
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})  # what readers of old take for others
_WIDTH = 112


@dataclass(frozen=True, slots=True)
class Noted:
    """A value, and what people are told about it: a comment at the end of its first line."""

    value: Any
    note: str


def written(value: dict[str, Any]) -> list[str]:
    """Return the lines of a mapping: short collections on one line, others in blocks."""
    return list(_mapping(value))


def undated(value: Any) -> Any:
    """Return the value with each day as a text: in the standard, whose schema is one of JSON, days are texts."""
    if isinstance(value, dict):
        return {key: undated(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [undated(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def scalar(value: object) -> str:
    """Return a text, number, bool, date or None as YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS and len(text) < _WIDTH:
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    # JSON's escapes are YAML's; what JSON leaves as it is and YAML does not print is escaped as well
    plain = json.dumps(text, ensure_ascii=False)
    return "".join(
        one if one.isprintable() else f"\\U{ord(one):08X}" if ord(one) > 0xFFFF else f"\\u{ord(one):04X}"
        for one in plain
    )


def _mapping(value: dict[str, Any]) -> Iterator[str]:
    for key, noted in value.items():
        inner, note = _unpacked(noted)
        name = scalar(key)
        flow = _flow(inner)
        if flow is not None and (_small(inner) or len(name) + len(flow) <= _WIDTH):
            yield f"{name}: {flow}{note}"
            continue
        yield f"{name}:{note}"
        yield from (f"  {line}" for line in _block(inner))


def _sequence(value: list[Any]) -> Iterator[str]:
    for item in value:
        inner, note = _unpacked(item)
        flow = _flow(inner)
        if flow is not None and (_small(inner) or len(flow) <= _WIDTH):
            yield f"- {flow}{note}"
            continue
        first, *rest = _block(inner)
        yield f"- {first}{note}"
        yield from (f"  {line}" for line in rest)


def _small(value: Any) -> bool:
    return not isinstance(value, dict | list) or not value


def _block(value: dict[str, Any] | list[Any]) -> Iterator[str]:
    return _mapping(value) if isinstance(value, dict) else _sequence(value)


def _unpacked(value: Any) -> tuple[Any, str]:
    if isinstance(value, Noted):
        return value.value, f"  {value.note}"
    return value, ""


def _flow(value: Any) -> str | None:
    """The value on one line, or None if something in it needs more: a note, or a collection of collections."""
    if isinstance(value, Noted):
        return None
    if not isinstance(value, dict | list):
        return scalar(value)
    inner = list(value.values()) if isinstance(value, dict) else value
    if any(isinstance(one, Noted) or (isinstance(one, dict | list) and one and not _flat(one)) for one in inner):
        return None
    if isinstance(value, list):
        if any(isinstance(one, dict) and one for one in value):
            return None
        return f"[{', '.join(_flow(one) or '' for one in value)}]"
    return f"{{{', '.join(f'{scalar(key)}: {_flow(one)}' for key, one in value.items())}}}"


def _flat(value: dict[str, Any] | list[Any]) -> bool:
    inner = list(value.values()) if isinstance(value, dict) else value
    return not any(isinstance(one, dict | list | Noted) for one in inner)
