"""The register of synthetic extracts, in the state database: what the gateways that share it agree by."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, insert, or_, select, update

from gateway.accountability import counts as counts_form
from gateway.accountability import jcs, particulars
from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.synthesis import synthesis_counts, synthesis_jobs
from gateway.model.errors import ErrorReason
from gateway.model.signing import Certificate
from gateway.model.synthesis import FileFormat, JobOrder, JobState, MadeFile, NoisedCounts, SynthesisJob

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_jobs = synthesis_jobs.c
_HELD = (JobState.QUEUED, JobState.RUNNING, JobState.DONE)
_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)

MOST_ATTEMPTS = 3
"""So often a job is begun whose worker was not heard of again: what ends gateways must not do so for ever."""


class SqlSynthesisRegister:
    """A `SynthesisRegister`. Every change reads, compares and writes in one transaction in which nobody else writes."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def keep(self, counts: NoisedCounts) -> NoisedCounts:
        """Keep noised counts and return those that stand under their id: the first.

        Raises:
            Fault: REGISTER_UNAVAILABLE, also if they were never charged.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            first = _counts(connection, counts.id)
            if first is not None:
                return first
            payload = counts_form.encode(counts)
            connection.execute(
                insert(synthesis_counts).values(counts_id=counts.id, payload=payload, stored_at=counts.created_at)
            )
        return counts_form.decode(payload)

    def counts(self, counts_id: str) -> NoisedCounts | None:
        """Return noised counts, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _counts(connection, counts_id)

    def order(self, order: JobOrder, at: datetime, *, anew: bool, most: int) -> SynthesisJob | None:
        """Set a job to work, also one that is over, and return it; one that waits, runs or is done stays as it is.

        `anew` sets also a done one to work again, for a file that is lost. Returns None, and changes nothing, where the
        institution would hold more than `most` with it: counted in the transaction that sets it to work.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            standing = _job(connection, order.id)
            again = standing is not None and (standing.state.is_over or (anew and standing.state is JobState.DONE))
            if (standing is None or again) and _held_by(connection, order.institution, order.id) >= most:
                return None
            values: dict[str, Any] = {
                "institution": order.institution,
                "asked_at": at,
                "attempts": 0,
                **_waiting(),
            }
            if standing is None:
                connection.execute(
                    insert(synthesis_jobs).values(
                        job_id=order.id, counts_id=order.counts, rows=order.rows, format=order.format.value, **values
                    )
                )
            elif again:
                connection.execute(update(synthesis_jobs).where(_jobs.job_id == order.id).values(values))
            return _there(connection, order.id)

    def job(self, job_id: str) -> SynthesisJob | None:
        """Return a job, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _job(connection, job_id)

    def held_by(self, institution: str) -> int:
        """Return how many jobs of an institution wait, run, or have files that are kept.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _held_by(connection, institution)

    def cancel(self, job_id: str, at: datetime) -> SynthesisJob | None:
        """Cancel a job that waits or runs, and return it as it stands; None if there is none.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            connection.execute(
                update(synthesis_jobs)
                .where(_jobs.job_id == job_id, _jobs.state.in_(_UNFINISHED))
                .values(_ended(JobState.CANCELLED, at))
            )
            return _job(connection, job_id)

    def claim(self, worker: str, at: datetime, lease: timedelta) -> SynthesisJob | None:
        """Begin a job that waits, or whose worker's lease is over; None if there is none. Institutions take turns.

        Whoever claims it has it until the lease ends: nobody else gets it before. One that was begun too often without
        an end has failed.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE):
            with self._database.reading() as connection:
                # a look that nobody waits for: most find nothing
                if _next(connection, at) is None:
                    return None
            with self._database.writing() as connection:
                while (found := _next(connection, at)) is not None:
                    job_id, attempts = found
                    here = update(synthesis_jobs).where(_jobs.job_id == job_id)
                    if attempts >= MOST_ATTEMPTS:
                        connection.execute(here.values(_ended(JobState.FAILED, at, failure="broken")))
                        continue
                    connection.execute(
                        here.values(
                            state=JobState.RUNNING.value,
                            worker=worker,
                            lease_until=at + lease,
                            attempts=attempts + 1,
                            step="",
                            progress=0,
                        )
                    )
                    return _there(connection, job_id)
        return None

    def renew(self, job_id: str, worker: str, step: str, progress: float, until: datetime) -> bool:
        """Note how far the worker's job is, and hold it until then; False if it is the worker's no more: cancelled.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            changed = connection.execute(
                _of(job_id, worker).values(step=step, progress=int(progress * 1000), lease_until=until)
            )
            return changed.rowcount == 1

    def finish(self, job_id: str, worker: str, at: datetime, outcome: MadeFile | str | None) -> bool:
        """Note how the worker's job ended: with a file, with a failure in one word, or (None) put back to wait.

        Returns False, and notes nothing, if it is the worker's no more.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        match outcome:
            case MadeFile():
                values = _ended(JobState.DONE, at) | {"progress": 1000} | _file(outcome)
            case str():
                values = _ended(JobState.FAILED, at, failure=outcome)
            case None:
                values = _waiting() | {"attempts": 0}
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            return connection.execute(_of(job_id, worker).values(values)).rowcount == 1

    def expire(self, before: datetime) -> tuple[SynthesisJob, ...]:
        """Note that the files of jobs done before then are gone, and return those jobs.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        old = and_(_jobs.state == JobState.DONE, _jobs.ended_at < before)
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            found = tuple(_read(row) for row in connection.execute(select(synthesis_jobs).where(old)))
            connection.execute(update(synthesis_jobs).where(old).values(state=JobState.EXPIRED.value, **_file(None)))
            return found


def _of(job_id: str, worker: str) -> Any:
    running = _jobs.state == JobState.RUNNING
    return update(synthesis_jobs).where(_jobs.job_id == job_id, _jobs.worker == worker, running)


def _held_by(connection: Connection, institution: str, but: str = "") -> int:
    """How many jobs an institution holds, leaving out one that it may hold already."""
    held = (_jobs.institution == institution) & _jobs.state.in_(_HELD) & (_jobs.job_id != but)
    found: int = connection.execute(select(func.count()).select_from(synthesis_jobs).where(held)).scalar_one()
    return found


def _next(connection: Connection, at: datetime) -> tuple[str, int] | None:
    """The job to begin: of the institution that has the fewest running and was served longest ago, the oldest."""
    left = and_(_jobs.state == JobState.RUNNING, _jobs.lease_until < at)
    running = func.sum(case((and_(_jobs.state == JobState.RUNNING, _jobs.lease_until >= at), 1), else_=0))
    served = (
        select(_jobs.institution, running.label("running"), func.max(_jobs.ended_at).label("ended_at"))
        .group_by(_jobs.institution)
        .subquery()
    )
    row = connection.execute(
        select(_jobs.job_id, _jobs.attempts)
        .join(served, served.c.institution == _jobs.institution)
        .where(or_(_jobs.state == JobState.QUEUED, left))
        .order_by(served.c.running, served.c.ended_at.asc().nulls_first(), _jobs.asked_at, _jobs.job_id)
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.job_id, row.attempts)


def _waiting() -> dict[str, Any]:
    return {
        "state": JobState.QUEUED.value,
        "step": "",
        "progress": 0,
        "failure": "",
        "worker": "",
        "lease_until": None,
        "ended_at": None,
        **_file(None),
    }


def _file(made: MadeFile | None) -> dict[str, Any]:
    if made is None:
        return {"file_bytes": None, "file_sha256": None, "certificate": None}
    signed = made.certificate
    written = None if signed is None else jcs.encode(particulars.write_certificate(signed))
    return {"file_bytes": made.bytes, "file_sha256": made.sha256, "certificate": written}


def _ended(state: JobState, at: datetime, failure: str = "") -> dict[str, Any]:
    return {"state": state.value, "failure": failure, "worker": "", "lease_until": None, "ended_at": at, "step": ""}


def _counts(connection: Connection, counts_id: str) -> NoisedCounts | None:
    found = select(synthesis_counts.c.payload).where(synthesis_counts.c.counts_id == counts_id)
    payload = connection.execute(found).scalar()
    return None if payload is None else counts_form.decode(payload)


def _job(connection: Connection, job_id: str) -> SynthesisJob | None:
    row = connection.execute(select(synthesis_jobs).where(_jobs.job_id == job_id)).one_or_none()
    return None if row is None else _read(row)


def _there(connection: Connection, job_id: str) -> SynthesisJob:
    return _read(connection.execute(select(synthesis_jobs).where(_jobs.job_id == job_id)).one())


def _read(row: Row[Any]) -> SynthesisJob:
    return SynthesisJob(
        order=JobOrder(row.job_id, row.counts_id, row.rows, FileFormat(row.format), row.institution),
        state=JobState(row.state),
        step=row.step,
        progress=row.progress / 1000,
        failure=row.failure,
        attempts=row.attempts,
        asked_at=row.asked_at,
        ended_at=row.ended_at,
        file=None if row.file_bytes is None else MadeFile(row.file_bytes, row.file_sha256, _certificate(row)),
    )


def _certificate(row: Row[Any]) -> Certificate | None:
    if row.certificate is None:
        return None
    return particulars.read_certificate(jcs.mapping(jcs.decode(row.certificate)))
