"""What is kept of batches that were pushed: a register of them and of the keys of their rows, and the rows' files."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.model.contract import DataContract
from gateway.model.ingest import BatchName, KeptBatch, Quality


class BatchRegister(Protocol):
    """Remembers batches and the keys of their rows, durably. Keys come as 16 bytes each, under a secret key."""

    def find(self, name: BatchName) -> KeptBatch | None:
        """Return a batch that is kept, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def known(self, keys: bytes) -> npt.NDArray[np.bool_]:
        """Tell of each key whether a row with it is kept.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def keep(self, batch: KeptBatch, keys: bytes) -> None:
        """Keep a batch and the keys of its rows, both or neither: from here on it counts.

        Raises:
            Fault: REGISTER_UNAVAILABLE; INTERNAL if the batch or one of the keys is kept already, and then nothing is.
        """
        ...

    def unfinished(self, dataset: str) -> tuple[KeptBatch, ...]:
        """Return the batches of a dataset that are kept and of which the log has no end.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def finish(self, name: BatchName, completed: int) -> None:
        """Enter the index of the entry that ends a batch.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def sent(self, dataset: str, begins: datetime, ends: datetime) -> Quality:
        """Return what was measured of all batches together that were kept from an instant to before another: of a time
        that is over, so that the same is told whenever it is asked again.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def newest(self, dataset: str) -> datetime | None:
        """Return when rows were last kept in a dataset (naive UTC), or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...


class RowFolders(Protocol):
    """The folders that rows are kept in: one of each dataset, a file of each batch, in place whole or not at all."""

    def turn(self, contract: DataContract, *, begun: bool) -> AbstractContextManager[None]:
        """Wait for the dataset's turn and hold it: one batch at a time, among all processes that share the folder.

        Before anything is kept the folder is made. Where rows were kept before (`begun`), it must be the one they are
        in: on a disk that is not mounted nothing begins anew.

        Raises:
            Fault: INTAKE_UNAVAILABLE, also if the turn does not come in time.
        """
        ...

    def write(self, contract: DataContract, records: pa.Table) -> str:
        """Write a file durably where nobody reads it yet, and return the name it is to have.

        Raises:
            Fault: INTAKE_UNAVAILABLE, also if the dataset's folder would grow beyond its bound; nothing is left then.
        """
        ...

    def publish(self, contract: DataContract, name: str) -> None:
        """Bring a written file into place, durably; one that is there already stays.

        Raises:
            Fault: INTAKE_UNAVAILABLE.
        """
        ...

    def discard(self, contract: DataContract) -> None:
        """Remove what was written and not brought into place.

        Raises:
            Fault: INTAKE_UNAVAILABLE.
        """
        ...
