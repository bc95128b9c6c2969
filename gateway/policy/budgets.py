"""Budgets: how much privacy loss each account may bear. Caps are read as epsilon and kept as exact rho."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from gateway.model.budget import Account, Cap, Refresh, recipient_account
from gateway.model.contest import Contest
from gateway.model.contract import DataContract
from gateway.model.party import record_name
from gateway.policy.budget_shapes import DEFAULT
from gateway.policy.purposes import PurposeTree

_NOTHING = Cap(Fraction(0))


@dataclass(frozen=True, slots=True)
class Project:
    """Some institutions' work for one purpose: a pool that they share, a cap for each, and an end.

    A contest is a project whose members are the teams. `members` are by institution, or "default" for each one that is
    not named. `datasets` are None for all that the purpose is granted. Days are the city's, both included. `contest`
    says how entries are scored, where they are.
    """

    name: str
    purpose: str
    datasets: frozenset[str] | None
    pool: Cap
    members: Mapping[str, Cap]
    opens_on: date | None
    closes_on: date
    contest: Contest | None = None

    def closed_on(self, day: date) -> bool:
        """Tell whether its last day is over on a day of the city."""
        return self.closes_on < day

    def open_on(self, day: date) -> bool:
        """Tell whether anything may be charged to it on a day of the city."""
        return (self.opens_on is None or self.opens_on <= day) and not self.closed_on(day)

    def cap_of(self, institution: str) -> Cap | None:
        """Return what a member may be charged; None for an institution that is none."""
        return self.members.get(institution, self.members.get(DEFAULT))


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """The caps. `delta` is what losses are shown as epsilon at."""

    delta: float
    lifetime: Mapping[str, Cap]
    datasets: Mapping[str, Cap]
    purposes: Mapping[str, Cap]
    projects: Mapping[str, Project]
    recipients: Mapping[str, Cap]
    persons: Mapping[str, Cap]
    purpose_tree: PurposeTree

    def accounts(
        self, contracts: Sequence[DataContract], institution: str, person: str, purpose: str, day: date
    ) -> tuple[Account, ...]:
        """Return every account that a release over these datasets is charged to on a day of the city.

        In this order: the lifetime of each kind of privacy unit, once; each dataset; purposes; projects with the
        institution's part in them; the recipient; the person. Datasets and purposes without a cap have no account. A
        purpose answers to the caps of all purposes above it as well, its own first: a more specific purpose must not
        escape the cap of the general one, and the same holds of projects. A kind of privacy unit without a lifetime
        cap can bear nothing; a loaded policy has one wherever statistics are disclosed. What is over is frozen.
        """
        kinds = dict.fromkeys(contract.privacy_unit.kind for contract in contracts)
        accounts = [self._lifetime(kind, self.lifetime.get(kind, _NOTHING)) for kind in kinds]
        names = dict.fromkeys(contract.dataset for contract in contracts)
        accounts += [self._dataset(name, self.datasets[name]) for name in names if name in self.datasets]
        purposes = (purpose, *self.purpose_tree.ancestors(purpose))
        accounts += [self._purpose(id_, self.purposes[id_], day) for id_ in purposes if id_ in self.purposes]
        for project in self.projects.values():
            cap = project.cap_of(institution)
            whole = project.datasets is None or any(name in project.datasets for name in names)
            if cap is not None and whole and project.purpose in purposes:
                accounts += [self._pool(project, day), self._member(project, institution, cap, day)]
        accounts.append(self._recipient(institution, day))
        accounts.append(self._person(institution, person, day))
        return tuple(accounts)

    def named(self, day: date) -> Iterator[Account]:
        """Yield the accounts that the policy names, as they are on a day of the city; not those under a default."""
        for kind, cap in self.lifetime.items():
            yield self._lifetime(kind, cap)
        for dataset, cap in self.datasets.items():
            yield self._dataset(dataset, cap)
        for purpose, cap in self.purposes.items():
            yield self._purpose(purpose, cap, day)
        for project in self.projects.values():
            yield self._pool(project, day)
            for member, cap in project.members.items():
                if member != DEFAULT:
                    yield self._member(project, member, cap, day)
        for institution in self.recipients:
            if institution != DEFAULT:
                yield self._recipient(institution, day)
        for name in self.persons:
            if name != DEFAULT:
                institution, _, person = name.partition("/")
                yield self._person(institution, person, day)

    def find(self, account_id: str, day: date) -> Account | None:
        """Return the account of an id as it is on a day of the city; None if the policy has no such cap.

        That of another period than the day's is frozen: nothing is charged to it any more, or yet.
        """
        kind, *names = account_id.split("/")
        now = self._today(kind, names, day)
        if now is None or now[0].id == account_id:
            return None if now is None else now[0]
        account, per = now
        whole = account.id.rpartition("/")[0]
        if per is None or not per.names(account_id.removeprefix(f"{whole}/")):
            return None
        return replace(account, id=account_id, description=f"{account.description}: another period", frozen=True)

    def _today(self, kind: str, names: list[str], day: date) -> tuple[Account, Refresh | None] | None:
        """Return today's account of what an id names, and how often it begins anew."""
        match kind, names:
            case "lifetime", [name] if name in self.lifetime:
                return self._lifetime(name, self.lifetime[name]), None
            case "dataset", [name] if name in self.datasets:
                return self._dataset(name, self.datasets[name]), None
            case "purpose", [name] if name in self.purposes:
                return self._purpose(name, self.purposes[name], day), None
            case "project", [name, *_] if name in self.projects:
                return self._pool(self.projects[name], day), self.projects[name].pool.per
            case "member", [name, institution, *_] if name in self.projects:
                cap = self.projects[name].cap_of(institution)
                return None if cap is None else (self._member(self.projects[name], institution, cap, day), cap.per)
            case "recipient", [institution, *_]:
                return self._recipient(institution, day), self._recipient_cap(institution).per
            case "person", [institution, person, *_]:
                return self._person(institution, person, day), self._person_cap(institution, person).per
        return None

    @staticmethod
    def _lifetime(kind: str, cap: Cap) -> Account:
        return Account(f"lifetime/{kind}", f"every {kind}, over all datasets, for ever", cap.rho, cap.delta)

    @staticmethod
    def _dataset(name: str, cap: Cap) -> Account:
        return Account(f"dataset/{name}", f"the dataset {name}, in all its versions", cap.rho, cap.delta)

    def _purpose(self, id_: str, cap: Cap, day: date) -> Account:
        purpose = self.purpose_tree.get(id_)
        over = purpose is None or purpose.ended_on(day)
        return Account(f"purpose/{id_}", f"the purpose {id_}", cap.rho, cap.delta, frozen=over)

    @staticmethod
    def _pool(project: Project, day: date) -> Account:
        id_, what = f"project/{project.name}", f"the pool of the project {project.name}"
        return _account(id_, what, project.pool, day, frozen=not project.open_on(day))

    @staticmethod
    def _member(project: Project, institution: str, cap: Cap, day: date) -> Account:
        id_ = f"member/{project.name}/{institution}"
        what = f"the institution {institution} in the project {project.name}"
        return _account(id_, what, cap, day, frozen=not project.open_on(day))

    def _recipient(self, institution: str, day: date) -> Account:
        what = f"the institution {institution}"
        return _account(recipient_account(institution), what, self._recipient_cap(institution), day)

    def _recipient_cap(self, institution: str) -> Cap:
        return self.recipients.get(institution, self.recipients[DEFAULT])

    def _person(self, institution: str, person: str, day: date) -> Account:
        name = record_name(institution, person)
        what = f"the person {person} of {institution}"
        return _account(f"person/{name}", what, self._person_cap(institution, person), day)

    def _person_cap(self, institution: str, person: str) -> Cap:
        return self.persons.get(record_name(institution, person), self.persons[DEFAULT])


def _account(id_: str, what: str, cap: Cap, day: date, *, frozen: bool = False) -> Account:
    """Return the account of the period around the day, where its cap begins anew with each."""
    if cap.per is not None:
        period = cap.per.period(day)
        id_, what = f"{id_}/{period}", f"{what}, in {period}"
    return Account(id_, what, cap.rho, cap.delta, frozen)
