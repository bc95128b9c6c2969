"""May this caller have this, for this purpose? Permits, in the order of their grants, or a refusal as a value."""

from __future__ import annotations

from gateway.decision.judge import judge, same_permission
from gateway.model.party import Identity
from gateway.model.permit import Permit, Refusal
from gateway.model.request import DisclosureRequest
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.store import PolicyStore
from gateway.ports import CaseRegister, Clock

_CASE_CHECK_SECONDS = 1.0


def decide(
    identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, clock: Clock
) -> tuple[Permit, ...] | Refusal:
    """Decide a request from one immutable policy snapshot: see `gateway.decision.judge`.

    A permit says what the policy allows. What registers know of its terms is for the next stage.
    """
    return judge(identity, request, policy, clock.now())


class StandingPermit:
    """Tells, batch by batch, whether a permit still stands.

    Its time is not over, no newer policy revokes it, and the case that it is tied to is open.
    """

    def __init__(self, permit: Permit, policies: PolicyStore, cases: CaseRegister, clock: Clock) -> None:
        self._permit = permit
        self._policies = policies
        self._cases = cases
        self._clock = clock
        self._affirmed = permit.policy_digest
        self._case_checked = clock.monotonic()

    def __call__(self) -> bool:
        """Return False once the permit has ended. A newer policy must give the very same permission.

        Raises:
            Fault: REGISTER_UNAVAILABLE if a case cannot be looked up.
        """
        permit, now = self._permit, self._clock.now()
        if now >= permit.valid_until:
            return False
        policy = self._policies.current()
        if policy.digest != self._affirmed:
            again = judge(permit.identity, permit.request, policy, now)
            if isinstance(again, Refusal) or not any(same_permission(one, permit) for one in again):
                return False
            self._affirmed = policy.digest
        return self._case_open()

    def _case_open(self) -> bool:
        register, instant = self._permit.terms.case_register, self._clock.monotonic()
        if register is None or instant - self._case_checked < _CASE_CHECK_SECONDS:
            return True
        self._case_checked = instant
        permit = self._permit
        return self._cases.is_open(register, permit.case_number, permit.identity.institution, self._clock.now())
