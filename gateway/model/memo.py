"""A bounded memory of answers that follow from their question alone."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

_Question = TypeVar("_Question", bound=Hashable)
_Answer = TypeVar("_Answer")


class Memo(Generic[_Question, _Answer]):
    """Keeps the newest answers, so that callers with ever new questions cannot fill the memory. Thread-safe."""

    __slots__ = ("_kept", "_lock", "_most")

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._kept: dict[_Question, _Answer] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: _Question) -> _Answer | None:
        """Return what is kept, or None."""
        return self._kept.get(question)

    def put(self, question: _Question, answer: _Answer) -> None:
        """Keep an answer, the newest now, in the place of an earlier one to the same question.

        The oldest goes where there are too many. The caller bounds how long a question is.
        """
        with self._lock:
            self._kept.pop(question, None)
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[question] = answer

    def take(self, question: _Question) -> _Answer | None:
        """Return what is kept, once: it is kept no longer. None where it is not."""
        with self._lock:
            return self._kept.pop(question, None)
