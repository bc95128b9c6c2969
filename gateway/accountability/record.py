"""The canonical bytes of an audit record, format 1, and their exact inverse. The format is final.

It is specified entry by entry in docs/reference/audit-log.md. A change of it is a new format number beside
this.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.accountability import jcs
from gateway.accountability.jcs import Json
from gateway.accountability.lexical import read_fraction, read_instant, write_fraction, write_instant
from gateway.model.contract import DisclosureKind
from gateway.model.loss import PrivacyLoss
from gateway.model.permit import Withheld
from gateway.model.record import AuditRecord, Outcome, TreatedField

FORMAT = 1
"""The number of the format written here."""

_STRINGS = (
    "institution", "person", "request_id", "dataset", "disclosure", "purpose", "legal_basis", "region",
    "case_number", "policy_digest", "grant", "reason", "release_id", "data_version", "noise_waived", "selected_by",
)  # fmt: skip
_OTHERS = (
    "format", "outcome", "at", "kind", "fields", "withheld", "replay", "rows", "batches",
)  # fmt: skip
_LISTS = ("obligations", "filtered_on", "grouped_by", "statistics")
_REQUIRED = frozenset(_STRINGS + _LISTS + _OTHERS)
_LATER = ("emergency", "join", "reidentification", "joined", "joined_grant", "batch")
_COUNTS = ("withheld_rows", "rejected_rows", "stream", "streams", "after_rows")
_INDICES = ("completes", "continues")
_OPTIONAL = frozenset(("loss", "trials", *_INDICES, *_COUNTS, *_LATER))
"""Keys that are written only where they say something. All but two came later: records without them keep their bytes.
"""


def encode(record: AuditRecord) -> bytes:
    """Return the canonical bytes of a record.

    Raises:
        ValueError: the record cannot be written (an aware instant, a count below 0 or above 2^53 - 1, a
            string that is not Unicode text, a value of another type). The text carries nothing of the record.
    """
    body: dict[str, Json] = {name: jcs.typed(getattr(record, name), str) for name in _STRINGS}
    body |= {name: [jcs.typed(item, str) for item in getattr(record, name)] for name in _LISTS}
    body |= {
        "format": FORMAT,
        "outcome": jcs.word(record.outcome, Outcome).value,
        "at": write_instant(record.at),
        "kind": jcs.word(record.kind, DisclosureKind).value,
        "fields": [
            {name: jcs.typed(getattr(item, name), str) for name in ("field", "treatment", "detail", "type")}
            for item in record.fields
        ],
        "withheld": [
            {name: jcs.typed(getattr(item, name), str) for name in ("field", "reason")} for item in record.withheld
        ],
        "replay": jcs.typed(record.replay, bool),
        "rows": _count(record.rows),
        "batches": _count(record.batches),
    }
    if record.loss is not None:
        loss = {"rho": write_fraction(record.loss.rho)}
        if record.loss.epsilon is not None:
            loss["epsilon"] = write_fraction(record.loss.epsilon)
        if record.loss.delta:
            loss["delta"] = write_fraction(record.loss.delta)
        body["loss"] = loss
    for name in _INDICES:
        if getattr(record, name) is not None:
            body[name] = _count(getattr(record, name))
    trials = [jcs.typed(item, str) for item in record.trials]
    if trials:
        body["trials"] = trials
    for name in _LATER:
        text = jcs.typed(getattr(record, name), str)
        if text:
            body[name] = text
    for name in _COUNTS:
        if count := _count(getattr(record, name)):
            body[name] = count
    return jcs.encode(body)


def decode(data: bytes) -> AuditRecord:
    """Return the record whose canonical bytes these are.

    Raises:
        ValueError: the bytes are not what `encode` writes for some record: another format number, a key too
            many or too few, a value of another type or form, or JSON that is not canonical. The text tells
            nothing of it.
    """
    body = jcs.mapping(jcs.decode(data))
    if _count(body.get("format", 0)) != FORMAT:
        raise ValueError("a record of another format")
    if not _REQUIRED <= body.keys() <= _REQUIRED | _OPTIONAL:
        raise ValueError("a record has other keys than its format")
    later: dict[str, Any] = {name: jcs.typed(body.get(name, ""), str) for name in _LATER}
    later |= {name: _count(body[name]) for name in (*_INDICES, *_COUNTS) if name in body}
    record = AuditRecord(
        **_texts(body),
        outcome=jcs.word(body["outcome"], Outcome),
        at=_instant(body["at"]),
        kind=jcs.word(body["kind"], DisclosureKind),
        fields=tuple(
            TreatedField(**_strings(item, "field", "treatment", "detail", "type"))
            for item in jcs.typed(body["fields"], list)
        ),
        withheld=tuple(Withheld(**_strings(item, "field", "reason")) for item in jcs.typed(body["withheld"], list)),
        replay=jcs.typed(body["replay"], bool),
        rows=_count(body["rows"]),
        batches=_count(body["batches"]),
        loss=_loss(jcs.mapping(body["loss"])) if "loss" in body else None,
        trials=tuple(jcs.typed(item, str) for item in jcs.typed(body.get("trials", []), list)),
        **later,
    )
    if encode(record) != data:
        raise ValueError("a record is not in its canonical form")
    return record


def _texts(body: Mapping[str, Json]) -> dict[str, Any]:
    texts: dict[str, Any] = {name: jcs.typed(body[name], str) for name in _STRINGS}
    return texts | {name: tuple(jcs.typed(item, str) for item in jcs.typed(body[name], list)) for name in _LISTS}


def _loss(body: Mapping[str, Json]) -> PrivacyLoss:
    texts = _strings(body, "rho", *(name for name in ("epsilon", "delta") if name in body))
    epsilon = read_fraction(texts["epsilon"]) if "epsilon" in texts else None
    return PrivacyLoss(read_fraction(texts["rho"]), epsilon, read_fraction(texts.get("delta", "0/1")))


def _instant(value: Json) -> datetime:
    return read_instant(jcs.typed(value, str))


def _count(value: Json) -> int:
    # bool is an int to Python and never a count
    if type(value) is not int or not 0 <= value <= jcs.SAFE_INTEGER:
        raise ValueError("a count is an integer from 0 to 2^53 - 1")
    return value


def _strings(value: Json, *names: str) -> dict[str, str]:
    body = jcs.mapping(value)
    if body.keys() != set(names):
        raise ValueError("a record has other keys than its format")
    return {name: jcs.typed(body[name], str) for name in names}
