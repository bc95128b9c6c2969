"""One policy, immutable: what every decision is taken from."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from gateway.model.contract import ContractStatus, DataContract, DisclosureKind, DisclosureSpec
from gateway.model.memo import Memo
from gateway.policy.budget_reading import read_budgets
from gateway.policy.budgets import BudgetPolicy
from gateway.policy.contracts.reader import block_place, read_contract
from gateway.policy.decision_tables import read_tables
from gateway.policy.documents import Document, read_csv, read_yaml
from gateway.policy.enforcer import Enforcer, ModelError, Ruling, check_model
from gateway.policy.folder import (
    BUDGETS,
    CONTRACTS,
    FORMS,
    GRANTS,
    MODEL,
    OFFICERS,
    PURPOSES,
    REGIONS,
    REGISTERS,
    check_files,
    folder_digest,
    is_contract,
    read_folder,
    receive_files,
)
from gateway.policy.forms import Form, read_forms, resolve_forms
from gateway.policy.grants import Grant, read_grants
from gateway.policy.linking import check_of_tokens
from gateway.policy.officers import NOBODY, OfficerBook, read_officers
from gateway.policy.problems import Problems, did_you_mean, shown
from gateway.policy.purposes import PurposeTree, read_purposes
from gateway.policy.regions import RegionTree, read_regions
from gateway.policy.registers import NONE, RegisterBook, check_counted, check_ties, read_registers
from gateway.policy.roles import RoleLink, Roles
from gateway.policy.shards import Shard


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """A valid policy folder as it was at one moment. `digest` is SHA-256 (hex) over all `files` in it."""

    digest: str
    purposes: PurposeTree
    regions: RegionTree
    contracts: Mapping[str, DataContract]
    budgets: BudgetPolicy
    grants: tuple[Grant, ...]
    links: tuple[RoleLink, ...]
    roles: Roles
    officers: OfficerBook
    registers: RegisterBook
    forms: Mapping[str, Form]
    files: Mapping[str, bytes] = field(repr=False, compare=False)
    _enforcer: Enforcer = field(repr=False, compare=False)
    entitlements: Memo[Hashable, object] = field(default_factory=Memo, repr=False, compare=False)
    prepared: Memo[Hashable, object] = field(default_factory=Memo, repr=False, compare=False)

    def ruling(self, recipient: str, obj: str, kind: DisclosureKind, region: str, purpose: str) -> Ruling:
        """Return what Casbin says of `obj` ("dataset/disclosure") before terms; see `Enforcer.ruling`."""
        return self._enforcer.ruling(recipient, obj, kind, region, purpose)

    def with_rules(self, grants: Iterable[Grant], links: Iterable[RoleLink]) -> PolicySnapshot:
        """Return this policy with other grants and role links, to ask what would be. It has this one's digest."""
        given, linked = tuple(grants), tuple(links)
        roles = Roles(linked)
        enforcer = Enforcer(self.files[MODEL].decode("utf-8"), given, roles, self.regions, self.purposes)
        return replace(
            self, grants=given, links=linked, roles=roles, _enforcer=enforcer, entitlements=Memo(), prepared=Memo()
        )

    def shard(self, recipient: str, obj: str, kind: DisclosureKind, region: str, purpose: str) -> Shard:
        """Return the rules that are put to Casbin for a question."""
        return self._enforcer.shard(recipient, obj, kind, region, purpose)

    def active_disclosure(self, dataset: str, name: str, kind: str) -> tuple[DataContract, DisclosureSpec] | None:
        """Return a disclosure of an active contract, with that, or None if there is none of this kind."""
        contract = self.contracts.get(dataset)
        if contract is None or contract.status is not ContractStatus.ACTIVE:
            return None
        spec = contract.disclosures.get(name)
        return None if spec is None or spec.kind != kind else (contract, spec)

    def steward(self, dataset: str) -> str:
        """Return whom to ask about a dataset; "" for an unknown one."""
        contract = self.contracts.get(dataset)
        return "" if contract is None else contract.steward


def load(folder: Path) -> PolicySnapshot:
    """Read a policy folder.

    Raises:
        InvalidPolicy: with every problem that was found. Files that depend on a broken one are checked once that
            one is mended.
    """
    problems = Problems()
    return _read(read_folder(folder, problems), problems)


def read(files: Mapping[str, bytes]) -> PolicySnapshot:
    """Read a policy from the files of its folder, by their paths.

    Raises:
        InvalidPolicy: as `load` does.
    """
    problems = Problems()
    return _read(receive_files(files, problems), problems)


def _read(files: Mapping[str, bytes], problems: Problems) -> PolicySnapshot:
    check_files(files, problems)
    _check_model(files, problems)
    documents = {
        name: document
        for name in files
        if name in (REGIONS, PURPOSES, BUDGETS, OFFICERS, REGISTERS, FORMS) or is_contract(name)
        if (document := read_yaml(name, files[name], problems)) is not None
    }
    regions = read_regions(documents[REGIONS], problems) if REGIONS in documents else None
    purposes = read_purposes(documents[PURPOSES], problems) if PURPOSES in documents else None
    contracts, whole = _contracts(files, documents, problems)
    if purposes is not None:
        _check_collected(contracts.values(), documents, purposes, problems)
    book = None
    before = len(problems)
    if regions is not None and purposes is not None and whole and GRANTS in files:
        book = read_grants(read_csv(GRANTS, files[GRANTS], problems), contracts, regions, purposes, problems)
    budgets = None
    if purposes is not None and regions is not None and whole and book is not None and BUDGETS in documents:
        institutions = book.institutions() if len(problems) == before else None
        budgets = read_budgets(documents[BUDGETS], contracts, purposes, regions, institutions, problems)
    officers = NOBODY
    if OFFICERS in documents and regions is not None and whole:
        officers = read_officers(documents[OFFICERS], regions, contracts, problems) or NOBODY
    registers = NONE
    if REGISTERS in documents:
        registers = read_registers(documents[REGISTERS], problems) or NONE
    if book is not None and (REGISTERS in documents) == (REGISTERS in files):
        check_ties(book.grants, registers, contracts, problems)
        check_counted(book.grants, contracts, problems)
    if book is not None and regions is not None:
        check_of_tokens(book.grants, contracts, regions.root.path, problems)
    forms: Mapping[str, Form] = {}
    written = read_forms(documents[FORMS], problems) if FORMS in documents else None
    if written is not None and purposes is not None and whole:
        forms = resolve_forms(written, documents[FORMS], contracts, purposes, problems)
    read_tables(files, problems)
    problems.raise_if_any()
    if regions is None or purposes is None or book is None or budgets is None:
        raise AssertionError("a document is missing although no problem was noted")
    roles = Roles(book.links)
    enforcer = Enforcer(files[MODEL].decode("utf-8"), book.grants, roles, regions, purposes)
    return PolicySnapshot(
        digest=folder_digest(files),
        purposes=purposes,
        regions=regions,
        contracts=MappingProxyType(contracts),
        budgets=budgets,
        grants=book.grants,
        links=book.links,
        roles=roles,
        officers=officers,
        registers=registers,
        forms=MappingProxyType(dict(forms)),
        files=MappingProxyType(dict(files)),
        _enforcer=enforcer,
    )


def _check_model(files: Mapping[str, bytes], problems: Problems) -> None:
    if MODEL in files:
        try:
            check_model(files[MODEL].decode("utf-8"))
        except ModelError as error:
            line = _definition(files[MODEL].decode("utf-8"), error.section)
            remedy = "Put back the file that came with the gateway."
            problems.add(MODEL, line, f"{error} is not the model of this gateway", remedy)


def _definition(text: str, section: str) -> int:
    """Return the line of a section's definition in a model, rather of another that it should not have; 0 for none."""
    found = [
        (match[0] == section, number)
        for number, line in enumerate(text.splitlines(), start=1)
        if section and (match := re.match(rf"{section}[0-9]*(?=\s*=)", line.strip()))
    ]
    return min(found)[1] if found else 0


def _check_unit(contract: DataContract, read: Iterable[DataContract], document: Document, problems: Problems) -> None:
    """Rows have one privacy unit: a second contract with another would tell of them beside the first one's budget."""
    active = [one for one in read if one.status is ContractStatus.ACTIVE]
    for other in active if contract in active else ():
        if other.source.overlaps(contract.source) and other.privacy_unit != contract.privacy_unit:
            problems.add(
                document.file,
                document.line(*(block_place(document) or ()), "privacy_unit"),
                f"'{other.dataset}' reads the same rows and protects another privacy unit",
                "Protect the same kind and field in both.",
            )


def _check_collected(
    contracts: Iterable[DataContract], documents: Mapping[str, Document], purposes: PurposeTree, problems: Problems
) -> None:
    """What data was collected for is declared by the time it is disclosed; a draft may be ahead of its purposes."""
    for contract in contracts:
        if contract.status is not ContractStatus.ACTIVE:
            continue
        document = documents[f"{CONTRACTS}{contract.dataset}.yaml"]
        at = block_place(document) or ()
        for index, purpose in enumerate(contract.collected_for):
            if purposes.get(purpose) is None:
                problems.add(
                    document.file,
                    document.line(*at, "collected_for", index),
                    f"{shown(purpose)} is not a known purpose",
                    did_you_mean(purpose, purposes.ids(), f"Declare it in {PURPOSES}."),
                )


def _check_id(document: Document, ids: dict[str, str], problems: Problems) -> None:
    """Contracts are told apart by their ids where they are read together with others', so no two may share one."""
    id_ = str(document.data.get("id")) if isinstance(document.data, dict) else ""
    other = ids.setdefault(id_, document.file)
    if other != document.file:
        message = f"the id {shown(id_)} is that of {other}"
        problems.add(document.file, document.line("id"), message, "Give each contract one of its own.")


def _contracts(
    files: Mapping[str, bytes], documents: Mapping[str, Document], problems: Problems
) -> tuple[dict[str, DataContract], bool]:
    """Return the sound contracts, and whether these are all."""
    contracts: dict[str, DataContract] = {}
    ids: dict[str, str] = {}
    # one that lies in a wrong place is told so; without it the others are not all
    written = [name for name in files if name.startswith(CONTRACTS) and not name.endswith(".md")]
    for name in written:
        contract = read_contract(documents[name], files[name], problems) if name in documents else None
        if contract is not None:
            contracts[contract.dataset] = contract
            _check_id(documents[name], ids, problems)
            _check_unit(contract, contracts.values(), documents[name], problems)
    return contracts, len(contracts) == len(written)
