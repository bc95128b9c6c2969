"""The product, on one page: two lanes through the same stages.

Read `rows` with its second half `_disclose`, and `release`, from the top down. Each line takes the sealed type that
the line before it minted, so a stage cannot be left out: the type checker refuses, and so does the table itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.decision.form import part_requests, placed
from gateway.model.budget import Account
from gateway.model.calendar import city_day
from gateway.model.contest import Reference
from gateway.model.errors import ErrorReason
from gateway.model.extract import Course
from gateway.model.freshness import Freshness
from gateway.model.measure import price_of
from gateway.model.party import Identity, Peer
from gateway.model.permit import Permit, Refusal
from gateway.model.record import Receipt, Refused
from gateway.model.request import (
    DisclosureRequest,
    FormRequest,
    ReleaseRequest,
    RequestContext,
    RowsRequest,
)
from gateway.model.statistics import Presentation, Release, StatisticsQuery
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.store import PolicyStore
from gateway.ports import (
    AuditLog,
    BudgetLedger,
    Clock,
    IdentityProvider,
    KeyRing,
    Registers,
    Rehearsals,
    ReleaseSigner,
    Source,
    SyntheticFiles,
)
from gateway.ports.exports import Exports
from gateway.privacy.pricing import SMALLEST
from gateway.stages.admit import AdmittedPermit, admit, preview
from gateway.stages.authenticate import authenticate
from gateway.stages.blend import blend
from gateway.stages.charge import answer_slot, charge, charge_rows, one_failure
from gateway.stages.decide import StandingPermit, decide
from gateway.stages.deliver import Delivery, Part, ReleaseDelivery, deliver, deliver_release
from gateway.stages.fetch.aggregates import fetch_aggregates
from gateway.stages.fetch.freshness import fetch_freshness
from gateway.stages.fetch.rows import fetch
from gateway.stages.minimize import MinimizedTable, minimize
from gateway.stages.noise import perturb, randomize, waive_noise
from gateway.stages.pseudonymize import pseudonymize
from gateway.stages.record.evaluations import record_evaluation
from gateway.stages.record.refusals import record_refusal
from gateway.stages.record.releases import record_statistics, store_release
from gateway.stages.record.rows import record_release
from gateway.stages.resume import begin, resumable, resume
from gateway.stages.withstand import withstand

__all__ = [
    "Answer",
    "Delivery",
    "Evaluation",
    "Part",
    "Ports",
    "Refused",
    "ReleaseDelivery",
    "accounts_of",
    "compose",
    "evaluate",
    "refused",
    "release",
    "rows",
    "stored_release",
]


@dataclass(frozen=True, slots=True)
class Ports:
    """All that the pipeline stands on. Composed in `wiring`, and nowhere else."""

    clock: Clock
    identities: IdentityProvider
    policy: PolicyStore
    source: Source
    keys: KeyRing
    signer: ReleaseSigner
    ledger: BudgetLedger
    registers: Registers
    audit: AuditLog
    rehearsals: Rehearsals
    synthetic_files: SyntheticFiles
    exports: Exports | None = None


class Answer(NamedTuple):
    """One part of a form: what was asked for it, and the disclosure of rows that answers it."""

    part: str
    request: RowsRequest
    delivery: Delivery


class Evaluation(NamedTuple):
    """A decision in favour, for a system that acts on it by itself, with the receipt of its entry in the log."""

    permit: Permit
    receipt: Receipt


def rows(ports: Ports, peer: Peer, request: RowsRequest) -> Delivery | Refused:
    """Disclose rows: a lookup, an extract or a check. An extract that was opened before is gone on with."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    decided = decide(identity, request, policy, ports.clock)
    if request.continues is None:
        admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
        disclosed = admitted if isinstance(admitted, Refusal) else _disclose(admitted, begin(admitted), policy, ports)
    else:
        resumed = resume(decided, ports.source, ports.keys, ports.registers, ports.clock)
        disclosed = resumed if isinstance(resumed, Refusal) else _disclose(*resumed, policy, ports)
    return refused(disclosed, identity, request, policy, ports) if isinstance(disclosed, Refusal) else disclosed


def compose(ports: Ports, peer: Peer, request: FormRequest) -> tuple[Answer, ...] | Refused:
    """Disclose the parts of a form: every one is decided and admitted before anything is read, or none is read.

    Nothing is counted and no glass broken before every part is known to be granted.
    """
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    asked = part_requests(request, policy)
    decided = [decide(identity, part, policy, ports.clock) for part in asked]
    for number, (part, decision) in enumerate(zip(asked, decided, strict=True)):
        permit = preview(decision, ports.registers, ports.clock)
        if isinstance(permit, Refusal):
            return refused(placed(permit, number), identity, part, policy, ports)
    admitted: list[AdmittedPermit] = []
    for part, decision in zip(asked, decided, strict=True):
        admission = admit(decision, ports.registers, ports.keys, ports.audit, ports.clock)
        if isinstance(admission, Refusal):
            return refused(admission, identity, part, policy, ports)
        admitted.append(admission)
    answers: list[Answer] = []
    for name, part, one in zip((one.part for one in request.parts), asked, admitted, strict=True):
        disclosed = _disclose(one, None, policy, ports)
        if isinstance(disclosed, Refusal):
            return refused(disclosed, identity, part, policy, ports)
        answers.append(Answer(name, part, disclosed))
    return tuple(answers)


def release(ports: Ports, peer: Peer, request: ReleaseRequest, *, sealed_for: str = "") -> ReleaseDelivery | Refused:
    """Release a statistic: charged before noise, stored before it leaves, and ever the same for the same plan.

    What is `sealed_for` a contest is a release of its own, with noise of its own, whoever else asks the same.
    """
    began = ports.clock.monotonic()
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    decided = decide(identity, request, policy, ports.clock)
    admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
    if isinstance(admitted, Refusal):
        return refused(admitted, identity, request, policy, ports)
    permit = admitted.permit
    fresh = _fresh(permit, ports)
    charged = charge(admitted, accounts_of(permit, policy, ports), ports.ledger, ports.source, ports.keys, sealed_for)
    if isinstance(charged, Refusal):
        return refused(charged, identity, request, policy, ports)
    if sealed_for:
        # before there is anything to see: from its first moment on it is hidden
        ports.registers.contests.keep(Reference(sealed_for, charged.charge.release_id, identity.id, ports.clock.now()))
    again = ports.ledger.stored(charged.charge.release_id) if charged.charge.repeated else None
    if again is not None:
        # who paid for it knows all that the time of an answer could tell; nobody else is answered out of the slot
        replayed = record_statistics(again, admitted, ports.audit, ports.clock, paid=False, replay=True)
        return deliver_release(replayed, fresh)
    with answer_slot(permit, began, ports.clock):
        stored = ports.ledger.stored(charged.charge.release_id)
        made = stored or perturb(fetch_aggregates(charged, ports.source))
    with one_failure():
        released = made if isinstance(made, Release) else store_release(made, ports.ledger, ports.signer, ports.clock)
        paid, replay = charged.charge.fresh, stored is not None
        recorded = record_statistics(released, admitted, ports.audit, ports.clock, paid=paid, replay=replay)
        return deliver_release(recorded, fresh)


def stored_release(
    ports: Ports, peer: Peer, context: RequestContext, release_id: str, presentation: Presentation
) -> ReleaseDelivery | Refused:
    """Give a release that was made before, to a caller who may ask for it; for others there is none."""
    identity = authenticate(peer, ports.identities, ports.clock)
    released = ports.ledger.stored(release_id)
    request = replace(_asked_again(released, context), presentation=presentation)
    policy = ports.policy.current()
    decided = decide(identity, request, policy, ports.clock)
    admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
    hidden = released is None or _sealed(release_id, policy, ports)
    if not hidden and isinstance(admitted, Refusal) and admitted.reason is ErrorReason.REQUEST_INVALID:
        # a presentation that the release cannot have: only who may ask for it comes so far
        return refused(admitted, identity, request, policy, ports)
    if released is None or hidden or isinstance(admitted, Refusal):
        # the same answer whether there is no such release, it is not this caller's, or a contest keeps it sealed
        return refused(Refusal(ErrorReason.RELEASE_NOT_FOUND), identity, request, policy, ports)
    return deliver_release(record_statistics(released, admitted, ports.audit, ports.clock, paid=False, replay=True))


def evaluate(ports: Ports, peer: Peer, request: DisclosureRequest) -> Evaluation | Refused:
    """Decide for a system that discloses by itself. The decision is on record; nothing is read and nothing counted."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    decided = decide(identity, request, policy, ports.clock)
    permit = preview(decided, ports.registers, ports.clock)
    if isinstance(permit, Refusal):
        return refused(permit, identity, request, policy, ports)
    return Evaluation(permit, record_evaluation(permit, ports.audit, ports.clock))


def _fresh(permit: Permit, ports: Ports) -> tuple[Freshness, ...]:
    return fetch_freshness(permit, ports.source, ports.registers.batches, ports.keys, ports.clock)


def _disclose(
    admitted: AdmittedPermit, course: Course | None, policy: PolicySnapshot, ports: Ports
) -> Delivery | Refusal:
    """The second half of the lane of rows: from what is admitted to what leaves, in one connection of an extract."""
    fresh = _fresh(admitted.permit, ports)
    undone = withstand(admitted, ports.source)
    if undone is not None:
        return undone
    charged = charge_rows(admitted, accounts_of(admitted.permit, policy, ports), ports.ledger, ports.source, ports.keys)
    if isinstance(charged, Refusal):
        return charged
    left = 0 if course is None else course.begins.rows
    blended = blend(_minimized(admitted, course, ports), lambda: _minimized(admitted, None, ports), left)
    pseudonymous = pseudonymize(blended, ports.keys)
    protected = waive_noise(pseudonymous) if charged is None else randomize(pseudonymous, charged, ports.keys)
    standing = StandingPermit(admitted.permit, ports.policy, ports.registers, ports.clock)
    released = record_release(protected, ports.audit, ports.clock, standing, course)
    return deliver(released, resumable(released, course, ports.keys, ports.registers), fresh)


def _minimized(admitted: AdmittedPermit, course: Course | None, ports: Ports) -> MinimizedTable:
    """What is permitted, and no more of it than the contract says. Where rows have to blend in, it is read twice."""
    raw = fetch(admitted, ports.source, ports.keys, ports.registers, ports.clock, course)
    return minimize(raw, ports.keys, course)


def accounts_of(permit: Permit, policy: PolicySnapshot, ports: Ports) -> tuple[Account, ...]:
    """The accounts that it is charged to today: what ended since the permit was decided is frozen."""
    identity, purpose, today = permit.identity, permit.request.context.purpose, city_day(ports.clock.now())
    contracts = [one.scope.contract for one in permit.each]
    return policy.budgets.accounts(contracts, identity.institution, identity.person, purpose, today)


def _sealed(release_id: str, policy: PolicySnapshot, ports: Ports) -> bool:
    """Tell whether it is the reference of a contest that has not closed."""
    contest = ports.registers.contests.contest_of(release_id)
    if contest is None:
        return False
    project = policy.budgets.projects.get(contest)
    # a contest that the policy no longer names has not closed either
    return project is None or not project.closed_on(city_day(ports.clock.now()))


def _asked_again(released: Release | None, context: RequestContext) -> ReleaseRequest:
    """The request that a stored release answers; one for nothing at all where there is none."""
    if released is None:
        return ReleaseRequest(context, "", "", StatisticsQuery((), (), ()), SMALLEST)
    return ReleaseRequest(
        replace(context, region=released.region),
        released.dataset,
        released.disclosure,
        released.query,
        price_of(released.loss),
    )


def refused(
    refusal: Refusal,
    identity: Identity,
    request: DisclosureRequest,
    policy: PolicySnapshot,
    ports: Ports,
    *,
    reidentification: str = "",
) -> Refused:
    """Enter a refusal in the log, with the re-identification that it is about, if any, and return it with its receipt.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    receipt = record_refusal(
        refusal, identity, request, policy, ports.audit, ports.clock, reidentification=reidentification
    )
    return Refused(refusal, receipt)
