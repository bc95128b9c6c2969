"""May this caller have this, for this purpose? Permits, in the order of their grants, or a refusal as a value."""

from __future__ import annotations

from datetime import datetime

from gateway.decision.judge import judge
from gateway.decision.permission import same_permission
from gateway.model.party import Identity
from gateway.model.permit import Permit, Refusal
from gateway.model.request import DisclosureRequest
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.store import PolicyStore
from gateway.ports import Clock, Registers

_REGISTER_SECONDS = 1.0


def decide(
    identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, clock: Clock
) -> tuple[Permit, ...] | Refusal:
    """Decide a request from one immutable policy snapshot: see `gateway.decision.judge`.

    A permit says what the policy allows. What registers know of its terms is for the next stage.
    """
    return judge(identity, request, policy, clock.now())


class StandingPermit:
    """Tells, batch by batch, whether a permit still stands.

    Its time is not over, no newer policy revokes it, and the case or emergency that it is tied to stands.
    """

    def __init__(self, permit: Permit, policies: PolicyStore, registers: Registers, clock: Clock) -> None:
        self._permit = permit
        self._policies = policies
        self._registers = registers
        self._clock = clock
        self._affirmed = permit.scope.policy_digest
        self._until = permit.valid_until
        self._asked = clock.monotonic()

    def __call__(self) -> bool:
        """Return False once the permit has ended. A newer policy must give the very same permission.

        Raises:
            Fault: REGISTER_UNAVAILABLE if a case or emergency cannot be looked up.
        """
        permit, now = self._permit, self._clock.now()
        if now >= self._until:
            return False
        policy = self._policies.current()
        if policy.digest != self._affirmed:
            again = judge(permit.identity, permit.request, policy, now)
            same = () if isinstance(again, Refusal) else [one for one in again if same_permission(one, permit)]
            if not same:
                return False
            # the newer policy may end it earlier, and never later than it was given for
            self._until = min(self._until, max(one.valid_until for one in same))
            self._affirmed = policy.digest
        return self._borne_out(now)

    def _borne_out(self, now: datetime) -> bool:
        """Whether the registers still bear the permit out; asked once a second at most."""
        permit, instant = self._permit, self._clock.monotonic()
        if instant - self._asked < _REGISTER_SECONDS:
            return True
        self._asked = instant
        identity, register = permit.identity, permit.scope.terms.case_register
        if register is not None and not self._registers.cases.is_open(
            register, permit.case_number, identity.institution, now
        ):
            return False
        if not permit.emergency:
            return True
        # a reviewer who finds it unjustified ends it
        standing = self._registers.emergencies.standing(permit.scope.grant, identity.institution, identity.person, now)
        return standing is not None
