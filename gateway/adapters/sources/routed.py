"""Many sources as one: each question goes to the engine that its contract's rows are kept in."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.adapters.sources.before import SourceBefore
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.storage import SourceKind
from gateway.ports import Source


class RoutedSources(SourceBefore):
    """A `Source` over others, by the kind of source that a contract names.

    A kind for which this gateway was given no engine is SOURCE_UNAVAILABLE.
    """

    def __init__(self, engines: Mapping[SourceKind, Source]) -> None:
        self._engines = engines

    def _behind(self, contract: DataContract) -> Source:
        engine = self._engines.get(contract.source.kind)
        if engine is None:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        return engine
