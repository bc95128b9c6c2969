"""What Spark says otherwise: the same questions in its words (ANSI mode), and its values bound by name.

Integers are added up as decimals of 38 digits, which no sum of theirs leaves. Patterns are Java's. A double is compared
after adding nothing to it, which makes one zero of both: what is known of a file's values beforehand tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

from sqlglot import exp

from gateway.model.values import Scalar
from gateway.query.lowering import Words, in_words
from gateway.query.sql_types import sql_type

DIALECT = "spark"
DATA, JOINED = ".data", ".joined"
"""What the rows of a dataset stand under, and those that are joined with them. No field begins with a dot."""

FUNCTIONS: frozenset[type[exp.Expr]] = frozenset({exp.RegexpExtract, exp.RegexpLike, exp.Round})
"""The functions beside the common ones that it is asked to call."""

NAMED = frozenset({"date_trunc", "isnan", "reflect", "translate"})
"""And those that are called by name."""

_COMPOSE = ("com.ibm.icu.text.Normalizer", "compose")
"""A method of the library that Spark has its collations from: Unicode's normal form C of a text."""


def lowered(tree: exp.Query) -> exp.Query:
    """Put a tree in Spark's words. The tree is changed.

    Raises:
        ValueError: if it calls methods of Java by itself.
    """
    if any(str(node.this).lower() == "reflect" for node in tree.find_all(exp.Anonymous)):
        raise ValueError("a query calls a function that nobody looked at")
    return in_words(tree, _WORDS)


FILE, PLACE = ".file", ".place"
"""In which file a row is and where in it: columns beside the fields of what is read by rows."""


def places() -> list[exp.Expr]:
    """Where each row is."""
    return [exp.column(name, table="file", quoted=True) for name in (FILE, PLACE)]


def by_place() -> list[exp.Expr]:
    """The order of files and of rows in them, of rows of which `places` was asked."""
    return [exp.column(name, table="source", quoted=True) for name in (FILE, PLACE)]


def comparable(value: exp.Expr) -> exp.Expr:
    """A double with one zero."""
    return exp.Paren(this=exp.Add(this=value, expression=exp.cast(exp.Literal.number(0), sql_type("DOUBLE"))))


def whole_pattern(pattern: str) -> str:
    """A pattern of whole texts, as the embedded engine has it, as Java finds it.

    A group that may come again and again must not be gone back on: Java would go as deep as a text is long.
    """
    return rf"\A(?:{pattern.replace('])*', '])*+')})\z"


def bound(tree: exp.Query, parameters: Mapping[str, Scalar | list[Scalar]]) -> tuple[str, dict[str, Scalar]]:
    """Return the text of a tree, and the values of the parameters in it, none of which is a list."""
    values: dict[str, Scalar] = {}

    def named(value: Scalar) -> exp.Expr:
        name = f"p{len(values)}"
        if isinstance(value, date):
            # as dates, the library would shift one by the zone of this machine, and the other by the calendar of old
            values[name] = value.isoformat()
            kind = "TIMESTAMP" if isinstance(value, datetime) else "DATE"
            return exp.cast(exp.Placeholder(this=name), sql_type(kind))
        values[name] = value
        if isinstance(value, int) and not isinstance(value, bool):
            return exp.cast(exp.Placeholder(this=name), sql_type("BIGINT"))
        return exp.Placeholder(this=name)

    def bind(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.In) and len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Placeholder):
            listed = parameters[str(node.expressions[0].this)]
            if isinstance(listed, list):
                return _among(node.this, listed, named)
        if not isinstance(node, exp.Placeholder):
            return node
        value = parameters[str(node.this)]
        return named(None if isinstance(value, list) else value)

    text = tree.copy().transform(bind, copy=False).sql(DIALECT)
    return text, values


def _among(value: exp.Expr, listed: list[Scalar], named: Callable[[Scalar], exp.Expr]) -> exp.Expr:
    """Whether a value is one of a list; nothing is NULL, nor one of no list."""
    items = [item for item in listed if item is not None]
    if not items:
        return exp.false()
    if any(isinstance(item, float) for item in items):
        same = (exp.EQ(this=value.copy(), expression=named(item)) for item in items)
        return exp.Paren(this=exp.or_(*same))
    return exp.In(this=value, expressions=[named(item) for item in items])


def _listed(node: exp.Expr) -> exp.Expr:
    among = node.this
    return exp.In(this=node.expression, expressions=[among.this if isinstance(among, exp.Cast) else among])


def _matches(node: exp.Expr) -> exp.Expr:
    return exp.RegexpLike(this=node.this, expression=node.expression)


def _found(node: exp.Expr) -> exp.Expr | None:
    """The whole of what is found, and not its first group."""
    if node.args.get("group") is not None:
        return None
    return exp.RegexpExtract(this=node.this, expression=node.expression, group=exp.Literal.number(0))


def _summed(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node.this, exp.Cast) and node.this.is_type("DECIMAL(28, 0)"):
        return None
    return exp.Sum(this=exp.cast(node.this, sql_type("DECIMAL(28, 0)")))


def _type_of(node: exp.Expr) -> exp.Expr | None:
    """128 bits are a decimal here."""
    return sql_type("DECIMAL(38, 0)") if node.is_type(exp.DataType.Type.INT128) else None


def _with(node: exp.Expr) -> exp.Expr:
    """Spark has no word for what is to be worked out once."""
    node.set("materialized", None)
    return node


def _named(node: exp.Expr) -> exp.Expr | None:
    match str(node.this).lower():
        case "nfc_normalize":
            method = [exp.Literal.string(part) for part in _COMPOSE]
            text = exp.Coalesce(this=node.expressions[0], expressions=[exp.Literal.string("")])
            return exp.Anonymous(this="reflect", expressions=[*method, text, exp.false()])
        case "date_trunc" if not isinstance(node.expressions[1], exp.Cast):
            unit, value = node.expressions
            instant = exp.cast(exp.cast(value, sql_type("TIMESTAMP")), sql_type("TIMESTAMPTZ"))
            return exp.Anonymous(this="date_trunc", expressions=[unit, instant])
        case _:
            return None


_WORDS: Words = {
    exp.ArrayContains: _listed,
    exp.RegexpFullMatch: _matches,
    exp.RegexpExtract: _found,
    exp.Sum: _summed,
    exp.DataType: _type_of,
    exp.CTE: _with,
    exp.Anonymous: _named,
}
