"""Grants: the lines of grants.csv, read and checked against everything that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.model.contract import DataContract, DisclosureKind
from gateway.policy.documents import Row
from gateway.policy.folder import GRANTS
from gateway.policy.problems import Problems, did_you_mean, shown
from gateway.policy.purposes import PurposeTree
from gateway.policy.regions import RegionTree
from gateway.policy.terms import Terms, TermsError, parse_terms

ANY = "*"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COLUMNS = ("grant id", "recipient", "dataset/disclosure", "kind", "region", "purpose", "terms", "effect")


class Effect(StrEnum):
    """What a matching grant does. A deny overrides every allow."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Grant:
    """One `p` line. `kind` is a DisclosureKind's value; it, recipient, object, region and purpose may be "*"."""

    id: str
    recipient: str
    object: str
    kind: str
    region: str
    purpose: str
    terms: Terms
    effect: Effect
    line: int


@dataclass(frozen=True, slots=True)
class RoleLink:
    """One `g` line: `member` has everything that `role` is granted."""

    member: str
    role: str
    line: int


class Roles:
    """Who is in which role, through any number of roles in between. Immutable once made, so threads may share it."""

    __slots__ = ("_closure",)

    def __init__(self, links: Iterable[RoleLink]) -> None:
        """Take links; a cycle makes its members equal, and is refused where policies are read."""
        direct: dict[str, list[str]] = {}
        for link in links:
            direct.setdefault(link.member, []).append(link.role)
        self._closure = {member: _reach(member, direct) for member in direct}

    @property
    def names(self) -> frozenset[str]:
        """Every role that somebody is in."""
        return frozenset(role for member, reached in self._closure.items() for role in reached - {member})

    def of(self, recipient: str) -> frozenset[str]:
        """Return the recipient itself and every role that it has."""
        return self._closure.get(recipient) or frozenset((recipient,))

    def has_link(self, recipient: str, role: str) -> bool:
        """Tell whether the recipient is the role or has it: Casbin's `g`."""
        return recipient == role or role in self._closure.get(recipient, ())


def _reach(start: str, direct: Mapping[str, list[str]]) -> frozenset[str]:
    reached = {start}
    waiting = [start]
    while waiting:
        for role in direct.get(waiting.pop(), ()):
            if role not in reached:
                reached.add(role)
                waiting.append(role)
    return frozenset(reached)


@dataclass(frozen=True, slots=True)
class GrantBook:
    """All of grants.csv, in the order of the file."""

    grants: tuple[Grant, ...]
    links: tuple[RoleLink, ...]

    def institutions(self) -> frozenset[str]:
        """Everybody who is named as a recipient or as the member of a role."""
        named = {grant.recipient for grant in self.grants} | {link.member for link in self.links}
        return frozenset(named - {ANY})


def read_grants(
    rows: Iterable[Row],
    contracts: Mapping[str, DataContract],
    regions: RegionTree,
    purposes: PurposeTree,
    problems: Problems,
) -> GrantBook:
    """Return the grants, after noting every line that says something unknown, inert or over-broad."""
    grants: dict[str, Grant] = {}
    links: list[RoleLink] = []
    for row in rows:
        reader = _Line(row, contracts, regions, purposes, problems)
        match row.cells[0]:
            case "p":
                grant = reader.grant()
                if grant is not None and grant.id in grants:
                    first = grants[grant.id].line
                    reader.wrong(
                        f"the grant '{grant.id}' is there twice (first in line {first})", "Give it another id."
                    )
                elif grant is not None:
                    grants[grant.id] = grant
            case "g":
                link = reader.link()
                if link is not None:
                    links.append(link)
            case other:
                reader.wrong(f"a line cannot begin with {shown(other)}", "Begin with 'p' (a grant) or 'g' (a role).")
    book = GrantBook(tuple(grants.values()), tuple(links))
    _check_roles(book, problems)
    return book


def _check_roles(book: GrantBook, problems: Problems) -> None:
    named = {grant.recipient for grant in book.grants} | {link.member for link in book.links}
    direct: dict[str, list[str]] = {}
    for link in book.links:
        if link.role in direct.get(link.member, ()):
            problems.add(GRANTS, link.line, f"'{link.member}' is in '{link.role}' twice", "Keep one of the lines.")
        direct.setdefault(link.member, []).append(link.role)
    for link in book.links:
        if link.member in _reach(link.role, direct):
            problems.add(GRANTS, link.line, f"the role '{link.role}' contains itself", "Break the circle.")
        elif link.role not in named:
            remedy = did_you_mean(link.role, named - {link.member, ANY}, "Grant it something or remove it.")
            problems.add(GRANTS, link.line, f"the role '{link.role}' is granted nothing", remedy)


class _Line:
    """One line on its way to a grant or a role link."""

    def __init__(
        self,
        row: Row,
        contracts: Mapping[str, DataContract],
        regions: RegionTree,
        purposes: PurposeTree,
        problems: Problems,
    ) -> None:
        self._row, self._contracts, self._regions, self._purposes = row, contracts, regions, purposes
        self._problems = problems
        self._sound = True

    def wrong(self, message: str, remedy: str = "") -> None:
        self._sound = False
        self._problems.add(GRANTS, self._row.line, message, remedy)

    def link(self) -> RoleLink | None:
        if len(self._row.cells) != 3:
            self.wrong("a role line has 3 columns", "Write: g, institution, role.")
            return None
        _, member, role = self._row.cells
        self._slug("institution", member)
        self._slug("role", role)
        return RoleLink(member, role, self._row.line) if self._sound else None

    def grant(self) -> Grant | None:
        if len(self._row.cells) != len(_COLUMNS) + 1:
            self.wrong(
                f"a grant has {len(_COLUMNS) + 1} columns, this line {len(self._row.cells)}",
                f"Write: p, {', '.join(_COLUMNS)}.",
            )
            return None
        _, grant, recipient, object_, kind, region, purpose, terms, effect = self._row.cells
        self._known("effect", effect, list(Effect))
        self._slug("grant id", grant)
        if recipient != ANY:
            self._slug("recipient", recipient)
        if region != ANY:
            self._known("region", region, self._regions.paths(), "Regions are paths, such as city/district.")
        if purpose != ANY:
            self._known("purpose", purpose, self._purposes.ids(), "See purposes.yaml.")
        if kind != ANY:
            self._known("kind", kind, list(DisclosureKind))
        if self._object(object_) and self._sound:
            self._reaches(object_, kind, region, effect)
        if effect == Effect.ALLOW:
            self._not_over_broad(recipient, purpose)
        parsed = self._terms(terms, kind, effect)
        if not self._sound:
            return None
        return Grant(grant, recipient, object_, kind, region, purpose, parsed, Effect(effect), self._row.line)

    def _slug(self, column: str, value: str) -> None:
        if not _SLUG.fullmatch(value) or len(value) > 64:
            self.wrong(f"{shown(value)} is not a well-formed {column}", "Use a-z, 0-9 and single '-' between them.")

    def _known(self, column: str, value: str, known: Iterable[str], otherwise: str = "") -> None:
        choices = list(known)
        if value not in choices:
            self.wrong(f"{shown(value)} is not a known {column}", did_you_mean(value, choices, otherwise))

    def _object(self, object_: str) -> bool:
        if object_ == ANY:
            return True
        dataset, slash, disclosure = object_.partition("/")
        if not slash:
            self.wrong(f"{shown(object_)} is not dataset/disclosure", f"Did you mean '{dataset}/*'?")
            return False
        contract = self._contracts.get(dataset)
        if contract is None:
            remedy = did_you_mean(dataset, self._contracts, "There is no contract for it.")
            self.wrong(f"there is no dataset {shown(dataset)}", remedy)
            return False
        if disclosure != ANY and disclosure not in contract.disclosures:
            remedy = did_you_mean(disclosure, contract.disclosures, "See its contract.")
            self.wrong(f"the dataset '{dataset}' has no disclosure {shown(disclosure)}", remedy)
            return False
        return True

    def _reaches(self, object_: str, kind: str, region: str, effect: str) -> None:
        if object_ == ANY:
            return
        dataset, _, disclosure = object_.partition("/")
        contract = self._contracts[dataset]
        specs = [spec for name, spec in contract.disclosures.items() if disclosure in (name, ANY)]
        if kind != ANY and all(spec.kind != kind for spec in specs):
            kinds = sorted({spec.kind.value for spec in specs})
            said = f"Write {' or '.join(kinds)}." if kinds else ""
            self.wrong(f"'{object_}' has no disclosure of kind '{kind}'", said)
        if effect == Effect.ALLOW and contract.region_field is None and region not in (ANY, self._regions.root.path):
            self.wrong(
                f"the dataset '{dataset}' has no region_field, so that this grant covers nothing",
                f"Write '{self._regions.root.path}', or give the contract a region_field.",
            )

    def _not_over_broad(self, recipient: str, purpose: str) -> None:
        if recipient == ANY:
            self.wrong("an allow for every recipient is too broad", "Name an institution or a role.")
        if purpose == ANY:
            self.wrong("an allow for every purpose is too broad", "Name a purpose.")

    def _terms(self, text: str, kind: str, effect: str) -> Terms:
        try:
            terms = parse_terms(text)
        except TermsError as error:
            self.wrong(str(error), error.remedy)
            return Terms()
        if effect == Effect.DENY and terms != Terms():
            self.wrong("a deny has no terms: it always holds", "Remove them.")
        if terms.max_rows is not None and kind in (DisclosureKind.CHECK, DisclosureKind.RELEASE):
            self.wrong(f"'max_rows' means nothing for the kind '{kind}'", "Remove it.")
        if terms.max_keys is not None and kind in (DisclosureKind.EXTRACT, DisclosureKind.RELEASE):
            self.wrong(f"'max_keys' means nothing for the kind '{kind}'", "Remove it.")
        return terms
