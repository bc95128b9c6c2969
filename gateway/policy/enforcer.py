"""Casbin's answers, one grant at a time. The only importer of casbin.

A question is put to small Casbin enforcers that hold the rules which it can meet (`Shards`) and share nothing that
changes. Nothing is looked up in Casbin's explanations (they miss some allows), and its own wildcard functions, role
manager and loaders are not used.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import casbin
from casbin.model import FunctionMap, Model
from casbin.util import SimpleEval

from gateway.model.contract import DisclosureKind
from gateway.model.region import is_within
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.purposes import PurposeTree
from gateway.policy.regions import RegionTree
from gateway.policy.roles import Roles
from gateway.policy.shards import Question, Shard, Shards, object_within, patterns

# Casbin logs every refused request, with its values.
for _name in ("casbin", "casbin.enforcer", "casbin.model", "casbin.policy", "casbin.role"):
    logging.getLogger(_name).disabled = True

_CACHED_ANSWERS = 20_000
_CACHED_TEXT = 512

PROBE = "?"
"""The name of an allow for everything that stands beside denies; no real grant has such an id. See `Enforcer`."""


class ModelError(ValueError):
    """The text is not the Casbin model that this gateway was proved with. `section` is the one that differs, or ""."""

    def __init__(self, what: str, section: str = "") -> None:
        super().__init__(what)
        self.section = section


@dataclass(frozen=True, slots=True)
class Ruling:
    """What Casbin says, before terms: whether a deny matches, and the allows that hold, in the order of the file.

    `trials` are the matching denies that are on trial, in the order of the file. They refuse nothing here: whoever
    decides tells of them, and takes one whose last day of trial has passed for a deny (`denied_on`).
    """

    denied: bool
    grants: tuple[Grant, ...]
    trials: tuple[Grant, ...] = ()

    def denied_on(self, today: date) -> bool:
        """Tell whether this is a denial on a day of the city's calendar: also by a deny whose trial is over by then."""
        return self.denied or any(deny.refuses_on(today) for deny in self.trials)


_NOTHING = Ruling(denied=False, grants=())

_MODEL = {
    "r": "sub, obj, act, region, purpose, grant",
    "p": "grant, sub, obj, act, region, purpose, terms, eft",
    "g": "_, _",
    "e": "some(where (p_eft == allow)) && !some(where (p_eft == deny))",
    "m": '(p_eft == "deny" || p_grant == r_grant) && (p_act == r_act || p_act == "*")'
    ' && object_within(r_obj, p_obj) && (p_sub == "*" || g(r_sub, p_sub))'
    ' && (region_within(r_region, p_region) || p_eft == "deny" && region_within(p_region, r_region))'
    " && purpose_within(r_purpose, p_purpose)",
}


def check_model(text: str) -> None:
    """Check that a model.conf says what the gateway means by a grant.

    Raises:
        ModelError: it says anything else. The text of the error is the section.
    """
    try:
        model = casbin.Enforcer.new_model(text=text)
    except Exception:
        # Casbin's parser raises bare exceptions of several kinds
        raise ModelError("the file") from None
    parsed = {section: {key: part.value for key, part in parts.items()} for section, parts in model.items()}
    for section, expected in _MODEL.items():
        if parsed.get(section) != {section: expected}:
            raise ModelError(f"the definition of '{section}'", section)


# Parsed once: Casbin parses the matcher on every call, which is slow, and CPython 3.11 cannot be trusted to parse in
# several threads at a time ("AST constructor recursion depth mismatch"). Every accepted model has this very matcher.
_MATCHER = casbin.Enforcer._get_expression(_MODEL["m"]).ast_parsed_value


def _line(rule: Grant) -> list[str]:
    # the terms are not Casbin's business: they hold or not on each request
    return [rule.id, rule.recipient, rule.object, rule.kind, rule.region, rule.purpose, "", str(rule.effect)]


_PROBE = [PROBE, ANY, ANY, ANY, ANY, ANY, "", str(Effect.ALLOW)]


class _Desk:
    """One Casbin enforcer, asked by one thread at a time, over whatever small set of rules it is given.

    Setting up an enforcer takes longer than asking it; laying other rules before it is one assignment. So it is the
    rules of a shard that are made anew, and the enforcer that is kept.
    """

    __slots__ = ("_enforcer", "_rules")

    def __init__(self, model_text: str, roles: Roles, functions: Mapping[str, Callable[[str, str], bool]]) -> None:
        model: Model = casbin.Enforcer.new_model(text=model_text)
        enforcer = casbin.Enforcer(model)
        enforcer.fm = FunctionMap()
        for name, function in functions.items():
            enforcer.fm.add_function(name, function)
        model["g"]["g"].rm = roles
        enforcer.rm_map = {"g": roles}
        # Casbin makes an evaluator on every call, and looks for eval() in the text: neither need be done again
        expression = SimpleEval("", enforcer.fm.get_functions())
        expression.ast_parsed_value = _MATCHER
        enforcer._get_expression = lambda _, __: expression
        model["m"]["m"].value = "m"
        self._enforcer = enforcer
        self._rules = model["p"]["p"]

    def allows(self, rules: list[list[str]], question: Question, grant: str) -> bool:
        """Return Casbin's answer to the question for this grant, by these rules alone. There must be rules."""
        # assigned at once: Casbin's own loader is quadratic in the rules
        self._rules.policy = rules
        return bool(self._enforcer.enforce(*question, grant))


class Enforcer:
    """Decides by Casbin which grants hold for a request, as far as that does not depend on time or the caller's words.

    Each allow that the question can meet is put to Casbin by its name, together with every deny that it can meet.
    Whether a deny matches is put to Casbin as well: beside the denies stands one more allow, named `PROBE`, which
    matches every known region and purpose; Casbin refuses it exactly if a deny matches. Denies on trial are put to it
    in the same way, each one alone. What is not the name of a disclosure, and a region or purpose that no tree knows,
    is granted nothing.

    Answers are kept in a bounded cache. Safe to call from several threads.
    """

    def __init__(
        self,
        model_text: str,
        grants: Iterable[Grant],
        roles: Roles,
        regions: RegionTree,
        purposes: PurposeTree,
    ) -> None:
        """Take the rules in the order of the file.

        Raises:
            ModelError: the model is not the one that this gateway was proved with.
        """
        check_model(model_text)
        self._model_text = model_text
        self._roles, self._regions, self._purposes = roles, regions, purposes
        self._shards = Shards(tuple(grants), roles, regions, purposes)
        # as many as ever were asked at one moment
        self._desks: deque[_Desk] = deque()
        # two generations: what is asked again moves to the young one, what is not goes with the old one
        self._young: dict[tuple[str, str, str, str, str], Ruling] = {}
        self._old: dict[tuple[str, str, str, str, str], Ruling] = {}
        self._lock = threading.Lock()

    def ruling(self, recipient: str, obj: str, kind: DisclosureKind, region: str, purpose: str) -> Ruling:
        """Return whether a deny matches, and otherwise the allows that hold, in the order of the file."""
        known = self._young.get((recipient, obj, kind, region, purpose))
        return known if known is not None else self._answer(Question(recipient, obj, str(kind), region, purpose))

    def shard(self, recipient: str, obj: str, kind: DisclosureKind, region: str, purpose: str) -> Shard:
        """Return the rules that are put to Casbin for a question."""
        return self._shards.of(Question(recipient, obj, str(kind), region, purpose))

    def _answer(self, question: Question) -> Ruling:
        recipient, obj, _, region, purpose = question
        if not self._regions.contains(region) or self._purposes.get(purpose) is None or not patterns(obj):
            return _NOTHING
        known = self._old.get(question)
        if known is None:
            known = self._decide(question)
        if len(recipient) + len(obj) <= _CACHED_TEXT:
            self._remember(question, known)
        return known

    def _decide(self, question: Question) -> Ruling:
        shard = self._shards.of(question)
        if not len(shard):
            return _NOTHING
        try:
            desk = self._desks.pop()
        except IndexError:
            desk = self._new_desk()
        ruling = _ruled(desk, shard, question)
        # not after an error: a desk is kept as it is known to be
        self._desks.append(desk)
        return ruling

    def _new_desk(self) -> _Desk:
        with self._lock:
            # simpleeval touches the interpreter's warning filters, which all threads share
            return _Desk(self._model_text, self._roles, _functions(self._regions, self._purposes))

    def _remember(self, question: Question, ruling: Ruling) -> None:
        with self._lock:
            if len(self._young) >= _CACHED_ANSWERS // 2:
                self._old, self._young = self._young, {}
            self._young[question] = ruling


def _functions(regions: RegionTree, purposes: PurposeTree) -> dict[str, Callable[[str, str], bool]]:
    """Return the matcher's functions. They know nothing of the rules, so that a policy goes as soon as it is let go."""

    def region_within(region: str, subtree: str) -> bool:
        return regions.contains(region) and (subtree == ANY or is_within(region, subtree))

    def purpose_within(purpose: str, ancestor: str) -> bool:
        if ancestor == ANY:
            return purposes.get(purpose) is not None
        return purposes.is_within(purpose, ancestor)

    return {"object_within": object_within, "region_within": region_within, "purpose_within": purpose_within}


def _ruled(desk: _Desk, shard: Shard, question: Question) -> Ruling:
    trials = tuple(rule for rule in shard.trials if _matches(desk, [_line(rule)], question))
    denies = [_line(rule) for rule in shard.denies]
    if denies and _matches(desk, denies, question):
        return Ruling(denied=True, grants=(), trials=trials)
    held = tuple(rule for rule in shard.allows if desk.allows([*denies, _line(rule)], question, rule.id))
    return Ruling(denied=False, grants=held, trials=trials)


def _matches(desk: _Desk, denies: Sequence[list[str]], question: Question) -> bool:
    return not desk.allows([*denies, _PROBE], question, PROBE)
