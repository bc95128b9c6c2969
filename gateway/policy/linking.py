"""What grants of the kinds link and reidentify must be: named as such, and for the whole city."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.model.contract import OF_TOKENS, DataContract
from gateway.policy.folder import GRANTS
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.objects import disclosures_under
from gateway.policy.problems import Problems


def check_of_tokens(
    grants: Iterable[Grant], contracts: Mapping[str, DataContract], root: str, problems: Problems
) -> None:
    """Note every allow that would link or open tokens by the way, or in a part of the city.

    Whoever may do anything with a dataset has not been allowed that, and their terms are compulsory for the kind alone.
    A token does not tell where its subject is, so that no part of the city can be kept to.
    """
    for grant in grants:
        if grant.effect is not Effect.ALLOW:
            continue
        covered = [spec for _, spec in disclosures_under(grant.object, contracts) if spec.kind in OF_TOKENS]
        if grant.kind == ANY and covered:
            problems.add(
                GRANTS,
                grant.line,
                f"'{grant.object}' has a disclosure of kind '{covered[0].kind}', which the kind '*' must not cover",
                "Name the kinds one by one.",
            )
        if grant.kind in OF_TOKENS and grant.region not in (ANY, root):
            problems.add(
                GRANTS,
                grant.line,
                f"a token does not tell where its subject is: the kind '{grant.kind}' has no part of the city",
                f"Write '{root}'.",
            )
