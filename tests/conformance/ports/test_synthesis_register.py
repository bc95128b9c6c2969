"""What every SynthesisRegister does."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest

from gateway.model.contract import Bounds
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Currency, Mechanism, Price
from gateway.model.plan import AtLevel, GroupKey, InBins
from gateway.model.signing import Certificate, Signature
from gateway.model.synthesis import (
    CountedField,
    FileFormat,
    JobOrder,
    JobState,
    MadeFile,
    NoisedCounts,
    NoisedTable,
    SynthesisJob,
)
from gateway.model.values import FieldType
from gateway.ports import SynthesisRegister
from tests.conformance.ports.conftest import OpenLedger, OpenSyntheses
from tests.conformance.ports.samples import AT, an_account

LEASE = timedelta(seconds=15)
COUNTS = NoisedCounts(
    id="c1",
    created_at=AT,
    dataset="subsidies",
    disclosure="synthetic-applications",
    region="hangzhou",
    filters=(Condition("paid_on", Operator.IN, (date(2026, 1, 2), date(2026, 1, 3))),),
    price=Price(Currency.RHO, Fraction(1, 8)),
    fields=(
        CountedField(FieldType.STRING, 0, GroupKey("district", ("hangzhou/xihu", "hangzhou/binjiang"), AtLevel(2))),
        CountedField(FieldType.BOOL, 0, GroupKey("eligible", (False, True))),
        CountedField(FieldType.DOUBLE, 1, GroupKey("km", (-5, 5), InBins(Bounds(-5, 12), 10))),
    ),
    tables=(NoisedTable(("district", "km"), (3, -2, 2**53, 0), Mechanism.GAUSSIAN, 1.5, "2 cells per unit"),),
    loss=PrivacyLoss(Fraction(1, 8)),
    unit_kind="resident",
    data_version="ab" * 32,
    seed=2**63 - 1,
)
ORDER = JobOrder("j1", "c1", 500, FileFormat.CSV, "zju")
FILE = MadeFile(4711, "ef" * 32, Certificate(b'{"id":"j1"}', Signature("cd" * 32, bytes(64))))


@pytest.fixture
def register(open_syntheses: OpenSyntheses, open_ledger: OpenLedger) -> SynthesisRegister:
    open_ledger().charge("c1", [an_account()], COUNTS.loss)
    open_syntheses().keep(COUNTS)
    return open_syntheses()


def order(register: SynthesisRegister, wanted: JobOrder, at: datetime, *, anew: bool = False) -> SynthesisJob:
    """Set a job to work where there are places enough."""
    job = register.order(wanted, at, anew=anew, most=99)
    assert job is not None
    return job


def there(register: SynthesisRegister, job_id: str = "j1") -> SynthesisJob:
    job = register.job(job_id)
    assert job is not None
    return job


def test_the_first_counts_stand_to_the_last_bit(register: SynthesisRegister, open_syntheses: OpenSyntheses) -> None:
    assert register.counts("c1") == COUNTS
    assert open_syntheses().keep(replace(COUNTS, seed=1)) == COUNTS
    assert register.counts("c2") is None


def test_what_is_stated_of_counts_is_kept_with_them(open_syntheses: OpenSyntheses, open_ledger: OpenLedger) -> None:
    open_ledger().charge("c1", [an_account()], COUNTS.loss)
    stated = replace(COUNTS, stated=b'{"counts":"c1"}')
    assert open_syntheses().keep(stated) == stated
    assert open_syntheses().counts("c1") == stated


def test_counts_that_were_never_charged_are_a_fault(open_syntheses: OpenSyntheses) -> None:
    with pytest.raises(Fault) as caught:
        open_syntheses().keep(COUNTS)
    assert caught.value.reason is ErrorReason.REGISTER_UNAVAILABLE


def test_a_job_from_its_order_to_its_end(register: SynthesisRegister, open_syntheses: OpenSyntheses) -> None:
    assert register.job("j1") is None and register.claim("w", AT, LEASE) is None
    job = order(register, ORDER, AT, anew=False)
    assert (job.order, job.state, job.attempts, job.asked_at) == (ORDER, JobState.QUEUED, 0, AT)
    claimed = register.claim("w", AT, LEASE)
    assert claimed is not None and (claimed.state, claimed.attempts) == (JobState.RUNNING, 1)
    assert register.renew("j1", "w", "draw", 0.5, AT + LEASE)
    assert (there(register).step, there(register).progress) == ("draw", 0.5)
    assert order(register, ORDER, AT, anew=True).state is JobState.RUNNING
    assert register.finish("j1", "w", AT + LEASE, FILE)
    done = there(open_syntheses())
    assert (done.state, done.file, done.progress, done.ended_at) == (JobState.DONE, FILE, 1.0, AT + LEASE)
    assert order(register, ORDER, AT, anew=False).state is JobState.DONE
    assert order(register, ORDER, AT, anew=True).state is JobState.QUEUED


def test_one_worker_has_a_job_until_its_lease_is_over(register: SynthesisRegister) -> None:
    order(register, ORDER, AT, anew=False)
    assert register.claim("one", AT, LEASE) is not None
    assert register.claim("two", AT + LEASE, LEASE) is None
    assert register.claim("two", AT + LEASE + timedelta(microseconds=1), LEASE) is not None
    # whoever lost it can neither hold it nor end it
    assert not register.renew("j1", "one", "draw", 0.9, AT + 9 * LEASE)
    assert not register.finish("j1", "one", AT, FILE)
    assert there(register).state is JobState.RUNNING and there(register).file is None


def test_two_gateways_never_get_one_job(register: SynthesisRegister, open_syntheses: OpenSyntheses) -> None:
    for number in range(12):
        order(register, replace(ORDER, id=f"j{number}"), AT + timedelta(seconds=number), anew=False)
    others = [open_syntheses(), open_syntheses()]
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda number: others[number % 2].claim(f"w{number % 2}", AT, LEASE), range(24)))
    got = [claim.order.id for claim in claims if claim is not None]
    assert sorted(got) == sorted(f"j{number}" for number in range(12))


def test_institutions_take_turns(register: SynthesisRegister) -> None:
    for number in range(3):
        order(register, replace(ORDER, id=f"many{number}"), AT + timedelta(seconds=number), anew=False)
    order(register, replace(ORDER, id="one", institution="hzu"), AT + timedelta(seconds=9), anew=False)
    begun = []
    for second in range(10, 14):
        claimed = register.claim("w", AT + timedelta(seconds=second), LEASE)
        assert claimed is not None
        begun.append(claimed.order.id)
        if second != 12:
            assert register.finish(claimed.order.id, "w", AT + timedelta(seconds=second), FILE)
    assert begun == ["many0", "one", "many1", "many2"]


def test_a_job_that_ends_its_workers_ends_itself(register: SynthesisRegister) -> None:
    order(register, ORDER, AT, anew=False)
    for attempt in range(3):
        assert register.claim(f"w{attempt}", AT + 2 * attempt * LEASE, LEASE) is not None
    assert register.claim("last", AT + 9 * LEASE, LEASE) is None
    assert (there(register).state, there(register).failure) == (JobState.FAILED, "broken")
    assert order(register, ORDER, AT, anew=False).attempts == 0
    # put back in order, it begins from nothing
    assert register.claim("w", AT, LEASE) is not None
    assert register.finish("j1", "w", AT, None)
    assert (there(register).state, there(register).attempts) == (JobState.QUEUED, 0)


def test_a_cancelled_job_is_nobodys(register: SynthesisRegister) -> None:
    assert register.cancel("j1", AT) is None
    order(register, ORDER, AT, anew=False)
    assert register.claim("w", AT, LEASE) is not None
    cancelled = register.cancel("j1", AT)
    assert cancelled is not None and cancelled.state is JobState.CANCELLED
    assert not register.renew("j1", "w", "draw", 0.9, AT + LEASE)
    assert not register.finish("j1", "w", AT, FILE)
    assert register.claim("w", AT + 9 * LEASE, LEASE) is None
    again = order(register, replace(ORDER, institution="hznu"), AT, anew=False)
    assert (again.state, again.order.institution) == (JobState.QUEUED, "hznu")


def test_old_files_expire_and_are_held_by_nobody(register: SynthesisRegister) -> None:
    order(register, ORDER, AT, anew=False)
    order(register, replace(ORDER, id="j2"), AT + LEASE, anew=False)
    assert register.held_by("zju") == 2 and register.held_by("hznu") == 0
    assert register.claim("w", AT, LEASE) is not None
    register.finish("j1", "w", AT, FILE)
    assert register.expire(AT) == ()
    (expired,) = register.expire(AT + LEASE)
    assert expired.order == ORDER
    assert (there(register).state, there(register).file) == (JobState.EXPIRED, None)
    assert register.held_by("zju") == 1
    # what is done stays done for who would cancel it
    assert register.claim("w", AT, LEASE) is not None
    register.finish("j2", "w", AT + LEASE, FILE)
    kept = register.cancel("j2", AT)
    assert kept is not None and kept.state is JobState.DONE


def test_places_are_counted_where_they_are_taken(open_syntheses: OpenSyntheses, register: SynthesisRegister) -> None:
    assert register.order(ORDER, AT, anew=False, most=1) is not None
    other = replace(ORDER, id="j2")
    assert register.order(other, AT, anew=False, most=1) is None and register.job("j2") is None
    # what is held already takes no further place, and another institution has places of its own
    assert register.order(ORDER, AT, anew=False, most=1) is not None
    assert register.order(replace(ORDER, id="j3", institution="hzu"), AT, anew=False, most=1) is not None
    assert register.cancel("j1", AT) is not None
    assert register.order(other, AT, anew=False, most=1) is not None
    assert register.order(ORDER, AT, anew=False, most=1) is None and there(register).state is JobState.CANCELLED


def test_however_many_ask_at_one_time_no_more_get_a_place(
    open_syntheses: OpenSyntheses, register: SynthesisRegister
) -> None:
    registers, gate = [register, open_syntheses()], threading.Barrier(16)

    def ask(number: int) -> bool:
        gate.wait()
        wanted = replace(ORDER, id=f"j{number}")
        return registers[number % 2].order(wanted, AT, anew=False, most=5) is not None

    for turn in range(4):
        with ThreadPoolExecutor(16) as pool:
            given = list(pool.map(ask, range(16 * turn, 16 * turn + 16)))
        assert sum(given) == (5 if turn == 0 else 0)
        assert register.held_by("zju") == 5
