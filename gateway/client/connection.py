"""The connection to a gateway, with all its calls: one module for each service."""

from __future__ import annotations

from typing import Literal

from gateway.api.v1 import audit_service_pb2, audit_service_pb2_grpc, receipt_pb2
from gateway.client.calls import Caller, Token
from gateway.client.contests import Contests
from gateway.client.exports import Exports
from gateway.client.indicators import IndicatorCalls
from gateway.client.ingest import Ingest
from gateway.client.linking import Linking
from gateway.client.research import Research
from gateway.client.series import SeriesCalls
from gateway.client.sharing import Sharing
from gateway.client.synthesis import Syntheses
from gateway.client.tls import Pem, Pems, read_pems


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


class Gateway(Sharing, Research, Linking, Contests, SeriesCalls, IndicatorCalls, Syntheses, Exports, Ingest):
    """A gateway as one person of one institution sees it. Safe to use from several threads.

    Every method raises a GatewayError, typed by what went wrong. Where a grant asks for one, give a `case_number`;
    where it is for emergencies alone, a `break_glass_reason` of 10 to 500 characters: somebody else reviews it.
    """

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._audit = audit_service_pb2_grpc.AuditServiceStub(self._channel)

    def receipt(self, receipt_id: str) -> receipt_pb2.Receipt:
        """A receipt of your institution."""
        request = audit_service_pb2.GetReceiptRequest(receipt_id=receipt_id)
        return self._caller.retried(self._audit.GetReceipt, request).receipt
