"""What every command says that asks a gateway for statistics: why, where, and over which connection."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gateway.cli.connection import connected_caller
from gateway.client import Gateway


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Why something is asked for, and over which connection."""

    purpose: Annotated[str, Parameter(name="--for", help="The purpose that it is for.")]
    connect: Annotated[Path | None, Parameter(help="The connection file.")] = None

    def connected(self) -> AbstractContextManager[Gateway]:
        """Connect; refusals are told.

        Raises:
            Mistake: the connection is not described, cannot be had, or the gateway refuses.
        """
        return connected_caller(self.connect)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class AskingThere(Asking):
    """The same with where, and under which case."""

    region: Annotated[str, Parameter(help="The region; left out, the whole city.")] = ""
    case_number: Annotated[str, Parameter(help="The case, where the grant asks for one.")] = ""
