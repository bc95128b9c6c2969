"""Statistics with differential privacy: what may be asked, what it costs, and answers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from gateway.api.v1 import budget_pb2, receipt_pb2, release_pb2, research_service_pb2, research_service_pb2_grpc
from gateway.client.answers import Estimate, Release, estimate_from
from gateway.client.calls import Caller
from gateway.client.certificates import SigningKey, key_from
from gateway.client.channel import Channel
from gateway.client.context import context
from gateway.client.freshness import freshness_from
from gateway.client.plans import AS_MEASURED, Shown, plan, wanted_margins
from gateway.client.prices import priced
from gateway.client.tls import Pems
from gateway.client.values import Condition


class Research(Channel):
    """The calls of researchers."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._research = research_service_pb2_grpc.ResearchServiceStub(self._channel)

    def datasets(self, *, purpose: str = "") -> Sequence[research_service_pb2.ResearchDataset]:
        """What statistics you may ask for: keys, bounds and limits."""
        request = research_service_pb2.ListDatasetsRequest(purpose=purpose)
        return self._caller.retried(self._research.ListDatasets, request).datasets

    def budget(self, dataset: str, disclosure: str, *, purpose: str, region: str = "") -> Sequence[budget_pb2.Budget]:
        """What is left of every budget your releases are charged to."""
        request = research_service_pb2.GetBudgetRequest(
            context=context(purpose, region), dataset=dataset, disclosure=disclosure
        )
        return self._caller.retried(self._research.GetBudget, request).budgets

    def estimate(
        self,
        dataset: str,
        disclosure: str,
        statistics: Sequence[release_pb2.Statistic],
        *,
        purpose: str,
        epsilon: float | None = None,
        rho: float | None = None,
        margin: float | None = None,
        margin_in_rho: float | None = None,
        margins: Iterable[float | research_service_pb2.WantedMargin | None] | None = None,
        margins_in_rho: Iterable[float | research_service_pb2.WantedMargin | None] | None = None,
        group_by: Sequence[str | release_pb2.Grouping] = (),
        filters: Iterable[Condition] = (),
        join: tuple[str, str] | None = None,
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> Estimate:
        """The price and accuracy of a plan, and what would cost less. Spends nothing and reads no data.

        One of: an `epsilon` or a `rho` to spend; or a `margin` at 95 %, which is priced in epsilon, or in rho as
        `margin_in_rho`. `margins` and `margins_in_rho` have one for each statistic, in its own unit, as a number or
        by `within`; None where any will do.
        """
        targets = {"epsilon": epsilon, "rho": rho, "margin_95": margin, "margin_95_rho": margin_in_rho}
        named = {name: value for name, value in targets.items() if value is not None}
        each = [(one, in_rho) for one, in_rho in ((margins, False), (margins_in_rho, True)) if one is not None]
        if len(named) + len(each) != 1:
            raise ValueError("one of epsilon, rho, margin, margin_in_rho, margins and margins_in_rho")
        request = research_service_pb2.EstimateRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            plan=plan(dataset, disclosure, statistics, group_by, filters, join),
        )
        for name, value in named.items():
            setattr(request, name, value)
        for one, in_rho in each:
            request.margins.CopyFrom(wanted_margins(one, in_rho=in_rho))
        return estimate_from(self._caller.retried(self._research.Estimate, request))

    def release(
        self,
        dataset: str,
        disclosure: str,
        statistics: Sequence[release_pb2.Statistic],
        *,
        purpose: str,
        epsilon: float | None = None,
        rho: float | None = None,
        group_by: Sequence[str | release_pb2.Grouping] = (),
        filters: Iterable[Condition] = (),
        join: tuple[str, str] | None = None,
        shown: Shown = AS_MEASURED,
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        request_id: str = "",
    ) -> Release:
        """Answer a plan with differential privacy, at an `epsilon` or a `rho`.

        `join` names a dataset that shares the privacy unit, with the disclosure it is asked under: rows of both are
        joined by the unit, and fields of that dataset are written with its name, as in "residents.age_band".

        Retries keep the request_id, so they are never charged twice.
        """
        request = research_service_pb2.CreateReleaseRequest(
            context=context(purpose, region, case_number, break_glass_reason, request_id or str(uuid.uuid4())),
            plan=plan(dataset, disclosure, statistics, group_by, filters, join),
            presentation=shown.to_message(),
        )
        answer = self._caller.retried(self._research.CreateRelease, priced(request, epsilon, rho))
        return Release(answer.release, answer.receipt, answer.charged, tuple(map(freshness_from, answer.freshness)))

    def rehearse(
        self,
        dataset: str,
        disclosure: str,
        statistics: Sequence[release_pb2.Statistic],
        *,
        purpose: str,
        epsilon: float | None = None,
        rho: float | None = None,
        group_by: Sequence[str | release_pb2.Grouping] = (),
        filters: Iterable[Condition] = (),
        join: tuple[str, str] | None = None,
        shown: Shown = AS_MEASURED,
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> Release:
        """The same plan over made up rows: an answer like that of `release`, to try a program on. Spends nothing.

        Its `rehearsal` is true, and it has neither a receipt nor a certificate.
        """
        request = research_service_pb2.RehearseRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            plan=plan(dataset, disclosure, statistics, group_by, filters, join),
            presentation=shown.to_message(),
        )
        answer = self._caller.retried(self._research.Rehearse, priced(request, epsilon, rho))
        return Release(answer.release, receipt_pb2.Receipt(), charged=False)

    def get_release(
        self,
        release_id: str,
        *,
        purpose: str,
        shown: Shown = AS_MEASURED,
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> Release:
        """A release that was made before. Costs nothing, however it is shown."""
        request = research_service_pb2.GetReleaseRequest(
            context=context(purpose, "", case_number, break_glass_reason),
            release_id=release_id,
            presentation=shown.to_message(),
        )
        answer = self._caller.retried(self._research.GetRelease, request)
        return Release(answer.release, answer.receipt, charged=False)

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """The public keys that certificates of releases are verified with, the oldest first."""
        request = research_service_pb2.GetSigningKeysRequest()
        return tuple(map(key_from, self._caller.retried(self._research.GetSigningKeys, request).keys))
