"""What stories do with two officers: join grants and re-identifications, by the names that stories give them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import gateway.client as gw
from gateway.client.warrants import Join, Reidentification
from tests.integration.scenarios.story import Gets, Office, Step
from tests.integration.site import values_of

_OPENED = 3
_FIELD = "resident_id"


def officer_key(person: str) -> Ed25519PrivateKey:
    """The key of an officer in stories; its public part stands in the story that needs it."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"the key of {person} in stories".encode()).digest())


@dataclass
class Warrants:
    """Joins, requests and join tokens of one story."""

    data: Path
    joins: dict[str, Join] = field(default_factory=dict)
    requests: dict[str, Reidentification] = field(default_factory=dict)
    keys: dict[str, X25519PrivateKey] = field(default_factory=dict)
    linked: dict[str, list[str | None]] = field(default_factory=dict)

    def do(self, desk: gw.Officer, step: Step, office: Office) -> None:
        """Propose, sign or end what the step names."""
        if office.proposes:
            first, second = (gw.TokenDomain(*side.split()) for side in office.between)
            self.joins[office.proposes] = desk.propose_join(
                first, second, dataset="health_cases", field=_FIELD, purpose="contact-matching",
                reason=f"For the {office.proposes}", ends_at=datetime.now(UTC) + timedelta(days=7),
            )  # fmt: skip
        elif office.ends:
            ended = desk.end_join(self.joins[office.ends].id)
            assert ended.destroyed_at is not None and ended.destroyed_entry
        elif office.signs in self.joins:
            (shown,) = [one for one in desk.joins() if one.id == self.joins[office.signs].id]
            desk.approve_join(shown, officer_key(step.person))
        else:
            (waiting,) = [one for one in desk.reidentifications() if one.id == self.requests[office.signs].id]
            assert waiting.reason, "an officer reads why"
            desk.approve_reidentification(waiting, officer_key(step.person))

    def link(self, gateway: gw.Gateway, step: Step, tokens: Sequence[str]) -> gw.Linked:
        """Bring tokens under a join."""
        return gateway.link(
            step.dataset, step.disclosure, tokens, purpose=step.why, join=self.joins[step.under].id, by=_FIELD,
            tokens_of="epidemic-tracing",
        )  # fmt: skip

    def met(self, answer: gw.Linked, gets: Gets, raw: set[str]) -> None:
        """Check what came of linking, and remember it."""
        came = answer.tokens.to_pylist()
        assert not {token for token in came if token} & raw
        if gets.strangers:
            assert set(came) == {None}
            return
        assert gets.linked is not None and None not in came and len(set(came)) == len(came)
        self.linked[gets.linked] = came
        if gets.meets is not None:
            assert set(self.linked[gets.meets]) == set(came)

    def open(self, gateway: gw.Gateway, step: Step, tokens: Sequence[str]) -> tuple[str | None, ...] | None:
        """Ask for a few tokens to be opened, or collect what was asked for: then who they are."""
        asked = tokens[:_OPENED]
        if not step.collects:
            assert step.gets is not None and step.gets.asked is not None
            key = self.keys[step.gets.asked] = gw.reidentify.new_key()
            self.requests[step.gets.asked] = gateway.ask_reidentification(
                step.dataset, step.disclosure, asked, key, purpose=step.why, by=_FIELD, tokens_of="epidemic-tracing",
                reason="a person is in danger", case_number=step.case_number,
            )  # fmt: skip
            return None
        sealed = gateway.collect_reidentification(self.requests[step.collects].id, asked)
        gw.verify_receipt(sealed.receipt)
        return gw.reidentify.open(self.keys[step.collects], sealed)

    def told(self, opened: tuple[str | None, ...], step: Step) -> None:
        """Check that people of the city's own table came out."""
        assert len(opened) == _OPENED
        assert set(opened) <= set(values_of(self.data, step.dataset, _FIELD))
