"""The Purpose Gateway's Python client.

    import gateway.client as gw

    with gw.connect("localhost:8443", certificate="me.pem", key="me.key", ca="ca.pem", token=token) as gateway:
        for batch in gateway.extract("subsidies", "audit-rows", purpose="subsidy-audit"):
            ...

Every call names its purpose. Answers are Arrow; errors are `GatewayError`s that say why and what would pass.
"""

from gateway.client import reidentify
from gateway.client.alternatives import Alternative
from gateway.client.answers import Check, Composition, Consumption, Coverage, Estimate, Lookup, Release, Subjects
from gateway.client.certificates import (
    ReleaseCertificate,
    SeriesCertificate,
    SigningKey,
    SynthesisCertificate,
    read_certificate,
    read_signing_keys,
    write_signing_keys,
)
from gateway.client.connection import Gateway, connect
from gateway.client.contests import Leaderboard, ScoredEntry, Standing
from gateway.client.errors import (
    AlreadyUsed,
    BudgetExhausted,
    CapExceeded,
    CertificateExpired,
    CertificateMismatch,
    DeadlineExceeded,
    GatewayError,
    GatewayFailed,
    HandshakeFailed,
    IncompleteExtract,
    InvalidRequest,
    NotFound,
    NotNow,
    OtherKey,
    QuotaExhausted,
    RateExceeded,
    ReceiptMismatch,
    Refused,
    Revoked,
    SealBroken,
    Unauthenticated,
    Unavailable,
)
from gateway.client.exports import Export, ExportedFile
from gateway.client.extract import Extract
from gateway.client.freshness import DataQuality, Freshness
from gateway.client.indicators import Figure, Indicator
from gateway.client.ingest import Pushed, RejectedRow
from gateway.client.linking import Linked
from gateway.client.nearest import Nearest, NearestPlan, NearestSynthesis
from gateway.client.offers import CollectedField, Offer, OfferedField, QualityRule
from gateway.client.officer import Officer, connect_officer
from gateway.client.plans import (
    Shown,
    by_bins,
    by_found_keys,
    by_level,
    by_period,
    count,
    count_units,
    down_to,
    mean_of,
    quantiles_of,
    sum_of,
    variance_of,
    weighed,
    within,
)
from gateway.client.policies import PolicyInvalid, SnapshotMismatch, read_officer_key
from gateway.client.receipts import verify_receipt
from gateway.client.registers import NewConsent
from gateway.client.series import Series, SeriesDays
from gateway.client.synthesis import SynthesisEnded, SynthesisEstimate, SyntheticExtract
from gateway.client.warrants import TokenDomain

__all__ = [
    "AlreadyUsed",
    "Alternative",
    "BudgetExhausted",
    "CapExceeded",
    "CertificateExpired",
    "CertificateMismatch",
    "Check",
    "CollectedField",
    "Composition",
    "Consumption",
    "Coverage",
    "DataQuality",
    "DeadlineExceeded",
    "Estimate",
    "Export",
    "ExportedFile",
    "Extract",
    "Figure",
    "Freshness",
    "Gateway",
    "GatewayError",
    "GatewayFailed",
    "HandshakeFailed",
    "IncompleteExtract",
    "Indicator",
    "InvalidRequest",
    "Leaderboard",
    "Linked",
    "Lookup",
    "Nearest",
    "NearestPlan",
    "NearestSynthesis",
    "NewConsent",
    "NotFound",
    "NotNow",
    "Offer",
    "OfferedField",
    "Officer",
    "OtherKey",
    "PolicyInvalid",
    "Pushed",
    "QualityRule",
    "QuotaExhausted",
    "RateExceeded",
    "ReceiptMismatch",
    "Refused",
    "RejectedRow",
    "Release",
    "ReleaseCertificate",
    "Revoked",
    "ScoredEntry",
    "SealBroken",
    "Series",
    "SeriesCertificate",
    "SeriesDays",
    "Shown",
    "SigningKey",
    "SnapshotMismatch",
    "Standing",
    "Subjects",
    "SynthesisCertificate",
    "SynthesisEnded",
    "SynthesisEstimate",
    "SyntheticExtract",
    "TokenDomain",
    "Unauthenticated",
    "Unavailable",
    "by_bins",
    "by_found_keys",
    "by_level",
    "by_period",
    "connect",
    "connect_officer",
    "count",
    "count_units",
    "down_to",
    "mean_of",
    "quantiles_of",
    "read_certificate",
    "read_officer_key",
    "read_signing_keys",
    "reidentify",
    "sum_of",
    "variance_of",
    "verify_receipt",
    "weighed",
    "within",
    "write_signing_keys",
]
