"""What PostgreSQL says otherwise: the same questions in its words, and its values spelled out as typed literals.

Text is compared by bytes (`COLLATE "C"`), whatever the database sorts by. NaN, which PostgreSQL holds for equal to
itself, is asked for as such.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache

from sqlglot import exp

from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowScope
from gateway.model.values import FieldType, Scalar
from gateway.query.lowering import Words, in_words
from gateway.query.sql_types import type_of

DIALECT = "postgres"
_CODE_POINT = re.compile(r"\\x\{([0-9A-F]+)\}")

FUNCTIONS: frozenset[type[exp.Expr]] = frozenset({exp.Ceil, exp.Collate, exp.Floor, exp.Normalize, exp.RegexpLike})
"""The functions beside the common ones that it is asked to call."""

NAMED = frozenset({"date_trunc", "substring", "translate"})
"""And those that are called by name."""


def lowered(tree: exp.Query) -> exp.Query:
    """Put a tree in PostgreSQL's words. The tree is changed."""
    return in_words(tree, _WORDS)


_PLACES = {"tableoid": ".table", "ctid": ".place"}
"""Where a row is on disk, and what that is called beside the fields, none of which begins with a dot."""


def places() -> list[exp.Expr]:
    """Where each row is on disk."""
    return [
        exp.alias_(exp.column(name, table="file", quoted=True), said, quoted=True) for name, said in _PLACES.items()
    ]


def of_parts(parts: Sequence[int]) -> exp.Expr:
    """Whether a row is in one of these tables: the engine reads the parts that there are when it plans a question,
    whatever its snapshot sees.
    """
    numbers = [exp.Literal.number(part) for part in parts]
    return exp.In(this=exp.column("tableoid", table="file", quoted=True), expressions=numbers)


def by_place() -> list[exp.Expr]:
    """The order on disk, of rows of which `places` was asked."""
    return [exp.column(said, table="source", quoted=True) for said in _PLACES.values()]


def as_declared(value: exp.Expr, kind: FieldType, *, plain: bool, lenient: bool) -> exp.Expr:
    """A column in its declared type; a `plain` one has it. In a lenient scan what is no number and no day is NULL.

    Only there is text put in order: in all others an index must find it as it stands.
    """
    typed = value if plain else exp.cast(value, type_of(kind))
    if not lenient:
        return typed
    match kind:
        case FieldType.STRING:
            return by_bytes(typed)
        case FieldType.DOUBLE:
            return exp.case().when(_is_nan(value), exp.null()).else_(typed.copy())
        case _:
            return typed


def by_bytes(text: exp.Expr) -> exp.Expr:
    """Text that compares by its bytes."""
    return exp.Collate(this=text, expression=exp.to_identifier("C", quoted=True))


@lru_cache(maxsize=16)
def whole_pattern(pattern: str) -> str:
    """A pattern of whole texts, as the embedded engine has it, as PostgreSQL finds it (chapter 9.7.3 of its manual)."""
    return f"^(?:{_CODE_POINT.sub(lambda found: chr(92) + 'U' + found[1].rjust(8, '0'), pattern)})$"


def without_nul(scope: RowScope) -> RowScope:
    """The same scope for a database whose texts have no NUL: nothing equals one that has, and its order is known."""
    return replace(scope, conditions=tuple(map(_without_nul, scope.conditions)))


def _without_nul(condition: Condition) -> Condition:
    if not any(map(_has_nul, condition.values)):
        return condition
    if condition.operator in (Operator.EQUAL, Operator.IN):
        return replace(
            condition,
            operator=Operator.IN,
            values=tuple(value for value in condition.values if not _has_nul(value)),
        )
    # what comes before "a\x00…" among texts without NUL is "a" and what comes before it
    before = condition.operator in (Operator.LESS, Operator.LESS_OR_EQUAL)
    values = tuple(str(value).partition("\x00")[0] for value in condition.values)
    return replace(condition, operator=Operator.LESS_OR_EQUAL if before else Operator.GREATER, values=values)


def spelled_out(tree: exp.Query, parameters: Mapping[str, Scalar | list[Scalar]]) -> str:
    """The text of a tree with typed literals in the place of its parameters.

    Bulk answers stream only where nothing is bound.

    Raises:
        ValueError: for a value that PostgreSQL has no literal for.
    """

    def spell(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Placeholder):
            return node
        value = parameters[str(node.this)]
        if isinstance(value, list):
            # a text with a NUL is in no column
            return exp.Array(expressions=[literal(item) for item in value if not _has_nul(item)])
        return literal(value)

    return tree.copy().transform(spell, copy=False).sql(DIALECT)


def literal(value: Scalar) -> exp.Expr:
    """A value as a literal of its type.

    Raises:
        ValueError: for a number that is none, and a text with a NUL. No request and no policy gets one here.
    """
    match value:
        case None:
            return exp.null()
        case bool():
            return exp.true() if value else exp.false()
        case int():
            return exp.cast(exp.Literal.number(value), type_of(FieldType.INT64))
        case float():
            if not math.isfinite(value):
                raise ValueError("a number is none")
            return exp.cast(exp.Literal.string(repr(value)), type_of(FieldType.DOUBLE))
        case str():
            if _has_nul(value):
                raise ValueError("a text has a NUL")
            return exp.cast(exp.Literal.string(value), type_of(FieldType.STRING))
        case datetime():
            return exp.cast(exp.Literal.string(value.isoformat(" ")), type_of(FieldType.TIMESTAMP))
        case date():
            return exp.cast(exp.Literal.string(value.isoformat()), type_of(FieldType.DATE))


def _has_nul(value: Scalar) -> bool:
    return isinstance(value, str) and "\x00" in value


def _round(node: exp.Expr) -> exp.Expr:
    """Halves away from zero, exactly: PostgreSQL rounds doubles to even, and its numeric drops digits."""
    value: exp.Expr = exp.Paren(this=node.this)
    floor, ceiling = exp.Floor(this=node.this.copy()), exp.Ceil(this=node.this.copy())
    half, one, nothing = (exp.cast(exp.Literal.string(text), type_of(FieldType.DOUBLE)) for text in ("0.5", "1", "0"))

    def stepped(whole: exp.Expr, part: exp.Expr, step: type[exp.Binary]) -> exp.Expr:
        away = step(this=whole.copy(), expression=one.copy())
        return exp.case().when(exp.GTE(this=exp.Paren(this=part), expression=half.copy()), away).else_(whole.copy())

    up = stepped(floor, exp.Sub(this=value.copy(), expression=floor.copy()), exp.Add)
    down = stepped(ceiling, exp.Sub(this=ceiling.copy(), expression=value.copy()), exp.Sub)
    return exp.case().when(exp.LT(this=value.copy(), expression=nothing), down).else_(up)


def _among(node: exp.Expr) -> exp.Expr:
    return exp.EQ(this=node.expression, expression=exp.Any(this=exp.Paren(this=node.this)))


def _matches(node: exp.Expr) -> exp.Expr:
    return exp.RegexpLike(this=node.this, expression=node.expression)


def _found(node: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="substring", expressions=[node.this, node.expression])


def _type_of(node: exp.Expr) -> exp.Expr | None:
    """128 bits are a decimal here."""
    return exp.DataType.build("DECIMAL") if node.is_type(exp.DataType.Type.INT128) else None


def _whole(node: exp.Expr) -> exp.Expr:
    return exp.Div(this=node.this, expression=node.expression, typed=True, safe=False)


def _named(node: exp.Expr) -> exp.Expr | None:
    match str(node.this).lower():
        case "isnan":
            return _is_nan(node.expressions[0])
        case "nfc_normalize":
            return exp.Normalize(this=node.expressions[0], form=exp.var("NFC"))
        case "date_trunc":
            unit, value = node.expressions
            return exp.Anonymous(this="date_trunc", expressions=[unit, exp.cast(value, type_of(FieldType.TIMESTAMP))])
        case _:
            return None


def _is_nan(value: exp.Expr) -> exp.Expr:
    return exp.EQ(this=value.copy(), expression=exp.cast(exp.Literal.string("NaN"), type_of(FieldType.DOUBLE)))


_WORDS: Words = {
    exp.ArrayContains: _among,
    exp.Round: _round,
    exp.RegexpFullMatch: _matches,
    exp.RegexpExtract: _found,
    exp.DataType: _type_of,
    exp.IntDiv: _whole,
    exp.Anonymous: _named,
}
