"""A gateway that is killed at one step of keeping a batch: `python -m tests.integration.ingest.dying STEP serve …`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from gateway.__main__ import main
from gateway.adapters.row_folders import ParquetRowFolders
from gateway.adapters.state.batches import SqlBatchRegister

_STEPS: dict[str, tuple[type, str, bool]] = {
    "before-the-register": (SqlBatchRegister, "keep", False),
    "after-the-register": (SqlBatchRegister, "keep", True),
    "after-the-file-is-in-place": (ParquetRowFolders, "publish", True),
}


def _deadly(step: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def dying(*args: Any) -> None:
        if after:
            step(*args)
        os.kill(os.getpid(), signal.SIGKILL)

    return dying


if __name__ == "__main__":
    kind, name, after = _STEPS[sys.argv.pop(1)]
    setattr(kind, name, _deadly(getattr(kind, name), after=after))
    main()
