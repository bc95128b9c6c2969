"""Canonical JSON against the rules and examples that RFC 8785 publishes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accountability import jcs
from tests.conformance.ports.strategies import text


def test_the_sorting_example_of_rfc_8785() -> None:
    # section 3.2.3: sorted by UTF-16 code units, so U+1F600 (D83D DE00) comes before U+FB33
    given_keys = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(jcs.encode(given_keys)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_the_string_of_the_example_of_rfc_8785_in_bytes() -> None:
    # section 3.2.2 and its bytes in 3.2.4: only what must be escaped is, and nothing becomes ASCII
    string = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/"
    expected = "22 e2 82 ac 24 5c 75 30 30 30 66 5c 6e 41 27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22"
    assert jcs.encode(string) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("character", "written"),
    [
        ("\b", "\\b"), ("\t", "\\t"), ("\n", "\\n"), ("\f", "\\f"), ("\r", "\\r"), ('"', '\\"'), ("\\",
        "\\\\"), ("\x00", "\\u0000"), ("\x0b", "\\u000b"), ("\x1b", "\\u001b"), ("\x1f", "\\u001f"),
        ("\x7f", "\x7f"), ("/", "/"), ("\u2028", "\u2028"), ("<", "<"), ("\U0001f600", "\U0001f600"),
        ("e\u0301", "e\u0301"), ("\u00e9", "\u00e9"),  # no normalisation
    ],
)  # fmt: skip
def test_strings_are_escaped_as_ecmascript_does(character: str, written: str) -> None:
    assert jcs.encode(character) == f'"{written}"'.encode()


def test_all_objects_are_sorted_and_arrays_are_not() -> None:
    assert jcs.encode({"b": [{"z": 1, "": 2}, 3, 1], "a": {"y": True, "x": False}}) == (
        b'{"a":{"x":false,"y":true},"b":[{"":2,"z":1},3,1]}'
    )


@pytest.mark.parametrize(
    "value", [None, 1.0, float("nan"), 2**53, -(2**53), b"x", {1: "x"}, [None], "\ud800", {"\udfff": 1}]
)
def test_what_has_no_canonical_form_is_refused(value: jcs.Json) -> None:
    with pytest.raises(ValueError):
        jcs.encode(value)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b'{"a":1} ', b'{ "a":1}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'"\\u0041"', b'"\\/"',
        b'"\\u001F"', b"1.0", b"1e3", b"-0", b"01", b"null", b"NaN", b"9007199254740992", b'"\\ud800"',
        b'"\xff"', b'"\x01"', b"\xef\xbb\xbf1", b"[" * 100_000,
    ],
)  # fmt: skip
def test_only_canonical_bytes_are_read(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not canonical JSON$"):
        jcs.decode(data)


values = st.recursive(
    st.booleans() | st.integers(-jcs.SAFE_INTEGER, jcs.SAFE_INTEGER) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_decode_is_the_inverse_of_encode(value: jcs.Json) -> None:
    data = jcs.encode(value)
    assert jcs.decode(data) == value
    assert json.loads(data) == value
