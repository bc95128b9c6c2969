"""One plain `casbin.Enforcer` over a whole policy: what the gateway's shards are held against.

Policy and roles are read by Casbin's own loader from the text of a policy file, and roles are followed by Casbin's own
role manager. The functions of the matcher are written anew here. Nothing of the gateway's enforcer is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import casbin
from casbin.persist.adapters.string_adapter import StringAdapter

MODEL = (Path(__file__).parents[1] / "policies" / "model.conf").read_text(encoding="utf-8")
EVERYTHING = "p, ?, *, *, *, *, *, , allow"
"""An allow for whatever is known: beside denies alone, an enforcer refuses exactly what a deny matches."""

_NAMED = '(p.eft == "deny" || p.grant == r.grant) && '


class Plain:
    """Asks Casbin whether something is allowed, whichever grant it is that allows it."""

    def __init__(
        self, lines: Iterable[str], regions: Sequence[str], purposes: Mapping[str, str | None], model: str = MODEL
    ) -> None:
        """Take the lines of the policy, every region's path, and every purpose with the one above it."""
        assert _NAMED in model
        text = model.replace(_NAMED, "").replace("purpose, grant\n", "purpose\n")
        self._regions, self._purposes = frozenset(regions), dict(purposes)
        self._enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=text))
        self._enforcer.add_function("object_within", object_within)
        self._enforcer.add_function("region_within", self._region_within)
        self._enforcer.add_function("purpose_within", self._purpose_within)
        # Casbin follows ten roles unless told otherwise
        self._enforcer.get_role_manager().max_hierarchy_level = 1000
        # a rule for nobody: Casbin's loader refuses an empty text, and its matcher an empty policy
        self._enforcer.set_adapter(StringAdapter("\n".join(["p, ?, , , , , , , allow", *lines])))
        self._enforcer.load_policy()

    def allows(self, recipient: str, obj: str, kind: str, region: str, purpose: str) -> bool:
        """Return Casbin's answer."""
        return bool(self._enforcer.enforce(recipient, obj, str(kind), region, purpose))

    def _region_within(self, region: str, subtree: str) -> bool:
        steps, above = region.split("/"), subtree.split("/")
        return region in self._regions and (subtree == "*" or steps[: len(above)] == above)

    def _purpose_within(self, purpose: str, ancestor: str) -> bool:
        chain: list[str] = []
        here: str | None = purpose
        while here is not None and here in self._purposes:
            chain.append(here)
            here = self._purposes[here]
        return bool(chain) and (ancestor == "*" or ancestor in chain)


def object_within(obj: str, pattern: str) -> bool:
    """Tell whether a rule for `pattern` covers "dataset/name"."""
    parts = obj.split("/")
    if len(parts) != 2 or not all(parts) or "*" in obj:
        return False
    return pattern in (obj, "*", parts[0] + "/*")
