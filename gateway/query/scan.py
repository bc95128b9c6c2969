"""The innermost part of every query: the declared columns of one file, each cast to its declared type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlglot import exp

from gateway.model.contract import DataContract
from gateway.model.storage import SourceKind
from gateway.model.values import FieldType, Scalar
from gateway.query import postgres, spark
from gateway.query.rendering import Text, render
from gateway.query.sql_types import NAMES, type_of, type_of_list

ROW_NUMBER = "file_row_number"
"""The column in which the engine numbers the rows of a file, if it is asked to; a file must have none of that name."""

# The engine reads "1.5" as the integer 2 and shifts times with an offset: in CSV these types are matched first.
_CSV_FORMS = {
    FieldType.INT64: "[+-]?[0-9]{1,19}",
    FieldType.DATE: "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    FieldType.TIMESTAMP: r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6}0*)?)?)?",
}


Bound: TypeAlias = "Scalar | list[Scalar]"
"""What one named parameter stands for."""


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT with its named parameters."""

    text: Text
    parameters: dict[str, Bound]

    @property
    def sql(self) -> str:
        """The text, in which no value is."""
        return self.text.sql

    def __repr__(self) -> str:
        # parameters are the caller's: they must not reach a log
        return f"Query({len(self.parameters)} parameters)"


@dataclass(frozen=True, slots=True)
class Location:
    """What to read: files, alike in their columns, and for CSV the names of these, in their order; or a table.


    `partitions` are declared columns that are in no file: the paths say them, as Hive does. Of a table, by its schema
    and name, the `plain` columns have the declared type already, and rows are read of no other than the `parts` (the
    numbers of tables in a catalog). What Spark reads is a table without a schema.
    """

    paths: tuple[str, ...] = ()
    csv_columns: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    table: tuple[str, str] | None = None
    plain: frozenset[str] = frozenset()
    parts: tuple[int, ...] = ()

    @property
    def bound(self) -> Bound:
        """The value of the parameter that names the files."""
        return list(self.paths)

    def __repr__(self) -> str:
        return "Location(…)"


@dataclass(frozen=True, slots=True)
class Scan:
    """The shape of a scan: what its text depends on.

    A `lenient` scan takes a value that is not of its declared type for NULL; any other fails on it. Statistics are
    lenient: an answer that fails where one person's record is malformed would tell, without noise, that it is there.
    A `spanned` one, of Parquet, reads the rows from the parameter `first` to before `end`, and no block beside them.
    A `placed` one, of a table, also tells where each row is (`postgres.places`, `spark.places`).
    """

    kind: SourceKind
    lenient: bool
    fields: tuple[tuple[str, FieldType], ...]
    csv_columns: tuple[tuple[str, FieldType], ...]
    table: tuple[str, str] | None = None
    plain: frozenset[str] = frozenset()
    partitions: tuple[str, ...] = ()
    empty: bool = False
    spanned: bool = False
    placed: bool = False
    parts: tuple[int, ...] = ()


def scan_of(contract: DataContract, fields: frozenset[str], location: Location, *, lenient: bool = False) -> Scan:
    """Return the shape of the scan of some fields. Raises ValueError if the contract does not declare one."""
    if not fields <= contract.fields.keys():
        raise ValueError("a plan names a field that its contract does not declare")
    declared = {name: spec.type for name, spec in contract.fields.items()}
    return Scan(
        contract.source.kind,
        lenient,
        tuple((name, kind) for name, kind in declared.items() if name in fields),
        tuple((name, declared.get(name, FieldType.STRING)) for name in location.csv_columns),
        location.table,
        location.plain,
        location.partitions,
        location.table is None and not location.paths,
        parts=location.parts,
    )


def source(scan: Scan, named: str = "source") -> exp.Select:
    """SELECT the fields, typed and under their own names, FROM the table, or the files that a parameter names."""
    columns = [exp.alias_(_cast(scan, name, kind), name, quoted=True) for name, kind in scan.fields]
    if scan.table is not None:
        places = spark.places() if scan.kind is SourceKind.SPARK else postgres.places()
        read = exp.select(*columns, *(places if scan.placed else ())).from_(_table(*scan.table))
        return read.where(postgres.of_parts(scan.parts)) if scan.parts else read
    file = exp.TableAlias(this=exp.to_identifier("file", quoted=True))
    query = exp.select(*columns).from_(exp.Table(this=_reader(scan, named), alias=file))
    if not scan.spanned:
        return query
    number = column(ROW_NUMBER, "file")
    return query.where(number >= parameter("first"), number.copy() < parameter("end"))


def _cast(scan: Scan, name: str, kind: FieldType) -> exp.Expr:
    """The column in its declared type; in a lenient scan a NaN is NULL, so that no comparison has to place it."""
    if scan.table is not None:
        held = column(name, "file")
        if scan.kind is SourceKind.SPARK:
            return _without_nan(held) if scan.lenient and kind is FieldType.DOUBLE else held
        return postgres.as_declared(held, kind, plain=name in scan.plain, lenient=scan.lenient)
    cast = exp.TryCast if scan.lenient else exp.Cast
    value = cast(this=_value(scan, name, kind), to=type_of(kind))
    if not scan.lenient or kind is not FieldType.DOUBLE:
        return value
    return _without_nan(value)


def _without_nan(value: exp.Expr) -> exp.Expr:
    none = exp.Anonymous(this="isnan", expressions=[value])
    return exp.case().when(none, exp.null()).else_(value.copy())


def _table(schema: str, name: str) -> exp.Table:
    """A table by its exact name, as `file`, under which every source stands."""
    within = exp.to_identifier(schema, quoted=True) if schema else None
    alias = exp.TableAlias(this=exp.to_identifier("file", quoted=True))
    return exp.Table(this=exp.to_identifier(name, quoted=True), db=within, alias=alias)


def _value(scan: Scan, name: str, kind: FieldType) -> exp.Expr:
    """The column as the file holds it; text in CSV that is not of the declared form becomes one that no cast takes."""
    if scan.empty:
        return exp.null()
    value = column(name, "file")
    if name in scan.partitions:
        return value  # held against `malformed` when the files were found
    if scan.kind is not SourceKind.CSV or kind not in _CSV_FORMS:
        return value
    matches = exp.Anonymous(this="regexp_full_match", expressions=[value, exp.Literal.string(_CSV_FORMS[kind])])
    wrong = exp.and_(exp.not_(exp.Is(this=value.copy(), expression=exp.null())), exp.not_(matches))
    return exp.case().when(wrong, exp.Literal.string("malformed")).else_(value.copy())


def compile_malformed(kind: FieldType, texts: Sequence[str]) -> Query:
    """Render the question how many texts are not of a type, in the form that CSV has it in."""
    scan = Scan(SourceKind.CSV, True, (("text", kind),), (("text", kind),))
    each = exp.Anonymous(this="unnest", expressions=[list_parameter("texts", FieldType.STRING)])
    file = exp.select(exp.alias_(each, "text", quoted=True))
    wrong = exp.Is(this=_cast(scan, "text", kind), expression=exp.null())
    present = exp.not_(exp.Is(this=column("text", "file"), expression=exp.null()))
    count = exp.select(exp.Count(this=exp.Star())).from_(subquery(file, "file")).where(present, wrong)
    return Query(render(count, scan.kind), {"texts": list(texts)})


def _reader(scan: Scan, named: str) -> exp.Anonymous:
    if scan.empty:
        return exp.Anonymous(this="unnest", expressions=[list_parameter(named, FieldType.STRING)])
    if scan.kind is SourceKind.PARQUET:
        numbered = {ROW_NUMBER: exp.true()} if scan.spanned else {}
        return exp.Anonymous(this="read_parquet", expressions=[parameter(named), *_told(_hive(scan) | numbered)])
    # everything is told and nothing sniffed: a file is read in one way only
    columns = exp.Struct(
        expressions=[
            exp.PropertyEQ(
                this=exp.to_identifier(name, quoted=True),
                expression=exp.Literal.string(NAMES[FieldType.STRING if scan.lenient or kind in _CSV_FORMS else kind]),
            )
            for name, kind in scan.csv_columns
        ]
    )
    options = {
        "columns": columns,
        "auto_detect": exp.false(),
        "header": exp.true(),
        "delim": exp.Literal.string(","),
        "quote": exp.Literal.string('"'),
        "escape": exp.Literal.string('"'),
        "strict_mode": exp.true(),
        "ignore_errors": exp.false(),
        "null_padding": exp.false(),
        **_hive(scan),
    }
    return exp.Anonymous(this="read_csv", expressions=[parameter(named), *_told(options)])


def _hive(scan: Scan) -> dict[str, exp.Expr]:
    """What of the paths is a column: the declared ones alone, as text. A path is not searched for others."""
    if not scan.partitions:
        return {"hive_partitioning": exp.false()}
    texts = [
        exp.PropertyEQ(
            this=exp.to_identifier(name, quoted=True), expression=exp.Literal.string(NAMES[FieldType.STRING])
        )
        for name in scan.partitions
    ]
    return {
        "hive_partitioning": exp.true(),
        "hive_types_autocast": exp.false(),
        "hive_types": exp.Struct(expressions=texts),
    }


def _told(options: dict[str, exp.Expr]) -> list[exp.Expr]:
    return [exp.PropertyEQ(this=exp.to_identifier(name), expression=value) for name, value in options.items()]


def column(name: str, table: str = "source") -> exp.Column:
    """A column of a subquery. Always qualified: an engine must not take it for an alias that a field is named like."""
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True))


def subquery(query: exp.Select, alias: str) -> exp.Subquery:
    """A query in brackets, under a quoted alias."""
    return query.subquery(exp.to_identifier(alias, quoted=True))


def parameter(name: str) -> exp.Placeholder:
    """A named bound parameter."""
    return exp.Placeholder(this=name)


def list_parameter(name: str, kind: FieldType) -> exp.Cast:
    """A named parameter for a list of any length; the cast is for lists that do not tell their type."""
    return exp.cast(parameter(name), type_of_list(kind))
