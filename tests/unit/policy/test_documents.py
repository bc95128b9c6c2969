"""YAML and CSV mean what they look like."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.policy.documents import read_csv, read_yaml
from gateway.policy.problems import InvalidPolicy, Problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("True", "True"),
        ("true", True),
        ("none", "none"),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0x10", "0x10"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("-5", -5),
        ("1e-6", 1e-6),
        ("12.0", 12.0),
        ("2027-03-01", date(2027, 3, 1)),
        ("2027-3-1", "2027-3-1"),
        ("'2027-03-01'", "2027-03-01"),
        ('"true"', "true"),
        ("=", "="),
        ("杭州", "杭州"),
    ],
)
def test_plain_scalars_are_read_by_the_core_schema(text: str, value: object) -> None:
    document = read_yaml("f.yaml", f"key: {text}\n".encode(), Problems())
    assert document is not None
    assert isinstance(document.data, dict)
    assert document.data["key"] == value
    assert type(document.data["key"]) is type(value)


def test_parts_remember_their_lines() -> None:
    document = read_yaml("f.yaml", b"# c\na:\n  - b: 1\n    c:\n      d: 2\n  - x\n", Problems())
    assert document is not None
    assert [document.line(*path) for path in [("a",), ("a", 0, "c"), ("a", 0, "c", "d"), ("a", 1)]] == [2, 4, 5, 6]
    assert document.line("a", 0, "c", "missing", "deeper") == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r'a: "x\0y"', "a text holds NUL"),
        (r'"x\0y": 1', "a text holds NUL"),
        (r'a: [b, "\x00"]', "a text holds NUL"),
        (r'a: "\ud800"', ""),
        ("a: 1e400", "the number is too large"),
        ("a: -2.5e+309", "the number is too large"),
        (f"a: {2**70}", "the number is too long"),
    ],
)
def test_what_no_engine_could_be_asked_about_is_told(text: str, said: str) -> None:
    problems = Problems()
    assert read_yaml("f.yaml", f"b: 1\n{text}\n".encode(), problems) is None
    with pytest.raises(InvalidPolicy) as caught:
        problems.raise_if_any()
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("f.yaml", 2) and problem.remedy
    assert said in problem.message


def test_csv_skips_comments_and_keeps_line_numbers() -> None:
    problems = Problems()
    rows = read_csv("f.csv", '\ufeff# x\n\np, "a, b",c\r\n  # y\ng,d\n'.encode(), problems)
    assert [(row.line, row.cells) for row in rows] == [(3, ("p", "a, b", "c")), (5, ("g", "d"))]
    assert len(problems) == 0
