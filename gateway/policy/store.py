"""Which policy is in force: the last good one."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Protocol

from gateway.model.errors import ErrorReason, Fault
from gateway.policy.places import Lacking, nothing_is_lacking, unplaced
from gateway.policy.problems import InvalidPolicy, PolicyProblem
from gateway.policy.snapshot import PolicySnapshot, load, read
from gateway.policy.turns import without_collections
from gateway.ports import PolicyArchive

_log = logging.getLogger(__name__)


class PolicySource(Protocol):
    """Where the policy in force is to be had."""

    published: bool
    """Whether what is in force was published, and only publishing changes it."""

    def changed(self, digest: str) -> bool:
        """Tell whether another policy than that of `digest` may be in force by now.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def read(self) -> PolicySnapshot:
        """Read the policy anew.

        Raises:
            InvalidPolicy: what is there is none.
            Fault: POLICY_UNAVAILABLE.
        """
        ...


class FolderSource:
    """A folder whose files are the policy, as they are when they are read."""

    published = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def changed(self, digest: str) -> bool:
        """Return True: only reading the folder tells."""
        return True

    def read(self) -> PolicySnapshot:
        """Read the folder.

        Raises:
            InvalidPolicy: the folder is no policy.
        """
        return load(self._folder)


class PublishedSource:
    """The archive, whose newest publication is the policy."""

    published = True

    def __init__(self, archive: PolicyArchive) -> None:
        self._archive = archive
        self._unreadable = ""

    def changed(self, digest: str) -> bool:
        """Tell whether another policy was published, by this process or another.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        newest = self._archive.newest()
        return newest is not None and newest.digest not in (digest, self._unreadable)

    def read(self) -> PolicySnapshot:
        """Read what was published last.

        Raises:
            InvalidPolicy: this version of the gateway does not accept it.
            Fault: POLICY_UNAVAILABLE, also where nothing was published yet or what is kept is not what was.
        """
        newest = self._archive.newest()
        files = None if newest is None else self._archive.files(newest.digest)
        if newest is None or files is None:
            raise Fault(ErrorReason.POLICY_UNAVAILABLE)
        try:
            snapshot = read(files)
        except InvalidPolicy:
            # it stays so: there is no use in reading it every second
            self._unreadable = newest.digest
            raise
        if snapshot.digest != newest.digest:
            raise Fault(ErrorReason.POLICY_UNAVAILABLE)
        return snapshot


class PolicyStore:
    """Holds the snapshot in force and reads it anew when asked. Safe to call from several threads.

    A decision takes `current()` once and keeps to it. What is no valid policy changes nothing.
    """

    def __init__(self, source: PolicySource) -> None:
        """Read the policy for the first time.

        Raises:
            InvalidPolicy: there is no good policy to fall back on.
            Fault: POLICY_UNAVAILABLE.
        """
        self._source = source
        self._lock = threading.Lock()
        self._problems: tuple[PolicyProblem, ...] = ()
        self._lacking: Lacking = nothing_is_lacking
        with without_collections():
            self._snapshot = source.read()
        self._entered = time.monotonic()

    def current(self) -> PolicySnapshot:
        """Return the snapshot in force."""
        return self._snapshot

    @property
    def age(self) -> float:
        """For how many seconds it has been in force in this process."""
        return time.monotonic() - self._entered

    @property
    def published(self) -> bool:
        """Whether the policy in force was published, and only publishing changes it."""
        return self._source.published

    def see_places(self, lacking: Lacking) -> None:
        """From now on hold what is to come into force against the places that this gateway has.

        What contracts in force lack is logged, and they are not served: a gateway starts in spite of it.
        """
        self._lacking = lacking
        for contract in self._snapshot.contracts.values():
            if (lack := lacking(contract)) is not None:
                _log.error("contract %s is not served: %s", contract.dataset, lack)

    def placed(self, snapshot: PolicySnapshot) -> PolicySnapshot:
        """Return a policy whose contracts, as far as they are not those in force, name places that this gateway has.

        Raises:
            InvalidPolicy: it has not.
        """
        problems = unplaced(snapshot, self._snapshot, self._lacking)
        if problems:
            raise InvalidPolicy(problems)
        return snapshot

    @property
    def last_problems(self) -> tuple[PolicyProblem, ...]:
        """What was wrong with the policy when it was last read; nothing if it is in force."""
        return self._problems

    def follow(self) -> None:
        """Read the policy anew if another one was published. What fails leaves the last good one in force.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        if self._source.changed(self._snapshot.digest):
            self.reload()

    def reload(self) -> PolicySnapshot | InvalidPolicy:
        """Read the policy again: put it in force and return it, or return why the last good one stays in force.

        Raises:
            Fault: POLICY_UNAVAILABLE; the last good one stays in force.
        """
        with self._lock:
            try:
                with without_collections():
                    snapshot = self._read()
            except InvalidPolicy as invalid:
                if invalid.problems != self._problems:
                    self._complain(invalid)
                self._problems = invalid.problems
                return invalid
            self._problems = ()
            if snapshot.digest == self._snapshot.digest:
                # the answers that it has cached stay
                return self._snapshot
            self._snapshot, self._entered = snapshot, time.monotonic()
            _log.info("policy %s is in force", snapshot.digest)
            return snapshot

    def _read(self) -> PolicySnapshot:
        """Read the policy anew. What was published is followed whatever this process lacks: it may take grants back."""
        snapshot = self._source.read()
        problems = unplaced(snapshot, self._snapshot, self._lacking)
        for one in problems:
            # unlike other problems, this one is of the settings: for those who read the log
            _log.error("%s line %d cannot be served: %s. %s", one.file, one.line, one.message, one.remedy)
        if problems and not self._source.published:
            raise InvalidPolicy(problems)
        return snapshot

    def _complain(self, invalid: InvalidPolicy) -> None:
        # places alone: what officers wrote there is for those who may read the policy
        _log.error(
            "the policy is invalid (%d problems); policy %s stays in force",
            len(invalid.problems),
            self._snapshot.digest,
        )
        for problem in invalid.problems[:20]:
            _log.error("policy problem at %s line %d", problem.file, problem.line)
