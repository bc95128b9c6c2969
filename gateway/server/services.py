"""The three services over one pipeline."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.descriptor import ServiceDescriptor

from gateway.api.v1 import audit_service_pb2, research_service_pb2, sharing_service_pb2
from gateway.server.audit import Audit
from gateway.server.call import Method
from gateway.server.desk import Desk
from gateway.server.research import Research
from gateway.server.sharing import Sharing


def services(desk: Desk) -> Mapping[ServiceDescriptor, Mapping[str, Method]]:
    """Return the handlers of every service of the API."""
    return {
        sharing_service_pb2.DESCRIPTOR.services_by_name["SharingService"]: Sharing(desk).methods,
        research_service_pb2.DESCRIPTOR.services_by_name["ResearchService"]: Research(desk).methods,
        audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"]: Audit(desk).methods,
    }
