"""One evaluation, or several in one message: defaults, order, and when to stop (AuthZEN 1.0, sections 6 and 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from gateway.authzen.answer import Decision, failed
from gateway.authzen.document import Members, NotAQuestion

MAX_EVALUATIONS = 100

Decide = Callable[[object], Decision]
"""Decides one evaluation; raises `NotAQuestion` for one that cannot be decided."""


class Semantic(StrEnum):
    """How far several evaluations go."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"


_STOPS_AT = {Semantic.DENY_ON_FIRST_DENY: False, Semantic.PERMIT_ON_FIRST_PERMIT: True}
_DEFAULTED = ("subject", "action", "resource", "context")


def evaluation(asked: Mapping[str, Any], decide: Decide) -> Decision:
    """Answer one evaluation.

    Raises:
        NotAQuestion: as `decide` does.
    """
    return decide(asked)


def evaluations(asked: Mapping[str, Any], decide: Decide) -> dict[str, Any]:
    """Answer several evaluations in the order asked; without any, the message itself is the one.

    An evaluation that gives none of subject, action, resource or context takes the message's own, whole: parts are
    never merged. One that cannot be decided is a denial that says so, and the others are decided all the same.

    Raises:
        NotAQuestion: 400 for what concerns the message as a whole; or, for one without several, as `decide` does.
    """
    whole = Members(asked, "")
    items = whole.items("evaluations", most=MAX_EVALUATIONS)
    semantic = Semantic(whole.inner("options").choice("evaluations_semantic", tuple(Semantic), Semantic.EXECUTE_ALL))
    if not items:
        return decide(asked)
    defaults = {name: asked[name] for name in _DEFAULTED if name in asked}
    decisions: list[Decision] = []
    for item in items:
        try:
            decision = decide({**defaults, **item} if isinstance(item, dict) else item)
        except NotAQuestion as error:
            decision = failed(error)
        decisions.append(decision)
        if decision["decision"] is _STOPS_AT.get(semantic):
            break
    return {"evaluations": decisions}
