"""Casbin's answers, one grant at a time. The only importer of casbin.

Rules are sharded by object and kind into small Casbin enforcers, built when first asked and sharing nothing that
changes. Nothing is looked up in Casbin's explanations (they miss some allows), and its own wildcard functions, role
manager and loaders are not used.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import casbin
from casbin.model import FunctionMap, Model
from casbin.util import SimpleEval

from gateway.model.contract import DisclosureKind
from gateway.model.region import is_within
from gateway.policy.grants import ANY, Effect, Grant, Roles
from gateway.policy.purposes import PurposeTree
from gateway.policy.regions import RegionTree
from gateway.policy.terms import Terms

# Casbin logs every refused request, with its values.
for _name in ("casbin", "casbin.enforcer", "casbin.model", "casbin.policy", "casbin.role"):
    logging.getLogger(_name).disabled = True

_KINDS = frozenset(kind.value for kind in DisclosureKind)
_CACHED_ANSWERS = 10_000
_CACHED_TEXT = 512

PROBE = "?"
"""The name of a grant that allows everything, in every shard: no id of a real grant can be that. See `Enforcer`."""


class ModelError(ValueError):
    """The text is not the Casbin model that this gateway was proved with."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What Casbin says, before terms: whether a deny matches, and the allows that hold, in the order of the file."""

    denied: bool
    grants: tuple[Grant, ...]


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
            raise ModelError(f"the definition of '{section}'")


# Parsed once: Casbin parses the matcher on every call, which is slow, and CPython 3.11 cannot be trusted to parse in
# several threads at a time ("AST constructor recursion depth mismatch"). Every accepted model has this very matcher.
_MATCHER = casbin.Enforcer._get_expression(_MODEL["m"]).ast_parsed_value


def _parsed(_: str, functions: dict[str, Callable[..., bool]]) -> SimpleEval:
    expression = SimpleEval("", functions)
    expression.ast_parsed_value = _MATCHER
    return expression


class _Shard:
    """One Casbin enforcer over the rules that a request for its object and kind can match."""

    __slots__ = ("_enforcer", "_lock", "allows")

    def __init__(self, enforcer: casbin.Enforcer, allows: tuple[Grant, ...]) -> None:
        self._enforcer = enforcer
        self._lock = threading.Lock()
        self.allows = allows

    def enforce(self, *request: str) -> bool:
        # Casbin writes into its function table on every call, so that one shard answers one thread at a time
        with self._lock:
            return bool(self._enforcer.enforce(*request))


class Enforcer:
    """Decides by Casbin which grants hold for a request, as far as that does not depend on time or the caller's words.

    Each allow is put to Casbin by its name. Whether a deny matches is put to Casbin as well: every shard holds one
    more allow, named `PROBE`, which matches every known region and purpose; Casbin refuses it exactly if a deny
    matches. What is not the name of a disclosure, and a region or purpose that no tree knows, is granted nothing.

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
        self._grants = tuple(grants)
        self._roles, self._regions, self._purposes = roles, regions, purposes
        self._named: dict[str, list[int]] = {}
        for place, grant in enumerate(self._grants):
            self._named.setdefault(grant.object, []).append(place)
        self._shards: dict[tuple[str, str], _Shard] = {}
        self._answers: dict[tuple[str, str, str, str, str], Ruling] = {}
        self._lock = threading.Lock()

    def ruling(self, recipient: str, obj: str, kind: DisclosureKind, region: str, purpose: str) -> Ruling:
        """Return whether a deny matches, and otherwise the allows that hold, in the order of the file."""
        if not self._regions.contains(region) or self._purposes.get(purpose) is None or not _patterns(obj):
            return _NOTHING
        question = (recipient, obj, str(kind), region, purpose)
        known = self._answers.get(question)
        if known is None:
            known = self._decide(*question)
            if len(recipient) + len(obj) <= _CACHED_TEXT:
                self._remember(question, known)
        return known

    def _decide(self, recipient: str, obj: str, kind: str, region: str, purpose: str) -> Ruling:
        shard = self._shard(obj, kind)
        request = (recipient, obj, kind, region, purpose)
        if not shard.enforce(*request, PROBE):
            return Ruling(denied=True, grants=())
        roles = self._roles.of(recipient)
        held = tuple(
            grant
            for grant in shard.allows
            # grants of others are not put to Casbin at all; the rest it decides
            if (grant.recipient == ANY or grant.recipient in roles) and shard.enforce(*request, grant.id)
        )
        return Ruling(denied=False, grants=held)

    def _remember(self, question: tuple[str, str, str, str, str], ruling: Ruling) -> None:
        with self._lock:
            while len(self._answers) >= _CACHED_ANSWERS:
                del self._answers[next(iter(self._answers))]
            self._answers[question] = ruling

    def _shard(self, obj: str, kind: str) -> _Shard:
        # objects that no rule names share the shard of what wildcards reach, so that callers cannot make new shards
        patterns = [name for name in _patterns(obj) if name in self._named]
        key = (patterns[0] if patterns else ANY, kind if kind in _KINDS else "")
        shard = self._shards.get(key)
        if shard is None:
            with self._lock:
                shard = self._shards.get(key)
                if shard is None:
                    shard = self._shards[key] = self._build(patterns, kind)
        return shard

    def _build(self, patterns: list[str], kind: str) -> _Shard:
        places = sorted(place for name in patterns for place in self._named[name])
        rules = [self._grants[place] for place in places if self._grants[place].kind in (kind, ANY)]
        model: Model = casbin.Enforcer.new_model(text=self._model_text)
        probe = Grant(PROBE, ANY, ANY, ANY, ANY, ANY, Terms(), Effect.ALLOW, 0)
        # assigned at once: Casbin's own loader is quadratic in the rules
        model["p"]["p"].policy = [_casbin_rule(rule) for rule in [*rules, probe]]
        enforcer = casbin.Enforcer(model)
        functions = FunctionMap()
        functions.add_function("object_within", object_within)
        functions.add_function("region_within", self._region_within)
        functions.add_function("purpose_within", self._purpose_within)
        enforcer.fm = functions
        model["g"]["g"].rm = self._roles
        enforcer.rm_map = {"g": self._roles}
        enforcer._get_expression = _parsed
        return _Shard(enforcer, tuple(rule for rule in rules if rule.effect is Effect.ALLOW))

    def _region_within(self, region: str, subtree: str) -> bool:
        return self._regions.contains(region) and (subtree == ANY or is_within(region, subtree))

    def _purpose_within(self, purpose: str, ancestor: str) -> bool:
        if ancestor == ANY:
            return self._purposes.get(purpose) is not None
        return self._purposes.is_within(purpose, ancestor)


def _casbin_rule(grant: Grant) -> list[str]:
    # the terms are not Casbin's business: they hold or not on each request
    return [grant.id, grant.recipient, grant.object, grant.kind, grant.region, grant.purpose, "", str(grant.effect)]


def _patterns(obj: str) -> tuple[str, ...]:
    """Every object that a rule can name and that covers `obj`, most specific first; none if `obj` is no name."""
    dataset, _, disclosure = obj.partition("/")
    if not dataset or not disclosure or "/" in disclosure or ANY in obj:
        return ()
    return (obj, f"{dataset}/{ANY}", ANY)


def object_within(obj: str, pattern: str) -> bool:
    """Tell whether a disclosure ("dataset/name") is covered by a rule's object: itself, "dataset/*", or "*".

    What is not a disclosure's name, such as "*" itself, is covered by nothing.
    """
    return pattern in _patterns(obj)
