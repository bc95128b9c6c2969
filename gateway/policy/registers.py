"""Registers that grants are tied to: cases and consents, and who keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.model.contract import CanonicalForm, DataContract
from gateway.policy.case_pattern import MAX_LENGTH
from gateway.policy.documents import Document
from gateway.policy.folder import GRANTS, REGISTERS
from gateway.policy.grants import ANY, Grant
from gateway.policy.objects import contracts_under, disclosures_under
from gateway.policy.problems import Problems, did_you_mean, shown
from gateway.policy.validation import Institution, Names, Shape, Slug, shaped


class CaseRegisterShape(Shape):
    """A register of cases."""

    title: Names
    keepers: Annotated[list[Institution], Field(min_length=1, description="the institutions that open and close cases")]
    form: Annotated[
        str,
        StringConstraints(pattern=r"\S", max_length=MAX_LENGTH),
        Field(description="what a number looks like: 9 stands for a digit, A for a letter"),
    ]


class ConsentRegisterShape(Shape):
    """A register of consents."""

    title: Names
    keepers: Annotated[list[Institution], Field(min_length=1, description="the institutions that record and withdraw")]
    subject: Annotated[Slug, Field(description="the kind of privacy unit that consents, as contracts call it")]
    canonical: Annotated[
        CanonicalForm, Field(strict=False, description="the form of the identifier, as contracts have it")
    ]


class RegistersShape(Shape):
    """registers.yaml."""

    cases: dict[Slug, CaseRegisterShape] = Field(default_factory=dict)
    consents: dict[Slug, ConsentRegisterShape] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseRegisterSpec:
    """A register of cases: who keeps it, and what its numbers look like."""

    keepers: frozenset[str]
    form: str


@dataclass(frozen=True, slots=True)
class ConsentRegisterSpec:
    """A register of consents: who keeps it, and whose consent it holds, named how."""

    keepers: frozenset[str]
    subject: str
    canonical: CanonicalForm


@dataclass(frozen=True, slots=True)
class RegisterBook:
    """All registers by name."""

    cases: Mapping[str, CaseRegisterSpec]
    consents: Mapping[str, ConsentRegisterSpec]


NONE = RegisterBook({}, {})


def read_registers(document: Document, problems: Problems) -> RegisterBook | None:
    """Return the registers, or None after noting what is wrong with them."""
    shape = shaped(RegistersShape, document, problems)
    if shape is None:
        return None
    return RegisterBook(
        {name: CaseRegisterSpec(frozenset(one.keepers), one.form) for name, one in shape.cases.items()},
        {
            name: ConsentRegisterSpec(frozenset(one.keepers), one.subject, one.canonical)
            for name, one in shape.consents.items()
        },
    )


def check_ties(
    grants: Iterable[Grant], registers: RegisterBook, contracts: Mapping[str, DataContract], problems: Problems
) -> None:
    """Note every grant that is tied to a register which is not there, or is of other subjects than its data."""
    for grant in grants:
        cases, consent = grant.terms.case_register, grant.terms.consent
        if cases is not None and cases not in registers.cases:
            _unknown(grant, "case_register", cases, registers.cases, problems)
        if consent is not None:
            register = registers.consents.get(consent)
            if register is None:
                _unknown(grant, "consent", consent, registers.consents, problems)
            else:
                _same_subjects(grant, consent, register, contracts, problems)


def check_counted(grants: Iterable[Grant], contracts: Mapping[str, DataContract], problems: Problems) -> None:
    """Note every grant that counts subjects by a field which does not tell them apart.

    A quota, a number of subjects or one subject at a time mean nothing where a lookup by district names a thousand.
    """
    for grant in grants:
        terms = grant.terms
        if terms.quota is None and terms.subjects is None and not terms.single:
            continue
        for contract, spec in disclosures_under(grant.object, contracts):
            shared = [key for key in spec.lookup_keys if not _tells_apart(contract, key)]
            if shared and grant.kind in (spec.kind, ANY):
                problems.add(
                    GRANTS,
                    grant.line,
                    f"'{spec.name}' of '{contract.dataset}' is asked by '{shared[0]}', which subjects share",
                    "Count by the privacy unit's field or a primary key: take the other lookup key away.",
                )


def _tells_apart(contract: DataContract, field: str) -> bool:
    return field == contract.privacy_unit.field or contract.fields[field].primary_key


def _unknown(grant: Grant, term: str, name: str, known: Iterable[str], problems: Problems) -> None:
    remedy = did_you_mean(name, known, f"Add it to {REGISTERS}.")
    problems.add(GRANTS, grant.line, f"'{term}' names {shown(name)}, which is no register", remedy)


def _same_subjects(
    grant: Grant,
    name: str,
    register: ConsentRegisterSpec,
    contracts: Mapping[str, DataContract],
    problems: Problems,
) -> None:
    for contract in contracts_under(grant.object, contracts):
        unit = contract.privacy_unit
        canonical = contract.fields[unit.field].canonical
        if unit.kind != register.subject or canonical is not register.canonical:
            problems.add(
                GRANTS,
                grant.line,
                f"the register '{name}' is of other subjects than the dataset '{contract.dataset}'",
                f"Its rows are about '{unit.kind}', named as '{canonical}': use a register of these.",
            )
