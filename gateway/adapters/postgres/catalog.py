"""Does a table still have the columns that its contract declares, and may it be read as it is?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.storage import TableSpec
from gateway.model.values import FieldType

# what becomes the declared type without a value being lost or refused; first the type itself
_COMPATIBLE: dict[FieldType, Sequence[str]] = {
    FieldType.STRING: ("text", "character varying"),
    FieldType.INT64: ("bigint", "integer", "smallint"),
    FieldType.DOUBLE: ("double precision", "real"),
    FieldType.BOOL: ("boolean",),
    FieldType.DATE: ("date",),
    FieldType.TIMESTAMP: ("timestamp without time zone",),
}
_PLAIN = frozenset(types[0] for types in _COMPATIBLE.values()) | {"character varying"}

# Ordinary and partitioned tables that are written to the log: views have no versions, and what is not logged can be
# lost without a trace.
_RELATION = """
SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL), coalesce(l.collisdeterministic, true)
FROM pg_attribute a LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
"""
# A table and all that is read with it: parts of a partitioned table, and tables that inherit from it.
_TREE = """
WITH RECURSIVE tree(oid) AS (
    SELECT %(oid)s::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT c.oid, c.relkind IN ('r', 'p') AND c.relpersistence = 'p',
    nullif(c.relfilenode, 0) IS NOT DISTINCT FROM pg_relation_filenode(c.oid)
FROM tree JOIN pg_class c USING (oid)
"""
# A row is a new one after every change, at another place or by another transaction.
_VERSION = """
SELECT count(*), coalesce(sum(hash_record_extended(ROW(t.tableoid, t.ctid, t.xmin), 0)), 0) FROM {table} AS t
WHERE t.tableoid IN ({parts})
"""


def relation(session: Connection[tuple[Any, ...]], table: TableSpec) -> int:
    """Return the number of a table in the catalog.

    Raises:
        Fault: SOURCE_UNAVAILABLE if there is no such table, or it is a view or not durable.
    """
    found = session.execute(_RELATION, {"schema": table.schema, "name": table.name}).fetchone()
    if found is None:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    return int(found[0])


def parts_of(session: Connection[tuple[Any, ...]], oid: int, now: Connection[tuple[Any, ...]]) -> tuple[int, ...]:
    """Return the numbers of a table and of all that is read with it, as the snapshot of the session has them.

    Raises:
        Fault: SOURCE_UNAVAILABLE if one of them was emptied or written anew after the snapshot, is not durable or not
            the database's own, or if there are others `now`.
    """
    seen, found = (set(one.execute(_TREE, {"oid": oid})) for one in (session, now))
    if seen != found or not all(fits and same for _, fits, same in seen):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    return tuple(sorted(int(part) for part, _, _ in seen))


def plain_columns(session: Connection[tuple[Any, ...]], oid: int, contract: DataContract) -> frozenset[str]:
    """Return the declared fields whose columns have the declared type already.

    Raises:
        Fault: SOURCE_SCHEMA_CHANGED if a field is missing, of another type, or of a collation that holds texts of
            different bytes for equal.
    """
    found = {name: (kind, told_apart) for name, kind, told_apart in session.execute(_COLUMNS, {"oid": oid})}
    for name, spec in contract.fields.items():
        kind, told_apart = found.get(name, ("", False))
        if kind not in _COMPATIBLE[spec.type] or not told_apart:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    return frozenset(name for name in contract.fields if found[name][0] in _PLAIN)


def version(session: Connection[tuple[Any, ...]], table: TableSpec, parts: Sequence[int]) -> str:
    """Return a name for what the session's snapshot sees of a table: the rows of its parts, each by the change that
    made it.
    """
    text = _VERSION.format(table=quoted(table), parts=", ".join(map(str, parts)))
    counted = session.execute(text.encode()).fetchone() or ()
    return "/".join(map(str, counted))


def quoted(table: TableSpec) -> str:
    """The exact name of a table, as a quoted identifier."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in (table.schema, table.name))
