"""Tags of subjects: read as words, and told from the zeros of nobody."""

import numpy as np
import pytest

from gateway.kernels.tags import TAG_BYTES, known, words


def test_words_are_the_bytes_of_the_tags_as_they_lie() -> None:
    tags = bytes(range(48))
    read = words(tags, 3)
    assert read.shape == (3, 2)
    assert read.tobytes() == tags


@pytest.mark.parametrize("tags", [b"", bytes(15), bytes(17), bytes(2 * TAG_BYTES)], ids=len)
def test_a_row_has_one_whole_tag(tags: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        words(tags, 1)


def test_nobody_is_sixteen_zeros_and_nothing_less() -> None:
    tags = bytes(16) + bytes(15) + b"\1" + b"\1" + bytes(15) + bytes(16)
    assert known(words(tags, 4)).tolist() == [False, True, True, False]
    assert known(words(bytes(range(1, 33)), 2)).all()
    assert known(np.empty((0, 2), np.uint64)).tolist() == []
