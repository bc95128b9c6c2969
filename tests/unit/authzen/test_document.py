"""JSON is read in one way only, and what is wrong with it is said without repeating it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.authzen.document import Members, NotAQuestion, read_object

NO_I_JSON = {
    "empty": b"",
    "not JSON": b"{subject}",
    "no object": b"[]",
    "a name twice": b'{"a": 1, "a": 2}',
    "a name twice, once escaped": b'{"a": 1, "\\u0061": 2}',
    "an unpaired surrogate": b'{"a": "\\ud800"}',
    "an unpaired surrogate in a name": b'{"\\udc00": 1}',
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "infinity in digits": b'{"a": 1e999}',
    "more than a double holds": b'{"a": 9007199254740993}',
    "ten thousand digits": b'{"a": ' + b"9" * 10_000 + b"}",
    "a hundred thousand levels": b"[" * 100_000,
    "more behind it": b'{"a": 1} {"b": 2}',
}


@pytest.mark.parametrize("body", NO_I_JSON.values(), ids=NO_I_JSON)
def test_what_can_be_read_in_two_ways_is_not_read(body: bytes) -> None:
    with pytest.raises(NotAQuestion) as refused:
        read_object(body)
    assert refused.value.status == 400
    assert refused.value.message in (
        "The body is not JSON that can be read in one way only (I-JSON, RFC 7493).",
        "The body must be a JSON object.",
    )


def test_an_object_is_read() -> None:
    body = '{"a": {"b": [1, 2.5, true, null, "龘"]}, "c": 9007199254740991}'.encode()
    assert read_object(body) == {"a": {"b": [1, 2.5, True, None, "龘"]}, "c": 2**53 - 1}


CANARY = "330101198808088848"
WRONG: dict[str, tuple[Any, str]] = {
    "missing text": ({}, "x.text must be given."),
    "text of a number": ({"text": 330101198808088848}, "x.text must be a string of 1 to 8 characters."),
    "long text": ({"text": CANARY}, "x.text must be a string of 1 to 8 characters."),
    "no text": ({"text": ""}, "x.text must be a string of 1 to 8 characters."),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_texts(given: Any, message: str) -> None:
    with pytest.raises(NotAQuestion) as refused:
        Members(given, "x").text("text", most=8)
    assert refused.value.message == message


def test_lists_flags_and_numbers_are_what_they_say() -> None:
    given = Members({"n": ["a", "a"], "m": [CANARY, 1], "f": "true", "i": True, "many": ["a", "b", "c"]}, "")
    asks: list[tuple[Callable[[], object], str]] = [
        (lambda: given.names("n", most=2), "n must not repeat an item."),
        (lambda: given.names("m", most=2), "m must hold strings of 1 to 64 characters."),
        (lambda: given.names("many", most=2), "many must be a list of at most 2 items."),
        (lambda: given.items("f", most=2), "f must be a list of at most 2 items."),
        (lambda: given.flag("f"), "f must be true or false."),
        (lambda: given.integer("i", least=0, most=1), "i must be an integer from 0 to 1."),
        (lambda: given.number("i"), "i must be a number."),
        (lambda: given.choice("f", ("a", "b"), "a"), "f must be one of a, b."),
        (lambda: given.inner("f"), "f must be an object."),
    ]
    for ask, message in asks:
        with pytest.raises(NotAQuestion) as refused:
            ask()
        assert refused.value.message == message
