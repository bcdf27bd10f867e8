"""[milter]: the daemon's socket, its workers, its time limits, and whose mail is whose."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field, field_validator

Network = IPv4Network | IPv6Network

_HOST: Final = r"[A-Za-z0-9_.-]{1,253}"
_INET: Final = re.compile(rf"inet:(?:(?P<host>{_HOST}):)?(?P<port>\d{{1,5}})")
_INET6: Final = re.compile(r"inet6?:\[(?P<host>[0-9A-Fa-f:.]{2,45})\]:(?P<port>\d{1,5})")
_UNIX: Final = re.compile(r"unix:(?P<path>/[^\x00-\x1f]{1,200})")
_MILTER_ORDER: Final = re.compile(r"inet6?:(?P<port>\d{1,5})@(?P<host>[^@]{1,253})")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_OWNER: Final = re.compile(r"(?:[A-Za-z0-9_.$-]{1,64}(?::[A-Za-z0-9_.$-]{1,64})?)?")

UNIX_PATH_OCTETS: Final = 103
"""A socket's path has 107 octets (unix(7)); four are kept for the name under which it is made before it is shown."""

WORKERS_MAX: Final = 64
_USUAL_WORKERS: Final = 4


class Trouble(StrEnum):
    """What the MTA is told when Gatepost itself fails outside any check."""

    TEMPFAIL = "tempfail"
    ACCEPT = "accept"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the MTA finds the daemon: a host and port, or the path of a unix socket.

    `host` "" means every address of the machine.
    """

    family: Literal["inet", "inet6", "unix"]
    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        """Give the address as the config and Postfix write it: `inet:HOST:PORT`, `unix:PATH`."""
        match self.family:
            case "unix":
                return f"unix:{self.path}"
            case "inet6":
                return f"inet:[{self.host}]:{self.port}"
            case "inet":
                return f"inet:{self.host or '0.0.0.0'}:{self.port}"

    @property
    def milter(self) -> str:
        """The address as libmilter and Sendmail write it: `inet:PORT@HOST`, `unix:PATH`."""
        if self.family == "unix":
            return f"unix:{self.path}"
        return f"{self.family}:{self.port}@{self.host}" if self.host else f"{self.family}:{self.port}"


def parse_listen(text: str) -> Listen:
    """Read `inet:HOST:PORT`, `inet:PORT`, `inet:[::1]:PORT`, `inet6:[::1]:PORT` or `unix:/PATH`; raises ValueError."""
    if found := _UNIX.fullmatch(text):
        if len(os.fsencode(found["path"])) > UNIX_PATH_OCTETS:
            raise ValueError(f"the path of a unix socket has at most {UNIX_PATH_OCTETS} bytes")
        return Listen("unix", path=found["path"])
    found = _INET6.fullmatch(text)
    family: Literal["inet", "inet6"] = "inet6" if found else "inet"
    found = found or _INET.fullmatch(text)
    if found is None:
        raise ValueError(_meant(text) or "write inet:HOST:PORT, inet:[IPV6]:PORT or unix:/PATH")
    port = int(found["port"])
    if not 1 <= port <= 65535:
        raise ValueError("a port lies between 1 and 65535")
    if family == "inet6":
        try:
            socket.inet_pton(socket.AF_INET6, found["host"])
        except OSError:
            raise ValueError(f"{found['host']} is not an IPv6 address") from None
    return Listen(family, host=found["host"] or "", port=port)


def _meant(text: str) -> str:
    """Give what to write in the place of an address in the notation of Sendmail and other milters, or ""."""
    found = _MILTER_ORDER.fullmatch(text)
    if found is None:
        return ""
    host = f"[{found['host']}]" if ":" in found["host"] else found["host"]
    return f"the host stands before the port here: write inet:{host}:{found['port']}"


def _listen(text: str) -> str:
    parse_listen(text)
    return text


def _network(text: str) -> str:
    try:
        ip_network(text, strict=True)
    except ValueError as error:
        raise ValueError(f"{text}: {error}; write a network such as 192.0.2.0/24 or 2001:db8::/32") from None
    return text


def _usual_workers() -> int:
    return min(_USUAL_WORKERS, len(os.sched_getaffinity(0)))


def _host_name() -> str:
    name = socket.gethostname()
    return name if _HOST_NAME.fullmatch(name) else "localhost"


class Settings(BaseModel, frozen=True, extra="forbid"):
    """[milter]."""

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        "inet:127.0.0.1:8890",
        description="Where the MTA reaches the daemon: inet:HOST:PORT, inet:[IPV6]:PORT or unix:/PATH. Needs a restart.",
    )
    workers: int = Field(
        default_factory=_usual_workers,
        ge=1,
        le=WORKERS_MAX,
        description="Processes that serve mail, 1 to 64; the default is one for each processor, at most four.",
    )
    authserv_id: str = Field(
        default_factory=_host_name,
        pattern=_HOST_NAME.pattern.join(("^", "$")),
        description="The name of this host in Authentication-Results (RFC 8601 2.5); the default is the host name.",
    )
    user: str = Field(
        "",
        pattern=r"^(?:[A-Za-z0-9_.$-]{1,64})?$",
        description="The account the workers run as when started as root; empty: gatepost if it exists, else nobody. Needs a restart.",
    )
    socket_owner: str = Field(
        "",
        pattern=_OWNER.pattern.join(("^", "$")),
        description="Owner of a unix socket as user or user:group; empty: unchanged. Needs a restart.",
    )
    socket_mode: str = Field(
        "0660",
        pattern=r"^0?[0-7]{3}$",
        description="Permissions of a unix socket, octal digits in quotes. Needs a restart.",
    )
    remove_stale_socket: bool = Field(
        default=False,
        description="Replace a unix socket that nobody answers at whoever owns it; that of our own account is always replaced.",
    )
    on_error: Trouble = Field(
        Trouble.TEMPFAIL,
        description="What the MTA is told when Gatepost itself fails on a message: tempfail, accept (unjudged, without the verdicts it brought along) or reject.",
    )
    message_seconds: float = Field(
        30.0,
        ge=1,
        le=240,
        description="Deadline for judging one message, 1 to 240 seconds; the MTA gives up after 300. What misses it is marked degraded.",
    )
    drain_seconds: float = Field(
        300.0,
        ge=0,
        le=3600,
        description="After a reload: how long a worker that leaves still serves its open connections, 0 to 3600 seconds.",
    )
    stop_seconds: float = Field(
        40.0,
        ge=0,
        le=3600,
        description="At a stop: how long messages in flight may take to finish, 0 to 3600 seconds.",
    )
    max_messages_per_worker: int = Field(
        20_000,
        ge=0,
        le=100_000_000,
        description="A worker is replaced after so many messages, a tenth more or less; 0: never.",
    )
    restart_seconds: float = Field(
        30.0,
        ge=0.1,
        le=600,
        description="Longest pause before a worker that keeps dying is started again, 0.1 to 600 seconds; the first time there is none.",
    )
    hang_seconds: float = Field(
        60.0,
        ge=1,
        le=3600,
        description="A worker that gives no sign of life for so long is killed and replaced, 1 to 3600 seconds.",
    )
    own_networks: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        (),
        max_length=1_000,
        description="Networks (CIDR) whose mail is outbound: it is not judged as a stranger's.",
    )
    submission_daemon_names: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        ("ORIGINATING",),
        max_length=100,
        description="Values of the {daemon_name} macro that mark a submission service, whose mail is outbound.",
    )

    @field_validator("socket_mode")
    @classmethod
    def _reachable(cls, given: str) -> str:
        if not int(given, 8) & 0o600:
            raise ValueError("the owner could not use the socket")
        return given

    @property
    def address(self) -> Listen:
        """`listen`, read."""
        return parse_listen(self.listen)

    @property
    def networks(self) -> tuple[Network, ...]:
        """`own_networks`, read."""
        return tuple(ip_network(text) for text in self.own_networks)
