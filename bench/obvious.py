"""The gateway that one would write in a day: PyCasbin, rows as Python's, an HMAC for each token, protobuf rows.

`python -m bench.obvious --site FOLDER --file FILE` serves until it is ended. A call's body is the number of rows
wanted, as text. It discloses what the product's `everybody` does: two tokens, the year of birth, the street, the sex.
It asks Casbin once for the call, keeps no record, shuffles nothing and checks no spelling.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import casbin
import duckdb
import grpc.aio

from bench.register import COLUMNS
from bench.rival import Reading, Stream, run
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.api.v1 import value_pb2

METHOD = "/bench.Obvious/Stream"
ROWS_A_MESSAGE = 4_096

_MODEL = """
[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.dom == p.dom && r.obj == p.obj && r.act == p.act
"""
_REQUEST = ("bench-department", "hangzhou", "register/everybody", "transit-planning")


def enforcer() -> casbin.Enforcer:
    """Return an enforcer with the one grant that is needed."""
    made = casbin.Enforcer(casbin.Enforcer.new_model(text=_MODEL))
    made.add_policy("departments", *_REQUEST[1:])
    made.add_grouping_policy(_REQUEST[0], "departments")
    return made


def messages(connection: duckdb.DuckDBPyConnection, file: Path, rows: int, key: bytes) -> Iterator[bytes]:
    """Yield the messages: rows, and a trailer."""

    def token(value: str) -> str:
        return hmac.digest(key, value.encode(), hashlib.sha256).hex()[:32]

    query = f"SELECT {', '.join(COLUMNS)} FROM read_parquet($file) LIMIT $rows"
    sent = batches = 0
    with connection.cursor() as cursor:
        cursor.execute(query, {"file": str(file), "rows": rows})
        while found := cursor.fetchmany(ROWS_A_MESSAGE):
            batch = pb.RowBatch(number=batches)
            for values in found:
                row = dict(zip(COLUMNS, values, strict=True))
                treated = (
                    token(row["resident_id"]),
                    token(row["phone"]),
                    row["sex"],
                    str(row["birth_date"].year),
                    "/".join(row["community"].split("/")[:3]),
                )
                batch.rows.append(value_pb2.Row(values=[value_pb2.Value(string_value=value) for value in treated]))
            yield pb.ExtractResponse(row_batch=batch).SerializeToString()
            sent += len(found)
            batches += 1
    yield pb.ExtractResponse(trailer=pb.ExtractTrailer(rows=sent, batches=batches)).SerializeToString()


def stream_of(reading: Reading) -> Stream:
    """The handler of the method."""
    policy, key = enforcer(), secrets.token_bytes(32)

    async def stream(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> AsyncIterator[bytes]:
        if not policy.enforce(*_REQUEST):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED)
        loop = asyncio.get_running_loop()
        source = messages(reading.connection, reading.file, int(request), key)
        while (message := await loop.run_in_executor(reading.threads, next, source, None)) is not None:
            yield message

    return stream


if __name__ == "__main__":
    run(METHOD, stream_of)
