"""The services: those of data over one pipeline, those of officers and keepers over one office."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.descriptor import ServiceDescriptor

from gateway.administration.desk import Office
from gateway.api.v1 import (
    audit_service_pb2,
    case_service_pb2,
    consent_service_pb2,
    contest_service_pb2,
    export_service_pb2,
    indicator_service_pb2,
    ingest_service_pb2,
    linking_service_pb2,
    oversight_service_pb2,
    policy_service_pb2,
    research_service_pb2,
    series_service_pb2,
    sharing_service_pb2,
    synthesis_service_pb2,
    warrant_service_pb2,
)
from gateway.server.audit import Audit
from gateway.server.cases import Cases
from gateway.server.consents import Consents
from gateway.server.contests import Contests
from gateway.server.desk import Desk
from gateway.server.exports import ExportDesk
from gateway.server.indicators import IndicatorDesk
from gateway.server.ingest import Ingest
from gateway.server.linking import Linking
from gateway.server.method import Method
from gateway.server.oversight import Oversight
from gateway.server.policy import Policy
from gateway.server.research import Research
from gateway.server.series import SeriesDesk
from gateway.server.sharing import Sharing
from gateway.server.synthesis import Synthesis
from gateway.server.warrants import Warrants


def services(desk: Desk, office: Office, ingest: Ingest) -> Mapping[ServiceDescriptor, Mapping[str, Method]]:
    """Return the handlers of every service of the API."""
    return {
        sharing_service_pb2.DESCRIPTOR.services_by_name["SharingService"]: Sharing(desk).methods,
        ingest_service_pb2.DESCRIPTOR.services_by_name["IngestService"]: ingest.methods,
        research_service_pb2.DESCRIPTOR.services_by_name["ResearchService"]: Research(desk).methods,
        contest_service_pb2.DESCRIPTOR.services_by_name["ContestService"]: Contests(desk).methods,
        series_service_pb2.DESCRIPTOR.services_by_name["SeriesService"]: SeriesDesk(desk).methods,
        indicator_service_pb2.DESCRIPTOR.services_by_name["IndicatorService"]: IndicatorDesk(desk).methods,
        synthesis_service_pb2.DESCRIPTOR.services_by_name["SynthesisService"]: Synthesis(desk).methods,
        export_service_pb2.DESCRIPTOR.services_by_name["ExportService"]: ExportDesk(desk).methods,
        audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"]: Audit(desk).methods,
        policy_service_pb2.DESCRIPTOR.services_by_name["PolicyService"]: Policy(office).methods,
        consent_service_pb2.DESCRIPTOR.services_by_name["ConsentService"]: Consents(office).methods,
        case_service_pb2.DESCRIPTOR.services_by_name["CaseService"]: Cases(office).methods,
        oversight_service_pb2.DESCRIPTOR.services_by_name["OversightService"]: Oversight(office).methods,
        linking_service_pb2.DESCRIPTOR.services_by_name["LinkingService"]: Linking(desk).methods,
        warrant_service_pb2.DESCRIPTOR.services_by_name["WarrantService"]: Warrants(office).methods,
    }
