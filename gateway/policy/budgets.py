"""Budgets: how much privacy loss each account may bear, read as epsilon and kept as exact rho."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from gateway.model.budget import Account
from gateway.model.contract import DataContract, DisclosureKind
from gateway.model.loss import epsilon_to_rho
from gateway.model.party import record_name
from gateway.policy.documents import Document
from gateway.policy.problems import Problems, did_you_mean
from gateway.policy.purposes import PurposeTree
from gateway.policy.validation import DatasetName, Shape, Slug, formed, shaped

DEFAULT = "default"

Epsilon = Annotated[float, Field(gt=0, le=1000)]
PersonName = Annotated[
    str, formed(r"^(default|[a-z0-9-]+/\S+)$", "Write institution/person, such as audit-office/li.wei.", 200)
]


class BudgetsShape(Shape):
    """budgets.yaml. Caps are epsilons at `delta`."""

    delta: Annotated[float, Field(gt=0, lt=0.01)]
    lifetime: Annotated[dict[Slug, Epsilon], Field(description="by kind of privacy unit, over all datasets")]
    datasets: dict[DatasetName, Epsilon] = Field(default_factory=dict)
    purposes: dict[Slug, Epsilon] = Field(default_factory=dict)
    recipients: Annotated[dict[Slug, Epsilon], Field(description="'default', and institutions with a cap of their own")]
    persons: Annotated[dict[PersonName, Epsilon], Field(description="'default', and institution/person")]


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """The caps, in rho. `delta` is for showing losses as epsilon."""

    delta: float
    lifetime: Mapping[str, Fraction]
    datasets: Mapping[str, Fraction]
    purposes: Mapping[str, Fraction]
    recipients: Mapping[str, Fraction]
    persons: Mapping[str, Fraction]
    purpose_tree: PurposeTree

    def accounts(self, contract: DataContract, institution: str, person: str, purpose: str) -> tuple[Account, ...]:
        """Return every account that a release is charged to: lifetime, dataset, purpose, recipient, person.

        Datasets and purposes without a cap have no account. A purpose answers to the caps of all purposes above it
        as well, its own first: a more specific purpose must not escape the cap of the general one. A kind of privacy
        unit without a lifetime cap can bear nothing; a loaded policy has one wherever statistics are disclosed.
        """
        kind = contract.privacy_unit.kind
        most = self.lifetime.get(kind, Fraction(0))
        accounts = [Account(f"lifetime/{kind}", f"every {kind}, over all datasets, for ever", most)]
        if contract.dataset in self.datasets:
            accounts.append(
                Account(
                    f"dataset/{contract.dataset}", f"the dataset {contract.dataset}", self.datasets[contract.dataset]
                )
            )
        for id_ in (purpose, *self.purpose_tree.ancestors(purpose)):
            if id_ in self.purposes:
                accounts.append(Account(f"purpose/{id_}", f"the purpose {id_}", self.purposes[id_]))
        recipient_cap = self.recipients.get(institution, self.recipients[DEFAULT])
        accounts.append(Account(f"recipient/{institution}", f"the institution {institution}", recipient_cap))
        name = record_name(institution, person)
        person_cap = self.persons.get(name, self.persons[DEFAULT])
        accounts.append(Account(f"person/{name}", f"the person {person} of {institution}", person_cap))
        return tuple(accounts)


def read_budgets(
    document: Document,
    contracts: Mapping[str, DataContract],
    purposes: PurposeTree,
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

    def known(part: str, names: Iterable[str], choices: Iterable[str], what: str) -> None:
        options = set(choices)
        for name in names:
            if name not in options:
                line = document.line(part, name)
                remedy = did_you_mean(name, options, "Remove it.")
                problems.add(document.file, line, f"there is no {what} '{name}'", remedy)

    known("datasets", shape.datasets, contracts, "dataset")
    known("purposes", shape.purposes, purposes.ids(), "purpose")
    if institutions is not None:
        named = set(institutions)
        known("recipients", shape.recipients, named | {DEFAULT}, "institution with a grant")
        for name in shape.persons:
            if name != DEFAULT and name.partition("/")[0] not in named:
                remedy = did_you_mean(name.partition("/")[0], named, "Remove it, or grant the institution something.")
                line = document.line("persons", name)
                problems.add(document.file, line, f"'{name}' is of an institution without a grant", remedy)
    for part, given in (("recipients", shape.recipients), ("persons", shape.persons)):
        if DEFAULT not in given:
            problems.add(document.file, document.line(part), f"'{part}' has no default", "Add 'default: …'.")
    for contract in contracts.values():
        releases = any(spec.kind is DisclosureKind.RELEASE for spec in contract.disclosures.values())
        kind = contract.privacy_unit.kind
        if releases and kind not in shape.lifetime:
            problems.add(
                document.file, document.line("lifetime"),
                f"the dataset '{contract.dataset}' releases statistics about each {kind}, which has no lifetime cap",
                f"Add '{kind}: …'.",
            )  # fmt: skip
    if len(problems) != before:
        return None

    def caps(epsilons: Mapping[str, float]) -> Mapping[str, Fraction]:
        return MappingProxyType({name: epsilon_to_rho(cap, shape.delta) for name, cap in epsilons.items()})

    return BudgetPolicy(
        delta=shape.delta,
        lifetime=caps(shape.lifetime),
        datasets=caps(shape.datasets),
        purposes=caps(shape.purposes),
        recipients=caps(shape.recipients),
        persons=caps(shape.persons),
        purpose_tree=purposes,
    )
