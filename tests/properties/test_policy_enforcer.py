"""The sharded enforcer agrees with one plain Casbin enforcer over the whole policy, on policies nobody thought of."""

from __future__ import annotations

import random
from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.contract import DisclosureKind
from gateway.model.purpose import LegalBasis, Purpose
from gateway.model.region import Region, RegionLevel
from gateway.model.terms import Terms
from gateway.policy.enforcer import Enforcer
from gateway.policy.grants import Effect, Grant
from gateway.policy.purposes import PurposeTree
from gateway.policy.regions import RegionTree
from gateway.policy.roles import RoleLink, Roles
from gateway.policy.shards import Question, Shard, Shards
from tests.plain_casbin import EVERYTHING, MODEL, Plain, object_within

REGIONS = ("c", "c/x", "c/xx", "c/x/s", "c/x/s/1", "c/y", "c/y/杭")
PURPOSES = {"health": None, "trace": "health", "trace-late": "trace", "tra": "health", "open": None, "目的": "open"}
WHO = ("police", "police-x", "a", "b", "c", "杭州", "*", "", 'a"b', "..", "p.sub", "?", "' || true || '", "police x")
OBJECTS = ("d/one", "d/*", "*", "d/two", "e/one", "dd/one", "d/one/x", "d", "", "é/一", "../d/one", "d/", "d/**")
KINDS = tuple(DisclosureKind)
TRIAL = Terms(trial=date(2027, 1, 1))
DEEP = tuple(f"r{number}" for number in range(14))
"""A chain of roles, longer than Casbin follows by itself."""


def _purpose(id_: str, parent: str | None) -> Purpose:
    return Purpose(id_, parent, id_, id_, "", LegalBasis("", ""), "", date(2027, 1, 1), False, None)


TREE = RegionTree(Region(path, list(RegionLevel)[path.count("/")], path, path) for path in REGIONS)
WHY = PurposeTree(_purpose(id_, parent) for id_, parent in PURPOSES.items())

Rule = tuple[str, str, str, str, str, str]
Request = tuple[str, str, DisclosureKind, str, str]

# Casbin's text knows no quoting: these its loader would take for something else
words = st.lists(
    st.text(st.characters(exclude_characters=",[]()", exclude_categories=("C", "Z")), max_size=6), max_size=4
)
# what is drawn from a seed is spread evenly; drawn piece by piece, rules and requests would seldom meet
seeds = st.integers(0, 2**32 - 1).map(random.Random)


def _cell(chance: random.Random, often: tuple[str, ...], rare: tuple[str, ...], words: list[str]) -> str:
    part = chance.random()
    if part < 0.8:
        return chance.choice(often)
    return chance.choice(rare if part < 0.93 or not words else words)


def _rules(chance: random.Random, words: list[str]) -> list[Rule]:
    return [
        (
            _cell(chance, ("police", "police", "*", "r3", "r13"), (*WHO, *DEEP), words),
            _cell(chance, ("d/one", "d/one", "d/*", "*"), OBJECTS, words),
            chance.choice((*KINDS[:2], KINDS[0], "*")),
            _cell(chance, ("c", "c/x", "c/x/s", "*"), REGIONS, words),
            _cell(chance, ("health", "trace", "*"), tuple(PURPOSES), words),
            chance.choice(("allow", "allow", "allow", "allow", "deny", "trial")),
        )
        for _ in range(chance.randrange(13))
    ]


def _requests(chance: random.Random, rules: list[Rule], words: list[str]) -> list[Request]:
    """Requests that come near to a rule: in all columns, or in all but one."""
    requests: list[Request] = []
    for _ in range(chance.randrange(1, 9)):
        who, obj, kind, region, purpose, _ = chance.choice(rules) if rules else ("*",) * 6
        near = [
            chance.choice(("police", "r0", "a") if who == "*" else _members(who)),
            chance.choice([name for name in OBJECTS if object_within(name, obj)] or [obj]),
            chance.choice(KINDS[:3]) if kind == "*" else kind,
            chance.choice(REGIONS if region == "*" else _overlapping(region)),
            chance.choice(tuple(PURPOSES) if purpose == "*" else _within(purpose)),
        ]
        known = (WHO, OBJECTS, KINDS, (*REGIONS, "*", "c/"), (*PURPOSES, "*"))
        column = chance.randrange(12)
        if column < len(near):
            near[column] = chance.choice((*known[column], *(words if column != 2 else ())))
        requests.append((near[0], near[1], DisclosureKind(near[2]), near[3], near[4]))
    return requests


def _members(role: str) -> tuple[str, ...]:
    return DEEP[: DEEP.index(role) + 1] if role in DEEP else (role, "police")


def _overlapping(region: str) -> tuple[str, ...]:
    found = [path for path in REGIONS if path.startswith(region + "/") or region.startswith(path + "/")]
    return (*found, region)


def _within(purpose: str) -> tuple[str, ...]:
    return (purpose, *(id_ for id_ in PURPOSES if purpose in (PURPOSES[id_], PURPOSES.get(PURPOSES[id_] or ""))))


def _links(chance: random.Random) -> set[tuple[str, str]]:
    # roles nest; links lead to later names, so that there is no circle
    drawn = [sorted(chance.sample(range(len(WHO)), 2)) for _ in range(chance.randrange(6))]
    return {(WHO[low], WHO[high]) for low, high in drawn} | set(pairwise(DEEP))


class _Everything(Shards):
    """Finds all rules for every question."""

    def __init__(self, rules: list[Grant]) -> None:
        denies = [rule for rule in rules if rule.effect is Effect.DENY]
        self._all = Shard(
            tuple(rule for rule in denies if not rule.terms.trial),
            tuple(rule for rule in denies if rule.terms.trial),
            tuple(rule for rule in rules if rule.effect is Effect.ALLOW),
        )

    def of(self, question: Question) -> Shard:
        return self._all


def _line(grant: Grant, effect: Effect | None = None) -> str:
    cells = (grant.recipient, grant.object, grant.kind, grant.region, grant.purpose)
    return f"p, {grant.id}, {', '.join(cells)}, , {effect or grant.effect}"


@given(chance=seeds, words=words)
def test_rulings_agree_with_one_plain_enforcer(chance: random.Random, words: list[str]) -> None:
    rules = _rules(chance, words)
    groups = sorted(_links(chance))
    requests = _requests(chance, rules, words)
    grants = [
        Grant(
            f"g-{place}", who, obj, str(kind), region, purpose, TRIAL if effect == "trial" else Terms(),
            Effect.ALLOW if effect == "allow" else Effect.DENY, place,
        )
        for place, (who, obj, kind, region, purpose, effect) in enumerate(rules)
    ]  # fmt: skip
    sharded = Enforcer(MODEL, grants, Roles(RoleLink(a, b, 0) for a, b in groups), TREE, WHY)
    # the index narrows and no more: where it finds every rule, Casbin says the same
    wide = Enforcer(MODEL, grants, Roles(RoleLink(a, b, 0) for a, b in groups), TREE, WHY)
    wide._shards = _Everything(grants)
    roles = [f"g, {member}, {role}" for member, role in groups]

    def plain(*lines: str) -> Plain:
        return Plain([*lines, *roles], REGIONS, PURPOSES)

    real = [grant for grant in grants if not grant.terms.trial]
    denies = [grant for grant in real if grant.effect is Effect.DENY]
    whole = plain(*map(_line, real))
    beside_all = plain(*map(_line, denies), EVERYTHING)
    as_allows = plain(*(_line(deny, Effect.ALLOW) for deny in denies))
    alone = [(grant, plain(_line(grant))) for grant in real if grant.effect is Effect.ALLOW]
    tried = [(grant, plain(_line(grant), EVERYTHING)) for grant in grants if grant.terms.trial]
    anything = plain(EVERYTHING)
    for request in requests:
        ruling = sharded.ruling(*request)
        assert sharded.ruling(*request) == ruling, "the same again from the cache"
        assert wide.ruling(*request) == ruling
        assert bool(ruling.grants) == whole.allows(*request)
        askable = anything.allows(*request)
        assert ruling.denied == (askable and not beside_all.allows(*request))
        held = [grant for grant, one in alone if one.allows(*request)]
        assert list(ruling.grants) == ([] if ruling.denied else held)
        assert list(ruling.trials) == [grant for grant, one in tried if askable and not one.allows(*request)]
        if not _overlaps_upward(denies, request[3]):
            assert ruling.denied == as_allows.allows(*request)


def _overlaps_upward(denies: list[Grant], region: str) -> bool:
    return any(deny.region in REGIONS and deny.region.startswith(region + "/") for deny in denies)
