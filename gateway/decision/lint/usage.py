"""What grants were really used for, by the records of what was disclosed under them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from gateway.model.calendar import city_day
from gateway.model.record import AuditRecord, Outcome


@dataclass(frozen=True, slots=True)
class Usage:
    """What one grant was used for: when last, how often, by whom, and of all that it gives, what.

    `objects` are disclosures ("dataset/name"). `most_rows` is the largest answer; of a lookup it is how many of those
    who were named were found, which is no more than were named.
    """

    last_used: date
    uses: int
    institutions: frozenset[str]
    objects: frozenset[str]
    kinds: frozenset[str]
    regions: frozenset[str]
    purposes: frozenset[str]
    fields: frozenset[str]
    most_rows: int


def usage_from(records: Iterable[AuditRecord]) -> Mapping[str, Usage]:
    """Return the use of each grant that disclosed something, by its id. Refusals use nothing."""
    found: dict[str, _Used] = {}
    for record in records:
        if record.outcome is Outcome.REFUSED:
            continue
        if record.grant:
            found.setdefault(record.grant, _Used(record.at)).add(record)
        if record.joined:
            dataset, _, disclosure = record.joined.partition("/")
            other = replace(record, dataset=dataset, disclosure=disclosure, grant=record.joined_grant)
            # one grant may open both datasets: that is one use of it
            used = found.setdefault(record.joined_grant, _Used(record.at))
            used.add(other, again=record.joined_grant == record.grant)
    return {grant: used.usage() for grant, used in found.items()}


@dataclass(slots=True)
class _Used:
    last: datetime
    uses: int = 0
    institutions: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)
    purposes: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    most_rows: int = 0

    def add(self, record: AuditRecord, *, again: bool = False) -> None:
        self.last = max(self.last, record.at)
        self.uses += record.decides and not again
        self.institutions.add(record.institution)
        self.objects.add(f"{record.dataset}/{record.disclosure}")
        self.kinds.add(record.kind.value)
        self.regions.add(record.region)
        self.purposes.add(record.purpose)
        self.fields.update(item.field for item in record.fields)
        self.most_rows = max(self.most_rows, record.rows)

    def usage(self) -> Usage:
        return Usage(
            last_used=city_day(self.last),
            uses=self.uses,
            institutions=frozenset(self.institutions),
            objects=frozenset(self.objects),
            kinds=frozenset(self.kinds),
            regions=frozenset(self.regions),
            purposes=frozenset(self.purposes),
            fields=frozenset(self.fields),
            most_rows=self.most_rows,
        )
