"""Grants: the lines of grants.csv, read and checked against everything that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gateway.model.contract import DataContract, DisclosureKind
from gateway.model.terms import Terms
from gateway.policy.documents import Row
from gateway.policy.folder import GRANTS
from gateway.policy.problems import Problems, did_you_mean, shown
from gateway.policy.purposes import PurposeTree
from gateway.policy.regions import RegionTree
from gateway.policy.roles import RoleLink, reachable
from gateway.policy.terms import TermsError, misfits, parse_terms
from gateway.policy.turns import in_turns
from gateway.policy.validation import GATEWAY_ITSELF, is_gateway, is_slug

ANY = "*"
_COLUMNS = ("grant id", "recipient", "dataset/disclosure", "kind", "region", "purpose", "terms", "effect")


class Effect(StrEnum):
    """What a matching grant does. A deny overrides every allow."""

    ALLOW = "allow"
    DENY = "deny"


_EFFECTS = {effect.value: effect for effect in Effect}
_LINK_TERMS = ("from", "until")


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

    @property
    def columns(self) -> tuple[str, str, str, str, str]:
        """What Casbin matches it by: recipient, object, kind, region and purpose."""
        return (self.recipient, self.object, self.kind, self.region, self.purpose)

    @property
    def dataset(self) -> str:
        """The dataset of the object; "*" for all of them."""
        return self.object.partition("/")[0]

    def subtree(self, root: str) -> str:
        """Return the region that it holds in, with all beneath it: the root of all regions for "*"."""
        return root if self.region == ANY else self.region

    def place(self, root: str) -> tuple[str, str]:
        """Return where it reaches: its subtree, and its dataset ("*": all of them)."""
        return self.subtree(root), self.dataset

    def refuses_on(self, today: date) -> bool:
        """Tell whether a deny refuses on a day of the city's calendar: it is not on trial, or its trial is over."""
        return self.terms.trial is None or self.terms.trial < today


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
    reader = _Reader(contracts, regions, purposes)
    for row in rows:
        found: list[_Complaint] = []
        match row.cells[0]:
            case "p":
                grant = reader.known(row) or reader.grant(row, found)
                if not found and grant is not None:
                    known = grants.setdefault(grant.id, grant)
                    if known is not grant:
                        twice = f"the grant '{grant.id}' is there twice (first in line {known.line})"
                        found.append((twice, "Give it another id."))
            case "g":
                link = reader.link(row, found)
                if not found and link is not None:
                    links.append(link)
            case other:
                other_dividers = any(sign in other for sign in "，；;\t")
                remedy = "Divide columns by ','." if other_dividers else "Begin with 'p' (a grant) or 'g' (a role)."
                found.append((f"a line cannot begin with {shown(other)}", remedy))
        for message, remedy in found:
            problems.add(GRANTS, row.line, message, remedy)
    book = GrantBook(tuple(grants.values()), tuple(links))
    _check_roles(book, problems)
    return book


def _check_roles(book: GrantBook, problems: Problems) -> None:
    named = {grant.recipient for grant in book.grants} | {link.member for link in book.links}
    direct: dict[str, dict[str, None]] = {}
    for link in book.links:
        roles = direct.setdefault(link.member, {})
        if link.role in roles:
            problems.add(GRANTS, link.line, f"'{link.member}' is in '{link.role}' twice", "Keep one of the lines.")
        roles[link.role] = None
    above = {role: reachable(role, direct) for role in in_turns({link.role: None for link in book.links})}
    for link in book.links:
        if link.member in above[link.role]:
            problems.add(GRANTS, link.line, f"the role '{link.role}' contains itself", "Break the circle.")
        elif link.role not in named:
            remedy = did_you_mean(link.role, named - {link.member, ANY}, "Grant it something or remove it.")
            problems.add(GRANTS, link.line, f"the role '{link.role}' is granted nothing", remedy)


_Complaint = tuple[str, str]
"""What is wrong, and the remedy."""


class _Column:
    """A column whose values are known beforehand. Equal values become one object."""

    def __init__(self, name: str, known: Iterable[str], otherwise: str = "", *, any_too: bool = True) -> None:
        self._name, self._values, self._otherwise = name, tuple(known), otherwise
        self.known = {value: value for value in self._values} | ({ANY: ANY} if any_too else {})

    def read(self, value: str, found: list[_Complaint]) -> str:
        known = self.known.get(value)
        if known is None:
            remedy = did_you_mean(value, self._values, self._otherwise)
            found.append((f"{shown(value)} is not a known {self._name}", remedy))
            return value
        return known


class _Reader:
    """Turns lines into grants and role links. What was checked once is not checked again."""

    def __init__(self, contracts: Mapping[str, DataContract], regions: RegionTree, purposes: PurposeTree) -> None:
        self._contracts, self._top = contracts, regions.root.path
        self._effects = _Column("effect", [effect.value for effect in Effect], any_too=False)
        self._kinds = _Column("kind", [kind.value for kind in DisclosureKind])
        self._regions = _Column("region", regions.paths(), "Regions are paths, such as city/district.")
        self._purposes = _Column("purpose", purposes.ids(), "See purposes.yaml.")
        self._recipients = {ANY: ANY}
        self._everywhere = (ANY, self._top)
        self._sound: dict[tuple[str, str, bool, str], tuple[str, str]] = {}
        self._terms: dict[tuple[str, str, str], Terms] = {}

    def known(self, row: Row) -> Grant | None:
        """Return the grant if every part of the line, but its id, was found sound before. None tells nothing."""
        if len(row.cells) != len(_COLUMNS) + 1:
            return None
        _, id_, recipient, object_, kind, region, purpose, terms, effect = row.cells
        named = self._recipients.get(recipient)
        where = self._regions.known.get(region)
        why = self._purposes.known.get(purpose)
        what = self._sound.get((object_, kind, region in self._everywhere, effect))
        read = self._terms.get((terms, kind, effect))
        if named is None or where is None or why is None or what is None or read is None:
            return None
        if effect == Effect.ALLOW and ANY in (named, why):
            return None
        if not is_slug(id_):
            return None
        return Grant(id_, named, what[0], what[1], where, why, read, _EFFECTS[effect], row.line)

    def grant(self, row: Row, found: list[_Complaint]) -> Grant | None:
        """Return the grant, or note what is wrong with the line."""
        if len(row.cells) != len(_COLUMNS) + 1:
            found.append(
                (
                    f"a grant has {len(_COLUMNS) + 1} columns, this line {len(row.cells)}",
                    f"Write: p, {', '.join(_COLUMNS)}.",
                )
            )
            return None
        _, id_, recipient, object_, kind, region, purpose, terms, effect = row.cells
        effect = self._effects.read(effect, found)
        _slug("grant id", id_, found)
        recipient = self._recipient("recipient", recipient, found)
        region = self._regions.read(region, found)
        purpose = self._purposes.read(purpose, found)
        kind = self._kinds.read(kind, found)
        if self._object(object_, found) and not found:
            # an allow for a part of the city needs rows that tell where they are
            in_part = effect == Effect.ALLOW and region not in self._everywhere
            found += _inert(object_, kind, in_part, self._contracts, self._top)
            if not found:
                self._sound[object_, kind, region in self._everywhere, effect] = (object_, kind)
        if effect == Effect.ALLOW:
            if recipient == ANY:
                found.append(("an allow for every recipient is too broad", "Name an institution or a role."))
            if purpose == ANY:
                found.append(("an allow for every purpose is too broad", "Name a purpose."))
        read = self._read_terms(terms, kind, effect, found)
        if found or read is None:
            return None
        return Grant(id_, recipient, object_, kind, region, purpose, read, _EFFECTS[effect], row.line)

    def link(self, row: Row, found: list[_Complaint]) -> RoleLink | None:
        """Return the role link, or note what is wrong with the line."""
        if len(row.cells) not in (3, 4):
            found.append(("a role line has 3 columns, or 4 with terms", "Write: g, institution, role, terms."))
            return None
        _, member, role, *terms = row.cells
        _institution("institution", member, found)
        _institution("role", role, found)
        days = _days(terms[0] if terms else "", found)
        return None if found else RoleLink(member, role, row.line, days.get("from"), days.get("until"))

    def _recipient(self, column: str, value: str, found: list[_Complaint]) -> str:
        known = self._recipients.get(value)
        if known is not None:
            return known
        if _institution(column, value, found):
            self._recipients[value] = value
        return value

    def _object(self, object_: str, found: list[_Complaint]) -> bool:
        if object_ == ANY:
            return True
        dataset, slash, disclosure = object_.partition("/")
        contract = self._contracts.get(dataset)
        if not slash:
            found.append((f"{shown(object_)} is not dataset/disclosure", f"Did you mean '{dataset}/*'?"))
        elif contract is None:
            remedy = did_you_mean(dataset, self._contracts, "Name one that has a contract.")
            found.append((f"there is no dataset {shown(dataset)}", remedy))
        elif disclosure != ANY and disclosure not in contract.disclosures:
            remedy = did_you_mean(disclosure, contract.disclosures, "See its contract.")
            found.append((f"the dataset '{dataset}' has no disclosure {shown(disclosure)}", remedy))
        else:
            return True
        return False

    def _read_terms(self, text: str, kind: str, effect: str, found: list[_Complaint]) -> Terms | None:
        known = self._terms.get((text, kind, effect))
        if known is not None:
            return known
        try:
            terms = parse_terms(text)
        except TermsError as error:
            found.append((str(error), error.remedy))
            return None
        # what is neither allow nor deny is told already
        unfit = list(misfits(terms, kind, allow=effect == Effect.ALLOW)) if effect in _EFFECTS else []
        if unfit:
            found += unfit
        else:
            self._terms[text, kind, effect] = terms
        return terms


def _slug(column: str, value: str, found: list[_Complaint]) -> bool:
    if is_slug(value):
        return True
    found.append((f"{shown(value)} is not a well-formed {column}", "Use a-z, 0-9 and single '-' between them."))
    return False


def _institution(column: str, value: str, found: list[_Complaint]) -> bool:
    if is_gateway(value):
        found.append(GATEWAY_ITSELF)
        return False
    return _slug(column, value, found)


def _inert(
    object_: str, kind: str, in_part: bool, contracts: Mapping[str, DataContract], top: str
) -> Iterator[_Complaint]:
    """Yield why a rule could have no effect, from the contract of its dataset."""
    if object_ == ANY:
        return
    dataset, _, disclosure = object_.partition("/")
    contract = contracts[dataset]
    kinds = {spec.kind.value for name, spec in contract.disclosures.items() if disclosure in (name, ANY)}
    if kind != ANY and kind not in kinds:
        yield f"'{object_}' has no disclosure of kind '{kind}'", f"Write {' or '.join(sorted(kinds))}." if kinds else ""
    if in_part and contract.region_field is None:
        yield (
            f"the dataset '{dataset}' has no region_field, so that this grant covers nothing",
            f"Write '{top}', or give the contract a region_field.",
        )


def _days(text: str, found: list[_Complaint]) -> dict[str, date | None]:
    """Read the terms of a role link: its first and its last day."""
    days: dict[str, date | None] = {}
    for part in text.split(";") if text else ():
        key = part.partition("=")[0].strip()
        try:
            if key in days:
                raise TermsError(f"the term '{key}' is given twice", "Keep one of them.")
            term = parse_terms(part)
            if key not in _LINK_TERMS:
                raise TermsError(
                    f"{shown(key)} means nothing for a membership", "A role line has 'from' and 'until' alone."
                )
        except TermsError as error:
            found.append((str(error), error.remedy))
            return {}
        days[key] = term.valid_from if key == "from" else term.valid_until
    first, last = days.get("from"), days.get("until")
    if first is not None and last is not None and last < first:
        found.append(("the membership ends before it begins", "Swap 'from' and 'until'."))
    return days
