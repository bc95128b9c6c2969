"""What operators see of the policy."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from gateway.policy.store import PolicyStore


def watch_policy(policy: PolicyStore, registry: CollectorRegistry) -> None:
    """Count the problems of what was read last and is not in force for them; 0 where it is."""
    problems = Gauge(
        "gateway_policy_problems",
        "Problems of the policy that was read last, which keep it out of force.",
        registry=registry,
    )
    problems.set_function(lambda: float(len(policy.last_problems)))
