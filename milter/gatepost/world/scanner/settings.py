"""How the engines are reached, and within which bounds: the part of [virus] that the scanner door reads."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Address = str | tuple[str, int]
"""The path of a unix socket, or a host and a port."""


def parse_address(address: str) -> Address:
    """Read `unix:/path` or `tcp:host:port` (`tcp:[::1]:3310`); gives the path, or host and port. Raises ValueError."""
    scheme, _, rest = address.partition(":")
    if scheme == "unix" and rest.startswith("/"):
        return rest if not rest.startswith("//") else "/" + rest.lstrip("/")
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("//").strip("[]")
    if scheme == "tcp" and host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536:
        return host, int(port)
    raise ValueError("must be unix:/path/of/socket or tcp:host:port")


def _readable(address: str) -> str:
    parse_address(address)
    return address


def _listed(given: Any) -> Any:
    """Let one address stand without brackets, and an empty text for none."""
    return ([given] if given else []) if isinstance(given, str) else given


ClamdAddress = Annotated[str, Field(max_length=300), AfterValidator(_readable)]


class Settings(BaseModel):
    """How to reach clamd, and within which bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clamd: Annotated[tuple[ClamdAddress, ...], BeforeValidator(_listed)] = Field(
        default=(),
        max_length=16,
        description="Where clamd listens: unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310; several in brackets are tried in "
        "their order until one answers. Empty: mail is not scanned for viruses by clamd.",
    )
    clamd_rotate: bool = Field(
        default=False,
        description="Begin with another one of several clamds for each scan, to share the load, instead of with the first.",
    )
    clamd_conf: str = Field(
        default="/etc/clamav/clamd.conf",
        max_length=300,
        description="clamd's own config file, read for its limits if it can be read and names the socket of `clamd`; empty: not read.",
    )
    early: bool = Field(
        default=True,
        description="Send large mail to clamd while it still arrives, so that less is left to do at its end.",
    )
    timeout_seconds: float = Field(
        default=15.0,
        ge=0.1,
        le=120.0,
        description="Longest time for one scan, in seconds; the message's deadline may be nearer.",
    )
    connect_seconds: float = Field(
        default=2.0, ge=0.05, le=30.0, description="Longest time to connect to a scanner, in seconds."
    )
    max_bytes: int = Field(
        default=25 * 1024 * 1024,
        ge=1_024,
        le=4 * 1024 * 1024 * 1024 - 1,
        description="Largest stretch of bytes sent to a scanner; keep it at or below clamd's StreamMaxLength. Larger mail is `virus.limit`.",
    )
    retry_seconds: float = Field(
        default=5.0,
        ge=0.0,
        le=300.0,
        description="How long an unreachable scanner is left alone before it is tried again, in seconds.",
    )
    heuristics: tuple[str, ...] = Field(
        default=("Heuristics.", "PUA."),
        max_length=50,
        description="Beginnings of signature names that are suspicions and not viruses: they add to the score instead of "
        "counting as infected.",
    )
