"""Questions over the channel, many times over, and their answers as arrays. Nothing else knows the client's calls."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import grpc
import numpy as np

import gateway.client as gw
from gateway.api.v1 import receipt_pb2, release_pb2, research_service_pb2
from gateway.client.context import context
from gateway.client.plans import plan
from tests.integration.site import Site
from tests.privacy.audit.audited import INSTITUTION, PURPOSE
from tests.privacy.audit.claims import Claim, Integers

STATISTICS = {
    "count": gw.count(),
    "count_units": gw.count_units(),
    "sum(amount)": gw.sum_of("amount"),
    "sum(wide)": gw.sum_of("wide"),
}

Filters = Sequence[tuple[str, str, float]]


@dataclass(frozen=True)
class Answers:
    """What was answered: by statistic, an array of calls × cells, and what was claimed of it."""

    values: Mapping[str, Integers]
    details: Mapping[str, release_pb2.MeasureDetail]
    loss: receipt_pb2.PrivacyLoss

    def claim(self, statistic: str) -> Claim:
        """The noise that is claimed."""
        detail = self.details[statistic]
        return Claim(detail.mechanism, detail.scale)

    def epsilon(self, statistic: str) -> float:
        """The pure epsilon that is claimed for one statistic."""
        return float(Fraction(self.details[statistic].epsilon))

    @property
    def total_epsilon(self) -> float:
        """The pure epsilon that is claimed for all of them."""
        return float(Fraction(self.loss.epsilon))

    def blocks(self, statistic: str, cells: Integers) -> Integers:
        """One draw for each call and block: the answers of the block's cells."""
        return self.values[statistic][:, cells].reshape(-1, cells.shape[1])


def connect(site: Site, port: int) -> gw.Gateway:
    """A connection of the audit's institution; close it."""
    folder = site.folder
    return gw.connect(
        f"localhost:{port}",
        certificate=folder / f"{INSTITUTION}.pem",
        key=folder / f"{INSTITUTION}.key",
        ca=folder / "ca.pem",
        token=site.token(INSTITUTION),
    )


def release(
    gateway: gw.Gateway, statistics: Sequence[str], epsilon: float, *, by_cell: bool = True, filters: Filters = ()
) -> gw.Release:
    """Ask once."""
    return gateway.release(
        "canaries",
        "by-cell",
        [STATISTICS[name] for name in statistics],
        purpose=PURPOSE,
        epsilon=epsilon,
        group_by=["cell"] if by_cell else [],
        filters=filters,
    )


def values(made: gw.Release) -> Integers:
    """The answers of a release, as cells × statistics."""
    return np.array([[estimate.value for estimate in cell.estimates] for cell in made.message.cells], np.int64)


def ask(
    gateway: gw.Gateway,
    statistics: Sequence[str],
    epsilon: float,
    calls: int,
    *,
    by_cell: bool = True,
    filters: Filters = (),
) -> Answers:
    """Ask the same so many times; two calls are under way at a time."""
    last: list[gw.Release] = []

    def one(_: int) -> Integers:
        made = release(gateway, statistics, epsilon, by_cell=by_cell, filters=filters)
        last[:] = [made]
        return values(made)

    with ThreadPoolExecutor(2) as pool:
        stacked = np.stack(list(pool.map(one, range(calls))))
    details = dict(zip(statistics, last[0].message.measures, strict=True))
    assert [column.name for column in last[0].message.columns] == [*statistics]
    by_name = {name: stacked[:, :, place] for place, name in enumerate(statistics)}
    return Answers(by_name, details, last[0].message.privacy_loss)


def about_rooms(side: str, epsilon: float = 1.0) -> research_service_pb2.CreateReleaseRequest:
    """A request for the counts of one side's rooms."""
    return research_service_pb2.CreateReleaseRequest(
        context=context(PURPOSE, "", request_id=str(uuid.uuid4())),
        plan=plan("rooms", "by-room", [gw.count()], ["room"], [("side", "==", side)]),
        epsilon=epsilon,
    )


def of_rooms(gateway: gw.Gateway, epsilon: float) -> gw.Release:
    """Ask once for the counts of all rooms."""
    return gateway.release("rooms", "by-room", [gw.count()], purpose=PURPOSE, epsilon=epsilon, group_by=["room"])


def spent_on_rooms(gateway: gw.Gateway) -> tuple[Fraction, Fraction]:
    """What the gateway says is spent of the rooms' budget, and its cap."""
    budgets = gateway.budget("rooms", "by-room", purpose=PURPOSE)
    (own,) = (budget for budget in budgets if budget.account == "dataset/rooms")
    return Fraction(own.spent_rho), Fraction(own.cap_rho)


class Telling:
    """A channel that tells how large answers are: their octets, and those of what travels beside them."""

    def __init__(self, site: Site, port: int) -> None:
        folder = site.folder
        credentials = grpc.ssl_channel_credentials(
            (folder / "ca.pem").read_bytes(),
            (folder / f"{INSTITUTION}.key").read_bytes(),
            (folder / f"{INSTITUTION}.pem").read_bytes(),
        )
        self._channel = grpc.secure_channel(f"localhost:{port}", credentials)
        self._metadata = (("authorization", f"Bearer {site.token(INSTITUTION)}"),)
        self._create = self._channel.unary_unary(
            "/gateway.api.v1.ResearchService/CreateRelease",
            request_serializer=research_service_pb2.CreateReleaseRequest.SerializeToString,
            response_deserializer=bytes,
        )

    def create_release(self, request: research_service_pb2.CreateReleaseRequest) -> tuple[bytes, int]:
        """The answer as it came, and the octets of its metadata."""
        answer, call = self._create.with_call(request, timeout=60, metadata=self._metadata)
        beside = [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())]
        return answer, sum(len(key) + len(value) for key, value in beside)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
