"""The sharded enforcer agrees with one plain Casbin enforcer over the whole policy, on policies nobody thought of."""

from __future__ import annotations

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
from tests.plain_casbin import EVERYTHING, MODEL, Plain

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

# Casbin's text knows no quoting: these its loader would take for something else
_words = st.text(st.characters(exclude_characters=",[]()", exclude_categories=("C", "Z")), max_size=6)


def _mostly(often: tuple[str, ...], *others: str) -> st.SearchStrategy[str]:
    # names that mean something, so that rules and requests meet
    usual = st.sampled_from(often)
    return st.one_of(usual, usual, usual, usual, st.sampled_from([*often, *others]), _words)


rules = st.lists(
    st.tuples(
        _mostly(("police", "*", "r3", "r13"), *WHO, *DEEP),
        _mostly(("d/one", "d/*", "*"), *OBJECTS),
        st.sampled_from([KINDS[0], KINDS[0], KINDS[1], "*"]),
        _mostly(("c", "c/x", "c/x/s", "*"), *REGIONS),
        _mostly(("health", "trace", "*"), *PURPOSES),
        st.sampled_from(["allow", "allow", "allow", "deny", "trial"]),
    ),
    max_size=12,
)
# roles nest; links lead to later names, so that there is no circle
links = st.lists(st.tuples(st.integers(0, len(WHO) - 1), st.integers(0, len(WHO) - 1)), max_size=6)
requests = st.lists(
    st.tuples(
        _mostly(("police", "r0", "a"), *WHO, DEEP[7]),
        _mostly(("d/one", "d/two"), *OBJECTS),
        st.sampled_from([KINDS[0], KINDS[0], *KINDS[:3]]),
        _mostly(REGIONS[:5], *REGIONS, "*", "c/"),
        _mostly(("trace", "trace-late", "health"), *PURPOSES, "*"),
    ),
    min_size=1,
    max_size=8,
)


def _line(grant: Grant, effect: Effect | None = None) -> str:
    cells = (grant.recipient, grant.object, grant.kind, grant.region, grant.purpose)
    return f"p, {grant.id}, {', '.join(cells)}, , {effect or grant.effect}"


@given(rules=rules, links=links, requests=requests)
def test_rulings_agree_with_one_plain_enforcer(
    rules: list[tuple[str, str, str, str, str, str]],
    links: list[tuple[int, int]],
    requests: list[tuple[str, str, DisclosureKind, str, str]],
) -> None:
    grants = [
        Grant(
            f"g-{place}", who, obj, str(kind), region, purpose, TRIAL if effect == "trial" else Terms(),
            Effect.ALLOW if effect == "allow" else Effect.DENY, place,
        )
        for place, (who, obj, kind, region, purpose, effect) in enumerate(rules)
    ]  # fmt: skip
    groups = sorted({(WHO[low], WHO[high]) for low, high in links if low < high} | set(pairwise(DEEP)))
    sharded = Enforcer(MODEL, grants, Roles(RoleLink(a, b, 0) for a, b in groups), TREE, WHY)
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
