"""Live indicators, on one page: exact figures of a superior's own regions, as they stand and as they change.

An indicator is counted for the whole city at once, on a schedule and only when the data has changed, and small cells
are withheld once for all: whoever asks gets a part of the same. What is published is kept, so that all gateways show
one stream, and each next version is held against it. A watcher gets the newest state, never a queue of old ones.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from gateway.decision.indicators import Indicator, declared_indicator, indicator_of
from gateway.kernels.suppression.refresh import Published
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.indicator import Figure, KeptIndicator
from gateway.model.memo import Memo
from gateway.model.party import Peer
from gateway.model.permit import Refusal
from gateway.model.record import Receipt
from gateway.model.request import RequestContext, RowsRequest
from gateway.pipeline import Ports, Refused, refused
from gateway.policy.store import PolicyStore
from gateway.stages.admit import AdmittedPermit, admit
from gateway.stages.authenticate import authenticate
from gateway.stages.decide import StandingPermit, decide
from gateway.stages.indicators import (
    count_figures,
    data_now,
    defined_since,
    figures_within,
    has_read,
    is_defined_alike,
    keep_figures,
    next_version,
    read_back,
    reopen,
    suppress,
)
from gateway.stages.record.indicators import record_figures

_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """Figures that may leave: all of the caller's, or those that have changed since the last ones."""

    kept: KeptIndicator
    figures: tuple[Figure, ...]
    whole: bool
    receipt: Receipt


class Watching(NamedTuple):
    """A stream that was granted: what it is of, and what comes. None stands for "nothing new; look again in a second".

    The first that comes is the whole of what is shown. A watcher has a place from then until the stream is closed.
    """

    indicator: Indicator
    region: str
    shown: Generator[Shown | None, None, None]


class Reading(NamedTuple):
    """One snapshot, and what it is of."""

    indicator: Indicator
    region: str
    shown: Shown


class _Standing(NamedTuple):
    kept: KeptIndicator
    published: tuple[Published, ...]


class _Unchanged:
    """Tells, look by look, whether a newer policy shows the same figures: two trees are not watched side by side."""

    def __init__(self, admitted: AdmittedPermit, indicator: Indicator, policies: PolicyStore) -> None:
        self._permit, self._id, self._policies = admitted.permit, indicator.id, policies
        self._affirmed = admitted.permit.scope.policy_digest

    def __call__(self) -> bool:
        policy = self._policies.current()
        if policy.digest != self._affirmed:
            if indicator_of(self._permit, policy).id != self._id:
                return False
            self._affirmed = policy.digest
        return True


class Board:
    """What is published of all indicators, shared by all who ask; and the places of watchers. Safe between threads."""

    def __init__(self, ports: Ports, *, watchers: int = 128, watchers_each: int = 32) -> None:
        """Take so many watchers at a time, of all and of one institution."""
        self._ports = ports
        self._watchers, self._watchers_each = watchers, watchers_each
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._known = Memo[str, _Standing](_REMEMBERED)
        self._looked: dict[str, float] = {}
        self._places: Counter[str] = Counter()

    def read(self, peer: Peer, context: RequestContext, dataset: str, disclosure: str) -> Reading | Refused:
        """Return what is shown of an indicator now."""
        granted = self._granted(peer, context, dataset, disclosure)
        if isinstance(granted, Refused):
            return granted
        admitted, indicator = granted
        shown = self._shown(admitted, indicator, self._standing(admitted, indicator), None)
        return Reading(indicator, admitted.permit.scope.region, shown)

    def watch(self, peer: Peer, context: RequestContext, dataset: str, disclosure: str) -> Watching | Refused:
        """Return a stream of what is shown of an indicator, as long as the permit stands."""
        granted = self._granted(peer, context, dataset, disclosure)
        if isinstance(granted, Refused):
            return granted
        admitted, indicator = granted
        return Watching(indicator, admitted.permit.scope.region, self._watched(admitted, indicator))

    def _granted(
        self, peer: Peer, context: RequestContext, dataset: str, disclosure: str
    ) -> tuple[AdmittedPermit, Indicator] | Refused:
        ports = self._ports
        request = RowsRequest(context, DisclosureKind.INDICATOR, dataset, disclosure, (), False, (), None)
        identity = authenticate(peer, ports.identities, ports.clock)
        policy = ports.policy.current()
        decided = decide(identity, request, policy, ports.clock)
        admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
        if isinstance(admitted, Refusal):
            return refused(admitted, identity, request, policy, ports)
        return admitted, indicator_of(admitted.permit, policy)

    def _watched(self, admitted: AdmittedPermit, indicator: Indicator) -> Generator[Shown | None, None, None]:
        institution = admitted.permit.identity.institution
        stands = StandingPermit(admitted.permit, self._ports.policy, self._ports.registers, self._ports.clock)
        same = _Unchanged(admitted, indicator, self._ports.policy)
        self._take(institution)
        try:
            last: Shown | None = None
            told: dict[tuple[object, ...], Figure] = {}
            while True:
                if not (stands() and same()):
                    raise Fault(ErrorReason.PERMIT_REVOKED)
                standing = self._standing(admitted, indicator)
                if last is not None and standing.kept.version == last.kept.version:
                    yield None
                    continue
                last = self._shown(admitted, indicator, standing, told if last is not None else None)
                told |= {(one.region, *one.keys): one for one in last.figures}
                yield last
        finally:
            self._give_back(institution)

    def _shown(
        self,
        admitted: AdmittedPermit,
        indicator: Indicator,
        standing: _Standing,
        told: dict[tuple[object, ...], Figure] | None,
    ) -> Shown:
        """Record and return the figures of the caller's own regions; of those that were told, the ones that differ."""
        figures = reopen(admitted, indicator, standing.published, standing.kept)
        own = figures_within(figures, indicator)
        if told is not None:
            own = tuple(one for one in own if told[one.region, *one.keys].values != one.values)
        released = record_figures(figures, indicator, own, self._ports.audit, self._ports.clock)
        return Shown(standing.kept, released.figures, told is None, released.receipt)

    # --- one computation for all ----------------------------------------------------------------------------------

    def _standing(self, admitted: AdmittedPermit, indicator: Indicator) -> _Standing:
        """What is published, brought up to date if that is due: by one at a time, while the others wait for it."""
        with self._turn(indicator.id):
            standing = self._latest(indicator)
            now = self._ports.clock.monotonic()
            looked = self._looked.get(indicator.id)
            alike = standing is not None and is_defined_alike(standing.kept, indicator)
            period = indicator.spec.refresh_seconds
            if standing is not None and alike and looked is not None and now - looked < period:
                return standing
            if standing is None or not alike or self._due(indicator, standing):
                self._require_newest(admitted, indicator, None if standing is None else standing.kept)
                standing = self._refreshed(admitted, indicator, standing)
            self._looked[indicator.id] = now
            return standing

    def _due(self, indicator: Indicator, standing: _Standing) -> bool:
        """Whether the period is over since what is published was, by whatever gateway."""
        period = timedelta(seconds=indicator.spec.refresh_seconds)
        return self._ports.clock.now() - standing.kept.published_at >= period

    def _require_newest(self, admitted: AdmittedPermit, indicator: Indicator, kept: KeptIndicator | None) -> None:
        """Let nobody publish by a policy that another has followed: two that took turns would show what changed.

        One has followed if it is in force here, or if a definition was published, by whatever gateway, after the one in
        force here came into force.

        Raises:
            Fault: PERMIT_REVOKED; what was permitted was so by that policy.
        """
        request, policies = admitted.permit.request, self._ports.policy
        began = self._ports.clock.now() - timedelta(seconds=policies.age)
        policy = policies.current()
        contract = policy.contracts.get(request.dataset)
        disclosure = None if contract is None else contract.disclosures.get(request.disclosure)
        if contract is None or disclosure is None or disclosure.indicator is None:
            raise Fault(ErrorReason.PERMIT_REVOKED)
        declared = declared_indicator(contract, disclosure, policy)
        if (declared.id, declared.definition) != (indicator.id, indicator.definition):
            raise Fault(ErrorReason.PERMIT_REVOKED)
        if kept is not None and not is_defined_alike(kept, indicator) and began <= defined_since(kept):
            raise Fault(ErrorReason.PERMIT_REVOKED)

    def _refreshed(self, admitted: AdmittedPermit, indicator: Indicator, before: _Standing | None) -> _Standing:
        ports = self._ports
        data = data_now(admitted, ports.source, ports.keys, ports.clock.now())
        if before is not None and has_read(before.kept, indicator, data):
            return before
        counted = count_figures(admitted, indicator, data, ports.source)
        following = next_version(indicator, None if before is None else before.kept, ports.clock.now(), data)
        figures = suppress(counted, indicator, () if before is None else before.published, following, ports.keys)
        if not keep_figures(figures, ports.registers.indicators):
            # another gateway was first
            found = self._latest(indicator)
            if found is None:
                raise Fault(ErrorReason.REGISTER_UNAVAILABLE)
            if not is_defined_alike(found.kept, indicator):
                raise Fault(ErrorReason.PERMIT_REVOKED)
            return found
        return self._remember(_Standing(figures.kept, figures.published))

    def _latest(self, indicator: Indicator) -> _Standing | None:
        known = self._known.get(indicator.id)
        register = self._ports.registers.indicators
        if known is not None and register.version(indicator.id) == known.kept.version:
            return known
        kept = register.latest(indicator.id)
        if kept is None:
            return None
        return self._remember(_Standing(kept, read_back(indicator, kept, self._ports.keys)))

    def _remember(self, standing: _Standing) -> _Standing:
        self._known.put(standing.kept.indicator_id, standing)
        return standing

    def _turn(self, indicator_id: str) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(indicator_id, threading.Lock())

    # --- places ---------------------------------------------------------------------------------------------------

    def _take(self, institution: str) -> None:
        with self._lock:
            if self._places.total() >= self._watchers or self._places[institution] >= self._watchers_each:
                raise Fault(ErrorReason.CAP_EXCEEDED)
            self._places[institution] += 1

    def _give_back(self, institution: str) -> None:
        with self._lock:
            self._places[institution] -= 1
