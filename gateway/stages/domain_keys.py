"""The working keys with which a permit's tokens are made and read back, and subjects are marked."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.kernels.tokens import TokenKeys
from gateway.model.contract import CanonicalForm, DataContract
from gateway.model.permit import Permit
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.treatment import Pseudonymize, TokenKind
from gateway.ports import AUDIT_DOMAIN, KeyRing, KeyUse, WorkingKeys, of_subjects


def token_keys(
    keys: WorkingKeys, domain: PseudonymDomain, form: CanonicalForm, version: int | None = None
) -> TokenKeys:
    """Return the keys of reversible tokens of a domain and form: the newest version's, or those of a readable one.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    block, siv = (keys.working_key(domain, use, form.value, version) for use in (KeyUse.TOKEN_BLOCK, KeyUse.TOKEN_SIV))
    return TokenKeys(keys.suite, block, siv)


def unit_key(keys: WorkingKeys, contract: DataContract, use: KeyUse) -> bytes:
    """Return the gateway's own key for tags of a dataset's privacy units: those of manifests or of consents.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    return keys.working_key(AUDIT_DOMAIN, use, of_subjects(contract.privacy_unit.kind, contract.unit_field.canonical))


def reading_keys(keys: KeyRing, permit: Permit, field: str) -> Iterator[TokenKeys]:
    """Yield the keys under which the caller's tokens of a field may have been made, likeliest first.

    Those are the readable versions of its standing domain, and of today's epoch where a disclosure of the dataset
    renews the field's tokens: a token of an epoch that is over opens nothing.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    contract = permit.scope.contract
    treatments = (disclosure.fields.get(field) for disclosure in contract.disclosures.values())
    made = [how for how in treatments if isinstance(how, Pseudonymize) and how.token is TokenKind.REVERSIBLE]
    domains = [permit.domain.at(how.renewed, permit.today) for how in made]
    for domain in dict.fromkeys([permit.domain, *domains]):
        for version in keys.versions():
            yield token_keys(keys, domain, contract.fields[field].canonical, version)
