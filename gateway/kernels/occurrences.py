"""How often a subject has been seen in a stream: the first rows of each pass, the others do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels import tags
from gateway.kernels.swar import Words


class Occurrences:
    """Lets the first `most` rows of each subject pass, in the order they come, over all batches of a stream.

    Subjects are told apart by the first 8 bytes of their tags, which are as good as random: with a hundred million
    subjects a pair falls together with probability 3 · 10⁻⁴, and then rows are withheld, never let through. It keeps
    16 bytes for each subject.
    """

    __slots__ = ("_counts", "_known", "_most")

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("at least one row of a subject passes")
        self._most = most
        self._known: Words = np.empty(0, np.uint64)
        self._counts: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def admit(self, subject_tags: bytes) -> pa.BooleanArray:
        """Return which rows pass, for the tags of a batch's rows: see `kernels.tags`.

        Raises:
            ValueError: the bytes are no whole tags.
        """
        subjects = tags.words(subject_tags, len(subject_tags) // tags.TAG_BYTES)[:, 0]
        order = np.argsort(subjects, kind="stable")
        ordered = subjects[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.empty(0, np.intp)
        present, lengths = ordered[starts], np.diff(np.r_[starts, len(ordered)])
        places = np.searchsorted(self._known, present)
        known = places < len(self._known)
        known[known] = self._known[places[known]] == present[known]
        before = np.zeros(len(present), np.int64)
        before[known] = self._counts[places[known]]
        # the rank of each row among its subject's, in the order they came
        rank = np.arange(len(ordered)) - np.repeat(starts, lengths) + np.repeat(before, lengths)
        passes = np.empty(len(ordered), np.bool_)
        passes[order] = rank < self._most
        self._counts[places[known]] += lengths[known]
        fresh = ~known
        self._known = np.insert(self._known, places[fresh], present[fresh])
        self._counts = np.insert(self._counts, places[fresh], lengths[fresh])
        return pa.array(passes)
