"""Settings of work that takes long or much: extracts, synthetic ones, exports, and rows that are pushed."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from gateway.settings.section import Address, Section


class ExtractSettings(Section):
    """Extracts that are read in several connections."""

    streams: int = Field(8, ge=1, le=64, description="Streams of one extract at most, each read by itself.")
    resume_seconds: float = Field(
        3600.0, ge=1, le=86_400, description="How long after its opening an extract can be gone on with."
    )
    kept_each: int = Field(
        256, ge=1, le=65_536, description="Extracts of one institution that can be gone on with; the newest are."
    )


class SynthesisSettings(Section):
    """Jobs that make synthetic extracts. Gateways that share a state share the folder as well."""

    folder: Path = Field(Path("synthetic"), description="The folder that extracts are kept in; made at the start.")
    at_once: int = Field(1, ge=1, le=64, description="Jobs at a time.")
    memory_mib: int = Field(1024, ge=64, le=1_048_576, description="Memory a job may use, beyond its libraries'.")
    job_seconds: float = Field(600.0, gt=0, le=86_400, description="How long a job may take.")
    job_disk_mib: int = Field(1024, ge=1, le=1_048_576, description="Disk that a job's files may take.")
    disk_mib: int = Field(16_384, ge=1, le=1_073_741_824, description="Disk that all extracts may take together.")
    retention_hours: float = Field(72.0, gt=0, le=8760, description="How long extracts are kept.")
    lease_seconds: float = Field(
        15.0, ge=2, le=600, description="How long a killed gateway keeps its jobs from being begun anew."
    )


class ExportSettings(Section):
    """Exports: rows of extracts as files, made by Spark. Gateways that share a state share the folder as well.

    The Spark is one of the gateway's own, or a server whose workers see the same folders and files.
    """

    folder: Path = Field(
        Path("exports"), description="The folder that exports are made and kept in; made at the start."
    )
    retention_hours: float = Field(24.0, gt=0, le=8760, description="How long exports are kept.")
    job_disk_mib: int = Field(8192, ge=1, le=1_073_741_824, description="Disk that the files of an export may take.")
    disk_mib: int = Field(65_536, ge=1, le=1_073_741_824, description="Disk that all exports may take together.")
    free_share: float = Field(0.05, ge=0, lt=1, description="The share of the disk that exports leave free.")
    job_seconds: float = Field(3600.0, gt=0, le=86_400, description="How long an export may take.")
    cores: int = Field(2, ge=1, le=1024, description="Cores that a Spark of its own may use.")
    memory_mib: int = Field(2048, ge=512, le=1_048_576, description="Memory that it may use.")
    remote: Address | None = Field(
        None, description="Address and port of a Spark Connect server, in place of a Spark of its own."
    )
    token_file: Path | None = Field(None, description="A file with the token that the server asks for.")
    root_certificate: Path | None = Field(None, description="The authority that issued the server's certificate, PEM.")

    @model_validator(mode="after")
    def _with_room_for_one(self) -> ExportSettings:
        if self.job_disk_mib > self.disk_mib:
            raise ValueError("needs disk_mib of at least job_disk_mib: no export could begin")
        return self


class IngestSettings(Section):
    """Rows that departments push."""

    max_batch_mib: int = Field(32, ge=1, le=1024, description="The largest batch, all its messages; held in memory.")
    max_rows: int = Field(100_000, ge=1, le=10_000_000, description="Rows of a batch.")
    dataset_mib: int = Field(16_384, ge=1, le=1_073_741_824, description="Disk that the rows of a dataset may take.")
    turn_seconds: float = Field(30.0, gt=0, le=600, description="How long a batch waits for those before it.")
