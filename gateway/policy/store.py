"""Which policy is in force: the last good one."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from gateway.policy.problems import InvalidPolicy, PolicyProblem
from gateway.policy.snapshot import PolicySnapshot, load

_log = logging.getLogger(__name__)


class PolicyStore:
    """Holds the snapshot in force and reads the folder anew when asked. Safe to call from several threads.

    A decision takes `current()` once and keeps to it. A folder that is no valid policy changes nothing.
    """

    def __init__(self, folder: Path) -> None:
        """Read the folder for the first time.

        Raises:
            InvalidPolicy: there is no good policy to fall back on.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self._problems: tuple[PolicyProblem, ...] = ()
        self._snapshot = load(folder)

    def current(self) -> PolicySnapshot:
        """Return the snapshot in force."""
        return self._snapshot

    @property
    def last_problems(self) -> tuple[PolicyProblem, ...]:
        """What was wrong with the folder when it was last read; nothing if it is in force."""
        return self._problems

    def reload(self) -> PolicySnapshot | InvalidPolicy:
        """Read the folder again: put it in force and return it, or return why the last good one stays in force."""
        with self._lock:
            try:
                snapshot = load(self._folder)
            except InvalidPolicy as invalid:
                self._problems = invalid.problems
                self._complain(invalid)
                return invalid
            self._problems = ()
            if snapshot.digest == self._snapshot.digest:
                # the answers that it has cached stay
                return self._snapshot
            self._snapshot = snapshot
            _log.info("policy %s is in force", snapshot.digest)
            return snapshot

    def _complain(self, invalid: InvalidPolicy) -> None:
        # places alone: what officers wrote there is for those who may read the policy
        _log.error(
            "the policy folder is invalid (%d problems); policy %s stays in force",
            len(invalid.problems),
            self._snapshot.digest,
        )
        for problem in invalid.problems[:20]:
            _log.error("policy problem at %s line %d", problem.file, problem.line)
