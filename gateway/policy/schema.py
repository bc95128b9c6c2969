"""JSON Schemas of the policy documents, for editors: `python -m gateway.policy.schema FOLDER` writes them.

They know keys, types and spellings; what names what is checked when the folder is read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gateway.policy.budget_shapes import BudgetsShape
from gateway.policy.contracts.shape import BLOCK, BlockShape, ContractShape
from gateway.policy.decision_tables import TableShape
from gateway.policy.forms import FormsShape
from gateway.policy.officers import OfficersShape
from gateway.policy.purposes import PurposesShape
from gateway.policy.regions import RegionsShape
from gateway.policy.registers import RegistersShape
from gateway.policy.validation import Shape

SHAPES: dict[str, type[Shape]] = {
    "budgets.json": BudgetsShape,
    "contract.json": ContractShape,
    "decision-table.json": TableShape,
    "forms.json": FormsShape,
    "officers.json": OfficersShape,
    "purposes.json": PurposesShape,
    "regions.json": RegionsShape,
    "registers.json": RegistersShape,
}


def schemas() -> dict[str, str]:
    """Return the text of each schema by its file name."""
    texts = {}
    for name, shape in SHAPES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **shape.model_json_schema()}
        if shape is ContractShape:
            _add_block(schema)
        texts[name] = json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    return texts


def _add_block(contract: dict[str, Any]) -> None:
    """Say what the value of the gateway's own custom property is, and that there must be one."""
    block = BlockShape.model_json_schema()
    contract["$defs"] |= {**block.pop("$defs"), "BlockShape": block}
    own = {"properties": {"property": {"const": BLOCK}}, "required": ["property"]}
    described = {"if": own, "then": {"properties": {"value": {"$ref": "#/$defs/BlockShape"}}}}
    properties = contract["properties"]["customProperties"]
    properties["items"] = {"allOf": [properties["items"], described]}
    properties["contains"] = own


def main(folder: Path) -> None:
    """Write the schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
