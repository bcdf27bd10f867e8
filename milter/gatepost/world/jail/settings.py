"""How large a jail is, and how many of them a worker has."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """The jail's part of the table of whoever uses one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jail_processes: int = Field(
        default=2,
        ge=1,
        le=32,
        description="Processes per worker that open files; they start when the first file needs one. A message that finds all "
        "of them busy waits for one within its own deadline.",
    )
    jail_memory_bytes: int = Field(
        default=1024 * 1024 * 1024,
        ge=256 * 1024 * 1024,
        le=64 * 1024 * 1024 * 1024,
        description="Address space of one such process; a file that needs more stays unopened and is reported as over the limit.",
    )
    jail_jobs: int = Field(
        default=500, ge=1, le=1_000_000, description="Messages after which such a process is replaced by a fresh one."
    )
    jail_start_seconds: float = Field(
        default=15.0, ge=0.1, le=120.0, description="Longest time for such a process to start, in seconds."
    )
    jail_retry_seconds: float = Field(
        default=5.0,
        ge=0.0,
        le=300.0,
        description="How long nothing is tried after such a process did not start; doubled at each further failure, up to five "
        "minutes.",
    )
