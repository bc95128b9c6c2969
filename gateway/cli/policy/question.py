"""A question as it is typed, in the words of a decision table."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from gateway.cli.mistake import Mistake
from gateway.policy.decision_tables import QuestionShape
from gateway.policy.problems import shown

_OPTIONS = {
    "who": "--who", "why": "--why", "asks": "--asks", "where": "--where", "fields": "--fields",
    "case_number": "--case-number", "break_glass_reason": "--break-glass-reason", "filters": "--filters",
    "subjects": "--key or --token, with --count", "statistics": "--statistics", "group_by": "--group-by",
    "epsilon": "--epsilon", "rho": "--rho",
}  # fmt: skip


def question(**written: Any) -> QuestionShape:
    """Return the question.

    Raises:
        Mistake: it is not one; names the option.
    """
    try:
        return QuestionShape.model_validate({name: value for name, value in written.items() if value not in (None, "")})
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        option = _OPTIONS.get(str(detail["loc"][0]), "the question") if detail["loc"] else "the question"
        if option == "--asks":
            raise Mistake(
                f"{shown(written['asks'])} is not what can be asked for",
                'Write the kind and the disclosure: --asks "extract dataset/disclosure".',
            ) from None
        said = str(detail.get("ctx", {}).get("error", detail["msg"]))
        raise Mistake(f"{option}: {said[:1].lower()}{said[1:].removesuffix('.')}", "See --help.") from None


def names(written: str) -> list[str]:
    """Return the names in a list that is divided by commas."""
    return [name.strip() for name in written.split(",") if name.strip()]
