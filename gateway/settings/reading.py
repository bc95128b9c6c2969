"""The settings of one gateway as a whole, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from gateway.settings.data import DataSettings
from gateway.settings.edge import HealthSettings, HttpSettings, IdentitySettings, ServerSettings
from gateway.settings.kept import KeySettings, PolicySettings, StateSettings
from gateway.settings.section import InvalidSettings
from gateway.settings.work import ExportSettings, ExtractSettings, IngestSettings, SynthesisSettings


class Settings(BaseSettings):
    """All settings of one gateway."""

    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    server: ServerSettings
    http: HttpSettings | None = None
    identity: IdentitySettings
    data: DataSettings
    policy: PolicySettings
    state: StateSettings
    keys: KeySettings
    extracts: ExtractSettings = Field(default_factory=lambda: ExtractSettings.model_validate({}))
    synthesis: SynthesisSettings = Field(default_factory=lambda: SynthesisSettings.model_validate({}))
    exports: ExportSettings | None = None
    ingest: IngestSettings = Field(default_factory=lambda: IngestSettings.model_validate({}))
    health: HealthSettings | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, and read nothing else."""
        return env_settings, init_settings


def read_settings(file: Path) -> Settings:
    """Read the settings.

    Raises:
        InvalidSettings: with one line for each mistake; no value is shown.
    """
    if not file.is_file():
        raise InvalidSettings(f"{file}: there is no such file. Write one after docs/reference/settings.md")
    try:
        written = TomlConfigSettingsSource(Settings, file)()
        settings = Settings(**written)
    except ValidationError as error:
        raise InvalidSettings("\n".join(f"{file}: {line}" for line in _mistakes(error))) from None
    except ValueError as error:
        raise InvalidSettings(f"{file}: is not TOML: {error}") from None
    return _anchored(settings, file.resolve().parent)


def _mistakes(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)]


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Make every path absolute, from the settings' folder."""

    def anchor(value: Any) -> Any:
        match value:
            case Path():
                return folder / value
            case tuple():
                return tuple(anchor(item) for item in value)
            case dict():
                return {name: anchor(item) for name, item in value.items()}
            case BaseModel():
                return value.model_copy(
                    update={name: anchor(getattr(value, name)) for name in type(value).model_fields}
                )
            case _:
                return value

    anchored: Settings = anchor(settings)
    return anchored
