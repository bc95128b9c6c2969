"""From trees to text: each engine's own, of functions that were looked at and of no others.

The trees are written for the embedded engine. What another one says otherwise is put in its words here (`postgres`),
so that the same tree asks the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from sqlglot import exp

from gateway.model.contract import SourceKind
from gateway.query import postgres

DIALECT = "duckdb"
"""How the embedded engine writes; the types of all trees are spelled so."""

# A dialect is put together when it is first used, and a thread that comes too early gets another one's words: of a text
# that is remembered, for good. So all are used here, by the one thread that imports.
_ONE_AT_A_TIME = Lock()
_READY = {name: exp.select(exp.Placeholder(this="x")).sql(name) for name in (DIALECT, postgres.DIALECT)}

_COMMON = frozenset(
    {
        exp.And, exp.Or, exp.ArrayContains, exp.Array, exp.Any, exp.Case, exp.Cast, exp.Coalesce, exp.Count,
        exp.DenseRank, exp.If, exp.Length, exp.MD5, exp.RowNumber, exp.StartsWith, exp.Sum, exp.Ceil, exp.Floor,
        exp.Exists, exp.Rand, exp.Substring,
    }
)  # fmt: skip
_DUCKDB = _COMMON | {exp.IntDiv, exp.RegexpExtract, exp.RegexpFullMatch, exp.Round, exp.Struct, exp.TryCast}
_DUCKDB_NAMED = frozenset(
    {
        "date_trunc",
        "hash",
        "isnan",
        "nfc_normalize",
        "read_csv",
        "read_parquet",
        "regexp_full_match",
        "translate",
        "unnest",
    }
)


@dataclass(frozen=True, slots=True)
class Text:
    """A query of some shape, rendered: its text, with named parameters, and the tree of it."""

    sql: str
    tree: exp.Query = field(repr=False)


def render(tree: exp.Query, kind: SourceKind) -> Text:
    """Render a tree for the engine of a kind of source. The tree is the text's from now on.

    Raises:
        ValueError: if it calls a function that is not among those that were looked at.
    """
    with _ONE_AT_A_TIME:
        if kind is SourceKind.POSTGRES:
            lowered = postgres.lowered(tree)
            _check(lowered, _COMMON | postgres.FUNCTIONS, postgres.NAMED)
            return Text(lowered.sql(postgres.DIALECT), lowered)
        _check(tree, _DUCKDB, _DUCKDB_NAMED)
        return Text(tree.sql(DIALECT), tree)


def _check(tree: exp.Query, functions: frozenset[type[exp.Expr]], named: frozenset[str]) -> None:
    for node in tree.find_all(exp.Func):
        named_so = isinstance(node, exp.Anonymous)
        if not (str(node.this).lower() in named if named_so else type(node) in functions):
            raise ValueError("a query calls a function that nobody looked at")
