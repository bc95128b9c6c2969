"""What is written as YAML is read back as it was."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.contract.yaml_text import Noted, undated, written
from gateway.policy.documents import read_yaml
from gateway.policy.problems import Problems

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30) | st.sampled_from(
    ["true", "No", "~", "", " x", "a: b", "#x", "- x", "2020-01-01", "0x1", "1e3", "x #y", "{", "'", "é", "a,b", "<<"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: "e" not in repr(number))
    | TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


def read(lines: list[str]) -> Any:
    problems = Problems()
    document = read_yaml("x.yaml", "\n".join(lines).encode(), problems)
    problems.raise_if_any()
    assert document is not None
    return document.data


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_it_is_read_back_as_it_was(value: dict[str, Any]) -> None:
    assert read(written(value)) == value


def test_notes_are_comments_at_the_end_of_first_lines() -> None:
    lines = written({
        "a": Noted("x", "# one"),
        "b": [Noted({"c": 1, "d": {"e": {"f": 2}}}, "# two"), Noted({"c": 1}, "# three")],
    })  # fmt: skip
    assert lines == [
        "a: x  # one", "b:", "  - c: 1  # two", "    d: {e: {f: 2}}", "  - {c: 1}  # three",
    ]  # fmt: skip
    assert read(lines) == {"a": "x", "b": [{"c": 1, "d": {"e": {"f": 2}}}, {"c": 1}]}


def test_days_stay_days_unless_they_must_be_texts() -> None:
    day = {"day": [date(2026, 1, 2)]}
    assert written(day) == ["day: [2026-01-02]"]
    assert written(undated(day)) == ['day: ["2026-01-02"]']
