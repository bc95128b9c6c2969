"""What is written beside the files of an export: what whoever fetches them is held to."""

from __future__ import annotations

import json
from datetime import datetime

from gateway.model.export import Export, ExportedFile
from gateway.model.extract import OpenExtract


def write_statement(export: Export) -> str:
    """Write it as JSON. No value of the data or the request is in it: of the request, a digest."""
    opened = export.opened
    return json.dumps(
        {
            "id": opened.id,
            "institution": opened.institution,
            "person": opened.person,
            "asked": opened.asked.hex(),
            "permission": opened.permission.hex(),
            "decided_at": opened.decided_at.isoformat(),
            "data_version": opened.data_version,
            "entry": opened.entry,
            "files": [[file.rows, file.bytes, file.sha256] for file in export.files],
            "until": export.until.isoformat(),
        }
    )


def read_statement(text: str) -> Export:
    """Read what `write_statement` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is something else.
    """
    told = json.loads(text)
    files = tuple(ExportedFile(int(rows), int(size), str(digest)) for rows, size, digest in told["files"])
    opened = OpenExtract(
        id=told["id"],
        institution=told["institution"],
        person=told["person"],
        asked=bytes.fromhex(told["asked"]),
        permission=bytes.fromhex(told["permission"]),
        decided_at=datetime.fromisoformat(told["decided_at"]),
        data_version=told["data_version"],
        entry=int(told["entry"]),
        streams=len(files),
    )
    return Export(opened, files, datetime.fromisoformat(told["until"]))
