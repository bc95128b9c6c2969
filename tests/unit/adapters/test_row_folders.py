"""Folders of pushed rows fail as typed faults, and leave nothing half: full disks, bounds, missing folders."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gateway.adapters.row_folders import ParquetRowFolders
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.policy.snapshot import load
from tests.integration.site import ROOT

ROWS = pa.table({"number": np.random.default_rng(7).integers(0, 2**60, 50_000)})
"""400 kB that nothing makes smaller."""


@pytest.fixture(scope="module")
def contract() -> DataContract:
    return load(ROOT / "policies").contracts["grid_reports"]


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Have the system refuse to write beyond so many bytes of a file, as a full disk does in the middle of one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def folders(root: Path, most_bytes: int = 1 << 30) -> ParquetRowFolders:
    return ParquetRowFolders(root, most_bytes=most_bytes, patience=0.1)


def held(root: Path) -> set[str]:
    return {path.name for path in (root / "pushed" / "grid_reports").iterdir()}


def test_a_disk_that_is_full_in_the_middle_of_a_file_leaves_none(tmp_path: Path, contract: DataContract) -> None:
    kept = folders(tmp_path)
    with kept.turn(contract, begun=False):
        with no_file_beyond(100_000), pytest.raises(Fault) as caught:
            kept.write(contract, ROWS)
        assert caught.value.reason is ErrorReason.INTAKE_UNAVAILABLE
        assert held(tmp_path) == {".turn", "_SUCCESS"}
        # and once there is room, the same goes in
        name = kept.write(contract, ROWS)
        kept.publish(contract, name)
    assert held(tmp_path) == {".turn", "_SUCCESS", name}


def test_a_dataset_does_not_grow_beyond_its_bound(tmp_path: Path, contract: DataContract) -> None:
    kept = folders(tmp_path, most_bytes=600_000)
    with kept.turn(contract, begun=False):
        kept.publish(contract, kept.write(contract, ROWS))
        with pytest.raises(Fault) as caught:
            kept.write(contract, ROWS)
    assert caught.value.reason is ErrorReason.INTAKE_UNAVAILABLE
    assert len(held(tmp_path)) == 3


def test_a_data_folder_that_is_not_there_is_not_made(tmp_path: Path, contract: DataContract) -> None:
    with pytest.raises(Fault) as caught, folders(tmp_path / "data").turn(contract, begun=False):
        raise AssertionError
    assert caught.value.reason is ErrorReason.INTAKE_UNAVAILABLE
    assert not (tmp_path / "data").exists()


def test_where_rows_were_kept_no_folder_is_made(tmp_path: Path, contract: DataContract) -> None:
    for made in (False, True):
        if made:
            (tmp_path / "pushed" / "grid_reports").mkdir(parents=True)
        with pytest.raises(Fault) as caught, folders(tmp_path).turn(contract, begun=True):
            raise AssertionError
        assert caught.value.reason is ErrorReason.INTAKE_UNAVAILABLE


def test_a_path_that_leads_out_of_the_data_folder_is_refused(tmp_path: Path, contract: DataContract) -> None:
    outside = replace(contract, source=replace(contract.source, path="../elsewhere/"))
    with pytest.raises(Fault), folders(tmp_path).turn(outside, begun=False):
        raise AssertionError


def test_a_turn_that_does_not_come_in_time_is_a_fault(tmp_path: Path, contract: DataContract) -> None:
    first, second = folders(tmp_path), folders(tmp_path)
    with first.turn(contract, begun=False), pytest.raises(Fault) as caught, second.turn(contract, begun=False):
        raise AssertionError
    assert caught.value.reason is ErrorReason.INTAKE_UNAVAILABLE
