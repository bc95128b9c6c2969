"""`gateway contract export`: a contract as a plain document of the standard, for catalogues and other bodies."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import Any

from gateway.cli.contract.files import see_replaceable, write_text
from gateway.cli.contract.named import contract_of
from gateway.cli.contract.yaml_text import undated, written
from gateway.cli.mistake import Mistake
from gateway.cli.policy.folder import valid_folder
from gateway.model.storage import SourceKind, SourceSpec
from gateway.policy.contracts.shape import BLOCK
from gateway.policy.contracts.upstream import BLOCK as UPSTREAM
from gateway.policy.documents import read_yaml
from gateway.policy.problems import Problems


def export(
    dataset: str,
    /,
    *,
    policies: Path = Path("policies"),
    out: Path | None = None,
    with_policy: bool = False,
    force: bool = False,
) -> None:
    """Write a contract as a plain document of the Open Data Contract Standard, for others to read.

    It tells neither where the data is (servers) nor examples of values, and nothing of what is disclosed. Licence and
    citation are kept, as a custom property of their own.

    Parameters
    ----------
    dataset
        The dataset.
    policies
        The policy folder.
    out
        Where to write the document; left out, it is printed.
    with_policy
        Keep the gateway's own block: what the data was collected for, privacy unit and disclosures.
    force
        Replace a file that exists.
    """
    if out is not None:
        see_replaceable(out, force)
    snapshot = valid_folder(policies)
    contract = contract_of(dataset, snapshot, policies)
    name = f"contracts/{dataset}.yaml"
    document = read_yaml(name, (policies / name).read_bytes(), Problems())
    if document is None or not isinstance(document.data, dict):
        raise Mistake(f"{policies / name} changed while it was read", "Try again.")
    text = "\n".join([*written(_for_others(document.data, contract.source, with_policy)), ""])
    if out is None:
        print(text, end="")
        return
    write_text(out, text)
    print(f"Wrote {out}. It does not tell where the data is.", file=sys.stderr)


def _for_others(data: dict[str, Any], source: SourceSpec, with_policy: bool) -> dict[str, Any]:
    said = {key: undated(value) for key, value in data.items() if key not in ("servers", "customProperties", "schema")}
    said["schema"] = [_table(one, source) for one in undated(data["schema"])]
    custom = data["customProperties"]
    others = [undated(one) for one in custom if one["property"] != BLOCK]
    own = [one for one in custom if one["property"] == BLOCK]
    published = [one["value"]["attribution"] for one in own if one["value"].get("attribution")]
    others += [{"property": "attribution", "value": value} for value in published if not with_policy]
    own = [{**one, "value": {key: value for key, value in one["value"].items() if key != UPSTREAM}} for one in own]
    own = own if with_policy else []
    if others or own:
        said["customProperties"] = others + own
    return said


def _table(table: dict[str, Any], source: SourceSpec) -> dict[str, Any]:
    said, path = dict(table), PurePosixPath(source.path)
    # where in a department's messages a field is, is where the data is
    hidden = {"examples", "physicalName"} if source.kind is SourceKind.GRPC else {"examples"}
    if said.get("physicalName") in (str(path), path.name):
        del said["physicalName"]
    said["properties"] = [
        {key: value for key, value in one.items() if key not in hidden} for one in table["properties"]
    ]
    return said
