"""Rehearsals, through TLS: answers of the types and shape of releases, over rows that are nobody's, for nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

import gateway.client as gw
from tests.integration.grpc.conftest import Fair
from tests.integration.grpc.visits import column

ASK: dict[str, Any] = {"purpose": "academic-research"}
WHAT = ("fair_visits", "visits")
MONTHS = gw.by_period("came_at", "month", date(2026, 1, 1), date(2026, 3, 31))
EVERY = [
    gw.count(), gw.count_units(), gw.sum_of("amount"), gw.sum_of("rating"), gw.mean_of("rating"),
    gw.variance_of("amount"), gw.quantiles_of("amount", 0.5, 0.9),
]  # fmt: skip


@pytest.mark.parametrize(
    ("statistics", "group_by", "more"),
    [
        (EVERY, ["gate", MONTHS], {"rho": 0.2}),
        (EVERY, [gw.by_level("next_stop", "street"), gw.by_bins("rating", 2.5)], {"epsilon": 0.4}),
        (EVERY[:1], [gw.down_to("community", "street")], {"rho": 0.1, "shown": gw.Shown(consistent=True)}),
        (EVERY[:3], ["gate"], {"rho": 0.3, "shown": gw.Shown(top=2, round_to=10), "region": "hangzhou/xihu"}),
        (EVERY[:2], [gw.by_found_keys("booked_on")], {"epsilon": 3.0}),
        (EVERY, [], {"epsilon": 0.5, "filters": [("gate", "in", ["south", "east"])]}),
    ],
    ids=["keys and months", "regions and bins", "a tree", "the top of a district", "found keys", "a filter"],
)
def test_a_rehearsal_has_the_types_and_shape_of_the_release(
    fair: Fair, statistics: list[Any], group_by: list[Any], more: dict[str, Any]
) -> None:
    before, plan = fair.spent(), {"group_by": group_by, **more, **ASK}
    tried = fair.gateway.rehearse(*WHAT, statistics, **plan)
    assert fair.spent() == before
    real = fair.gateway.release(*WHAT, statistics, **plan)
    made, table = tried.to_arrow(), real.to_arrow()
    assert made.schema.remove_metadata() == table.schema
    found = [one for one in group_by if not isinstance(one, str) and one.HasField("found_keys")]
    assert made.num_rows == table.num_rows or (found and made.num_rows)
    assert found or "top" in repr(more) or made.select(range(len(group_by))) == table.select(range(len(group_by)))
    # what would be charged, and how it would be measured, is that of the release
    assert tried.message.privacy_loss == real.message.privacy_loss
    assert list(tried.message.measures) == list(real.message.measures)
    assert list(tried.message.columns) == list(real.message.columns)


def test_it_says_what_it_is_everywhere(fair: Fair) -> None:
    tried = fair.gateway.rehearse(*WHAT, [gw.count()], group_by=["gate"], rho=0.2, **ASK)
    assert tried.rehearsal and not tried.charged and tried.certificate is None and not tried.receipt.receipt_id
    assert tried.release_id.startswith("rehearsal-") and tried.message.data_version == "rehearsal"
    assert tried.to_arrow().schema.metadata == {b"rehearsal": b"made up rows"}
    real = fair.gateway.release(*WHAT, [gw.count()], group_by=["gate"], rho=0.2, **ASK)
    assert not real.rehearsal and real.to_arrow().schema.metadata is None
    with pytest.raises(gw.CertificateMismatch, match="A rehearsal is not a release and has no certificate") as said:
        tried.verify(fair.gateway.signing_keys())
    assert said.value.part == "rehearsal" and "differs" not in str(said.value)
    # there is no such release
    with pytest.raises(gw.GatewayError) as raised:
        fair.gateway.get_release(tried.release_id, **ASK)
    assert raised.value.reason == "REQUEST_INVALID"
    assert not fair.gateway.estimate(*WHAT, [gw.count()], group_by=["gate"], rho=0.123, **ASK).already_released


def test_its_rows_are_the_same_each_time_and_nobodys(fair: Fair) -> None:
    plan: dict[str, Any] = {"group_by": ["gate"], "epsilon": 10.0, **ASK}
    tried = [fair.gateway.rehearse(*WHAT, [gw.count(), gw.sum_of("rating")], **plan).to_arrow() for _ in range(2)]
    first, again = (column(table, "count") for table in tried)
    margin = column(tried[0], "count ±95%")[0]
    assert all(abs(one - other) < 5 * margin for one, other in zip(first, again, strict=True))
    # nobody comes by the roof, but a contract does not know it; and every gate is alike
    assert min(first) > 1500 and max(first) < 3500


def test_what_would_be_refused_is_refused(fair: Fair) -> None:
    with pytest.raises(gw.InvalidRequest) as raised:
        fair.gateway.rehearse(*WHAT, [gw.sum_of("age")], epsilon=0.5, **ASK)
    assert raised.value.reason == "STATISTIC_NOT_DECLARED" and raised.value.receipt_id
    assert raised.value.nearest_plan is not None
    with pytest.raises(gw.Refused):
        fair.gateway.rehearse(*WHAT, [gw.count()], epsilon=0.5, purpose="epidemic-tracing")
    with pytest.raises(gw.InvalidRequest):
        fair.gateway.rehearse(*WHAT, [gw.count()], epsilon=11, **ASK)
