"""How the engines are reached, and within which bounds: the part of [virus] that the scanner door reads."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_ICAP_PORT: Final = 1344
_URL: Final = re.compile(r"[!-~]+")

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
    if isinstance(given, str):
        return (given,) if given else ()
    return tuple(given) if isinstance(given, list) else given


def parse_icap(url: str) -> tuple[str, int, str]:
    """Read `icap://host:port/service` (port 1344 by default, RFC 3507 4.2); gives host, port and path. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "icap" or not parts.hostname or len(parts.path) < 2 or not _URL.fullmatch(url):
        raise ValueError("must be icap://host:port/service")
    return parts.hostname, parts.port or _ICAP_PORT, parts.path + (f"?{parts.query}" if parts.query else "")


def _readable_icap(url: str) -> str:
    if url:
        parse_icap(url)
    return url


def _expression(text: str) -> str:
    try:
        if text and re.compile(text).groups != 1:
            raise ValueError("must have one group in parentheses, around the signature's name")
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


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
    icap: Annotated[str, AfterValidator(_readable_icap)] = Field(
        default="",
        max_length=300,
        description="A second engine behind ICAP (RFC 3507): icap://127.0.0.1:1344/avscan; empty: none.",
    )
    command: tuple[Annotated[str, Field(min_length=1, max_length=1_000)], ...] = Field(
        default=(),
        max_length=50,
        description='A second engine as a command, a word each: ["/usr/bin/scanner", "--quiet", "{file}"]; {file} stands for the '
        "file to scan. No shell reads it. Empty: none.",
    )
    command_clean: tuple[Annotated[int, Field(ge=0, le=255)], ...] = Field(
        default=(0,), max_length=20, description="Exit codes of the command that mean: read whole, nothing found."
    )
    command_infected: tuple[Annotated[int, Field(ge=0, le=255)], ...] = Field(
        default=(1,), max_length=20, description="Exit codes of the command that mean: malware. Any other is an error."
    )
    command_signature: Annotated[str, AfterValidator(_expression)] = Field(
        default=r": (.+) FOUND$",
        max_length=300,
        description="Regular expression with one group that finds the signature's name in a line of the command's output; an "
        "infected exit code without it is an error. Empty: the exit code is enough.",
    )
    command_processes: int = Field(
        default=2, ge=1, le=64, description="Commands that one worker runs at once; further scans wait."
    )
    command_memory: int = Field(
        default=4 * 1024 * 1024 * 1024,
        ge=16 * 1024 * 1024,
        le=1024 * 1024 * 1024 * 1024,
        description="Bytes of address space that the command may take (RLIMIT_AS).",
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

    @model_validator(mode="after")
    def _one_second(self) -> Self:
        if self.icap and self.command:
            raise ValueError("icap and command: there is room for one second engine")
        if self.command and not any("{file}" in word for word in self.command[1:]):
            raise ValueError("command: one of its words after the first must hold {file}")
        return self
