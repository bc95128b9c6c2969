"""Who asks? The first stage: nothing is decided for a caller who is not known."""

from __future__ import annotations

from gateway.model.errors import ErrorReason, Unauthenticated
from gateway.model.party import Identity, Peer
from gateway.ports import Clock, IdentityProvider


def authenticate(peer: Peer, identities: IdentityProvider, clock: Clock) -> Identity:
    """Return the verified identity of the caller, which holds now.

    Raises:
        Unauthenticated: with the reason.
    """
    now = clock.now()
    identity = identities.identify(peer, now)
    if identity.valid_until <= now:
        raise Unauthenticated(ErrorReason.TOKEN_EXPIRED)
    return identity
