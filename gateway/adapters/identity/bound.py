"""Who calls: the institution of the certificate and the person of the token, of one and the same institution."""

from __future__ import annotations

import hmac
from datetime import datetime

from gateway.adapters.identity.certificates import CertificateInstitutions
from gateway.adapters.identity.tokens import PersonTokens
from gateway.model.errors import ErrorReason, Unauthenticated
from gateway.model.party import Identity, Peer


class BoundIdentities:
    """The IdentityProvider of a serving gateway."""

    def __init__(self, certificates: CertificateInstitutions, tokens: PersonTokens) -> None:
        self._certificates = certificates
        self._tokens = tokens

    def identify(self, peer: Peer, now: datetime) -> Identity:
        """Return the verified identity; it holds until the earlier end of certificate and token.

        Raises:
            Unauthenticated: as the certificate and the token give cause; INSTITUTION_MISMATCH if they are of two
                institutions; TOKEN_INVALID if the token is bound to another certificate (RFC 8705, section 3).
        """
        bound = self._certificates.bind(peer.certificate_pem, now)
        token = self._tokens.verify(peer.bearer_token, now)
        if token.institution != bound.institution:
            raise Unauthenticated(ErrorReason.INSTITUTION_MISMATCH)
        if token.thumbprint is not None and not hmac.compare_digest(token.thumbprint, bound.thumbprint):
            raise Unauthenticated(ErrorReason.TOKEN_INVALID)
        return Identity(bound.institution, token.person, min(bound.valid_until, token.valid_until))
