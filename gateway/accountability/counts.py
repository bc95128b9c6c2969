"""Noised counts as canonical JSON, and back: the same to the last bit, or an error."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.accountability import jcs
from gateway.accountability.jcs import Json
from gateway.accountability.lexical import (
    read_double,
    read_fraction,
    read_instant,
    read_integer,
    read_scalar,
    write_double,
    write_fraction,
    write_instant,
    write_integer,
    write_scalar,
)
from gateway.accountability.particulars import read_condition, read_loss, write_condition, write_loss
from gateway.model.contract import Bounds
from gateway.model.measure import Currency, Mechanism, Price
from gateway.model.plan import AsIs, AtLevel, GroupKey, InBins
from gateway.model.synthesis import CountedField, NoisedCounts, NoisedTable
from gateway.model.values import FieldType

FORMAT = 2
"""The number of the format written here: formats are added, never changed. What was paid for must stay readable."""

UNSTATED = 1
"""The number of the same format of what was stored before the files that are made of it had certificates."""

_TEXTS = ("id", "dataset", "disclosure", "region", "unit_kind", "data_version")


def encode(counts: NoisedCounts) -> bytes:
    """Return the canonical bytes of noised counts; ValueError if they hold what cannot be written exactly."""
    return jcs.encode(
        write_asked(counts)
        | ({"stated": jcs.decode(counts.stated)} if counts.stated else {})
        | {
            "format": FORMAT if counts.stated else UNSTATED,
            "fields": [_write_field(field) for field in counts.fields],
            "loss": {"delta": write_fraction(counts.loss.delta), **write_loss(counts.loss)},
            "tables": [
                {
                    "fields": list(table.fields),
                    "values": [write_integer(value) for value in table.values],
                    "mechanism": table.mechanism.value,
                    "scale": write_double(table.scale),
                    "derivation": table.derivation,
                }
                for table in counts.tables
            ],
            "seed": write_integer(counts.seed),
        }
    )


def decode(data: bytes) -> NoisedCounts:
    """Return the noised counts whose canonical bytes these are; ValueError for any other bytes."""
    body = jcs.mapping(jcs.decode(data))
    if body.get("format") not in (FORMAT, UNSTATED):
        raise ValueError("noised counts of another format")
    try:
        price = jcs.mapping(body["price"])
        counts = NoisedCounts(
            **{name: jcs.typed(body[name], str) for name in _TEXTS},
            created_at=read_instant(jcs.typed(body["created_at"], str)),
            filters=tuple(read_condition(jcs.mapping(one)) for one in jcs.typed(body["filters"], list)),
            price=Price(Currency(jcs.typed(price["currency"], str)), read_fraction(jcs.typed(price["amount"], str))),
            fields=tuple(_read_field(jcs.mapping(one)) for one in jcs.typed(body["fields"], list)),
            tables=tuple(_read_table(jcs.mapping(one)) for one in jcs.typed(body["tables"], list)),
            loss=read_loss(jcs.mapping(body["loss"])),
            seed=read_integer(jcs.typed(body["seed"], str)),
            stated=jcs.encode(body["stated"]) if "stated" in body else b"",
        )
    except KeyError:
        raise ValueError("noised counts lack a key of their format") from None
    # Also refuses keys too many, at any depth.
    if encode(counts) != data:
        raise ValueError("noised counts are not in their canonical form")
    return counts


def write_asked(counts: NoisedCounts) -> dict[str, Json]:
    """Write of which data counts are, under which conditions, and at which price and loss."""
    body: dict[str, Json] = {name: getattr(counts, name) for name in _TEXTS}
    return body | {
        "created_at": write_instant(counts.created_at),
        "filters": [write_condition(one) for one in counts.filters],
        "price": {"currency": counts.price.currency.value, "amount": write_fraction(counts.price.amount)},
        "loss": write_loss(counts.loss),
    }


def _write_field(field: CountedField) -> Json:
    key = field.key
    keys: list[Json] = [write_scalar(value) for value in key.keys]
    body: dict[str, Json] = {"field": key.field, "type": field.type.value, "decimals": field.decimals, "keys": keys}
    match key.by:
        case AtLevel(depth):
            body["depth"] = depth
        case InBins(bounds, width):
            body |= {
                "lower": write_integer(bounds.lower),
                "upper": write_integer(bounds.upper),
                "width": write_integer(width),
            }
        case AsIs():
            pass
        case _:
            raise ValueError("synthetic rows are not made by periods")
    return body


def _read_field(body: Mapping[str, Json]) -> CountedField:
    by: AsIs | AtLevel | InBins = AsIs()
    if "depth" in body:
        by = AtLevel(jcs.typed(body["depth"], int))
    elif "width" in body:
        lower, upper, width = (read_integer(jcs.typed(body[name], str)) for name in ("lower", "upper", "width"))
        by = InBins(Bounds(lower, upper), width)
    keys = tuple(read_scalar(value) for value in jcs.typed(body["keys"], list))
    key = GroupKey(jcs.typed(body["field"], str), keys, by)
    return CountedField(FieldType(jcs.typed(body["type"], str)), jcs.typed(body["decimals"], int), key)


def _read_table(body: Mapping[str, Json]) -> NoisedTable:
    return NoisedTable(
        tuple(jcs.typed(name, str) for name in jcs.typed(body["fields"], list)),
        tuple(read_integer(jcs.typed(value, str)) for value in jcs.typed(body["values"], list)),
        Mechanism(jcs.typed(body["mechanism"], str)),
        read_double(jcs.typed(body["scale"], str)),
        jcs.typed(body["derivation"], str),
    )
