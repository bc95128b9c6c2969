"""The purpose tree: why data may be processed at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated

from pydantic import Field

from gateway.model.pseudonym import AUDIT_DOMAIN
from gateway.model.purpose import FurtherUse, LegalBasis, Purpose
from gateway.policy import dpv
from gateway.policy.documents import Document
from gateway.policy.problems import Problems, did_you_mean, shown
from gateway.policy.validation import Names, Shape, Slug, Text, shaped


class PurposeTree:
    """Purposes by id, in the order of the document, parents first. Immutable."""

    __slots__ = ("_ancestors", "_children", "_purposes")

    def __init__(self, purposes: Iterable[Purpose]) -> None:
        """Take purposes whose parents precede them."""
        self._purposes = {purpose.id: purpose for purpose in purposes}
        self._ancestors: dict[str, tuple[str, ...]] = {}
        self._children: dict[str, list[Purpose]] = {id_: [] for id_ in self._purposes}
        for purpose in self._purposes.values():
            if purpose.parent is None:
                self._ancestors[purpose.id] = ()
            else:
                self._ancestors[purpose.id] = (purpose.parent, *self._ancestors[purpose.parent])
                self._children[purpose.parent].append(purpose)

    def get(self, purpose: str) -> Purpose | None:
        """Return the purpose of this id, or None."""
        return self._purposes.get(purpose)

    def is_within(self, purpose: str, ancestor: str) -> bool:
        """Tell whether a known purpose is `ancestor` or more specific than it."""
        above = self._ancestors.get(purpose)
        return above is not None and (purpose == ancestor or ancestor in above)

    def ancestors(self, purpose: str) -> tuple[str, ...]:
        """Return the ids above a purpose, nearest first."""
        return self._ancestors.get(purpose, ())

    def compatible(self, purpose: str, collected_for: Iterable[str]) -> bool:
        """Tell whether a purpose may use data that was collected for others.

        It may if it is one of them or more specific, or if it, or a purpose above it, is declared compatible with one
        of them or with a purpose above that.
        """
        declared = [
            use.purpose
            for one in (purpose, *self.ancestors(purpose))
            if (found := self._purposes.get(one)) is not None
            for use in found.further_uses
        ]
        return any(
            self.is_within(purpose, collected) or any(self.is_within(collected, other) for other in declared)
            for collected in collected_for
        )

    def descendants(self, purpose: str) -> tuple[Purpose, ...]:
        """Return the purpose and all that are more specific, parents first; none for an unknown id."""
        found = self._purposes.get(purpose)
        if found is None:
            return ()
        return (found, *(below for child in self._children[purpose] for below in self.descendants(child.id)))

    def ids(self) -> tuple[str, ...]:
        """Return every id, parents first."""
        return tuple(self._purposes)


class LegalBasisShape(Shape):
    """What makes the processing lawful."""

    dpv: Annotated[str, Field(description="W3C DPV identifier, such as dpv:PublicInterest")]
    citation: Text


class FurtherUseShape(Shape):
    """Another purpose whose data this one may use, and why that is compatible with what it was collected for."""

    purpose: Slug
    why: Text


class PurposeShape(Shape):
    """One purpose as it is written."""

    id: Slug
    name: Names
    dpv: Annotated[str, Field(description="W3C DPV identifier, such as dpv:ProvideOfficialStatistics")]
    legal_basis: LegalBasisShape
    owner: Slug
    review_on: date
    emergency: bool = False
    expires_on: Annotated[date | None, Field(description="the last day; compulsory for emergencies")] = None
    compatible_with: Annotated[
        list[FurtherUseShape], Field(description="other purposes whose data this one may use, each with the reason")
    ] = Field(default_factory=list)
    children: list[PurposeShape] = Field(default_factory=list)


class PurposesShape(Shape):
    """purposes.yaml."""

    purposes: Annotated[list[PurposeShape], Field(min_length=1)]


def read_purposes(document: Document, problems: Problems) -> PurposeTree | None:
    """Return the tree, or None after noting what is wrong with it.

    A purpose ends no later than the one above it: without an `expires_on` of its own it has its parent's.
    """
    shape = shaped(PurposesShape, document, problems)
    if shape is None:
        return None
    before = len(problems)
    purposes: dict[str, Purpose] = {}
    uses: list[tuple[str, str, int]] = []

    def visit(purpose: PurposeShape, parent: Purpose | None, place: tuple[str | int, ...]) -> None:
        def wrong(key: str, message: str, remedy: str = "") -> None:
            problems.add(document.file, document.line(*place, key), message, remedy)

        if purpose.id in purposes:
            wrong("id", f"the purpose '{purpose.id}' is there twice", "Ids are unique over the whole tree.")
            return
        if purpose.id == AUDIT_DOMAIN.purpose:
            wrong("id", f"the id '{purpose.id}' is that of the gateway's own records", "Choose another id.")
        _check_purpose(purpose.dpv, lambda message, remedy: wrong("dpv", message, remedy))
        basis = purpose.legal_basis
        _check_basis(basis.dpv, lambda message, remedy: wrong("legal_basis", message, remedy))
        if purpose.emergency and purpose.expires_on is None:
            wrong("emergency", "an emergency has no end", "Add 'expires_on: YYYY-MM-DD'.")
        end = purpose.expires_on
        if parent is not None and parent.expires_on is not None:
            if end is None:
                end = parent.expires_on
            elif end > parent.expires_on:
                wrong("expires_on", f"this outlives the purpose '{parent.id}' above it", "End it no later.")
        own = Purpose(
            id=purpose.id,
            parent=None if parent is None else parent.id,
            name_en=purpose.name.en,
            name_zh=purpose.name.zh,
            dpv=purpose.dpv,
            legal_basis=LegalBasis(basis.dpv, basis.citation),
            owner=purpose.owner,
            review_on=purpose.review_on,
            emergency=purpose.emergency,
            expires_on=end,
            further_uses=tuple(FurtherUse(use.purpose, use.why) for use in purpose.compatible_with),
        )
        purposes[own.id] = own
        named: set[str] = set()
        for index, use in enumerate(purpose.compatible_with):
            line = document.line(*place, "compatible_with", index)
            if use.purpose in named:
                problems.add(document.file, line, f"{shown(use.purpose)} is given twice", "Keep one of them.")
            named.add(use.purpose)
            uses.append((use.purpose, own.id, line))
        for index, child in enumerate(purpose.children):
            visit(child, own, (*place, "children", index))

    for index, top in enumerate(shape.purposes):
        visit(top, None, ("purposes", index))
    for other, own_id, line in uses:
        if other not in purposes:
            remedy = did_you_mean(other, purposes, "Name a purpose of this file.")
            problems.add(document.file, line, f"{shown(other)} is not a known purpose", remedy)
        elif other == own_id:
            problems.add(document.file, line, "a purpose is compatible with itself anyway", "Remove the entry.")
    return PurposeTree(purposes.values()) if len(problems) == before else None


Wrong = Callable[[str, str], None]


def _check_purpose(identifier: str, wrong: Wrong) -> None:
    if _is_basis(identifier):
        wrong(
            f"{shown(identifier)} is a legal basis, and no purpose",
            "Say what is done; 'legal_basis' says by what right.",
        )
    elif not _is_purpose(identifier):
        wrong(f"{shown(identifier)} is not a purpose of the Data Privacy Vocabulary", _near(identifier, dpv.PURPOSES))


def _check_basis(identifier: str, wrong: Wrong) -> None:
    if _is_purpose(identifier):
        wrong(f"{shown(identifier)} is a purpose, and no legal basis", "Say by what right; 'dpv' says what is done.")
    elif not _is_basis(identifier):
        wrong(
            f"{shown(identifier)} is not a legal basis of the Data Privacy Vocabulary",
            _near(identifier, dpv.LEGAL_BASES),
        )


def _is_purpose(identifier: str) -> bool:
    return identifier.startswith(dpv.PREFIX) and identifier.removeprefix(dpv.PREFIX) in dpv.PURPOSES


def _is_basis(identifier: str) -> bool:
    return identifier.startswith(dpv.PREFIX) and identifier.removeprefix(dpv.PREFIX) in dpv.LEGAL_BASES


def _near(identifier: str, known: Iterable[str]) -> str:
    return did_you_mean(identifier, (dpv.PREFIX + term for term in known), "See https://w3id.org/dpv for the terms.")
