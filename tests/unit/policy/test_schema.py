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


def test_documents_name_their_schema() -> None:
    policies = COMMITTED.parent
    documents = {path: path.stem for path in policies.glob("*.yaml")}
    documents |= {path: "contract" for path in policies.glob("contracts/*.yaml")}
    assert len(documents) >= 4
    for path, name in documents.items():
        up = "../" * (len(path.relative_to(policies).parts) - 1)
        schema = f"# yaml-language-server: $schema={up or './'}schema/{name}.json"
        plain = schema.replace("=./", "=")
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first in (schema, plain), path.name
