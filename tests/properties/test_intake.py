"""The law of intake: whatever is sent, again, or into faults, what lies there are the accepted rows, each once."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.row_folders import ParquetRowFolders
from gateway.adapters.state.batches import SqlBatchRegister
from gateway.intake import Arrival, Intake, push, reconcile
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer
from gateway.model.record import Refused
from gateway.model.request import RequestContext, RowsRequest
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway
from tests.integration.ingest.clinic import PURPOSE, collecting, left_over, visit
from tests.integration.site import Site

CLINIC = "xihu-clinic"
FAULTS = {
    "nothing": None,
    "the disk is full": ("folders", "write", False, ErrorReason.INTAKE_UNAVAILABLE),
    "the register fails": ("batches", "keep", False, ErrorReason.REGISTER_UNAVAILABLE),
    "the register fails after it kept": ("batches", "keep", True, ErrorReason.REGISTER_UNAVAILABLE),
    "the file cannot be renamed": ("folders", "publish", False, ErrorReason.INTAKE_UNAVAILABLE),
    "the file is renamed and the answer lost": ("folders", "publish", True, ErrorReason.INTAKE_UNAVAILABLE),
    "the end cannot be entered": ("batches", "finish", False, ErrorReason.REGISTER_UNAVAILABLE),
}
"""Where a push fails: at which port, in which step, before or after what it does, and why."""

_EXAMPLES = count()


@dataclass(frozen=True)
class Send:
    """One push: a batch by its number, in the form that it is first sent in, and where it fails."""

    batch: int
    fault: str
    spoiled: bool = False
    """Other rows under the same id."""


@dataclass
class Failing:
    """A port that fails once, in one step."""

    real: Any
    step: str = ""
    after: bool = False
    reason: ErrorReason = ErrorReason.INTERNAL

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        if name != self.step:
            return found

        def failing(*given: Any) -> None:
            self.step = ""
            if self.after:
                found(*given)
            raise Fault(self.reason)

        return failing


@dataclass(frozen=True)
class Door:
    """The intake of a deployment, and who pushes."""

    site: Site
    intake: Intake
    peer: Peer
    batches: Failing
    folders: Failing

    def push(self, arrival: Arrival, fault: str) -> Any:
        with self._failing(fault):
            return push(self.intake, self.peer, arrival)

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        said = FAULTS[name]
        if said is not None:
            where, step, after, reason = said
            port: Failing = getattr(self, where)
            port.step, port.after, port.reason = step, after, reason
        yield
        # a fault that was not reached is gone with its push
        self.batches.step = self.folders.step = ""


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A gateway's own parts, over its state on disk; nothing is replaced, and faults are let in between."""
    site = collecting(tmp_path_factory.mktemp("law"))
    with open_gateway(read_settings(site.config)) as gateway:
        real = gateway.ingest._ports
        batches, folders = Failing(real.registers.batches), Failing(real.folders)
        assert isinstance(batches.real, SqlBatchRegister) and isinstance(folders.real, ParquetRowFolders)
        failing: Any = batches, folders
        intake = replace(real, registers=replace(real.registers, batches=failing[0]), folders=failing[1])
        yield Door(site, intake, site.peer(CLINIC), batches, folders)


def arrival(name: str, rows: list[dict[str, Any]]) -> Arrival:
    """Rows as they arrive in full."""
    records = pa.RecordBatch.from_pylist(rows)
    digest = hashlib.sha256(repr(rows).encode()).digest()
    context = RequestContext(PURPOSE, "hangzhou/xihu", "", str(uuid.uuid4()), b"body", False)
    request = RowsRequest(context, DisclosureKind.INGEST, "clinic_visits", "visits-in", (), False, (), None)
    return Arrival(request, name, digest, records, np.zeros(len(rows), np.bool_), all_or_nothing=False)


def files_of(site: Site) -> set[Path]:
    """The files that lie in place."""
    return set((site.data / "pushed" / "clinic_visits").glob("[!.]*.parquet"))


def rows_in(files: set[Path]) -> list[dict[str, Any]]:
    """Every row of some files."""
    return [row for file in files for row in pq.read_table(file).to_pylist()]


SENDS = st.lists(
    st.builds(Send, st.integers(0, 3), st.sampled_from(sorted(FAULTS)), st.booleans()),
    min_size=1,
    max_size=10,
)
KEYS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=4, max_size=4)


@settings(max_examples=settings().max_examples * 2 // 5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sends=SENDS, keys=KEYS)
def test_what_lies_there_are_the_accepted_rows_each_once(door: Door, sends: list[Send], keys: list[list[int]]) -> None:
    """`keys` are the primary keys of four batches, with duplicates within and between them."""
    example, before_it = next(_EXAMPLES), files_of(door.site)
    names = [str(uuid.uuid4()) for _ in keys]
    batches = [
        [visit(number, visit_id=f"x{example}-{key}", fee_fen=10 * batch + place) for place, key in enumerate(own)]
        for batch, own in enumerate(keys)
        for number in [example % 10_000]
    ]
    answers: dict[int, Any] = {}
    for send in sends:
        rows = batches[send.batch]
        if send.spoiled and send.batch in answers:
            other = door.push(arrival(names[send.batch], [*rows, rows[0]]), "nothing")
            assert isinstance(other, Refused) and other.refusal.reason is ErrorReason.BATCH_ID_REUSED
            continue
        try:
            answer = door.push(arrival(names[send.batch], rows), send.fault)
        except Fault:
            continue
        assert not isinstance(answer, Refused)
        quality = answer.batch.quality
        assert quality.accepted + quality.turned_away == len(rows)
        before = answers.setdefault(send.batch, answer)
        assert (answer.batch.quality, answer.receipt) == (before.batch.quality, before.receipt)
    # a start mends what is left, and a retry of all that failed is answered in the end
    assert reconcile(door.intake) == ()
    assert not left_over(door.site)
    lying = Counter(row["visit_id"] for row in rows_in(files_of(door.site) - before_it))
    assert max(lying.values(), default=1) == 1
    for number in {send.batch for send in sends}:
        answer = door.push(arrival(names[number], batches[number]), "nothing")
        answers.setdefault(number, answer)
        assert answer.receipt == answers[number].receipt
    found = rows_in(files_of(door.site) - before_it)
    accepted = sum(answer.batch.quality.accepted for answer in answers.values())
    sent = {row["visit_id"]: row for number in answers for row in batches[number]}
    assert len(found) == accepted == len({row["visit_id"] for row in found}) == len(sent)
    written = {(row["visit_id"], row["fee_fen"]) for number in answers for row in batches[number]}
    assert {(row["visit_id"], row["fee_fen"]) for row in found} <= written
    assert not left_over(door.site)
