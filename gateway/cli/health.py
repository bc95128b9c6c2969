"""`gateway health`: ask a running gateway whether it serves, over the same mTLS that every caller uses."""

from __future__ import annotations

import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.cli.codes import CANNOT_START
from gateway.settings import InvalidSettings, read_settings

_PATIENCE = 5.0


def health(config: Path) -> int:
    """Return 0 if the gateway of these settings serves, 1 if it does not, 78 if it cannot be asked."""
    try:
        settings = read_settings(config)
        probe = settings.health
        if probe is None:
            raise InvalidSettings(f"{config}: a [health] section names the certificate to ask with")
        credentials = grpc.ssl_channel_credentials(
            root_certificates=probe.server_ca.read_bytes(),
            private_key=probe.key.read_bytes(),
            certificate_chain=probe.certificate.read_bytes(),
        )
    except InvalidSettings as error:
        print(error, file=sys.stderr)
        return CANNOT_START
    except OSError as error:
        print(f"health: cannot read {error.filename}: {error.strerror}", file=sys.stderr)
        return CANNOT_START
    host, _, port = settings.server.listen.rpartition(":")
    target = f"{'localhost' if host in ('0.0.0.0', '[::]', '127.0.0.1') else host}:{port}"
    with grpc.secure_channel(target, credentials) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=_PATIENCE)
        except grpc.RpcError:
            print("not serving", file=sys.stderr)
            return 1
    serving = answer.status == health_pb2.HealthCheckResponse.SERVING
    print("serving" if serving else "not serving")
    return 0 if serving else 1
