"""budgets.yaml, read and held against the rest of the policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from types import MappingProxyType

from gateway.model.budget import Cap
from gateway.model.contest import Contest
from gateway.model.contract import DataContract, DisclosureKind
from gateway.model.loss import epsilon_to_rho
from gateway.model.statistics import Statistic, StatisticKind
from gateway.policy.budget_shapes import DEFAULT, AnyCap, BudgetsShape, CapShape, ContestShape, ProjectShape
from gateway.policy.budgets import BudgetPolicy, Project
from gateway.policy.documents import Document
from gateway.policy.problems import Problems, did_you_mean, shown
from gateway.policy.purposes import PurposeTree
from gateway.policy.regions import RegionTree
from gateway.policy.validation import shaped

_LASTING = {
    "lifetime": (
        "the lifetime cap of '{}' cannot begin anew: it is all that may ever be told",
        "Remove 'per'.",
    ),
    "datasets": (
        "the cap of the dataset '{}' cannot begin anew: what was told of its rows stays told",
        "Remove 'per'. Data that hold only a new period are a dataset of their own, with a contract and a cap.",
    ),
    "purposes": (
        "the pool of the purpose '{}' cannot begin anew",
        "Remove 'per', or write a project for this purpose whose pool does.",
    ),
}
"""Caps that no period refreshes: what is said of them, and the remedy."""


def read_budgets(
    document: Document,
    contracts: Mapping[str, DataContract],
    purposes: PurposeTree,
    regions: RegionTree,
    institutions: Iterable[str] | None,
    problems: Problems,
) -> BudgetPolicy | None:
    """Return the caps, or None after noting what is wrong with them.

    `institutions` are those with a grant, or None if it is not known who has one: then nobody is told to have none.
    """
    shape = shaped(BudgetsShape, document, problems)
    if shape is None:
        return None
    before = len(problems)
    known = _Names(document, problems)
    known.check(("datasets",), shape.datasets, contracts, "dataset")
    known.check(("purposes",), shape.purposes, purposes.ids(), "purpose")
    named = None if institutions is None else set(institutions)
    for name, project in shape.projects.items():
        _check_project(name, project, contracts, purposes, named, known)
        if project.contest is not None:
            _check_contest(name, project, project.contest, contracts, regions, known)
    if named is not None:
        known.check(("recipients",), shape.recipients, named | {DEFAULT}, "institution with a grant")
        for name in shape.persons:
            if name != DEFAULT and name.partition("/")[0] not in named:
                remedy = did_you_mean(name.partition("/")[0], named, "Remove it, or grant the institution something.")
                line = document.line("persons", name)
                problems.add(document.file, line, f"'{name}' is of an institution without a grant", remedy)
    for part, given in (("recipients", shape.recipients), ("persons", shape.persons)):
        if DEFAULT not in given:
            problems.add(document.file, document.line(part), f"'{part}' has no default", "Add 'default: …'.")
    lasting = {"lifetime": shape.lifetime, "datasets": shape.datasets, "purposes": shape.purposes}
    for part, caps in lasting.items():
        for name, cap in caps.items():
            if isinstance(cap, CapShape) and cap.per is not None:
                message, remedy = _LASTING[part]
                problems.add(document.file, document.line(part, name, "per"), message.format(name), remedy)
    for contract in contracts.values():
        releases = any(spec.kind is DisclosureKind.RELEASE for spec in contract.disclosures.values())
        kind = contract.privacy_unit.kind
        if releases and kind not in shape.lifetime:
            problems.add(
                document.file, document.line("lifetime"),
                f"the dataset '{contract.dataset}' releases statistics about each {kind}, which has no lifetime cap",
                f"Add '{kind}: …'.",
            )  # fmt: skip
    return _policy(shape, purposes) if len(problems) == before else None


class _Names:
    """Tells of names that there are not."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self.document, self.problems = document, problems

    def check(self, place: tuple[str, ...], names: Iterable[str], choices: Iterable[str], what: str) -> None:
        """Tell of each key under `place`, or of each item of the list there, that is no choice."""
        options = set(choices)
        for number, name in enumerate(names):
            if name not in options:
                line = self.document.line(*place, number if isinstance(names, list) else name)
                remedy = did_you_mean(name, options, "Remove it.")
                self.problems.add(self.document.file, line, f"there is no {what} '{name}'", remedy)


def _check_project(
    name: str,
    project: ProjectShape,
    contracts: Mapping[str, DataContract],
    purposes: PurposeTree,
    institutions: set[str] | None,
    known: _Names,
) -> None:
    place = ("projects", name)
    document, problems = known.document, known.problems
    if purposes.get(project.purpose) is None:
        remedy = did_you_mean(project.purpose, purposes.ids(), "Declare it in purposes.yaml.")
        line = document.line(*place, "purpose")
        problems.add(document.file, line, f"there is no purpose '{project.purpose}'", remedy)
    known.check((*place, "datasets"), project.datasets or [], contracts, "dataset")
    if institutions is not None:
        known.check((*place, "members"), project.members, institutions | {DEFAULT}, "institution with a grant")
    if project.opens_on is not None and project.closes_on < project.opens_on:
        line = document.line(*place, "closes_on")
        problems.add(document.file, line, f"the project '{name}' closes before it opens", "Close it later.")


def _check_contest(
    name: str,
    project: ProjectShape,
    contest: ContestShape,
    contracts: Mapping[str, DataContract],
    regions: RegionTree,
    known: _Names,
) -> None:
    def wrong(key: str, message: str, remedy: str) -> None:
        line = known.document.line("projects", name, "contest", key)
        known.problems.add(known.document.file, line, message, remedy)

    contract = contracts.get(contest.dataset)
    if contract is None:
        remedy = did_you_mean(contest.dataset, contracts, "Name one.")
        wrong("dataset", f"there is no dataset '{contest.dataset}'", remedy)
    elif project.datasets is not None and contest.dataset not in project.datasets:
        wrong("dataset", f"'{contest.dataset}' is no dataset of the project", "Add it to 'datasets', or name another.")
    else:
        releases = [one.name for one in contract.disclosures.values() if one.kind is DisclosureKind.RELEASE]
        if contest.disclosure not in releases:
            remedy = did_you_mean(contest.disclosure, releases, "Name one of its disclosures of kind release.")
            wrong("disclosure", f"'{contest.disclosure}' is no release of '{contest.dataset}'", remedy)
    if contest.region is not None and not regions.contains(contest.region):
        remedy = did_you_mean(contest.region, regions.paths(), "Name a region of regions.yaml.")
        wrong("region", f"there is no region {shown(contest.region)}", remedy)
    if DEFAULT not in project.members and contest.organiser not in project.members:
        wrong("organiser", f"'{contest.organiser}' is no member of the project", "Make it one: it is charged as one.")


def _policy(shape: BudgetsShape, purposes: PurposeTree) -> BudgetPolicy:
    def cap(written: AnyCap) -> Cap:
        epsilon, delta, per = (
            (written.epsilon, written.delta, written.per) if isinstance(written, CapShape) else (written, None, None)
        )
        allowed = shape.threshold_delta if delta is None else delta
        return Cap(epsilon_to_rho(epsilon, shape.delta), _decimal(allowed), per)

    def caps(written: Mapping[str, AnyCap]) -> Mapping[str, Cap]:
        return MappingProxyType({name: cap(one) for name, one in written.items()})

    projects = {
        name: Project(
            name=name,
            purpose=project.purpose,
            datasets=None if project.datasets is None else frozenset(project.datasets),
            pool=cap(project.pool),
            members=caps(project.members),
            opens_on=project.opens_on,
            closes_on=project.closes_on,
            contest=None if project.contest is None else _contest(project.contest),
        )
        for name, project in shape.projects.items()
    }
    return BudgetPolicy(
        delta=shape.delta,
        lifetime=caps(shape.lifetime),
        datasets=caps(shape.datasets),
        purposes=caps(shape.purposes),
        projects=MappingProxyType(projects),
        recipients=caps(shape.recipients),
        persons=caps(shape.persons),
        purpose_tree=purposes,
    )


def _contest(written: ContestShape) -> Contest:
    kind, _, field = written.statistic.removesuffix(")").partition("(")
    return Contest(
        organiser=written.organiser,
        dataset=written.dataset,
        disclosure=written.disclosure,
        group_by=tuple(written.group_by),
        statistic=Statistic(StatisticKind(kind), field or None),
        epsilon=_decimal(written.epsilon),
        score_step=_decimal(written.score_step),
        entries_per_day=written.entries_per_day,
        region=written.region or "",
    )


def _decimal(written: float) -> Fraction:
    """Return the number that is written, and not the double next to it."""
    return Fraction(repr(written))
