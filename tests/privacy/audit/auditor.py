"""Who asks the audited gateway, over each state of the data."""

from __future__ import annotations

from dataclasses import dataclass

import gateway.client as gw
from tests.privacy.audit.asking import Answers, Filters, ask
from tests.privacy.audit.audited import Audited
from tests.privacy.audit.canaries import Truth

WITH, WITHOUT, PERMUTED, UNBOUNDED = range(4)
"""The states of the data: with the canaries, without them, with them and in another order, and with each of their
records under a name of its own, as if the gateway had lost sight of who is who."""


@dataclass
class Auditor:
    """Who asks the audited gateway."""

    audited: Audited
    gateway: gw.Gateway
    truths: dict[int, Truth]

    def ask(self, state: int, statistics: list[str], epsilon: float, calls: int, filters: Filters = ()) -> Answers:
        """Ask over one state of the data."""
        self.audited.source.state = state
        return ask(self.gateway, statistics, epsilon, calls, filters=filters)
