"""The ports: what the product needs of the world, as Protocols. Adapters stand behind them; `wiring` plugs them in.

Every port is safe to call from several threads. What an adapter cannot do, it says by raising a `Fault`.
"""

from gateway.model.pseudonym import AUDIT_DOMAIN
from gateway.ports.accounts import BudgetLedger, Meters, RequestRegister
from gateway.ports.archive import Certificates, PolicyArchive
from gateway.ports.audit import AuditLog
from gateway.ports.callers import Clock, IdentityProvider
from gateway.ports.contests import ContestRegister
from gateway.ports.extracts import ExtractRegister
from gateway.ports.indicators import IndicatorRegister
from gateway.ports.intake import BatchRegister, RowFolders
from gateway.ports.keys import KeyRing, KeysElsewhere, KeysState, KeyUse, ReleaseSigner, WorkingKeys, of_subjects
from gateway.ports.linking import JoinRegister, ReidentificationRegister
from gateway.ports.registers import CONSENT_LAG, CaseRegister, ConsentRegister, EmergencyRegister, Registers
from gateway.ports.rehearsals import Rehearsals
from gateway.ports.series import SeriesRegister
from gateway.ports.source import Source
from gateway.ports.synthesis import SynthesisRegister, SyntheticFiles

__all__ = [
    "AUDIT_DOMAIN",
    "CONSENT_LAG",
    "AuditLog",
    "BatchRegister",
    "BudgetLedger",
    "CaseRegister",
    "Certificates",
    "Clock",
    "ConsentRegister",
    "ContestRegister",
    "EmergencyRegister",
    "ExtractRegister",
    "IdentityProvider",
    "IndicatorRegister",
    "JoinRegister",
    "KeyRing",
    "KeyUse",
    "KeysElsewhere",
    "KeysState",
    "Meters",
    "PolicyArchive",
    "Registers",
    "Rehearsals",
    "ReidentificationRegister",
    "ReleaseSigner",
    "RequestRegister",
    "RowFolders",
    "SeriesRegister",
    "Source",
    "SynthesisRegister",
    "SyntheticFiles",
    "WorkingKeys",
    "of_subjects",
]
