"""What differs between two policies besides what institutions hold: rules, roles, purposes, caps, contracts, people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from gateway.decision.officer.coarseness import Telling
from gateway.decision.officer.shifts import FieldShift, PartShift, cap_shift, field_shifts, spec_shifts
from gateway.model.budget import Cap, Refresh
from gateway.model.contract import ContractStatus, DataContract
from gateway.model.governance import Officer
from gateway.model.loss import rho_to_epsilon
from gateway.model.purpose import Purpose
from gateway.model.upstream import asked_in_words
from gateway.policy.budgets import Project
from gateway.policy.grants import Effect, Grant
from gateway.policy.registers import RegisterBook
from gateway.policy.roles import RoleLink
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.writing import grant_line, link_line

Rules = Mapping[tuple[object, ...], Grant]
"""Rules by all of them but name and line."""


def denies(before: Rules, after: Rules) -> Iterator[PartShift]:
    """Yield the prohibitions that are new, gone, or now on trial."""
    old = {rule.columns: rule for rule in before.values() if rule.effect is Effect.DENY}
    new = {rule.columns: rule for rule in after.values() if rule.effect is Effect.DENY}
    for key in dict.fromkeys([*old, *new]):
        was, now = old.get(key), new.get(key)
        if was is None and now is not None:
            way = Telling.LESS if now.terms.trial is None else Telling.SAME
            yield PartShift(now.id, "deny", "", grant_line(now), way)
        elif now is None and was is not None:
            yield PartShift(was.id, "deny", grant_line(was), "", Telling.MORE)
        elif was is not None and now is not None and was.terms.trial != now.terms.trial:
            softer = was.terms.trial is None or (now.terms.trial is not None and now.terms.trial > was.terms.trial)
            way = Telling.MORE if softer else Telling.LESS
            yield PartShift(now.id, "trial", _day(was.terms.trial), _day(now.terms.trial), way)


def links(before: PolicySnapshot, after: PolicySnapshot) -> Iterator[PartShift]:
    """Yield the memberships that are new, gone, or of other days."""
    old, new = ({(link.member, link.role): link for link in each.links} for each in (before, after))
    for key in dict.fromkeys([*old, *new]):
        was, now = old.get(key), new.get(key)
        if was is None or now is None or _days(was) != _days(now):
            way = Telling.MORE if was is None else Telling.LESS if now is None else _longer(was, now)
            yield PartShift(f"{key[0]} in {key[1]}", "membership", _linked(was), _linked(now), way)


def _days(link: RoleLink) -> tuple[date | None, date | None]:
    return (link.valid_from, link.valid_until)


def _longer(was: RoleLink, now: RoleLink) -> Telling:
    earlier = (now.valid_from or date.min) < (was.valid_from or date.min)
    later = (now.valid_from or date.min) > (was.valid_from or date.min)
    longer = (now.valid_until or date.max) > (was.valid_until or date.max)
    shorter = (now.valid_until or date.max) < (was.valid_until or date.max)
    if (earlier or longer) and (later or shorter):
        return Telling.OTHER
    return Telling.MORE if earlier or longer else Telling.LESS


def purposes(before: PolicySnapshot, after: PolicySnapshot) -> Iterator[PartShift]:
    """Yield what changes in the purposes."""
    for id_ in dict.fromkeys([*before.purposes.ids(), *after.purposes.ids()]):
        was, now = before.purposes.get(id_), after.purposes.get(id_)
        if was is None or now is None:
            yield PartShift(
                id_, "purpose", "" if was is None else was.name_en, "" if now is None else now.name_en,
                Telling.MORE if was is None else Telling.LESS,
            )  # fmt: skip
        elif was != now:
            yield from _purpose(was, now)


def _purpose(was: Purpose, now: Purpose) -> Iterator[PartShift]:
    if was.expires_on != now.expires_on:
        later = now.expires_on is None or (was.expires_on is not None and now.expires_on > was.expires_on)
        way = Telling.MORE if later else Telling.LESS
        yield PartShift(now.id, "expires_on", _day(was.expires_on), _day(now.expires_on), way)
    old, new = ({use.purpose for use in each.further_uses} for each in (was, now))
    if old != new:
        way = Telling.MORE if old < new else Telling.LESS if new < old else Telling.OTHER
        yield PartShift(now.id, "compatible_with", ", ".join(sorted(old)), ", ".join(sorted(new)), way)
    told: tuple[tuple[str, object, object, Telling], ...] = (
        ("parent", was.parent or "", now.parent or "", Telling.OTHER),
        ("legal_basis", was.legal_basis, now.legal_basis, Telling.OTHER),
        ("emergency", was.emergency, now.emergency, Telling.SAME),
        ("review_on", was.review_on, now.review_on, Telling.SAME),
        ("owner", was.owner, now.owner, Telling.SAME),
        ("dpv", was.dpv, now.dpv, Telling.SAME),
    )
    for part, one, other, way in told:
        if one != other:
            yield PartShift(now.id, part, str(one), str(other), way)


def caps(before: PolicySnapshot, after: PolicySnapshot) -> Iterator[PartShift]:
    """Yield the budgets that change, as epsilons at each policy's own delta; "" where nothing is capped."""
    for group in ("lifetime", "datasets", "purposes", "recipients", "persons"):
        old: Mapping[str, Cap] = getattr(before.budgets, group)
        new: Mapping[str, Cap] = getattr(after.budgets, group)
        for name in dict.fromkeys([*old, *new]):
            yield from _cap(f"{group}/{name}", (old.get(name), before), (new.get(name), after))
    yield from _projects(before, after)
    if before.budgets.delta != after.budgets.delta:
        was, now = before.budgets.delta, after.budgets.delta
        yield PartShift("budgets", "delta", f"{was:g}", f"{now:g}", Telling.MORE if now > was else Telling.LESS)


_Capped = tuple[Cap | None, PolicySnapshot]


def _cap(subject: str, was: _Capped, now: _Capped) -> Iterator[PartShift]:
    (old, before), (new, after) = was, now
    if old == new:
        return
    shifts = [cap_shift(subject, "cap", _epsilon(old, before), _epsilon(new, after))]
    if old is not None and new is not None:
        shifts.append(cap_shift(subject, "delta", float(old.delta), float(new.delta)))
        if old.per is not new.per:
            often = _often(new.per) > _often(old.per)
            way = Telling.MORE if often else Telling.LESS
            shifts.append(PartShift(subject, "per", old.per or "", new.per or "", way))
    yield from (shift for shift in shifts if shift is not None)


def _often(per: Refresh | None) -> int:
    return 0 if per is None else {Refresh.YEAR: 1, Refresh.QUARTER: 4, Refresh.MONTH: 12}[per]


def _projects(before: PolicySnapshot, after: PolicySnapshot) -> Iterator[PartShift]:
    """A project is one more cap, so that a new one gives less and one that is gone gives more."""
    old, new = before.budgets.projects, after.budgets.projects
    for name in dict.fromkeys([*old, *new]):
        subject, was, now = f"projects/{name}", old.get(name), new.get(name)
        pools = [None if each is None else each.pool for each in (was, now)]
        yield from _cap(subject, (pools[0], before), (pools[1], after))
        if was is None or now is None:
            continue
        for member in dict.fromkeys([*was.members, *now.members]):
            one, other = was.members.get(member), now.members.get(member)
            yield from _cap(f"{subject}/{member}", (one, before), (other, after))
        if was.opens_on != now.opens_on:
            earlier = (now.opens_on or date.min) < (was.opens_on or date.min)
            way = Telling.MORE if earlier else Telling.LESS
            yield PartShift(subject, "opens_on", _day(was.opens_on), _day(now.opens_on), way)
        if was.closes_on != now.closes_on:
            way = Telling.MORE if now.closes_on > was.closes_on else Telling.LESS
            yield PartShift(subject, "closes_on", _day(was.closes_on), _day(now.closes_on), way)
        if (was.purpose, was.datasets) != (now.purpose, now.datasets):
            yield PartShift(subject, "work", _work(was), _work(now), Telling.OTHER)
        if was.contest != now.contest:
            yield PartShift(subject, "contest", _table(was), _table(now), Telling.OTHER)


def _work(project: Project) -> str:
    names = "" if project.datasets is None else f" on {', '.join(sorted(project.datasets))}"
    return f"{project.purpose}{names}"


def _table(project: Project) -> str:
    one = project.contest
    if one is None:
        return ""
    return (
        f"{one.statistic} of {one.dataset}/{one.disclosure} by {', '.join(one.group_by)} "
        f"at epsilon {float(one.epsilon):g} by {one.organiser}, "
        f"scored in steps of {float(one.score_step):g}, {one.entries_per_day} a day"
    )


def _epsilon(cap: Cap | None, policy: PolicySnapshot) -> float | None:
    return None if cap is None else round(rho_to_epsilon(cap.rho, policy.budgets.delta), 6)


def contracts(before: PolicySnapshot, after: PolicySnapshot) -> Iterator[PartShift]:
    """Yield what changes in the contracts besides the fields that leave."""
    for dataset in dict.fromkeys([*before.contracts, *after.contracts]):
        was, now = before.contracts.get(dataset), after.contracts.get(dataset)
        if was is None or now is None:
            yield PartShift(
                dataset, "contract", "" if was is None else was.status.value, "" if now is None else now.status.value,
                Telling.SAME,
            )  # fmt: skip
        elif was != now:
            yield from _contract(was, now)


def _contract(was: DataContract, now: DataContract) -> Iterator[PartShift]:
    if was.status is not now.status:
        opened, closed = (each.status is ContractStatus.ACTIVE for each in (now, was))
        way = Telling.MORE if opened else Telling.LESS if closed else Telling.SAME
        yield PartShift(now.dataset, "status", was.status.value, now.status.value, way)
    told: tuple[tuple[str, object, object, Telling], ...] = (
        ("controller", was.controller, now.controller, Telling.SAME),
        ("steward", was.steward, now.steward, Telling.SAME),
        ("source", was.source.path, now.source.path, Telling.OTHER),
        ("privacy_unit", f"{was.privacy_unit.kind} in {was.privacy_unit.field}",
         f"{now.privacy_unit.kind} in {now.privacy_unit.field}", Telling.OTHER),
        ("region_field", was.region_field or "", now.region_field or "", Telling.OTHER),
        ("collected_for", ", ".join(was.collected_for), ", ".join(now.collected_for), Telling.OTHER),
        ("legal_bases", ", ".join(sorted(was.legal_bases)), ", ".join(sorted(now.legal_bases)), Telling.OTHER),
        ("retention_days", was.retention_days or "", now.retention_days or "", Telling.SAME),
    )  # fmt: skip
    for part, one, other, way in told:
        if one != other:
            yield PartShift(now.dataset, part, str(one), str(other), way)
    yield from _upstream(was, now)
    for name in dict.fromkeys([*was.fields, *now.fields]):
        old, new = was.fields.get(name), now.fields.get(name)
        if old is not None and new is not None and old.classification is not new.classification:
            yield PartShift(
                f"{now.dataset}.{name}", "classification", old.classification.value, new.classification.value,
                Telling.SAME,
            )  # fmt: skip
    for name, spec in now.disclosures.items():
        if name in was.disclosures and was.disclosures[name].kind is spec.kind:
            yield from spec_shifts(f"{now.dataset}/{name}", was.disclosures[name], spec)


def _upstream(was: DataContract, now: DataContract) -> Iterator[PartShift]:
    """What changes in what a department's service is asked, and in where in its records each field is."""
    old, new = was.upstream, now.upstream
    said = [{} if each is None else asked_in_words(each) for each in (old, new)]
    for part in dict.fromkeys([*said[0], *said[1]]):
        one, other = said[0].get(part, ""), said[1].get(part, "")
        if one != other:
            yield PartShift(now.dataset, part, one, other, Telling.OTHER)
    if old is not None and new is not None:
        for name in now.fields:
            one, other = old.paths.get(name, ""), new.paths.get(name, "")
            if one != other:
                yield PartShift(f"{now.dataset}.{name}", "path", one, other, Telling.OTHER)


def disclosures(before: PolicySnapshot, after: PolicySnapshot) -> Iterator[tuple[str, tuple[FieldShift, ...]]]:
    """Yield each disclosure whose fields leave otherwise, with these; a new one has all of them new."""
    for dataset, now in after.contracts.items():
        was = before.contracts.get(dataset)
        for name, spec in now.disclosures.items():
            old = None if was is None else was.disclosures.get(name)
            shifts = field_shifts({} if old is None else old.fields, spec.fields)
            if shifts and old != spec:
                yield f"{dataset}/{name}", shifts


def people(before: PolicySnapshot, after: PolicySnapshot) -> Iterator[PartShift]:
    """Yield what changes in officers, registers and regions: who decides, and what decisions are tied to."""
    old, new = before.officers.officers, after.officers.officers
    for id_ in dict.fromkeys([*old, *new]):
        yield from _changed(id_, "officer", _officer(old.get(id_)), _officer(new.get(id_)))
        was, now = old.get(id_), new.get(id_)
        if was is not None and now is not None and was.key != now.key:
            yield PartShift(id_, "key", "one key", "another key", Telling.SAME)
    yield from _changed("officers", "cool_down", str(before.officers.cool_down), str(after.officers.cool_down))
    registers = [_registers(each.registers) for each in (before, after)]
    for name in dict.fromkeys([*registers[0], *registers[1]]):
        yield from _changed(name, "register", registers[0].get(name, ""), registers[1].get(name, ""))
    had, has = set(before.regions.paths()), set(after.regions.paths())
    for path in sorted(had ^ has):
        yield from _changed(path, "region", path if path in had else "", path if path in has else "")


def _changed(subject: str, part: str, before: str, after: str) -> Iterable[PartShift]:
    return () if before == after else (PartShift(subject, part, before, after, Telling.SAME),)


def _officer(officer: Officer | None) -> str:
    if officer is None:
        return ""
    return f"{', '.join(sorted(officer.powers))} in {officer.region} over {', '.join(sorted(officer.datasets))}"


def _registers(book: RegisterBook) -> dict[str, str]:
    cases = {
        f"cases/{name}": f"{one.form}, kept by {', '.join(sorted(one.keepers))}" for name, one in book.cases.items()
    }
    consents = {
        f"consents/{name}": f"of each {one.subject}, kept by {', '.join(sorted(one.keepers))}"
        for name, one in book.consents.items()
    }
    return cases | consents


def _day(day: date | None) -> str:
    return "" if day is None else str(day)


def _linked(link: RoleLink | None) -> str:
    return "" if link is None else link_line(link)
