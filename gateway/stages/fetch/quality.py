"""How good did what an answer is made of come in? Told with the answer where its contract says so, the same to all."""

from __future__ import annotations

import hmac
from collections import Counter
from datetime import date, datetime
from fractions import Fraction

import numpy as np

from gateway.kernels.perturb.laplace import laplace_table
from gateway.model.contract import DataContract
from gateway.model.quality import FAILS, Dimension, QualityMarks, last_month, marks
from gateway.ports import AUDIT_DOMAIN, BatchRegister, KeyRing, KeyUse

_REACH, _LOSS = 200, Fraction(20)
"""Noise of each count: a row more or less is hidden by epsilon = 20/200 = 0.1, and no noise is larger than 200."""


def fetch_quality(contract: DataContract, batches: BatchRegister, keys: KeyRing, now: datetime) -> QualityMarks | None:
    """Return what is told of a dataset's last month; None where its contract tells nothing, or too little came in.

    Noise is drawn by a key from the count, so that the same is told all month, by every gateway, however often.

    Raises:
        Fault: REGISTER_UNAVAILABLE, KEYS_UNAVAILABLE.
    """
    if not any(spec.ingest is not None and spec.ingest.tells_quality for spec in contract.disclosures.values()):
        return None
    month = last_month(now)
    found = batches.sent(contract.dataset, month.begins, month.ends)
    failed: Counter[Dimension] = Counter()
    for reason, count in found.rejected.items():
        failed[FAILS[reason]] += count
    key = keys.working_key(AUDIT_DOMAIN, KeyUse.INGEST, f"quality/{contract.dataset}")
    sent = _noised(found.accepted + found.turned_away, "sent", month.day, key)
    return marks(month.day, sent, {one: _noised(failed[one], one.value, month.day, key) for one in Dimension})


def _noised(count: int, what: str, month: date, key: bytes) -> int:
    word = hmac.digest(key, f"{month.isoformat()}/{what}/{count}".encode(), "sha256")[:8]
    noise = laplace_table(0, _REACH, _LOSS).noise(np.frombuffer(word, np.uint64))
    return max(0, count + int(noise[0]))
