"""Extracts are made in a process of their own: whole or not at all, within limits, and gone at once when cancelled."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from gateway.adapters.synthesis.job import Job
from gateway.adapters.synthesis.order_files import read_order, write_order
from gateway.model.errors import ErrorReason
from gateway.model.loss import PrivacyLoss
from gateway.model.synthesis import FileFormat
from gateway.model.values import FieldType
from gateway.synthesis.columns import BinColumn, KeyColumn
from gateway.synthesis.extract import fit, sample
from gateway.synthesis.marginals import NoisedMarginal
from gateway.synthesis.order import ExtractFailed, Failure, Limits, Order, Progress, Step
from tests.integration.synthesis.watching import until, workers

MIB = 2**20
ENOUGH = Limits(memory=512 * MIB, seconds=60, disk=512 * MIB, folder=1024 * MIB)
SEED = 715_517
ORDER = Order(
    columns=(
        KeyColumn("district", FieldType.STRING, ("西湖", "拱墅", None)),
        BinColumn("income", FieldType.INT64, (0, 1000, 5000, 20_000)),
        BinColumn("day", FieldType.DATE, (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))),
    ),
    marginals=(
        NoisedMarginal(("district", "income"), np.array([[300, 20, -2], [10, 400, 30], [3, 1, 240]]), 4.0),
        NoisedMarginal(("income", "day"), np.array([[200, 110], [10, 410], [200, 71]]), 4.0),
    ),
    loss=PrivacyLoss(Fraction(1, 8), Fraction(3, 2), Fraction(1, 10**6)),
    seed=SEED,
    rows=2000,
    about={"dataset": "payroll", "licence": "CC-BY-4.0"},
)


def fails(job: Job) -> Failure:
    with pytest.raises(ExtractFailed) as caught:
        job.run()
    assert caught.value.reason is ErrorReason.RELEASE_FAILED
    assert str(caught.value) == "RELEASE_FAILED"
    return caught.value.failure


def test_an_extract_is_two_files_and_nothing_else(tmp_path: Path) -> None:
    made = Job(ORDER, tmp_path, "release-1", ENOUGH).run()
    assert sorted(tmp_path.iterdir()) == [tmp_path / "release-1.json", tmp_path / "release-1.parquet"]
    assert (made.rows, made.report) == (tmp_path / "release-1.parquet", tmp_path / "release-1.json")
    table = parquet.read_table(made.rows)
    assert table.equals(sample(fit(ORDER.columns, ORDER.marginals), 2000, SEED))
    assert not workers(tmp_path)


def test_the_report_says_what_was_counted_what_it_cost_and_how_near_the_rows_are(tmp_path: Path) -> None:
    made = Job(ORDER, tmp_path, "one", ENOUGH).run()
    text = made.report.read_text(encoding="utf-8")
    told = json.loads(text)
    assert told["file"] == {
        "format": "parquet",
        "rows": 2000,
        "sha256": hashlib.sha256(made.rows.read_bytes()).hexdigest(),
    }
    assert told["loss"] == {"rho": "1/8", "epsilon": "3/2", "delta": "1/1000000", "of_rows_and_report": "0/1"}
    assert told["about"] == {"dataset": "payroll", "licence": "CC-BY-4.0"}
    assert [one["fields"] for one in told["quality"]["marginals"]] == [["district", "income"], ["income", "day"]]
    assert all(one["total_variation"] < 0.02 for one in told["quality"]["marginals"])
    assert all(abs(one["rows"] - one["noised_counts"]) < 0.03 for one in told["quality"]["cramers_v"])
    assert "seed" not in text and str(SEED) not in text


def test_csv_has_the_same_rows(tmp_path: Path) -> None:
    made = Job(replace(ORDER, format=FileFormat.CSV), tmp_path, "one", ENOUGH).run()
    assert made.rows.suffix == ".csv"
    options = csv.ConvertOptions(
        column_types={"district": pa.string(), "income": pa.int64(), "day": pa.date32()}, strings_can_be_null=True
    )
    read = csv.read_csv(made.rows, convert_options=options)
    assert read.equals(sample(fit(ORDER.columns, ORDER.marginals), 2000, SEED))


def test_without_a_number_there_are_as_many_rows_as_the_counts_speak_of(tmp_path: Path) -> None:
    made = Job(replace(ORDER, rows=None), tmp_path, "one", ENOUGH).run()
    assert parquet.read_metadata(made.rows).num_rows == 1001  # of 1,002 and 1,001, the latter with fewer cells


def test_progress_goes_from_the_first_step_to_the_last(tmp_path: Path) -> None:
    told: list[Progress] = []
    Job(ORDER, tmp_path, "one", ENOUGH, told.append).run()
    steps = [progress.step for progress in told]
    assert steps == sorted(steps, key=list(Step).index)
    assert told[0] == Progress(Step.FIT, 0, 1)
    assert told[-1] == Progress(Step.WRITE, 1, 1)
    drawn = [progress.done for progress in told if progress.step is Step.DRAW]
    assert drawn == list(range(1, len(drawn) + 1)) and len(drawn) > 10


def test_an_order_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_order(ORDER, tmp_path)
    read = read_order(tmp_path)
    assert replace(read, marginals=()) == replace(ORDER, marginals=())
    for one, other in zip(read.marginals, ORDER.marginals, strict=True):
        assert (one.fields, one.variance) == (other.fields, other.variance)
        assert np.array_equal(one.counts, other.counts)


def test_a_job_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    begun = time.monotonic()
    limits = replace(ENOUGH, memory=4096 * MIB, seconds=1.5)
    assert fails(Job(replace(ORDER, rows=3_000_000), tmp_path, "one", limits)) is Failure.OUT_OF_TIME
    assert time.monotonic() - begun < 8
    assert not list(tmp_path.iterdir()) and not workers(tmp_path)


def test_a_job_that_takes_too_much_memory_ends(tmp_path: Path) -> None:
    small, large = replace(ORDER, rows=20_000), replace(ORDER, rows=5_000_000)
    limits = replace(ENOUGH, memory=96 * MIB)
    assert fails(Job(large, tmp_path, "one", limits)) is Failure.OUT_OF_MEMORY
    assert not list(tmp_path.iterdir())
    assert Job(small, tmp_path, "one", limits).run().rows.exists()


@pytest.mark.parametrize("file_format", [FileFormat.PARQUET, FileFormat.CSV])
def test_a_job_whose_files_take_too_much_disk_ends_and_leaves_nothing(tmp_path: Path, file_format: FileFormat) -> None:
    order = replace(ORDER, rows=20_000, format=file_format)
    whole = Job(order, tmp_path, "one", ENOUGH).run()
    size = whole.rows.stat().st_size
    assert size > 50_000
    for path in tmp_path.iterdir():
        path.unlink()
    for disk in (size // 2, size + 10, 100):
        # the rows do not fit; the rows do, and not with the order and the report; not even the order does
        assert fails(Job(order, tmp_path, "one", replace(ENOUGH, disk=disk))) is Failure.OUT_OF_DISK
        assert not list(tmp_path.iterdir()) and not workers(tmp_path)


def test_not_a_byte_more_is_written_than_is_left(tmp_path: Path) -> None:
    (tmp_path / "order").write_bytes(bytes(600))
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from gateway.adapters.synthesis.disk import bound_files, is_full
        folder = Path(sys.argv[1])
        for name in ("rows", "report"):
            try:
                bound_files(folder, 1000)
                with (folder / name).open("wb", buffering=0) as file:
                    for _ in range(100):
                        file.write(bytes(150))
            except OSError as error:
                assert is_full(error)
    """)
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=30)
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == {"order": 600, "rows": 400}


def test_all_extracts_of_a_folder_share_a_quota_in_which_jobs_at_work_count_in_full(tmp_path: Path) -> None:
    limits = replace(ENOUGH, disk=2 * MIB, folder=4 * MIB)
    (tmp_path / "kept.parquet").write_bytes(bytes(2 * MIB))
    assert Job(ORDER, tmp_path, "one", limits).run().rows.exists()
    # a little more is kept than leaves room for what a job may take
    assert fails(Job(ORDER, tmp_path, "two", limits)) is Failure.OUT_OF_DISK
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.parquet", "one.json", "one.parquet"]
    (tmp_path / "kept.parquet").unlink()
    (tmp_path / ".synthesis-of-another").mkdir()
    assert fails(Job(ORDER, tmp_path, "two", limits)) is Failure.OUT_OF_DISK
    (tmp_path / ".synthesis-of-another").rmdir()
    assert Job(ORDER, tmp_path, "two", limits).run().rows.exists()


def test_jobs_that_begin_at_one_time_never_take_more_than_the_quota(tmp_path: Path) -> None:
    limits = replace(ENOUGH, disk=MIB, folder=2 * MIB)
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.is_set():
            most[0] = max(most[0], len(list(tmp_path.glob(".synthesis-*/rows"))))
            time.sleep(0.005)

    watching = threading.Thread(target=watch)
    watching.start()
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(Job(ORDER, tmp_path, str(number), limits).run) for number in range(4)]
    over.set()
    watching.join()
    ended = [job.exception() for job in jobs]
    assert all(one is None or (isinstance(one, ExtractFailed) and one.failure is Failure.OUT_OF_DISK) for one in ended)
    assert most[0] <= 2
    assert not list(tmp_path.glob(".synthesis-*"))


def test_a_cancelled_job_is_gone_at_once(tmp_path: Path) -> None:
    at: list[float] = []

    def cancel_in_the_midst(progress: Progress) -> None:
        if progress.step is Step.DRAW and not at:
            assert workers(tmp_path)
            threading.Thread(target=job.cancel).start()
            at.append(time.monotonic())

    job = Job(replace(ORDER, rows=500_000), tmp_path, "one", ENOUGH, cancel_in_the_midst)
    assert fails(job) is Failure.CANCELLED
    assert time.monotonic() - at[0] < 3
    assert not list(tmp_path.iterdir()) and not workers(tmp_path)


def test_a_job_cancelled_before_it_runs_makes_nothing(tmp_path: Path) -> None:
    job = Job(ORDER, tmp_path, "one", ENOUGH)
    job.cancel()
    assert fails(job) is Failure.CANCELLED
    assert not list(tmp_path.iterdir())


def test_a_worker_ends_and_clears_up_when_the_gateway_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys
        from dataclasses import replace
        from pathlib import Path
        from gateway.adapters.synthesis.job import Job
        from gateway.adapters.synthesis.order_files import read_order
        from gateway.synthesis.order import Limits
        order = replace(read_order(Path(sys.argv[1])), rows=3_000_000)
        limits = Limits(memory=4 * 2**30, seconds=60, disk=2**30, folder=2**30)
        Job(order, Path(sys.argv[2]), "one", limits, lambda told: print(told.step, flush=True)).run()
    """)
    orders, out = tmp_path / "orders", tmp_path / "out"
    orders.mkdir()
    out.mkdir()
    write_order(ORDER, orders)
    with subprocess.Popen([sys.executable, "-c", script, str(orders), str(out)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"fit\n"
        assert len(workers(out)) == 1 and list(out.iterdir())
        parent.send_signal(signal.SIGKILL)
    assert until(lambda: not workers(out) and not list(out.iterdir()))


@pytest.mark.parametrize("rows", [20, 1_000_000], ids=["all-is-made", "rows-are-drawn"])
def test_an_orphan_does_not_end_before_its_folder_is_removed(tmp_path: Path, rows: int) -> None:
    script = textwrap.dedent("""
        import os, sys, time
        from pathlib import Path
        from gateway.adapters.synthesis import worker
        remove = worker.shutil.rmtree
        def slowly(*of, **how):
            time.sleep(0.5)
            remove(*of, **how)
        worker.shutil.rmtree = slowly
        os._exit(worker.main(Path(sys.argv[1]), 2**32, 60, 2**30))
    """)
    own = tmp_path / "own"
    own.mkdir()
    write_order(replace(ORDER, rows=rows), own)
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script, str(own)], stdin=pipe, stdout=pipe) as orphan:
        assert orphan.stdin is not None and orphan.stdout is not None and orphan.stdout.readline() == b"fit 0 1\n"
        orphan.stdin.close()
        if rows > 20:
            orphan.stdout.close()
        orphan.wait(30)
    assert not own.exists()


def test_a_worker_is_given_none_of_the_gateways_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_KEYS__PASSPHRASE", "told to nobody")
    seen: list[bytes] = []

    def look(progress: Progress) -> None:
        if progress.step is Step.DRAW and not seen:
            seen.extend(Path(f"/proc/{pid}/environ").read_bytes() for pid in workers(tmp_path))

    Job(replace(ORDER, rows=50_000), tmp_path, "one", ENOUGH, look).run()
    assert seen and all(b"PATH=" in one and b"GATEWAY" not in one for one in seen)


@pytest.mark.parametrize(
    "order",
    [
        replace(ORDER, marginals=(NoisedMarginal(("salary",), np.array([4_711]), 1.0),)),
        replace(ORDER, marginals=()),
        replace(ORDER, rows=0),
    ],
    ids=["other-field", "no-marginals", "no-rows"],
)
def test_an_order_that_cannot_be_filled_leaves_nothing(
    order: Order, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert fails(Job(order, tmp_path, "one", ENOUGH)) is Failure.BROKEN
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert fails(Job(ORDER, tmp_path / "none", "one", ENOUGH)) is Failure.BROKEN


@pytest.mark.parametrize("name", ["../one", "a/b", "/one", ""], ids=["up", "down", "root", "nothing"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name of an extract"):
        Job(ORDER, tmp_path, name, ENOUGH)


def test_what_was_there_before_stays_until_the_new_one_is_done(tmp_path: Path) -> None:
    first = Job(ORDER, tmp_path, "one", ENOUGH).run()
    before = first.rows.read_bytes()
    assert fails(Job(replace(ORDER, rows=0), tmp_path, "one", ENOUGH)) is Failure.BROKEN
    assert first.rows.read_bytes() == before
    Job(replace(ORDER, seed=2), tmp_path, "one", ENOUGH).run()
    assert first.rows.read_bytes() != before
    assert os.listdir(tmp_path) and len(list(tmp_path.iterdir())) == 2
