"""The domain that a command names: well-formed, and one that the key file knows."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from gateway.adapters.keys.document import KeyDocument
from gateway.cli.mistake import Mistake
from gateway.model.pseudonym import PseudonymDomain
from gateway.policy.problems import did_you_mean
from gateway.policy.validation import is_slug
from gateway.ports import AUDIT_DOMAIN

_JOIN = "join:"
_EPOCH = re.compile(r"\d{4}(?:-\d\d){0,2}", re.ASCII)
_FIRST_DAY = "0000-01-01"


def domain_of(recipient: str, purpose: str, epoch: str) -> PseudonymDomain:
    """Return the domain of names as policies write them.

    Raises:
        Mistake: one of them is no name, the epoch is no day, month or year, or the domain is the gateway's own.
    """
    if not is_slug(recipient.removeprefix(_JOIN)):
        raise Mistake("--recipient is no name of an institution", "Use a-z, 0-9 and single '-', or join: and an id.")
    if not is_slug(purpose):
        raise Mistake("--purpose is no name of a purpose", "Use a-z, 0-9 and single '-' between them.")
    if epoch and not _is_epoch(epoch):
        raise Mistake("--epoch is no day, month or year", "Write 2026-11-22, 2026-11 or 2026.")
    domain = PseudonymDomain(recipient, purpose, epoch)
    if replace(domain, epoch="") == AUDIT_DOMAIN:
        raise Mistake(
            "the gateway's own keys are not destroyed: manifests, meters and registers are read with them",
            "They end with the key file.",
        )
    return domain


def see_that_it_was_made(domain: PseudonymDomain, document: KeyDocument) -> None:
    """See that a key file has a secret of a domain, or had one: a slip of the pen is kept for ever as well.

    Raises:
        Mistake: it has none; says what is near.
    """
    known = {item.domain for item in document.secrets} | document.tombstones.domains
    whole = replace(domain, epoch="")
    epochs = {one for one in known if replace(one, epoch="") == whole}
    if domain in epochs or (epochs and (domain == whole or document.tombstones.covers(domain))):
        return
    near = did_you_mean(shown(domain), (shown(one) for one in epochs or known))
    go_on = "To see that it never has one, add --never-made."
    raise Mistake(f"there is no secret of {shown(domain)}, and none was destroyed", f"{near} {go_on}".strip())


def shown(domain: PseudonymDomain) -> str:
    """Return what a domain is called, for people."""
    return f"{domain.recipient} for {domain.purpose}" + (f", epoch {domain.epoch}" if domain.epoch else "")


def _is_epoch(text: str) -> bool:
    try:
        return _EPOCH.fullmatch(text) is not None and date.fromisoformat(text + _FIRST_DAY[len(text) :]) is not None
    except ValueError:
        return False
