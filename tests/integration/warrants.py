"""A city whose officers may link and re-identify: their keys, its tokens, and the ways to a join or an opening."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import gateway.client as gw
from gateway.client.warrants import Join, Reidentification
from tests.integration.site import Site

Who = tuple[str, str]

BUREAU: Who = ("data-bureau", "chen.jie")
AUDITOR: Who = ("audit-bureau", "wu.min")
COMMISSION: Who = ("health-commission", "lin.yue")
SECOND_OF_COMMISSION: Who = ("health-commission", "guo.ping")
REQUESTER: Who = ("health-commission", "xu.lan")
DISTRICT: Who = ("police-xiacheng", "zhao.lei")

POWERS: Mapping[Who, tuple[str, str, str]] = {
    BUREAU: ("[propose, publish, review, link, reidentify]", "hangzhou", '["*"]'),
    AUDITOR: ("[review, link, reidentify]", "hangzhou", '["*"]'),
    COMMISSION: ("[reidentify]", "hangzhou", "[health_cases]"),
    SECOND_OF_COMMISSION: ("[reidentify]", "hangzhou", "[health_cases]"),
    REQUESTER: ("[reidentify]", "hangzhou", "[health_cases]"),
    DISTRICT: ("[link, reidentify]", "hangzhou/xiacheng", '["*"]'),
}
"""Powers, region and datasets of each officer."""

TRACING = "epidemic-tracing"
FIRST, SECOND = gw.TokenDomain("police", TRACING), gw.TokenDomain("health-commission", TRACING)
LINK: dict[str, Any] = {"purpose": "contact-matching", "by": "resident_id", "tokens_of": TRACING}
OPEN: dict[str, Any] = {
    "purpose": "contact-warning",
    "by": "resident_id",
    "tokens_of": TRACING,
    "case_number": "YQ-2026-0007",
    "reason": "A contact lies ill at an address that nobody knows 急需联系",
}
REASON = "Which cases were seen where, for the report of the week 周报"


@dataclass
class Warrants:
    """A running gateway, and its officers' keys."""

    site: Site
    keys: Mapping[Who, Ed25519PrivateKey]
    stack: ExitStack = field(default_factory=ExitStack)
    _gateways: dict[Who, gw.Gateway] = field(default_factory=dict)
    _officers: dict[Who, gw.Officer] = field(default_factory=dict)
    _tokens: dict[str, list[str]] = field(default_factory=dict)

    def caller(self, institution: str, person: str = "li.wei") -> gw.Gateway:
        """A department's connection."""
        who = (institution, person)
        if who not in self._gateways:
            self._gateways[who] = self.stack.enter_context(self.site.connect(*who))
        return self._gateways[who]

    def officer(self, who: Who) -> gw.Officer:
        """An officer's connection."""
        if who not in self._officers:
            self._officers[who] = self.stack.enter_context(self.site.officer(*who))
        return self._officers[who]

    def tokens(self, institution: str) -> list[str]:
        """The tokens of cases that an institution was given for tracing, each once."""
        if institution not in self._tokens:
            table = self.caller(institution).extract(
                "health_cases", "police-tracing", purpose=TRACING, fields=["resident_id"]
            )
            self._tokens[institution] = sorted({str(token) for token in table.read_all().column(0).to_pylist()})
        return self._tokens[institution]

    def propose(self, who: Who = BUREAU, days: float = 30.0, **changed: Any) -> Join:
        """A join grant of the police and the health commission that waits for another officer."""
        whole: dict[str, Any] = {
            "first": FIRST,
            "second": SECOND,
            "dataset": "health_cases",
            "field": "resident_id",
            "purpose": "contact-matching",
            "reason": REASON,
            "ends_at": datetime.now(UTC) + timedelta(days=days),
        }
        return self.officer(who).propose_join(**{**whole, **changed})

    def joined(self) -> Join:
        """A join grant in force."""
        return self.approve_join(self.propose(), BUREAU, AUDITOR)

    def approve_join(self, join: Join, *officers: Who) -> Join:
        """The join grant after these officers have signed it."""
        for who in officers:
            join = self.officer(who).approve_join(join, self.keys[who])
        return join

    def link(self, institution: str, join: Join | str, tokens: list[str] | None = None, **changed: Any) -> list[Any]:
        """What an institution's tokens become."""
        sent = self.tokens(institution) if tokens is None else tokens
        named = join if isinstance(join, str) else join.id
        how = {**LINK, **changed}
        found = self.caller(institution).link("health_cases", "contact-matching", sent, join=named, **how)
        gw.verify_receipt(found.receipt)
        assert found.receipt.join == named
        return list(found.tokens.to_pylist())

    def ask(self, tokens: list[str], who: Who = REQUESTER, key: Any = None, **changed: Any) -> Reidentification:
        """A request of the health commission to open tokens."""
        how = {**OPEN, **changed}
        return self.caller(*who).ask_reidentification(
            "health_cases", "contact-warning", tokens, key or gw.reidentify.new_key(), **how
        )

    def approve(self, asked: Reidentification, *officers: Who) -> Reidentification:
        """The request after these officers have signed it."""
        for who in officers:
            asked = self.officer(who).approve_reidentification(asked, self.keys[who])
        return asked


def officers_file(policies: Path) -> dict[Who, Ed25519PrivateKey]:
    """Name the officers in a policy folder, and return their keys."""
    keys = {who: Ed25519PrivateKey.generate() for who in POWERS}
    lines = ["cool_down_hours: 0", "officers:"]
    for (institution, person), (powers, region, datasets) in POWERS.items():
        public = base64.b64encode(keys[institution, person].public_key().public_bytes_raw()).decode()
        lines += [f"  - institution: {institution}", f"    person: {person}", f"    powers: {powers}"]
        lines += [f"    region: {region}", f"    datasets: {datasets}", f"    key: {public}"]
    (policies / "officers.yaml").write_text("\n".join(lines) + "\n")
    return keys


def raise_rate(policies: Path) -> None:
    """Let a test ask more often than the city's own policy does."""
    grants = policies / "grants.csv"
    text = grants.read_text()
    assert "max_keys=5;rate=3/day" in text
    grants.write_text(text.replace("max_keys=5;rate=3/day", "max_keys=5;rate=300/day"))
