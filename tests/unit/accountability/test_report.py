"""What a report adds up."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from gateway.accountability.report import report_on
from gateway.model.loss import PrivacyLoss
from gateway.model.record import Outcome
from tests.conformance.ports.samples import AT, a_record

FOUND = PrivacyLoss(Fraction(1, 8), Fraction(1, 2), Fraction(1, 10**8))
PLAIN = PrivacyLoss(Fraction(1, 4))


def test_the_loss_is_what_was_charged_whatever_is_on_record() -> None:
    made = replace(a_record(), outcome=Outcome.COMPLETED, loss=FOUND, release_id="a", replay=False)
    records = [
        made,
        replace(made, replay=True),
        replace(made, loss=PLAIN, release_id="b"),
        replace(made, outcome=Outcome.ABORTED, release_id="c"),
        replace(made, loss=None, release_id=""),
    ]
    report = report_on("zju-research", records, FOUND + PLAIN, (), AT)
    assert (report.rho, report.delta) == (Fraction(3, 8), Fraction(1, 10**8))
    assert report.allowed == 5


def test_a_join_is_counted_with_both_disclosures_and_once_among_all() -> None:
    made = replace(a_record(), outcome=Outcome.COMPLETED, joined="residents/by-age", joined_grant="g")
    report = report_on("zju-research", [made, made, replace(made, joined="", joined_grant="")], PLAIN, (), AT)
    counted = {(line.dataset, line.disclosure): line.count for line in report.lines}
    assert counted == {(made.dataset, made.disclosure): 3, ("residents", "by-age"): 2}
    assert report.allowed == 3
