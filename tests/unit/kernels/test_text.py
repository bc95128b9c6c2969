"""Columns of text as matrices of bytes, and back."""

import numpy as np
import pyarrow as pa
import pytest

from gateway.kernels import hexadecimal
from gateway.kernels.text import by_blocks, by_length, compact, copy_rows, from_matrix, one_length, pooled, scatter


@pytest.mark.parametrize(
    "column", [[], [None, None], ["ab", "cd"], ["", ""], ["ab", None, "c", "", "世", "x" * 70_000]]
)
def test_values_are_grouped_by_length_and_find_back_to_their_rows(column: list[str | None]) -> None:
    for array in (pa.array(column, pa.string()), pa.array(["é", *column, "é"], pa.string()).slice(1, len(column))):
        groups = list(by_length(array))
        lengths = [matrix.shape[1] for _, matrix in groups]
        assert lengths == sorted({len(value.encode()) for value in column if value is not None})
        pieces = [(rows, from_matrix(matrix)) for rows, matrix in groups]
        assert scatter(len(array), pieces).to_pylist() == column


@pytest.mark.parametrize(
    "column",
    [[], [""], ["", ""], ["x" * 16, "y" * 17, "", "世", "z" * 15, "x" * 70_000, "ab"]],
    ids=["none", "empty", "two-empty", "many"],
)
def test_values_are_grouped_by_blocks_with_zeros_behind_them(column: list[str]) -> None:
    found: dict[int, bytes] = {}
    for array in (pa.array(column, pa.string()), pa.array(["é", *column, "é"], pa.string()).slice(1, len(column))):
        widths = []
        for rows, texts, lengths in by_blocks(array, 16):
            widths.append(texts.shape[1])
            for row, text, length in zip(rows.tolist(), texts, lengths.tolist(), strict=True):
                assert not text[length:].any()
                assert max(16, length) <= len(text) < length + 16 or (length == 0 and len(text) == 16)
                found[row] = text[:length].tobytes()
        assert widths == sorted(set(widths))
        assert [found[row].decode() for row in range(len(column))] == column


def test_texts_of_matrices_become_a_column_without_what_lies_behind_them() -> None:
    text = np.arange(ord("0"), ord("0") + 80, dtype=np.uint8)
    short, long = text[:40].reshape(2, 20), text[40:].reshape(1, 40)
    pieces = [
        (np.array([2, 0]), short, np.array([13, 20], np.int32)),
        (np.array([1]), long, np.array([33], np.int32)),
    ]
    column = compact(3, pieces)
    whole = text.tobytes().decode()
    assert column.to_pylist() == [whole[20:40], whole[40:73], whole[:13]]
    column.validate(full=True)
    assert compact(0, []).to_pylist() == []
    huge = np.broadcast_to(np.uint8(0), (1 << 26, 32))
    with pytest.raises(ValueError, match="too long"):
        compact(1, [(np.array([0]), huge, np.array([32], np.int32))])


def test_a_length_is_one_only_where_all_have_it() -> None:
    lengths = [one_length(pa.array(column, pa.string())) for column in ([], ["ab", "cd"], ["ab", None], ["ab", "c"])]
    assert lengths == [None, 2, None, None]


def test_rows_are_copied_whole_between_matrices_with_gaps() -> None:
    source = np.arange(60, dtype=np.uint8).reshape(5, 12)
    target = np.zeros((5, 9), np.uint8)
    copy_rows(source[:, 3:10], target[:, 1:8])
    assert (target[:, 1:8] == source[:, 3:10]).all()
    assert not target[:, 0].any() and not target[:, 8].any()
    copy_rows(source[:0], target[:0])
    assert pooled(3, 5).shape == (3, 5) and pooled(0, 5).shape == (0, 5)


def test_a_column_beyond_the_offsets_of_utf8_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        from_matrix(np.broadcast_to(np.uint8(0), (1 << 26, 32)))


@pytest.mark.parametrize("width", [0, 1, 2, 16, 17, 34])
def test_bytes_are_spelled_in_lower_case_and_read_back(width: int) -> None:
    rows = np.random.default_rng(width).integers(0, 256, (9_000, width), np.uint8)
    texts = hexadecimal.spell(ord("b"), rows)
    assert texts.tobytes().decode() == "".join("b" + row.tobytes().hex() for row in rows)
    read, well_formed = hexadecimal.unspell(texts)
    assert well_formed.all() and (read == rows).all()


def test_a_row_with_any_other_character_is_told_and_its_neighbours_are_read() -> None:
    rows = np.repeat(hexadecimal.spell(ord("b"), np.full((1, 16), 0xAB, np.uint8)), 256, axis=0)
    for place in (1, 2, 17, 32):
        texts = rows.copy()
        texts[:, place] = np.arange(256)
        read, well_formed = hexadecimal.unspell(texts)
        assert well_formed.tolist() == [chr(byte) in "0123456789abcdef" for byte in range(256)]
        assert not read[~well_formed].any()
        assert (np.delete(read[well_formed], (place - 1) // 2, axis=1) == 0xAB).all()


def test_upper_case_is_told_where_nothing_else_is_amiss() -> None:
    rows = np.repeat(hexadecimal.spell(ord("b"), np.full((1, 17), 0xAB, np.uint8)), 3, axis=0)
    for place in (1, 7, 8, 32, 33, 34):
        texts = rows.copy()
        texts[1, place] -= 0x20
        read, well_formed = hexadecimal.unspell(texts)
        assert well_formed.tolist() == [True, False, True]
        assert not read[1].any() and (read[[0, 2]] == 0xAB).all()
