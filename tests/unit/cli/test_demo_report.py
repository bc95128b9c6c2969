"""What the demo prints: marked on every line, and never a canary in what left."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from rich.console import Console

from gateway.cli.demo.report import Misbehaved, Report, shortened, shown

MARK = "龘靐"


@pytest.fixture
def printed() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def report(printed: io.StringIO) -> Report:
    return Report(Console(file=printed, width=60), [MARK])


def test_every_line_of_a_raw_row_is_marked(report: Report, printed: io.StringIO) -> None:
    report.inside_row({"name": MARK * 60, "number": 1234567, "none": None})
    lines = printed.getvalue().splitlines()
    assert len(lines) > 3
    assert all(line.startswith("  INSIDE │ ") for line in lines)
    assert "1,234,567" in printed.getvalue()


def test_an_answer_with_a_canary_fails(report: Report, printed: io.StringIO) -> None:
    with pytest.raises(Misbehaved):
        report.left_rows(pa.table({"name": ["somebody", f"a {MARK} b"]}))
    with pytest.raises(Misbehaved):
        report.left_fields([("name", MARK)])
    assert printed.getvalue() == ""


def test_rows_are_shown_as_they_are(report: Report, printed: io.StringIO) -> None:
    report.left_rows(pa.table({"name": ["[bold]x[/bold]"], "count": [1200]}))
    assert "[bold]x[/bold]" in printed.getvalue(), "an answer is text, not markup"
    assert "1,200" in printed.getvalue()


def test_a_claim_that_does_not_hold_ends_the_demo(report: Report) -> None:
    report.prove(True, "water is wet")
    with pytest.raises(Misbehaved, match="pigs fly"):
        report.prove(False, "pigs fly")
    assert report.proofs == 1


def test_values_and_long_texts() -> None:
    assert [shown(value) for value in (None, True, False, 1200, 1.25)] == ["—", "yes", "no", "1,200", "1.2"]
    assert shortened("abcdefghij", 7) == "abcd…ij"
    assert shortened("abc", 7) == "abc"
