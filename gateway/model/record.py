"""What the audit log records. The format is final: a field's meaning never changes; new ones may be added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gateway.model.contract import DisclosureKind
from gateway.model.loss import PrivacyLoss
from gateway.model.permit import Refusal, Withheld

UNKNOWN = "(unknown)"
"""Stands for a name that the policy does not know: a caller's free text is neither recorded nor repeated."""


class Outcome(StrEnum):
    """How a disclosure, or the refusal of one, ended.

    EVALUATED is a decision that another system asked for and acts on by itself: nothing left the gateway.
    """

    REFUSED = "refused"
    STARTED = "started"
    COMPLETED = "completed"
    ABORTED = "aborted"
    EVALUATED = "evaluated"


@dataclass(frozen=True, slots=True)
class TreatedField:
    """A field that left, and how: kind and detail of its treatment."""

    field: str
    treatment: str
    detail: str
    type: str


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One entry of the log. It holds no payload and no identifier of a data subject. `at` is UTC.

    `filtered_on` are the caller's conditions without their values ("colour eq"), `selected_by` the key that named the
    subjects and how ("resident_id token"); `grouped_by` and `statistics` are what a release answered.
    `replay` marks a release that had been stored before; `completes` is the index of the entry that began a stream.
    `withheld_rows`, of all that the grant opens, do not leave because too few people share what they say.
    `trials` names the denies on trial that would have refused it, `emergency` the broken glass it stands on ("": none).
    `join` names the join grant under which tokens were linked, `reidentification` the request that was collected, or
    that a refusal was about. `joined` is the disclosure of the dataset that a release joins ("residents/statistics"),
    `joined_grant` the grant that carried it. `batch` is the id of rows that came in: `rows` of them are kept, and
    `rejected_rows` are not.
    Of an extract in several connections, `continues` is the index of the entry of its opening; `stream` is the one of
    its `streams` that is read (from 0; 0 streams: one), and `after_rows` of it had left before.
    """

    outcome: Outcome
    at: datetime
    institution: str
    person: str
    request_id: str
    dataset: str
    disclosure: str
    kind: DisclosureKind
    purpose: str
    legal_basis: str
    region: str
    case_number: str
    policy_digest: str
    grant: str
    reason: str = ""
    fields: tuple[TreatedField, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    filtered_on: tuple[str, ...] = ()
    selected_by: str = ""
    grouped_by: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    loss: PrivacyLoss | None = None
    release_id: str = ""
    replay: bool = False
    rows: int = 0
    batches: int = 0
    data_version: str = ""
    noise_waived: str = ""
    completes: int | None = None
    trials: tuple[str, ...] = ()
    emergency: str = ""
    withheld_rows: int = 0
    join: str = ""
    reidentification: str = ""
    joined: str = ""
    joined_grant: str = ""
    batch: str = ""
    rejected_rows: int = 0
    continues: int | None = None
    stream: int = 0
    streams: int = 0
    after_rows: int = 0

    @property
    def decides(self) -> bool:
        """Whether this is a disclosure or a refusal by itself: neither the end of a stream, nor a further one."""
        return self.completes is None and self.continues is None

    @property
    def disclosures(self) -> tuple[tuple[str, str], ...]:
        """The dataset and the disclosure that it is about; of a join, those of the other dataset too."""
        other, _, disclosure = self.joined.partition("/")
        own = (self.dataset, self.disclosure)
        return (own, (other, disclosure)) if self.joined else (own,)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry as it stands in the log.

    leaf_hash = SHA-256(0x00 ‖ salt ‖ record): RFC 9162 section 2.1.1 over a salted record.
    """

    index: int
    leaf_hash: bytes
    salt: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """A record with its place in the log."""

    record: AuditRecord
    entry: LogEntry


class Refused(NamedTuple):
    """A refusal, with the receipt of its entry in the log where a disclosure was decided."""

    refusal: Refusal
    receipt: Receipt | None
