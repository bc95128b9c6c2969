"""Several evaluations in one message, as sections 7.1 and 7.2 of the standard have them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from gateway.authzen.answer import Decision
from gateway.authzen.document import Members, NotAQuestion
from gateway.authzen.evaluations import MAX_EVALUATIONS, evaluations

ALICE = {"type": "user", "id": "alice@example.com"}
READ = {"name": "can_read"}


class Judge:
    """Permits whatever is not about a resource in `denied`; notes what it was asked."""

    def __init__(self, *denied: str) -> None:
        self.denied = denied
        self.asked: list[Any] = []

    def __call__(self, asked: object) -> Decision:
        self.asked.append(asked)
        whole = Members(asked, "")
        for name in ("subject", "action", "resource"):
            whole.inner(name, required=True)
        return {"decision": whole.inner("resource").text("id", most=64) not in self.denied}


def document(name: str) -> dict[str, str]:
    return {"type": "document", "id": name}


def three(**more: Any) -> dict[str, Any]:
    """The standard's example: one subject and action, three documents."""
    items = [{"resource": document(name)} for name in ("1", "2", "3")]
    return {"subject": ALICE, "action": READ, "evaluations": items, **more}


def decisions(asked: dict[str, Any], judge: Judge) -> list[bool]:
    answer = evaluations(asked, judge)
    assert set(answer) == {"evaluations"}
    return [one["decision"] for one in answer["evaluations"]]


SEMANTICS: dict[str, tuple[dict[str, Any], list[str], list[bool]]] = {
    "all, unless told otherwise": ({}, ["2"], [True, False, True]),
    "all": ({"evaluations_semantic": "execute_all"}, ["2"], [True, False, True]),
    "until a denial": ({"evaluations_semantic": "deny_on_first_deny"}, ["2"], [True, False]),
    "no denial": ({"evaluations_semantic": "deny_on_first_deny"}, [], [True, True, True]),
    "until a permit": ({"evaluations_semantic": "permit_on_first_permit"}, ["1"], [False, True]),
    "a permit at once": ({"evaluations_semantic": "permit_on_first_permit"}, ["2"], [True]),
    "no permit": ({"evaluations_semantic": "permit_on_first_permit"}, ["1", "2", "3"], [False, False, False]),
    "another option": ({"another_option": "value"}, ["2"], [True, False, True]),
}


@pytest.mark.parametrize(("options", "denied", "expected"), SEMANTICS.values(), ids=SEMANTICS)
def test_semantics(options: dict[str, Any], denied: list[str], expected: list[bool]) -> None:
    judge = Judge(*denied)
    assert decisions(three(options=options), judge) == expected
    assert len(judge.asked) == len(expected)


def test_defaults_are_overridden_whole() -> None:
    judge = Judge()
    edit = {"name": "can_edit"}
    context = {"time": "2024-05-31T15:22-07:00"}
    top = {"type": "document", "id": "top", "properties": {"status": "active"}}
    asked = {
        "subject": ALICE,
        "action": READ,
        "resource": top,
        "context": context,
        "evaluations": [{}, {"resource": document("1"), "action": edit}, {"context": {}}],
    }
    assert decisions(asked, judge) == [True, True, True]
    assert judge.asked == [
        {"subject": ALICE, "action": READ, "resource": top, "context": context},
        {"subject": ALICE, "action": edit, "resource": document("1"), "context": context},
        {"subject": ALICE, "action": READ, "resource": top, "context": {}},
    ]


def test_no_defaults_are_needed_where_each_says_all() -> None:
    one = {"subject": ALICE, "action": READ, "resource": document("1")}
    assert decisions({"evaluations": [one, one]}, Judge()) == [True, True]


def test_one_that_cannot_be_decided_is_a_denial_in_its_place() -> None:
    asked = three()
    asked["evaluations"][1] = {}
    answer = evaluations(asked, Judge())["evaluations"]
    assert [one["decision"] for one in answer] == [True, False, True]
    assert answer[1]["context"] == {"error": {"status": 400, "message": "resource must be given."}}


@pytest.mark.parametrize("item", ["text", None, 1, []])
def test_one_that_is_no_object_is_a_denial_in_its_place(item: object) -> None:
    assert decisions({**three(), "evaluations": [item, {"resource": document("1")}]}, Judge()) == [False, True]


def test_an_error_ends_what_ends_at_a_denial_and_not_what_ends_at_a_permit() -> None:
    items = [{}, {"resource": document("1")}]
    for semantic, expected in (("deny_on_first_deny", [False]), ("permit_on_first_permit", [False, True])):
        asked = three(options={"evaluations_semantic": semantic}) | {"evaluations": items}
        assert decisions(asked, Judge()) == expected


@pytest.mark.parametrize("more", [{}, {"evaluations": []}], ids=["missing", "empty"])
def test_without_several_the_message_is_the_one(more: dict[str, Any]) -> None:
    asked = {"subject": ALICE, "action": READ, "resource": document("1"), **more}
    assert evaluations(asked, Judge()) == {"decision": True}


WHOLE: dict[str, dict[str, Any]] = {
    "no list": {"evaluations": {}},
    "nothing": {"evaluations": None},
    "too many": {"evaluations": [{}] * (MAX_EVALUATIONS + 1)},
    "options in words": {"options": "execute_all"},
    "an unknown semantic": {"options": {"evaluations_semantic": "deny_on_last_deny"}},
    "a semantic that is a number": {"options": {"evaluations_semantic": 1}},
}


@pytest.mark.parametrize("more", WHOLE.values(), ids=WHOLE)
def test_what_concerns_the_whole_message_fails_it(more: dict[str, Any]) -> None:
    judge = Judge()
    with pytest.raises(NotAQuestion) as refused:
        evaluations(three(**more), judge)
    assert refused.value.status is HTTPStatus.BAD_REQUEST
    assert judge.asked == []


def test_as_many_as_allowed_are_answered() -> None:
    asked = three(evaluations=[{"resource": document("1")}] * MAX_EVALUATIONS)
    assert decisions(asked, Judge()) == [True] * MAX_EVALUATIONS
