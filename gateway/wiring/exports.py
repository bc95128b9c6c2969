"""Exports: the Spark that makes them, and the folder they are kept in."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.model.errors import Fault
from gateway.ports.exports import Exports
from gateway.settings import ExportSettings, InvalidSettings, Settings

if TYPE_CHECKING:
    from gateway.adapters.spark.server import LocalSpark
    from gateway.adapters.spark.sessions import RemoteSpark
    from gateway.adapters.spark.source import SparkSource

_SESSION = "exports"


def exports_of(settings: Settings, lakes: SparkSource | None, stack: ExitStack) -> Exports | None:
    """Return what exports stand on; None where the settings say nothing of them. Spark is not started before it is
    needed; the stack ends it.

    Raises:
        InvalidSettings: the folder cannot be made, the data folder is not there, or Spark is not installed.
    """
    told = settings.exports
    if told is None:
        return None
    try:
        # with libraries of Spark, for those alone who use it
        from gateway.adapters.spark.exports import SparkExports
        from gateway.adapters.spark.sessions import Sessions
    except ImportError:
        raise InvalidSettings('exports: needs Spark: install "purpose-gateway[server,spark]"') from None
    from gateway.adapters.exports.folder import ExportFolders, Space
    from gateway.adapters.keys.elsewhere import KeyFileElsewhere

    try:
        folder = ExportFolders(told.folder, Space(told.disk_mib << 20, told.job_disk_mib << 20, told.free_share))
    except OSError as error:
        raise InvalidSettings(f"exports.folder: cannot make {told.folder}: {error.strerror}") from None
    sessions = Sessions({_SESSION: _spark(told)})
    stack.callback(sessions.close)
    try:
        engine = SparkExports(settings.data.root, lambda: sessions.of(_SESSION), lakes)
    except Fault:
        raise InvalidSettings(f"data.root: there is no folder {settings.data.root}") from None
    elsewhere = KeyFileElsewhere(settings.keys.file, settings.keys.secret_file)
    return Exports(engine, folder, elsewhere, timedelta(hours=told.retention_hours))


def _spark(told: ExportSettings) -> LocalSpark | RemoteSpark:
    from gateway.adapters.spark.server import LocalSpark
    from gateway.adapters.spark.sessions import RemoteSpark

    if told.remote is None:
        return LocalSpark(cores=told.cores, memory_mib=told.memory_mib, statement_seconds=told.job_seconds)
    host, _, port = told.remote.rpartition(":")
    return RemoteSpark(host, int(port), told.token_file, told.root_certificate, statement_seconds=told.job_seconds)
