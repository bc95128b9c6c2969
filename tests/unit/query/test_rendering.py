"""A query calls functions that were looked at, and no others; for PostgreSQL values are literals of their types."""

import subprocess
import sys
from datetime import date, datetime

import pytest
from sqlglot import exp, parse_one

from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowScope
from gateway.model.storage import SourceKind
from gateway.query import spark
from gateway.query.postgres import literal, spelled_out, whole_pattern, without_nul
from gateway.query.rendering import render
from gateway.query.scan import Bound


def _calling(function: exp.Expr) -> exp.Select:
    return exp.select(exp.alias_(function, "one")).from_("files")


@pytest.mark.parametrize("kind", [SourceKind.PARQUET, SourceKind.POSTGRES, SourceKind.SPARK])
@pytest.mark.parametrize("name", ["read_text", "pg_read_file", "lo_export", "getenv", "version", "dblink"])
def test_a_function_that_nobody_looked_at_is_not_called(kind: SourceKind, name: str) -> None:
    with pytest.raises(ValueError, match="nobody looked at"):
        render(_calling(exp.Anonymous(this=name, expressions=[exp.column("x")])), kind)


def test_an_engine_has_its_own_functions() -> None:
    parquet = exp.Anonymous(this="read_parquet", expressions=[exp.column("x")])
    assert "read_parquet" in render(_calling(parquet.copy()), SourceKind.PARQUET).sql.lower()
    with pytest.raises(ValueError, match="nobody looked at"):
        render(_calling(parquet), SourceKind.POSTGRES)
    for none_of_its_own in (exp.Avg, exp.Ceil, exp.Exists):
        with pytest.raises(ValueError, match="nobody looked at"):
            render(_calling(none_of_its_own(this=exp.column("x"))), SourceKind.PARQUET)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (-(2**63), "CAST(-9223372036854775808 AS BIGINT)"),
        (0.1, "CAST('0.1' AS DOUBLE PRECISION)"),
        ("it's \\ 'x'; --", "CAST('it''s \\ ''x''; --' AS TEXT)"),
        (date(2026, 1, 2), "CAST('2026-01-02' AS DATE)"),
        (datetime(2026, 1, 2, 3, 4, 5, 6), "CAST('2026-01-02 03:04:05.000006' AS TIMESTAMP)"),
    ],
)
def test_a_literal_has_its_type_and_cannot_get_out(value: bool | float | str | date | None, text: str) -> None:
    assert literal(value).sql("postgres") == text
    assert parse_one(f"SELECT {text}", dialect="postgres").sql("postgres") == f"SELECT {text}"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "a\x00"])
def test_what_has_no_literal_is_an_error(value: float | str) -> None:
    with pytest.raises(ValueError, match=r"^a (number is none|text has a NUL)$"):
        literal(value)


def test_parameters_become_literals_and_nothing_is_left_to_bind() -> None:
    tree = exp.select("x").from_("t").where(exp.column("x").eq(exp.Placeholder(this="c0")))
    listed = exp.cast(exp.Placeholder(this="k0"), exp.DataType.build("TEXT[]", dialect="postgres"))
    tree = tree.where(exp.EQ(this=exp.column("y"), expression=exp.Any(this=exp.Paren(this=listed))))
    text = spelled_out(tree, {"c0": "%(k0)s", "k0": ["a'", None, "b\x00"]})
    among = "ANY(CAST(ARRAY[CAST('a''' AS TEXT), NULL] AS TEXT[]))"
    assert text == f"SELECT x FROM t WHERE x = CAST('%(k0)s' AS TEXT) AND y = {among}"
    with pytest.raises(KeyError):
        spelled_out(tree, {"c0": "a"})


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("value", ["\x00", "a\x00", "a\x00b"])
def test_conditions_without_nul_take_the_same_texts(operator: Operator, value: str) -> None:
    holds = {
        Operator.EQUAL: lambda text, other: text == other,
        Operator.IN: lambda text, other: text == other,
        Operator.LESS: lambda text, other: text < other,
        Operator.LESS_OR_EQUAL: lambda text, other: text <= other,
        Operator.GREATER: lambda text, other: text > other,
        Operator.GREATER_OR_EQUAL: lambda text, other: text >= other,
    }
    (told,) = without_nul(RowScope(None, None, (Condition("x", operator, (value,)),))).conditions
    assert not any("\x00" in str(one) for one in told.values)
    for text in ("", "a", "a ", "b", "A", "\x01"):
        taken = any(holds[told.operator](text, str(one)) for one in told.values)
        assert taken is holds[operator](text, value)


def test_patterns_are_of_whole_texts_and_name_characters_by_their_points() -> None:
    assert whole_pattern(r"[^ \x{7F}-\x{9F}\x{1F600}]*") == r"^(?:[^ \U0000007F-\U0000009F\U0001F600]*)$"


def test_engines_have_their_own_words_before_the_first_question() -> None:
    # in a process of its own: here everything was used long ago
    code = (
        "import sys, threading; from gateway.query import rendering; "
        "print(rendering._READY['duckdb'], rendering._READY['postgres'], threading.active_count())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.split() == ["SELECT", "$x", "SELECT", "%(x)s", "1"]


def test_spark_calls_no_method_of_java_but_the_one_for_normal_forms() -> None:
    own = exp.Anonymous(this="reflect", expressions=[exp.Literal.string("java.lang.System"), exp.Literal.string("gc")])
    with pytest.raises(ValueError, match="nobody looked at"):
        render(_calling(own), SourceKind.SPARK)
    normal = exp.Anonymous(this="nfc_normalize", expressions=[exp.column("x")])
    assert "reflect('com.ibm.icu.text.Normalizer', 'compose', " in render(
        _calling(normal), SourceKind.SPARK
    ).sql.replace("REFLECT", "reflect")


def test_values_of_spark_are_bound_by_name_and_none_is_in_the_text() -> None:
    def one(name: str) -> exp.Expr:
        return exp.Placeholder(this=name)

    listed = exp.In(this=exp.column("a"), expressions=[one("k0")])
    numbers = exp.In(this=exp.column("b"), expressions=[one("k1")])
    none = exp.In(this=exp.column("c"), expressions=[one("k2")])
    tree = (
        exp.select("x")
        .from_("t")
        .where(listed, numbers, none, exp.column("d").eq(one("c0")), exp.column("e").eq(one("c1")))
    )
    values: dict[str, Bound] = {
        "k0": ["it's", None, "\\"],
        "k1": [0.5, -1.0],
        "k2": [],
        "c0": datetime(2026, 1, 2, 3),
        "c1": 7,
        "not": "used",
    }
    text, bound = spark.bound(tree, values)
    assert text == (
        "SELECT x FROM t WHERE a IN (:p0, :p1) AND (b = :p2 OR b = :p3) AND FALSE "
        "AND d = CAST(:p4 AS TIMESTAMP_NTZ) AND e = CAST(:p5 AS BIGINT)"
    )
    assert bound == {"p0": "it's", "p1": "\\", "p2": 0.5, "p3": -1.0, "p4": "2026-01-02T03:00:00", "p5": 7}


def test_patterns_of_spark_are_of_whole_texts_and_do_not_go_back() -> None:
    assert spark.whole_pattern("([^ x]( ?[^ x])*)?") == r"\A(?:([^ x]( ?[^ x])*+)?)\z"
