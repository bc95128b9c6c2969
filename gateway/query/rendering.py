"""From trees to text: each engine's own, of functions that were looked at and of no others.

The trees are written for the embedded engine. What another one says otherwise is put in its words here (`postgres`),
so that the same tree asks the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from sqlglot import exp

from gateway.model.storage import SourceKind
from gateway.query import postgres, spark
from gateway.query.sql_types import DIALECT


@dataclass(frozen=True, slots=True)
class _Engine:
    """How an engine writes, what of a tree it says in other words, and the functions that it may be asked to call."""

    dialect: str
    functions: frozenset[type[exp.Expr]]
    named: frozenset[str]
    lowered: Callable[[exp.Query], exp.Query]


_COMMON = frozenset(
    {
        exp.And, exp.Or, exp.Case, exp.Cast, exp.Coalesce, exp.Count, exp.DenseRank, exp.If, exp.Length,
        exp.MD5, exp.Rand, exp.RowNumber, exp.StartsWith, exp.Substring, exp.Sum,
    }
)  # fmt: skip
_EMBEDDED = _Engine(
    DIALECT,
    _COMMON
    | {
        exp.ArrayContains,
        exp.IntDiv,
        exp.RegexpExtract,
        exp.RegexpFullMatch,
        exp.Round,
        exp.Struct,
        exp.TryCast,
    },
    frozenset(
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
    ),
    lambda tree: tree,
)
_POSTGRES = _Engine(postgres.DIALECT, _COMMON | postgres.FUNCTIONS, postgres.NAMED, postgres.lowered)
_SPARK = _Engine(spark.DIALECT, _COMMON | spark.FUNCTIONS, spark.NAMED, spark.lowered)
_ENGINES = {
    SourceKind.PARQUET: _EMBEDDED,
    SourceKind.CSV: _EMBEDDED,
    SourceKind.POSTGRES: _POSTGRES,
    SourceKind.SPARK: _SPARK,
}

# A dialect is put together when it is first used, and a thread that comes too early gets another one's words: of a text
# that is remembered, for good. So all are used here, by the one thread that imports.
_ONE_AT_A_TIME = Lock()
_READY = {engine.dialect: exp.select(exp.Placeholder(this="x")).sql(engine.dialect) for engine in _ENGINES.values()}


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
    engine = _ENGINES[kind]
    with _ONE_AT_A_TIME:
        lowered = engine.lowered(tree)
        for call in lowered.find_all(exp.Func):
            named = isinstance(call, exp.Anonymous)
            if not (str(call.this).lower() in engine.named if named else type(call) in engine.functions):
                raise ValueError("a query calls a function that nobody looked at")
        return Text(lowered.sql(engine.dialect), lowered)
