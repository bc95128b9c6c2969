"""The body of an Arrow batch is compressed as the caller says, and is the same batch."""

from __future__ import annotations

import pyarrow as pa
import pytest

import gateway.client as gw
from gateway.api.v1 import disclosure_pb2
from gateway.api.v1 import sharing_service_pb2 as pb
from tests.integration.extracts.archive import DATASET, PURPOSE, READER, asked, crossings, lay_out, serving
from tests.integration.site import Site
from tests.integration.wire import wire


def test_compression_is_the_caller_s_choice(new_site: Site) -> None:
    archive = lay_out(new_site, crossings(100_000))
    with serving(archive), new_site.connect(READER) as gateway, wire(new_site, READER) as line:
        tables: list[pa.Table] = []
        sizes: list[int] = []
        for name, number in (("none", pb.COMPRESSION_NONE), ("lz4", pb.COMPRESSION_LZ4), ("zstd", pb.COMPRESSION_ZSTD)):
            tables.append(gateway.extract(**asked(compression=name)).read_all().sort_by("number"))
            request = pb.ExtractRequest(
                context=disclosure_pb2.RequestContext(purpose=PURPOSE),
                dataset=DATASET,
                disclosure="all",
                compression=number,
            )
            sizes.append(len(line.call("SharingService/Extract", request).everything()))
        assert tables[0] == tables[1] == tables[2] and tables[0].num_rows == 100_000
        assert sizes[0] > sizes[1] > sizes[2]
        with pytest.raises(gw.InvalidRequest) as raised:
            gateway.extract(**asked(encoding="rows", compression="zstd"))
        assert raised.value.violations == (("compression", "is for Arrow"),)
