"""The scene about accountability: every answer and refusal has a receipt that its reader can check."""

from __future__ import annotations

import copy
import hashlib
import json

import gateway.client as gw
from gateway.cli.demo.play import Play
from gateway.cli.demo.report import Misbehaved


def receipts(play: Play) -> None:
    """Recompute each leaf from salt and record, and see that a change shows."""
    report = play.report
    report.scene(
        "Receipts: what was disclosed, to whom and why",
        "Written down before anything leaves, with no value from the data and nobody's identifier.",
    )
    sample = play.answers[0].receipt
    record = json.loads(sample.log_entry.record)
    report.left_fields(
        [
            ("receipt", sample.receipt_id),
            ("who", f"{sample.institution}, {sample.person}"),
            ("what", f"{sample.dataset}/{sample.disclosure}: {sample.rows:,} rows, outcome {record['outcome']}"),
            ("why", f"{sample.purpose}, {sample.legal_basis}"),
            ("by which rule", f"grant {sample.grant} of policy {sample.policy_digest[:16]}…"),
            ("fields", ", ".join(f"{item.field} ({item.detail})" for item in sample.fields)),
            ("noise", "waived, as the contract says why" if sample.noise_waived else "added"),
            ("salt", sample.log_entry.salt.hex()),
            ("leaf", sample.log_entry.leaf_hash.hex()),
        ]
    )
    own = hashlib.sha256(b"\x00" + sample.log_entry.salt + sample.log_entry.record).digest()
    report.prove(own == sample.log_entry.leaf_hash, "SHA-256(0x00 ‖ salt ‖ record), computed here, is that leaf")

    for answer in play.answers:
        gw.verify_receipt(answer.receipt)
        report.clean_text(answer.receipt.log_entry.record.decode())
    named = {answer.receipt.receipt_id for answer in play.answers}
    report.prove(len(named) == len(play.answers), f"{len(named)} answers have {len(named)} receipts, and all are sound")

    written = [(play.of(institution).receipt(error.receipt_id), error) for institution, error in play.refusals]
    report.prove(
        all(receipt.reason == error.reason and len(receipt.log_entry.leaf_hash) == 32 for receipt, error in written),
        f"the {len(written)} refusals stand in the log as well, each with its reason",
    )

    forged = copy.deepcopy(sample)
    forged.log_entry.record = forged.log_entry.record.replace(sample.purpose.encode(), b"something-else")
    try:
        gw.verify_receipt(forged)
    except gw.ReceiptMismatch:
        report.prove(True, "change one word of the record, and it no longer fits")
    else:
        raise Misbehaved("a changed record does not fit its leaf")

    try:
        play.of("zju-research").receipt(sample.receipt_id)
    except gw.NotFound:
        report.prove(True, "an institution reads its own receipts alone")
    else:
        raise Misbehaved("an institution reads its own receipts alone")
    log = play.city.log.read_text(encoding="utf-8", errors="replace")
    report.clean_text(log)
    report.prove(play.subject not in log, "the gateway's own log names none of the people")
