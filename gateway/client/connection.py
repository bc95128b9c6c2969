"""The connection to a gateway, and its calls."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from gateway.api.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    budget_pb2,
    receipt_pb2,
    release_pb2,
    research_service_pb2,
    research_service_pb2_grpc,
    sharing_service_pb2,
    sharing_service_pb2_grpc,
)
from gateway.client.answers import (
    Check,
    Composition,
    Consumption,
    Estimate,
    Lookup,
    Release,
    Subjects,
    check_from,
    composition_from,
    consumption_from,
    estimate_from,
    lookup_from,
)
from gateway.client.calls import Caller, Token
from gateway.client.certificates import SigningKey, key_from
from gateway.client.contests import Contests
from gateway.client.context import context
from gateway.client.errors import GatewayError
from gateway.client.extract import Extract, Progress
from gateway.client.linking import Linking
from gateway.client.offers import Offer, offer_from
from gateway.client.plans import AS_MEASURED, Shown, plan, wanted_margins
from gateway.client.prices import priced
from gateway.client.series import SeriesCalls
from gateway.client.synthesis import Syntheses
from gateway.client.tls import Pem, Pems, read_pems
from gateway.client.values import Condition, Scalar, to_conditions, to_value

_ENCODINGS = {"arrow": sharing_service_pb2.ENCODING_ARROW, "rows": sharing_service_pb2.ENCODING_ROWS}


def connect(
    address: str,
    *,
    certificate: Pem,
    key: Pem,
    ca: Pem,
    token: Token,
    timeout: float = 60.0,
    language: Literal["en", "zh"] = "en",
) -> Gateway:
    """Return a connection to the gateway at host:port. Use it as a context manager, or close it.

    `certificate` and `key` are your institution's, `ca` signs the gateway's certificate, `token` is yours or a
    function that returns it before each call. `timeout` is the deadline of each call but extracts, in seconds.

    Raises:
        CertificateExpired: your certificate does not hold today.
    """
    pems = read_pems(certificate, key, ca)
    return Gateway(address, pems, Caller(address, pems, token, language, timeout))


class Gateway(Linking, Contests, SeriesCalls, Syntheses):
    """A gateway as one person of one institution sees it. Safe to use from several threads.

    Every method raises a GatewayError, typed by what went wrong. Where a grant asks for one, give a `case_number`;
    where it is for emergencies alone, a `break_glass_reason` of 10 to 500 characters: somebody else reviews it.
    """

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._sharing = sharing_service_pb2_grpc.SharingServiceStub(self._channel)
        self._research = research_service_pb2_grpc.ResearchServiceStub(self._channel)
        self._audit = audit_service_pb2_grpc.AuditServiceStub(self._channel)

    def describe(self, *, purpose: str = "", dataset: str = "") -> tuple[Offer, ...]:
        """What you may get, and for which purposes; an empty purpose or dataset stands for all."""
        request = sharing_service_pb2.DescribeRequest(purpose=purpose, dataset=dataset)
        return tuple(offer_from(offer) for offer in self._caller.retried(self._sharing.Describe, request).offers)

    def lookup(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        by: str,
        values: Sequence[Scalar] = (),
        tokens: Sequence[str] = (),
        fields: Sequence[str] = (),
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        allow_partial: bool = False,
    ) -> Lookup:
        """The records of some subjects: `by` a lookup key, by its `values` or by `tokens` of it you were given.

        No `fields` asks for all. Each call is recorded, so it is never repeated by itself.
        """
        request = sharing_service_pb2.LookupRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            dataset=dataset,
            disclosure=disclosure,
            fields=fields,
            subjects=_subjects(by, values, tokens),
            allow_partial=allow_partial,
        )
        return lookup_from(self._caller.once(self._sharing.Lookup, request))

    def check(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        by: str,
        value: Scalar = None,
        token: str = "",
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> Check:
        """Whether the disclosure's predicate holds for one subject, named by its `value` or your `token` of it."""
        request = sharing_service_pb2.CheckRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            dataset=dataset,
            disclosure=disclosure,
            subject=_subject(by, value, token),
        )
        return check_from(self._caller.once(self._sharing.Check, request))

    def compose(
        self,
        form: str,
        parts: Mapping[str, Subjects],
        *,
        purpose: str,
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> Composition:
        """Some parts of a form of several departments, in one call: of each exactly the fields that the form declares.

        All the parts, or, where one is refused, an error and nothing.
        """
        request = sharing_service_pb2.ComposeRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            form=form,
            parts=[
                sharing_service_pb2.PartSubjects(part=part, subjects=_subjects(one.by, one.values, one.tokens))
                for part, one in parts.items()
            ],
        )
        return composition_from(self._caller.once(self._sharing.Compose, request))

    def consume(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        by: str,
        value: Scalar = None,
        token: str = "",
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        request_id: str = "",
    ) -> Consumption:
        """Take one of a subject's quota, if the disclosure's predicate holds for it and any is left.

        Retries keep the request_id, so they never take a second time; give your own to be safe beyond this call.
        """
        request = sharing_service_pb2.ConsumeRequest(
            context=context(purpose, region, case_number, break_glass_reason, request_id or str(uuid.uuid4())),
            dataset=dataset,
            disclosure=disclosure,
            subject=_subject(by, value, token),
        )
        return consumption_from(self._caller.retried(self._sharing.Consume, request))

    def extract(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        fields: Sequence[str] = (),
        filters: Iterable[Condition] = (),
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        allow_partial: bool = False,
        encoding: Literal["arrow", "rows"] = "arrow",
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> Extract:
        """All permitted records, as a stream. Filters are (field, operator, value)."""
        request = sharing_service_pb2.ExtractRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            dataset=dataset,
            disclosure=disclosure,
            fields=fields,
            filters=to_conditions(filters),
            encoding=_ENCODINGS[encoding],
            allow_partial=allow_partial,
        )
        stream = self._sharing.Extract(request, timeout=timeout, metadata=self._caller.metadata())
        try:
            return Extract(stream, progress)
        except GatewayError as error:
            raise self._caller.explain(error) from error

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
            plan=plan(dataset, disclosure, statistics, group_by, filters),
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
        shown: Shown = AS_MEASURED,
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        request_id: str = "",
    ) -> Release:
        """Answer a plan with differential privacy, at an `epsilon` or a `rho`.

        Retries keep the request_id, so they are never charged twice.
        """
        request = research_service_pb2.CreateReleaseRequest(
            context=context(purpose, region, case_number, break_glass_reason, request_id or str(uuid.uuid4())),
            plan=plan(dataset, disclosure, statistics, group_by, filters),
            presentation=shown.to_message(),
        )
        answer = self._caller.retried(self._research.CreateRelease, priced(request, epsilon, rho))
        return Release(answer.release, answer.receipt, answer.charged)

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
            plan=plan(dataset, disclosure, statistics, group_by, filters),
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

    def receipt(self, receipt_id: str) -> receipt_pb2.Receipt:
        """A receipt of your institution."""
        request = audit_service_pb2.GetReceiptRequest(receipt_id=receipt_id)
        return self._caller.retried(self._audit.GetReceipt, request).receipt


def _subject(by: str, value: Scalar, token: str) -> sharing_service_pb2.SubjectSelector:
    return _subjects(by, () if token else (value,), (token,) if token else ())


def _subjects(by: str, values: Sequence[Scalar], tokens: Sequence[str]) -> sharing_service_pb2.SubjectSelector:
    if bool(values) == bool(tokens):
        raise ValueError("either values or tokens of the lookup key")
    if tokens:
        return sharing_service_pb2.SubjectSelector(token=sharing_service_pb2.TokenSelector(field=by, tokens=tokens))
    return sharing_service_pb2.SubjectSelector(
        key=sharing_service_pb2.KeySelector(field=by, values=[to_value(value) for value in values])
    )
