"""Settings: read once, frozen. A TOML file, environment variables over it, secrets in files of their own.

Every path in the file is relative to the file's folder. An environment variable is named after the setting's place,
as in `GATEWAY_SERVER__LISTEN`. An unknown setting is an error, not a shrug. docs/reference/settings.md lists them all.
"""

from gateway.settings.data import DatabaseSettings, DataSettings, LakeSettings, ServiceSettings
from gateway.settings.edge import HealthSettings, HttpSettings, IdentitySettings, ServerSettings
from gateway.settings.kept import KeySettings, PolicySettings, StateSettings
from gateway.settings.reading import Settings, read_settings
from gateway.settings.section import InvalidSettings
from gateway.settings.work import ExportSettings, ExtractSettings, IngestSettings, SynthesisSettings

__all__ = [
    "DataSettings",
    "DatabaseSettings",
    "ExportSettings",
    "ExtractSettings",
    "HealthSettings",
    "HttpSettings",
    "IdentitySettings",
    "IngestSettings",
    "InvalidSettings",
    "KeySettings",
    "LakeSettings",
    "PolicySettings",
    "ServerSettings",
    "ServiceSettings",
    "Settings",
    "StateSettings",
    "SynthesisSettings",
    "read_settings",
]
