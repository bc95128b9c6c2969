"""The schemas for editors are in step with what is read."""

from __future__ import annotations

from pathlib import Path

from gateway.policy.schema import main, schemas

COMMITTED = Path(__file__).parents[3] / "policies" / "schema"


def test_committed_schemas_are_in_step() -> None:
    for name, text in schemas().items():
        assert (COMMITTED / name).read_text(encoding="utf-8") == text, (
            "run: python -m gateway.policy.schema policies/schema"
        )


def test_schemas_allow_nothing_unknown(tmp_path: Path) -> None:
    main(tmp_path)
    for name in schemas():
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert '"additionalProperties": false' in text
