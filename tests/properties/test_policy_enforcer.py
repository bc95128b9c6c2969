"""The sharded enforcer agrees with one plain Casbin enforcer over the whole policy, on policies nobody thought of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import casbin
from casbin.persist import Adapter
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

MODEL = (Path(__file__).parents[2] / "policies" / "model.conf").read_text(encoding="utf-8")
NAMED = '(p.eft == "deny" || p.grant == r.grant) && '

REGIONS = ("c", "c/x", "c/xx", "c/x/s", "c/x/s/1", "c/y", "c/y/杭")
PURPOSES = {"health": None, "trace": "health", "trace-late": "trace", "tra": "health", "open": None, "目的": "open"}
WHO = ("police", "police-x", "a", "b", "c", "杭州", "*", "", "a,b", "..", "p.sub")
OBJECTS = ("d/one", "d/two", "e/one", "d/*", "*", "dd/one", "d/one/x", "d", "", "é/一", "../d/one")
KINDS = tuple(DisclosureKind)


def _purpose(id_: str, parent: str | None) -> Purpose:
    return Purpose(id_, parent, id_, id_, "", LegalBasis("", ""), "", date(2027, 1, 1), False, None)


TREE = RegionTree(Region(path, list(RegionLevel)[path.count("/")], path, path) for path in REGIONS)
WHY = PurposeTree(_purpose(id_, parent) for id_, parent in PURPOSES.items())


def _often(*values: str) -> st.SearchStrategy[str]:
    # mostly names that mean something, so that rules and requests meet; the first ones most of all
    known = st.sampled_from(values)
    return st.one_of(st.sampled_from(values[:3]), known, known, st.text(max_size=6))


effects = st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY])
rules = st.lists(
    st.tuples(
        _often(*WHO),
        _often(*OBJECTS),
        st.sampled_from([*KINDS[:2], "*"]),
        _often(*REGIONS, "*"),
        _often(*PURPOSES, "*"),
        effects,
    ),
    max_size=8,
)
# roles nest; links lead to later names, so that there is no circle
links = st.lists(st.tuples(st.integers(0, len(WHO) - 1), st.integers(0, len(WHO) - 1)), max_size=6)
requests = st.lists(
    st.tuples(
        _often(*WHO), _often(*OBJECTS), st.sampled_from(KINDS[:3]), _often(*REGIONS, "*", "c/"), _often(*PURPOSES, "*")
    ),
    min_size=1,
    max_size=12,
)


class _Memory(Adapter):  # type: ignore[misc]  # Casbin ships no types
    def __init__(self, policy: list[list[str]], groups: list[list[str]]) -> None:
        self._policy, self._groups = policy, groups

    def load_policy(self, model: casbin.Model) -> None:
        for rule in self._policy:
            model.add_policy("p", "p", rule)
        for group in self._groups:
            model.add_policy("g", "g", group)


def _steps(path: str) -> list[str]:
    return path.split("/")


def _region_within(region: str, subtree: str) -> bool:
    return region in REGIONS and (subtree == "*" or _steps(region)[: len(_steps(subtree))] == _steps(subtree))


def _purpose_within(purpose: str, ancestor: str) -> bool:
    chain: list[str | None] = []
    here: str | None = purpose
    while here in PURPOSES:
        chain.append(here)
        here = PURPOSES[here]
    return bool(chain) and (ancestor == "*" or ancestor in chain)


def _object_within(obj: str, pattern: str) -> bool:
    parts = obj.split("/")
    if len(parts) != 2 or not all(parts) or "*" in obj:
        return False
    return pattern in (obj, "*", parts[0] + "/*")


def _plain(grants: list[Grant], groups: list[list[str]]) -> casbin.Enforcer:
    assert NAMED in MODEL
    text = MODEL.replace(NAMED, "").replace("purpose, grant\n", "purpose\n")
    policy = [[g.id, g.recipient, g.object, g.kind, g.region, g.purpose, "", g.effect.value] for g in grants]
    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=text), _Memory(policy, groups))
    enforcer.add_function("object_within", _object_within)
    enforcer.add_function("region_within", _region_within)
    enforcer.add_function("purpose_within", _purpose_within)
    return enforcer


@given(rules=rules, links=links, requests=requests)
def test_rulings_agree_with_one_plain_enforcer(
    rules: list[tuple[str, str, str, str, str, Effect]],
    links: list[tuple[int, int]],
    requests: list[tuple[str, str, DisclosureKind, str, str]],
) -> None:
    grants = [
        Grant(f"g-{place}", who, obj, str(kind), region, purpose, Terms(), effect, place)
        for place, (who, obj, kind, region, purpose, effect) in enumerate(rules)
    ]
    groups = sorted({(WHO[low], WHO[high]) for low, high in links if low < high})
    sharded = Enforcer(MODEL, grants, Roles(RoleLink(a, b, 0) for a, b in groups), TREE, WHY)
    plain = _plain(grants, [list(group) for group in groups])
    denies = [grant for grant in grants if grant.effect is Effect.DENY]
    as_allows = _plain([_turned(grant) for grant in denies], [list(group) for group in groups])
    for request in requests:
        ruling = sharded.ruling(*request)
        assert sharded.ruling(*request) == ruling, "the same again from the cache"
        assert bool(ruling.grants) == (bool(grants) and plain.enforce(*request))
        assert not (ruling.denied and ruling.grants)
        held = [grant for grant in grants if grant.effect is Effect.ALLOW and _plain_alone(grant, groups, request)]
        assert list(ruling.grants) == ([] if ruling.denied else held)
        if not _overlaps_upward(denies, request[3]):
            assert ruling.denied == (bool(denies) and as_allows.enforce(*request))


def _turned(deny: Grant) -> Grant:
    return Grant(
        deny.id, deny.recipient, deny.object, deny.kind, deny.region, deny.purpose, Terms(), Effect.ALLOW, deny.line
    )


def _plain_alone(
    grant: Grant, groups: list[tuple[str, str]], request: tuple[str, str, DisclosureKind, str, str]
) -> bool:
    return bool(_plain([grant], [list(group) for group in groups]).enforce(*request))


def _overlaps_upward(denies: list[Grant], region: str) -> bool:
    return any(deny.region != region and _region_within(deny.region, region) for deny in denies)
