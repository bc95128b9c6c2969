"""What is kept of synthetic extracts: the noised counts, the jobs that make files of them, and the files."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from gateway.model.synthesis import JobOrder, MadeFile, NoisedCounts, QualityReport, SynthesisJob


class SynthesisRegister(Protocol):
    """Remembers noised counts and jobs, durably: what the gateways of one state share."""

    def keep(self, counts: NoisedCounts) -> NoisedCounts:
        """Keep noised counts and return those that stand under their id: the first.

        Raises:
            Fault: REGISTER_UNAVAILABLE, also if they were never charged.
        """
        ...

    def counts(self, counts_id: str) -> NoisedCounts | None:
        """Return noised counts, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def order(self, order: JobOrder, at: datetime, *, anew: bool, most: int) -> SynthesisJob | None:
        """Set a job to work, also one that is over, and return it; one that waits, runs or is done stays as it is.

        `anew` sets also a done one to work again, for a file that is lost. Returns None, and changes nothing, where the
        institution would hold more than `most` with it: counted in the transaction that sets it to work.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def job(self, job_id: str) -> SynthesisJob | None:
        """Return a job, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def held_by(self, institution: str) -> int:
        """Return how many jobs of an institution wait, run, or have files that are kept.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def cancel(self, job_id: str, at: datetime) -> SynthesisJob | None:
        """Cancel a job that waits or runs, and return it as it stands; None if there is none.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def claim(self, worker: str, at: datetime, lease: timedelta) -> SynthesisJob | None:
        """Begin the job that waited longest, or one whose worker's lease is over; None if there is none.

        Whoever claims it has it until the lease ends: nobody else gets it before.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def renew(self, job_id: str, worker: str, step: str, progress: float, until: datetime) -> bool:
        """Note how far the worker's job is, and hold it until then; False if it is the worker's no more: cancelled.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def finish(self, job_id: str, worker: str, at: datetime, outcome: MadeFile | str | None) -> bool:
        """Note how the worker's job ended: with a file, with a failure in one word, or (None) put back to wait.

        Returns False, and notes nothing, if it is the worker's no more.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def expire(self, before: datetime) -> tuple[SynthesisJob, ...]:
        """Note that the files of jobs done before then are gone, and return those jobs.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...


class SyntheticFiles(Protocol):
    """The files that jobs made."""

    def rows(self, order: JobOrder) -> BinaryIO | None:
        """Open a file of rows, or return None if it is not there."""
        ...

    def report(self, order: JobOrder) -> QualityReport | None:
        """Read the report on a file, or return None if it is not there, or is none."""
        ...
