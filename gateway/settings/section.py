"""What every section of the settings is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class InvalidSettings(Exception):
    """The settings cannot be used. For the operator, at start; the text says which and what to do."""


class Section(BaseModel):
    """A part of the settings, read once: an unknown name in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError('must be an address with a port, such as "127.0.0.1:8443"')
    return value


Address = Annotated[str, AfterValidator(_address)]
