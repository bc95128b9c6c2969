"""Series: statistics that are published day after day, for one price."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypedDict

import pyarrow as pa

from gateway.api.v1 import receipt_pb2, series_service_pb2, series_service_pb2_grpc
from gateway.client.calls import Caller
from gateway.client.certificates import SeriesCertificate, SigningKey
from gateway.client.certified_series import certificate_of, verify_days
from gateway.client.channel import Channel
from gateway.client.context import context
from gateway.client.prices import priced
from gateway.client.tls import Pems
from gateway.client.values import to_column


class SeriesPrice(TypedDict, total=False):
    """What a series costs, in one of the two."""

    epsilon: float
    rho: float


@dataclass(frozen=True, slots=True)
class Series:
    """A series: what it shows, what it costs, how near it comes, and whether somebody has opened it.

    `margins` are those of the last day by column, such as "count so far"; `message` has all the rest.
    """

    message: series_service_pb2.Series = field(repr=False)

    @property
    def name(self) -> str:
        """Its name in the contract."""
        return self.message.name

    @property
    def open(self) -> bool:
        """Whether it is paid for, and its days cost nothing."""
        return self.message.open

    @property
    def price(self) -> SeriesPrice:
        """What `open_series` takes: {"rho": 0.1} or {"epsilon": 1.0}."""
        return {"rho": self.message.rho} if self.message.rho else {"epsilon": self.message.epsilon}

    @property
    def margins(self) -> dict[str, float]:
        """The half-width at 95 % of each column on the last day."""
        return {one.column.name: one.margin_95 for one in self.message.margins}


@dataclass(frozen=True, slots=True)
class SeriesDays:
    """Days of a series. `receipts` are those of the calls that it took: long answers come in parts."""

    series: Series
    parts: tuple[series_service_pb2.GetSeriesResponse, ...] = field(repr=False)

    @property
    def receipts(self) -> tuple[receipt_pb2.Receipt, ...]:
        """The receipts of the calls."""
        return tuple(part.receipt for part in self.parts)

    @property
    def certificates(self) -> tuple[SeriesCertificate, ...]:
        """What the gateway signed of these days: one certificate for each part of a long answer, and none of no day."""
        return tuple(one for part in self.parts if (one := certificate_of(part)) is not None)

    @property
    def citation(self) -> str:
        """How to cite them: the dataset as its contract has it, the series by its name, and the days; "" for neither.

        It is what the certificate says, verified or not.
        """
        says = self.certificates[0].says if self.certificates else {}
        cited = says.get("attribution", {}).get("citation", "")
        return f"{cited} Daily series {says['id']}, {self.days[0]} to {self.days[-1]}." if cited else ""

    def verify(self, keys: Iterable[SigningKey]) -> None:
        """Verify the certificate of every part, and hold all that is shown of series and days against it.

        Raises:
            CertificateMismatch: naming the first part that differs; `certificate` where days have none.
        """
        known = tuple(keys)
        for part in self.parts:
            verify_days(part, known)

    @property
    def days(self) -> tuple[date, ...]:
        """The days, in order."""
        return tuple(date.fromisoformat(one.day) for part in self.parts for one in part.days)

    def to_arrow(self) -> pa.Table:
        """Return one row for each day and cell: the day, the keys, then for each column its value and its margin.

        Columns are named "day", as the groupings, and "count so far", "count so far ±95%", "count" and so on. The truth
        of bounded contributions lies within value ± margin with probability 0.95.
        """
        first = self.parts[0]
        cells = len(first.cells)
        columns: dict[str, pa.Array[Any]] = {
            "day": pa.array([day for day in self.days for _ in range(cells)], pa.date32())
        }
        for place, grouping in enumerate(self.series.message.group_by):
            keys = to_column([cell.keys[place] for cell in first.cells])
            columns[grouping.partition(" ")[0]] = pa.array(keys.to_pylist() * len(self.days), keys.type)
        days = [day for part in self.parts for day in part.days]
        for place, column in enumerate(first.columns):
            figures = [day.figures[place] for day in days]
            columns[column.name] = pa.array([value for one in figures for value in one.values], pa.float64())
            margins = [one.margin_95 for one in figures for _ in range(cells)]
            columns[f"{column.name} ±95%"] = pa.array(margins, pa.float64())
        return pa.table(columns)


class SeriesCalls(Channel):
    """The calls of series."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._series = series_service_pb2_grpc.SeriesServiceStub(self._channel)

    def list_series(
        self, *, purpose: str, dataset: str = "", region: str = "", case_number: str = ""
    ) -> tuple[Series, ...]:
        """The series that you may have for a purpose, in a region or the whole city, with their prices and margins.

        Spends nothing. Where you may have none there, it is refused, as a release would be.
        """
        request = series_service_pb2.ListSeriesRequest(context=context(purpose, region, case_number), dataset=dataset)
        return tuple(map(Series, self._caller.retried(self._series.ListSeries, request).series))

    def open_series(
        self,
        dataset: str,
        disclosure: str,
        series: str,
        *,
        purpose: str,
        epsilon: float | None = None,
        rho: float | None = None,
        region: str = "",
        case_number: str = "",
    ) -> Series:
        """Charge a series for all its days, once: opened before, it costs nothing. The price is that of the contract,
        which you agree to: `gateway.open_series(…, **series.price)`.
        """
        request = series_service_pb2.OpenSeriesRequest(
            context=context(purpose, region, case_number), dataset=dataset, disclosure=disclosure, series=series
        )
        return Series(self._caller.retried(self._series.OpenSeries, priced(request, epsilon, rho)).series)

    def get_series(
        self,
        dataset: str,
        disclosure: str,
        series: str,
        *,
        purpose: str,
        first_day: date | None = None,
        last_day: date | None = None,
        spans: Sequence[int] = (),
        region: str = "",
        case_number: str = "",
    ) -> SeriesDays:
        """The days of an open series that are over, from a first to a last. Costs nothing, however often.

        Beside each day and all days so far you get sums over the last so many days, as `spans` says. What was answered
        of a day is answered for ever: data that come later are not in it.
        """
        request = series_service_pb2.GetSeriesRequest(
            context=context(purpose, region, case_number),
            dataset=dataset,
            disclosure=disclosure,
            series=series,
            first_day="" if first_day is None else first_day.isoformat(),
            last_day="" if last_day is None else last_day.isoformat(),
            spans=spans,
        )
        parts = [self._caller.retried(self._series.GetSeries, request)]
        while parts[-1].next_day:
            request.first_day = parts[-1].next_day
            parts.append(self._caller.retried(self._series.GetSeries, request))
        return SeriesDays(Series(parts[-1].series), tuple(parts))
