"""Questions over the channel, many times over, and their answers as arrays. Nothing else knows the client's calls."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Self

import grpc
import numpy as np
import numpy.typing as npt

import gateway.client as gw
from gateway.api.v1 import receipt_pb2, release_pb2, research_service_pb2
from gateway.client.context import context
from gateway.client.plans import plan
from tests.integration.site import Site
from tests.privacy.audit.audited import INSTITUTION, PURPOSE
from tests.privacy.audit.claims import Claim, Integers
from tests.privacy.audit.detectors import off_lattice

STATISTICS = {
    "count": gw.count(),
    "count_units": gw.count_units(),
    "sum(amount)": gw.sum_of("amount"),
    "sum(wide)": gw.sum_of("wide"),
    "mean(amount)": gw.mean_of("amount"),
    "variance(amount)": gw.variance_of("amount"),
    "quantile(amount; 0.5)": gw.quantiles_of("amount", 0.5),
}
"""By the names of their columns."""

_ASKED = {"cell": ("canaries", "by-cell"), "": ("canaries", "by-cell"), "room": ("rooms", "by-room")}
"""By what is grouped by, the dataset and the disclosure."""

Filters = Sequence[tuple[str, str, float]]
Numbers = npt.NDArray[np.float64]


class Price(NamedTuple):
    """What is paid: a pure epsilon, or a rho."""

    epsilon: float | None = None
    rho: float | None = None


@dataclass(frozen=True)
class Answers:
    """What was answered: by statistic, an array of calls × cells, and what was claimed of it.

    `lower` and `upper` are the ends of the intervals.
    """

    numbers: Mapping[str, Numbers]
    lower: Mapping[str, Numbers]
    upper: Mapping[str, Numbers]
    measures: Mapping[str, Sequence[release_pb2.MeasureDetail]]
    loss: receipt_pb2.PrivacyLoss

    def values(self, statistic: str) -> Integers:
        """Answers that are integers, as such."""
        assert off_lattice(self.numbers[statistic]) == 0
        return self.numbers[statistic].astype(np.int64)

    def detail(self, statistic: str) -> release_pb2.MeasureDetail:
        """How the one measure of a statistic was made."""
        (detail,) = self.measures[statistic]
        return detail

    def claim(self, statistic: str) -> Claim:
        """The noise that is claimed of a statistic of one measure."""
        return Claim(self.detail(statistic).mechanism, self.detail(statistic).scale)

    def epsilon(self, statistic: str) -> float:
        """The pure epsilon that is claimed for one statistic."""
        return float(sum(Fraction(detail.epsilon) for detail in self.measures[statistic]))

    def rho(self, statistic: str) -> float:
        """The rho that is claimed for one statistic."""
        return float(sum(Fraction(detail.rho) for detail in self.measures[statistic]))

    @property
    def total_epsilon(self) -> float:
        """The pure epsilon that is claimed for all of them."""
        return float(Fraction(self.loss.epsilon))

    def blocks(self, statistic: str, cells: Integers) -> Numbers:
        """One draw for each call and block: the answers of the block's cells."""
        return self.numbers[statistic][:, cells].reshape(-1, cells.shape[1])


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


def ask(
    gateway: gw.Gateway,
    statistics: Sequence[str],
    price: Price,
    calls: int,
    *,
    group_by: str = "cell",
    filters: Filters = (),
    join: tuple[str, str] | None = None,
) -> Answers:
    """Ask the same so many times; two calls are under way at a time."""
    last: list[release_pb2.Release] = []

    def one(_: int) -> Numbers:
        made = gateway.release(
            *_ASKED[group_by],
            [STATISTICS[name] for name in statistics],
            purpose=PURPOSE,
            epsilon=price.epsilon,
            rho=price.rho,
            group_by=[group_by] if group_by else [],
            filters=filters,
            join=join,
        )
        last[:] = [made.message]
        return np.array(
            [[_numbers(estimate) for estimate in cell.estimates] for cell in made.message.cells], np.float64
        )

    with ThreadPoolExecutor(2) as pool:
        stacked = np.stack(list(pool.map(one, range(calls))))
    (message,) = last
    assert [column.name for column in message.columns] == [*statistics]
    numbers, lower, upper = (
        {name: stacked[:, :, place, which] for place, name in enumerate(statistics)} for which in range(3)
    )
    measures = {
        name: [detail for detail in message.measures if detail.statistic == place]
        for place, name in enumerate(statistics)
    }
    return Answers(numbers, lower, upper, measures, message.privacy_loss)


def _numbers(estimate: release_pb2.Estimate) -> tuple[float, float, float]:
    """An answer and the ends of its interval. Floats hold the integers that the audit meets: all are below 2⁵³."""
    value = estimate.value if estimate.WhichOneof("answer") == "value" else estimate.number
    assert abs(value) < 2**53
    return value, estimate.lower_95, estimate.upper_95


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
