"""A bounded memory of answers that follow from their question alone."""

from __future__ import annotations

import threading
from collections.abc import Hashable

_KEPT = 20_000


class Memo:
    """Keeps the newest answers, so that callers with ever new questions cannot fill the memory. Thread-safe."""

    __slots__ = ("_kept", "_lock", "_most")

    def __init__(self, most: int = _KEPT) -> None:
        self._most = most
        self._kept: dict[Hashable, object] = {}
        self._lock = threading.Lock()

    def get(self, question: Hashable) -> object | None:
        """Return what is kept, or None."""
        return self._kept.get(question)

    def put(self, question: Hashable, answer: object) -> None:
        """Keep an answer, and let the oldest go where there are too many. The caller bounds how long a question is."""
        with self._lock:
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[question] = answer
