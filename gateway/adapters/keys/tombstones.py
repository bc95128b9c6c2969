"""Which domains were destroyed: names for ever, and for epochs a day before which none has a key."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from gateway.model.pseudonym import PseudonymDomain

_EPOCH = re.compile(r"\d{4}(?:-\d\d){0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tombstones:
    """What never has a key again.

    `domains` with an epoch are that epoch alone; those without cover all epochs, also ones that were never made.
    `before` is a day, "YYYY-MM-DD", or "": days, months and years that ended before it have no key, in any domain.
    """

    domains: frozenset[PseudonymDomain] = frozenset()
    before: str = ""

    def covers(self, domain: PseudonymDomain) -> bool:
        """Tell whether a domain was destroyed."""
        return domain in self.domains or replace(domain, epoch="") in self.domains or self._ended(domain.epoch)

    def names(self) -> tuple[PseudonymDomain, ...]:
        """Return the domains that were destroyed by name, in order of names."""
        return tuple(sorted(self.domains, key=lambda one: (one.recipient, one.purpose, one.epoch)))

    def cover_all(self, others: Tombstones) -> bool:
        """Tell whether everything that others name was destroyed here as well."""
        return others.before <= self.before and all(self.covers(domain) for domain in others.domains)

    def including(self, others: Tombstones) -> Tombstones:
        """Return both together, without the names that others cover."""
        both = Tombstones(self.domains | others.domains, max(self.before, others.before))
        return Tombstones(frozenset(item for item in both.domains if not both._needless(item)), both.before)

    def _needless(self, domain: PseudonymDomain) -> bool:
        whole = replace(domain, epoch="")
        return domain != whole and (whole in self.domains or self._ended(domain.epoch))

    def _ended(self, epoch: str) -> bool:
        # names of days, months and years sort as they pass: "2026-10" ended before every day of "2026-11"
        return _EPOCH.fullmatch(epoch) is not None and epoch < self.before[: len(epoch)]
