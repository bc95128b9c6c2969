"""Where the jobs of synthetic extracts are done: so many at once, one gateway a job, whatever happens to gateways.

The register is the queue. A gateway claims a job for the length of a lease and renews it while its process works; one
that is killed renews nothing, and another (or the same, started again) begins the job anew from the stored counts.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from gateway.accountability.certificates.synthesis import extract_statement
from gateway.adapters.synthesis.folder import ExtractFolder
from gateway.adapters.synthesis.job import Job
from gateway.model.errors import Fault
from gateway.model.event import Event, EventKind
from gateway.model.signing import Certificate
from gateway.model.synthesis import JobOrder, JobState, MadeFile, NoisedCounts, SynthesisJob
from gateway.ports import AuditLog, Clock, ReleaseSigner, SynthesisRegister
from gateway.synthesis.order import Extract, ExtractFailed, Failure, Limits, Progress, Step, order_of

_LOOK = 0.5  # seconds between looks for work, and between signs of life
_HOUSEKEEPING = 60.0
_AHEAD = {Step.FIT: (0.0, 0.1), Step.DRAW: (0.1, 0.8), Step.WRITE: (0.9, 0.1)}


@dataclass(frozen=True, slots=True)
class WorkshopRules:
    """How many jobs at once, what each may take, how long its files are kept, and how long a claim holds unrenewed."""

    at_once: int
    limits: Limits
    retention: timedelta
    lease: timedelta


class Workshop:
    """Threads that do jobs from `start` to `stop`. `broken` is told of what should not have happened."""

    def __init__(
        self,
        register: SynthesisRegister,
        folder: ExtractFolder,
        rules: WorkshopRules,
        signer: ReleaseSigner,
        audit: AuditLog,
        clock: Clock,
        broken: Callable[[str, BaseException], None],
    ) -> None:
        self._register, self._folder, self._rules = register, folder, rules
        self._signer, self._audit, self._clock, self._broken = signer, audit, clock, broken
        # a name that no other gateway has, nor this one after a restart
        self._name = secrets.token_hex(16)
        self._over = threading.Event()
        works = [self._work] * rules.at_once
        self._threads = [
            threading.Thread(target=work, name="synthesis", daemon=True) for work in (*works, self._keep_house)
        ]

    def start(self) -> None:
        """Begin. Called once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End: processes are killed, and jobs under way are put back to wait for another gateway, or for this one."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._over.wait(_LOOK):
            with _Telling(self._broken):
                while not self._over.is_set():
                    claimed = self._register.claim(self._name, self._clock.now(), self._rules.lease)
                    if claimed is None:
                        break
                    self._do(claimed)

    def _do(self, claimed: SynthesisJob) -> None:
        """Do one job to its end, or until it is no longer this gateway's."""
        order = claimed.order
        outcome: MadeFile | str | None
        try:
            outcome = self._made(claimed)
        except ExtractFailed as failed:
            # what was cancelled is so in the register, or else the gateway ends and it waits
            outcome = None if failed.failure is Failure.CANCELLED else failed.failure.value
        except Exception as error:
            self._broken("synthesis", error)
            outcome = Failure.BROKEN.value
        if outcome is not None:
            self._note(claimed, outcome)
        kept = self._register.finish(order.id, self._name, self._clock.now(), outcome)
        standing = None if kept else self._register.job(order.id)
        if standing is not None and standing.state is JobState.CANCELLED:
            self._folder.remove(order)

    def _made(self, claimed: SynthesisJob) -> MadeFile:
        order = claimed.order
        counts = self._register.counts(order.counts)
        if counts is None:
            raise ExtractFailed(Failure.BROKEN)
        far = _Far()
        made = order_of(counts, order.rows, order.format)
        job = Job(made, self._folder.path, order.id, self._rules.limits, far.tell)
        done = threading.Event()
        heart = threading.Thread(
            target=self._beat, args=(order.id, job, far, done), name="synthesis-lease", daemon=True
        )
        heart.start()
        try:
            extract = job.run()
        finally:
            done.set()
            heart.join()
        told = self._folder.report(order)
        file = None if told is None else told.get("file")
        if not isinstance(file, dict):
            raise ExtractFailed(Failure.BROKEN)
        try:
            return self._certified(counts, order, extract, str(file["sha256"]))
        except BaseException:
            self._folder.remove(order)
            raise

    def _certified(self, counts: NoisedCounts, order: JobOrder, extract: Extract, sha256: str) -> MadeFile:
        """Sign what was made, once; nothing of counts that were stored before there were certificates."""
        file = MadeFile(extract.rows.stat().st_size, sha256)
        if not counts.stated:
            return file
        report_sha256 = hashlib.sha256(extract.report.read_bytes()).hexdigest()
        stated = extract_statement(counts, order, file, report_sha256, self._clock.now())
        return replace(file, certificate=Certificate(stated, self._signer.sign(stated)))

    def _beat(self, job_id: str, job: Job, far: _Far, done: threading.Event) -> None:
        """Renew the lease while the job runs, and cancel it once it is somebody else's, or nobody's."""
        lease = self._rules.lease
        holds_until = time.monotonic() + lease.total_seconds()
        while not done.wait(_LOOK):
            if self._over.is_set():
                job.cancel()
                return
            held = time.monotonic() < holds_until
            try:
                renewed = time.monotonic()
                until = self._clock.now() + lease
                held = held and self._register.renew(job_id, self._name, far.step, far.progress, until)
                holds_until = renewed + lease.total_seconds()
            except Fault:
                # the register may be back before the lease is over
                pass
            if not held:
                job.cancel()
                return

    def _note(self, claimed: SynthesisJob, outcome: MadeFile | str) -> None:
        order = claimed.order
        about = {"extract": order.id, "counts": order.counts, "rows": str(order.rows), "format": order.format.value}
        if isinstance(outcome, MadeFile):
            about |= {"ended": JobState.DONE.value, "sha256": outcome.sha256}
        else:
            about |= {"ended": JobState.FAILED.value, "failure": outcome}
        self._audit.note(Event(EventKind.SYNTHESIS_ENDED, self._clock.now(), "gateway", about))

    def _keep_house(self) -> None:
        due = 0.0
        while not self._over.wait(_LOOK):
            if time.monotonic() < due:
                continue
            due = time.monotonic() + min(_HOUSEKEEPING, self._rules.retention.total_seconds())
            with _Telling(self._broken):
                for expired in self._register.expire(self._clock.now() - self._rules.retention):
                    self._folder.remove(expired.order)
                self._folder.clear(older_than=self._rules.limits.seconds + self._rules.lease.total_seconds())


class _Far:
    """How far a job is: written by the thread that hears its process, read by the one that renews its lease."""

    def __init__(self) -> None:
        self.step, self.progress = "", 0.0

    def tell(self, told: Progress) -> None:
        before, share = _AHEAD[told.step]
        self.step, self.progress = told.step.value, before + share * told.done / max(told.of, 1)


class _Telling:
    """Tells of a failure and lets the thread go on: a register that is away is back later."""

    def __init__(self, broken: Callable[[str, BaseException], None]) -> None:
        self._broken = broken

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, Exception):
            self._broken("synthesis", error)
            return True
        return False
