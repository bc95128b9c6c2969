"""The first rows of each subject pass: held to a slow count, in any batches, with mistakes planted in the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest

from gateway.kernels.occurrences import Occurrences
from gateway.kernels.tokens import TAG_BYTES

Admit = Callable[[Sequence[bytes]], list[bool]]


def _tags(subjects: Iterable[int]) -> list[bytes]:
    """A tag for each number; all 16 bytes differ from one to the next, as a code's do."""
    return [
        (subject * 0x9E3779B97F4A7C15_F39CC0605CEDC835 % 2**128).to_bytes(TAG_BYTES, "little") for subject in subjects
    ]


def _slowly(tags: Sequence[bytes], most: int) -> list[bool]:
    seen: Counter[bytes] = Counter()
    passes = []
    for tag in tags:
        passes.append(seen[tag] < most)
        seen[tag] += 1
    return passes


def _admitted(tags: Sequence[bytes], most: int, batches: Sequence[int]) -> list[bool]:
    """What passes when the rows come in batches of these sizes, and the rest in one."""
    occurrences, start = Occurrences(most), 0
    passes: list[bool] = []
    for size in (*batches, len(tags)):
        passes += map(bool, occurrences.admit(b"".join(tags[start : start + size])).to_pylist())
        start += size
    return passes


def _streams() -> dict[str, list[bytes]]:
    random = np.random.default_rng(20261122)
    return {
        "nobody": [],
        "one row": _tags([1]),
        "one subject alone": _tags([1] * 500),
        "everybody once": _tags(range(1, 501)),
        "some often": _tags(random.zipf(1.5, 2_000).tolist()),
        "few in turn": _tags(list(range(1, 8)) * 100),
        "those seen before and others": _tags([*range(1, 300), *range(150, 450), *range(1, 600)]),
        "no subject, which has a tag of zeros": [bytes(TAG_BYTES)] * 20 + _tags(range(1, 20)),
    }


STREAMS = _streams()


@pytest.mark.parametrize("most", [1, 2, 3, 100])
@pytest.mark.parametrize("name", STREAMS)
def test_it_admits_what_a_slow_count_does(name: str, most: int) -> None:
    assert _admitted(STREAMS[name], most, ()) == _slowly(STREAMS[name], most)


@pytest.mark.parametrize("name", STREAMS)
def test_how_the_rows_are_cut_into_batches_makes_no_difference(name: str) -> None:
    random = np.random.default_rng(7)
    tags = STREAMS[name]
    whole = _admitted(tags, 2, ())
    assert _admitted(tags, 2, [1] * len(tags)) == whole
    for _ in range(20):
        assert _admitted(tags, 2, random.integers(0, 90, 40).tolist()) == whole


def test_no_subject_passes_more_often_than_it_may() -> None:
    tags = STREAMS["some often"]
    for most in (1, 2, 5):
        passed = Counter(tag for tag, passes in zip(tags, _admitted(tags, most, [333, 333]), strict=True) if passes)
        assert passed == Counter({tag: min(most, count) for tag, count in Counter(tags).items()})


def test_two_streams_know_nothing_of_each_other() -> None:
    (tag,) = _tags([5])
    first, second = Occurrences(1), Occurrences(1)
    assert first.admit(tag).to_pylist() == [True]
    assert second.admit(tag).to_pylist() == [True]
    assert first.admit(tag).to_pylist() == [False]


def test_subjects_that_share_the_first_half_of_their_tags_are_withheld_and_not_let_through() -> None:
    one, other = b"sameness" + b"onefirst", b"sameness" + b"othertwo"
    assert _admitted([one, other, one], 1, ()) == [True, False, False]
    # the second half alone tells nobody apart, the first half does
    assert _admitted([b"onefirst" + b"sameness", b"othertwo" + b"sameness"], 1, ()) == [True, True]


def test_what_is_no_whole_tag_or_no_row_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Occurrences(1).admit(bytes(17))
    for most in (0, -1):
        with pytest.raises(ValueError, match="at least one"):
            Occurrences(most)


def _forgets(tags: Sequence[bytes]) -> list[bool]:
    """Counts within a batch alone."""
    return [passes for start in range(0, len(tags), 50) for passes in _slowly(tags[start : start + 50], 2)]


def _last_rows(tags: Sequence[bytes]) -> list[bool]:
    """Lets the last rows of each subject pass in place of the first."""
    return _slowly(tags[::-1], 2)[::-1]


def _one_too_many(tags: Sequence[bytes]) -> list[bool]:
    return _slowly(tags, 3)


def _of_neighbours(tags: Sequence[bytes]) -> list[bool]:
    """Counts only rows that follow each other."""
    return [tags[max(0, row - 2) : row] != [tag, tag] for row, tag in enumerate(tags)]


@pytest.mark.parametrize("planted", [_forgets, _last_rows, _one_too_many, _of_neighbours])
def test_a_planted_mistake_is_found(planted: Admit) -> None:
    """The streams above are such that each of these would fail them."""
    assert any(planted(tags) != _slowly(tags, 2) for tags in STREAMS.values())
