"""Who people are, or what may tell it, given as it stands."""

from __future__ import annotations

from gateway.model.contract import DataContract, DisclosureSpec
from gateway.model.treatment import Keep


def kept_identifiers(contract: DataContract, spec: DisclosureSpec) -> tuple[str, ...]:
    """Return the direct identifiers and the free texts that leave as they are in a disclosure, in its order."""
    return tuple(
        field for field, how in spec.fields.items() if isinstance(how, Keep) and contract.fields[field].names_people
    )
