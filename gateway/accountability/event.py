"""The canonical bytes of an event in the audit log, format 1, and their exact inverse. The format is final.

An event stands in the log beside records of disclosures, under the same leaf hash. Its bytes are an object with the
key `event`, which no record has: none is ever taken for the other. Both are specified in docs/reference/audit-log.md.
"""

from __future__ import annotations

from gateway.accountability import jcs
from gateway.accountability.lexical import read_instant, write_instant
from gateway.model.event import Event, EventKind

FORMAT = 1
"""The number of the format written here."""

_KEYS = frozenset(("about", "at", "by", "event", "format"))
# "about" is the first of an event's keys in canonical order, and format 1 of records will never have it
_PREFIX = b'{"about":{'


def encode(event: Event) -> bytes:
    """Return the canonical bytes of an event.

    Raises:
        ValueError: the event cannot be written (an aware instant, a name or text that is not a Unicode string, a kind
            that is none). The text carries nothing of it.
    """
    if not isinstance(event.kind, EventKind):
        raise ValueError("a word that the format does not know")
    return jcs.encode(
        {
            "format": FORMAT,
            "event": event.kind.value,
            "at": write_instant(event.at),
            "by": jcs.typed(event.by, str),
            "about": {jcs.typed(name, str): jcs.typed(text, str) for name, text in event.about.items()},
        }
    )


def decode(data: bytes) -> Event:
    """Return the event whose canonical bytes these are.

    Raises:
        ValueError: the bytes are not what `encode` writes for some event; the text tells nothing of them.
    """
    body = jcs.mapping(jcs.decode(data))
    if body.keys() != _KEYS or type(body["format"]) is not int or body["format"] != FORMAT:
        raise ValueError("an event of another format")
    kind = jcs.word(body["event"], EventKind)
    about = {name: jcs.typed(text, str) for name, text in jcs.mapping(body["about"]).items()}
    return Event(kind, read_instant(jcs.typed(body["at"], str)), jcs.typed(body["by"], str), about)


def is_event(data: bytes) -> bool:
    """Tell the bytes of an event from those of a record of a disclosure; the bytes are one of the two."""
    return data.startswith(_PREFIX)
